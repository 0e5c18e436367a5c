"""YAML that comes from anywhere: read without trusting it, and remember where everything stood.

Hints, palettes, jobs and recipes are all read through here. Files may come from a colleague or a stranger, so
size, depth and number of values are limited, and aliases (the stuff of "billion laughs" bombs), tags and
duplicate keys are refused. Scalars follow YAML's core schema, where ``1e-4`` is a number and ``no`` is a
word. Keys are always text.

Faults are collected and reported together, a line each, as ``path:line: message``.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from semcolorize.errors import ConfigError

__all__ = ["KeyPath", "YamlSource", "dotted", "load_yaml", "parse_yaml"]

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys of mappings and positions in lists, from the top."""

_MAX_BYTES = 4 * 1024 * 1024
_MAX_DEPTH = 20
_MAX_VALUES = 400_000
_MAX_FAULTS = 50

# libyaml is ten times as fast; both give the same events.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_BARE_COLOR = re.compile(r"(?:^|[:,\[{-])\s+(#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8}))(?=[\s,}\]]|$)")
_TEXT_TAG = "tag:yaml.org,2002:str"


def dotted(keys: KeyPath) -> str:
    """Write a key path as messages do: ``hints[2].color``."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


@dataclass(frozen=True)
class YamlSource:
    """A YAML file's content, and the line of every part of it.

    Parameters
    ----------
    path : str
        As messages name the file.
    data : dict
        Plain dicts, lists and scalars; keys are text.
    lines : dict of KeyPath to int
        Line, counted from 1, where a key or list item stands; ``()`` is the whole file.
    sha256 : str
        Of the file's bytes.
    """

    path: str
    data: dict[str, Any]
    lines: dict[KeyPath, int] = field(repr=False)
    sha256: str = ""

    def line(self, keys: KeyPath = ()) -> int:
        """Return the line of a part, or of the nearest part around it."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def fault(self, message: str, keys: KeyPath = ()) -> ConfigError:
        """Make an error that points at a part of the file."""
        return ConfigError(message, path=self.path, line=self.line(keys), key=dotted(keys) or None)


