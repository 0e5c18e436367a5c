"""Hints to pixels: where which color was asked for, how strongly, and by whom.

Areas equal ImageJ's own masks pixel for pixel (`tests/imagej/test_masks.py` compares with the real one):
polygons, rotated rectangles, ellipses, traced and composite selections by even-odd fill at pixel centers;
rectangles and ovals on the integer box that ImageJ draws them on, also if they are sub-pixel; straight,
segmented and freehand lines as *Edit > Selection > Line to Area* turns them into areas. A point is a square
patch; ImageJ has nothing to equal there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from semcolorize.errors import HintError, ShapeError
from semcolorize.hints.model import (
    Hint,
    HintSet,
    LineHint,
    Oval,
    PointHint,
    Polygons,
    Rectangle,
    RegionHint,
)
from semcolorize.hints.scanline import Window, fill_rings, line_rings

__all__ = ["EmptyHintError", "Overlap", "RasterizedHints", "check_hints", "hint_area", "hint_window", "rasterize"]

Extent = tuple[int, int, int, int]
"""First and last row, first and last column that a hint may touch, inside the image or not."""


class EmptyHintError(HintError):
    """A hint that lies on the image but covers no pixel of it."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two hints that claim the same pixels; the later one got them.

    Parameters
    ----------
    earlier, later : int
        Positions of the hints, counted from 0.
    pixels : int
        How many pixels the later took from the earlier.
    """

    earlier: int
    later: int
    pixels: int


@dataclass(frozen=True, slots=True)
class RasterizedHints:
    """Hints on the pixels of an image.

    Parameters
    ----------
    hint_ab : float32 ndarray of shape (H, W, 2)
        a*b* asked for, 0 where there is no hint.
    hint_mask : bool ndarray of shape (H, W)
        True where there is a hint (gray hints included).
    strength : float32 ndarray of shape (H, W)
        Strength of the hint in (0, 1], 0 where there is none.
    index : int32 ndarray of shape (H, W)
        Position of the hint that owns the pixel, counted from 0; -1 where there is none.
    overlaps : tuple of Overlap
        Pixels that changed hands.
    empty : tuple of int
        Positions of hints that lie on the image but cover no pixel of it: outlines smaller than a pixel, or of points
        on one line.
    """

    hint_ab: np.ndarray
    hint_mask: np.ndarray
    strength: np.ndarray
    index: np.ndarray
    overlaps: tuple[Overlap, ...]
    empty: tuple[int, ...] = ()

    def without(self, missing: np.ndarray) -> RasterizedHints:
        """The same off pixels that hold no data, (H, W) bool; hints that lie on such only are `empty` then."""
        index = np.where(missing, -1, self.index).astype(np.int32)
        gone = np.setdiff1d(self.index[missing], index)
        return RasterizedHints(
            np.where(missing[..., None], np.float32(0), self.hint_ab), index >= 0,
            np.where(missing, np.float32(0), self.strength), index, self.overlaps,
            (*self.empty, *(int(i) for i in gone if i >= 0)),
        )  # fmt: skip


def rasterize(hints: Iterable[Hint] | HintSet, shape: tuple[int, int]) -> RasterizedHints:
    """Put hints on the pixels of an image; where they overlap, the later wins.

    Parameters
    ----------
    hints : HintSet, or iterable of Hint in pixels
        In order. A HintSet in fractions is scaled to the image.
    shape : tuple of 2 ints
        Rows and columns of the image.

    Returns
    -------
    rasterized : RasterizedHints

    Raises
    ------
    HintError
        If a hint lies outside the image, or its strength is not in (0, 1], or none covers a pixel. All such hints are
        in the message; `hint_index` is the first of them.
    """
    height, width = _image_size(shape)
    listed = tuple(hints.at((height, width)) if isinstance(hints, HintSet) else hints)
    hint_ab = np.zeros((height, width, 2), dtype=np.float32)
    strength = np.zeros((height, width), dtype=np.float32)
    index = np.full((height, width), -1, dtype=np.int32)
    overlaps: list[Overlap] = []
    faults: list[HintError] = []
    empty: list[HintError] = []
    for i, hint in enumerate(listed):
        try:
            rows, columns, mask = hint_window(hint, (height, width), index=i)
        except EmptyHintError as fault:
            empty.append(fault)
            continue
        except HintError as fault:
            faults.append(fault)
            continue
        owners = index[rows, columns]
        taken, pixels = np.unique(owners[mask & (owners >= 0)], return_counts=True)
        overlaps += [Overlap(int(earlier), i, int(n)) for earlier, n in zip(taken, pixels, strict=True)]
        owners[mask] = i
        hint_ab[rows, columns][mask] = hint.ab
        strength[rows, columns][mask] = hint.strength
    _raise(faults, empty, len(listed))
    covered = tuple(fault.hint_index for fault in empty if fault.hint_index is not None)
    return RasterizedHints(hint_ab, index >= 0, strength, index, tuple(overlaps), covered)


def check_hints(hints: HintSet, shape: tuple[int, int]) -> None:
    """Refuse hints that do not fit an image, as `rasterize` does, without drawing them on it; HintError."""
    faults: list[HintError] = []
    empty: list[HintError] = []
    for i, hint in enumerate(hints.at(_image_size(shape))):
        try:
            hint_window(hint, shape, index=i)
        except HintError as fault:
            (empty if isinstance(fault, EmptyHintError) else faults).append(fault)
    _raise(faults, empty, len(hints))


def _raise(faults: Sequence[HintError], empty: Sequence[HintError], count: int) -> None:
    # A speck among hundreds of outlines is no reason to do nothing; that nothing is left is one.
    faults = sorted((*faults, *empty), key=lambda f: f.hint_index or 0) if faults or len(empty) == count else ()
    if faults:
        raise HintError("\n".join(fault.message for fault in faults), hint_index=faults[0].hint_index)


def hint_area(hint: Hint, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of one hint as a bool ndarray of shape (H, W); HintError if there are none."""
    height, width = _image_size(shape)
    rows, columns, mask = hint_window(hint, (height, width))
    area = np.zeros((height, width), dtype=bool)
    area[rows, columns] = mask
    return area


