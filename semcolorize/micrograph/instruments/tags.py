"""Private tags of a TIFF page as text or as tifffile reads them; None is what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semcolorize.micrograph.instruments.encodings import decoded

__all__ = ["mapping_of", "number_of", "shape_of", "text_of", "utf16_of"]

_MAX_BYTES = 4_000_000


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


def text_of(page: Any, code: int) -> str:
    """Return a tag of text in whatever encoding the instrument's computer had."""
    value = _value(page, code)
    if isinstance(value, tuple) and all(isinstance(part, int) and 0 <= part < 256 for part in value[:_MAX_BYTES]):
        value = bytes(value[:_MAX_BYTES])
    if isinstance(value, bytes):
        return decoded(value[:_MAX_BYTES]).strip("\0")
    return value[:_MAX_BYTES] if isinstance(value, str) else ""


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
