"""Highlight mode: the labels of micrographs with hints, and of arrays whose hints are colors of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from semcolorize.color.ink import ink_curve, ink_of
from semcolorize.hints.labels import NEUTRAL_CHROMA, LabelSet, label_set
from semcolorize.hints.model import Spread
from semcolorize.hints.pool import HintPool, fit_tint, group_inks, pool_hints
from semcolorize.inference.assign import EncodedView, assign, encode_view
from semcolorize.inference.assignment import Assignment, label_chroma, label_marks, softmax_with_none
from semcolorize.inference.carry import carry_labels
from semcolorize.micrograph.working import PreparedMicrograph
from semcolorize.model.label_model import LabelModel
from semcolorize.network.marking import MarkedMicrograph
from semcolorize.network.proposing import HintedView

__all__ = [
    "LABEL_RADIUS", "assign_series", "encoded", "highlight_views", "inks_of", "marks_of", "marks_of_series",
]  # fmt: skip

LABEL_RADIUS = 12.0
"""Distance of inks up to which colors measured at pixels are one label: within an object they scatter by as much."""

Matches = list[dict[str, Any] | None]


def assign_series(
    model: LabelModel, series: Sequence[MarkedMicrograph], spread: Spread, *, register_views: bool = True
) -> tuple[list[Assignment], Matches]:
    """Labels of the views of a series, of which a single image is one.

    Parameters
    ----------
    model : LabelModel
    series : sequence of MarkedMicrograph
    spread : {"alike", "instance"}
        Of hints that do not say.
    register_views : bool
        Carry labels to views without hints where they show the same places.

    Returns
    -------
    assignments : list of Assignment
    matches : list of dict or None
        See `semcolorize.inference.carry.carry_labels`.
    """
    labels, marks, of_pixels = marks_of_series(series, spread)
    matches: Matches = [None] * len(series)
    if len(labels):
        views = [encoded(model, marked.image) for marked in series]
        found, matches = _assigned(model, views, [m.image.small for m in series], marks, register_views)
    else:
        found = [np.zeros((0, *marked.image.small.shape), np.float32) for marked in series]
    assignments = [
        Assignment(
            labels.labels, logits, marked.image.micrograph.shape, marked.image.bar, marked.image.upsampler,
            marked.pixels.rows, marked.pixels.columns, own, marked.image.micrograph.missing,
        )
        for marked, logits, own in zip(series, found, of_pixels, strict=True)
    ]  # fmt: skip
    return assignments, matches


def marks_of_series(
    series: Sequence[MarkedMicrograph], spread: Spread
) -> tuple[LabelSet, list[np.ndarray], list[np.ndarray]]:
    """Labels that the hints of a series name, the hints as `label_marks`, and the label of each hinted pixel."""
    labels = label_set([hint for marked in series for hint in marked.hints], spread)
    marks, of_pixels, first = [], [], 0
    for marked in series:
        pixels, image = marked.pixels, marked.image
        of_hint, single = (x[first : first + len(marked.hints)] for x in (labels.of_hint, labels.instance))
        first += len(marked.hints)
        own = of_hint[pixels.hint]
        kind = 2 * np.where(own < 0, len(labels), own) + single[pixels.hint]
        small, guiding = (image.small.shape[0], image.small.shape[1]), pixels.guiding
        place = pixels.place((image.bar, image.micrograph.shape[1]), small)
        marks.append(label_marks(place[guiding], kind[guiding], pixels.strength[guiding], len(labels), small))
        of_pixels.append(own)
    return labels, marks, of_pixels


def _assigned(
    model: LabelModel, views: Sequence[EncodedView], lightness: Sequence[np.ndarray], marks: Sequence[np.ndarray],
    register_views: bool,
) -> tuple[list[np.ndarray], Matches]:  # fmt: skip
    """Logits of the views, after what is sure in hinted ones was carried to the others."""

    def label(places: list[int]) -> list[np.ndarray]:
        found = assign(model, [views[i] for i in places], [marks[i] for i in places])
        return [softmax_with_none(logits) for logits in found]

    matches: Matches = [None] * len(views)
    if register_views:
        marks, matches = carry_labels(lightness, marks, label)
    return assign(model, views, marks), matches


def encoded(model: LabelModel, image: PreparedMicrograph | np.ndarray) -> EncodedView:
    """What the label model makes of an image: once, whatever its hints will be; of bare lightness (h, w) each time."""
    if isinstance(image, np.ndarray):
        return encode_view(model, image)
    if model not in image.memory:
        image.memory[model] = encode_view(model, image.small)
    return cast("EncodedView", image.memory[model])


def highlight_views(
    model: LabelModel, views: Sequence[HintedView], spread: Spread, *, register_views: bool = True
) -> list[np.ndarray]:
    """a*b* (H, W, 2) of views whose hints are colors of pixels, as evaluation has them.

    What is nearly one ink is one label; how chroma follows lightness is read off the hints.
    """
    inks, of_pixel, curves = inks_of(views)
    gray = np.hypot(inks[:, 0], inks[:, 1]) <= NEUTRAL_CHROMA
    colors = inks[~gray].astype(np.float32)
    if not len(colors):
        return [np.zeros((*view.lightness.shape, 2), np.float32) for view in views]
    label = np.where(gray, len(colors), np.cumsum(~gray) - 1)
    marks = marks_of(views, [label[own] for own in of_pixel], len(colors), spread)
    encoded = [encode_view(model, view.lightness) for view in views]
    found, _ = _assigned(model, encoded, [view.lightness for view in views], marks, register_views)
    crispness = model.config.crispness
    return [label_chroma(f, colors, crispness) * c[..., None] for f, c in zip(found, curves, strict=True)]


def inks_of(views: Sequence[HintedView]) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Inks (K, 2) that the hints of a series name, which of them each hinted pixel has, and chroma curves (H, W)."""
    hinted = [view.hint_mask > 0 for view in views]
    tint = fit_tint(HintPool.join([pool_hints(v.lightness, v.meant_ab, v.hint_mask, cell=1) for v in views]))
    curves = [ink_curve(view.lightness, tint) for view in views]
    asked = [ink_of(v.meant_ab[m], c[m]) for v, m, c in zip(views, hinted, curves, strict=True)]
    inks, of_pixel = group_inks(np.concatenate(asked), LABEL_RADIUS)
    return inks, np.split(of_pixel, np.cumsum([len(own) for own in asked])[:-1]), curves


def marks_of(
    views: Sequence[HintedView], labels: Sequence[np.ndarray], count: int, spread: Spread
) -> list[np.ndarray]:
    """Hinted pixels of each view as the label model takes them, see `label_marks`."""
    marks = []
    for view, label in zip(views, labels, strict=True):
        shape = (view.lightness.shape[0], view.lightness.shape[1])
        mask = view.hint_mask > 0
        kind = 2 * label + int(spread == "instance")
        marks.append(label_marks(np.flatnonzero(mask), kind, view.hint_mask[mask], count, shape))
    return marks
