"""From what the AB-diffuser proposes to what is shown: hints met, faint washes dropped, classes alike in a series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from semcolorize.color.ink import ink_of
from semcolorize.hints.pool import group_inks
from semcolorize.hints.propagate import spread_remainder

__all__ = ["asked_inks", "reconcile", "settle_hints"]

_LARGEST_GAIN = 1.5
_GRAY = 4.0
"""Chroma of an ink below which a hint is a gray one."""
_ALIKE_INKS = 12.0
"""Difference of inks below which two hints mean one color."""


def settle_hints(
    ab: np.ndarray,
    lightness: np.ndarray,
    hint_ab: np.ndarray,
    hint_mask: np.ndarray,
    curve: np.ndarray,
    *,
    cell: int,
) -> np.ndarray:
    """Bring a proposal into line with its hints.

    A model that is unsure proposes pale colors. How pale, its hints tell: all chroma is raised by the one factor
    (1 to 1.5) that fits the proposal to the hints best, so that objects without a hint do not fade. Setting the hints'
    colors alone would then leave each a patch of its own wherever the model still disagrees a little: what is missing
    at the hints is propagated like the hints themselves, and fades with the confidence.

    Parameters
    ----------
    ab : ndarray of shape (H, W, 2)
        Proposal, CIELAB units. H and W: multiples of `cell`.
    lightness : ndarray of shape (H, W)
    hint_ab : ndarray of shape (H, W, 2)
    hint_mask : ndarray of shape (H, W)
    curve : ndarray of shape (H, W)
        Color over ink, as the proposal was made with.
    cell : int
        Pixels a side of a grid cell.

    Returns
    -------
    ab : float32 ndarray of shape (H, W, 2)
    """
    if not hint_mask.any():
        return ab
    at_hints, asked, weight = ab[hint_mask > 0], hint_ab[hint_mask > 0], hint_mask[hint_mask > 0][:, None]
    energy = float((weight * at_hints**2).sum())
    gain = 1.0 if energy < 1e-3 else float((weight * at_hints * asked).sum()) / energy
    ab = ab * np.float32(np.clip(gain, 1.0, _LARGEST_GAIN))
    missing = ink_of(hint_ab, curve) - ink_of(ab, curve)
    coarse = spread_remainder(lightness, missing, hint_mask, curve, cell=cell)
    planes = torch.from_numpy(coarse).movedim(-1, 0)[None]
    full = F.interpolate(planes, scale_factor=cell, mode="bilinear", align_corners=False)
    return ab + curve[..., None] * full[0].movedim(0, -1).numpy()


def asked_inks(
    hint_ab: np.ndarray, hint_mask: np.ndarray, curve: np.ndarray, shown: np.ndarray | None = None
) -> np.ndarray:
    """Inks (K, 2) that were asked for, one a distinct color; gray is none.

    Parameters
    ----------
    hint_ab : ndarray of shape (H, W, 2)
        Colors as they were asked for, CIELAB units: hints of one color mean one thing, dark or bright.
    hint_mask, curve : ndarray of shape (H, W)
    shown : ndarray of shape (H, W, 2), optional
        What they are on their pixels, see `semcolorize.hints.swatch.on_pixels`.
    """
    marked = hint_mask > 0
    precision = hint_mask[marked] * curve[marked] ** 2
    inks = ink_of((hint_ab if shown is None else shown)[marked], curve[marked])
    _, label = np.unique(np.rint(2 * hint_ab[marked]), axis=0, return_inverse=True)
    label = label.reshape(-1)
    weight = np.maximum(np.bincount(label, precision), 1e-9)
    means = np.stack([np.bincount(label, precision * inks[:, i]) / weight for i in range(2)], axis=-1)
    return means.reshape(-1, 2)[np.hypot(means[:, 0], means[:, 1]) > _GRAY]


def reconcile(inks: Sequence[np.ndarray], asked: np.ndarray) -> list[np.ndarray]:
    """Give each class one mean ink in all views of a series, its gradations kept.

    Parameters
    ----------
    inks : sequence of ndarray of shape (H, W, 2)
        One a view.
    asked : ndarray of shape (N, 2)
        Inks asked for, in any view. What is near one of them belongs to its class, the more the nearer; what is near
        none is left alone.

    Returns
    -------
    list of ndarray of shape (H, W, 2)
        Every class moved, as a whole, by the difference of its mean in the view from its mean in the series.
    """
    classes, _ = group_inks(asked, _ALIKE_INKS)
    done = list(inks)
    if not len(classes) or len(done) < 2:
        return done
    for _ in range(_ROUNDS):
        shares, sums = [], []
        for plane in done:
            distance = ((plane[..., None, :] - classes) ** 2).sum(axis=-1)
            near = np.exp(-0.5 * distance / _CLASS_REACH**2)
            share = near / (near.sum(axis=-1, keepdims=True) + _NO_CLASS)
            shares.append(share)
            sums.append((np.einsum("hwk,hwd->kd", share, plane), share.sum(axis=(0, 1))))
        area = np.maximum(sum(a for _, a in sums), 1e-6)
        common = sum(total for total, _ in sums) / area[:, None]
        for i, (share, (total, own)) in enumerate(zip(shares, sums, strict=True)):
            # A class of a few stray pixels has no mean worth moving.
            known = own > _FEWEST_PIXELS
            move = np.where(known[:, None], common - total / np.maximum(own, 1e-6)[:, None], 0)
            done[i] = done[i] + share @ move
    return done


_ROUNDS = 3
_CLASS_REACH = 15.0
"""Distance of inks within which a pixel is of a class."""
_NO_CLASS = float(np.exp(-0.5 * 2.5**2))
_FEWEST_PIXELS = 16
