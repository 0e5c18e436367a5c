"""Run a protocol over methods and write what came out: JSON, CSV, a plot, a contact sheet."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from semcolorize.evaluation.baselines import Method
from semcolorize.evaluation.metrics import bootstrap_interval, chroma_ratio, mean_ciede2000, psnr, rgb_from_ab
from semcolorize.evaluation.protocol import ColorImage, Protocol, draw_hints
from semcolorize.micrograph.atomic import write_bytes_atomic

__all__ = ["EvaluationRun", "Score", "evaluate", "write_report"]


@dataclass(frozen=True)
class Score:
    """One method on one image at one count of hints."""

    method: str
    count: int
    image: str
    psnr: float
    ciede2000: float
    chroma_ratio: float
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
        """Mean of a metric over images."""
        return float(np.mean(self._values(method, count, metric)))

    def _values(self, method: str, count: int, metric: str) -> np.ndarray:
        return np.array([getattr(s, metric) for s in self.scores if s.method == method and s.count == count])

    def summary(self) -> list[dict[str, Any]]:
        """One row a method and count: means, with a 95 % bootstrap interval for PSNR."""
        rows = []
        for method in self.methods:
            for count in self.counts:
                low, high = bootstrap_interval(self._values(method, count, "psnr"))
                row: dict[str, Any] = {"method": method, "hints": count}
                row |= {key: round(self.mean(method, count, key), 4) for key in _METRICS}
                rows.append(row | {"psnr_low": round(low, 4), "psnr_high": round(high, 4)})
        return rows


_METRICS = ("psnr", "ciede2000", "chroma_ratio", "seconds")


def evaluate(
    images: Sequence[ColorImage],
    methods: Mapping[str, Method],
    protocol: Protocol,
    counts: Sequence[int],
    *,
    seed: int = 0,
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
                lab = np.concatenate([image.lab[..., :1], ab], axis=-1)
                run.scores.append(
                    Score(
                        name,
                        count,
                        image.name,
                        psnr(rgb, image.rgb),
                        mean_ciede2000(lab, image.lab),
                        chroma_ratio(ab, image.lab[..., 1:]),
                        seconds,
                    )
                )
                run.pictures[image.name, count, name] = (rgb * 255 + 0.5).astype(np.uint8)
                done += 1
                if on_progress is not None:
                    on_progress(done, total)
    return run


def write_report(run: EvaluationRun, images: Sequence[ColorImage], out: Path, *, extra: dict[str, Any]) -> list[Path]:
    """Write ``scores.json``, ``scores.csv``, ``psnr.png`` and ``sheet.png`` into `out`; earlier ones are replaced."""
    out.mkdir(parents=True, exist_ok=True)
    document = extra | {
        "protocol": run.protocol.name,
        "images": len(images),
        "counts": list(run.counts),
        "summary": run.summary(),
        "scores": [vars(score) for score in run.scores],
    }
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, fieldnames=list(vars(run.scores[0])))
    writer.writeheader()
    writer.writerows(vars(score) for score in run.scores)
    files = {
        "scores.json": json.dumps(document, indent=1).encode(),
        "scores.csv": table.getvalue().encode(),
        "psnr.png": _plot(run),
        "sheet.png": _sheet(run, images),
    }
    for name, content in files.items():
        write_bytes_atomic(out / name, content, overwrite=True)
    return [out / name for name in files]


_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#888888", "#e69f00")


def _plot(run: EvaluationRun) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    positions = np.arange(len(run.counts))
    rows = run.summary()
    for color, method in zip(_COLORS, run.methods, strict=False):
        mine = [row for row in rows if row["method"] == method]
        axes.plot(positions, [r["psnr"] for r in mine], marker="o", ms=4, label=method, color=color)
        axes.fill_between(
            positions, [r["psnr_low"] for r in mine], [r["psnr_high"] for r in mine], color=color, alpha=0.12, lw=0
        )
    axes.set_xticks(positions, [str(count) for count in run.counts])
    axes.set(xlabel="hints", ylabel="PSNR (dB), mean and 95 % interval", title=f"{run.protocol.name} protocol")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _sheet(run: EvaluationRun, images: Sequence[ColorImage]) -> bytes:
    """A row an image: gray, then for each of up to three counts every method, then the reference."""
    from PIL import Image, ImageDraw

    counts = list(run.counts)
    shown = sorted({counts[len(counts) // 4], counts[len(counts) // 2], counts[-1]})
    methods = [m for m in run.methods if m != "gray"]
    side, head = 160, 18
    columns = ["gray"] + [f"{m}, {c}" for c in shown for m in methods] + ["reference"]
    sheet = Image.new("RGB", (side * len(columns), head + side * len(images)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, title in enumerate(columns):
        pen.text((i * side + 4, 3), title, fill="black")
    for row, image in enumerate(images):
        tiles = [(rgb_from_ab(image.lightness, np.zeros_like(image.lab[..., 1:])) * 255 + 0.5).astype(np.uint8)]
        tiles += [run.pictures[image.name, c, m] for c in shown for m in methods]
        tiles.append((image.rgb * 255 + 0.5).astype(np.uint8))
        for i, tile in enumerate(tiles):
            sheet.paste(Image.fromarray(tile).resize((side - 2, side - 2)), (i * side, head + row * side))
    buffer = io.BytesIO()
    sheet.save(buffer, format="png")
    return buffer.getvalue()
