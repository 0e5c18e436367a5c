"""Files that are dropped into the window, part by part, into the window's private folder."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from semcolorize.app.messages import Upload
from semcolorize.errors import ConfigError, OutputError
from semcolorize.micrograph.atomic import cannot_write

__all__ = ["MOST_BYTES", "PART_BYTES", "Uploads"]

MOST_BYTES = 4 << 30
"""Of a file that is dropped."""

PART_BYTES = 4 << 20
"""Of a part."""

_MOST_AT_ONCE = 64


@dataclass
class _Incoming:
    path: Path
    size: int
    received: int = 0


class Uploads:
    """Files on their way.

    Parameters
    ----------
    folder : Path
        Where each gets a folder of its own, so that it can keep its name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming: dict[str, _Incoming] = {}

    def receive(self, part: Upload, content: bytes) -> Path | None:
        """Take a part; the file's path once it is complete.

        Raises
        ------
        ConfigError
            If it is too large, or parts do not follow each other.
        OutputError
            If the disk cannot take it.
        """
        if part.size > MOST_BYTES:
            raise ConfigError(
                f"{part.name!r:.80} has {part.size / 1e9:.1f} GB; at most {MOST_BYTES / 1e9:.1f} GB are taken here."
                " Open it with: semcolorize app FILE."
            )
        if len(content) > PART_BYTES:
            raise ConfigError(f"A part of {part.name!r:.80} has {len(content)} bytes; at most {PART_BYTES} are taken.")
        own = self._incoming.get(part.id)
        if part.offset == 0:
            if len(self._incoming) >= _MOST_AT_ONCE:
                raise ConfigError(f"{_MOST_AT_ONCE} files are on their way already; wait until they are here.")
            own = self._incoming[part.id] = _Incoming(self._place(part.name), part.size)
        if own is None or own.received != part.offset or own.size != part.size:
            self._incoming.pop(part.id, None)
            raise ConfigError(f"Parts of {part.name!r:.80} were lost on the way; drop it again.")
        if own.received + len(content) > own.size or (not content and own.size):
            self._incoming.pop(part.id, None)
            raise ConfigError(f"{part.name!r:.80} is not as long as it was said to be; drop it again.")
        try:
            with own.path.open("r+b" if part.offset else "wb") as file:
                file.seek(part.offset)
                file.write(content)
        except OSError as error:
            self._incoming.pop(part.id, None)
            own.path.unlink(missing_ok=True)
            raise cannot_write(error, part.name) from None
        own.received += len(content)
        if own.received < own.size:
            return None
        del self._incoming[part.id]
        return own.path

    def _place(self, name: str) -> Path:
        folder = self._folder / secrets.token_hex(6)
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise OutputError(f"The file cannot be kept: {error.strerror or error}.", path=name) from None
        return folder / safe_name(name)


def safe_name(name: str) -> str:
    """The bare name of what a browser calls a file, without what disks do not take."""
    bare = re.split(r"[/\\]", name)[-1]
    cleaned = "".join(letter if letter.isprintable() and letter not in '<>:"|?*' else "_" for letter in bare)
    stem, dot, suffix = cleaned.strip(" .").rpartition(".")
    # Disks count bytes, not letters.
    short = (stem or suffix).encode()[:150].decode(errors="ignore")
    return f"{short}{dot}{suffix[:10]}" if dot and stem else short or "dropped"
