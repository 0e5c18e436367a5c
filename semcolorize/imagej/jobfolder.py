"""A job folder: what a macro asks for, and how it is told what becomes of it.

::

    job.json       what is to be done (`JobFile`); with the image and ROI files it names
    status.txt     how far it is: lines of key=value, ASCII, replaced as a whole
    cancel         made by the macro: the job is to stop
    watch          touched by the client as long as it watches over the job
    asking         touched by the macro as long as it waits
    result.tif     and what else the job makes

Texts in ``status.txt`` are ASCII because ImageJ 1.53t reads files in whatever encoding the system has: what is not
is spelled ``\\u00e4``, a new line ``\\n``, a backslash ``\\\\``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from semcolorize.errors import OutputError
from semcolorize.micrograph.atomic import write_bytes_atomic

__all__ = ["State", "Status", "read_status", "spell", "unspell", "wants_cancel", "write_answer", "write_status"]

State = Literal["waiting", "starting", "running", "done", "failed", "cancelled"]

_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)")


@dataclass(frozen=True)
class Status:
    """How far a job is.

    Parameters
    ----------
    state : State
    progress : float
        0 to 1.
    text : str
        One line for the status bar.
    error : str
        All there is to say about what went wrong, for a window.
    device : str
        What it ran on.
    seconds : float
        From taking the job to its end.
    notes : str
        What the user should know about the result, a line each.
    files : str
        Names of the files made, a line each, the result first.
    """

    state: State
    progress: float = 0.0
    text: str = ""
    error: str = ""
    device: str = ""
    seconds: float = 0.0
    notes: str = ""
    files: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")


def spell(text: str) -> str:
    """Write any text as one ASCII line."""
    text = text.replace("\\", "\\\\").replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    units = text.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)


def unspell(line: str) -> str:
    """Read what `spell` wrote."""

    def letter(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else {"n": "\n"}.get(code, code)

    text = _ESCAPE.sub(letter, line)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def write_status(folder: Path, status: Status) -> None:
    """Replace ``status.txt``."""
    write_answer(folder / "status.txt", {field.name: str(getattr(status, field.name)) for field in fields(status)})


def write_answer(path: Path, values: Mapping[str, str]) -> None:
    """Write or replace a file of lines key=value, each spelled in ASCII, whole or not at all."""
    content = "".join(f"{key}={spell(value)}\n" for key, value in values.items()).encode("ascii")
    for attempt in range(20):
        try:
            write_bytes_atomic(path, content, overwrite=True, sync=False)
            return
        except OutputError:
            # Windows does not replace a file while a macro reads it; that takes no time.
            if attempt == 19 or not path.parent.is_dir():
                raise
            time.sleep(0.05)


def read_status(folder: Path) -> Status | None:
    """Read ``status.txt``; None where there is none yet."""
    try:
        text = (folder / "status.txt").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    values = {key: unspell(value) for key, _, value in (line.partition("=") for line in text.splitlines())}
    state = values.get("state", "")
    if state not in get_args(State):
        return None
    texts = {name: values.get(name, "") for name in ("text", "error", "device", "notes", "files")}
    return Status(
        state,  # type: ignore[arg-type]
        progress=_number(values.get("progress", "")),
        seconds=_number(values.get("seconds", "")),
        **texts,
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def wants_cancel(folder: Path) -> bool:
    """Whether the macro asked for the job to stop, or took the folder away."""
    return (folder / "cancel").exists() or not folder.is_dir()
