"""From a labeled view to the next: what registration is sure of becomes hints there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from semcolorize.network.carrying import match_views, surest_cells

__all__ = ["carry_labels"]

_CELL = 4
_SURE = 0.6
"""Confidence of the registration from which a place is carried."""
_CERTAIN = 0.9
"""Chance of a label from which it is."""


def carry_labels(
    lightness: Sequence[np.ndarray],
    marks: Sequence[np.ndarray],
    label: Callable[[list[int]], Sequence[np.ndarray]],
) -> tuple[list[np.ndarray], list[dict[str, Any] | None]]:
    """Label the views that have hints, and carry their labels to those that have none.

    Parameters
    ----------
    lightness : sequence of ndarray of shape (h, w)
        CIE L* of the views, at working size.
    marks : sequence of ndarray of shape (K + 1, 2, h, w)
        See `semcolorize.inference.assignment.label_marks`.
    label : callable
        Chances (K + 1, h, w), none first, of the views at the places given.

    Returns
    -------
    marks : list of ndarray
        With what was carried.
    matches : list of dict or None
        Of every view that labels were carried to: ``with_view`` (counted from 1), the ``share`` of it that has a sure
        correspondence, and how many ``features`` agree.
    """
    made, matches = list(marks), [None] * len(marks)  # type: list[np.ndarray], list[dict[str, Any] | None]
    hinted = [i for i, own in enumerate(marks) if own.any()]
    if not hinted or len(hinted) == len(marks):
        return made, matches
    found = match_views(lightness, hinted)
    if not found:
        return made, matches
    chances = dict(zip(hinted, label(hinted), strict=True))
    # A label whose hints speak for one object is carried as such.
    total = sum(marks[i].sum(axis=(2, 3)) for i in hinted)
    spread = (total[:, 1] > total[:, 0]).astype(int)
    for i, (registration, k) in found.items():
        height, width = (side // _CELL for side in marks[i].shape[2:])
        if not height * width:
            continue
        carried = registration.carry(np.moveaxis(chances[k], 0, -1))
        sure = _least(registration.confidence, height, width)
        # A cell is carried where all of it has one label.
        certain = np.stack([_least(carried[..., n], height, width) for n in range(carried.shape[-1])])
        best = certain.argmax(axis=0)
        fit = np.where((certain.max(axis=0) >= _CERTAIN) & (sure >= _SURE), sure, 0)
        own = marks[i].copy()
        for row, column in zip(*surest_cells(fit), strict=True):
            # None is the first of chances and the last of marks.
            n = int(best[row, column]) - 1
            part = (slice(_CELL * row, _CELL * (row + 1)), slice(_CELL * column, _CELL * (column + 1)))
            own[n, spread[n]][part] = fit[row, column]
        made[i] = own
        share = round(float((registration.confidence > 0.5).mean()), 3)
        matches[i] = {"with_view": k + 1, "share": share, "features": registration.inliers}
    return made, matches


def _least(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Smallest value in each cell, (height, width)."""
    cells = values[: _CELL * height, : _CELL * width].reshape(height, _CELL, width, _CELL)
    return np.asarray(cells.min(axis=(1, 3)))
