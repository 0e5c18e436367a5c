"""Pictures of a window's views, made anew only as far as an edit asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from semcolorize.app.document import Document
from semcolorize.app.engine import Engine, Labeled, Prepared
from semcolorize.app.picture import Picture

__all__ = ["Coloring"]


class Coloring:
    """Pictures and what they were made for.

    Parameters
    ----------
    engine : Engine
    on_progress : callable
        Told the share of a long computation that is done.
    """

    def __init__(self, engine: Engine, on_progress: Callable[[float], None]) -> None:
        self._engine = engine
        self._on_progress = on_progress
        self._labeled: Labeled | None = None
        self._pictures: dict[str, tuple[tuple[Any, ...], int, Picture]] = {}
        self._version = 0
        self._lock = threading.Lock()

    def wanted(self, document: Document, prepared: Prepared, view: str) -> tuple[Any, ...]:
        """What the picture of a view depends on."""
        colors = tuple((own.id, own.name, own.given, own.visible) for own in document.classes)
        options = document.options
        marks = tuple((other, id(image), document.of(other)) for other, image in prepared.items())
        if options.fill == "auto":
            asked = any(own[2] for own in marks) or options.own_palette
            return (view, "auto", options.variants, options.seed, options.spread, options.classes,
                    document.allowed is not None, colors if asked else (), marks)  # fmt: skip
        return (view, options.fill, options.like, options.spread, colors, marks)

    def picture(self, view: str) -> tuple[int, Picture] | None:
        """A view's latest picture and its version."""
        with self._lock:
            found = self._pictures.get(view)
        return None if found is None else found[1:]

    def fresh(self, document: Document, prepared: Prepared, view: str) -> bool:
        """Whether a view's picture is what the document asks for."""
        found = self._pictures.get(view)
        return found is not None and found[0] == self.wanted(document, prepared, view)

    def color(
        self, document: Document, prepared: Prepared, view: str, after_edit: Callable[[], None]
    ) -> tuple[int, Picture]:
        """Make the picture of a view.

        Parameters
        ----------
        document, prepared, view
            Of all views that are colored together, and the one that is shown.
        after_edit : callable
            Raises `semcolorize.app.engine.Superseded` when something else is wanted by now.
        """
        key = self.wanted(document, prepared, view)
        if document.options.fill != "auto":
            if not document.colors(prepared):
                return self._keep(view, key, Picture.gray(prepared[view].small))
            labeled = self._engine.label(prepared, document, self._labeled, after_edit)
            self._labeled = labeled
            hidden = frozenset(own.name for own in document.classes if not own.visible)
            return self._keep(view, key, self._engine.highlight(labeled, view, document.options.fill, hidden))

        def on_progress(share: float) -> None:
            after_edit()
            self._on_progress(share)

        pictures = self._engine.invent(prepared, document, on_progress)
        for other, picture in pictures.items():
            if other != view:
                self._keep(other, self.wanted(document, prepared, other), picture)
        return self._keep(view, key, pictures[view])

    def drop(self, view: str) -> None:
        """Let go of a view's picture."""
        with self._lock:
            self._pictures.pop(view, None)
            if self._labeled is not None and view in self._labeled.marked:
                self._labeled = None

    def _keep(self, view: str, key: tuple[Any, ...], picture: Picture) -> tuple[int, Picture]:
        with self._lock:
            self._version += 1
            self._pictures[view] = (key, self._version, picture)
            return self._version, picture
