"""Hints from files: ``hints.yaml``, or ImageJ's own ``.roi``, ``RoiSet.zip`` and TIFF overlays.

::

    palette: {grain: "#d1495b", keep: gray}           # or a palette file, or a built-in palette
    coordinates: pixels                               # or fraction: of the image's width and height
    hints:
      - {point: [412, 310], size: 9, color: grain}    # x, y as ImageJ shows them
      - {rectangle: [10, 20, 64, 48], color: seagreen, limit: true}
      - {rings: [[[1, 2], [90, 4], [18, 80]], [[20, 20], [30, 20], [20, 30]]], color: grain}    # inner rings are holes
      - {rois: cells.zip, colors: {"cell*": grain, "7": keep}}

Every hint may have ``name``, ``strength``, ``limit`` and ``spread``. All faults of a file are reported at once, with
lines.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from semcolorize.color.palette import Lab, NamedColor, Palette, did_you_mean, parse_color
from semcolorize.errors import ConfigError, HintError
from semcolorize.hintfiles.roi_archive import ROI_SUFFIXES
from semcolorize.hintfiles.roi_outlines import on_one_line
from semcolorize.hintfiles.rois import RoiDefaults, read_rois
from semcolorize.hintfiles.validate import model_faults
from semcolorize.hintfiles.yaml_palettes import palette_in, read_palette
from semcolorize.hintfiles.yaml_source import KeyPath, YamlSource, load_yaml
from semcolorize.hints.model import (
    Hint,
    HintSet,
    LineHint,
    Oval,
    PointHint,
    Polygons,
    Rectangle,
    RegionHint,
    SkippedHint,
    Spread,
)

__all__ = ["hints_from_entries", "read_hints", "read_palette"]

_Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
_Extent = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e6)]
_Pair = Annotated[list[_Number], Field(min_length=2, max_length=2)]
_Box = Annotated[list[_Number], Field(min_length=4, max_length=4)]


class _Entry(BaseModel):
    """Keys that every hint may have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    strength: Annotated[float, Field(gt=0, le=1)] | None = None
    limit: bool | None = None
    spread: Spread | None = None


class _Colored(_Entry):
    color: Any


class _Point(_Colored):
    point: _Pair
    size: Annotated[int, Field(ge=1, le=1001)] = 7


class _Rectangle(_Colored):
    rectangle: _Box


class _Oval(_Colored):
    oval: _Box


class _Polygon(_Colored):
    polygon: Annotated[list[_Pair], Field(min_length=3)]


class _Rings(_Colored):
    rings: Annotated[list[Annotated[list[_Pair], Field(min_length=3)]], Field(min_length=1)]


class _Line(_Colored):
    line: Annotated[list[_Pair], Field(min_length=2)]
    width: _Extent = 1.0


class _Rois(_Entry):
    rois: Annotated[str, Field(min_length=1, max_length=1000)]
    colors: dict[str, Any] = {}
    color: Any = None
    size: Annotated[int, Field(ge=1, le=1001)] = 7


_KINDS: dict[str, type[_Entry]] = {
    "point": _Point,
    "rectangle": _Rectangle,
    "oval": _Oval,
    "polygon": _Polygon,
    "rings": _Rings,
    "line": _Line,
    "rois": _Rois,
}
_TOP_KEYS = ("palette", "coordinates", "hints")


def read_hints(
    path: str | os.PathLike[str],
    *,
    colors: Mapping[str, Any] | None = None,
    palette: Palette | str | os.PathLike[str] | None = None,
) -> HintSet:
    """Read the hints of one image.

    Parameters
    ----------
    path : str or path-like
        ``.yaml``/``.yml``, or ``.roi``, ``.zip``, ``.tif``/``.tiff`` with ImageJ ROIs.
    colors : mapping of str to color, optional
        Colors of ROIs by name (globs) or group number; a hints file's own ``colors:`` come before them.
    palette : Palette, name of a built-in one, or path of a palette file, optional
        Names that colors may use; those of the hints file come before them.

    Returns
    -------
    hints : HintSet

    Raises
    ------
    ConfigError
        With all faults of a YAML file, each with its line.
    HintError
        If a ROI file is missing, damaged or hostile, or none of its ROIs is a hint.
    """
    named = (
        palette if isinstance(palette, Palette) else Palette() if palette is None else read_palette(palette)
    )
    suffix = Path(path).suffix.lower()
    if suffix in (".yaml", ".yml"):
        return _Reader(load_yaml(path), named, colors or {}).read()
    if suffix in ROI_SUFFIXES:
        hints, skipped = read_rois(path, colors=colors, palette=named)
        digest = _sha256(path)
        name = os.fspath(path)
        return HintSet(
            hints=hints, palette=named, skipped=skipped, source=name, sha256=digest, files=((name, digest),)
        )
    if Path(path).is_dir():
        raise HintError("This is a folder; name the file in it.", path=os.fspath(path))
    raise HintError(
        f"{f'{suffix} is' if suffix else 'Without a suffix, this is'} no kind of hints file; accepted are .yaml, .roi, "
        ".zip and .tif.",
        path=os.fspath(path),
    )


