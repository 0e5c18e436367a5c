"""Work that survives a reload and a crash: a private folder a window, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from semcolorize.errors import OutputError
from semcolorize.micrograph.atomic import write_bytes_atomic

__all__ = ["SavedWork", "Store"]

_KEPT_DAYS = 30
_MOST_LISTED = 8
_MOST_BYTES = 64 << 20
_ID = re.compile(r"^[0-9a-f]{24}$")


@dataclass
class SavedWork:
    """The folder of one window's work: ``state.json``, and files that were dropped into the window.

    A lock of the operating system says that a window has it: after a crash nothing has to be cleaned up.
    """

    folder: Path
    lock: FileLock

    @property
    def id(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def files(self) -> Path:
        """Where dropped files lie."""
        return self.folder / "files"

    def save(self, state: dict[str, Any], preview: bytes | None) -> None:
        """Write the state, and a small picture for the list of saved work."""
        text = json.dumps(state, ensure_ascii=False, allow_nan=False)
        write_bytes_atomic(self.folder / "state.json", text.encode("utf-8", "backslashreplace"), overwrite=True)
        if preview is not None:
            write_bytes_atomic(self.folder / "preview.jpg", preview, overwrite=True)

    def read(self) -> dict[str, Any] | None:
        """The state; None where nothing was saved, or what was saved cannot be read."""
        return _read_state(self.folder)

    def close(self, *, keep: bool = True) -> None:
        """Let others have it; work that holds nothing is not kept."""
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.release()
        if not keep:
            with contextlib.suppress(OSError):
                Path(self.lock.lock_file).unlink()


class Store:
    """All saved work of a user.

    Parameters
    ----------
    root : path-like, optional
        By default ``app`` in SEMCOLORIZE_HOME, else in ``~/.semcolorize``; nobody else may enter.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        home = Path(os.environ.get("SEMCOLORIZE_HOME") or Path.home() / ".semcolorize")
        self.root = Path(root).absolute() if root is not None else home.absolute() / "app"
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.chmod(0o700)
        except OSError as error:
            raise OutputError(
                f"The folder where work is kept cannot be made: {error.strerror or error}. Set SEMCOLORIZE_HOME to a"
                " folder of your own.",
                path=self.root,
            ) from None

    def new(self) -> SavedWork:
        """An empty folder of work, locked."""
        folder = self.root / secrets.token_hex(12)
        (folder / "files").mkdir(mode=0o700, parents=True)
        lock = self._lock(folder)
        lock.acquire(timeout=0)
        return SavedWork(folder, lock)

    def claim(self, saved: str) -> SavedWork | None:
        """Work that was left, locked; None if it is not there, or another window has it."""
        if not _ID.match(saved):
            return None
        folder = self.root / saved
        if folder.is_symlink() or not (folder / "state.json").is_file():
            return None
        lock = self._lock(folder)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            return None
        return SavedWork(folder, lock)

    def forget(self, saved: str) -> None:
        """Remove work that no window has."""
        work = self.claim(saved)
        if work is not None:
            work.close(keep=False)

    def listed(self, *, but: str = "") -> list[dict[str, Any]]:
        """Work that was left and that no window has, the latest first: id, name, when, hints."""
        found = []
        for folder in self._folders():
            if folder.name == but:
                continue
            state = _read_state(folder)
            if state is None or self._held(folder):
                continue
            marks = state.get("marks") or {}
            views = state.get("views") or []
            found.append(
                {
                    "id": folder.name,
                    "name": ", ".join(str(view.get("name", "")) for view in views[:3]),
                    "more": max(0, len(views) - 3),
                    "when": (folder / "state.json").stat().st_mtime,
                    "hints": sum(len(own) for own in marks.values()),
                }
            )
            if len(found) == _MOST_LISTED:
                break
        return found

    def preview(self, saved: str) -> bytes | None:
        """The small picture of listed work."""
        if not _ID.match(saved):
            return None
        with contextlib.suppress(OSError):
            return (self.root / saved / "preview.jpg").read_bytes()
        return None

    def clear_old(self) -> None:
        """Remove what nobody came back to for a month."""
        for folder in self._folders(oldest_first=True):
            age = time.time() - folder.stat().st_mtime
            if age > _KEPT_DAYS * 86400:
                self.forget(folder.name)

    def _folders(self, *, oldest_first: bool = False) -> Iterator[Path]:
        def changed(folder: Path) -> float:
            with contextlib.suppress(OSError):
                return (folder / "state.json").stat().st_mtime
            return 0.0

        folders = [path for path in self.root.iterdir() if _ID.match(path.name) and path.is_dir()]
        return iter(sorted(folders, key=changed, reverse=not oldest_first))

    def _lock(self, folder: Path) -> FileLock:
        return FileLock(self.root / f"{folder.name}.lock", is_singleton=False)

    def _held(self, folder: Path) -> bool:
        lock = self._lock(folder)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            return True
        lock.release()
        return False


def _read_state(folder: Path) -> dict[str, Any] | None:
    path = folder / "state.json"
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None
