"""Documents and views to plain data and back, for saved work."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from semcolorize.app.document import ColorClass, Document, Mark, Options
from semcolorize.app.images import View
from semcolorize.errors import ConfigError
from semcolorize.hints.model import Hint, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint

__all__ = ["document_of", "plain_document", "plain_hint", "views_of"]

_VERSION = 1


def plain_hint(hint: Hint) -> dict[str, Any]:
    """A hint's geometry in (row, column), strength, limit and spread as JSON values."""
    shared = {"strength": hint.strength, "limit": hint.limit, "spread": hint.spread}
    match hint:
        case PointHint():
            return {"kind": "point", "row": hint.row, "column": hint.column, "size": hint.size, **shared}
        case LineHint():
            return {"kind": "line", "path": [list(vertex) for vertex in hint.path], "width": hint.width, **shared}
        case RegionHint(shape=Polygons(rings=rings)):
            return {"kind": "polygons", "rings": [[list(vertex) for vertex in ring] for ring in rings], **shared}
        case RegionHint(shape=Rectangle() | Oval() as box):
            return {"kind": type(box).__name__.lower(), **asdict(box), **shared}
        case _:
            raise TypeError(f"{type(hint).__name__} is not a kind of hint")


def _hint_of(plain: dict[str, Any]) -> Hint:
    shared: dict[str, Any] = {
        "lab": (0.0, 0.0, 0.0), "strength": plain["strength"], "limit": plain["limit"], "spread": plain["spread"],
    }  # fmt: skip
    match plain["kind"]:
        case "point":
            return PointHint(row=plain["row"], column=plain["column"], size=plain["size"], **shared)
        case "line":
            return LineHint(path=tuple((row, column) for row, column in plain["path"]), width=plain["width"], **shared)
        case "polygons":
            rings = tuple(tuple((row, column) for row, column in ring) for ring in plain["rings"])
            return RegionHint(shape=Polygons(rings), **shared)
        case "rectangle" | "oval" as kind:
            box = [plain[side] for side in ("top", "left", "height", "width")]
            return RegionHint(shape=(Oval if kind == "oval" else Rectangle)(*box), **shared)
        case other:
            raise ValueError(f"{other!r} is no kind of hint")


def plain_document(document: Document, views: list[View], active: str | None) -> dict[str, Any]:
    """Everything that is needed to go on where the work was left, as JSON values."""
    return {
        "version": _VERSION,
        "classes": [{**asdict(own), "lab": list(own.lab)} for own in document.classes],
        "marks": {
            view: [{"id": mark.id, "of": mark.of, **plain_hint(mark.hint)} for mark in marks]
            for view, marks in document.marks.items()
        },
        "options": asdict(document.options),
        "next_id": document.next_id,
        "views": [
            {"id": view.id, "name": view.name, "path": None if view.path is None else str(view.path),
             "beside": view.beside, "sha256": view.sha256}
            for view in views
        ],
        "active": active,
    }  # fmt: skip


def document_of(state: dict[str, Any]) -> Document:
    """The document of saved work.

    Raises
    ------
    ConfigError
        If it is of another version or damaged.
    """
    try:
        if state["version"] != _VERSION:
            raise ValueError(f"version {state['version']}")
        classes = tuple(ColorClass(**{**own, "lab": tuple(own["lab"])}) for own in state["classes"])
        marks = {
            str(view): tuple(Mark(int(own["id"]), str(own["of"]), _hint_of(own)) for own in marks)
            for view, marks in state["marks"].items()
        }
        made = Document(classes, marks, Options(**state["options"]), int(state["next_id"]))
        for own in (mark for marks in made.marks.values() for mark in marks):
            made.find(own.of)
        return made
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"The saved work cannot be read ({type(error).__name__}: {error}).") from None


def views_of(state: dict[str, Any]) -> list[View]:
    """Views of saved work; ConfigError if they are damaged."""
    try:
        return [
            View(str(own["id"]), str(own["name"]), Path(own["path"]), bool(own["beside"]), own["sha256"])
            for own in state["views"] if own["path"]
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"The saved work cannot be read ({type(error).__name__}: {error}).") from None
