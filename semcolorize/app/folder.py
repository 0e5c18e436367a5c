"""The folder that a user opened: its micrographs by bare name, and nothing outside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from semcolorize.errors import ImageReadError

__all__ = ["IMAGE_SUFFIXES", "Folder"]

IMAGE_SUFFIXES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"})
_MOST = 1000


@dataclass(frozen=True)
class Folder:
    """A folder of micrographs.

    Attributes
    ----------
    root : Path
        Resolved.
    """

    root: Path

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Folder:
        """The folder of a path, resolved."""
        return cls(Path(path).resolve())

    def names(self) -> list[str]:
        """Names of the image files in it, as people sort them; at most a thousand."""
        try:
            with os.scandir(self.root) as entries:
                found = [
                    entry.name for entry in entries
                    if Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".")
                    and entry.is_file()
                ]  # fmt: skip
        except OSError as error:
            raise ImageReadError(f"The folder cannot be read: {error.strerror or error}.", path=self.root) from None
        return sorted(found, key=_natural)[:_MOST]

    def path(self, name: str) -> Path:
        """The file of a bare name.

        Raises
        ------
        ImageReadError
            If the name leads anywhere else than to a file of this very folder, be it by ``..`` or by a link.
        """
        refused = ImageReadError(f"{name!r:.80} is no file of the folder that was opened.")
        if not name or name in (".", "..") or "\0" in name or "/" in name or "\\" in name:
            raise refused
        if Path(name).suffix.lower() not in IMAGE_SUFFIXES:
            raise refused
        target = self.root / name
        try:
            inside = target.resolve(strict=True).parent == self.root and target.is_file()
        except OSError:
            raise refused from None
        if not inside:
            raise refused
        return target


def _natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """Numbers in names count as numbers: 2 before 10."""
    parts: list[tuple[int, int | str]] = []
    digits = word = ""
    for letter in name.casefold() + "\0":
        if letter.isdecimal():
            if word:
                parts.append((1, word))
            digits, word = digits + letter, ""
        else:
            if digits:
                parts.append((0, int(digits)))
            digits, word = "", word + letter
    return (*parts, (1, word))