def hints_from_entries(entries: Iterable[Mapping[str, Any]], *, palette: Palette | None = None) -> HintSet:
    """Make hints of plain data, as it stands in a hints file: ``[{"point": [412, 310], "color": "red"}]``.

    Parameters
    ----------
    entries : iterable of mapping
        Entries of ``hints:``; files that they name are looked for in the working folder.
    palette : Palette, optional

    Raises
    ------
    ConfigError
        With all faults at once.
    """
    listed = [_plain(entry) for entry in entries]
    # What would be lines of a file are numbers of entries.
    source = YamlSource("hints", {"hints": listed}, {("hints", i): i + 1 for i in range(len(listed))})
    return replace(_Reader(source, palette or Palette(), {}).read(), source="", sha256="", files=())


def _plain(value: Any) -> Any:
    """What Python has instead of YAML's own: tuples, arrays, NumPy's numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(own) for key, own in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_plain(own) for own in value] if isinstance(value, list | tuple) else value


def _sha256(path: str | os.PathLike[str]) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Reader:
    """Reads one hints file, collecting faults instead of stopping at the first."""

    def __init__(self, source: YamlSource, palette: Palette, colors: Mapping[str, Any]) -> None:
        self._source = source
        self._palette = palette
        self._colors = colors
        self._faults: list[ConfigError] = []
        self._hints: list[Hint] = []
        self._skipped: list[SkippedHint] = []
        self._files: list[tuple[str, str]] = [(source.path, source.sha256)]
        self._unit: Literal["pixels", "fraction"] = "pixels"

    def read(self) -> HintSet:
        self._read_top()
        entries = self._source.data.get("hints")
        if not isinstance(entries, list) or not entries:
            seen = "missing" if entries is None else "empty" if entries == [] else f"{entries!r:.60}"
            self._fault(f"hints is {seen}; it should be a list, an entry (- ...) a hint.", ("hints",))
            entries = []
        for i, entry in enumerate(entries):
            self._read_entry(entry, ("hints", i))
        if self._faults:
            # In the order of the file; what is wrong with other files comes last.
            own = self._source.path
            raise ConfigError.from_faults(sorted(self._faults, key=lambda f: (f.path != own, f.line or 0)))
        return HintSet(
            hints=tuple(self._hints),
            palette=self._palette,
            skipped=tuple(self._skipped),
            source=self._source.path,
            sha256=self._source.sha256,
            files=tuple(self._files),
            coordinates=self._unit,
        )

    def _fault(self, message: str, keys: KeyPath) -> None:
        self._faults.append(self._source.fault(message, keys))

    def _read_top(self) -> None:
        for key in self._source.data:
            if key not in _TOP_KEYS:
                near = did_you_mean(key, _TOP_KEYS) or f" Known are {', '.join(_TOP_KEYS)}."
                self._fault(f"{key} is not a known key.{near}", (key,))
        unit = self._source.data.get("coordinates", "pixels")
        if unit in ("pixels", "fraction"):
            self._unit = unit
        else:
            self._fault(f"coordinates is {unit!r}; accepted are pixels and fraction.", ("coordinates",))
        try:
            own, files = palette_in(self._source)
        except ConfigError as error:
            self._faults += error.faults
            self._palette = self._palette | self._placeholders()
        else:
            self._palette = self._palette | own
            self._files += files

    def _placeholders(self) -> dict[str, NamedColor]:
        # Names of a faulty palette are known all the same, so that their uses are not reported as well.
        declared = self._source.data.get("palette")
        names = declared if isinstance(declared, dict) else ()
        return {name: NamedColor(name, (50.0, 0.0, 0.0)) for name in names}

    def _read_entry(self, entry: Any, keys: KeyPath) -> None:
        if not isinstance(entry, dict):
            self._fault(f"{entry!r:.60} is no hint; write it like {{point: [x, y], color: ...}}.", keys)
            return
        kinds = [key for key in entry if key in _KINDS]
        if len(kinds) != 1:
            seen = f"says both {' and '.join(kinds)}" if kinds else "says no kind"
            near = "" if kinds else "".join(did_you_mean(key, list(_KINDS)) for key in entry)
            self._fault(f"The hint {seen}; it takes one of {', '.join(_KINDS)}.{near}", keys)
            return
        model = _KINDS[kinds[0]]
        try:
            checked = model.model_validate(entry)
        except ValidationError as error:
            self._faults += model_faults(error, model, self._source, keys)
            return
        if isinstance(checked, _Rois):
            self._read_rois(checked, keys)
        elif isinstance(checked, _Colored):
            self._read_drawn(checked, keys)

    def _read_drawn(self, entry: _Colored, keys: KeyPath) -> None:
        lab = self._color(entry.color, (*keys, "color"))
        if lab is None:
            return
        # A color that was asked for by name keeps it in the legend: of the palette, or of CSS.
        named = isinstance(entry.color, str) and (entry.color in self._palette or entry.color.isalpha())
        used = entry.color if named else None
        shared: dict[str, Any] = {
            "lab": lab,
            "name": entry.name or used,
            "strength": entry.strength if entry.strength is not None else 1.0,
            "limit": bool(entry.limit),
            "spread": entry.spread,
            "origin": f"{Path(self._source.path).name}:{self._source.line(keys)}",
        }
        # ImageJ's points and lines count from the center of the first pixel; fractions count from its corner.
        shift = 0.5 if self._unit == "pixels" else 0.0
        match entry:
            case _Point(point=[x, y]):
                self._check_points([[x, y]], (*keys, "point"), reach=entry.size / 2)
                self._hints.append(PointHint(row=y + shift, column=x + shift, size=entry.size, **shared))
            case _Line(line=line):
                self._check_points(line, (*keys, "line"), reach=entry.width / 2)
                if all(vertex == line[0] for vertex in line):
                    self._fault("line has no length: its points are one. For a spot use point.", (*keys, "line"))
                path = tuple((y + shift, x + shift) for x, y in line)
                self._hints.append(LineHint(path=path, width=entry.width, **shared))
            case _Polygon(polygon=polygon):
                self._check_points(polygon, (*keys, "polygon"))
                if on_one_line(polygon):
                    self._fault(
                        "polygon has no area: all its points are one, or lie on one line.", (*keys, "polygon")
                    )
                ring = tuple((y, x) for x, y in polygon)
                self._hints.append(RegionHint(shape=Polygons((ring,)), **shared))
            case _Rings(rings=rings):
                self._check_points([vertex for ring in rings for vertex in ring], (*keys, "rings"))
                if all(on_one_line(ring) for ring in rings):
                    self._fault("rings have no area: each of them is one point, or lies on one line.", (*keys, "rings"))
                shape = Polygons(tuple(tuple((y, x) for x, y in ring) for ring in rings))
                self._hints.append(RegionHint(shape=shape, **shared))
            case _Rectangle(rectangle=box):
                self._add_box(box, Rectangle, shared, (*keys, "rectangle"))
            case _Oval(oval=box):
                self._add_box(box, Oval, shared, (*keys, "oval"))

    def _add_box(
        self, box: list[float], kind: type[Rectangle] | type[Oval], shared: dict[str, Any], keys: KeyPath
    ) -> None:
        self._check_fractions(box, keys)
        x, y, width, height = box
        if width <= 0 or height <= 0:
            self._fault(
                f"{keys[-1]} is {box}; it reads [x, y, width, height], the last two more than 0.", keys
            )
            return
        if self._unit == "pixels":
            self._check_points([[x + width, y + height]], keys)
        self._hints.append(RegionHint(shape=kind(y, x, height, width), **shared))

    def _check_points(self, points: Sequence[Sequence[float]], keys: KeyPath, *, reach: float = 0.0) -> None:
        """Refuse what lies outside any image; what lies outside a certain one is told when it is there."""
        if self._unit == "fraction":
            self._check_fractions([value for point in points for value in point], keys)
            return
        for axis, side in enumerate(("left of", "above")):
            last = max(point[axis] for point in points)
            if last + reach < 0 or (last <= 0 and keys[-1] in ("rectangle", "oval")):
                self._fault(
                    f"{keys[-1]} lies {side} any image: {'xy'[axis]} reaches {last:g}, and images begin at 0.", keys
                )

    def _check_fractions(self, values: list[float], keys: KeyPath) -> None:
        wrong = [value for value in values if not 0 <= value <= 1]
        if self._unit == "fraction" and wrong:
            self._fault(
                f"{keys[-1]} has {wrong[0]:g}; with coordinates: fraction, 0 to 1 are accepted.", keys
            )

    def _color(self, value: Any, keys: KeyPath) -> Lab | None:
        try:
            return parse_color(value, self._palette)
        except ConfigError as error:
            self._fault(f"{keys[-1]}: {error.message}", keys)
            return None

    def _read_rois(self, entry: _Rois, keys: KeyPath) -> None:
        place = (*keys, "rois")
        colors = {**entry.colors, **{k: v for k, v in self._colors.items() if k not in entry.colors}}
        known = [self._color(value, (*keys, "colors", key)) for key, value in entry.colors.items()]
        if entry.color is not None:
            colors["*"] = entry.color
            known.append(self._color(entry.color, (*keys, "color")))
        if self._unit == "fraction":
            self._fault("rois are in pixels; they cannot stand in a file with coordinates: fraction.", place)
        elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+:|[/\\]{2}", entry.rois) or "\0" in entry.rois:
            self._fault(
                f"rois is {entry.rois!r}; it should be a file beside this one, not an address.", place
            )
        elif None not in known:
            path = Path(self._source.path).parent / entry.rois
            defaults = RoiDefaults(
                size=entry.size, strength=entry.strength, limit=entry.limit, spread=entry.spread, name=entry.name
            )
            try:
                hints, skipped = read_rois(path, colors=colors, palette=self._palette, defaults=defaults)
            except (HintError, ConfigError) as error:
                self._fault(f"rois: {error}", place)
            else:
                self._hints += hints
                self._skipped += skipped
                self._files.append((str(path), _sha256(path)))