def hint_window(
    hint: Hint, shape: tuple[int, int], *, index: int | None = None
) -> tuple[slice, slice, np.ndarray]:
    """Return the pixels of one hint inside its bounding box: quick on large images.

    Parameters
    ----------
    hint : Hint
        In pixels.
    shape : tuple of 2 ints
        Rows and columns of the image.
    index : int, optional
        Position of the hint, counted from 0, for the error message.

    Returns
    -------
    rows, columns : slice
        Part of the image that the hint may touch, clipped to the image.
    mask : bool ndarray of the shape of that part

    Raises
    ------
    HintError
        If the hint covers no pixel of the image, or its strength is not in (0, 1].
    """
    height, width = _image_size(shape)
    if not 0 < hint.strength <= 1:
        raise HintError(
            f"{_label(hint, index)} has strength {hint.strength:g}; accepted is more than 0, up to 1.",
            hint_index=index,
        )
    extent = _extent(hint, index)
    top, bottom = max(extent[0], 0), min(extent[1], height - 1)
    left, right = max(extent[2], 0), min(extent[3], width - 1)
    if top > bottom or left > right:
        raise _outside(hint, index, extent, height, width)
    window = (top, left, bottom - top + 1, right - left + 1)
    mask = _fill(hint, window)
    if not mask.any():
        raise EmptyHintError(
            f"{_label(hint, index)} covers no pixel of the image: it is smaller than a pixel, its points lie on one "
            "line, or only its bounding box touches the image. Draw it larger, or use a point.",
            hint_index=index,
        )
    return slice(top, bottom + 1), slice(left, right + 1), mask


def _image_size(shape: tuple[int, int]) -> tuple[int, int]:
    if len(shape) != 2 or min(shape) < 1:
        raise ShapeError(f"An image has shape (rows, columns), both at least 1; got {tuple(shape)}.")
    return int(shape[0]), int(shape[1])


def _box(shape: Rectangle | Oval) -> Extent:
    # ImageJ draws sub-pixel boxes on integer ones: corner truncated toward 0, size rounded up.
    top, left = math.trunc(shape.top), math.trunc(shape.left)
    return top, top + math.ceil(shape.height) - 1, left, left + math.ceil(shape.width) - 1


def _patch(hint: PointHint) -> Extent:
    top, left = math.floor(hint.row) - hint.size // 2, math.floor(hint.column) - hint.size // 2
    return top, top + hint.size - 1, left, left + hint.size - 1


