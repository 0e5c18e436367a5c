"""Training hints drawn from known color: what a user would have marked.

After Zhang et al. 2017 and the thesis (patches of 1 to 9 pixels, centers drawn from a normal distribution),
iColoriT's grid cells, and object-aware marks: clicks inside an object and away from its edge, strokes and areas.
All positions are (row, column).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["DrawnHints", "cell_hints", "draw_count", "object_hints", "patch_hints", "thesis_hints"]

_DENSITY = 0.08
"""Most hints per cell of 4 x 4 pixels: 200 hints on a 224 x 224 image are 6 %. Small crops must not see more."""


@dataclass
class DrawnHints:
    """Hints on a pixel grid: `ab` (H, W, 2) float32, 0 where unhinted, and `mask` (H, W) bool."""

    ab: np.ndarray
    mask: np.ndarray

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> DrawnHints:
        """No hints on an image of `shape`."""
        return cls(np.zeros((*shape, 2), np.float32), np.zeros(shape, bool))

    def mark(self, area: tuple[slice, slice], color: np.ndarray, shape: np.ndarray | None = None) -> None:
        """Set `color` on `area`, or on the part of it where `shape` is set."""
        if shape is None:
            self.ab[area] = color
            self.mask[area] = True
        else:
            self.ab[area][shape] = color
            self.mask[area] |= shape


def draw_count(rng: np.random.Generator, shape: tuple[int, int], *, none: float = 0.08) -> int:
    """Draw a number of hints: none now and then, else log-uniform from 1 to what the size of use would allow."""
    if rng.random() < none:
        return 0
    most = max(2.0, _DENSITY * shape[0] * shape[1] / 16)
    return int(np.exp(rng.uniform(0, np.log(most + 1))))


def cell_hints(ab: np.ndarray, rng: np.random.Generator, count: int, *, cell: int = 2) -> DrawnHints:
    """Draw grid-aligned cells without repetition; value: the cell's mean (iColoriT, Yun et al. 2023)."""
    height, width = ab.shape[0] // cell, ab.shape[1] // cell
    drawn = DrawnHints.empty(ab.shape[:2])
    for index in rng.choice(height * width, size=min(count, height * width), replace=False):
        row, column = cell * (int(index) // width), cell * (int(index) % width)
        area = (slice(row, row + cell), slice(column, column + cell))
        drawn.mark(area, ab[area].mean(axis=(0, 1)))
    return drawn


def patch_hints(
    ab: np.ndarray, rng: np.random.Generator, count: int, *, largest: int = 9, centered: bool = True
) -> DrawnHints:
    """Draw square patches of 1 to `largest` pixels; value: the patch's mean (thesis, section 4.3; Zhang et al. 2017).

    With `centered`, positions follow N((H, W)/2, diag((H/4)^2, (W/4)^2)); else they are uniform.
    """
    height, width = ab.shape[:2]
    drawn = DrawnHints.empty((height, width))
    for _ in range(count):
        side = int(rng.integers(1, largest + 1))
        if centered:
            row, column = rng.normal((height / 2, width / 2), (height / 4, width / 4))
        else:
            row, column = rng.uniform(0, height), rng.uniform(0, width)
        top = int(np.clip(row - side / 2, 0, max(height - side, 0)))
        left = int(np.clip(column - side / 2, 0, max(width - side, 0)))
        area = (slice(top, top + side), slice(left, left + side))
        drawn.mark(area, ab[area].mean(axis=(0, 1)))
    return drawn


def thesis_hints(ab: np.ndarray, rng: np.random.Generator) -> DrawnHints:
    """Hints as the thesis draws them: n patches, n + 1 geometric with p = 1/8, or in 1 % of draws the whole truth."""
    if rng.random() < 0.01:
        return DrawnHints(ab.astype(np.float32).copy(), np.ones(ab.shape[:2], bool))
    return patch_hints(ab, rng, int(rng.geometric(1 / 8)) - 1)


def object_hints(
    ab: np.ndarray,
    labels: np.ndarray,
    chosen: np.ndarray,
    rng: np.random.Generator,
    *,
    marks: int = 1,
    colors: np.ndarray | None = None,
    drawn: DrawnHints | None = None,
) -> DrawnHints:
    """Mark objects as a user does: click, stroke or area, inside and away from edges.

    Parameters
    ----------
    ab : ndarray of shape (H, W, 2)
        True color, whose local mean is the hint's color unless `colors` is given.
    labels : int ndarray of shape (H, W)
        Object number of each pixel.
    chosen : int ndarray of shape (N,)
        Numbers of the objects to mark.
    rng : numpy.random.Generator
    marks : int
        Marks per object.
    colors : ndarray of shape (max label + 1, 2), optional
        Color of the mark for each object: the swatch a user picked, not the local mean.
    drawn : DrawnHints, optional
        Add to these.

    Returns
    -------
    DrawnHints
    """
    shape = labels.shape
    if drawn is None:
        drawn = DrawnHints.empty((shape[0], shape[1]))
    for label in chosen:
        places = np.flatnonzero(labels.ravel() == label)
        if not len(places):
            continue
        for _ in range(marks):
            row, column, free = _inner_place(labels, int(label), places, rng)
            color = None if colors is None else colors[label]
            _mark_object(drawn, ab, labels, int(label), (row, column), free, color, places, rng)
    return drawn


def _inner_place(labels: np.ndarray, label: int, places: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int]:
    """The best of a few random places in an object, and how many pixels it lies from the edge (up to 6)."""
    width = labels.shape[1]
    best = (0, 0, -1)
    for index in rng.choice(places, size=min(4, len(places))):
        row, column = int(index) // width, int(index) % width
        free = 0
        for radius in (1, 2, 4, 6):
            window = labels[max(row - radius, 0) : row + radius + 1, max(column - radius, 0) : column + radius + 1]
            if (window != label).any():
                break
            free = radius
        if free > best[2]:
            best = (row, column, free)
    return best


def _mark_object(
    drawn: DrawnHints,
    ab: np.ndarray,
    labels: np.ndarray,
    label: int,
    place: tuple[int, int],
    free: int,
    color: np.ndarray | None,
    places: np.ndarray,
    rng: np.random.Generator,
) -> None:
    row, column = place
    kind = rng.random()
    if kind < 0.7:  # a click: a patch that mostly stays inside
        radius = int(rng.integers(0, free + 2)) if free else 0
        area = (slice(max(row - radius, 0), row + radius + 1), slice(max(column - radius, 0), column + radius + 1))
        inside = None
    elif kind < 0.85:  # an area: an ellipse that may spill over the edge a little
        half = rng.integers(2, max(3, min(labels.shape) // 6), size=2)
        area = (
            slice(max(row - int(half[0]), 0), row + int(half[0]) + 1),
            slice(max(column - int(half[1]), 0), column + int(half[1]) + 1),
        )
        rows = np.arange(labels.shape[0])[area[0], None] - row
        columns = np.arange(labels.shape[1])[None, area[1]] - column
        inside = (rows / half[0]) ** 2 + (columns / half[1]) ** 2 <= 1
        # A careful user stays inside, a hurried one does not quite.
        if rng.random() < 0.8:
            inside &= labels[area] == label
    else:  # a stroke toward another place of the same object
        other = int(rng.choice(places))
        end = (other // labels.shape[1], other % labels.shape[1])
        steps = max(abs(end[0] - row), abs(end[1] - column), 1)
        line = np.linspace(0, 1, min(steps, 40) + 1)[:, None] * (np.subtract(end, place)) + place
        where = np.zeros(labels.shape, bool)
        where[tuple(np.rint(line).astype(int).T)] = True
        area = (slice(None), slice(None))
        inside = where & (labels == label)
    if color is None:
        part = labels[area] == label
        color = ab[area][part].mean(axis=0) if part.any() else ab[row, column]
    drawn.mark(area, color, inside)
