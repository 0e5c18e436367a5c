"""File patterns: globs with ``**``, as in ``**/*.tif``."""

from __future__ import annotations

import re

__all__ = ["glob_expression"]


def glob_expression(pattern: str) -> re.Pattern[str]:
    """Translate a glob into a regular expression for `fullmatch`.

    Parameters
    ----------
    pattern : str
        ``*`` and ``?`` stay within a folder, ``**/`` is any folders or none, ``[ab]`` and ``[!ab]`` are sets.

    Returns
    -------
    expression : re.Pattern
        Letters match in either case: instruments write ``.TIF``.

    Raises
    ------
    ValueError
        If a set is wrong.
    """
    text = ""
    position = 0
    while position < len(pattern):
        rest = pattern[position:]
        if rest.startswith("**/"):
            text, position = text + "(?:[^/]+/)*", position + 3
        elif rest.startswith("**"):
            text, position = text + ".*", position + 2
        elif rest[0] == "*":
            text, position = text + "[^/]*", position + 1
        elif rest[0] == "?":
            text, position = text + "[^/]", position + 1
        elif rest[0] == "[" and "]" in rest[2:]:
            end = rest.index("]", 2)
            inner = rest[1:end].replace("\\", "\\\\").replace("^", "\\^").replace("[", "\\[")
            text += "[" + ("^" + inner[1:] if inner.startswith("!") else inner) + "]"
            position += end + 1
        else:
            text, position = text + re.escape(rest[0]), position + 1
    try:
        return re.compile(text, re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no file pattern: {error}") from None
