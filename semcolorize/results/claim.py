"""A result's name, claimed before the work: of two runs to one file the second is told at once, not at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semcolorize.errors import OutputError

__all__ = ["claimed"]


@contextmanager
def claimed(target: Path) -> Iterator[None]:
    """Hold a file's name while its content is computed.

    Parameters
    ----------
    target : Path
        The file to be written.

    Raises
    ------
    OutputError
        If another process holds it.

    Notes
    -----
    The system gives the name back when a process ends, however it ends. Where a disk knows no locks nothing is held,
    and the later of two runs is refused when it writes.
    """
    from filelock import FileLock, Timeout

    place = target.with_name(f".{target.name}.lock")
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OutputError(
            "Another run is writing this file; wait for it, or choose another name.", path=target
        ) from None
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            place.unlink()
        lock.release()
