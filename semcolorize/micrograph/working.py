"""The small copy of an image on which the model works, and what of an image is computed only once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from semcolorize.errors import ConfigError, ImageReadError, SemColorizeError, ShapeError
from semcolorize.hints.model import Hint
from semcolorize.hints.rasterize import RasterizedHints
from semcolorize.micrograph.databar import databar_first_row
from semcolorize.micrograph.reading import Micrograph, micrograph_from_array, read_micrograph
from semcolorize.micrograph.upsample import GuidedUpsampler

__all__ = [
    "DEFAULT_WORKING_SIZE", "HintedPixels", "PreparedMicrograph", "WorkingSize", "at_one_scale", "prepare_views",
    "shrink", "working_shape",
]  # fmt: skip

DEFAULT_WORKING_SIZE = 512

WorkingSize = int | str
"""Longest side in pixels, or ``"full"``: the image's own."""


def working_shape(shape: tuple[int, int], size: WorkingSize) -> tuple[int, int]:
    """Rows and columns of the working copy: the longest side at most `size`, never enlarged.

    Raises
    ------
    ConfigError
        If `size` is neither a number of pixels from 16 on nor ``"full"``.
    """
    if size == "full":
        return shape
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise ConfigError(
            f"working_size is {size!r}; a whole number of pixels or 'full' is needed.", key="working_size"
        )
    if size < 16:
        raise ConfigError(f"working_size is {size}; at least 16 is needed.", key="working_size")
    factor = min(1.0, size / max(shape))
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def shrink(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Mean over the (fractional) area that each pixel of the small image covers: float32 of `shape`."""
    values = values.astype(np.float32, copy=False)
    if values.shape == shape:
        return values
    rows, columns = (_averaging(few, many) for few, many in zip(shape, values.shape, strict=True))
    return np.ascontiguousarray((columns @ (rows @ values).T).T)


def _averaging(count: int, length: int) -> object:
    """Sparse (count, length) matrix of means over `length / count` pixels each, fractions counted in part."""
    from scipy import sparse

    edges = np.arange(count + 1) * (length / count)
    first = np.floor(edges[:-1] + 1e-9).astype(int)
    last = np.minimum(np.ceil(edges[1:] - 1e-9).astype(int), length)
    sizes = last - first
    row = np.repeat(np.arange(count), sizes)
    column = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
    covered = np.minimum(column + 1, edges[row + 1]) - np.maximum(column, edges[row])
    return sparse.csr_array((covered.astype(np.float32) * np.float32(count / length), (row, column)), (count, length))


@dataclass(frozen=True)
class HintedPixels:
    """The pixels that hints lie on, above the data bar.

    Attributes
    ----------
    rows, columns : int ndarray of shape (N,)
    ab : float32 ndarray of shape (N, 2)
        CIELAB units.
    level : float32 ndarray of shape (N,)
        CIE L* of the color asked for.
    strength : float32 ndarray of shape (N,)
        0 to 1.
    guiding : bool ndarray of shape (N,)
        Whether the model may know of it: the color of a limited hint cannot spread because the model never sees it.
    hint : int ndarray of shape (N,)
        Place of the hint that each belongs to.
    """

    rows: np.ndarray
    columns: np.ndarray
    ab: np.ndarray
    level: np.ndarray
    strength: np.ndarray
    guiding: np.ndarray
    hint: np.ndarray

    @classmethod
    def of(cls, drawn: RasterizedHints, hints: Sequence[Hint], height: int) -> HintedPixels:
        """Collect from the first `height` rows what `hints` were drawn to; limited ones do not guide the model."""
        rows, columns = np.nonzero(drawn.hint_mask[:height])
        owner = drawn.index[rows, columns]
        level = np.array([hint.lab[0] for hint in hints], np.float32)[owner]
        guiding = ~np.array([hint.limit for hint in hints], bool)[owner]
        strength = drawn.strength[rows, columns]
        return cls(rows, columns, drawn.hint_ab[rows, columns], level, strength, guiding, owner)

    def on(self, shape: tuple[int, int], small: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Guiding hints on the working copy of an image of `shape`.

        Returns
        -------
        hint_ab : float32 ndarray of shape (h, w, 2)
            Mean of the hinted pixels in each working pixel, 0 where there is none.
        hint_mask : float32 ndarray of shape (h, w)
            Their mean strength: not 0 wherever a hint touches the pixel, however small the hint is.
        level : float32 ndarray of shape (h, w)
            Mean CIE L* of the colors asked for, 0 where there is none.
        """
        chosen = self.guiding
        cell = self.place(shape, small)[chosen]
        count = np.maximum(np.bincount(cell, minlength=small[0] * small[1]), 1)

        def mean(values: np.ndarray) -> np.ndarray:
            return (np.bincount(cell, weights=values, minlength=len(count)) / count).reshape(small).astype(np.float32)

        hint_ab = np.stack([mean(self.ab[chosen, i]) for i in range(2)], axis=-1)
        return hint_ab, mean(self.strength[chosen]), mean(self.level[chosen])

    def place(self, shape: tuple[int, int], small: tuple[int, int]) -> np.ndarray:
        """Working pixel, flattened, that each hinted pixel falls in, (N,): a hint of one pixel survives."""
        return np.asarray(self.rows * small[0] // shape[0] * small[1] + self.columns * small[1] // shape[1])

    def enforce(self, ab: np.ndarray) -> None:
        """Set the hints' colors in `ab` of shape (H, W, 2), as far as their strength goes."""
        there = ab[self.rows, self.columns]
        ab[self.rows, self.columns] = there + self.strength[:, None] * (self.ab - there)


@dataclass(frozen=True, eq=False)
class PreparedMicrograph:
    """A micrograph with all that coloring needs of it and hints do not change.

    Attributes
    ----------
    micrograph : Micrograph
    bar : int
        First row of the data bar; the height of the image where there is none.
    working_size : int or "full"
    factor : float
        By which the working copy is smaller still, so that the views of a series have one scale; at most 1.
    """

    micrograph: Micrograph
    bar: int
    working_size: WorkingSize
    factor: float = 1.0

    @classmethod
    def of(
        cls,
        image: PreparedMicrograph | Micrograph | np.ndarray | str | os.PathLike[str],
        *,
        databar: str | int,
        working_size: WorkingSize,
    ) -> PreparedMicrograph:
        """Read an image, or take it as it is; find its data bar. One that is prepared has its own working size."""
        if isinstance(image, PreparedMicrograph):
            return image.as_asked(databar, working_size)
        if isinstance(image, str | os.PathLike):
            image = read_micrograph(image, databar=databar)
        elif not isinstance(image, Micrograph):
            image = micrograph_from_array(image)
        working_shape(image.shape, working_size)
        return cls(image, databar_first_row(databar, image.pixels, stated=image.stated_rows), working_size)

    def as_asked(self, databar: str | int, working_size: WorkingSize) -> PreparedMicrograph:
        """Itself, unless it was prepared otherwise than what is asked for beyond the defaults.

        Raises
        ------
        ConfigError
        """
        if working_size not in (DEFAULT_WORKING_SIZE, self.working_size):
            raise ConfigError(
                f"working_size is {working_size!r}, but the image was prepared with {self.working_size!r}; give it to"
                " prepare().",
                key="working_size",
            )
        micrograph = self.micrograph
        if databar != "auto":
            row = databar_first_row(databar, micrograph.pixels, stated=micrograph.stated_rows)
            if row != self.bar:
                raise ConfigError(
                    f"databar is {databar!r}, which begins at row {row}, but the image was prepared with one at"
                    f" {self.bar}; give it to prepare().",
                    key="databar",
                )
        return self

    @cached_property
    def lightness(self) -> np.ndarray:
        """CIE L* above the data bar, (bar, W)."""
        return self.micrograph.lightness[: self.bar]

    @cached_property
    def small(self) -> np.ndarray:
        """CIE L* at working size, (h, w)."""
        shape = working_shape((self.lightness.shape[0], self.lightness.shape[1]), self.working_size)
        if self.factor < 1:
            shape = max(1, round(self.factor * shape[0])), max(1, round(self.factor * shape[1]))
        return shrink(self.lightness, shape)

    @cached_property
    def memory(self) -> WeakKeyDictionary[Any, Any]:
        """What models have made of the image before they knew of any hint, by model."""
        return WeakKeyDictionary()

    @cached_property
    def upsampler(self) -> GuidedUpsampler:
        """From the working size to the full one."""
        return GuidedUpsampler(self.small, self.lightness)


_SMALLEST = 160
"""Longest side that a view is shrunk to for the sake of one scale: the model must still see something."""


def at_one_scale(series: Sequence[PreparedMicrograph]) -> list[PreparedMicrograph]:
    """Views with working copies of one pixel size, where every view's pixel size is known: that of the coarsest.

    Views so much more magnified that little would be left of them stay larger.
    """
    sizes = [view.micrograph.pixel_size_nm for view in series]
    if len(series) < 2 or any(size is None or size <= 0 for size in sizes):
        return list(series)
    scaled = []
    for view, size in zip(series, sizes, strict=True):
        shape = (view.bar, view.micrograph.shape[1])
        small = working_shape(shape, view.working_size)
        scaled.append((max(small), size * max(shape) / max(small)))  # type: ignore[operator]
    coarsest = max(nanometers for _, nanometers in scaled)
    return [
        view if nanometers >= coarsest else replace(view, factor=min(1.0, max(nanometers / coarsest, _SMALLEST / side)))
        for view, (side, nanometers) in zip(series, scaled, strict=True)
    ]


def prepare_views(
    images: Sequence[PreparedMicrograph | Micrograph | np.ndarray | str | os.PathLike[str]],
    *,
    databar: str | int,
    working_size: WorkingSize,
    on_failure: Callable[[int, SemColorizeError], None] | None = None,
) -> tuple[list[int], list[PreparedMicrograph]]:
    """Prepare the views of a series: places of those that can be read, and these at one scale.

    Where `on_failure` is given it is told of the others, with their place; else the first one's error is raised.
    """
    places, prepared = [], []
    for place, image in enumerate(images):
        try:
            image = PreparedMicrograph.of(image, databar=databar, working_size=working_size)
        except (ImageReadError, ShapeError) as error:
            if on_failure is None:
                raise
            on_failure(place, error)
            continue
        places.append(place)
        prepared.append(image)
    return places, at_one_scale(prepared)
