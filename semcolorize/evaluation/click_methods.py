"""What the robot user clicks with: classical segmentation, and GrabCut where OpenCV is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from scipy import ndimage

from semcolorize.evaluation.clicks import ClickMethod, TaskKind
from semcolorize.hints.walker import random_walker
from semcolorize.model.label_model import LabelModel

__all__ = ["CLASSICAL", "colored_method", "flood", "grabcut", "label_method", "walker"]


def walker(lightness: np.ndarray, marks: np.ndarray, labels: int, kind: TaskKind) -> np.ndarray:
    """The label that a random walker meets first (Grady 2006), gray for none; without gray, all takes the label."""
    found = []
    for k in range(labels + 1):
        plane = np.repeat((marks == k).astype(float)[..., None], 2, axis=-1)
        found.append(random_walker(lightness, plane, marks >= 0)[..., 0])
    return np.asarray(np.argmax(found, axis=0))


def flood(lightness: np.ndarray, marks: np.ndarray, labels: int, kind: TaskKind) -> np.ndarray:
    """The magic wand: what is joined to a click and as bright as it, to 8 L*; alike takes what is not joined, too."""
    found = np.zeros(marks.shape, int)
    smooth = ndimage.gaussian_filter(lightness, 1.0)
    for k in (*range(1, labels + 1), 0):
        clicks, count = ndimage.label(marks == k)
        for n in range(1, count + 1):
            near = np.abs(smooth - smooth[clicks == n].mean()) <= _TOLERANCE
            if kind == "instance" or k == 0:
                parts, _ = ndimage.label(near)
                near = np.isin(parts, np.unique(parts[(clicks == n) & near]))
            found[near] = k
    found[marks >= 0] = marks[marks >= 0]
    return found


_TOLERANCE = 8.0


def grabcut(lightness: np.ndarray, marks: np.ndarray, labels: int, kind: TaskKind) -> np.ndarray:
    """GrabCut (Rother et al. 2004, OpenCV): one cut a label against everything else."""
    cv2: Any = import_module("cv2")
    gray = np.clip(lightness * 2.55, 0, 255).astype(np.uint8)
    picture = np.repeat(gray[..., None], 3, axis=-1)
    found = np.zeros(marks.shape, int)
    for k in range(1, labels + 1):
        mask = np.full(marks.shape, cv2.GC_PR_BGD, np.uint8)
        # Probably an object: what is around a click.
        near = ndimage.distance_transform_edt(marks != k) <= 0.06 * max(marks.shape)
        mask[near] = cv2.GC_PR_FGD
        mask[marks == k], mask[(marks >= 0) & (marks != k)] = cv2.GC_FGD, cv2.GC_BGD
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)
        try:
            cv2.grabCut(picture, mask, None, *models, 5, cv2.GC_INIT_WITH_MASK)
        except cv2.error:  # too few pixels on one side
            continue
        found[(mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)] = k
    return found


CLASSICAL: dict[str, ClickMethod] = {"random-walker": walker, "flood": flood, "grabcut": grabcut}


def colored_method(predict: Callable[..., np.ndarray]) -> ClickMethod:
    """A colorizer as a method: what has at least half of a label's ink has the label.

    Parameters
    ----------
    predict : callable
        ``predict(lightness, hint_ab, hint_mask, spread) -> ab``.
    """
    from semcolorize.color.ink import ink_curve

    inks = 62.0 * np.array([[0.0, 0.0], *((np.cos(a), np.sin(a)) for a in (0.7, 2.8, 4.9))])

    def method(lightness: np.ndarray, marks: np.ndarray, labels: int, kind: TaskKind) -> np.ndarray:
        curve = ink_curve(lightness)
        hint_ab: Any = inks[np.maximum(marks, 0)] * curve[..., None]
        ab = predict(lightness, hint_ab, marks >= 0, "instance" if kind == "instance" else "alike")
        own = ab / curve[..., None]
        return np.asarray(((own[..., None, :] - inks[: labels + 1]) ** 2).sum(axis=-1).argmin(axis=-1))

    return method


def label_method(model: LabelModel) -> ClickMethod:
    """The label model: an image is looked at once, each click costs the decoder."""
    from semcolorize.inference.assign import EncodedView, assign, encode_view
    from semcolorize.inference.assignment import label_marks

    kept: list[tuple[np.ndarray, EncodedView]] = []

    def method(lightness: np.ndarray, marks: np.ndarray, labels: int, kind: TaskKind) -> np.ndarray:
        if not kept or kept[0][0] is not lightness:
            kept[:] = [(lightness, encode_view(model, lightness))]
        place = np.flatnonzero(marks.ravel() >= 0)
        label = marks.ravel()[place].astype(int)
        own = 2 * np.where(label == 0, labels, label - 1) + int(kind == "instance")
        shape = (marks.shape[0], marks.shape[1])
        (logits,) = assign(model, [kept[0][1]], [label_marks(place, own, np.ones(len(place)), labels, shape)])
        found = np.concatenate([np.zeros_like(logits[:1]), logits]).argmax(axis=0)
        found[marks >= 0] = marks[marks >= 0]
        return found

    return method
