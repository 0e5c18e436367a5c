"""The small copy of an image on which the model works."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["WorkingImage"]


@dataclass(frozen=True)
class WorkingImage:
    """A micrograph and its hints at working size.

    Attributes
    ----------
    lightness : float32 ndarray of shape (h, w)
        CIE L*, area-averaged.
    hint_ab : float32 ndarray of shape (h, w, 2)
        CIELAB units, 0 where unhinted.
    hint_mask : float32 ndarray of shape (h, w)
        Strength, 0 to 1; not 0 wherever a hint touches the pixel, however small the hint is.
    """

    lightness: np.ndarray
    hint_ab: np.ndarray
    hint_mask: np.ndarray

    @classmethod
    def of(cls, lightness: np.ndarray, hint_ab: np.ndarray, strength: np.ndarray, size: int) -> WorkingImage:
        """Shrink so that the longest side is at most `size` pixels; never enlarge.

        Parameters
        ----------
        lightness : ndarray of shape (H, W)
        hint_ab : ndarray of shape (H, W, 2)
        strength : ndarray of shape (H, W)
            0 where unhinted.
        size : int
        """
        height, width = lightness.shape
        factor = min(1.0, size / max(height, width))
        shape = (max(1, round(height * factor)), max(1, round(width * factor)))
        if shape == (height, width):
            mask = strength.astype(np.float32)
            return cls(lightness.astype(np.float32), hint_ab * (mask > 0)[..., None], mask)
        small = _area_mean(lightness, shape)
        # Each hinted pixel is counted into the working pixel it falls in: a hint of one pixel survives.
        rows, columns = np.nonzero(strength)
        cell = (rows * shape[0] // height) * shape[1] + columns * shape[1] // width
        count = np.bincount(cell, minlength=shape[0] * shape[1])

        def mean(values: np.ndarray) -> np.ndarray:
            total = np.bincount(cell, weights=values, minlength=count.size)
            return (total / np.maximum(count, 1)).reshape(shape).astype(np.float32)

        hinted = [mean(hint_ab[rows, columns, i]) for i in range(2)]
        return cls(small, np.stack(hinted, axis=-1), mean(strength[rows, columns]))


def _area_mean(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Mean over the (fractional) area that each small pixel covers, axis by axis."""
    for axis, count in enumerate(shape):
        values = np.moveaxis(values, axis, 0)
        length = values.shape[0]
        edges = np.arange(count + 1) * (length / count)
        whole = np.minimum(edges.astype(int), length - 1)
        # Integral up to each edge, then differences.
        sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0, dtype=np.float64)])
        part = (edges - whole).reshape(-1, *[1] * (values.ndim - 1))
        integral = sums[whole] + part * values[whole]
        values = np.moveaxis(np.diff(integral, axis=0) / (length / count), 0, axis)
    return values.astype(np.float32)
