"""From a colored view to the next: what registration is sure of becomes soft hints there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from semcolorize.color.ink import ink_curve, ink_of
from semcolorize.micrograph.registration import SMALLEST, Registration, register
from semcolorize.network.proposing import HintedView
from semcolorize.parallel import each

__all__ = ["carry_colors", "match_views", "surest_cells", "with_carried"]

_MOST = 200
"""Soft hints a view gets."""
_SURE = 0.6
"""Confidence from which a place is carried."""
_EVEN = 8.0
"""Largest standard deviation of inks around a place that is carried: outlines are where registration errs."""
_STRENGTH = 0.2
"""Of a carried hint at full confidence; a hint of the user's has 1."""


_SOURCES = 2
"""Hinted views that a view without hints is registered with; the better match is used."""


def carry_colors(
    views: Sequence[HintedView], propose: Callable[[list[HintedView]], list[np.ndarray]], *, cell: int = 4
) -> tuple[list[HintedView], list[dict[str, Any] | None]]:
    """Color the views that have hints, and carry their colors to those that have none.

    Parameters
    ----------
    views : sequence of HintedView
        In order: neighbors are registered first.
    propose : callable
        Colors hinted views: a*b* of shape (variants, H, W, 2) for each.
    cell : int
        Pixels a side of a carried hint.

    Returns
    -------
    views : list of HintedView
    matches : list of dict or None
        Of every view that colors were carried to: ``with_view`` (counted from 1), the ``share`` of it that has a sure
        correspondence, and how many ``features`` agree.
    """
    hinted = [i for i, view in enumerate(views) if view.hint_mask.any()]
    done: list[HintedView] = list(views)
    matches: list[dict[str, Any] | None] = [None] * len(views)
    if not hinted or len(hinted) == len(views):
        return done, matches
    found = match_views([view.lightness for view in views], hinted)
    if not found:
        return done, matches
    colored = propose([views[k] for k in hinted])
    for i, (registration, k) in found.items():
        done[i] = with_carried(views[i], registration, views[k].lightness, colored[hinted.index(k)][0], cell=cell)
        share = round(float((registration.confidence > 0.5).mean()), 3)
        matches[i] = {"with_view": k + 1, "share": share, "features": registration.inliers}
    return done, matches


def match_views(lightness: Sequence[np.ndarray], hinted: Sequence[int]) -> dict[int, tuple[Registration, int]]:
    """Register every view that is not hinted with a hinted one near it in the series.

    Parameters
    ----------
    lightness : sequence of ndarray of shape (H, W)
        CIE L* of the views.
    hinted : sequence of int

    Returns
    -------
    dict of int to (Registration, int)
        Of each view where places in common were found, and the hinted view they were found in.
    """
    others = [i for i in range(len(lightness)) if i not in hinted]

    def best(i: int) -> tuple[Registration, int] | None:
        nearest = sorted(hinted, key=lambda k: (abs(k - i), k))[:_SOURCES]
        sources = [k for k in nearest if min(*lightness[k].shape, *lightness[i].shape) >= SMALLEST]
        tried = [(register(lightness[k], lightness[i]), k) for k in sources]
        return max(tried, key=lambda pair: float(pair[0].confidence.mean()), default=None)

    matches = zip(others, each(best, others), strict=True)
    return {i: match for i, match in matches if match is not None and match[0].found}


def with_carried(
    view: HintedView, registration: Registration, lightness: np.ndarray, ab: np.ndarray, *, cell: int = 4
) -> HintedView:
    """Add colors of a registered view as soft hints, where the user has given none.

    Parameters
    ----------
    view : HintedView
        Of shape (H, W).
    registration : Registration
        From the colored view to this one.
    lightness, ab : ndarray of shape (h, w) and (h, w, 2)
        Of the other view, CIELAB units. Gray is carried like any color.
    cell : int
        Pixels a side of a hint.

    Returns
    -------
    HintedView
        What the user gave stays what the colors asked for are read from.
    """
    height, width = (side // cell for side in view.lightness.shape)
    if not registration.found or not height * width:
        return view
    # A thing in light and in shade has one ink, not one color.
    inks = registration.carry(ink_of(ab, ink_curve(lightness)))
    carried = inks * ink_curve(view.lightness)[..., None]
    sure = _of_cells(registration.confidence, cell).min(axis=(1, 3))
    around = inks - ndimage.uniform_filter(inks, (5, 5, 1))
    uneven = np.sqrt(_of_cells((around**2).sum(axis=-1), cell).mean(axis=(1, 3)))
    taken = _of_cells(view.hint_mask, cell).max(axis=(1, 3)) > 0
    fit = np.where((uneven < _EVEN) & (sure >= _SURE) & ~taken, sure, 0)
    rows, columns = surest_cells(fit)
    hint_ab, hint_mask = view.hint_ab.copy(), view.hint_mask.astype(np.float32)
    # What is carried is meant at the lightness it has here.
    level = None if view.level is None else np.where(view.hint_mask > 0, view.level, view.lightness)
    for row, column in zip(rows, columns, strict=True):
        part = (slice(row * cell, (row + 1) * cell), slice(column * cell, (column + 1) * cell))
        hint_ab[part], hint_mask[part] = carried[part], _STRENGTH * fit[row, column]
    return dataclasses.replace(view, hint_ab=hint_ab, hint_mask=hint_mask, level=level, given=view.asked_for)


def surest_cells(fit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the surest cell of every block, blocks so large that there are not too many."""
    block = max(1, int(np.ceil(np.sqrt((fit > 0).sum() / _MOST))))
    best = ndimage.maximum_filter(fit, block)
    rows, columns = np.nonzero((fit > 0) & (fit == best))
    _, first = np.unique(np.stack([rows // block, columns // block]), axis=1, return_index=True)
    return rows[first], columns[first]


def _of_cells(values: np.ndarray, cell: int) -> np.ndarray:
    """(H, W) to (rows, cell, columns, cell), what is left over at the border cut off."""
    height, width = (side // cell for side in values.shape)
    return values[: height * cell, : width * cell].reshape(height, cell, width, cell)
