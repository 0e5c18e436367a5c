"""Undo and redo: documents before and after, with a sentence about what was done."""

from __future__ import annotations

from dataclasses import dataclass, field

from semcolorize.app.document import Document

__all__ = ["History"]

_MOST = 200


@dataclass
class History:
    """The document, and those it was and may be again.

    Attributes
    ----------
    document : Document
    undoable, redoable : str or None
        What undo and redo would take back and do again.
    """

    document: Document = field(default_factory=Document)
    _past: list[tuple[str, str, Document]] = field(default_factory=list)
    _future: list[tuple[str, str, Document]] = field(default_factory=list)
    _joined: str | None = None

    @property
    def undoable(self) -> str | None:
        """What undo would take back."""
        return self._past[-1][0] if self._past else None

    @property
    def redoable(self) -> str | None:
        """What redo would do again."""
        return self._future[-1][0] if self._future else None

    def edit(self, document: Document, what: str, view: str = "", *, join: str | None = None) -> bool:
        """Go on with a new document.

        Parameters
        ----------
        document : Document
        what : str
            Such as ``add a hint``.
        view : str
            Where it was done.
        join : str, optional
            Edits of one key in a row, as of a slider that is dragged, are one step.

        Returns
        -------
        bool
            Whether anything changed.
        """
        if document == self.document:
            return False
        if join is None or join != self._joined:
            self._past.append((what, view, self.document))
            del self._past[:-_MOST]
        self._joined = join
        self._future.clear()
        self.document = document
        return True

    def undo(self) -> tuple[str, str] | None:
        """Take back the last step; its description and view, or None."""
        return self._step(self._past, self._future)

    def redo(self) -> tuple[str, str] | None:
        """Do the step again that was taken back last."""
        return self._step(self._future, self._past)

    def _step(
        self, source: list[tuple[str, str, Document]], target: list[tuple[str, str, Document]]
    ) -> tuple[str, str] | None:
        self._joined = None
        if not source:
            return None
        what, view, document = source.pop()
        target.append((what, view, self.document))
        # Ids are never given twice.
        last = max(document.next_id, self.document.next_id)
        self.document = document if document.next_id == last else _with_next_id(document, last)
        return what, view


def _with_next_id(document: Document, next_id: int) -> Document:
    from dataclasses import replace

    return replace(document, next_id=next_id)
