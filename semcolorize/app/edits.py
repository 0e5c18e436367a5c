"""Edits of the document, as front ends ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from semcolorize.app.document import Document
from semcolorize.app.messages import (
    AddClass,
    AddHint,
    ChangeClass,
    ChangeHint,
    ClearHints,
    RemoveClass,
    RemoveHint,
    SetOptions,
    UsePalette,
)  # fmt: skip
from semcolorize.color.palette import Palette
from semcolorize.errors import HintError
from semcolorize.hints.model import Hint, LineHint, PointHint

__all__ = ["Edit", "edited"]

_NO_COLOR = (0.0, 0.0, 0.0)
_GRID = 8
"""Strokes keep eighths of a pixel, which binary numbers hold exactly: they come back from files as they went in."""


@dataclass(frozen=True)
class Edit:
    """A new document, and what was done.

    Attributes
    ----------
    document : Document
    what : str
        For the undo button.
    view : str
        Where it was done; empty if on none.
    join : str or None
        Edits of one key in a row are one step of undo.
    """

    document: Document
    what: str
    view: str = ""
    join: str | None = None


def edited(document: Document, message: Any, about: Mapping[str, Any] | None) -> Edit | None:
    """The document after an edit; None if the message is none.

    Parameters
    ----------
    document : Document
    message : Message
    about : mapping or None
        Size and data bar of the view that the message names.

    Raises
    ------
    ConfigError, HintError
    """
    match message:
        case AddHint():
            hint = _hint(message, about or {})
            what = "the click" if isinstance(hint, PointHint) else "the stroke"
            return Edit(document.add_mark(message.view, message.of, hint), what, message.view)
        case ChangeHint():
            return _changed(document, message, about or {})
        case RemoveHint():
            return Edit(document.remove_mark(message.view, message.hint), "the removal of a hint", message.view)
        case ClearHints():
            return Edit(document.clear(message.view), "the removal of all hints", message.view)
        case AddClass():
            return Edit(document.add_class(message.name, message.color), "the new class")
        case ChangeClass():
            changes = message.model_dump(exclude={"type", "of"}, exclude_none=True)
            made = document.change_class(message.of, **changes)
            kind = "eye" if "visible" in changes else next(iter(changes), "change")
            what = f"the {kind} of {made.find(message.of).name}"
            return Edit(made, what, join=f"{message.of} {' '.join(changes)}")
        case RemoveClass():
            name = document.find(message.of).name
            return Edit(document.remove_class(message.of), f"the removal of {name}")
        case UsePalette():
            return Edit(document.with_palette(Palette.builtin(message.name)), f"the palette {message.name}")
        case SetOptions():
            changes = message.model_dump(exclude={"type"}, exclude_none=True)
            options = replace(document.options, **changes)
            return Edit(replace(document, options=options), "the options", join=f"options {' '.join(changes)}")
        case _:
            return None


def _hint(message: AddHint, about: Mapping[str, Any]) -> Hint:
    places = [(x, y) for x, y in message.path]
    _check_inside(places, message.size, about)
    shared: dict[str, Any] = {"lab": _NO_COLOR, "spread": message.spread}
    if len(places) == 1 or all(place == places[0] for place in places):
        x, y = places[0]
        return PointHint(row=int(y // 1) + 0.5, column=int(x // 1) + 0.5, size=message.size, **shared)
    path = tuple((round(y * _GRID) / _GRID, round(x * _GRID) / _GRID) for x, y in places)
    return LineHint(path=path, width=float(message.size), **shared)


def _check_inside(places: list[tuple[float, float]], size: float, about: Mapping[str, Any]) -> None:
    width, height = about.get("width", 1e9), about.get("height", 1e9)
    reach = size / 2
    if all(x + reach < 0 or y + reach < 0 or x - reach > width or y - reach > height for x, y in places):
        raise HintError(f"This lies outside of the image, which is {width} x {height} pixels. Put it on the image.")
    bar = about.get("bar")
    if bar is not None and all(y - reach >= bar for _, y in places):
        raise HintError(f"This lies in the data bar (from row {bar} on), which stays as it is. Put it on the specimen.")


def _changed(document: Document, message: ChangeHint, about: Mapping[str, Any]) -> Edit:
    changes: dict[str, Any] = {}
    if message.spread is not None:
        changes["spread"] = message.spread
    if message.limit is not None:
        changes["limit"] = message.limit
    join = None
    if message.place is not None:
        x, y = message.place
        old = next((mark.hint for mark in document.of(message.view) if mark.id == message.hint), None)
        if not isinstance(old, PointHint):
            raise HintError("Only points can be moved; remove this hint and draw it anew.")
        _check_inside([(x, y)], old.size, about)
        changes |= {"row": int(y // 1) + 0.5, "column": int(x // 1) + 0.5}
        join = f"move {message.hint}"
    made = document.change_mark(message.view, message.hint, message.of, **changes)
    return Edit(made, "the change of a hint", message.view, join)
