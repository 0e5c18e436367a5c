"""Gray values to CIE L*, and L* with a*b* back to sRGB: the two ends of the lightness promise.

A gray value is shown between a black and a white value (the display range); its L* is that of the sRGB
gray shown. Coming back, the L* of every output pixel differs from the L* that went in by what rounding costs
and no more.
"""

from __future__ import annotations

import math

import numpy as np

from semcolorize.color.gamut import compressed_planes
from semcolorize.color.lab import gray_to_lightness, linear_to_srgb
from semcolorize.errors import ShapeError
from semcolorize.parallel import each, strips

__all__ = ["gray_to_lightness_plane", "render_rgb", "shares_outside"]


def gray_to_lightness_plane(pixels: np.ndarray, display_range: tuple[float, float]) -> np.ndarray:
    """Show gray values over a display range and return their CIE L*.

    Parameters
    ----------
    pixels : ndarray of shape (H, W)
        Gray values, integer or floating point, finite.
    display_range : tuple of 2 floats
        The value shown black and the value shown white. Black may be the larger one (inverted images).

    Returns
    -------
    lightness : float32 ndarray of shape (H, W)
        L*, 0 to 100. Values beyond the range are shown black or white; `shares_outside` counts them.
    """
    black, white = (float(value) for value in display_range)
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2:
        # Every value there can be, once: exact, and the fastest.
        limits = np.iinfo(pixels.dtype)
        table = _shown(np.arange(limits.min, limits.max + 1, dtype=np.float64), black, white)
        return table[pixels.astype(np.int32) - limits.min]
    lightness = np.empty(pixels.shape, np.float32)

    def convert(rows: slice) -> None:
        lightness[rows] = _shown(pixels[rows].astype(np.float64), black, white)

    each(convert, strips(*pixels.shape))
    return lightness


def _shown(values: np.ndarray, black: float, white: float) -> np.ndarray:
    values = np.clip(values, min(black, white), max(black, white))
    if not math.isfinite(white - black):
        # The ends of double precision.
        values, black, white = values / 2, black / 2, white / 2
    gray = (values - black) / (white - black)
    return np.clip(gray_to_lightness(gray), 0, 100).astype(np.float32)


def shares_outside(pixels: np.ndarray, display_range: tuple[float, float]) -> tuple[float, float]:
    """Share of the pixels (0 to 1) beyond the black end and beyond the white end of a display range."""
    black, white = display_range
    if pixels.dtype == np.uint8 and {black, white} == {0.0, 255.0}:
        return 0.0, 0.0
    low, high = min(black, white), max(black, white)
    below = float(np.count_nonzero(pixels < low)) / pixels.size
    above = float(np.count_nonzero(pixels > high)) / pixels.size
    return (below, above) if black <= white else (above, below)


def render_rgb(lightness: np.ndarray, ab: np.ndarray, *, bits: int = 8) -> np.ndarray:
    """Make sRGB of lightness and a*b*, keeping the lightness.

    Parameters
    ----------
    lightness : ndarray of shape (H, W)
        CIE L*, 0 to 100.
    ab : ndarray of shape (H, W, 2) or (N, H, W, 2)
        CIELAB units. What sRGB cannot show at its L* is drawn toward gray at its hue.
    bits : {8, 16}
        Bits of a channel of the result.

    Returns
    -------
    rgb : uint8 or uint16 ndarray of shape (H, W, 3) or (N, H, W, 3)
        L* differs from `lightness` by at most 0.5 (8 bit) or 0.01 (16 bit) at every pixel. Where a*b* is 0
        the channels are equal, and a gray value of that depth comes back as itself.

    Raises
    ------
    ShapeError
        If the arrays do not belong together or hold NaN or infinities.
    """
    if bits not in (8, 16):
        raise ShapeError(f"bits is {bits!r}; 8 and 16 are accepted.", key="bits")
    if lightness.ndim != 2 or ab.ndim not in (3, 4) or ab.shape[-3:] != (*lightness.shape, 2):
        raise ShapeError(
            f"lightness {lightness.shape} and ab {ab.shape} do not belong together;"
            " (H, W) with (H, W, 2) or (N, H, W, 2) is needed."
        )
    top = (1 << bits) - 1
    rgb = np.empty((*ab.shape[:-1], 3), np.uint8 if bits == 8 else np.uint16)

    def render(part: tuple[np.ndarray, np.ndarray, slice]) -> None:
        colors, shown, rows = part
        plane = np.clip(lightness[rows].astype(np.float32), 0, 100)
        own = colors[rows].astype(np.float32, copy=False)
        if not (np.isfinite(plane).all() and np.isfinite(own).all()):
            raise ShapeError(
                f"lightness or ab holds NaN or infinity in rows {rows.start} to {rows.stop - 1}; finite"
                " values are needed."
            )
        # Gray (a = b = 0) has three equal channels.
        _, _, channels = compressed_planes(plane, own[..., 0], own[..., 1])
        for i, channel in enumerate(channels):
            shown[rows, :, i] = np.rint(linear_to_srgb(channel.clip(0, 1)) * np.float32(top))

    variants = [(ab, rgb)] if ab.ndim == 3 else list(zip(ab, rgb, strict=True))
    each(render, [(*variant, rows) for variant in variants for rows in strips(*lightness.shape)])
    return rgb