def load_yaml(path: str | os.PathLike[str], *, max_bytes: int = _MAX_BYTES) -> YamlSource:
    """Read a YAML file whose top level is a mapping.

    Parameters
    ----------
    path : str or path-like
        The file, UTF-8.
    max_bytes : int
        Larger files are refused.

    Returns
    -------
    source : YamlSource

    Raises
    ------
    ConfigError
        If the file is missing, too large, not UTF-8, not YAML, too deep, uses aliases, tags or duplicate
        keys, or holds no mapping. `faults` has all that was found.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise ConfigError("There is no such file.", path=name) from None
    except IsADirectoryError:
        raise ConfigError("This is a folder; a YAML file is wanted.", path=name) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"The file cannot be read: {reason}.", path=name) from None
    return parse_yaml(content, path=name, max_bytes=max_bytes)


def parse_yaml(content: bytes, *, path: str = "", max_bytes: int = _MAX_BYTES) -> YamlSource:
    """Parse the bytes of a YAML file; see `load_yaml`. `path` is for messages."""
    if len(content) > max_bytes:
        raise ConfigError(
            f"The file is larger than {max_bytes / 2**20:g} MiB, the most accepted here.", path=path
        )
    try:
        # PowerShell's > writes UTF-16, with a mark at the beginning.
        wide = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"The file is not {'UTF-16' if wide else 'UTF-8'} text: byte 0x{content[error.start]:02x}. Save it as "
            "UTF-8.",
            path=path,
            line=line,
        ) from None
    builder = _Builder(path, _bare_colors(text))
    try:
        data = builder.build(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            "The file holds a character that YAML does not allow.", path=path, line=line
        ) from None
    except yaml.MarkedYAMLError as error:
        # A color that became a comment takes the closing bracket with it: that is the fault, not the bracket.
        colors = builder.bare_faults()
        raise ConfigError.from_faults(colors) if colors else _syntax_error(error, path) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"The file is not YAML: {error}.", path=path) from None
    if builder.faults:
        raise ConfigError.from_faults(builder.faults)
    if data is None:
        raise ConfigError("The file is empty.", path=path)
    if not isinstance(data, dict):
        kind = "a list" if isinstance(data, list) else "a single value"
        raise ConfigError(f"The file holds {kind}; a mapping (key: value) is wanted.", path=path, line=1)
    return YamlSource(path, data, builder.lines, hashlib.sha256(content).hexdigest())


def _syntax_error(error: yaml.MarkedYAMLError, path: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    told = ", ".join(str(part) for part in (error.context, error.problem) if part)
    if "\\t" in told or "cannot start any token" in told:
        told += "; indent with spaces, not tabs"
    return ConfigError(f"The file is not YAML: {told}.", path=path, line=mark.line + 1 if mark else None)


def _bare_colors(text: str) -> dict[int, str]:
    """Find hex colors without quotes, which YAML takes for comments: line (from 0) to color."""
    found = {}
    for number, line in enumerate(text.splitlines()):
        match = _BARE_COLOR.search(line) if "#" in line else None
        if match is None:
            continue
        before = line[: match.start(1)]
        # In quotes, or behind a comment's beginning, it is no color.
        if before.count('"') % 2 == before.count("'") % 2 == 0 and not re.search(r"(^|\s)#", before):
            found[number] = match[1]
    return found


class _Stop(Exception):
    """The file is hostile: what follows is not worth reading."""


class _Builder:
    """Builds plain data from parser events, so that nothing is built that was not counted before."""

    def __init__(self, path: str, bare: dict[int, str]) -> None:
        self.path = path
        self._bare = bare
        self.lines: dict[KeyPath, int] = {(): 1}
        self.faults: list[ConfigError] = []
        self._values = 0

    def build(self, text: str) -> Any:
        events = self._checked(yaml.parse(text, Loader=_LOADER))
        data: Any = None
        documents = 0
        try:
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self._stop(event, "The file holds several documents (---); one is wanted.")
                elif isinstance(event, yaml.NodeEvent):
                    data = self._value(event, events, ())
        except _Stop:
            pass
        return data

    def bare_faults(self) -> list[ConfigError]:
        """One fault for each color without quotes."""
        return [self._bare_fault(line) for line in self._bare]

    def _bare_fault(self, line: int) -> ConfigError:
        color = self._bare[line]
        message = f'Write the color in quotes: "{color}". Without them # begins a comment, and nothing is left.'
        return ConfigError(message, path=self.path, line=line + 1)

    def _checked(self, events: Iterator[Any]) -> Iterator[Any]:
        for event in events:
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                self._stop(
                    event,
                    f"Anchors and aliases (&, *) are not accepted: {event.anchor!r}. "
                    "Write it out, or put it in quotes.",
                )
            if isinstance(event, yaml.NodeEvent):
                self._values += 1
                if self._values > _MAX_VALUES:
                    self._stop(event, f"The file holds more than {_MAX_VALUES} values.")
                tag = getattr(event, "tag", None)
                if tag not in (None, "!", _TEXT_TAG):
                    self._fault(event, f"The tag {tag!r} is not accepted: write plain values.")
            yield event

    def _value(self, event: Any, events: Iterator[Any], keys: KeyPath) -> Any:
        if len(keys) > _MAX_DEPTH:
            self._stop(event, f"The file is nested more than {_MAX_DEPTH} levels deep.")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, keys)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            for item in events:
                if isinstance(item, yaml.SequenceEndEvent):
                    break
                place = (*keys, len(items))
                self.lines[place] = item.start_mark.line + 1
                items.append(self._value(item, events, place))
            return items
        return self._scalar(event)

    def _mapping(self, events: Iterator[Any], keys: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self._stop(event, "A key must be a word; this one is a list or a mapping.")
            key = event.value
            place = (*keys, key)
            line = event.start_mark.line + 1
            if not key:
                self._fault(event, f"A key under {dotted(keys) or 'the top level'} is empty.")
            elif key == "<<":
                self._fault(event, "Merge keys (<<) are not accepted. Write the keys out.")
            elif key in mapping:
                self._fault(
                    event, f"{dotted(place)} is there twice; it was first on line {self.lines[place]}."
                )
            self.lines.setdefault(place, line)
            value = next(events)
            if line - 1 in self._bare and isinstance(value, yaml.ScalarEvent) and not (value.value or value.style):
                self.faults.append(self._bare_fault(line - 1))
            mapping[key] = self._value(value, events, place)
        return mapping

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if event.style in ("'", '"', "|", ">") or event.tag is not None:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if len(text) > 100:
            return text
        if _INTEGER.fullmatch(text):
            # int(..., 0) would refuse leading zeros, which the core schema reads as decimal.
            return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        return text

    def _fault(self, event: Any, message: str) -> None:
        self.faults.append(ConfigError(message, path=self.path, line=event.start_mark.line + 1))
        if len(self.faults) >= _MAX_FAULTS:
            raise _Stop

    def _stop(self, event: Any, message: str) -> None:
        self._fault(event, message)
        raise _Stop
