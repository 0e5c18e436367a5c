"""The exceptions of semcolorize.

A message says what is wrong, the value seen, what is accepted, where, and how to mend it. Where it
happened is kept in attributes too, so that programs need not read the text.

::

    SemColorizeError
      ConfigError        a YAML file, recipe, palette or option is wrong      (also ValueError)
      HintError          a hint cannot be used                                (also ValueError)
      ShapeError         an array has the wrong shape or type                 (also ValueError)
      ImageReadError     an image cannot be read                              (also OSError)
      OutputError        a result cannot be written where it was asked for    (also OSError)
      WeightsError       weights are missing, damaged or of another model
      BridgeError        ImageJ, Fiji or the worker cannot be reached         (also RuntimeError)
"""

from __future__ import annotations

import os
from collections.abc import Sequence

__all__ = [
    "BridgeError",
    "ConfigError",
    "HintError",
    "ImageReadError",
    "OutputError",
    "SemColorizeError",
    "ShapeError",
    "WeightsError",
]


class SemColorizeError(Exception):
    """Base of everything semcolorize raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, the value seen, what is accepted, how to mend it.
    path : str or path-like, optional
        File it concerns.
    line : int, optional
        Line in `path`, counted from 1.
    key : str, optional
        Dotted key or option name.
    hint_index : int, optional
        Position of the hint, counted from 0.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        path: str | os.PathLike[str] | None = None,
        line: int | None = None,
        key: str | None = None,
        hint_index: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = None if path is None else os.fspath(path)
        self.line = line
        self.key = key
        self.hint_index = hint_index

    def __str__(self) -> str:
        where = ""
        if self.path is not None:
            where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.message}" if where else self.message


class ConfigError(SemColorizeError, ValueError):
    """A YAML file, recipe, palette or option is wrong.

    `faults` holds every fault found, so that a user mends a file once.
    """

    exit_code = 2

    def __init__(self, message: str, *, faults: Sequence[ConfigError] = (), **where: object) -> None:
        super().__init__(message, **where)  # type: ignore[arg-type]
        self.faults: tuple[ConfigError, ...] = tuple(faults) or (self,)

    @classmethod
    def from_faults(cls, faults: Sequence[ConfigError]) -> ConfigError:
        """One error that reports all of `faults`, a line each."""
        if len(faults) == 1:
            return faults[0]
        return cls("\n".join(str(fault) for fault in faults), faults=faults)


class HintError(SemColorizeError, ValueError):
    """A hint cannot be used: outside the image, without a color, of an unknown kind."""

    exit_code = 2


class ShapeError(SemColorizeError, ValueError):
    """An array or tensor has the wrong shape, type or range."""


class ImageReadError(SemColorizeError, OSError):
    """An image cannot be read, or holds nothing that can be colored."""


class OutputError(SemColorizeError, OSError):
    """A result cannot be written where it was asked for."""


class WeightsError(SemColorizeError):
    """Weights are missing, damaged, or belong to another model."""


class BridgeError(SemColorizeError, RuntimeError):
    """ImageJ, Fiji or the resident worker cannot be reached or failed."""
