"""Kinds of option values that several commands take."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["WORKING_SIZE"]


class _WorkingSize(click.ParamType):
    name = "PIXELS|full"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value == "full" or isinstance(value, int):
            return value
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number of pixels nor 'full'.", param, ctx)


WORKING_SIZE = _WorkingSize()
"""A number of pixels, or ``full``."""
