"""The tabs of a window: what is open, how it comes to be open, which one is shown."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcolorize.app.folder import Folder
from semcolorize.app.images import Images, View, about
from semcolorize.app.state_files import document_of, views_of
from semcolorize.errors import ConfigError, ImageReadError
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hintfiles.yaml_palettes import read_palette
from semcolorize.micrograph.reading import Micrograph

if TYPE_CHECKING:
    from semcolorize.app.session import Session

__all__ = ["Views"]

_SIDECARS = (".hints.yaml", ".hints.yml", "_RoiSet.zip")
_MOST = 64


class Views:
    """What a window has open.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.images = Images()
        self.listed: list[View] = []
        self.active: View | None = None
        self._ids: dict[Path, str] = {}

    def has(self, view: str) -> bool:
        """Whether there is such a tab."""
        return any(own.id == view for own in self.listed)

    def about(self, view: str) -> dict[str, Any]:
        """Size and more of a view; ConfigError if there is none of that id."""
        return self._find(view).about

    def open_path(self, path: Path, *, beside: bool, hints: Path | None = None, title: str | None = None) -> None:
        """Open a file as a tab, or show the tab that it is open in; what lies beside it as hints is read with it."""
        found = next((own for own in self.listed if own.path == path), None)
        if found is not None:
            self._session.later(lambda: self._read_hints(found, hints) if hints else None)
            self._session.later(lambda: self.show(found.id))
            self._session.later(self._session.tell_state)
            return
        # A file that was open before has its hints again.
        view = View(self._ids.get(path) or f"v{secrets.token_hex(4)}", title or path.name, path, beside)
        self._session.later(lambda: self._open(view, hints))

    def open_micrograph(self, micrograph: Micrograph, name: str) -> View:
        """Open what came from Python."""
        view = View(f"v{secrets.token_hex(4)}", name)
        self.images.give(view.id, micrograph)
        self._add(view)
        return self.listed[-1]

    def open_name(self, name: str) -> None:
        """Open a file of the folder."""
        folder = self._folder()
        self.open_path(folder.path(name), beside=True)

    def open_next(self, step: int) -> None:
        """Open the file of the folder after the one that is shown, or before it."""
        folder = self._folder()
        names = [name for name in folder.names() if name not in self._session.background.own_results]
        here = self.active.name if self.active is not None and self.active.beside else None
        place = names.index(here) + step if here in names else 0
        if not 0 <= place < len(names):
            raise ConfigError(f"This is the {'last' if step > 0 else 'first'} micrograph of the folder.")
        self.open_path(folder.path(names[place]), beside=True)

    def open_upload(self, path: Path, purpose: str) -> None:
        """Take a file that was dropped or picked."""
        suffix = path.suffix.lower()
        if purpose == "image" and suffix in (".yaml", ".yml", ".zip", ".roi"):
            purpose = "hints"
        elif purpose == "image" and suffix in (".gpl", ".aco", ".ase"):
            purpose = "palette"
        if purpose == "image":
            self.open_path(path, beside=False)
        elif purpose == "reference":
            self._session.later(lambda: self._session.reference.use(path))
        elif purpose == "palette":
            self._session.later(lambda: self._read_palette(path))
        else:
            self._session.later(lambda: self._read_hints(self._shown(), path))

    def open_example(self) -> None:
        """Open a procedural micrograph."""
        work = self._session.work
        if work is None:
            raise ConfigError("The example is for the browser; give an image to semcolorize.app.widget.")

        def task() -> None:
            from semcolorize.app.example import write_example

            self._session.tell_progress("Making an example")
            self.open_path(write_example(work.files), beside=False)

        self._session.later(task)

    def show(self, view: str) -> None:
        """Show a tab."""
        own = self._find(view)
        self.active = own

        def task() -> None:
            if self.active is own:
                opened = self.images.opened(own)
                self._session.painter.begin(own.id, opened, own.about)
                self._session.painter.again()

        self._session.later(task)

    def close(self, view: str) -> None:
        """Close a tab; its hints are kept for when the file is opened again."""
        own = next((listed for listed in self.listed if listed.id == view), None)
        if own is None:
            return
        place = self.listed.index(own)
        self.listed = [listed for listed in self.listed if listed is not own]
        self.images.drop(view)
        self._session.coloring.drop(view)
        if self.active is own:
            self.active = None
            if self.listed:
                self.show(self.listed[min(place, len(self.listed) - 1)].id)
            else:
                self._session.send({"type": "closed"})
        self._session.changed()
        self._session.tell_state()

    def resume(self, saved: str) -> None:
        """Go on with work that was left."""
        session = self._session
        work = None if session.store is None else session.store.claim(saved)
        state = None if work is None else work.read()
        if work is None or state is None:
            raise ConfigError("This work is not there any more, or another window has it.")
        used = bool(self.listed)
        try:
            self.restore(state)
        except ConfigError:
            work.close()
            raise
        before = session.use(work)
        if before is not None:
            before.close(keep=used)
        session.send({"type": "session", "session": work.id})

    def restore(self, state: dict[str, Any]) -> None:
        """Open what saved work had open, with its hints."""
        document, views = document_of(state), views_of(state)
        self.listed, self.active = [], None
        self._session.history = type(self._session.history)(document)
        for view in views:
            self._session.later(lambda view=view: self._restore_view(view))  # type: ignore[misc]
        active = state.get("active")
        self._session.later(lambda: self.show(active) if isinstance(active, str) and self.has(active) else None)
        self._session.later(self._session.tell_state)

    def _restore_view(self, view: View) -> None:
        if view.path is None or not view.path.is_file():
            raise ImageReadError(
                f"{view.name} is not where it was any more. Put it back and open it again; its hints are kept."
            )
        if view.sha256 is not None and _sha256(view.path) != view.sha256:
            self._session.tell(f"{view.name} has changed since its hints were set.")
        folder = self._session.folder
        beside = view.beside and folder is not None and view.path.resolve().parent == folder.root
        self._open(replace(view, beside=beside), None)

    def _open(self, view: View, hints: Path | None) -> None:
        self._session.tell_progress(f"Reading {view.name}")
        try:
            if len(self.listed) >= _MOST:
                raise ConfigError(f"{_MOST} images are open, the most at once; close some first.")
            self._add(view)
            kept = self.listed[-1]
            document = self._session.history.document
            if hints is None and view.beside and view.path is not None and not document.of(view.id):
                hints = _sidecar(view.path)
            if hints is not None:
                self._read_hints(kept, hints)
        finally:
            self._session.tell_progress("")

    def _add(self, view: View) -> None:
        opened = self.images.opened(view)
        micrograph = opened.prepared.micrograph
        view = replace(view, sha256=micrograph.sha256, about=about(opened))
        if view.path is not None:
            self._ids[view.path] = view.id
        self.listed = [*self.listed, view]
        self.active = view
        self._session.painter.variant = 0
        self._session.painter.begin(view.id, opened, view.about)
        self._session.painter.again()
        self._session.changed()
        self._session.tell_state()

    def _read_hints(self, view: View, path: Path) -> None:
        document = self._session.history.document
        hints = read_hints(path, palette=document.palette)
        shape = (int(view.about["height"]), int(view.about["width"]))
        hints = hints.at(shape)
        self._session.edit(document.with_hints(view.id, hints), f"the hints of {path.name}", view.id)
        count = len(hints)
        self._session.tell(f"{count} hint{'s' if count != 1 else ''} from {path.name}.")
        for skipped in hints.skipped[:3]:
            self._session.tell(str(skipped))

    def _read_palette(self, path: Path) -> None:
        document = self._session.history.document
        self._session.edit(document.with_palette(read_palette(path)), f"the palette {path.name}")

    def _find(self, view: str) -> View:
        for own in self.listed:
            if own.id == view:
                return own
        raise ConfigError("This image is not open any more; open it again.")

    def _shown(self) -> View:
        if self.active is None:
            raise ConfigError("Hints belong to an image: open the image first, then its hints.")
        return self.active

    def _folder(self) -> Folder:
        if self._session.folder is None:
            raise ConfigError("No folder was opened. Start with: semcolorize app FOLDER, or drop files here.")
        return self._session.folder


def _sidecar(path: Path) -> Path | None:
    """Hints that lie beside an image under its name, as batch jobs find them."""
    for suffix in _SIDECARS:
        own = path.with_name(path.stem + suffix)
        if own.is_file() and own.resolve().parent == path.resolve().parent:
            return own
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
