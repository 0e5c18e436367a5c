"""The user's private folder: where jobs wait, and where the one worker of a user is known.

::

    ~/.semcolorize/            or the folder in SEMCOLORIZE_HOME; nobody else may enter
      worker.lock              held by the worker as long as it lives: the system lets go of it when it dies
      worker.json              the worker's process id, interpreter and version
      worker.log               what the worker printed
      retire                   asks the worker to end
      queue/                   names of job folders, in the order they are to be done
      jobs/ID/                 a job: see `semcolorize.imagej.jobfolder`
      live/ID/                 an image that is being colored click by click: see `semcolorize.imagej.live`
      alive                    touched by the worker about once a second while it waits

A lock of the operating system cannot be stale, so that there is nothing to clean up after a crash.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from semcolorize.errors import BridgeError
from semcolorize.micrograph.atomic import write_bytes_atomic

__all__ = ["Home"]

_KEPT_DAYS = 1.0
"""Job folders that a macro did not clear away, after an error for instance, are kept so long."""
_KEPT_BYTES = 100 << 20
"""More than that is not kept even so; the oldest go first."""
_IN_USE_SECONDS = 3600.0
"""Somebody may still be at work in a folder that was touched so lately."""


@dataclass(frozen=True)
class Home:
    """A private folder, checked.

    Parameters
    ----------
    root : Path
    """

    root: Path

    @classmethod
    def open(cls, root: str | os.PathLike[str] | None = None) -> Home:
        """Create or check the private folder.

        Parameters
        ----------
        root : path-like, optional
            By default SEMCOLORIZE_HOME, else ``.semcolorize`` in the user's home.

        Raises
        ------
        BridgeError
            If it belongs to somebody else, is no folder, or cannot be made.
        """
        path = Path(root or os.environ.get("SEMCOLORIZE_HOME") or Path.home() / ".semcolorize").absolute()
        home = cls(path)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_private(path)
            for folder in (home.jobs, home.queue, home.live):
                folder.mkdir(mode=0o700, exist_ok=True)
                _make_private(folder)
        except OSError as error:
            raise BridgeError(
                f"The folder for jobs cannot be used: {error.strerror or error}. "
                "Set SEMCOLORIZE_HOME to a folder of your own.",
                path=path,
            ) from None
        return home

    @property
    def jobs(self) -> Path:
        """Folder of job folders."""
        return self.root / "jobs"

    @property
    def queue(self) -> Path:
        """Folder of what waits."""
        return self.root / "queue"

    @property
    def live(self) -> Path:
        """Folder of the folders of images that are being colored click by click."""
        return self.root / "live"

    @property
    def log(self) -> Path:
        """What the worker printed."""
        return self.root / "worker.log"

    def new_job(self) -> Path:
        """Make an empty job folder that nobody else can enter."""
        return _new_folder(self.jobs)

    def job(self, folder: str | os.PathLike[str]) -> Path:
        """Check that a path is a job folder of this home.

        Raises
        ------
        BridgeError
        """
        return _folder_in(self.jobs, folder, "job")

    def new_live(self) -> Path:
        """Make an empty folder for an image that is to be colored click by click."""
        return _new_folder(self.live)

    def live_image(self, folder: str | os.PathLike[str]) -> Path:
        """Check that a path is a folder of a live image of this home.

        Raises
        ------
        BridgeError
        """
        return _folder_in(self.live, folder, "live image's")

    def submit(self, folder: Path) -> Path:
        """Append a job to the queue; returns its entry, which is gone as soon as a worker took it."""
        entry = self.queue / f"{time.time_ns():020d}-{folder.name}"
        return write_bytes_atomic(entry, folder.name.encode())

    def waiting(self) -> list[Path]:
        """Entries of the queue, the oldest first."""
        return sorted(entry for entry in self.queue.iterdir() if not entry.name.startswith("."))

    def take(self, entry: Path) -> Path | None:
        """Take an entry out of the queue and return its job folder; None if somebody else was faster."""
        try:
            name = entry.read_text(encoding="utf-8")
            entry.unlink()
        except FileNotFoundError:
            return None
        folder = self.jobs / name
        return folder if folder.parent == self.jobs and folder.is_dir() and not folder.is_symlink() else None

    def worker_lock(self) -> FileLock:
        """The lock that a worker holds as long as it lives."""
        return FileLock(self.root / "worker.lock", mode=0o600, is_singleton=False)

    def worker_lives(self) -> bool:
        """Whether a worker is running."""
        try:
            with self.worker_lock().acquire(timeout=0):
                return False
        except Timeout:
            return True

    def introduce(self, about: dict[str, Any]) -> None:
        """Write who the worker is."""
        write_bytes_atomic(self.root / "worker.json", json.dumps(about).encode(), overwrite=True)

    def worker(self) -> dict[str, Any]:
        """Who the worker is or was; empty if that is not known."""
        try:
            about = json.loads((self.root / "worker.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return about if isinstance(about, dict) else {}

    @property
    def retire(self) -> Path:
        """A file that asks the worker to end; holds its process id."""
        return self.root / "retire"

    @property
    def alive(self) -> Path:
        """A file whose time says when the worker last waited for something to do."""
        return self.root / "alive"

    def clear_old(self, *, days: float = _KEPT_DAYS, most_bytes: int = _KEPT_BYTES) -> int:
        """Remove folders of jobs and live images.

        Parameters
        ----------
        days : float
            Those that nobody touched for so long go.
        most_bytes : int
            Of the others the oldest, until they take no more than this; none that may be in use.

        Returns
        -------
        removed : int
        """
        now, found = time.time(), []
        for folder in (*self.jobs.iterdir(), *self.live.iterdir()):
            with contextlib.suppress(OSError):
                if not folder.is_symlink():
                    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
                    found.append((now - folder.stat().st_mtime, size, folder))
        removed, total = 0, sum(size for _, size, _ in found)
        for age, size, folder in sorted(found, key=lambda entry: -entry[0]):
            if age > days * 86400 or (total > most_bytes and age > _IN_USE_SECONDS):
                with contextlib.suppress(OSError):
                    shutil.rmtree(folder)
                    removed, total = removed + 1, total - size
        return removed


def _new_folder(parent: Path) -> Path:
    folder = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    return folder


def _folder_in(parent: Path, folder: str | os.PathLike[str], what: str) -> Path:
    path = Path(folder).absolute()
    if path.parent != parent or path.is_symlink() or not path.is_dir():
        raise BridgeError(f"This is no {what} folder; one in {str(parent)!r} is needed.", path=path)
    return path


def _make_private(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        raise BridgeError("This is not a folder but a link or a file. Remove it, or set SEMCOLORIZE_HOME.", path=folder)
    if os.name == "nt":
        return  # A user's profile is private there.
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise BridgeError(
            f"The folder belongs to another user (id {found.st_uid}); jobs are only taken from a folder of your own. "
            "Set SEMCOLORIZE_HOME.",
            path=folder,
        )
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise BridgeError(
            f"Others may write into the folder (mode {stat.S_IMODE(found.st_mode):o}); look whether its content is "
            f"yours, then: chmod 700 '{folder}'",
            path=folder,
        )
    if stat.S_IMODE(found.st_mode) & 0o055:
        folder.chmod(0o700)
