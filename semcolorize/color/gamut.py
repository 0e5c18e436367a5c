"""Which colors sRGB can show, and how to bring the others in without touching lightness or hue.

Clipping RGB changes L*: (L*, a*, b*) = (90, 60, 0) comes back at L* 81. Here chroma is reduced instead, so that the
measurement, which is the lightness, survives coloring.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from semcolorize.color.lab import ArrayOrTensor, _is_tensor, _join, _split, lab_to_linear_rgb
from semcolorize.errors import ShapeError

__all__ = ["compress_chroma", "in_gamut", "lightness_and_ab_to_lab"]

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
    channels = _split(lab_to_linear_rgb(lab), 3, "lab")
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
    lab = lightness_and_ab_to_lab(lightness, ab)
    outside = ~in_gamut(lab, tolerance=tolerance)
    if not bool(outside.any()):
        return ab
    tensor = _is_tensor(ab)
    # Only the pixels outside are worked on: (N,) lists.
    planes = _split(lab, 3, "lab")
    plane, a, b = (channel[outside] for channel in planes)
    low = a * 0
    high = low + 1
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        inside = _inside_list(plane, a * middle, b * middle, tolerance)
        low = low + (middle - low) * inside
        high = high + (middle - high) * ~inside
    if tensor:
        a_plane, b_plane = planes[1].clone(), planes[2].clone()
    else:
        a_plane, b_plane = planes[1].copy(), planes[2].copy()
    a_plane[outside] = a * low
    b_plane[outside] = b * low
    return _join((a_plane, b_plane))


def _inside_list(lightness: Any, a: Any, b: Any, tolerance: float) -> Any:
    if _is_tensor(a):
        lab = _join(tuple(channel[:, None, None] for channel in (lightness, a, b)))
        return in_gamut(lab, tolerance=tolerance)[:, 0, 0]
    return in_gamut(_join((lightness, a, b)), tolerance=tolerance)
