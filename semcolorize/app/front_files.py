"""The front end's files, which are part of the package: plain modules that browsers run as they are."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

__all__ = ["CONTENT_TYPES", "front_file", "front_names", "modules_in_order"]

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

_IMPORT = re.compile(r'^(?:import|export)\s[^;]*?from\s+"\./([\w-]+\.js)";', re.MULTILINE)


@cache
def front_names() -> frozenset[str]:
    """Names of the files."""
    folder = resources.files("semcolorize.app") / "front"
    return frozenset(
        entry.name for entry in folder.iterdir() if entry.is_file() and entry.name.endswith(tuple(CONTENT_TYPES))
    )


def front_file(name: str) -> bytes:
    """Content of a file; KeyError for a name that is none of theirs."""
    if name not in front_names():
        raise KeyError(name)
    return (resources.files("semcolorize.app") / "front" / name).read_bytes()


def modules_in_order(entry: str) -> list[tuple[str, str]]:
    """Name and text of a module and all that it imports, each after those it needs.

    Notebooks take one module as text; its loader gives the others to the browser one by one.
    """
    done: dict[str, str] = {}

    def add(name: str) -> None:
        if name in done:
            return
        text = front_file(name).decode()
        for needed in _IMPORT.findall(text):
            add(needed)
        done[name] = text

    add(entry)
    return list(done.items())
