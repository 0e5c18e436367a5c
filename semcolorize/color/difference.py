"""CIEDE2000: how different two colors look."""

from __future__ import annotations

import math
from typing import Any

from semcolorize.color.lab import ArrayOrTensor, _as_float, _namespace, _split

__all__ = ["ciede2000"]


def ciede2000(lab1: ArrayOrTensor, lab2: ArrayOrTensor) -> Any:
    """Color difference CIEDE2000 with unit weights.

    Parameters
    ----------
    lab1, lab2 : ndarray of shape (..., 3) or Tensor of shape (..., 3, H, W)
        CIELAB, D65, 2 degree.

    Returns
    -------
    difference : ndarray of shape (...) or Tensor of shape (..., H, W)
        0 for equal colors; about 1 is just noticeable.

    References
    ----------
    G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary
    test data, and mathematical observations", Color Research & Application 30 (2005), 21-30. Equation numbers
    below are theirs.
    """
    lab1, lab2 = _as_float(lab1), _as_float(lab2)
    xp = _namespace(lab1)
    l1, a1, b1 = _split(lab1, 3, "lab1")
    l2, a2, b2 = _split(lab2, 3, "lab2")

    def root7(c7: Any) -> Any:
        return xp.sqrt(c7 / (c7 + 25.0**7))

    # (2)-(7): a* stretched near the neutral axis, then chroma and hue.
    mean_chroma = (xp.sqrt(a1**2 + b1**2) + xp.sqrt(a2**2 + b2**2)) / 2
    stretch = 1 + 0.5 * (1 - root7(mean_chroma**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = xp.sqrt(a1**2 + b1**2), xp.sqrt(a2**2 + b2**2)
    h1, h2 = _hue(xp, a1, b1), _hue(xp, a2, b2)

    # (8)-(11)
    chromatic = c1 * c2 != 0
    dh = h2 - h1
    dh = dh - 360.0 * (dh > 180) + 360.0 * (dh < -180)
    dh = dh * chromatic
    delta_l, delta_c = l2 - l1, c2 - c1
    delta_h = 2 * xp.sqrt(c1 * c2) * xp.sin(dh * (math.pi / 360))

    # (12)-(14)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    total, far = h1 + h2, abs(h1 - h2) > 180
    mean_h = (total + 360.0 * (far & (total < 360)) - 360.0 * (far & (total >= 360))) / 2
    mean_h = xp.where(chromatic, mean_h, total)

    # (15)-(22)
    def cosine(degrees: Any) -> Any:
        return xp.cos(degrees * (math.pi / 180))

    t = (
        1
        - 0.17 * cosine(mean_h - 30)
        + 0.24 * cosine(2 * mean_h)
        + 0.32 * cosine(3 * mean_h + 6)
        - 0.20 * cosine(4 * mean_h - 63)
    )
    rotation_angle = 30 * xp.exp(-(((mean_h - 275) / 25) ** 2))
    rotation = -xp.sin(2 * rotation_angle * (math.pi / 180)) * 2 * root7(mean_c**7)
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / xp.sqrt(20 + (mean_l - 50) ** 2)
    s_c = 1 + 0.045 * mean_c
    s_h = 1 + 0.015 * mean_c * t
    l_term, c_term, h_term = delta_l / s_l, delta_c / s_c, delta_h / s_h
    square = l_term**2 + c_term**2 + h_term**2 + rotation * c_term * h_term
    return xp.sqrt(xp.where(square > 0, square, 0 * square))


def _hue(xp: Any, a: Any, b: Any) -> Any:
    degrees = xp.arctan2(b, a) * (180 / math.pi)
    degrees = degrees + 360.0 * (degrees < 0)
    return xp.where((a == 0) & (b == 0), 0 * degrees, degrees)
