"""Files that a later run may replace, because a run here wrote them: reports and the sheets of series."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from semcolorize.batch.ledger import Ledger
from semcolorize.batch.plan import shown
from semcolorize.micrograph.atomic import cannot_write, publish, write_bytes_atomic

__all__ = ["write_replaceable"]


def write_replaceable(ledger: Ledger, name: str, content: bytes) -> tuple[Path, str]:
    """Write a file whole into the output folder, over an earlier one of ours but over nothing else.

    Parameters
    ----------
    ledger : Ledger
        Held open; told of the file before it gets its name.
    name : str
        Below the output folder, with ``/``.
    content : bytes

    Returns
    -------
    path : Path
        The file.
    note : str
        What to tell where the name was taken by something that is not ours, so that it got the next free one.

    Raises
    ------
    OutputError
    """
    stem, dot, suffix = name.rpartition(".")
    number = 0
    free = name
    while not ledger.may_replace(free):
        number += 1
        free = f"{stem}_{number}{dot}{suffix}"
    ledger.announce_report(free, hashlib.sha256(content).hexdigest())
    target = ledger.folder / free
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(error, os.fspath(target)) from None
    staged = write_bytes_atomic(ledger.staging / f"report-{secrets.token_hex(6)}", content, overwrite=True)
    publish(staged, target, overwrite=target.exists())
    staged.unlink(missing_ok=True)
    taken = f"{shown(name)} exists and was not written here, or was changed: see {shown(target.name)}."
    return target, taken if number else ""