def _extent(hint: Hint, index: int | None) -> Extent:
    try:
        match hint:
            case PointHint():
                return _patch(hint)
            case RegionHint(shape=Rectangle() | Oval() as box):
                return _box(box)
            case RegionHint(shape=Polygons(rings=rings)):
                vertices = np.concatenate([np.reshape(ring, (-1, 2)) for ring in rings])
            case LineHint():
                vertices = np.concatenate(line_rings(np.reshape(hint.path, (-1, 2)), hint.width))
            case _:
                raise HintError(f"{_label(hint, index)} is of an unknown kind, {type(hint).__name__}.")
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        return math.floor(low[0]), math.ceil(high[0]) - 1, math.floor(low[1]), math.ceil(high[1]) - 1
    except (ValueError, OverflowError) as error:
        if isinstance(error, HintError):
            raise
        # NaN and infinity cannot be floored, empty outlines have no minimum.
        raise HintError(
            f"{_label(hint, index)} has no usable outline: its coordinates are missing or not finite.",
            hint_index=index,
        ) from None


def _fill(hint: Hint, window: Window) -> np.ndarray:
    match hint:
        case RegionHint(shape=Oval() as oval):
            return _fill_oval(oval, window)
        case RegionHint(shape=Polygons(rings=rings)):
            return fill_rings([np.reshape(ring, (-1, 2)) for ring in rings], window)
        case LineHint():
            mask = np.zeros(window[2:], dtype=bool)
            for ring in line_rings(np.reshape(hint.path, (-1, 2)), hint.width):
                _fill_part(mask, ring, window)
            return mask
        case _:
            return np.ones(window[2:], dtype=bool)


def _fill_part(mask: np.ndarray, ring: np.ndarray, window: Window) -> None:
    # A freehand line has hundreds of small pieces: each is filled in its own small box.
    top = min(max(math.floor(ring[:, 0].min()), window[0]), window[0] + window[2])
    left = min(max(math.floor(ring[:, 1].min()), window[1]), window[1] + window[3])
    bottom = max(min(math.ceil(ring[:, 0].max()), window[0] + window[2]), top)
    right = max(min(math.ceil(ring[:, 1].max()), window[1] + window[3]), left)
    piece = fill_rings([ring], (top, left, bottom - top, right - left))
    mask[top - window[0] : bottom - window[0], left - window[1] : right - window[1]] |= piece


def _fill_oval(oval: Oval, window: Window) -> np.ndarray:
    top, bottom, left, right = _box(oval)
    a, b = (right - left + 1) / 2, (bottom - top + 1) / 2
    row = np.arange(window[2]) + (window[0] - top) - (b - 0.5)
    column = np.arange(window[3]) + (window[1] - left) - (a - 0.5)
    return (column * column / (a * a))[np.newaxis] + (row * row / (b * b))[:, np.newaxis] <= 1.0


def _label(hint: Hint, index: int | None) -> str:
    number = "hint" if index is None else f"hint {index + 1}"
    # "cells.zip: particle" need not repeat the name.
    origin = hint.origin.removesuffix(f": {hint.name}")
    known = [part for part in (f'"{hint.name}"' if hint.name else "", origin) if part]
    return f"{number} ({', '.join(known)})" if known else number


def _outside(hint: Hint, index: int | None, extent: Extent, height: int, width: int) -> HintError:
    first_row, last_row, first_column, last_column = extent
    if isinstance(hint, PointHint):
        # The user put down a point, not a patch.
        row, column = math.floor(hint.row), math.floor(hint.column)
        if last_row < 0 or first_row >= height:
            first_row = last_row = row
        if last_column < 0 or first_column >= width:
            first_column = last_column = column
    if last_row < first_row or last_column < first_column:
        return EmptyHintError(f"{_label(hint, index)} has no area: its height or width is 0.", hint_index=index)
    if first_row >= height or last_row < 0:
        seen = first_row if first_row >= height else last_row
        where = f"row {seen}, the image has rows 0-{height - 1}"
    else:
        seen = first_column if first_column >= width else last_column
        where = f"column {seen}, the image has columns 0-{width - 1}"
    return HintError(
        f"{_label(hint, index)} lies outside the image: {where}. Was it drawn on the uncropped scan?",
        hint_index=index,
    )
