"""Errors as the window tells them."""

from __future__ import annotations

import os
from pathlib import Path

from semcolorize.errors import ConfigError, SemColorizeError

__all__ = ["sentence_of"]

_MOST_FAULTS = 5


def sentence_of(error: SemColorizeError) -> str:
    """What is wrong and where, a line a fault; files by their bare name.

    Folders are nobody's business on a screen that is shared, and those that dropped files lie in tell nothing.
    """
    faults: tuple[SemColorizeError, ...] = error.faults if isinstance(error, ConfigError) else (error,)
    lines = []
    for fault in faults[:_MOST_FAULTS]:
        name = Path(os.fspath(fault.path)).name if fault.path else ""
        where = f"{name}:{fault.line}" if name and fault.line is not None else name
        lines.append(f"{where}: {fault.message}" if where else fault.message)
    if len(faults) > _MOST_FAULTS:
        lines.append(f"And {len(faults) - _MOST_FAULTS} more; semcolorize check lists them all.")
    return "\n".join(lines)
