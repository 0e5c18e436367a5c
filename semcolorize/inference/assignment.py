"""What the label model said of one micrograph: chances, areas, doubt, and where one more hint would help most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from semcolorize.hints.labels import Label
from semcolorize.micrograph.working import shrink

__all__ = ["Assignment", "label_chroma", "label_marks", "softmax_with_none"]


@dataclass(frozen=True, eq=False)
class Assignment:
    """Labels of a micrograph.

    Attributes
    ----------
    labels : tuple of Label
    logits : float32 ndarray of shape (K, h, w)
        Against "none", at working size.
    shape : tuple of int
        (H, W) of the micrograph.
    bar : int
        First row of the data bar; H where there is none.
    upsample : callable
        From (h, w, 2) to (bar, W, 2), edges on those of the micrograph.
    rows, columns, label : int ndarray of shape (N,)
        Hinted pixels of the micrograph and their labels, -1 for gray.
    missing : bool ndarray of shape (H, W) or None
        Pixels that hold no data: they have no label and no area.
    """

    labels: tuple[Label, ...]
    logits: np.ndarray
    shape: tuple[int, int]
    bar: int
    upsample: Callable[[np.ndarray], np.ndarray]
    rows: np.ndarray
    columns: np.ndarray
    label: np.ndarray
    missing: np.ndarray | None = None

    @cached_property
    def small_chances(self) -> np.ndarray:
        """Chances of none (first) and of every label at working size, (K + 1, h, w) float32."""
        return softmax_with_none(self.logits)

    def normalized_chroma(self, crispness: float, rest: np.ndarray) -> np.ndarray:
        """Colors of the labels and of the rest (2,) mixed after their chances, at working size, see `label_chroma`."""
        colors = np.array([label.normalized_chroma for label in self.labels], np.float32).reshape(-1, 2)
        return label_chroma(self.logits, colors, crispness, rest)

    @cached_property
    def chances(self) -> np.ndarray:
        """Chances of none (first) and of every label, (K + 1, H, W) float32; a hint's pixels have its label."""
        small = self.small_chances[1:]
        whole = np.zeros((len(small) + 1, *self.shape), np.float32)
        for k in range(0, len(small), 2):
            pair = np.zeros((*small.shape[1:], 2), np.float32)
            pair[..., : len(small[k : k + 2])] = np.moveaxis(small[k : k + 2], 0, -1)
            large = self.upsample(pair)
            for i in range(len(small[k : k + 2])):
                whole[1 + k + i, : large.shape[0]] = large[..., i]
        whole[:, self.rows, self.columns] = 0
        whole[self.label + 1, self.rows, self.columns] = 1
        if self.missing is not None:
            whole[1:, self.missing] = 0
        whole[0] = np.clip(1 - whole[1:].sum(axis=0), 0, 1)
        return whole

    @cached_property
    def map(self) -> np.ndarray:
        """The likeliest label of every pixel, (H, W) uint8: 0 none, k the k-th label."""
        return self.chances.argmax(axis=0).astype(np.uint8)

    @cached_property
    def shares(self) -> np.ndarray:
        """Shares of the area above the data bar that none (first) and every label have, (K + 1,)."""
        likeliest = self.small_chances.argmax(axis=0)
        held = np.ones(likeliest.shape, np.float32)
        if self.missing is not None:
            held = 1 - shrink(self.missing[: self.bar], likeliest.shape)
        counted = np.bincount(likeliest.ravel(), weights=held.ravel(), minlength=len(self.labels) + 1)
        return counted / max(float(held.sum()), 1e-9)

    @cached_property
    def uncertainty(self) -> np.ndarray:
        """How near the second likeliest comes to the likeliest, (H, W) float32 from 0 (sure) to 1 (as likely)."""
        return _doubt(self.chances)

    @cached_property
    def next_hint(self) -> tuple[int, int] | None:
        """(x, y) in the middle of the largest region that is in doubt; None where nothing of size is."""
        doubt = _doubt(self.small_chances)
        unsure = doubt > _IN_DOUBT
        depth = ndimage.distance_transform_edt(np.pad(unsure, 1))[1:-1, 1:-1]
        if depth.size == 0 or depth.max() < max(_LEAST_RADIUS * max(depth.shape), 2.0):
            return None
        row, column = np.unravel_index(int((depth * (1 + doubt)).argmax()), depth.shape)
        height, width = depth.shape
        return int((column + 0.5) * self.shape[1] / width), int((row + 0.5) * self.bar / height)


_IN_DOUBT = 0.5
"""Doubt from which a pixel counts: the second label is half as likely as the first, or nearly."""
_LEAST_RADIUS = 0.012
"""Radius, as a share of the longer side, of the smallest region worth a hint: a click's own size."""


def softmax_with_none(logits: np.ndarray) -> np.ndarray:
    """Chances (K + 1, ...) of none, whose logit is 0, and of K labels."""
    largest = np.maximum(logits.max(axis=0, initial=0.0), 0)
    chances = np.exp(np.concatenate([-largest[None], logits - largest]))
    return np.asarray(chances / chances.sum(axis=0), np.float32)


def label_chroma(
    logits: np.ndarray, colors: np.ndarray, crispness: float, rest: np.ndarray | None = None
) -> np.ndarray:
    """Mix the labels' colors after their chances.

    Parameters
    ----------
    logits : ndarray of shape (K, h, w)
        Against "none".
    colors : ndarray of shape (K, 2)
        Normalized chroma.
    crispness : float
        Power that chances are raised to, so that labels meet in a rim instead of a third hue.
    rest : ndarray of shape (2,), optional
        Normalized chroma of what has no label; none by default.

    Returns
    -------
    float32 ndarray of shape (h, w, 2)
        Normalized chroma.
    """
    every = np.concatenate([np.zeros((1, 2)) if rest is None else np.reshape(rest, (1, 2)), colors])
    return np.einsum("khw,kc->hwc", softmax_with_none(crispness * logits), every.astype(np.float32)).astype(np.float32)


def _doubt(chances: np.ndarray) -> np.ndarray:
    if len(chances) < 2:
        return np.zeros(chances.shape[1:], np.float32)
    second, first = np.partition(chances, -2, axis=0)[-2:]
    return np.asarray(second / np.maximum(first, 1e-9), np.float32)


def label_marks(
    place: np.ndarray, kind: np.ndarray, strength: np.ndarray, labels: int, small: tuple[int, int]
) -> np.ndarray:
    """Hinted pixels as the label model takes them.

    Parameters
    ----------
    place : int ndarray of shape (N,)
        Working pixel, flattened, that each hinted pixel falls in.
    kind : int ndarray of shape (N,)
        2 * label + spread (1 for instance), the label after the last being gray.
    strength : ndarray of shape (N,)
    labels : int
    small : tuple of int
        (h, w)

    Returns
    -------
    float32 ndarray of shape (labels + 1, 2, h, w)
        A hint of one pixel counts for the whole working pixel it falls in.
    """
    size = small[0] * small[1]
    count = np.maximum(np.bincount(place, minlength=size), 1)
    flat = np.bincount(kind * size + place, weights=strength, minlength=2 * (labels + 1) * size)
    return (flat.reshape(-1, size) / count).reshape(labels + 1, 2, *small).astype(np.float32)
