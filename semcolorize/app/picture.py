"""Colors at working size, and any window of the colored picture made of them at any size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from semcolorize.app.levels import Level
from semcolorize.color.ink import TINTS, ink_curve
from semcolorize.inference.assignment import Assignment
from semcolorize.micrograph.legend import LegendEntry
from semcolorize.micrograph.lightness import render_rgb

__all__ = ["Overrides", "Picture", "doubt_of", "label_map_of"]


@dataclass(frozen=True)
class Overrides:
    """What pixels that hints lie on have, (N,) each and (N, 2), at full size, sorted by row.

    `values` are normalized chroma, or a*b* where `finished`: already shaded after the lightness of their pixels.
    """

    rows: np.ndarray
    columns: np.ndarray
    strength: np.ndarray
    values: np.ndarray
    finished: bool

    def apply(self, plane: np.ndarray, rows: slice, columns: slice) -> None:
        """Put the values into a window (rows, columns, 2)."""
        first, last = np.searchsorted(self.rows, [rows.start, rows.stop])
        inside = (self.columns[first:last] >= columns.start) & (self.columns[first:last] < columns.stop)
        chosen = np.arange(first, last)[inside]
        y, x = self.rows[chosen] - rows.start, self.columns[chosen] - columns.start
        there = plane[y, x]
        plane[y, x] = there + self.strength[chosen, None] * (self.values[chosen] - there)


@dataclass(frozen=True)
class Picture:
    """A colored micrograph, as far as the window needs it.

    Attributes
    ----------
    chroma : float32 ndarray of shape (N, h, w, 2)
        Normalized chroma at working size, a variant each.
    tint : float32 ndarray of shape (101,)
        Chroma curve.
    overrides : tuple of Overrides
        One a variant, or none.
    legend : tuple of LegendEntry
        Of the first variant.
    assignment : Assignment or None
        Of labels; None where colors were invented.
    next_hint : tuple of int or None
        (x, y)
    notes : tuple of str
    seconds : float
    """

    chroma: np.ndarray
    tint: np.ndarray
    overrides: tuple[Overrides, ...] = ()
    legend: tuple[LegendEntry, ...] = ()
    assignment: Assignment | None = None
    next_hint: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @classmethod
    def gray(cls, small: np.ndarray) -> Picture:
        """A picture without color."""
        return cls(np.zeros((1, *small.shape, 2), np.float32), TINTS[0])

    @property
    def colorless(self) -> bool:
        """Whether there is nothing to be shown."""
        return not self.chroma.any() and not self.overrides

    def window(self, level: Level, rows: slice, columns: slice, variant: int = 0) -> np.ndarray:
        """The picture in a window of a level, (rows, columns, 3) uint8: at full size what the result has there."""
        lightness = level.lightness[rows, columns]
        ab = np.zeros((*lightness.shape, 2), np.float32)
        stop = min(rows.stop, level.bar)
        if stop > rows.start:
            colored = slice(rows.start, stop)
            plane = level.upsampler.window(self.chroma[variant], colored, columns)
            own = self.overrides[variant] if level.exact and self.overrides else None
            if own is not None and not own.finished:
                own.apply(plane, colored, columns)
            plane *= ink_curve(level.lightness[colored, columns], self.tint)[..., None]
            if own is not None and own.finished:
                own.apply(plane, colored, columns)
            ab[: stop - rows.start] = plane
        return render_rgb(lightness, ab[None])[0]

    def whole(self, level: Level, variant: int = 0) -> np.ndarray:
        """The whole picture at a level, (H, W, 3) uint8."""
        return self.window(level, slice(0, level.shape[0]), slice(0, level.shape[1]), variant)


def _at_working_size(assignment: Assignment) -> Assignment:
    """The same labels, asked at working size: nothing is upsampled."""
    none = np.zeros(0, int)
    shape = (assignment.logits.shape[1], assignment.logits.shape[2])
    return replace(
        assignment, shape=shape, bar=shape[0], upsample=lambda values: values, rows=none, columns=none, label=none,
        missing=None,
    )  # fmt: skip


def doubt_of(assignment: Assignment) -> np.ndarray:
    """How near the second likeliest label comes to the likeliest, (h, w) float32 from 0 to 1, at working size."""
    return _at_working_size(assignment).uncertainty


def label_map_of(assignment: Assignment) -> np.ndarray:
    """The likeliest label, (h, w) uint8, at working size."""
    return _at_working_size(assignment).map
