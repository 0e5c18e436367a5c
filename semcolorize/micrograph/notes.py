"""What a user should know of a result, in sentences."""

from __future__ import annotations

import json

import numpy as np

from semcolorize.hints.labels import NEUTRAL_CHROMA
from semcolorize.hints.model import HintSet
from semcolorize.hints.rasterize import Overlap, RasterizedHints
from semcolorize.micrograph.reading import Micrograph

__all__ = ["result_notes"]

_MOST_OVERLAPS = 5
_BLACK = 5.0
"""L* and chroma below which a color is black: on a screen nobody tells them apart."""


def result_notes(
    micrograph: Micrograph,
    hints: HintSet,
    drawn: RasterizedHints,
    *,
    bar: int | None,
    colored: bool,
    hinted: bool,
    fill: str = "auto",
) -> tuple[str, ...]:
    """Notes on one colored micrograph.

    Parameters
    ----------
    micrograph : Micrograph
    hints : HintSet
    drawn : RasterizedHints
        The hints, on the micrograph's pixels.
    bar : int or None
        First row of the data bar.
    colored : bool
        Whether anything has got a color.
    hinted : bool
        Whether there are hints, here or on other views.
    fill : {"auto", "gray", "contrast"}
    """
    nothing = not colored and not hinted
    why = "no color was drawn" if fill == "auto" else f"with fill {fill} only hints give colors"
    rest = sum(np.hypot(*hint.ab) <= NEUTRAL_CHROMA for hint in hints) if fill == "contrast" and colored else 0
    return (
        *micrograph.notes,
        *(f"{skipped}" for skipped in hints.skipped),
        *_on_black(hints),
        *_on_range(micrograph),
        *_on_overlaps(drawn.overlaps, hints),
        *_on_bar(drawn.index, bar, hints),
        *([f"no hints, and nothing was colored: {why}."] if nothing else []),
        *([f"gray hints ({rest}) mark what has no class: fill contrast gives it its color, too."] if rest else []),
    )


def _on_black(hints: HintSet) -> list[str]:
    """Black is gray: whoever wanted a dark color gets none."""
    dark = [max(hint.lab[0], float(np.hypot(*hint.ab))) < _BLACK for hint in hints.hints]
    black = [str(i) for i, own in enumerate(dark, start=1) if own]
    if not black:
        return []
    which = f"hint {black[0]} is" if len(black) == 1 else f"hints {', '.join(black[:-1])} and {black[-1]} are"
    return [f"{which} black: that keeps what it lies on gray, as gray and white do. Red, green and blue go to 255."]


def _on_range(micrograph: Micrograph) -> list[str]:
    """How gray values were displayed where the file does not settle it."""
    return [micrograph.range_statement] if micrograph.range_source == "0.1-99.9 percentiles" else []


def _on_overlaps(overlaps: tuple[Overlap, ...], hints: HintSet) -> list[str]:
    def named(index: int) -> str:
        hint = hints.hints[index]
        return f"hint {index + 1}" + (f" ({json.dumps(hint.name)})" if hint.name else "")

    told = [
        f"{named(o.later)} covers {o.pixels} pixel{'s' * (o.pixels != 1)} of {named(o.earlier)}; the later wins."
        for o in overlaps[:_MOST_OVERLAPS]
    ]
    rest = len(overlaps) - len(told)
    return told + ([f"{rest} more times a hint covers part of an earlier one."] if rest else [])


def _on_bar(index: np.ndarray, bar: int | None, hints: HintSet) -> list[str]:
    if bar is None:
        return []
    lost = sorted(set(np.unique(index[bar:]).tolist()) - set(np.unique(index[:bar]).tolist()) - {-1})
    return [
        f"hint {i + 1} lies in the data bar (from row {bar}), which stays gray. If there is no bar, add --databar none."
        for i in lost
    ]
