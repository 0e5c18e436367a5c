"""sRGB <-> CIELAB, D65 white, 2 degree observer, for arrays and tensors.

NumPy arrays carry their channels last, (..., 3); tensors carry them third from last, (..., 3, H, W). The result is of
the kind that came in. Nothing is clipped: a color that sRGB cannot show comes back outside [0, 1], and
`semcolorize.color.gamut` decides what to do with it.

The scale between CIELAB units and network units lives here too (`AB_SCALE`).

References
----------
IEC 61966-2-1:1999 (sRGB transfer function); CIE 015:2018 (CIELAB). The matrix is that of scikit-image
(`skimage.color.colorconv.xyz_from_rgb`), scaled so that RGB (1, 1, 1) is exactly L* 100, a* 0, b* 0.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from semcolorize.errors import ShapeError

if TYPE_CHECKING:
    import torch

__all__ = [
    "AB_SCALE",
    "gray_to_lightness",
    "lab_to_linear_rgb",
    "lab_to_rgb",
    "lightness_to_gray",
    "linear_channels",
    "linear_to_srgb",
    "rgb_to_lab",
    "scale_ab",
    "srgb_to_linear",
    "unscale_ab",
]

ArrayOrTensor = TypeVar("ArrayOrTensor", np.ndarray, "torch.Tensor")

AB_SCALE = 40.0
"""CIELAB units per network unit: a*b* of colored micrographs then has a standard deviation of about 1/2."""

_XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
# White is what the matrix makes of RGB (1, 1, 1); dividing by it row by row keeps gray exactly gray, which the
# rounded D65 coordinates (0.95047, 1, 1.08883) would not.
_NORMALIZED = _XYZ_FROM_RGB / _XYZ_FROM_RGB.sum(axis=1, keepdims=True)
_RGB_FROM_NORMALIZED = np.linalg.inv(_NORMALIZED)

_EPSILON = 216 / 24389
_KAPPA = 24389 / 27


def _is_tensor(values: Any) -> bool:
    # Without an import of torch: a tensor can only exist where torch was imported already.
    torch = sys.modules.get("torch")
    # Another thread may be in the middle of importing it.
    kind = getattr(torch, "Tensor", None)
    return kind is not None and isinstance(values, kind)


def _namespace(values: Any) -> Any:
    return sys.modules["torch"] if _is_tensor(values) else np


def _as_float(values: Any) -> Any:
    if _is_tensor(values):
        return values if values.is_floating_point() else values.float()
    values = np.asarray(values)
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def _split(values: Any, channels: int, name: str) -> tuple[Any, ...]:
    axis = -3 if _is_tensor(values) else -1
    if values.ndim < -axis or values.shape[axis] != channels:
        layout = f"(..., {channels}, H, W)" if axis == -3 else f"(..., {channels})"
        raise ShapeError(f"{name} has shape {tuple(values.shape)}; a {type(values).__name__} needs {layout}.")
    if axis == -3:
        return tuple(values[..., i, :, :] for i in range(channels))
    return tuple(values[..., i] for i in range(channels))


def _join(channels: tuple[Any, ...]) -> Any:
    if _is_tensor(channels[0]):
        return sys.modules["torch"].stack(channels, dim=-3)
    return np.stack(channels, axis=-1)


def srgb_to_linear(rgb: ArrayOrTensor) -> ArrayOrTensor:
    """Undo the sRGB transfer function; odd-symmetric below 0. Any shape, 0 to 1."""
    xp, rgb = _namespace(rgb), _as_float(rgb)
    size = abs(rgb)
    curved = ((xp.where(size > 0.04045, size, 0.04045 * xp.ones_like(size)) + 0.055) / 1.055) ** 2.4
    return xp.where(size > 0.04045, xp.sign(rgb) * curved, rgb / 12.92)


def linear_to_srgb(linear: ArrayOrTensor) -> ArrayOrTensor:
    """Apply the sRGB transfer function; odd-symmetric below 0. Any shape, 0 to 1."""
    xp, linear = _namespace(linear), _as_float(linear)
    size = abs(linear)
    curved = 1.055 * size.clip(0.0031308) ** (1 / 2.4) - 0.055
    return xp.where(size > 0.0031308, xp.copysign(curved, linear), linear * 12.92)


def _lightness_function(ratio: Any) -> Any:
    xp = _namespace(ratio)
    # The cube root is taken where it applies only, or its gradient at 0 would poison the other branch.
    root = xp.where(ratio > _EPSILON, ratio, xp.ones_like(ratio)) ** (1 / 3)
    return xp.where(ratio > _EPSILON, root, (_KAPPA * ratio + 16) / 116)


def _lightness_inverse(f: Any) -> Any:
    xp = _namespace(f)
    # Products, not a power: of what rendering an image costs, cubes were a third.
    return xp.where(f > 6 / 29, f * f * f, (116 * f - 16) / _KAPPA)


def rgb_to_lab(rgb: ArrayOrTensor) -> ArrayOrTensor:
    """Convert sRGB to CIELAB.

    Parameters
    ----------
    rgb : ndarray of shape (..., 3) or Tensor of shape (..., 3, H, W)
        sRGB, 0 to 1. Integers are not rescaled: divide 8-bit values by 255 first.

    Returns
    -------
    lab : same kind and shape
        L* (0 to 100), a*, b*. Where R = G = B, a* and b* are exactly 0.
    """
    r, g, b = _split(srgb_to_linear(_as_float(rgb)), 3, "rgb")
    m = _NORMALIZED
    # Written around green, so that equal channels give exactly equal X/Xn, Y/Yn, Z/Zn.
    x = g + m[0, 0] * (r - g) + m[0, 2] * (b - g)
    y = g + m[1, 0] * (r - g) + m[1, 2] * (b - g)
    z = g + m[2, 0] * (r - g) + m[2, 2] * (b - g)
    fx, fy, fz = _lightness_function(x), _lightness_function(y), _lightness_function(z)
    return _join((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)))


def lab_to_linear_rgb(lab: ArrayOrTensor) -> ArrayOrTensor:
    """Convert CIELAB to linear-light RGB, unclipped. Same layouts as `lab_to_rgb`."""
    return _join(linear_channels(*_split(_as_float(lab), 3, "lab")))


def linear_channels(lightness: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """`lab_to_linear_rgb` of separate planes, arrays or tensors of one shape, which is faster: three such planes."""
    fy = (lightness + 16) * (1 / 116)
    y = _lightness_inverse(fy)
    dx = _lightness_inverse(fy + a * (1 / 500)) - y
    dz = _lightness_inverse(fy - b * (1 / 200)) - y
    # Around Y: gray (dx = dz = 0) gives three exactly equal channels.
    red, green, blue = (y + float(m[0]) * dx + float(m[2]) * dz for m in _RGB_FROM_NORMALIZED)
    return red, green, blue


def lab_to_rgb(lab: ArrayOrTensor) -> ArrayOrTensor:
    """Convert CIELAB to sRGB.

    Parameters
    ----------
    lab : ndarray of shape (..., 3) or Tensor of shape (..., 3, H, W)
        L* (0 to 100), a*, b*, D65, 2 degree.

    Returns
    -------
    rgb : same kind and shape
        sRGB, 0 to 1 inside the gamut and beyond outside it (nothing is clipped). Where a* = b* = 0 the three
        channels are exactly equal.
    """
    return linear_to_srgb(lab_to_linear_rgb(lab))


def gray_to_lightness(gray: ArrayOrTensor) -> ArrayOrTensor:
    """CIE L* (0 to 100) of an sRGB gray value (0 to 1), of any shape."""
    return 116 * _lightness_function(srgb_to_linear(_as_float(gray))) - 16


def lightness_to_gray(lightness: ArrayOrTensor) -> ArrayOrTensor:
    """Convert CIE L* (0 to 100), of any shape, to the sRGB gray value (0 to 1) that shows it."""
    return linear_to_srgb(_lightness_inverse((_as_float(lightness) + 16) / 116))


def scale_ab(ab: ArrayOrTensor) -> ArrayOrTensor:
    """CIELAB a*b* to network units."""
    return ab / AB_SCALE


def unscale_ab(ab_scaled: ArrayOrTensor) -> ArrayOrTensor:
    """Network units to CIELAB a*b*."""
    return ab_scaled * AB_SCALE
