"""A robot user: clicks until the mask is right, and counts how often that takes.

The protocol of interactive segmentation (Sofiiuk et al. 2021, "Reviving iterative training with mask guidance"): the
first click lies in the middle of an object, each further one in the middle of the largest error, in color where color
is missing and in gray where it should not be. People do not click the middle (RClicks, Antonov et al. 2024): `scatter`
says how far from it the robot's hand goes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from semcolorize.evaluation.masks import MaskedImage

__all__ = ["CLICK_COUNTS", "ClickMethod", "ClickRun", "ClickSession", "ClickTask", "click_tasks", "run_clicks"]

TaskKind = Literal["instance", "alike", "labels"]

ClickMethod = Callable[[np.ndarray, np.ndarray, int, TaskKind], np.ndarray]
"""``method(lightness, marks, labels, kind) -> labels``: marks (H, W) are -1 where there is no hint, 0 for gray, k for
label k; the result (H, W) is 0 for none, k for label k."""

CLICK_COUNTS = (1, 2, 3, 5, 10)
_HALF = 2
"""Clicks are patches of 5 x 5 pixels."""


@dataclass(frozen=True)
class ClickTask:
    """What the robot wants of an image.

    Attributes
    ----------
    image : MaskedImage
    kind : {"instance", "alike", "labels"}
        One object; all of one class; two or three classes at once.
    target : int ndarray of shape (H, W)
        0 none, k for label k.
    first : tuple of (row, column)
        First click of each label.
    """

    image: MaskedImage
    kind: TaskKind
    target: np.ndarray
    first: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ClickSession:
    """How one method fared on one task: `ious` after each click, of `labels` the mean, and seconds a click."""

    method: str
    kind: str
    group: str
    image: str
    labels: int
    ious: tuple[float, ...]
    seconds: float


@dataclass
class ClickRun:
    """All sessions, and pictures of the labels after one click and after the last."""

    sessions: list[ClickSession] = field(default_factory=list)
    pictures: dict[tuple[str, str, str], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    @property
    def scores(self) -> list[ClickSession]:
        """The sessions, as reports call them."""
        return self.sessions

    def summary(self, *, by_group: bool = False) -> list[dict[str, Any]]:
        """A row for each task and method (and group of images)."""

        def key(session: ClickSession) -> tuple[str, str, str]:
            return session.kind, session.group if by_group else "all", session.method

        rows = []
        for kind, group, method in sorted({key(s) for s in self.sessions}):
            own = [s for s in self.sessions if key(s) == (kind, group, method)]
            rows.append({"task": kind, "images": group, "method": method, **_scores(own)})
        return rows


def _scores(sessions: Sequence[ClickSession]) -> dict[str, Any]:
    ious = np.array([s.ious for s in sessions])
    most = ious.shape[1]

    def clicks_to(goal: float) -> np.ndarray:
        reached = ious >= goal
        return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, most)

    steps = np.diff(ious, axis=1)
    # What is right already is not clicked any more.
    counted = ious[:, :-1] < 0.995
    falls = np.where(counted, steps, 0.0)
    number = max(int(counted.sum()), 1)
    return {
        "sessions": len(sessions),
        **{f"iou_{n}": round(float(ious[:, n - 1].mean()), 4) for n in CLICK_COUNTS if n <= most},
        "noc85": round(float(clicks_to(0.85).mean()), 3),
        "noc90": round(float(clicks_to(0.90).mean()), 3),
        "fail90": round(float((ious.max(axis=1) < 0.90).mean()), 4),
        "worse": round(float((falls < -0.02).sum() / number), 4),
        "much_worse": round(float((falls < -0.05).sum() / number), 4),
        "worst": round(float(falls.min()) if falls.size else 0.0, 4),
        "seconds": round(float(np.mean([s.seconds for s in sessions])), 4),
    }


def click_tasks(
    images: Sequence[MaskedImage], kinds: Sequence[TaskKind], *, objects: int = 1, seed: int = 0
) -> list[ClickTask]:
    """Draw tasks; the draw depends on an image's name, the kind and the seed only."""
    tasks: list[ClickTask] = []
    for image in images:
        depth = _depth(image.instances)
        for kind in kinds:
            digest = hashlib.sha256(f"{image.name} {kind}".encode()).digest()
            rng = np.random.Generator(np.random.PCG64([seed, int.from_bytes(digest[:8], "little")]))
            if kind == "labels":
                tasks += _of_classes(image, depth, rng)
            elif kind == "alike" or image.numbered:
                for number in _drawn_objects(image, depth, objects if kind == "instance" else 1, rng):
                    here = image.instances == number
                    first = _deepest(depth, here)
                    whole = here if kind == "instance" else image.classes == image.classes[first]
                    tasks.append(ClickTask(image, kind, whole.astype(np.int8), (first,)))
    return tasks


