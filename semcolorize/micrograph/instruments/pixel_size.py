"""One pixel size out of all that an instrument states: each with its source, held against the others and the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.instruments.values import rounded

__all__ = ["Size", "settle"]

_TOLERANCE = 0.03
"""Statements differ by their rounding, which leaves three digits at worst."""
_MOST_BAR = 0.15
"""Of the image's rows: the highest data bar instruments add below it."""

Shape = tuple[int, int]
"""Rows and columns."""


@dataclass(frozen=True)
class Size:
    """A size that is stated: of a pixel, or of the field of view.

    Parameters
    ----------
    width, height : float
        In nm.
    source : str
        What states it: ``FEI PixelWidth``.
    shown : bool
        The data bar in the picture shows it: where two statements contradict each other, it wins.
    tolerance : float
        Relative difference of other statements that is no contradiction.
    """

    width: float
    height: float
    source: str
    shown: bool = False
    tolerance: float = _TOLERANCE

    def over(self, shape: Shape | None) -> list[Size]:
        """Return the pixel, a square, of a field of view that is shown in (rows, columns); nothing without these."""
        if shape is None:
            return []
        pixel = self.width / shape[1]
        return [replace(self, width=pixel, height=pixel, source=f"{self.source} over columns")]

    def scaled(self, factor: float) -> Size:
        """Return the pixel of the image resized."""
        source = f"{self.source}, resized to the columns of the file"
        return replace(self, width=self.width * factor, height=self.height * factor, source=source)

    def agrees(self, other: Size) -> bool:
        """Whether both may mean the same."""
        return math.isclose(self.width, other.width, rel_tol=max(self.tolerance, other.tolerance))

    @property
    def calibration(self) -> Calibration:
        """As a calibration, in nm below 1 µm and in µm above."""
        if self.width < 1e3:
            return Calibration(rounded(self.width), rounded(self.height), "nm", self.source)
        return Calibration(rounded(self.width * 1e-3), rounded(self.height * 1e-3), "µm", self.source)

    def __str__(self) -> str:
        return self.calibration.statement


def settle(
    pixels: Sequence[Size],
    *,
    fields: Sequence[Size] = (),
    acquired: Shape | None = None,
    shape: Shape | None = None,
) -> tuple[Calibration | None, tuple[str, ...]]:
    """Choose a pixel size and tell what contradicts it.

    Parameters
    ----------
    pixels : sequence of Size
        Stated pixel sizes of the image as it was acquired, the most precise first.
    fields : sequence of Size
        Stated fields of view, the most precise first.
    acquired : tuple of 2 ints, optional
        Rows and columns that the instrument states; the field of view is shown in them.
    shape : tuple of 2 ints, optional
        Rows and columns of the file.

    Returns
    -------
    calibration : Calibration or None
    notes : tuple of str
        Sentences with both values.

    Notes
    -----
    Of statements that contradict each other, the one that most others agree with is used, then the one that
    the data bar shows. An image that was resized after it was acquired still shows the whole field: the field
    over the columns there are is right, and a stated pixel size is not. In one that was cropped it is the other
    way round. Other proportions than the scan's tell that it was cropped; the same ones tell nothing, since a part
    may have them as well: the image is then taken for resized, and a note gives the size of both.
    """
    before = acquired or _implied(pixels, fields, shape) or shape
    said = [*pixels, *(pixel for field in fields for pixel in field.over(before))]
    if not said:
        return None, ()
    best = _best(said)
    notes = [
        f"The metadata state two sizes of a pixel, {best} and {other}; the first is used."
        for other in said
        if not other.agrees(best)
    ]
    if before and shape and before[1] != shape[1]:
        best, note = _altered(best, before, shape)
        notes.append(note)
    elif acquired is None and not pixels and shape:
        notes += _proportions(best, fields[0], shape)
    calibration = best.calibration
    return (calibration, tuple(notes)) if calibration.is_plausible else (None, ())


def _best(said: Sequence[Size]) -> Size:
    votes = {size: sum(size.agrees(other) for other in said) for size in said}
    winner = max(said, key=lambda size: (votes[size], size.shown))
    return next(size for size in said if size.agrees(winner))


def _implied(pixels: Sequence[Size], fields: Sequence[Size], shape: Shape | None) -> Shape | None:
    """Rows and columns where the instrument does not say them: the file's if they fit, else field over pixel."""
    if not pixels or not fields:
        return None
    rows, columns = fields[0].height / pixels[0].height, fields[0].width / pixels[0].width
    if not all(1 <= count < 2**31 for count in (rows, columns)):
        return None
    return shape if shape and math.isclose(columns, shape[1], rel_tol=_TOLERANCE) else (round(rows), round(columns))


def _altered(best: Size, before: Shape, shape: Shape) -> tuple[Size, str]:
    """Return the pixel of an image that has other columns than it was acquired with, and say why."""
    factor = before[1] / shape[1]
    resized = best.scaled(factor)
    has = f"The metadata describe an image of {before[1]} columns, the file has {shape[1]}"
    # With the data bar or without it.
    alike = 1 - _TOLERANCE <= shape[0] * factor / before[0] <= 1 + _MOST_BAR
    if alike and factor < 1:
        return resized, f"{has}: it was resized, and a pixel is taken for {resized} instead of {best}."
    if alike:
        return resized, (
            f"{has} and the same proportions: it was resized or cropped, which cannot be told apart. A pixel is taken"
            f" for {resized}. If it was cropped, a pixel is {best}: set the scale yourself."
        )
    return best, (
        f"{has} and other proportions: it was cropped, and a pixel is still taken for {best}. If it was resized"
        f" as well, set the scale yourself; the whole width would make a pixel {resized}."
    )


def _proportions(best: Size, field: Size, shape: Shape) -> list[str]:
    """Tell if an image cannot be the whole field, where nothing says how many columns that had."""
    expected = field.height / field.width * shape[1]
    if math.isclose(shape[0], expected, rel_tol=_MOST_BAR):
        return []
    return [
        f"The file has {shape[0]} rows, where its field of view makes {expected:.0f}: it was cropped, and a pixel is"
        f" taken for {best} as if its whole width were there. If it is not, set the scale yourself."
    ]
