"""ImageJ ROIs to hints: here, and nowhere else in reading, x, y become row, column.

ImageJ counts the edges of areas from the corner of the image, as `semcolorize.hints` does, but the
coordinates of points and lines from the center of the first pixel: those move by half a pixel.

What is a hint: points and multi-points (a patch each), rectangles (also rounded or rotated), ovals, ellipses,
polygons, freehand and traced areas, composites with holes, splines, lines of all kinds with their width. What
is not, and is reported: ROIs without a color, text, images, arrows, angles. Positions in a stack are kept.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

import numpy as np
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from semcolorize.color.palette import Lab, NamedColor, parse_color
from semcolorize.errors import ConfigError, HintError
from semcolorize.hintfiles.roi_archive import StoredRoi, stored_rois
from semcolorize.hintfiles.roi_outlines import composite_rings, on_one_line, rounded_rectangle, spline
from semcolorize.hints.model import (
    SPREADS,
    Hint,
    LineHint,
    Oval,
    PointHint,
    Polygons,
    Rectangle,
    RegionHint,
    SkippedHint,
    Spread,
)
from semcolorize.hints.planes import Position

__all__ = ["HINT_PROPERTY", "MARKER_PROPERTY", "SPREAD_PROPERTY", "RoiDefaults", "hints_from_rois", "read_rois"]

SPREAD_PROPERTY = "semcolorize.spread"
"""Property of a ROI that says how far it speaks, see `semcolorize.hints.model.Hint`."""
HINT_PROPERTY = "semcolorize.hint"
"""ROI property by which Fiji's live tools know a hint of theirs from whatever else lies on an overlay."""
MARKER_PROPERTY = "semcolorize.marker"
"""ROI property of what those tools draw for the eye: where the next hint helps, where the data bar begins."""

_AUTOMATIC_NAME = re.compile(
    r"\d{3,5}-\d{3,5}(-\d{3,5})?(-\d+)?|\{?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\}?|[0-9a-f]{32}", re.IGNORECASE
)
"""What programs call ROIs that nobody named: ImageJ by their place, others by a UUID."""
_MOST_REASONS = 5
_AREAS = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED)
_PATHS = (ROI_TYPE.POLYLINE, ROI_TYPE.FREELINE)


@dataclass(frozen=True, kw_only=True)
class RoiDefaults:
    """What ROIs do not say, or what a hints file says in their place.

    Parameters
    ----------
    size : int
        Side of the patch around a point, in pixels.
    strength : float or None
        For all ROIs; None takes the alpha of a ROI's own color, and 1 for a color from elsewhere.
    limit : bool or None
        For all ROIs; None takes the ROI's property ``hint_limit``, else False.
    spread : {"alike", "instance"} or None
        For all ROIs; None takes the ROI's property ``semcolorize.spread``, else leaves it to the run.
    name : str or None
        Class name for all ROIs; None takes the palette's or the ROI's.
    """

    size: int = 7
    strength: float | None = None
    limit: bool | None = None
    spread: Spread | None = None
    name: str | None = None


class _NoHintError(Exception):
    """A ROI that is no hint; the message says why."""


def read_rois(
    path: str | os.PathLike[str],
    *,
    colors: Mapping[str, Any] | None = None,
    palette: Mapping[str, NamedColor] | None = None,
    defaults: RoiDefaults | None = None,
) -> tuple[tuple[Hint, ...], tuple[SkippedHint, ...]]:
    """Read the hints in a ``.roi``, ``RoiSet.zip`` or TIFF file.

    Parameters
    ----------
    path : str or path-like
        The file.
    colors : mapping of str to color, optional
        Colors by ROI name (globs like ``cell*``) or group number (``"7"``); the first that fits counts. ROIs
        that none fits have their own color: fill before stroke, its alpha being the hint's strength.
    palette : mapping of str to NamedColor, optional
        For colors given by name.
    defaults : RoiDefaults, optional
        What ROIs do not say.

    Returns
    -------
    hints : tuple of Hint
        In pixels, in file order.
    skipped : tuple of SkippedHint
        ROIs that are no hints and keys of `colors` that fit none, with reasons.

    Raises
    ------
    HintError
        If the file is missing, damaged or hostile, or none of its ROIs is a hint.
    ConfigError
        If a color cannot be understood.
    """
    rois = stored_rois(path)
    hints, skipped = hints_from_rois(
        rois, source=Path(path).name, colors=colors, palette=palette, defaults=defaults
    )
    if not hints:
        counts = Counter(skip.reason for skip in skipped if skip.origin != _colors_origin(Path(path).name))
        reasons = "; ".join(f"{count} x {reason}" for reason, count in counts.most_common(_MOST_REASONS))
        reasons += "; ..." if len(counts) > _MOST_REASONS else ""
        raise HintError(f"None of its {len(rois)} ROIs is a hint ({reasons}).", path=os.fspath(path))
    return hints, skipped