def _drawn_objects(image: MaskedImage, depth: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    """Objects that people can hit, large ones more often."""
    numbers = np.unique(image.instances[image.instances > 0])
    if not len(numbers):
        return []
    radius = ndimage.maximum(depth, image.instances, numbers)
    weight = np.sqrt(np.bincount(image.instances.ravel())[numbers]) * (radius >= min(4.0, float(radius.max())))
    count = min(count, int((weight > 0).sum()))
    return [int(n) for n in rng.choice(numbers, count, replace=False, p=weight / weight.sum())]


def _of_classes(image: MaskedImage, depth: np.ndarray, rng: np.random.Generator) -> list[ClickTask]:
    """All classes of at least a hundredth of the field, two or three, each clicked in one of its objects."""
    area = np.bincount(image.classes.ravel())
    classes = [c for c in range(1, len(area)) if area[c] > 0.01 * image.classes.size]
    if not 2 <= len(classes) <= 3:
        return []
    target, first = np.zeros(image.classes.shape, np.int8), []
    for k, own in enumerate(classes, start=1):
        target[image.classes == own] = k
        inside = np.where(image.classes == own, image.instances, 0)
        numbers = np.unique(inside[inside > 0])
        weight = np.sqrt(np.bincount(inside.ravel())[numbers])
        number = int(rng.choice(numbers, p=weight / weight.sum()))
        first.append(_deepest(depth, inside == number))
    return [ClickTask(image, "labels", target, tuple(first))]


def run_clicks(
    tasks: Sequence[ClickTask],
    methods: Mapping[str, ClickMethod],
    *,
    most: int = 10,
    scatter: float = 0.0,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> ClickRun:
    """Let the robot work with every method.

    Parameters
    ----------
    tasks : sequence of ClickTask
    methods : mapping of str to ClickMethod
    most : int
        Clicks; with several labels, clicks a label.
    scatter : float
        0 clicks the middle of an error; 1 anywhere in it.
    seed : int
    on_progress : callable, optional
    """
    run = ClickRun()
    for i, task in enumerate(tasks):
        for j, (name, method) in enumerate(methods.items()):
            session, first, last = _session(task, name, method, most, scatter, seed)
            run.sessions.append(session)
            run.pictures.setdefault((task.image.name, task.kind, name), (first, last))
            if on_progress is not None:
                on_progress(i * len(methods) + j + 1, len(tasks) * len(methods))
    return run


def _session(
    task: ClickTask, name: str, method: ClickMethod, most: int, scatter: float, seed: int
) -> tuple[ClickSession, np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.PCG64(seed))
    labels = len(task.first)
    marks = np.full(task.target.shape, -1, np.int8)
    for k, place in enumerate(task.first, start=1):
        _click(marks, task.target, place, k)
    ious: list[float] = []
    shown: list[np.ndarray] = []
    seconds, seen = 0.0, np.zeros(0)
    for n in range(most):
        if n and ious[-1] < 0.995:
            # With several labels as many clicks a round, each where the error is largest then.
            before = seen.copy()
            for _ in range(labels):
                wrong = _largest_error(before, task.target, scatter, rng)
                if wrong is None:
                    break
                _click(marks, task.target, wrong, int(task.target[wrong]))
                before = np.where(_around(before, wrong), task.target, before)
        if not n or ious[-1] < 0.995:
            started = time.perf_counter()
            seen = method(task.image.lightness, marks, labels, task.kind)
            seconds += time.perf_counter() - started
        ious.append(_iou(seen, task.target, labels))
        shown.append(seen)
    session = ClickSession(
        name, task.kind, task.image.group, task.image.name, labels, tuple(ious), seconds / most
    )
    return session, shown[0].astype(np.int8), shown[-1].astype(np.int8)


def _click(marks: np.ndarray, target: np.ndarray, place: tuple[int, int], label: int) -> None:
    row, column = place
    part = (slice(max(row - _HALF, 0), row + _HALF + 1), slice(max(column - _HALF, 0), column + _HALF + 1))
    marks[part][target[part] == label] = label


def _around(seen: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """The connected part of equal label that a pixel lies in: one click is to mend it."""
    parts, _ = ndimage.label(seen == seen[place])
    return np.asarray(parts == parts[place])


def _largest_error(
    seen: np.ndarray, target: np.ndarray, scatter: float, rng: np.random.Generator
) -> tuple[int, int] | None:
    """The middle of the largest error, or with `scatter` a place in it."""
    best, depth_there, where = 0.0, np.zeros(0), (0, 0)
    for label in np.unique(target):
        wrong = (seen != target) & (target == label)
        if wrong.any():
            depth = ndimage.distance_transform_edt(np.pad(wrong, 1))[1:-1, 1:-1]
            if depth.max() > best:
                best, depth_there, where = float(depth.max()), depth, _deepest(depth, wrong)
    if best == 0.0:
        return None
    if scatter > 0:
        places = np.argwhere(_around(depth_there > 0, where) & (depth_there >= (1 - scatter) * best))
        row, column = places[int(rng.integers(len(places)))]
        return int(row), int(column)
    return where


def _deepest(depth: np.ndarray, within: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(int(np.where(within, depth, -1).argmax()), depth.shape)
    return int(row), int(column)


def _depth(instances: np.ndarray) -> np.ndarray:
    """Distance to the nearest pixel of something else, the picture's border included."""
    padded = np.pad(instances, 1, constant_values=-1)
    edge = np.zeros(padded.shape, bool)
    for axis in (0, 1):
        differs = np.diff(padded, axis=axis) != 0
        edge |= np.pad(differs, [(0, 1) if a == axis else (0, 0) for a in (0, 1)])
        edge |= np.pad(differs, [(1, 0) if a == axis else (0, 0) for a in (0, 1)])
    return np.asarray(ndimage.distance_transform_edt(~edge))[1:-1, 1:-1]


def _iou(seen: np.ndarray, target: np.ndarray, labels: int) -> float:
    scores = []
    for k in range(1, labels + 1):
        union = ((seen == k) | (target == k)).sum()
        scores.append(float(((seen == k) & (target == k)).sum() / union) if union else 1.0)
    return float(np.mean(scores))
