"""Scores of automatic color: whether it is coherent, differs from variant to variant, and is as colorful as people's.

There is no one truth, so what is measured are properties of pictures that a person could have made.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from semcolorize.color.gamut import compress_chroma
from semcolorize.color.ink import TINTS, ink_curve, ink_of
from semcolorize.evaluation.masks import MaskedImage
from semcolorize.evaluation.metrics import colorfulness, mean_ciede2000, psnr, rgb_from_ab

__all__ = ["AutomaticRun", "AutomaticScore", "draw_variants", "hue_spreads", "score_automatic"]

Coloring = Callable[[np.ndarray], np.ndarray]
"""From lightness (H, W) to a*b* of several variants (N, H, W, 2)."""


@dataclass(frozen=True)
class AutomaticScore:
    """One image.

    Attributes
    ----------
    image, group : str
    colorfulness : float
        Mean of the variants (Hasler and Suesstrunk 2003).
    peoples : float
        Colorfulness of the picture that a person made; nan where there is none.
    psnr : float
        Mean of the variants against that picture, in dB; nan where there is none.
    gray_psnr : float
        Of the gray image.
    difference : float
        Mean CIEDE2000 of two variants.
    within, between : float
        How much the hue varies within an object, and between classes, in degrees; nan without masks.
    """

    image: str
    group: str
    colorfulness: float
    peoples: float
    psnr: float
    gray_psnr: float
    difference: float
    within: float
    between: float


@dataclass
class AutomaticRun:
    """All scores, and the pictures."""

    scores: list[AutomaticScore] = field(default_factory=list)
    pictures: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    def summary(self) -> list[dict[str, Any]]:
        """A row for each group of images: means, nan left out."""
        rows = []
        for group in sorted({s.group for s in self.scores}):
            own = [s for s in self.scores if s.group == group]
            row: dict[str, Any] = {"images": group, "count": len(own)}
            for name in ("colorfulness", "peoples", "psnr", "gray_psnr", "difference", "within", "between"):
                values = np.array([getattr(s, name) for s in own], float)
                known = values[np.isfinite(values)]
                row[name] = round(float(known.mean()), 3) if len(known) else None
            rows.append(row)
        return rows


def score_automatic(
    method: Coloring,
    colored: Sequence[tuple[str, np.ndarray]],
    masked: Sequence[MaskedImage],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> AutomaticRun:
    """Color images without any hint.

    Parameters
    ----------
    method : callable
    colored : sequence of (name, ndarray of shape (H, W, 3))
        CIELAB of pictures that people colored.
    masked : sequence of MaskedImage
    on_progress : callable, optional
    """
    run, count = AutomaticRun(), len(colored) + len(masked)
    whole = [(name, lab[..., 0], lab, None) for name, lab in colored]
    whole += [(image.name, image.lightness, None, image) for image in masked]  # type: ignore[misc]
    for done, (name, lightness, lab, image) in enumerate(whole, start=1):
        ab = np.stack([compress_chroma(lightness, own) for own in method(lightness)])
        pictures = [rgb_from_ab(lightness, own) for own in ab]
        run.pictures[name] = np.stack(pictures)
        values = dict.fromkeys(("peoples", "psnr", "gray_psnr", "within", "between"), float("nan"))
        if lab is not None:
            truth = rgb_from_ab(lightness, lab[..., 1:])
            values["peoples"] = colorfulness(truth)
            values["psnr"] = float(np.mean([psnr(own, truth) for own in pictures]))
            values["gray_psnr"] = psnr(rgb_from_ab(lightness, 0 * lab[..., 1:]), truth)
        if image is not None:
            spreads = np.array([hue_spreads(own, image) for own in ab])
            values["within"], values["between"] = (_mean(column) for column in spreads.T)
        difference = [
            mean_ciede2000(*(np.concatenate([lightness[..., None], own], axis=-1) for own in pair))
            for pair in itertools.combinations(ab, 2)
        ]
        run.scores.append(
            AutomaticScore(
                name, "people's pictures" if image is None else image.group,
                float(np.mean([colorfulness(own) for own in pictures])), difference=_mean(np.array(difference)),
                **values,
            )
        )  # fmt: skip
        if on_progress is not None:
            on_progress(done, count)
    return run


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def hue_spreads(ab: np.ndarray, image: MaskedImage, *, least: float = 5.0) -> tuple[float, float]:
    """How much the hue varies within an object, and between classes, in degrees.

    Within is the mean deviation from the object's hue, weighted by chroma, mean over objects by their area; between is
    the mean angle between the hues of two classes, the ground one of them.

    Parameters
    ----------
    ab : ndarray of shape (H, W, 2)
    image : MaskedImage
    least : float
        Normalized chroma of what has a hue.
    """
    inks = ink_of(ab, ink_curve(image.lightness, TINTS[0]))
    values = inks[..., 0] + 1j * inks[..., 1]
    within, areas = [], []
    for number in np.unique(image.instances[image.instances > 0]):
        own = values[image.instances == number]
        mean = own.mean()
        if abs(mean) >= least:
            angle = np.abs(np.angle(own / mean))
            within.append(float(np.average(angle, weights=np.abs(own))))
            areas.append(len(own))
    hues = [values[image.classes == k].mean() for k in np.unique(image.classes)]
    hues = [hue for hue in hues if abs(hue) >= least]
    between = [abs(np.angle(a / b)) for a, b in itertools.combinations(hues, 2)]
    return (
        float(np.degrees(np.average(within, weights=areas))) if within else float("nan"),
        float(np.degrees(np.mean(between))) if between else float("nan"),
    )


def draw_variants(run: AutomaticRun, *, side: int = 200) -> bytes:
    """Contact sheet as PNG: a row an image, its variants side by side, two images abreast."""
    from PIL import Image

    rows = [
        np.concatenate(
            [np.asarray(Image.fromarray((own * 255 + 0.5).astype(np.uint8)).resize((side, side))) for own in variants],
            axis=1,
        )
        for variants in run.pictures.values()
    ]
    rows += [np.full_like(rows[0], 255)] * (len(rows) % 2)
    half = len(rows) // 2
    sheet = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="png")
    return buffer.getvalue()
