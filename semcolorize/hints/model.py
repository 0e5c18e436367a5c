"""What a hint is: a place, a color, a name; and a set of them, as read from a file.

Geometry is in continuous (row, column) coordinates of the image: pixel (r, c) covers rows [r, r + 1) and
columns [c, c + 1), so its center lies at (r + 0.5, c + 0.5). ImageJ counts areas like that too (with x and y
exchanged), but the points and lines of ImageJ name pixels, so that a point drawn on pixel (r, c) is (r + 0.5,
c + 0.5) here. The turn from (x, y) happens in `semcolorize.hintfiles` and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from semcolorize.color.palette import Palette
from semcolorize.errors import HintError
from semcolorize.hints.planes import Plane, Position

__all__ = [
    "SPREADS",
    "Hint",
    "HintSet",
    "LineHint",
    "Oval",
    "PointHint",
    "Polygons",
    "Rectangle",
    "RegionHint",
    "Shape",
    "SkippedHint",
    "Spread",
    "scale_hint",
]


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
    """One or several closed rings of (row, column) vertices, filled even-odd: inner rings are holes."""

    rings: tuple[tuple[tuple[float, float], ...], ...]


Shape = Rectangle | Oval | Polygons

Spread = Literal["alike", "instance"]
SPREADS: tuple[str, ...] = get_args(Spread)


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What all hints share.

    Parameters
    ----------
    lab : tuple of 3 floats
        CIE L*, a*, b* (D65, 2 degree) of the color as the user chose it. a*, b* color the image; L* shows the
        swatch in the legend and tells how vivid the color is meant (`semcolorize.hints.swatch.on_pixels`).
    name : str or None
        Class name; hints of one name are one legend entry.
    strength : float
        In (0, 1]: 1 sets the color exactly, less lets the model's own proposal through.
    limit : bool
        The color stays inside the hint's area: it does not spread to look-alikes.
    spread : {"alike", "instance"} or None
        Whether the hint speaks for all that looks like what it lies on, or for that one object; None leaves it to the
        run.
    origin : str
        Where the hint came from (``hints.yaml:7``, ``cells.zip: 0012-0034.roi``), for messages and
        provenance.
    position : Position or None
        The plane of a stack that the hint lies on; None for all.
    """

    lab: tuple[float, float, float]
    name: str | None = None
    strength: float = 1.0
    limit: bool = False
    spread: Spread | None = None
    origin: str = ""
    position: Position | None = None

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


@dataclass(frozen=True, slots=True)
class SkippedHint:
    """Something in a hint file that is no hint, and why: a text label, a ROI without a color."""

    origin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


@dataclass(frozen=True, kw_only=True, repr=False)
class HintSet:
    """The hints of one image, and where they came from.

    Parameters
    ----------
    hints : tuple of Hint
        In file order; where two overlap, the later wins.
    palette : Palette
        The named colors the file declares or was read with.
    skipped : tuple of SkippedHint
        What was found but is no hint.
    source : str
        Path of the file; empty if the hints were made in memory.
    sha256 : str
        Of that file.
    files : tuple of (path, sha256)
        Every file read, the source first.
    coordinates : {"pixels", "fraction"}
        Unit of the geometry: pixels, or fractions of the image's height and width (see `at`).
    """

    hints: tuple[Hint, ...] = ()
    palette: Palette = field(default_factory=Palette)
    skipped: tuple[SkippedHint, ...] = ()
    source: str = ""
    sha256: str = ""
    files: tuple[tuple[str, str], ...] = ()
    coordinates: Literal["pixels", "fraction"] = "pixels"

    def __repr__(self) -> str:
        count = Counter(hint.name or "unnamed" for hint in self.hints)
        named = ", ".join(f"{name} {n}" for name, n in count.most_common(4)) + (", ..." if len(count) > 4 else "")
        told = [f"{len(self.hints)} hint{'s' * (len(self.hints) != 1)}", named, self.source]
        return f"HintSet({'; '.join(part for part in told if part)})"

    def __iter__(self) -> Iterator[Hint]:
        return iter(self.hints)

    def __len__(self) -> int:
        return len(self.hints)

    def at(self, shape: tuple[int, int]) -> HintSet:
        """Return the same hints in pixels of an image of (rows, columns); unchanged if they are in pixels."""
        if self.coordinates == "pixels":
            return self
        rows, columns = shape
        scaled = tuple(scale_hint(hint, rows, columns) for hint in self.hints)
        return replace(self, hints=scaled, coordinates="pixels")

    def on(self, plane: Plane) -> HintSet:
        """Return the hints that lie on a plane of a stack; how many do not is noted in `skipped`.

        Raises
        ------
        HintError
            If there are hints and none lies there.
        """
        here = tuple(hint for hint in self.hints if plane.shows(hint.position))
        away = len(self.hints) - len(here)
        if not away:
            return self
        reason = f"on other planes than the one that is colored ({plane})"
        if not here:
            raise HintError(
                f"None of the {away} hints lies on the plane that is colored ({plane}, one of {plane.count}). Choose a "
                "plane that has hints (--page), or give the ROIs the position none (their Properties in ImageJ).",
                path=self.source or None,
            )
        skipped = SkippedHint(f"{away} hint{'s' if away > 1 else ''}", reason)
        return replace(self, hints=here, skipped=(*self.skipped, skipped))

    @classmethod
    def merge(cls, sets: Iterable[HintSet], shape: tuple[int, int]) -> HintSet:
        """Join several sets into one in pixels of an image of (rows, columns); later ones lie on top."""
        placed = [one.at(shape) for one in sets]
        palette = Palette()
        for one in placed:
            palette = palette | one.palette
        return cls(
            hints=tuple(hint for one in placed for hint in one),
            palette=palette,
            skipped=tuple(skipped for one in placed for skipped in one.skipped),
            source=", ".join(one.source for one in placed if one.source),
            sha256=placed[0].sha256 if len(placed) == 1 else "",
            files=tuple(file for one in placed for file in one.files),
        )


def scale_hint(hint: Hint, row_factor: float, column_factor: float) -> Hint:
    """Multiply a hint's coordinates; patch sizes and line widths stay in pixels."""

    def point(vertex: tuple[float, float]) -> tuple[float, float]:
        return vertex[0] * row_factor, vertex[1] * column_factor

    match hint:
        case PointHint():
            row, column = point((hint.row, hint.column))
            return replace(hint, row=row, column=column)
        case LineHint():
            return replace(hint, path=tuple(point(vertex) for vertex in hint.path))
        case RegionHint(shape=Polygons(rings=rings)):
            scaled = tuple(tuple(point(vertex) for vertex in ring) for ring in rings)
            return replace(hint, shape=Polygons(scaled))
        case RegionHint(shape=box):
            top, left = point((box.top, box.left))  # type: ignore[union-attr]
            height, width = point((box.height, box.width))  # type: ignore[union-attr]
            return replace(hint, shape=type(box)(top, left, height, width))  # type: ignore[call-arg, arg-type]
        case _:
            return hint
