"""The ledger: what was done, in an SQLite file in the output folder.

Results are made in a staging folder beside it and published in three steps, so that a run may be killed between
any two instructions:

1. all files of a result are complete in the staging folder;
2. the ledger says so, with their names and SHA-256 (status ``publishing``);
3. they get their names, and the ledger says ``done``.

`Ledger.open` finishes step 3 for what a killed run left at step 2, and forgets the rest. One run at a time holds
the lock, which the system releases when a process dies however it dies.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import filelock

from semcolorize.batch.database import connect, told, who
from semcolorize.batch.plan import shown
from semcolorize.errors import OutputError
from semcolorize.micrograph.atomic import cannot_write, publish

__all__ = ["Dependency", "Entry", "Ledger", "Output", "file_sha256", "in_the_way", "output_of"]

_COLUMNS = (
    "name", "status", "size", "mtime_ns", "sha256", "settings", "hints", "depends", "outputs", "previous", "staged",
    "seconds", "error", "colored", "weights", "finished", "record", "before_jpeg", "after_jpeg",
)  # fmt: skip


class Output(NamedTuple):
    """A file of a result: name below the output folder, size, SHA-256."""

    name: str
    size: int
    sha256: str


class Dependency(NamedTuple):
    """A file that a result depends on besides its input: hints, palettes, the instrument's text file."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(kw_only=True)
class Entry:
    """What the ledger says of one input; see the table above."""

    name: str
    status: str
    settings: str
    size: int | None = None
    mtime_ns: int | None = None
    sha256: str | None = None
    hints: str | None = None
    depends: tuple[Dependency, ...] = ()
    outputs: tuple[Output, ...] = ()
    previous: tuple[Output, ...] = ()
    staged: str | None = None
    seconds: float | None = None
    error: str | None = None
    colored: int = 0
    weights: str | None = None
    finished: str | None = None
    record: dict[str, Any] = field(default_factory=dict)
    before_jpeg: bytes | None = None
    after_jpeg: bytes | None = None


