"""One window: what its front ends say, what is made of it, and what they are told."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from semcolorize._version import __version__
from semcolorize.app.background import Background
from semcolorize.app.coloring import Coloring
from semcolorize.app.edits import edited
from semcolorize.app.engine import Engine, Superseded
from semcolorize.app.folder import Folder
from semcolorize.app.history import History
from semcolorize.app.images import Opened, View
from semcolorize.app.messages import (
    CloseView,
    Export,
    Forget,
    Hello,
    OpenExample,
    OpenFile,
    OpenNext,
    Redo,
    Resume,
    ShowUncertainty,
    ShowVariant,
    ShowView,
    Undo,
    Upload,
    WantTiles,
    parse_message,
)  # fmt: skip
from semcolorize.app.opening import Views
from semcolorize.app.painter import Painter
from semcolorize.app.reference import ReferencePicture
from semcolorize.app.sentences import sentence_of
from semcolorize.app.state_message import state_message
from semcolorize.app.storage import SavedWork, Store
from semcolorize.app.uploads import MOST_BYTES, PART_BYTES, Uploads
from semcolorize.color.palette import BUILTIN_PALETTES
from semcolorize.errors import ConfigError, SemColorizeError

__all__ = ["Session"]


class Session:
    """A window's work.

    Parameters
    ----------
    engine : Engine
    send : callable
        Takes what front ends are told, a header and buffers; called on any thread.
    wake : callable
        Tells the worker that there is something to do.
    store : Store, optional
        Where work is kept; without one it lives as long as the session.
    work : SavedWork, optional
        Its place there; a new one by default.
    folder : Folder, optional
        What the user opened.
    on_picture : callable, optional
        Told of the view and the document whenever a picture was made.
    """

    def __init__(
        self,
        engine: Engine,
        send: Callable[[dict[str, Any], Sequence[bytes]], None],
        wake: Callable[[], None],
        *,
        store: Store | None = None,
        work: SavedWork | None = None,
        folder: Folder | None = None,
        on_picture: Callable[[], None] | None = None,
    ) -> None:
        self.engine, self.folder, self.store = engine, folder, store
        self.history = History()
        self.work: SavedWork | None = None
        self._uploads: Uploads | None = None
        if store is not None:
            self.use(work or store.new())
        self.views = Views(self)
        self.coloring = Coloring(engine, lambda share: self.tell_progress("Inventing colors", share))
        self.painter = Painter(self.send)
        self.background = Background(self)
        self.reference = ReferencePicture(self)
        self.edited_at = 0.0
        self._send, self._wake, self._on_picture = send, wake, on_picture
        self._tasks: deque[Callable[[], None]] = deque()
        self._failed: tuple[Any, ...] = ()
        self._looked: set[int] = set()
        self._lock = threading.RLock()

    @property
    def id(self) -> str:
        """Name by which a front end finds it again."""
        return "" if self.work is None else self.work.id

    @property
    def lock(self) -> threading.RLock:
        """Held while state changes."""
        return self._lock

    def use(self, work: SavedWork) -> SavedWork | None:
        """Keep the work, and what is dropped, at another place; the one it was kept at before."""
        before, self.work = self.work, work
        self._uploads = Uploads(work.files)
        return before

    def send(self, header: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Tell the front ends."""
        self._send(header, buffers)

    def later(self, task: Callable[[], None]) -> None:
        """Let the worker do something before anything else."""
        self._tasks.append(task)
        self._wake()

    def wake(self) -> None:
        """There is something to do."""
        self._wake()

    def handle(self, content: object, buffers: Sequence[bytes] = ()) -> None:
        """Do what a front end says; whatever is wrong with it is told and ends nothing."""
        # After an error, too, front ends are told how things stand: they may have shown what was refused.
        with self.telling_errors(self.tell_state):
            message = parse_message(content)
            with self._lock:
                self._route(message, buffers)
        self._wake()

    def telling_errors(self, after: Callable[[], None] | None = None) -> _Telling:
        """A context in which errors are told to the front end, and `after` is called when there was one."""
        return _Telling(self, after)

    def tell_error(self, text: str) -> None:
        """One sentence, or a few, about what went wrong."""
        self.send({"type": "error", "text": text})

    def tell(self, text: str) -> None:
        """One sentence about what was done."""
        self.send({"type": "notice", "text": text})

    def tell_progress(self, text: str, share: float | None = None) -> None:
        """What is being done, and how much of it; an empty text when nothing is."""
        self.send({"type": "progress", "text": text, "share": share})

    def tell_state(self) -> None:
        """Everything but pictures."""
        folder = None if self.folder is None else {"name": self.folder.root.name or str(self.folder.root)}
        active = self.views.active
        self.send(
            state_message(
                self.history, self.views.listed, active.id if active else None, folder=folder,
                variant=self.painter.variant, uncertainty=self.painter.uncertainty,
                beside=bool(active and active.beside),
            )
        )  # fmt: skip
        self.reference.tell()

    def greet(self) -> None:
        """Tell a front end that is there (again) everything it needs."""
        recent = [] if self.store is None else self.store.listed(but=self.id)
        previews = [b"" if self.store is None else self.store.preview(own["id"]) or b"" for own in recent]
        self.send(
            {
                "type": "welcome", "session": self.id, "version": __version__, "recent": recent,
                "palettes": {
                    title: [{"name": name, "color": color.hex} for name, color in palette.items()]
                    for title, palette in BUILTIN_PALETTES.items()
                },
                "partBytes": PART_BYTES, "mostBytes": MOST_BYTES, "uploads": self._uploads is not None,
            },
            previews,
        )  # fmt: skip
        self.painter.again()
        self.background.again()
        self.reference.again()
        if self.views.active is not None:
            self.views.show(self.views.active.id)
        self.tell_state()

    def edit(self, document: Any, what: str, view: str = "", *, join: str | None = None) -> None:
        """Go on with a new document, and say so."""
        if self.history.edit(document, what, view, join=join):
            self.changed()
        self.tell_state()

    def changed(self) -> None:
        """The document is another one: the work is to be saved again."""
        self.edited_at = time.monotonic()
        self._wake()

    def _route(self, message: Any, buffers: Sequence[bytes]) -> None:
        if isinstance(message, WantTiles):
            # Of a tab that was closed meanwhile, too: then nobody sends any.
            self.painter.want(message)
            return
        about = self.views.about(message.view) if hasattr(message, "view") else None
        edit = edited(self.history.document, message, about)
        if edit is not None:
            self.edit(edit.document, edit.what, edit.view, join=edit.join)
            return
        match message:
            case Hello():
                self.greet()
            case OpenFile():
                self.views.open_name(message.name)
            case OpenNext():
                self.views.open_next(message.step)
            case OpenExample():
                self.views.open_example()
            case Upload():
                self._receive(message, buffers)
            case ShowView():
                self.views.show(message.view)
                self.tell_state()
            case CloseView():
                self.views.close(message.view)
                self.tell_state()
            case Undo() | Redo():
                self._travel(self.history.undo() if isinstance(message, Undo) else self.history.redo())
            case ShowVariant():
                self.painter.variant = message.variant
                self.tell_state()
            case ShowUncertainty():
                self.painter.uncertainty = message.on
                self.tell_state()
            case Export():
                self.background.export(message)
            case Resume():
                self.views.resume(message.saved)
            case Forget():
                if self.store is not None:
                    self.store.forget(message.saved)

    def _travel(self, step: tuple[str, str] | None) -> None:
        if step is not None:
            active = self.views.active
            if step[1] and (active is None or active.id != step[1]) and self.views.has(step[1]):
                # What is undone is seen.
                self.views.show(step[1])
            self.changed()
        self.tell_state()

    def _receive(self, message: Upload, buffers: Sequence[bytes]) -> None:
        if self._uploads is None:
            raise ConfigError("Files cannot be taken here; open them in Python: semcolorize.app.widget(PATH).")
        try:
            path = self._uploads.receive(message, buffers[0] if buffers else b"")
        finally:
            # The front end sends a part when the one before has arrived, so that nothing piles up.
            self.send({"type": "received", "id": message.id, "offset": message.offset})
        if path is not None:
            self.views.open_upload(path, message.purpose)

    def step(self) -> bool:
        """Do the most urgent small thing; False if there is nothing."""
        if self._tasks:
            task = self._tasks.popleft()
            with self.telling_errors():
                task()
            return True
        view = self.views.active
        if view is None:
            return False
        done = True
        # A micrograph that cannot be shown any more must not be tried again and again.
        with self.telling_errors(lambda: self.views.close(view.id)):
            done = self._show(view)
        return done

    def _show(self, view: View) -> bool:
        opened = self._together(view)
        document = self.history.document
        prepared = {other: own.prepared for other, own in opened.items()}
        wanted = self.coloring.wanted(document, prepared, view.id)
        if not self.coloring.fresh(document, prepared, view.id) and wanted != self._failed:
            if self.painter.gray_step(view.id, opened[view.id]):
                # The specimen first, for whoever pans while colors are made.
                return True
            # A picture that cannot be made leaves the micrograph and its hints as they are.
            with self.telling_errors(lambda: self._fail(wanted)):
                self._color(view, document, prepared, wanted)
            return True
        found = self.coloring.picture(view.id)
        if found is None:
            return self.painter.gray_step(view.id, opened[view.id])
        if self.painter.step(view.id, opened[view.id], *found):
            return True
        return self._look_ahead(opened[view.id])

    def _color(self, view: View, document: Any, prepared: Mapping[str, Any], wanted: tuple[Any, ...]) -> None:
        def after_edit() -> None:
            if self.history.document is not document or self._tasks:
                raise Superseded

        inventing = document.options.fill == "auto"
        try:
            if inventing:
                self.tell_progress("Inventing colors", 0.0)
            self.coloring.color(document, prepared, view.id, after_edit)
        except Superseded:
            return
        except SemColorizeError as error:
            # Told once; the next edit tries again.
            self._failed = wanted
            self.tell_error(sentence_of(error))
        else:
            self._failed = ()
            if self._on_picture is not None:
                self._on_picture()
        finally:
            if inventing:
                self.tell_progress("")

    def _fail(self, wanted: tuple[Any, ...]) -> None:
        """Do not try again what cannot be made, until something is edited."""
        self._failed = wanted

    def _together(self, view: View) -> dict[str, Opened]:
        """What is colored together with a view, itself included."""
        together = self.together(view)
        if len(together) > 1:
            return self.views.images.together(together)
        return {view.id: self.views.images.opened(view)}

    def together(self, view: View) -> list[View]:
        """Views of one series; the view alone where they are none."""
        return self.views.listed if self.history.document.options.series else [view]

    def _look_ahead(self, opened: Opened) -> bool:
        """When there is nothing to do: what the first click on this micrograph would wait for."""
        if id(opened) in self._looked:
            return False
        self._looked = {id(opened)}
        self.engine.look(opened.prepared)
        for level in reversed(opened.levels):
            _ = level.upsampler
        return True

    def slow_step(self) -> bool:
        """Do something that may take long; False if there is nothing."""
        return self.background.step()

    def close(self) -> None:
        """Save, and let go of everything."""
        with self._lock:
            if self.work is not None:
                with self.telling_errors():
                    self.background.save(last=True)
                self.work.close(keep=bool(self.views.listed))
                self.work = None

    def set_option(self, **options: Any) -> None:
        """Change options from Python."""
        document = self.history.document
        self.edit(replace(document, options=replace(document.options, **options)), "the options")


class _Telling:
    """Errors become sentences for the user; faults of ours are printed as well."""

    def __init__(self, session: Session, after: Callable[[], None] | None = None) -> None:
        self._session, self._after = session, after

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        if isinstance(error, SemColorizeError):
            self._session.tell_error(sentence_of(error))
        elif isinstance(error, MemoryError):
            self._session.tell_error("There is not enough memory for this. Close other images or programs.")
        else:
            print("".join(traceback.format_exception(error)), file=sys.stderr)
            self._session.tell_error(f"This should not happen; please report it. {type(error).__name__}: {error}")
        if self._after is not None:
            self._after()
        return True
