"""Files that are written whole or not at all, and never over something else by accident."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from semcolorize.errors import OutputError, SemColorizeError

__all__ = ["all_or_none", "atomic_output", "cannot_write", "check_output", "publish", "write_bytes_atomic"]

PathLike = str | os.PathLike[str]

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "the disk quota is used up; free some space or write elsewhere",
    errno.EACCES: "the folder may not be written to (no permission); write elsewhere",
    errno.EPERM: "the folder may not be written to (no permission); write elsewhere",
    errno.EROFS: "the disk is read-only; write elsewhere",
    errno.ENAMETOOLONG: "the name is too long for this disk; choose a shorter one",
    errno.EFBIG: "the file is too large for this disk",
}
# Where the disk knows no hard links (FAT, some network shares).
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


def check_output(path: PathLike, *, overwrite: bool = False, inputs: Iterable[PathLike] = ()) -> Path:
    """Tell whether a file may be written, before the work is done; the same is checked again when writing.

    Parameters
    ----------
    path : str or path-like
        File to write.
    overwrite : bool
        An existing file may be replaced.
    inputs : iterable of str or path-like
        Files that may not be replaced even so.

    Returns
    -------
    path : Path

    Raises
    ------
    OutputError
    """
    name = os.fspath(path)
    target = Path(name)
    try:
        if not target.name or "\0" in name:
            raise OutputError("This is no file name; give the file to write.", path=name)
        if not target.parent.is_dir():
            raise OutputError(f"There is no folder {str(target.parent)!r}; create it first.", path=name)
        if target.is_dir():
            raise OutputError("There is a folder of this name; give a file name.", path=name)
        for source in inputs:
            if target.exists() and Path(source).exists() and target.samefile(source):
                raise OutputError("This is the input, which is never replaced; choose another name.", path=name)
        if not overwrite and (target.exists() or target.is_symlink()):
            raise _exists(name)
    except OSError as error:
        if isinstance(error, SemColorizeError):
            raise
        raise cannot_write(error, name) from None
    return target


@contextmanager
def atomic_output(
    path: PathLike, *, overwrite: bool = False, inputs: Iterable[PathLike] = (), sync: bool = True
) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when it is complete and on the disk.

    Parameters
    ----------
    path, overwrite, inputs
        As in `check_output`.
    sync : bool
        Wait until the disk has it, so that it survives a power cut; what is read at once and then thrown away need not.

    Yields
    ------
    handle : binary file
        A temporary file in the same folder, removed if anything goes wrong.

    Raises
    ------
    OutputError
        If the file exists and `overwrite` is False, even if it came to be in the meantime; if it is one of
        `inputs`; if the folder is missing or cannot be written to; if the disk is full.
    """
    inputs = tuple(inputs)
    target = check_output(path, overwrite=overwrite, inputs=inputs)
    name = os.fspath(path)
    temporary = target.parent / f".semcolorize-{secrets.token_hex(6)}.part"
    try:
        # Not tempfile: its files are readable by their owner only, and stay so.
        with temporary.open("xb") as handle:
            try:
                yield handle
            except OSError as error:
                if error.errno is None and not isinstance(error, SemColorizeError):
                    _ask_for_the_reason(handle)
                raise
            handle.flush()
            if sync:
                os.fsync(handle.fileno())
        check_output(path, overwrite=overwrite, inputs=inputs)
        publish(temporary, target, overwrite=overwrite)
    except OSError as error:
        if isinstance(error, SemColorizeError):
            raise
        raise cannot_write(error, name) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    if sync:
        _sync_folder(target.parent)


def write_bytes_atomic(
    path: PathLike, data: bytes, *, overwrite: bool = False, inputs: Iterable[PathLike] = (), sync: bool = True
) -> Path:
    """Write a file whole or not at all; see `atomic_output`."""
    with atomic_output(path, overwrite=overwrite, inputs=inputs, sync=sync) as handle:
        handle.write(data)
    return Path(path)


@contextmanager
def all_or_none(paths: Iterable[PathLike]) -> Iterator[list[Path]]:
    """Write several files that belong together: append each to the list once it is there.

    If a later one fails, those written are taken away again, except where a file was replaced: the earlier one is gone
    either way.
    """
    existed = {Path(path) for path in paths if Path(path).exists()}
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        for path in written:
            if path not in existed:
                path.unlink(missing_ok=True)
        raise


def _ask_for_the_reason(handle: BinaryIO) -> None:
    # NumPy writes arrays itself and tells only that fewer bytes were written: Python's own write tells why.
    handle.write(bytes(1 << 20))
    handle.flush()


def publish(temporary: Path, target: Path, *, overwrite: bool = False) -> None:
    """Give a finished file its name; without `overwrite` only if the name is free at that very moment.

    Raises
    ------
    OutputError
        If the name is taken.
    OSError
        As the system has it; see `cannot_write`. The temporary file may be left, as a second name.
    """
    if overwrite:
        temporary.replace(target)
        return
    try:
        # Unlike a rename, a link fails where the name is taken, however lately.
        target.hardlink_to(temporary)
    except FileExistsError:
        raise _exists(os.fspath(target)) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        try:
            with target.open("xb"):
                pass
        except FileExistsError:
            raise _exists(os.fspath(target)) from None
        temporary.replace(target)


def _exists(name: str) -> OutputError:
    return OutputError(
        "The file exists and is not replaced; choose another name or allow it with --overwrite.",
        path=name,
    )


def cannot_write(error: OSError, name: str) -> OutputError:
    """Turn the system's error into ours, which keeps its `errno`."""
    code = getattr(error, "errno", None)
    reason = _REASONS.get(code) if code is not None else None
    ours = OutputError(f"Nothing was written: {reason or getattr(error, 'strerror', None) or error}.", path=name)
    ours.errno = code
    return ours


def _sync_folder(folder: Path) -> None:
    # So that the name survives a power cut too. Not every system can open a folder.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