def hints_from_rois(
    rois: Iterable[StoredRoi],
    *,
    source: str = "",
    colors: Mapping[str, Any] | None = None,
    palette: Mapping[str, NamedColor] | None = None,
    defaults: RoiDefaults | None = None,
) -> tuple[tuple[Hint, ...], tuple[SkippedHint, ...]]:
    """Turn (entry name, ROI) pairs into hints; see `read_rois`. `source` begins each hint's origin."""
    table = _ColorTable(colors or {}, palette or {})
    hints: list[Hint] = []
    skipped: list[SkippedHint] = []
    for number, (entry, roi) in enumerate(rois, start=1):
        if isinstance(roi, HintError):
            # The message names the entry already.
            skipped.append(SkippedHint(source or entry, roi.message))
            continue
        if MARKER_PROPERTY in roi.properties:
            continue
        label = roi.name or entry
        where = label or f"ROI {number}"
        origin = f"{source}: {where}" if source else where
        try:
            hints += _hints_of(roi, label, origin, table, defaults or RoiDefaults())
        except _NoHintError as reason:
            skipped.append(SkippedHint(origin, str(reason)))
    skipped += [
        SkippedHint(_colors_origin(source), f"{key!r} fits no ROI name or group") for key in table.unused()
    ]
    return tuple(hints), tuple(skipped)


def _colors_origin(source: str) -> str:
    return f"{source}: colors" if source else "colors"


class _ColorTable:
    """Colors by ROI name or group, and which of them were used."""

    def __init__(self, colors: Mapping[str, Any], palette: Mapping[str, NamedColor]) -> None:
        self._colors: dict[str, tuple[Lab, str | None]] = {}
        classes = Counter(_class_of(str(key), value) for key, value in colors.items())
        for key, value in colors.items():
            try:
                name = value if isinstance(value, str) and value in palette else _class_of(str(key), value)
                # Two entries are two classes, unless they name one color of the palette.
                name = str(key) if classes[name] > 1 and name not in palette else name
                self._colors[str(key)] = (parse_color(value, palette), name)
            except ConfigError as error:
                raise ConfigError(error.message, key=f"colors.{key}") from None
        self._used: set[str] = set()

    def find(self, name: str, group: int) -> tuple[Lab, str | None] | None:
        for key, color in self._colors.items():
            # A key of digits is a group; a ROI called "7" is found by the glob "[7]".
            if int(key) == group if key.isdecimal() else fnmatchcase(_composed(name), _composed(key)):
                self._used.add(key)
                return color
        return None

    def unused(self) -> list[str]:
        return [key for key in self._colors if key not in self._used]


def _class_of(key: str, color: Any) -> str | None:
    """Name of what one entry of ``colors:`` takes: all of it is one class, however its ROIs are called."""
    if key.isdecimal():
        return f"group {key}"
    plain = re.sub(r"\[[^]]*\]|[*?]", "", key).strip(" _-")
    return plain or (color if isinstance(color, str) and not color.startswith("#") else None)


def _composed(name: str) -> str:
    """Accents as one character: a Mac writes them as two."""
    return unicodedata.normalize("NFC", name)


def _hints_of(
    roi: ImagejRoi, label: str, origin: str, table: _ColorTable, defaults: RoiDefaults
) -> list[Hint]:
    geometry = _geometry(roi)
    color = table.find(label, roi.group)
    if color is not None:
        (lab, name), strength = color, 1.0
    else:
        lab, strength = _own_color(roi)
        name = None if _AUTOMATIC_NAME.fullmatch(label) else label or None
    name = defaults.name or name
    properties = roi.properties
    shared: dict[str, Any] = {
        "lab": lab,
        "name": name,
        "strength": strength if defaults.strength is None else defaults.strength,
        "limit": properties.get("hint_limit") is True if defaults.limit is None else defaults.limit,
        "spread": defaults.spread or _own_spread(properties),
        "origin": origin,
    }
    if isinstance(geometry, Rectangle | Oval | Polygons):
        return [RegionHint(shape=geometry, position=_position(roi), **shared)]
    if roi.roitype == ROI_TYPE.POINT:
        size = properties.get("hint_size", defaults.size)
        size = size if isinstance(size, int) and 1 <= size <= 1001 else defaults.size
        return [
            PointHint(row=row, column=column, size=size, position=position, **shared)
            for (row, column), position in zip(geometry, _point_positions(roi, len(geometry)), strict=True)
        ]
    width = max(float(roi.float_stroke_width or roi.stroke_width), 1.0)
    return [LineHint(path=geometry, width=width, position=_position(roi), **shared)]


def _position(roi: ImagejRoi) -> Position | None:
    found = Position(
        stack=max(int(roi.position), 0), channel=max(int(roi.c_position), 0), slice=max(int(roi.z_position), 0),
        frame=max(int(roi.t_position), 0),
    )  # fmt: skip
    return None if found == Position() else found


