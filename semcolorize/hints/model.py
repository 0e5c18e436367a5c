"""What a hint is: a place, a color, a name.

Geometry is in continuous (row, column) coordinates of the image, as ImageJ draws them with x and y exchanged:
pixel (r, c) covers rows [r, r + 1) and columns [c, c + 1), so its center lies at (r + 0.5, c + 0.5). The turn from
(x, y) happens in `semcolorize.hintfiles` and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Hint", "LineHint", "Oval", "PointHint", "Polygons", "Rectangle", "RegionHint", "Shape"]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Axis-parallel rectangle: `top`, `left` corner and size, in pixels."""

    top: float
    left: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class Oval:
    """Ellipse inscribed in an axis-parallel box, rasterized as ImageJ's OvalRoi."""

    top: float
    left: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class Polygons:
    """One or several closed rings of (row, column) vertices, filled even-odd (rings inside rings are holes)."""

    rings: tuple[tuple[tuple[float, float], ...], ...]


Shape = Rectangle | Oval | Polygons


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What all hints share.

    Parameters
    ----------
    lab : tuple of 3 floats
        CIE L*, a*, b* (D65, 2 degree) of the color as the user chose it. Only a*, b* color the image; L* shows
        the swatch in the legend.
    name : str or None
        Class name; hints of one name are one legend entry.
    strength : float
        In (0, 1]: 1 sets the color exactly, less lets the model's own proposal through.
    limit : bool
        The color stays inside the hint's area: it does not spread to look-alikes.
    origin : str
        Where the hint came from (``hints.yaml:7``, ``cells.zip: 0012-0034.roi``), for messages and provenance.
    """

    lab: tuple[float, float, float]
    name: str | None = None
    strength: float = 1.0
    limit: bool = False
    origin: str = ""

    @property
    def ab(self) -> tuple[float, float]:
        """CIELAB a*, b* of the color."""
        return self.lab[1], self.lab[2]


@dataclass(frozen=True, kw_only=True)
class PointHint(Hint):
    """A square patch of `size` pixels a side around (row, column)."""

    row: float
    column: float
    size: int = 7


@dataclass(frozen=True, kw_only=True)
class LineHint(Hint):
    """An open path of (row, column) vertices, `width` pixels wide: a scribble."""

    path: tuple[tuple[float, float], ...]
    width: float = 1.0


@dataclass(frozen=True, kw_only=True)
class RegionHint(Hint):
    """An area: rectangle, oval, or polygons with holes."""

    shape: Shape
