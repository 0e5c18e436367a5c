"""Filling polygons exactly as ImageJ does.

A pixel belongs to a polygon if its center does, by the even-odd rule. Centers on an edge belong to one side
only: ImageJ rounds row limits half up and moves edges 1e-8 to the right, which is repeated here, because
half-pixel vertices are common (ImageJ makes them at 200 % zoom) and every such edge would otherwise be off by
a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["Window", "fill_rings", "line_rings"]

Window = tuple[int, int, int, int]
"""First row, first column, number of rows, number of columns."""

_BIAS = 1e-8
_CROSSINGS_AT_ONCE = 4_000_000
_THINNEST_STRAIGHT_LINE = 1.0000001


def fill_rings(rings: Sequence[np.ndarray], window: Window) -> np.ndarray:
    """Fill closed rings by the even-odd rule.

    Parameters
    ----------
    rings : sequence of ndarray of shape (N, 2)
        (row, column) vertices in pixels; each ring is closed by itself.
    window : tuple of 4 ints
        Part of the image to fill.

    Returns
    -------
    mask : bool ndarray of shape (rows, columns) of the window
    """
    first_row, first_column, height, width = window
    edges = [
        np.concatenate([ring, np.roll(ring, -1, axis=0)], axis=1)
        for ring in (np.asarray(ring, dtype=np.float64).reshape(-1, 2) for ring in rings)
        if len(ring) > 1
    ]
    mask = np.zeros((height, width), dtype=bool)
    if not edges or not mask.size:
        return mask
    row1, column1, row2, column2 = np.concatenate(edges).T
    swap = row1 > row2
    row1, row2 = np.where(swap, row2, row1), np.where(swap, row1, row2)
    column1, column2 = np.where(swap, column2, column1), np.where(swap, column1, column2)
    start = np.clip(np.floor(row1 + 0.5), first_row, first_row + height).astype(np.int64)
    stop = np.clip(np.floor(row2 + 0.5), first_row, first_row + height).astype(np.int64)
    crossed = stop - start
    active = np.flatnonzero(crossed)
    slope = np.zeros_like(row1)
    slope[active] = (column2 - column1)[active] / (row2 - row1)[active]

    # Each crossing flips everything to its right; an even number of flips is outside.
    flips = np.zeros(height * (width + 1), dtype=np.uint8)
    for part in _parts(active, crossed):
        count = crossed[part]
        edge = np.repeat(part, count)
        row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + start[edge]
        column = column1[edge] + (row + 0.5 - row1[edge]) * slope[edge] + _BIAS
        pixel = np.clip(np.floor(column + 0.5) - first_column, 0, width).astype(np.int64)
        at = (row - first_row) * (width + 1) + pixel
        flips ^= (np.bincount(at, minlength=flips.size) & 1).astype(np.uint8)
    parity = np.bitwise_xor.accumulate(flips.reshape(height, width + 1)[:, :width], axis=1)
    return parity.astype(bool)


def _parts(active: np.ndarray, crossed: np.ndarray) -> list[np.ndarray]:
    # A polygon of 65,000 vertices over 4,096 rows would need gigabytes in one go.
    if not len(active):
        return []
    group = np.cumsum(crossed[active]) // _CROSSINGS_AT_ONCE
    return np.split(active, np.flatnonzero(np.diff(group)) + 1)


def line_rings(path: np.ndarray, width: float) -> list[np.ndarray]:
    """Outline a line of some width, as ImageJ's *Edit > Selection > Line to Area* does (1.53t).

    Parameters
    ----------
    path : ndarray of shape (N, 2)
        (row, column) vertices in pixels, pixel centers at + 0.5.
    width : float
        In pixels; less than 1 counts as 1.

    Returns
    -------
    rings : list of ndarray of shape (3 or 4, 2)
        Rectangles along the segments, half a pixel longer at both ends, and the triangles that close the
        outer side of the bends. Their union (not their even-odd fill) is the area.
    """
    # ImageJ counts lines from pixel centers and keeps vertices in single precision; both matter at ties.
    vertices = np.asarray(path, dtype=np.float64) - 0.5
    distinct = np.ones(len(vertices), dtype=bool)
    distinct[1:] = np.any(np.diff(vertices, axis=0) != 0, axis=1)
    vertices = vertices[distinct]
    if len(vertices) == 1:
        vertices = np.repeat(vertices, 2, axis=0)
        along = np.array([[0.0, 1.0]])
    else:
        along = np.diff(vertices, axis=0)
        along /= np.hypot(along[:, 0], along[:, 1])[:, np.newaxis]
    straight = len(vertices) == 2
    radius = (max(width, _THINNEST_STRAIGHT_LINE) if straight else max(width, 1.0)) / 2
    across = radius * np.stack([-along[:, 1], along[:, 0]], axis=1)
    ends = vertices.copy()
    ends[0] -= 0.5 * along[0]
    ends[-1] += 0.5 * along[-1]
    rings = []
    for i in range(len(along)):
        side = across[i]
        rings.append(np.stack([ends[i] + side, ends[i] - side, ends[i + 1] - side, ends[i + 1] + side]))
        if i:
            before = across[i - 1]
            turn = along[i, 1] * along[i - 1, 0] - along[i - 1, 1] * along[i, 0]
            outer = -1.0 if turn > 0 else 1.0
            # Reaching back a little: two areas that only touch would leave pixels between them.
            tip = ends[i] - outer * 0.5 * (before + side)
            rings.append(np.stack([tip, ends[i] + outer * before, ends[i] + outer * side]))
    if straight:
        return [(ring + 0.5).astype(np.float32).astype(np.float64) for ring in rings]
    return [ring.astype(np.float32).astype(np.float64) + 0.5 for ring in rings]
