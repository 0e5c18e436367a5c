"""A color is a label: which labels a set of hints names, and where each was put."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semcolorize.color.ink import TINTS, ink_curve
from semcolorize.hints.model import Hint, Spread

__all__ = ["NEUTRAL_CHROMA", "Label", "LabelSet", "label_key", "label_set"]

NEUTRAL_CHROMA = 2.0
"""Chroma up to which a hint's color is gray and names no label but "none": less is seen by nobody (CIE76 difference of
2.3 is just noticeable, Mahy et al. 1994)."""


@dataclass(frozen=True)
class Label:
    """A color that was asked for.

    Attributes
    ----------
    name : str
        The first name that a hint of the color has, else its hex code.
    lab : tuple of 3 floats
        CIE L*, a*, b*.
    opacity : float
        0 to 1: how much of its color is shown; 0 hides the label without forgetting its area.
    """

    name: str
    lab: tuple[float, float, float]
    opacity: float = 1.0

    @property
    def normalized_chroma(self) -> np.ndarray:
        """a*b* over the chroma curve, (2,): what the label looks like at the lightness where colors are strongest.

        A bright swatch is pale because bright things can be no more colorful, and stands for a more vivid label; a dark
        swatch stands for itself in the shade.
        """
        peak = float(np.argmax(TINTS[0]))
        return self.opacity * np.array(self.lab[1:]) / float(ink_curve(np.array(max(self.lab[0], peak))))


@dataclass(frozen=True)
class LabelSet:
    """Labels, and which hint names which.

    Attributes
    ----------
    labels : tuple of Label
    of_hint : int ndarray of shape (N,)
        Label of each hint, -1 for gray.
    instance : bool ndarray of shape (N,)
        Whether each speaks for one object only.
    """

    labels: tuple[Label, ...]
    of_hint: np.ndarray
    instance: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def label_key(lab: Sequence[float]) -> tuple[float, ...]:
    """Equal for colors that are one label."""
    return tuple(round(value, 1) for value in lab)


def label_set(hints: Sequence[Hint], spread: Spread) -> LabelSet:
    """Read labels off hints: one a color, in the order in which they are named.

    Parameters
    ----------
    hints : sequence of Hint
        Of all views of a series.
    spread : {"alike", "instance"}
        Of hints that do not say.
    """
    found: dict[tuple[float, ...], int] = {}
    labels: list[Label] = []
    of_hint = np.full(len(hints), -1)
    for i, hint in enumerate(hints):
        if np.hypot(*hint.ab) <= NEUTRAL_CHROMA:
            continue
        key = label_key(hint.lab)
        if key not in found:
            found[key] = len(labels)
            labels.append(Label(hint.name or "", hint.lab))
        k = of_hint[i] = found[key]
        if hint.name and not labels[k].name:
            labels[k] = Label(hint.name, hint.lab)
    instance = np.array([(hint.spread or spread) == "instance" for hint in hints], bool)
    return LabelSet(tuple(_named(labels)), of_hint, instance)


def _named(labels: Sequence[Label]) -> list[Label]:
    from semcolorize.color.palette import NamedColor

    return [label if label.name else Label(NamedColor("", label.lab).hex, label.lab) for label in labels]
