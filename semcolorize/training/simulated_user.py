"""A simulated user: says which labels a field has, clicks and strokes them, and corrects what came out wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from semcolorize.model.label_hints import ALIKE, INSTANCE

__all__ = ["LabelTask", "draw_hints", "draw_task", "marks_of", "next_clicks"]


@dataclass(frozen=True)
class LabelTask:
    """What a user wants of one field, or of several views of one specimen.

    Attributes
    ----------
    classes : tuple of (int or None)
        Class that each label takes all of; None where it takes single objects.
    objects : tuple of tuple of int
        Instances that each label takes.
    gray_spread : int
        How far gray hints speak, `ALIKE` or `INSTANCE`.
    """

    classes: tuple[int | None, ...]
    objects: tuple[tuple[int, ...], ...]
    gray_spread: int

    def __len__(self) -> int:
        return len(self.classes)

    def target(self, classes: np.ndarray, instances: np.ndarray) -> np.ndarray:
        """True labels (H, W) int8: 0 none, k + 1 for label k."""
        wanted = np.zeros(classes.shape, np.int8)
        for k, own in enumerate(self.classes):
            if own is not None:
                wanted[classes == own] = k + 1
        for k, objects in enumerate(self.objects):
            if objects:
                wanted[np.isin(instances, objects)] = k + 1
        return wanted


_COUNTS = (0.38, 0.3, 0.19, 0.07, 0.04, 0.02)
"""Chances of 1 to 6 labels."""


def draw_task(
    classes: np.ndarray, instances: np.ndarray, rng: np.random.Generator, *, numbered: bool, alike_only: bool = False
) -> LabelTask:
    """Draw what a user may want of a field.

    Parameters
    ----------
    classes, instances : int ndarray of shape (H, W)
    rng : numpy.random.Generator
    numbered : bool
        Whether instances are single objects; else they are not asked for.
    alike_only : bool
        Leave single objects out.
    """
    area = np.bincount(classes.ravel())
    present = np.flatnonzero(area > 0.002 * classes.size)
    of_instance = np.bincount(instances.ravel())
    objects = np.flatnonzero(of_instance >= 40)
    objects = objects[objects > 0]
    single = numbered and not alike_only and len(objects) > 0
    mode = float(rng.choice([0.0, 0.5, 1.0], p=[0.42, 0.16, 0.42])) if single else 0.0
    chosen: list[int | None] = []
    picked: list[tuple[int, ...]] = []
    # People color objects; the ground now and then.
    odds = np.where(present > 0, 1.0, 0.25) * area[present] ** 0.25
    for _ in range(int(rng.choice(len(_COUNTS), p=_COUNTS)) + 1):
        if rng.random() < mode:
            free = np.setdiff1d(objects, [i for own in picked for i in own])
            if not len(free):
                break
            weight = of_instance[free] ** 0.5
            count = min(len(free), 1 if rng.random() < 0.8 else int(rng.integers(2, 4)))
            picked.append(tuple(int(i) for i in rng.choice(free, count, replace=False, p=weight / weight.sum())))
            chosen.append(None)
        else:
            free = np.array([c for c in present if c not in chosen], int)
            if not len(free):
                break
            weight = odds[np.isin(present, free)]
            chosen.append(int(rng.choice(free, p=weight / weight.sum())))
            picked.append(())
    if not chosen:
        chosen, picked = [int(present[0])], [()]
    gray = INSTANCE if rng.random() < (0.15 if mode == 0 else 0.5 if mode < 1 else 0.85) else ALIKE
    return LabelTask(tuple(chosen), tuple(picked), gray)


def draw_hints(
    task: LabelTask, classes: np.ndarray, instances: np.ndarray, rng: np.random.Generator, *, gray: float = 0.4
) -> np.ndarray:
    """First hints for a task.

    Parameters
    ----------
    task, classes, instances
        As for `draw_task`.
    rng : numpy.random.Generator
    gray : float
        Chance of gray hints on what no label takes.

    Returns
    -------
    int8 ndarray of shape (H, W)
        2 * label + spread, the label after the last being gray; -1 where there is no hint.
    """
    target = task.target(classes, instances)
    marks = np.full(classes.shape, -1, np.int8)
    if rng.random() < gray:
        rest = target == 0
        for _ in range(1 + int(rng.random() < 0.4) + int(rng.random() < 0.2)):
            _mark(marks, _one_of(rest, instances, rng), rng, 2 * len(task) + task.gray_spread)
    for k in range(len(task)):
        own = target == k + 1
        if task.objects[k]:
            for number in task.objects[k]:
                _mark(marks, own & (instances == number), rng, 2 * k + INSTANCE)
        else:
            for _ in range(1 + int(rng.random() < 0.3) + int(rng.random() < 0.15)):
                _mark(marks, _one_of(own, instances, rng), rng, 2 * k + ALIKE)
    if rng.random() < 0.02:
        # A slip of the hand.
        row, column = (int(x) for x in rng.integers(marks.shape))
        marks[row : row + 3, column : column + 3] = 2 * int(rng.integers(len(task))) + ALIKE
    return marks


def _one_of(region: np.ndarray, instances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A region's part that is one object: large ones more often."""
    count = np.bincount(instances[region]) if region.any() else np.zeros(1)
    if not count.any():
        return region
    weight = count**0.5
    return region & (instances == int(rng.choice(len(count), p=weight / weight.sum())))


