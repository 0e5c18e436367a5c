"""From the color a hint was given to the color it means on the pixels it lies on."""

from __future__ import annotations

import numpy as np

from semcolorize.color.ink import ink_curve

__all__ = ["on_pixels"]


def on_pixels(
    lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray, level: np.ndarray
) -> np.ndarray:
    """What hint colors mean at the lightness of their pixels, so that they stand for one ink wherever they were put.

    A red swatch is one red, whether it was dropped on the bright rim of a grain or in its shade. Were its a*b* taken as
    the color of a pixel with L* of 90, where sRGB has only pale pinks, the whole grain would be pink; with L* of 5, its
    ink would be several times too strong. So where a pixel lets a tint show less color than the swatch's own lightness
    does (`semcolorize.color.ink.ink_curve`), the color is weakened in that proportion; elsewhere it stays what it is.

    Parameters
    ----------
    lightness : ndarray of shape (H, W)
        CIE L* of the pixels, 0 to 100.
    hint_ab : ndarray of shape (H, W, 2)
        Colors asked for, CIELAB units.
    hint_mask : ndarray of shape (H, W)
        Not 0 where there is a hint.
    level : ndarray of shape (H, W)
        CIE L* of the colors asked for.

    Returns
    -------
    float32 ndarray of shape (H, W, 2)
        CIELAB units, 0 where there is no hint. Pixels may be too bright for them in sRGB.
    """
    meant = np.zeros((*lightness.shape, 2), np.float32)
    marked = hint_mask > 0
    plane, colors = lightness[marked].astype(np.float32), hint_ab[marked].astype(np.float32)
    here, own = ink_curve(plane), ink_curve(level[marked])
    meant[marked] = colors * (here / np.maximum(here, own))[:, None]
    return meant
