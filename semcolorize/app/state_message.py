"""Everything the front end shows beside pictures, as JSON values: small, and sent after each edit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from semcolorize.app.document import GRAY, Document, Mark
from semcolorize.app.history import History
from semcolorize.app.images import View
from semcolorize.color.palette import NamedColor
from semcolorize.hints.model import LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint

__all__ = ["state_message"]


def state_message(history: History, views: Sequence[View], active: str | None, **more: Any) -> dict[str, Any]:
    """Classes, hints on the view that is shown, tabs, options, what can be undone.

    Parameters
    ----------
    history : History
    views : sequence of View
    active : str or None
    more
        Other entries.
    """
    document = history.document
    used: dict[str, int] = {}
    for marks in document.marks.values():
        for mark in marks:
            used[mark.of] = used.get(mark.of, 0) + 1
    return {
        "type": "state",
        "views": [{"id": view.id, "name": view.name, "hints": len(document.of(view.id))} for view in views],
        "active": active,
        "classes": [
            {
                "id": own.id, "name": own.name, "color": own.hex, "given": NamedColor("", own.given).hex,
                "visible": own.visible, "opacity": own.opacity, "gray": own.id == GRAY, "hints": used.get(own.id, 0),
            }
            for own in document.classes
        ],
        "hints": [_shown(document, mark) for mark in document.of(active or "")],
        "options": {
            "spread": document.options.spread, "fill": document.options.fill, "variants": document.options.variants,
            "seed": document.options.seed, "series": document.options.series,
            "classes": document.options.classes, "own_palette": document.options.own_palette,
            # Where the file lies is nobody's business.
            "like": re.split(r"[/\\]", document.options.like)[-1],
        },
        "undo": history.undoable,
        "redo": history.redoable,
        **more,
    }  # fmt: skip


def _shown(document: Document, mark: Mark) -> dict[str, Any]:
    hint = mark.hint
    told: dict[str, Any] = {"id": mark.id, "of": mark.of, "spread": hint.spread, "limit": hint.limit}
    match hint:
        case PointHint():
            return {**told, "kind": "point", "path": [[hint.column, hint.row]], "size": hint.size}
        case LineHint():
            return {**told, "kind": "line", "path": [[c, r] for r, c in hint.path], "size": hint.width}
        case RegionHint(shape=Polygons(rings=rings)):
            return {**told, "kind": "area", "rings": [[[c, r] for r, c in ring] for ring in rings]}
        case RegionHint(shape=Rectangle() | Oval() as box):
            kind = "oval" if isinstance(box, Oval) else "area"
            left, top, right, bottom = box.left, box.top, box.left + box.width, box.top + box.height
            corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
            return {**told, "kind": kind, "rings": [corners]}
        case _:
            return {**told, "kind": "area", "rings": []}
