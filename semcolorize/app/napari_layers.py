"""Hints as layers of napari, and layers as hints.

A class is a Points layer, a Shapes layer, or both of one name: what lies in them are its hints, and their color is its.
napari's coordinates name the centers of pixels: (0, 0) is the first one's, which is (0.5, 0.5) in
`semcolorize.hints.model`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from semcolorize.app.document import GRAY, Document
from semcolorize.color.palette import NamedColor, lab_of_rgb
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hints.model import Hint, HintSet, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint

__all__ = ["MARK", "document_of_layers", "hints_reader", "layers_of"]

MARK = "semcolorize"
"""Key of a layer's metadata by which its points and shapes are hints."""

LayerData = tuple[Any, dict[str, Any], str]


def hints_reader(path: str | list[str]) -> Callable[[Any], list[LayerData]] | None:
    """Give napari a reader for files of hints; None for what is none."""
    paths = [path] if isinstance(path, str) else list(path)
    if not all(name.lower().endswith((".hints.yaml", ".hints.yml", "roiset.zip")) for name in paths):
        return None
    return lambda _: [layer for name in paths for layer in layers_of(read_hints(os.fspath(name)))]


def layers_of(hints: HintSet) -> list[LayerData]:
    """Layers for hints in pixels: for each class its points, and its strokes and areas."""
    classes: dict[tuple[str, str], list[Hint]] = {}
    for hint in hints:
        code = NamedColor("", hint.lab).hex
        classes.setdefault((hint.name or code, code), []).append(hint)
    layers: list[LayerData] = []
    for (name, code), members in classes.items():
        shared = {"name": name, "metadata": {MARK: True}}
        points = [hint for hint in members if isinstance(hint, PointHint)]
        if points:
            data = np.array([(hint.row - 0.5, hint.column - 0.5) for hint in points])
            sizes = [float(hint.size) for hint in points]
            layers.append((data, {**shared, "face_color": code, "size": sizes}, "points"))
        shapes = [own for hint in members if not isinstance(hint, PointHint) for own in _shapes(hint)]
        if shapes:
            outlines, kinds, widths = (list(values) for values in zip(*shapes, strict=True))
            about = {"shape_type": kinds, "edge_color": code, "face_color": "transparent", "edge_width": widths}
            layers.append((outlines, {**shared, **about}, "shapes"))
    return layers


def _shapes(hint: Hint) -> list[tuple[np.ndarray, str, float]]:
    match hint:
        case LineHint():
            return [(np.array(hint.path) - 0.5, "path", hint.width)]
        case RegionHint(shape=Polygons(rings=rings)):
            return [(np.array(ring) - 0.5, "polygon", 1.0) for ring in rings]
        case RegionHint(shape=Rectangle() | Oval() as box):
            top, left, bottom, right = box.top, box.left, box.top + box.height, box.left + box.width
            corners = np.array([(top, left), (top, right), (bottom, right), (bottom, left)]) - 0.5
            return [(corners, "ellipse" if isinstance(box, Oval) else "rectangle", 1.0)]
        case _:
            return []


def document_of_layers(layers: Iterable[Any], view: str, **options: Any) -> Document:
    """What layers of hints say about a view, as the window's document.

    Parameters
    ----------
    layers : iterable of napari layer
        Those without our mark, and those that are hidden, say nothing.
    view : str
    options
        See `semcolorize.app.document.Options`.
    """
    document = Document()
    # The window's own classes to begin with are of no use here.
    document = replace(document, classes=tuple(own for own in document.classes if own.id == GRAY))
    for layer in layers:
        if not layer.metadata.get(MARK) or not layer.visible or not len(layer.data):
            continue
        lab = lab_of_rgb([255 * float(value) for value in _color(layer)[:3]])
        hints = tuple(replace(hint, name=layer.name, lab=lab) for hint in _hints(layer))
        kept = document.of(view)
        document = document.with_hints(view, HintSet(hints=hints))
        document = replace(document, marks={**document.marks, view: (*kept, *document.of(view))})
    return replace(document, options=replace(document.options, **options))


def _color(layer: Any) -> np.ndarray:
    """The class' color: that of its first hint."""
    return np.asarray(layer.face_color[0] if hasattr(layer, "size") else layer.edge_color[0])


def _hints(layer: Any) -> list[Hint]:
    bare = (0.0, 0.0, 0.0)
    if hasattr(layer, "size"):
        sizes = np.broadcast_to(np.asarray(layer.size, float).reshape(len(layer.data), -1)[:, -1], len(layer.data))
        places = np.rint(np.asarray(layer.data, float)[:, -2:]) + 0.5
        return [
            PointHint(lab=bare, row=row, column=column, size=max(1, round(size)))
            for (row, column), size in zip(places.tolist(), sizes.tolist(), strict=True)
        ]
    hints: list[Hint] = []
    for data, kind, width in zip(layer.data, layer.shape_type, layer.edge_width, strict=True):
        vertices = np.asarray(data, float)[:, -2:] + 0.5
        ring = tuple((float(row), float(column)) for row, column in vertices)
        if kind in ("path", "line"):
            hints.append(LineHint(lab=bare, path=ring, width=max(1.0, float(width))))
        elif kind == "ellipse":
            (top, left), (bottom, right) = vertices.min(axis=0), vertices.max(axis=0)
            shape = Oval(float(top), float(left), float(bottom - top), float(right - left))
            hints.append(RegionHint(lab=bare, shape=shape))
        else:
            hints.append(RegionHint(lab=bare, shape=Polygons((ring,))))
    return hints