def _point_positions(roi: ImagejRoi, count: int) -> list[Position | None]:
    """Position of every point: points of a multi-point may lie on planes of their own."""
    own, planes = _position(roi), roi.counter_positions
    if planes is None or len(planes) != count:
        return [own] * count
    return [Position(index=int(plane)) if plane > 0 else own for plane in planes]


def _own_spread(properties: Mapping[str, Any]) -> Spread | None:
    said = properties.get(SPREAD_PROPERTY)
    if said not in (None, *SPREADS):
        raise _NoHintError(f"its property {SPREAD_PROPERTY} is {said!r}; {' or '.join(SPREADS)} is accepted")
    return cast("Spread | None", said)


def _own_color(roi: ImagejRoi) -> tuple[Lab, float]:
    for argb in (roi.fill_color, roi.stroke_color):
        # ImageJ writes four zero bytes for "no color"; black is opaque, so it has an alpha.
        if any(argb):
            alpha, *rgb = argb
            if not alpha:
                raise _NoHintError("its color is fully transparent")
            return parse_color([int(value) for value in rgb]), alpha / 255
    raise _NoHintError(
        "without a color; give it one in ROI Manager > Properties, or under colors: in a hints file"
    )


def _geometry(roi: ImagejRoi) -> Rectangle | Oval | Polygons | tuple[tuple[float, float], ...]:
    if roi.subtype == ROI_SUBTYPE.TEXT:
        raise _NoHintError("a text label")
    if roi.subtype == ROI_SUBTYPE.IMAGE:
        raise _NoHintError("an image overlay")
    if roi.subtype == ROI_SUBTYPE.ARROW:
        raise _NoHintError("an arrow")
    kind = roi.roitype
    if kind == ROI_TYPE.ANGLE:
        raise _NoHintError("an angle")
    try:
        if kind in (ROI_TYPE.RECT, ROI_TYPE.OVAL):
            shape = _box(roi)
            finite = np.array(shape.rings[0] if isinstance(shape, Polygons) else _corner_and_size(shape))
        elif kind in _AREAS:
            shape = _polygons([_vertices(roi, closed=True)], 3)
            finite = np.array(shape.rings[0])
        elif kind in _PATHS or kind in (ROI_TYPE.POINT, ROI_TYPE.LINE):
            xy = _vertices(roi, closed=False)
            if len(xy) < (1 if kind == ROI_TYPE.POINT else 2):
                raise _NoHintError("without points")
            finite = xy
            path = tuple((y + 0.5, x + 0.5) for x, y in xy.tolist())
        else:
            raise _NoHintError(f"of a type ImageJ does not name, {int(kind)}")
    except (ValueError, IndexError, OverflowError) as error:
        raise _NoHintError(f"damaged: {error}") from None
    if not np.isfinite(finite).all():
        raise _NoHintError("damaged: its coordinates are not finite")
    return path if kind in _PATHS or kind in (ROI_TYPE.POINT, ROI_TYPE.LINE) else shape


def _corner_and_size(shape: Rectangle | Oval) -> tuple[float, ...]:
    return shape.top, shape.left, shape.height, shape.width


def _box(roi: ImagejRoi) -> Rectangle | Oval | Polygons:
    if roi.composite and roi.multi_coordinates is not None:
        return _polygons(composite_rings(roi.multi_coordinates), 1)
    if roi.subpixelrect:
        x, y, width, height = roi.xd, roi.yd, roi.widthd, roi.heightd
    else:
        x, y, width, height = roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top
    if width <= 0 or height <= 0:
        raise _NoHintError("without an area")
    if roi.roitype == ROI_TYPE.OVAL:
        return Oval(y, x, height, width)
    if roi.rounded_rect_arc_size > 0:
        # ImageJ rounds the corners of the integer box.
        box = (int(x), int(y), int(np.ceil(width)), int(np.ceil(height)))
        return _polygons([rounded_rectangle(*box, roi.rounded_rect_arc_size)], 3)
    return Rectangle(y, x, height, width)


def _vertices(roi: ImagejRoi, *, closed: bool) -> np.ndarray:
    xy = np.asarray(roi.coordinates(), dtype=np.float64).reshape(-1, 2)
    if roi.options & ROI_OPTIONS.SPLINE_FIT and roi.roitype != ROI_TYPE.POINT and len(xy) > 2:
        return spline(xy, closed=closed)
    return xy


def _polygons(rings: list[np.ndarray], fewest: int) -> Polygons:
    if not rings or any(len(ring) < fewest for ring in rings) or all(on_one_line(ring) for ring in rings):
        raise _NoHintError("without an area")
    return Polygons(tuple(tuple((y, x) for x, y in ring.tolist()) for ring in rings))
