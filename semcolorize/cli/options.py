"""Kinds of option values that several commands take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

__all__ = ["WORKING_SIZE", "result_file"]


class _WorkingSize(click.ParamType):
    name = "PIXELS|full"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int):
            return value
        if str(value).lower() == "full":
            return "full"
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number of pixels nor 'full'.", param, ctx)


WORKING_SIZE = _WorkingSize()
"""A number of pixels, or ``full``."""


def result_file(out: str | None, image: Path) -> Path:
    """Return the TIFF that ``-o`` asks for: it is a file, or a folder if it is one or ends with a slash.

    Such a folder is made. Without ``-o`` the TIFF stands beside the image.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    """
    name = f"{image.stem}_color.tif"
    if out is None:
        return image.with_name(name)
    separators = tuple(filter(None, (os.sep, os.altsep)))
    if not out.endswith(separators):
        return Path(out) / name if Path(out).is_dir() else Path(out)
    from semcolorize.micrograph.atomic import cannot_write

    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(error, out) from None
    return Path(out) / name
