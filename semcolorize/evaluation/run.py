"""Run a protocol over methods: every method sees the same hints on the same images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from semcolorize.evaluation.baselines import Method
from semcolorize.evaluation.metrics import (
    bootstrap_interval,
    boundary_psnr,
    chroma_ratio,
    colorfulness,
    hint_fidelity,
    mean_ciede2000,
    psnr,
    rgb_from_ab,
    ssim,
)
from semcolorize.evaluation.protocol import ColorImage, Protocol, draw_hints

__all__ = ["PEER", "EvaluationRun", "Score", "evaluate"]


@dataclass(frozen=True)
class Score:
    """One method on one image at one count of hints."""

    method: str
    count: int
    image: str
    psnr: float
    ssim: float
    ciede2000: float
    boundary_psnr: float
    hint_fidelity: float
    chroma_ratio: float
    colorfulness: float
    lpips: float
    seconds: float


@dataclass
class EvaluationRun:
    """All scores of a run, and the pictures kept for the contact sheet.

    Attributes
    ----------
    scores : list of Score
    pictures : dict of (image, count, method) to uint8 (H, W, 3)
    """

    protocol: Protocol
    counts: tuple[int, ...]
    methods: tuple[str, ...]
    scores: list[Score] = field(default_factory=list)
    pictures: dict[tuple[str, int, str], np.ndarray] = field(default_factory=dict, repr=False)

    def mean(self, method: str, count: int, metric: str = "psnr") -> float:
        """Mean of a metric over the images that have it; nan where none has."""
        values = self._values(method, count, metric)
        values = values[np.isfinite(values)]
        return float(values.mean()) if len(values) else float("nan")

    def _values(self, method: str, count: int, metric: str) -> np.ndarray:
        return np.array([getattr(s, metric) for s in self.scores if s.method == method and s.count == count])

    def summary(self) -> list[dict[str, Any]]:
        """One row a method and count: means, with 95 % bootstrap intervals for PSNR and its gain over `PEER`.

        Images differ far more than methods do, so the interval of the gain, image by image, is what tells methods
        apart. What could not be measured is None.
        """
        rows = []
        for method in self.methods:
            for count in self.counts:
                values = self._values(method, count, "psnr")
                row: dict[str, Any] = {"method": method, "hints": count}
                row |= {key: _rounded(self.mean(method, count, key)) for key in _METRICS}
                row |= dict(zip(("psnr_low", "psnr_high"), map(_rounded, bootstrap_interval(values)), strict=True))
                if PEER in self.methods:
                    gain = values - self._values(PEER, count, "psnr")
                    low, high = bootstrap_interval(gain)
                    row |= {
                        "gain": _rounded(float(gain.mean())),
                        "gain_low": _rounded(low),
                        "gain_high": _rounded(high),
                    }
                rows.append(row)
        return rows


PEER = "random-walker"
"""The strongest classical method, against which gains are counted."""

_METRICS = (
    "psnr", "ssim", "ciede2000", "boundary_psnr", "hint_fidelity", "chroma_ratio", "colorfulness", "lpips", "seconds",
)  # fmt: skip


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def evaluate(
    images: Sequence[ColorImage],
    methods: Mapping[str, Method],
    protocol: Protocol,
    counts: Sequence[int],
    *,
    seed: int = 0,
    lpips: Callable[[np.ndarray, np.ndarray], float] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> EvaluationRun:
    """Score methods on images at each count of hints; all methods see the same hints.

    Parameters
    ----------
    images : sequence of ColorImage
    methods : mapping of str to callable
        ``method(lightness, hint_ab, hint_mask) -> ab``.
    protocol : Protocol
    counts : sequence of int
    seed : int
        Of the hints.
    lpips : callable, optional
        ``distance(rgb, reference)``; see `semcolorize.evaluation.perceptual.find_lpips`.
    on_progress : callable, optional
        Told how many of how many colorings are done.

    Returns
    -------
    EvaluationRun
    """
    run = EvaluationRun(protocol, tuple(counts), tuple(methods))
    total, done = len(images) * len(counts) * len(methods), 0
    for image in images:
        for count in counts:
            hints = draw_hints(image, protocol, count, seed=seed)
            for name, method in methods.items():
                started = time.perf_counter()
                ab = method(image.lightness, hints.ab, hints.mask)
                seconds = time.perf_counter() - started
                rgb = rgb_from_ab(image.lightness, ab)
                lab, truth = np.concatenate([image.lab[..., :1], ab], axis=-1), image.lab[..., 1:]
                run.scores.append(
                    Score(
                        name,
                        count,
                        image.name,
                        psnr=psnr(rgb, image.rgb),
                        ssim=ssim(rgb, image.rgb),
                        ciede2000=mean_ciede2000(lab, image.lab),
                        boundary_psnr=boundary_psnr(rgb, image.rgb, truth),
                        hint_fidelity=hint_fidelity(ab, hints.ab, hints.mask, image.lightness),
                        chroma_ratio=chroma_ratio(ab, truth),
                        colorfulness=colorfulness(rgb),
                        lpips=float("nan") if lpips is None else lpips(rgb, image.rgb),
                        seconds=seconds,
                    )
                )
                run.pictures[image.name, count, name] = (rgb * 255 + 0.5).astype(np.uint8)
                done += 1
                if on_progress is not None:
                    on_progress(done, total)
    return run
