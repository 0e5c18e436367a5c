"""Colors from a reference (``like``): a colored micrograph is the view of a series that is hinted all over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from semcolorize.color.ink import TINTS, ink_curve
from semcolorize.hints.labels import Label
from semcolorize.hints.model import Spread
from semcolorize.inference.assign import assign, encode_view
from semcolorize.inference.assignment import Assignment
from semcolorize.inference.highlight import LABEL_RADIUS, encoded, marks_of_series
from semcolorize.micrograph.colored import ColoredReference
from semcolorize.model.label_model import LabelModel
from semcolorize.network.marking import MarkedMicrograph

__all__ = ["assign_like", "reference_labels"]


def reference_labels(
    reference: ColoredReference, *, most: int = 8, least: float = 0.01
) -> tuple[list[Label], np.ndarray]:
    """Colors that a reference is made of, and which of them each of its pixels has.

    Parameters
    ----------
    reference : ColoredReference
    most : int
        Colors at most: those of the largest area.
    least : float
        Share of the area that a color needs.

    Returns
    -------
    labels : list of Label
        Gray may be one of them.
    of_pixel : int ndarray of shape (h, w)
        -1 where a color is none of them, as between two that meet.
    """
    curve = ink_curve(reference.lightness, TINTS[0])
    # In the dark and at white no color shows, whatever was meant.
    shown = curve > 0.25 * float(curve.max())
    inks = (reference.ab / curve[..., None]).astype(np.float32)
    known = inks[shown] if shown.sum() > 1 else inks.reshape(-1, 2)
    drawn = known[np.linspace(0, len(known) - 1, min(len(known), 1500)).astype(int)]
    group = fcluster(linkage(drawn, "average"), LABEL_RADIUS, "distance") if len(drawn) > 1 else np.ones(1, int)
    size = np.bincount(group)
    kept = [k for k in np.argsort(-size, kind="stable") if size[k] >= max(least * len(drawn), 1)][:most]
    centers = np.array([np.median(drawn[group == k], axis=0) for k in kept])
    away = np.linalg.norm(inks[:, :, None] - centers, axis=-1)
    of_pixel = np.where(shown & (away.min(axis=-1) <= LABEL_RADIUS), away.argmin(axis=-1), -1)
    peak = float(np.argmax(TINTS[0]))
    labels = [Label(f"color {k + 1}", (peak, float(a), float(b))) for k, (a, b) in enumerate(centers)]
    return labels, of_pixel


def assign_like(
    model: LabelModel, series: Sequence[MarkedMicrograph], reference: ColoredReference, spread: Spread
) -> list[Assignment]:
    """Labels of the views of a series after the colors of a reference, and after hints of their own.

    Parameters
    ----------
    model : LabelModel
    series : sequence of MarkedMicrograph
    reference : ColoredReference
    spread : {"alike", "instance"}
        Of hints that do not say.
    """
    labels, of_pixel = reference_labels(reference)
    own, marks, of_pixels = marks_of_series(series, spread)
    before = len(labels)
    shown = np.zeros((before + len(own) + 1, 2, *of_pixel.shape), np.float32)
    for k in range(before):
        shown[k, 0] = of_pixel == k
    planes = [np.concatenate([np.zeros((before, *plane.shape[1:]), np.float32), plane]) for plane in marks]
    if model not in reference.memory:
        reference.memory[model] = encode_view(model, reference.lightness)
    views = [reference.memory[model], *(encoded(model, marked.image) for marked in series)]
    found = assign(model, views, [shown, *planes])[1:]
    return [
        Assignment(
            (*labels, *own.labels), logits, marked.image.micrograph.shape, marked.image.bar, marked.image.upsampler,
            marked.pixels.rows, marked.pixels.columns, np.where(hinted < 0, -1, hinted + before),
            marked.image.micrograph.missing,
        )
        for marked, logits, hinted in zip(series, found, of_pixels, strict=True)
    ]  # fmt: skip
