"""Hints to ImageJ ROIs, for overlays: here row, column become x, y again."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from roifile import ROI_OPTIONS, ROI_POINT_SIZE, ROI_TYPE, ImagejRoi

from semcolorize.color.palette import NamedColor
from semcolorize.hintfiles.rois import HINT_PROPERTY, SPREAD_PROPERTY
from semcolorize.hints.model import Hint, HintSet, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint

__all__ = ["hints_to_rois"]

_INTEGER_RANGE = (-4000, 60000)
"""Coordinates that ROI files can hold as integers; -5000 and 65535 are the ends, some distance is kept."""


def hints_to_rois(hints: Iterable[Hint] | HintSet, *, filled: bool = False, numbered: bool = True) -> list[ImagejRoi]:
    """Make ImageJ ROIs of hints; `semcolorize.hintfiles.rois` reads them back.

    Parameters
    ----------
    hints : HintSet, or iterable of Hint
        In pixels.
    filled : bool
        Color areas by fill instead of outline. In an overlay a fill hides the image.
    numbered : bool
        Give each its number as the property ``semcolorize.hint``, by which the live tools in Fiji find it again.

    Returns
    -------
    rois : list of ImagejRoi
        One per hint: geometry (single precision where it is not integer), name, 8-bit color with the strength
        as its alpha, width of lines; patch size, limit and spread as the properties ``hint_size``, ``hint_limit`` and
        ``semcolorize.spread``.
    """
    return [_roi(hint, filled, number if numbered else None) for number, hint in enumerate(hints, start=1)]


def _roi(hint: Hint, filled: bool, number: int | None) -> ImagejRoi:
    roi = ImagejRoi()
    properties: dict[str, object] = {} if number is None else {HINT_PROPERTY: number}
    match hint:
        case PointHint():
            roi.roitype = ROI_TYPE.POINT
            roi.point_size = ROI_POINT_SIZE.LARGE
            _set_vertices(roi, np.array([[hint.column - 0.5, hint.row - 0.5]]))
            properties["hint_size"] = hint.size
        case LineHint():
            _set_line(roi, np.array([(column - 0.5, row - 0.5) for row, column in hint.path]))
            roi.stroke_width = min(int(hint.width), 32767)
            roi.float_stroke_width = float(hint.width)
        case RegionHint(shape=Rectangle() | Oval() as box):
            roi.roitype = ROI_TYPE.OVAL if isinstance(box, Oval) else ROI_TYPE.RECT
            _set_box(roi, box)
        case RegionHint(shape=Polygons(rings=rings)):
            outlines = [np.array([(column, row) for row, column in ring]) for ring in rings]
            if len(outlines) == 1:
                roi.roitype = ROI_TYPE.POLYGON
                _set_vertices(roi, outlines[0])
            else:
                _set_composite(roi, outlines)
        case _:
            raise TypeError(f"{type(hint).__name__} is not a kind of hint")
    if hint.limit:
        properties["hint_limit"] = True
    if hint.spread:
        properties[SPREAD_PROPERTY] = hint.spread
    if properties:
        roi.properties = properties
    # roifile counts characters, ImageJ UTF-16 units: beyond the basic plane they differ and the file breaks.
    roi.name = "".join(letter if ord(letter) < 0x10000 else "\ufffd" for letter in hint.name or "")
    argb = bytes([max(round(hint.strength * 255), 1), *NamedColor("", hint.lab).rgb])
    if filled and isinstance(hint, RegionHint):
        roi.fill_color = argb
    else:
        roi.stroke_color = argb
    return roi


def _set_bounds(roi: ImagejRoi, xy: np.ndarray) -> None:
    low, high = np.floor(xy.min(axis=0)), np.ceil(xy.max(axis=0))
    roi.left, roi.top = int(low[0]), int(low[1])
    roi.right, roi.bottom = int(high[0]), int(high[1])


def _set_vertices(roi: ImagejRoi, xy: np.ndarray) -> None:
    _set_bounds(roi, xy)
    roi.n_coordinates = len(xy)
    roi.integer_coordinates = np.floor(xy).astype(np.int32) - [roi.left, roi.top]
    whole = bool(
        (xy == np.round(xy)).all() and (xy >= _INTEGER_RANGE[0]).all() and (xy <= _INTEGER_RANGE[1]).all()
    )
    if not whole:
        roi.options |= ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        roi.subpixel_coordinates = xy.astype(np.float32)


def _set_line(roi: ImagejRoi, xy: np.ndarray) -> None:
    if len(xy) == 2:
        roi.roitype = ROI_TYPE.LINE
        _set_bounds(roi, xy)
        (roi.x1, roi.y1), (roi.x2, roi.y2) = xy.tolist()
    else:
        roi.roitype = ROI_TYPE.POLYLINE
        _set_vertices(roi, xy)


def _set_box(roi: ImagejRoi, box: Rectangle | Oval) -> None:
    roi.left, roi.top = math.trunc(box.left), math.trunc(box.top)
    roi.right, roi.bottom = roi.left + math.ceil(box.width), roi.top + math.ceil(box.height)
    values = (box.left, box.top, box.width, box.height)
    if any(value != round(value) for value in values):
        roi.options |= ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        roi.xd, roi.yd, roi.widthd, roi.heightd = values


def _set_composite(roi: ImagejRoi, outlines: list[np.ndarray]) -> None:
    roi.roitype = ROI_TYPE.RECT
    _set_bounds(roi, np.concatenate(outlines))
    path: list[float] = []
    for outline in outlines:
        for i, (x, y) in enumerate(outline.tolist()):
            path += [0.0 if i == 0 else 1.0, x, y]
        path.append(4.0)
    roi.multi_coordinates = np.array(path, dtype=np.float32)
    roi.shape_roi_size = len(path)
