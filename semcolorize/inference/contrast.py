"""A quiet color for everything that has no label (``fill="contrast"``), as far from the labels' hues as can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semcolorize.color.ink import TINTS
from semcolorize.color.palette import NamedColor
from semcolorize.hints.labels import Label

__all__ = ["contrasting_chroma", "swatch_of"]


def contrasting_chroma(labels: Sequence[Label], *, share: float = 0.3) -> np.ndarray:
    """Normalized chroma (2,) in the middle of the widest gap that the labels' hues leave on the color circle.

    Of one label that is its complement.

    Parameters
    ----------
    labels : sequence of Label
        None make it gray.
    share : float
        Of the labels' mean chroma: the rest is to stay in the background.
    """
    colors = np.array([label.normalized_chroma for label in labels], float).reshape(-1, 2)
    if not len(colors):
        return np.zeros(2, np.float32)
    hues = np.sort(np.arctan2(colors[:, 1], colors[:, 0]))
    gaps = np.diff(np.append(hues, hues[0] + 2 * np.pi))
    widest = int(gaps.argmax())
    hue = hues[widest] + gaps[widest] / 2
    chroma = share * float(np.hypot(*colors.T).mean())
    return (chroma * np.array([np.cos(hue), np.sin(hue)])).astype(np.float32)


def swatch_of(chroma: np.ndarray) -> str:
    """``#rrggbb`` of a normalized chroma (2,), at the lightness where colors are strongest."""
    return NamedColor("", (float(np.argmax(TINTS[0])), float(chroma[0]), float(chroma[1]))).hex
