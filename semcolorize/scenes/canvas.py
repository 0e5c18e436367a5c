"""The canvas objects are stamped on: a height field, and whose each pixel is; the highest wins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

__all__ = ["Canvas", "Window", "place"]


class Window(NamedTuple):
    """A clipped square of the canvas around an object, with coordinates relative to the object's center."""

    where: tuple[slice, slice]
    dr: np.ndarray  # (h, 1) float32, pixels below the center
    dc: np.ndarray  # (1, w) float32, pixels right of the center


class Canvas:
    """A scene's geometry while it is being made.

    Parameters
    ----------
    height : numpy.ndarray
        (H, W) float32, the substrate's height in pixels; it is changed in place.

    Attributes
    ----------
    height : (H, W) float32 numpy.ndarray
    instances : (H, W) int32 numpy.ndarray
        0 = substrate.
    class_of_instance : list of int
        Class of each instance; index 0 is the substrate's class 0.
    """

    def __init__(self, height: np.ndarray) -> None:
        self.height = np.ascontiguousarray(height, np.float32)
        self.instances = np.zeros(height.shape, np.int32)
        self.class_of_instance = [0]

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height.shape[0], self.height.shape[1]

    @property
    def field(self) -> int:
        """The shorter side in pixels: object sizes are fractions of it."""
        return min(self.shape)

    def new_instance(self, class_id: int) -> int:
        """Number of a new object of `class_id`."""
        self.class_of_instance.append(class_id)
        return len(self.class_of_instance) - 1

    def ground(self, row: float, col: float) -> float:
        """Height of what lies at (row, col) already, the nearest edge pixel's outside the canvas."""
        rows, cols = self.shape
        return float(self.height[min(max(int(row), 0), rows - 1), min(max(int(col), 0), cols - 1)])

    def window(self, row: float, col: float, reach: float) -> Window | None:
        """The part of the canvas within `reach` pixels of (row, col), None where that is outside."""
        rows, cols = self.shape
        top, bottom = max(int(row - reach), 0), min(int(row + reach) + 2, rows)
        left, right = max(int(col - reach), 0), min(int(col + reach) + 2, cols)
        if top >= bottom or left >= right:
            return None
        dr = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(row)
        dc = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(col)
        return Window((slice(top, bottom), slice(left, right)), dr, dc)

    def stamp(self, where: tuple[slice, slice], z: np.ndarray, mask: np.ndarray, instance: int) -> None:
        """Put a surface `z` on the canvas where `mask` holds and it is above what is there."""
        height = self.height[where]
        visible = mask & (z > height)
        np.copyto(height, z, where=visible, casting="same_kind")
        np.copyto(self.instances[where], instance, where=visible)

    def scatter(self, rows: np.ndarray, cols: np.ndarray, z: np.ndarray, instance: np.ndarray) -> None:
        """Put surface samples on the canvas, the highest wins; arguments are (M,), inside the canvas."""
        pixel = rows * self.shape[1] + cols
        height, instances = self.height.reshape(-1), self.instances.reshape(-1)
        above = z > height[pixel]
        pixel, z, instance = pixel[above], z[above].astype(np.float32), instance[above]
        np.maximum.at(height, pixel, z)
        top = z >= height[pixel]
        instances[pixel[top]] = instance[top]


def place(
    canvas: Canvas,
    rng: np.random.Generator,
    size: float,
    coverage: float,
    spread: float = 0.2,
    limit: int = 160,
) -> Iterator[tuple[float, float, float]]:
    """Where objects of one look lie: scattered, in clusters, or crowded in one part of the field.

    Objects avoid one another while there is room, then lie on top of what is there.

    Parameters
    ----------
    size : float
        Typical diameter in pixels.
    coverage : float
        Objects' summed area over the field's; above 1 they pile up.
    spread : float
        Standard deviation of the logarithm of the diameter.
    limit : int
        Never more objects than this.

    Yields
    ------
    tuple of float
        Row, column and diameter in pixels.
    """
    rows, cols = canvas.shape
    count = int(np.clip(coverage * rows * cols / (0.785 * size * size), 1, limit))
    sizes = size * np.exp(rng.normal(0.0, spread, count)).clip(0.4, 2.2)
    margin = 0.3 * size
    arrangement = (
        rng.choice(["scattered", "clusters", "side"], p=[0.55, 0.3, 0.15]) if count > 2 else "scattered"
    )
    centers = rng.uniform((0.1, 0.1), (0.9, 0.9), (int(rng.integers(1, 5)), 2)) * (rows, cols)
    width = rng.uniform(0.1, 0.22) * canvas.field + 0.8 * size
    side = rng.uniform(0, 2 * np.pi)

    def candidates(number: int) -> np.ndarray:
        if arrangement == "clusters":
            return centers[rng.integers(0, len(centers), number)] + rng.normal(0.0, width, (number, 2))
        if count <= 2:  # a lone object is what the operator aimed at
            return rng.uniform((0.2 * rows, 0.2 * cols), (0.8 * rows, 0.8 * cols), (number, 2))
        spots = rng.uniform((-margin, -margin), (rows + margin, cols + margin), (number, 2))
        if arrangement == "side":
            outwards = (spots - (rows / 2, cols / 2)) @ (np.sin(side), np.cos(side))
            spots -= np.minimum(outwards, 0)[:, None] * np.array((np.sin(side), np.cos(side))) * 1.5
        return spots

    taken = np.empty((count, 2))
    for index in range(count):
        tries = candidates(6)
        if index:
            away = tries[:, None] - taken[None, :index]
            free = (np.hypot(away[..., 0], away[..., 1]) / (sizes[:index] + sizes[index])).min(axis=1)
            best = int(np.argmax(free > 0.47)) if (free > 0.47).any() else int(np.argmax(free))
        else:
            best = 0
        taken[index] = tries[best]
        yield float(tries[best, 0]), float(tries[best, 1]), float(sizes[index])
