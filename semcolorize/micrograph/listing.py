"""Names in a folder, found as people mean them: ``B01.ZIP`` is ``B01.zip``, and an accent is an accent.

Windows and instruments write names in either case; a Mac stores ``ö`` as two characters (Unicode NFD) where other
systems have one (NFC). What looks the same on the screen is the same file here.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Listing", "same_name"]


def same_name(name: str) -> str:
    """Key under which names that look the same are equal, whatever their case and Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Listing:
    """The names in one folder.

    Parameters
    ----------
    names : iterable of str
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._folded: dict[str, str] | None = None

    @classmethod
    def of(cls, folder: Path) -> Listing:
        """List a folder; one that cannot be read is empty."""
        try:
            return cls(os.listdir(folder))  # noqa: PTH208 (names are wanted, not paths)
        except OSError:
            return cls(())

    def find(self, name: str) -> str | None:
        """The file's name as it stands in the folder: the very name first, else one that looks the same."""
        if name in self._names:
            return name
        if self._folded is None:
            # Sorted, so that of several the same is found everywhere.
            self._folded = {same_name(own): own for own in sorted(self._names, reverse=True)}
        return self._folded.get(same_name(name))
