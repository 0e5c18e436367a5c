"""The gray values of what was decoded: finite, opaque, and of gray or of the lightness of colors."""

from __future__ import annotations

import numpy as np

from semcolorize.color.lab import lightness_to_gray, rgb_to_lab
from semcolorize.errors import ImageReadError

__all__ = ["check_finite", "gray_of_rgb", "without_alpha"]

GRAY_TOLERANCE = 8 / 255
"""Distance of the channels, of full scale, that JPEG and rounding leave in a gray image."""
COLORED_SHARE = 0.005
"""A scale bar drawn in green does not make a colored image: this share of the pixels may be colored."""


def check_finite(values: np.ndarray, path: str | None) -> None:
    """Refuse NaN and infinities, and say where the first is."""
    if values.dtype.kind != "f":
        return
    # A sum is not finite if a value is not: the mask is only made where it is needed.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum(dtype=np.float64)):
            return
    bad = ~np.isfinite(values)
    count = int(np.count_nonzero(bad))
    if count:
        row, column = (int(i) for i in np.argwhere(bad)[0][:2])
        raise ImageReadError(
            f"{count} of {values.size} values are NaN or infinite, the first at x {column}, y {row}; finite"
            " gray values are needed. Replace them first (in ImageJ: Process > Math > Macro), or in Python mask them"
            " (numpy.ma.masked_invalid).",
            path=path,
        )


def _full_scale(dtype: np.dtype) -> float:
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def without_alpha(values: np.ndarray, path: str | None, *, premultiplied: bool = False) -> np.ndarray:
    """Colors of an opaque image (H, W, 3 or 4); others are refused: what they look like depends on what lies below."""
    if values.shape[-1] != 4:
        return values
    opacity = values[..., 3]
    clear = np.count_nonzero(opacity == 0)
    partly = np.count_nonzero(opacity != _full_scale(values.dtype)) - clear
    if clear or partly:
        counts = ((clear, "fully"), (partly, "partly"))
        shares = [f"{count / opacity.size:.2%} of the pixels are {how} transparent" for count, how in counts if count]
        kind = "multiplied into the colors" if premultiplied else "straight, not multiplied into the colors"
        raise ImageReadError(
            f"The image has an alpha channel ({kind}): {' and '.join(shares)}; an opaque image is needed. Flatten it or"
            " drop the alpha channel.",
            path=path,
        )
    return values[..., :3]


def gray_of_rgb(
    values: np.ndarray, allow_color: bool, path: str | None
) -> tuple[np.ndarray, tuple[float, float] | None, str]:
    """Gray plane of an RGB image, the range it is shown over if its type does not say it, and a note."""
    scale = _full_scale(values.dtype)
    # Channel by channel: a reduction over an axis of three is slow.
    r, g, b = (values[..., i] for i in range(3))
    spread = np.maximum(np.maximum(r, g), b) - np.minimum(np.minimum(r, g), b)
    unequal = spread != 0
    gray = g.copy()
    whole = (0.0, scale)
    if not unequal.any():
        return gray, None if values.dtype.kind != "f" else whole, ""
    colored = spread > GRAY_TOLERANCE * scale
    share = np.count_nonzero(colored) / colored.size
    # The gray of equal L*: what the eye saw there.
    lightness = rgb_to_lab(values[unequal].astype(np.float64) / scale)[..., 0]
    shown = lightness_to_gray(lightness) * scale
    if share > COLORED_SHARE:
        if not allow_color:
            raise ImageReadError(
                f"This is a color image: {share:.1%} of its pixels are colored (channels up to"
                f" {int(spread.max() / scale * 255)} of 255 apart); a gray micrograph is needed. Give the"
                " original micrograph, or allow color (--allow-color, allow_color=True) to use its lightness.",
                path=path,
            )
        exact = gray.astype(np.float32)
        exact[unequal] = shown
        return exact, whole, f"The image is colored ({share:.1%} of its pixels): its lightness is used."
    gray[unequal] = shown if values.dtype.kind == "f" else np.rint(shown)
    note = ""
    if share:
        count = np.count_nonzero(colored)
        note = f"{count} pixels are colored (an annotation?): their lightness is used."
    return gray, whole if values.dtype.kind == "f" else None, note
