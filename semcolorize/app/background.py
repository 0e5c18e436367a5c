"""What may take its time: thumbnails of the folder, files that are exported, work that is saved."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from semcolorize.app import encode
from semcolorize.app.export import Exporter, hints_text, roi_set
from semcolorize.app.images import prepare
from semcolorize.app.levels import gray_of
from semcolorize.app.messages import Export
from semcolorize.app.state_files import plain_document
from semcolorize.errors import ConfigError, HintError, SemColorizeError
from semcolorize.micrograph.own import is_own_result
from semcolorize.micrograph.reading import read_micrograph
from semcolorize.micrograph.working import shrink, working_shape

if TYPE_CHECKING:
    from semcolorize.app.images import View
    from semcolorize.app.session import Session

__all__ = ["Background"]

_THUMBNAIL_SIDE = 144
_SETTLED_SECONDS = 0.7
"""After the last edit, before the work is saved: not in the middle of a slider's way."""
_PICTURE_SECONDS = 20.0
"""Between small pictures of the work, for a list of it: hints are what counts, and whoever clicks wants the cores."""
_PART_BYTES = 4 << 20


class Background:
    """Slow work of a window.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tasks: deque[Callable[[], None]] = deque()
        self._names: deque[str] | None = None
        self._thumbnails: dict[str, bytes | None] = {}
        self._saved_at = 0.0
        self._pictured_at = float("-inf")
        self.own_results: set[str] = set()

    def again(self) -> None:
        """A front end is there that has no thumbnails yet."""
        self._names = None

    def later(self, task: Callable[[], None]) -> None:
        """Do something when there is time."""
        self._tasks.append(task)
        self._session.wake()

    def step(self) -> bool:
        """Do one thing; False if there is nothing."""
        session = self._session
        if self._tasks:
            task = self._tasks.popleft()
            with session.telling_errors():
                task()
            return True
        edited = session.edited_at
        if session.work is not None and edited > self._saved_at and time.monotonic() - edited > _SETTLED_SECONDS:
            with session.telling_errors():
                self.save()
            return True
        return self._thumbnail_step()

    def save(self, *, last: bool = False) -> None:
        """Write the work down, so that it survives; with its small picture where it is the last time."""
        if last:
            self._pictured_at = float("-inf")
        session = self._session
        with session.lock:
            work, active = session.work, session.views.active
            moment = session.edited_at
            state = plain_document(session.history.document, session.views.listed, active.id if active else None)
        self._saved_at = max(moment, self._saved_at + 1e-6)
        if work is None or not session.views.listed:
            return
        preview = None
        if active is not None and time.monotonic() - self._pictured_at > _PICTURE_SECONDS:
            preview, self._pictured_at = self._preview(active), time.monotonic()
        work.save(state, preview)

    def export(self, message: Export) -> None:
        """Make files of what is shown now, whatever is edited meanwhile."""
        session = self._session
        view, document = session.views.active, session.history.document
        if view is None:
            raise ConfigError("No image is open; open one first.")
        if message.kind == "beside" and not view.beside:
            raise ConfigError("This image did not come from a folder that was opened, so there is no place beside it.")
        views = session.together(view)
        sources = {own.id: session.views.images.source(own) for own in views}
        if message.kind in ("hints", "rois"):
            if not document.of(view.id):
                raise HintError("There are no hints on this image yet.")
            stem = view.name.rpartition(".")[0] or view.name
            if message.kind == "hints":
                self._hand_over(f"{stem}.hints.yaml", hints_text(document, view).encode())
            else:
                self._hand_over(f"{stem}_RoiSet.zip", roi_set(document.hints(view.id)))
            return

        def task() -> None:
            session.tell_progress(f"Coloring {view.name} at full size")
            try:
                # Read and prepared anew, as the command line does, and apart from what the window works with.
                prepared = {own: prepare(source) for own, source in sources.items()}
                exporter = Exporter(
                    session.engine, document, views, prepared, bits=message.bits, scale_bar=message.scale_bar
                )
                if message.kind == "beside":
                    files = exporter.beside(view)
                    session.tell(f"Saved beside the image: {', '.join(path.name for path in files)}.")
                    session.send({"type": "saved", "files": [path.name for path in files]})
                else:
                    self._hand_over(*exporter.archive(view))
            finally:
                session.tell_progress("")

        self.later(task)

    def _hand_over(self, name: str, content: bytes) -> None:
        """Give a file to the front end, part by part, for the browser to save."""
        count = max(1, -(-len(content) // _PART_BYTES))
        for i in range(count):
            part = content[i * _PART_BYTES : (i + 1) * _PART_BYTES]
            self._session.send({"type": "file", "name": name, "part": i, "parts": count}, [part])

    def _preview(self, view: View) -> bytes | None:
        found = self._session.coloring.picture(view.id)
        try:
            level = self._session.views.images.opened(view).levels[-1]
            picture = level.gray(slice(0, level.shape[0]), slice(0, level.shape[1]))
            if found is not None and found[1].chroma.shape[1:3] == level.small.shape:
                picture = found[1].whole(level)
            return encode.thumbnail(picture, 2 * _THUMBNAIL_SIDE)
        except SemColorizeError:
            return None

    def _thumbnail_step(self) -> bool:
        folder = self._session.folder
        if folder is None:
            return False
        if self._names is None:
            self._names = deque()
            with self._session.telling_errors():
                self._names = deque(folder.names())
                self._session.send({"type": "folder", "name": folder.root.name, "files": list(self._names)})
            return True
        if not self._names:
            return False
        name = self._names.popleft()
        if name not in self._thumbnails:
            self._thumbnails[name] = self._thumbnail(name)
        data = self._thumbnails[name]
        header = {"type": "thumbnail", "name": name, "own": name in self.own_results, "readable": data is not None}
        self._session.send(header, [data or b""])
        return True

    def _thumbnail(self, name: str) -> bytes | None:
        assert self._session.folder is not None
        try:
            path = self._session.folder.path(name)
            if is_own_result(path):
                self.own_results.add(name)
                return None
            micrograph = read_micrograph(path, allow_color=True)
            small = shrink(micrograph.lightness, working_shape(micrograph.shape, 2 * _THUMBNAIL_SIDE))
            return encode.thumbnail(gray_of(np.asarray(small)), _THUMBNAIL_SIDE)
        except SemColorizeError:
            # What is wrong with it is said when it is opened.
            return None
