"""Which colors sRGB can show, and how to bring the others in without touching lightness or hue.

Clipping RGB changes L*: (L*, a*, b*) = (90, 60, 0) comes back at L* 81. Here chroma is reduced instead, so that the
measurement, which is the lightness, survives coloring.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from semcolorize.color.lab import ArrayOrTensor, _as_float, _is_tensor, _join, _split, linear_channels
from semcolorize.errors import ShapeError

__all__ = ["compress_chroma", "compressed_planes", "in_gamut", "lightness_and_ab_to_lab"]

_TOLERANCE = 2e-6
"""Linear-light overshoot that still counts as inside: float32 noise, at most 0.002 in L*."""

_BISECTIONS = 10
"""To a thousandth of the chroma, which no one sees: of what rendering a vivid image costs, they are two thirds."""


def lightness_and_ab_to_lab(lightness: ArrayOrTensor, ab: ArrayOrTensor) -> ArrayOrTensor:
    """Stack lightness and a*b* into lab.

    Arrays: (..., H, W) and (..., H, W, 2) to (..., H, W, 3). Tensors: (..., 1, H, W) and (..., 2, H, W) to
    (..., 3, H, W).
    """
    a, b = _split(ab, 2, "ab")
    if _is_tensor(lightness):
        (plane,) = _split(lightness, 1, "lightness")
    else:
        plane = np.asarray(lightness)
    if plane.shape != a.shape:
        try:
            plane = plane + 0 * a
        except (ValueError, RuntimeError):
            raise ShapeError(
                f"lightness {tuple(lightness.shape)} and ab {tuple(ab.shape)} do not belong to one image."
            ) from None
    return _join((plane, a, b))


def in_gamut(lab: ArrayOrTensor, *, tolerance: float = _TOLERANCE) -> Any:
    """Tell which colors sRGB can show.

    Parameters
    ----------
    lab : ndarray of shape (..., 3) or Tensor of shape (..., 3, H, W)
        CIELAB, D65, 2 degree.
    tolerance : float
        Accepted overshoot in linear light.

    Returns
    -------
    inside : bool array of shape (...) or Tensor of shape (..., H, W)
    """
    return _inside(linear_channels(*_split(_as_float(lab), 3, "lab")), tolerance)


def _inside(channels: tuple[Any, Any, Any], tolerance: float) -> Any:
    inside = (channels[0] >= -tolerance) & (channels[0] <= 1 + tolerance)
    for channel in channels[1:]:
        inside = inside & (channel >= -tolerance) & (channel <= 1 + tolerance)
    return inside


def compress_chroma(lightness: ArrayOrTensor, ab: ArrayOrTensor, *, tolerance: float = _TOLERANCE) -> ArrayOrTensor:
    """Draw colors toward gray until sRGB can show them, keeping L* and hue.

    Parameters
    ----------
    lightness : ndarray of shape (..., H, W) or Tensor of shape (B, 1, H, W)
        CIE L*, 0 to 100, D65 white, 2 degree observer.
    ab : ndarray of shape (..., H, W, 2) or Tensor of shape (B, 2, H, W)
        CIE a*, b* in CIELAB units.
    tolerance : float
        Accepted overshoot in linear light.

    Returns
    -------
    ab : same kind and shape as `ab`
        Untouched (bit for bit) where the color was inside; scaled by one factor below 1 where it was not.

    Notes
    -----
    The factor 1 is tried first: the path from gray to sRGB yellow leaves the gamut and re-enters. Else the factor
    is found by bisection to 2^-10 and taken from the inner side, so that the result is inside and a second
    application changes nothing. L* outside [0, 100] gives gray.
    """
    plane, a, b = _split(_as_float(lightness_and_ab_to_lab(lightness, ab)), 3, "lab")
    drawn_a, drawn_b, _ = compressed_planes(plane, a, b, tolerance=tolerance)
    return ab if drawn_a is a else _join((drawn_a, drawn_b))


def compressed_planes(
    lightness: Any, a: Any, b: Any, *, tolerance: float = _TOLERANCE
) -> tuple[Any, Any, tuple[Any, Any, Any]]:
    """`compress_chroma` of separate planes, and what they are in linear light.

    Parameters
    ----------
    lightness, a, b : ndarray or Tensor, of one shape

    Returns
    -------
    a, b : same kind and shape
        The very objects that came in if nothing was outside.
    channels : tuple of three of the same kind and shape
        Linear-light RGB of the result, within the tolerance of 0 to 1.
    """
    channels = linear_channels(lightness, a, b)
    outside = ~_inside(channels, tolerance)
    if not bool(outside.any()):
        return a, b, channels
    # Only the pixels outside are worked on: (N,) lists.
    own, vivid_a, vivid_b = lightness[outside], a[outside], b[outside]
    low = vivid_a * 0
    high = low + 1
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        inside = _inside(linear_channels(own, vivid_a * middle, vivid_b * middle), tolerance)
        low = low + (middle - low) * inside
        high = high + (middle - high) * ~inside
    a, b = (plane.clone() if _is_tensor(plane) else plane.copy() for plane in (a, b))
    a[outside], b[outside] = vivid_a * low, vivid_b * low
    for channel, drawn in zip(channels, linear_channels(own, a[outside], b[outside]), strict=True):
        channel[outside] = drawn
    return a, b, channels
