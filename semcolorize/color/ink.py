"""How strongly a tint colors at each lightness: the shape that most colored micrographs share.

Whatever tool colored it (multiply, overlay, HSL colorize, gradient map), a gray image tinted with one ink is black
where it was black and pale where it was white, so its chroma rises from zero, peaks in the darker half and falls
towards white. Dividing a color by this curve gives the *ink*, which hardly changes within an object; multiplying an ink
by it gives the color at any pixel. Propagating inks instead of colors raises the random walker from 21.9 to 24.1 dB at
5 hints on colored micrographs and hardly changes it on photographs.
"""

from __future__ import annotations

import numpy as np

__all__ = ["INK_FLOOR", "STRONGEST_INK", "TINTS", "ink_curve", "ink_of", "tint_table"]

INK_FLOOR = 0.08
"""Least value of the curve: below, a color says too little about its ink."""

STRONGEST_INK = 130.0
"""Chroma to which inks are limited: about the strongest that sRGB holds. Stronger colors stay what they are."""


def tint_table(peak: float, rise: float, white: float, flat: float = 0.0) -> np.ndarray:
    """Relative chroma of a tint at L* = 0, 1, ..., 100.

    Parameters
    ----------
    peak : float
        L* at which it is strongest.
    rise : float
        Power with which it rises from black.
    white : float
        What is left of it at white, linearly from the peak.
    flat : float
        Share that does not depend on lightness.

    Returns
    -------
    float32 ndarray of shape (101,)
        In [`INK_FLOOR`, 1].
    """
    lightness = np.arange(101.0)
    rising = (np.minimum(lightness, peak) / peak) ** rise
    falling = 1 - (1 - white) * np.maximum(lightness - peak, 0) / (100 - peak)
    return np.maximum(rising * falling * (1 - flat) + flat, INK_FLOOR).astype(np.float32)


_USUAL = (44.0, 0.75, 0.4)
"""The mean over colored micrographs, where PSNR is flat within 0.2 dB around it."""

TINTS: np.ndarray = np.stack(
    [
        tint_table(*_USUAL),
        *(
            tint_table(peak, rise, white)
            for peak in (30.0, 44.0, 60.0, 90.0)
            for rise in (0.5, 1.0)
            for white in ((0.0, 0.3, 0.7) if peak < 90 else (0.9,))
        ),
        tint_table(*_USUAL, flat=0.5),
        tint_table(*_USUAL, flat=1.0),
    ]
)
"""Tints that people use, (T, 101), the usual one first: multiply peaks late, overlay and HSL colorize in the middle,
paint is flat."""


def ink_curve(lightness: np.ndarray, table: np.ndarray | None = None) -> np.ndarray:
    """Relative chroma of a tint, 1 at its peak.

    Parameters
    ----------
    lightness : ndarray of any shape
        CIE L*, 0 to 100.
    table : ndarray of shape (101,), optional
        From `tint_table`, or a mean of such; the usual one by default: ``(L/44)^0.75`` up to L* = 44, then linear to
        0.4 at white.

    Returns
    -------
    float32 ndarray of the same shape
    """
    table = TINTS[0] if table is None else table
    # The knots lie at whole L*, so none has to be searched for as in numpy.interp, which takes five times as long.
    level = np.clip(lightness, 0, 100).astype(np.float32, copy=False)
    below = np.minimum(level.astype(np.intp), 99)
    base, rise = table.astype(np.float32)[:-1], np.diff(table).astype(np.float32)
    return np.asarray(base.take(below) + (level - below) * rise.take(below), np.float32)


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
