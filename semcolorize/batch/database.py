"""The ledger's SQLite file: its tables and version, and its errors in words."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from semcolorize.errors import OutputError

__all__ = ["connect", "told", "who"]

_SCHEMA = 1
_APPLICATION = 0x53454D43
"""``SEMC``, so that another program's database is not taken for a ledger."""
_TABLES = """
CREATE TABLE files (
    key BLOB PRIMARY KEY,           -- the name's bytes, which need not be UTF-8
    name TEXT NOT NULL,
    status TEXT NOT NULL,           -- publishing, done, failed, skipped
    size INTEGER, mtime_ns INTEGER, sha256 TEXT,
    settings TEXT NOT NULL,         -- SHA-256 of all settings that the result depends on
    hints TEXT,                     -- where the hints came from
    depends TEXT NOT NULL,          -- JSON: files besides the input, see Dependency
    outputs TEXT NOT NULL,          -- JSON: see Output
    previous TEXT NOT NULL,         -- JSON: outputs of an earlier coloring that these replace
    staged TEXT,                    -- folder below .staging
    seconds REAL, error TEXT, colored INTEGER NOT NULL,
    weights TEXT, finished TEXT, record TEXT NOT NULL,
    before_jpeg BLOB, after_jpeg BLOB
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, started TEXT NOT NULL, finished TEXT, host TEXT NOT NULL, pid INTEGER NOT NULL,
    version TEXT NOT NULL, job TEXT NOT NULL, weights TEXT
);
CREATE TABLE reports (name TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (name, sha256));
"""

def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger's file, made if it does not exist; OutputError if it is not one, or of another version."""
    with told(path):
        database = sqlite3.connect(path, isolation_level="IMMEDIATE")
        try:
            # Not WAL, which network disks do not have.
            database.execute("PRAGMA synchronous = FULL")
            application = database.execute("PRAGMA application_id").fetchone()[0]
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not database.execute("SELECT 1 FROM sqlite_master").fetchone():
                database.executescript(
                    f"BEGIN; {_TABLES} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_SCHEMA}; COMMIT;"
                )
            elif application != _APPLICATION:
                raise OutputError(
                    "This is a database of another program; choose another output folder.", path=str(path)
                )
            elif version != _SCHEMA:
                raise OutputError(
                    f"The ledger has version {version}; this semcolorize knows {_SCHEMA}. Use the semcolorize that"
                    " wrote it, or another output folder.",
                    path=str(path),
                )
        except BaseException:
            database.close()
            raise
    return database


@contextlib.contextmanager
def told(path: Path, state: str = "Nothing more was written") -> Iterator[None]:
    """Turn SQLite's errors into ours, which say what became of the work."""
    try:
        yield
    except sqlite3.Error as error:
        kind = getattr(error, "sqlite_errorname", "") or ""
        if "FULL" in kind or "full" in str(error):
            advice = "the disk is full; free some space and run again, done work is kept"
        elif kind in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            advice = f"the ledger is damaged ({error}); move it away or choose another output folder"
        elif kind.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            advice = "the ledger may not be written to; check the folder's permissions or write elsewhere"
        else:
            advice = f"the ledger cannot be used ({error})"
        raise OutputError(f"{state}: {advice}.", path=str(path)) from None


def who(path: Path) -> str:
    """Say who holds the lock, as far as the ledger knows."""
    with contextlib.suppress(sqlite3.Error, TypeError):
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        with contextlib.closing(database):
            host, pid, started = database.execute(
                "SELECT host, pid, started FROM runs ORDER BY id DESC LIMIT 1"
            ).fetchone()
            return f"process {pid} on {host}, since {started}"
    return "it has just begun"