class Ledger:
    """The ledger of an output folder, held by one run at a time; use `Ledger.open`."""

    FILE = "ledger.sqlite"

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder = folder
        self.staging = folder / ".staging"
        self._database = database
        self._run: int | None = None

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path) -> Iterator[Ledger]:
        """Create or open the ledger of an output folder, and finish what a killed run left.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.

        Raises
        ------
        OutputError
            If the folder cannot be written to, another run holds it, or the ledger is damaged or of another
            version.
        """
        path = folder / cls.FILE
        with contextlib.ExitStack() as stack:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                lock = filelock.FileLock(folder / ".ledger.lock", timeout=0)
                stack.enter_context(lock.acquire())
                database = stack.enter_context(contextlib.closing(connect(path)))
            except filelock.Timeout:
                raise OutputError(
                    f"Another run works in this folder ({who(path)}); wait for it or stop it.", path=os.fspath(folder)
                ) from None
            except NotImplementedError:
                raise OutputError(
                    "This disk knows no locks, so that two runs could not be kept apart; choose an output folder on"
                    " another.",
                    path=os.fspath(folder),
                ) from None
            except OSError as error:
                if isinstance(error, OutputError):
                    raise
                raise cannot_write(error, os.fspath(folder)) from None
            stack.enter_context(told(path))
            ledger = cls(folder, database)
            try:
                ledger.finish_published()
                shutil.rmtree(ledger.staging, ignore_errors=True)
                try:
                    ledger.staging.mkdir(exist_ok=True)
                except OSError as error:
                    raise cannot_write(error, os.fspath(folder)) from None
                yield ledger
            finally:
                ledger._close()

    def entry(self, name: str) -> Entry | None:
        """Return what is known of an input, without thumbnails; None if nothing is."""
        columns = ", ".join(_COLUMNS[:-2])
        row = self._database.execute(f"SELECT {columns} FROM files WHERE key = ?", (os.fsencode(name),)).fetchone()
        return None if row is None else _entry(name, (*row, None, None))

    def entries(self) -> Iterator[Entry]:
        """Yield all inputs by name, with thumbnails."""
        rows = self._database.execute(f"SELECT key, {', '.join(_COLUMNS)} FROM files ORDER BY key")
        for key, *row in rows:
            yield _entry(os.fsdecode(key), row)

    def counts(self) -> dict[str, int]:
        """Return how many inputs have which status."""
        return dict(self._database.execute("SELECT status, count(*) FROM files GROUP BY status").fetchall())

    def with_status(self, status: str) -> dict[str, str]:
        """Return name and reason of all inputs with a status."""
        rows = self._database.execute("SELECT key, error FROM files WHERE status = ? ORDER BY key", (status,))
        return {os.fsdecode(key): error or "" for key, error in rows}

    def typical_seconds(self) -> float | None:
        """Return the mean time of the last hundred colorings; None before the first."""
        found = self._database.execute(
            "SELECT avg(seconds) FROM (SELECT seconds FROM files WHERE status = 'done' AND seconds IS NOT NULL"
            " ORDER BY finished DESC LIMIT 100)"
        ).fetchone()
        return found[0] if found else None

    def begin_run(self, *, version: str, job: str, weights: str) -> None:
        """Note who works here."""
        with self._database:
            cursor = self._database.execute(
                "INSERT INTO runs (started, host, pid, version, job, weights) VALUES (?, ?, ?, ?, ?, ?)",
                (_now(), socket.gethostname(), os.getpid(), version, job, weights),
            )
            self._run = cursor.lastrowid

    def note(self, *entries: Entry) -> None:
        """Write down failures and files that were left alone; what was made of them earlier stays known."""
        for entry in entries:
            before = self.entry(entry.name)
            if before is not None:
                entry.outputs, entry.colored = before.outputs, before.colored
        self._write(*entries)

    def publish(self, entry: Entry) -> None:
        """Publish a staged result: all of it, or nothing if any of its names is taken.

        Parameters
        ----------
        entry : Entry
            With `outputs`, and `staged`, the folder below the staging folder where they lie.

        Raises
        ------
        OutputError
            If a file stands in the way that was not written for this input by an earlier run, or was changed
            since.
        """
        before = self.entry(entry.name)
        entry.previous = before.outputs if before is not None else ()
        entry.colored = (before.colored if before is not None else 0) + 1
        if problem := in_the_way(self.folder, [output.name for output in entry.outputs], entry.previous):
            raise problem
        entry.status, entry.finished = "publishing", _now()
        self._write(entry)
        self._finish(entry)

    def touch(self, name: str, size: int, mtime_ns: int) -> None:
        """Note that an unchanged input has a new time."""
        with self._database:
            self._database.execute(
                "UPDATE files SET size = ?, mtime_ns = ? WHERE key = ?", (size, mtime_ns, os.fsencode(name))
            )

    def may_replace(self, name: str) -> bool:
        """Tell whether a report's name is free, or holds a report that was written by a run here."""
        path = self.folder / name
        if not path.exists() and not path.is_symlink():
            return True
        if path.is_symlink() or not path.is_file():
            return False
        known = self._database.execute(
            "SELECT 1 FROM reports WHERE name = ? AND sha256 = ?", (name, file_sha256(path))
        ).fetchone()
        return known is not None

    def announce_report(self, name: str, sha256: str) -> None:
        """Note a report before it gets its name, so that a later run knows it as ours."""
        with self._database:
            self._database.execute("INSERT OR IGNORE INTO reports VALUES (?, ?)", (name, sha256))

    def _write(self, *entries: Entry) -> None:
        marks = ", ".join("?" * (len(_COLUMNS) + 1))
        with self._database:
            self._database.executemany(
                f"INSERT OR REPLACE INTO files (key, {', '.join(_COLUMNS)}) VALUES ({marks})", map(_row, entries)
            )

    def _finish(self, entry: Entry) -> None:
        """Give the staged files their names; may be repeated after a kill."""
        folder = self.staging / (entry.staged or "")
        try:
            for output in entry.outputs:
                staged, target = folder / output.name, self.folder / output.name
                if not os.path.lexists(staged):
                    if _is(target, output):
                        continue
                    raise OutputError("The file is gone since it was written.", path=shown(str(target)))
                if _is(target, output):
                    staged.unlink()
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                replaces = next((known for known in entry.previous if known.name == output.name), None)
                own = replaces is not None and _is(target, replaces)
                publish(staged, target, overwrite=own)
                staged.unlink(missing_ok=True)
        except OSError as error:
            problem = error if isinstance(error, OutputError) else cannot_write(error, shown(str(target)))
            self._take_back(entry)
            raise problem from None
        entry.status, entry.staged = "done", None
        self._write(entry)
        shutil.rmtree(folder, ignore_errors=True)

    def _take_back(self, entry: Entry) -> None:
        """Forget a result that could not be published whole. What it replaced is gone; that it can be made again."""
        for output in entry.outputs:
            target = self.folder / output.name
            if _is(target, output):
                target.unlink()
        with self._database:
            self._database.execute("DELETE FROM files WHERE key = ?", (os.fsencode(entry.name),))

    def finish_published(self) -> None:
        """Finish what a killed run, or an interruption of this one, left half published."""
        rows = self._database.execute(f"SELECT key, {', '.join(_COLUMNS)} FROM files WHERE status = 'publishing'")
        for key, *row in rows.fetchall():
            # What cannot be finished is forgotten, and colored again.
            with contextlib.suppress(OutputError):
                self._finish(_entry(os.fsdecode(key), row))

    def _close(self) -> None:
        """Clear the staging folder, but for what is half published: on a full disk it waits for the next run."""
        with contextlib.suppress(sqlite3.Error):
            self.finish_published()
        with contextlib.suppress(sqlite3.Error, OSError):
            rows = self._database.execute("SELECT staged FROM files WHERE status = 'publishing'")
            waiting = {staged for (staged,) in rows.fetchall()}
            for folder in self.staging.iterdir():
                if folder.name in waiting:
                    continue
                if folder.is_dir():
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    folder.unlink()
            self.staging.rmdir()
        with contextlib.suppress(sqlite3.Error), self._database:
            self._database.execute("UPDATE runs SET finished = ? WHERE id = ?", (_now(), self._run))


