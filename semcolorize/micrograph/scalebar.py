"""A scale bar drawn into a picture, for PNG files and slides; TIFF results carry their calibration instead."""

from __future__ import annotations

import math

import numpy as np

from semcolorize.errors import ConfigError
from semcolorize.micrograph.lettering import typeface

__all__ = ["draw_scale_bar", "scale_bar_length"]

_SHARE = 0.22
"""Of the image's width: the longest a bar may be."""
_UNITS = ((1e6, "mm"), (1e3, "µm"), (1.0, "nm"))


def scale_bar_length(width: int, pixel_size_nm: float) -> tuple[float, str]:
    """Choose a round length: 1, 2 or 5 times a power of ten.

    Parameters
    ----------
    width : int
        Of the image, in pixels.
    pixel_size_nm : float

    Returns
    -------
    length : float
        In nm.
    label : str
        Such as ``5 µm``.
    """
    longest = width * pixel_size_nm * _SHARE
    power = 10.0 ** math.floor(math.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))
    factor, unit = next(((f, u) for f, u in _UNITS if length >= f * (1 - 1e-9)), _UNITS[-1])
    return length, f"{length / factor:g} {unit}"


def draw_scale_bar(rgb: np.ndarray, pixel_size_nm: float | None, *, rows: int | None = None) -> np.ndarray:
    """Draw a white scale bar on black into the lower right corner of a copy.

    Parameters
    ----------
    rgb : uint8 ndarray of shape (H, W, 3)
    pixel_size_nm : float or None
    rows : int, optional
        Rows of the image above its data bar; the bar is drawn there.

    Returns
    -------
    rgb : uint8 ndarray of shape (H, W, 3)

    Raises
    ------
    ConfigError
        If the pixel size is not known.
    """
    from PIL import Image, ImageDraw

    if pixel_size_nm is None:
        raise ConfigError(
            "A scale bar was asked for, but the file does not say how large a pixel is; set the scale in ImageJ"
            " (Analyze > Set Scale...) and save it, or leave the scale bar out.",
            key="scale_bar",
        )
    bottom, width = rows or rgb.shape[0], rgb.shape[1]
    length, label = scale_bar_length(width, pixel_size_nm)
    pixels = max(1, round(length / pixel_size_nm))
    unit = max(2, round(width / 200))
    font = typeface(max(8, 5 * unit))
    picture = Image.fromarray(rgb)
    draw = ImageDraw.Draw(picture)
    box_width, box_height = max(pixels, round(font.getlength(label))) + 4 * unit, 11 * unit
    left, top = width - box_width - 2 * unit, bottom - box_height - 2 * unit
    draw.rectangle((left, top, left + box_width - 1, top + box_height - 1), fill="black")
    start = left + (box_width - pixels) // 2
    draw.rectangle((start, top + 8 * unit, start + pixels - 1, top + 9 * unit), fill="white")
    draw.text((left + box_width / 2, top + 4 * unit), label, font=font, fill="white", anchor="mm")
    return np.asarray(picture).copy()
