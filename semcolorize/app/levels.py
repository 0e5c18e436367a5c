"""A micrograph at several sizes, in tiles: what a window needs of it to zoom smoothly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semcolorize.color.lab import lightness_to_gray
from semcolorize.micrograph.upsample import GuidedUpsampler
from semcolorize.micrograph.working import PreparedMicrograph, shrink

__all__ = ["BASE_SIDE", "TILE", "Level", "levels_of"]

TILE = 512
"""Pixels a side of a tile."""

BASE_SIDE = 1024
"""Longest side of the gray picture that is sent in one piece and followed by tiles where there is more to see."""


@dataclass(frozen=True, eq=False)
class Level:
    """A micrograph at one size.

    Attributes
    ----------
    lightness : float32 ndarray of shape (H, W)
        CIE L*, the data bar included.
    bar : int
        First row of the data bar; H where there is none.
    small : float32 ndarray of shape (h, w)
        CIE L* of the working copy.
    exact : bool
        Whether it is the micrograph itself.
    """

    lightness: np.ndarray
    bar: int
    small: np.ndarray
    exact: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.lightness.shape[0], self.lightness.shape[1]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return -(-self.shape[0] // TILE), -(-self.shape[1] // TILE)

    @cached_property
    def upsampler(self) -> GuidedUpsampler:
        """From the working size to this one, above the data bar."""
        return GuidedUpsampler(self.small, self.lightness[: self.bar])

    def window(self, row: int, column: int) -> tuple[slice, slice]:
        """Pixels of a tile."""
        return (
            slice(row * TILE, min((row + 1) * TILE, self.shape[0])),
            slice(column * TILE, min((column + 1) * TILE, self.shape[1])),
        )

    def gray(self, rows: slice, columns: slice) -> np.ndarray:
        """The micrograph as it is shown, (rows, columns) uint8."""
        return gray_of(self.lightness[rows, columns])


def gray_of(lightness: np.ndarray) -> np.ndarray:
    """8-bit sRGB gray of CIE L*."""
    return np.rint(lightness_to_gray(lightness) * 255).astype(np.uint8)


def levels_of(prepared: PreparedMicrograph) -> list[Level]:
    """Sizes of a micrograph, the full one first, each half of the one before, none smaller than the working copy."""
    lightness, small = prepared.micrograph.lightness, prepared.small
    height, width = prepared.micrograph.shape
    levels = [Level(lightness, prepared.bar, small, True)]
    power = 2
    while True:
        shape = (round(height / power), round(width / power))
        bar = round(prepared.bar / power) if prepared.bar < height else shape[0]
        if bar < small.shape[0] or shape[1] < small.shape[1] or max(levels[-1].shape) <= TILE:
            return levels
        levels.append(Level(shrink(levels[-1].lightness, shape), bar, small, False))
        power *= 2


def base_level(levels: list[Level]) -> int:
    """Number of the level that is sent in one piece."""
    fitting = [i for i, level in enumerate(levels) if max(level.shape) <= BASE_SIDE]
    return fitting[0] if fitting else len(levels) - 1