def _mark(marks: np.ndarray, region: np.ndarray, rng: np.random.Generator, kind: int) -> None:
    """Put one hint into a region, in place."""
    grid = region[2::4, 2::4]
    if not region.any():
        return
    if grid.any():
        depth = ndimage.distance_transform_edt(np.pad(grid, 1))[1:-1, 1:-1]
        least = 0.95 if rng.random() < 0.4 else float(rng.uniform(0, 0.8))
        places = np.argwhere(depth >= max(least * float(depth.max()), 1e-6))
        row, column = 4 * places[int(rng.integers(len(places)))] + rng.integers(0, 4, 2)
        radius = 4 * float(depth[row // 4, column // 4])
    else:
        places = np.argwhere(region)
        row, column = places[int(rng.integers(len(places)))]
        radius = 2.0
    area = np.zeros(marks.shape, bool)
    form = rng.random()
    if form < 0.6:
        half = int(rng.choice([1, 2, 2, 3, 4]))
        area[max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1] = True
    elif form < 0.85 and grid.any():
        _stroke(area, np.argwhere(grid) * 4 + 2, (int(row), int(column)), rng)
    else:
        reach = max(radius * float(rng.uniform(0.4, 1.0)), 2.0)
        rows, columns = np.ogrid[: marks.shape[0], : marks.shape[1]]
        area = (rows - row) ** 2 + (columns - column) ** 2 <= reach**2
    if rng.random() < 0.85 and (area & region).any():
        area &= region
    marks[area] = kind


def _stroke(area: np.ndarray, places: np.ndarray, start: tuple[int, int], rng: np.random.Generator) -> None:
    """A polyline through a region, in place."""
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(np.zeros(area.shape, np.uint8))
    pen = ImageDraw.Draw(canvas)
    points = [start]
    for _ in range(int(rng.integers(1, 4))):
        near = places[((places - points[-1]) ** 2).sum(axis=1) < float(rng.uniform(10, 0.35 * area.shape[0])) ** 2]
        if len(near):
            row, column = near[int(rng.integers(len(near)))]
            points.append((int(row), int(column)))
    pen.line([(column, row) for row, column in points], fill=1, width=int(rng.integers(2, 7)))
    area |= np.asarray(canvas) > 0


def marks_of(kinds: np.ndarray, labels: int) -> np.ndarray:
    """Coverage of patches of 2 x 2 pixels, uint8 in quarters: (labels + 1, 2, H / 2, W / 2); see `draw_hints`."""
    height, width = kinds.shape
    marks = np.zeros((2 * (labels + 1), height // 2, width // 2), np.uint8)
    for kind in np.flatnonzero(np.bincount(kinds.ravel() + 1)[1:]):
        own = kinds == kind
        marks[kind] = own.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3))
    return marks.reshape(labels + 1, 2, height // 2, width // 2)


def next_clicks(
    chances: torch.Tensor, target: torch.Tensor, marks: torch.Tensor, spread: torch.Tensor, labels: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:  # fmt: skip
    """Correct the largest error of each row with one click, as Sofiiuk et al. 2021 (RITM), with people's scatter.

    Parameters
    ----------
    chances : Tensor of shape (R, K + 1, h, w)
        None first.
    target : int64 Tensor of shape (R, h, w)
        0 none, k + 1 for label k.
    marks : Tensor of shape (R, K + 1, 2, h, w)
        Hints so far, gray last.
    spread : int64 Tensor of shape (R, K + 1)
        How far each label's hints speak, gray's last.
    labels : int64 Tensor of shape (R,)
    generator : Generator
        On the device of the chances.

    Returns
    -------
    Tensor
        `marks` with a click more, of 3 x 3 patches.
    """
    rows, kinds, _, height, width = marks.shape
    device = chances.device
    wrong = (chances.argmax(dim=1) != target).float()[:, None]
    depth, left = torch.zeros_like(wrong), wrong
    # A border of the picture is no border of the error.
    for _ in range(24):
        depth = depth + left
        left = -F.max_pool2d(-left, 3, stride=1, padding=1)
    depth = depth.flatten(1)
    deepest = depth.amax(dim=1, keepdim=True)
    least = 0.3 + 0.7 * torch.rand((rows, 1), generator=generator, device=device)
    noise = torch.rand((rows, depth.shape[1]), generator=generator, device=device)
    place = torch.where((depth >= least * deepest) & (depth > 0), noise, -1.0).argmax(dim=1)
    made = marks.clone()
    label = target.flatten(1).gather(1, place[:, None])[:, 0]
    kind = torch.where(label > 0, label - 1, torch.full_like(label, kinds - 1))
    there = deepest[:, 0] > 0
    row, column = place // width, place % width
    reach = torch.arange(-1, 2, device=device)
    at_row = (row[:, None, None] + reach[:, None]).clamp(0, height - 1).expand(-1, 3, 3)
    at_column = (column[:, None, None] + reach[None]).clamp(0, width - 1).expand(-1, 3, 3)
    which = torch.arange(rows, device=device)[:, None, None].expand(-1, 3, 3)
    # Within what is to have the label, but for a rough hand.
    inside = (target[which, at_row, at_column] == label[:, None, None]) & there[:, None, None]
    speaks = spread[torch.arange(rows, device=device), kind]
    flat = (which[inside], at_row[inside], at_column[inside])
    of_kind = kind[:, None, None].expand(-1, 3, 3)[inside]
    of_spread = speaks[:, None, None].expand(-1, 3, 3)[inside]
    made[flat[0], :, :, flat[1], flat[2]] = 0
    made[flat[0], of_kind, of_spread, flat[1], flat[2]] = 4
    return made
