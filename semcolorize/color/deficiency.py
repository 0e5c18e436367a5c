"""Whether people can tell a palette's colors apart, color-blind people included.

In a colored micrograph L* belongs to the measurement, so two classes can only differ by a*b*. Colors are
therefore compared at one common lightness, after being brought into the gamut there: a pair like light and
dark green, fine in a bar chart, fails here, and should.

References ---------- G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A physiologically-based model for
simulation of color vision deficiency", IEEE Transactions on Visualization and Computer Graphics 15 (2009),
1291-1298: the matrices for severity 1.0 of their supplementary table, for linear-light sRGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from semcolorize.color.difference import ciede2000
from semcolorize.color.gamut import compress_chroma
from semcolorize.color.lab import lab_to_rgb, linear_to_srgb, rgb_to_lab, srgb_to_linear
from semcolorize.color.palette import NamedColor, Palette
from semcolorize.errors import ConfigError

__all__ = ["VISIONS", "CloseColors", "PaletteReport", "check_palette", "simulate_deficiency"]

Vision = Literal["normal", "protan", "deutan", "tritan"]

_MATRICES = {
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}

VISIONS: tuple[Vision, ...] = ("normal", "protan", "deutan", "tritan")
"""Normal vision, then blindness to long, middle and short wavelengths."""

_NEAR_GRAY = 12.0
"""Chroma below this reads as gray once noise and lightness vary."""


def simulate_deficiency(rgb: np.ndarray, vision: Vision) -> np.ndarray:
    """Show colors as somebody with a color-vision deficiency sees them.

    Parameters
    ----------
    rgb : ndarray of shape (..., 3)
        sRGB, 0 to 1.
    vision : {"normal", "protan", "deutan", "tritan"}
        Full dichromacy (severity 1.0); "normal" returns the colors as they are.

    Returns
    -------
    rgb : ndarray of shape (..., 3)
        sRGB, 0 to 1, clipped to what a screen shows.
    """
    if vision == "normal":
        return np.asarray(rgb, dtype=np.float64)
    if vision not in _MATRICES:
        raise ConfigError(f"{vision!r} is not a kind of color vision; accepted are {', '.join(VISIONS)}.")
    linear = srgb_to_linear(np.asarray(rgb, dtype=np.float64)) @ np.array(_MATRICES[vision]).T
    return linear_to_srgb(np.clip(linear, 0, 1))


@dataclass(frozen=True, slots=True)
class CloseColors:
    """Two colors that somebody cannot tell apart at equal lightness.

    Parameters
    ----------
    first, second : str
        Names.
    vision : str
        Whose eyes: one of `VISIONS`.
    difference : float
        CIEDE2000 of the two at equal L*.
    """

    first: str
    second: str
    vision: str
    difference: float


@dataclass(frozen=True, slots=True)
class PaletteReport:
    """What `check_palette` found.

    Parameters
    ----------
    threshold, lightness : float
        Settings of the check.
    close : tuple of CloseColors
        Pairs below the threshold, the closest first; a pair appears once per vision it fails for.
    near_gray : tuple of str
        Names of colors with so little chroma that they read as gray (fine for a neutral class, once).
    dulled : tuple of (str, float)
        Names of colors that sRGB cannot show at this lightness, and the share of chroma that is left.
    smallest : dict of str to float
        The smallest difference of any pair for each vision; empty for fewer than two colors.
    """

    threshold: float
    lightness: float
    close: tuple[CloseColors, ...]
    near_gray: tuple[str, ...]
    dulled: tuple[tuple[str, float], ...]
    smallest: dict[str, float]

    @property
    def passed(self) -> bool:
        """Every pair can be told apart by everybody, and at most one class is gray."""
        return not self.close and len(self.near_gray) <= 1


def check_palette(palette: Palette, *, threshold: float = 8.0, lightness: float = 60.0) -> PaletteReport:
    """Find colors of a palette that cannot be told apart on a micrograph.

    Parameters
    ----------
    palette : Palette
        The colors; at least one.
    threshold : float
        Smallest CIEDE2000 at which two classes count as different. About 1 is just noticeable side by side;
        classes that lie apart in an image need several times that.
    lightness : float
        The common L* of the comparison, 0 to 100.

    Returns
    -------
    report : PaletteReport
    """
    if not palette:
        raise ConfigError("The palette is empty: give at least one color.", key="palette")
    colors = list(palette.values())
    ab = _at_lightness(colors, lightness)
    chroma = np.hypot(ab[:, 0], ab[:, 1])
    wanted = np.array([np.hypot(*color.ab) for color in colors])
    kept = np.divide(chroma, wanted, out=np.ones_like(chroma), where=wanted > 0)
    close: list[CloseColors] = []
    smallest: dict[str, float] = {}
    for vision in VISIONS:
        seen = _as_seen(ab, lightness, vision)
        for i, j in combinations(range(len(colors)), 2):
            difference = float(ciede2000(seen[i], seen[j]))
            smallest[vision] = min(difference, smallest.get(vision, np.inf))
            if difference < threshold:
                close.append(CloseColors(colors[i].name, colors[j].name, vision, difference))
    return PaletteReport(
        threshold=threshold,
        lightness=lightness,
        close=tuple(sorted(close, key=lambda pair: pair.difference)),
        near_gray=tuple(color.name for color, size in zip(colors, wanted, strict=True) if size < _NEAR_GRAY),
        dulled=tuple(
            (color.name, float(share)) for color, share in zip(colors, kept, strict=True) if share < 0.995
        ),
        smallest=smallest,
    )


def _at_lightness(colors: list[NamedColor], lightness: float) -> np.ndarray:
    ab = np.array([color.ab for color in colors], dtype=np.float64)[np.newaxis]
    return compress_chroma(np.full(ab.shape[:2], lightness), ab)[0]


def _as_seen(ab: np.ndarray, lightness: float, vision: Vision) -> np.ndarray:
    lab = np.concatenate([np.full((len(ab), 1), lightness), ab], axis=1)
    seen = rgb_to_lab(simulate_deficiency(np.clip(lab_to_rgb(lab), 0, 1), vision))
    # The deficiency shifts lightness a little too, but lightness already tells something else here.
    seen[:, 0] = lightness
    return seen