def in_the_way(folder: Path, names: Iterable[str], previous: Sequence[Output]) -> OutputError | None:
    """Say what stands where a result shall be written; None if nothing does but what was written before.

    Parameters
    ----------
    folder : Path
        Of the results.
    names : iterable of str
        Of the result's files, below it.
    previous : sequence of Output
        What an earlier run wrote for the same input.
    """
    for name in names:
        path = folder / name
        known = [output for output in previous if output.name == name]
        if not os.path.lexists(path) or any(_is(path, output) for output in known):
            continue
        what = "was changed since it was written" if known else "exists and was not written by this job"
        return OutputError(
            f"The file {what}, and is not replaced; move it away and run again.", path=shown(str(path))
        )
    return None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def output_of(folder: Path, name: str) -> Output:
    """Describe a file of a result; a link is described by where it leads."""
    path = folder / name
    if path.is_symlink():
        return Output(name, 0, f"link:{shown(str(path.readlink()))}")
    return Output(name, path.stat().st_size, file_sha256(path))


def _is(path: Path, output: Output) -> bool:
    if not path.is_symlink() and (not path.is_file() or path.stat().st_size != output.size):
        return False
    return output_of(path.parent, path.name).sha256 == output.sha256


def _row(entry: Entry) -> tuple[Any, ...]:
    values = {key: shown(value) if isinstance(value, str) else value for key, value in asdict(entry).items()}
    for key in ("depends", "outputs", "previous", "record"):
        # ASCII: names that are no UTF-8 survive as escapes.
        values[key] = json.dumps(values[key], default=str)
    return (os.fsencode(entry.name), *(values[column] for column in _COLUMNS))


def _entry(name: str, row: Sequence[Any]) -> Entry:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["name"] = name
    values["depends"] = tuple(Dependency(*each) for each in json.loads(values["depends"]))
    for key in ("outputs", "previous"):
        values[key] = tuple(Output(*each) for each in json.loads(values[key]))
    values["record"] = json.loads(values["record"])
    return Entry(**values)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
