"""Private tags of a TIFF page as text or as tifffile reads them; None is what cannot be read."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from semcolorize.micrograph.instruments.encodings import declared, decoded

__all__ = ["bytes_of", "mapping_of", "number_of", "shape_of", "text_of", "utf16_of", "xml_of"]

_MAX_BYTES = 4_000_000
_BYTES = (1, 2, 6, 7)
"""Types of TIFF that a text is stored as: BYTE, ASCII, SBYTE, UNDEFINED."""


def _value(page: Any, code: int) -> Any:
    tag = page.tags.get(code)
    if tag is None:
        return None
    try:
        return tag.value
    except Exception:
        # Whatever tifffile raises on a damaged tag: the image can be read without it.
        return None


def mapping_of(page: Any, *codes: int) -> Mapping[str, Any]:
    """Return what tifffile made of the first of some tags that it knows the structure of; empty if there is none."""
    for code in codes:
        value = _value(page, code)
        if isinstance(value, Mapping):
            return value
    return {}


def bytes_of(page: Any, code: int) -> bytes:
    """Return a tag of text as it stands in the file; empty if there is none, or it cannot be read.

    tifffile takes a text for UTF-8 or cp1252, and fails where it is neither.
    """
    tag = page.tags.get(code)
    if tag is None or tag.dtype not in _BYTES:
        return b""
    with contextlib.suppress(Exception):
        # Whatever a damaged tag or a closed file raises: the image can be read without it.
        handle = tag.parent.filehandle
        with handle.lock:
            handle.seek(tag.valueoffset)
            return bytes(handle.read(min(tag.count, _MAX_BYTES)))
    return b""


def text_of(page: Any, code: int) -> str:
    """Return a tag of text in whatever encoding the instrument's computer had."""
    if content := bytes_of(page, code):
        return decoded(content).strip("\0")
    value = _value(page, code)
    if isinstance(value, tuple) and all(isinstance(part, int) and 0 <= part < 256 for part in value[:_MAX_BYTES]):
        return decoded(bytes(value[:_MAX_BYTES])).strip("\0")
    return value[:_MAX_BYTES] if isinstance(value, str) else ""


def xml_of(page: Any, code: int) -> str:
    """Return a tag of XML in the encoding that it declares, or in whatever it is."""
    found = declared(bytes_of(page, code))
    return text_of(page, code) if found is None else found.strip("\0")


def utf16_of(page: Any, code: int) -> str:
    """Return one of the tags that Windows' Explorer shows, which are in UTF-16."""
    value = _value(page, code)
    try:
        return bytes(value[:_MAX_BYTES]).decode("utf-16-le", "replace").rstrip("\0")
    except (TypeError, ValueError):
        return ""


def number_of(page: Any, code: int) -> Any:
    """Return a tag of one number."""
    value = _value(page, code)
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def shape_of(page: Any) -> tuple[int, int]:
    """Rows and columns of a page."""
    return int(page.imagelength), int(page.imagewidth)
