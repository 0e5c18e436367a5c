"""Messages with buffers as bytes: the length of a JSON header, the header, and the buffers that it says follow."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

from semcolorize.errors import ConfigError

__all__ = ["pack", "unpack"]

_MOST_HEADER = 4 << 20
_MOST_BUFFERS = 64


def pack(header: dict[str, Any], buffers: Sequence[bytes] = ()) -> bytes:
    """A message as bytes; `unpack` reads it, as does ``transport.js``."""
    text = json.dumps({**header, "buffers": [len(buffer) for buffer in buffers]}, allow_nan=False).encode()
    return b"".join([struct.pack(">I", len(text)), text, *buffers])


def unpack(data: bytes) -> tuple[Any, list[bytes]]:
    """Header and buffers of a message.

    Raises
    ------
    ConfigError
        If it is no message.
    """
    try:
        (length,) = struct.unpack_from(">I", data)
        if length > _MOST_HEADER or len(data) < 4 + length:
            raise ValueError("its header is cut short or too long")
        header = json.loads(data[4 : 4 + length])
        if not isinstance(header, dict):
            raise ValueError("its header is no mapping")
        sizes = header.pop("buffers", [])
        fine = isinstance(sizes, list) and len(sizes) <= _MOST_BUFFERS and all(
            isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in sizes
        )
        if not fine or 4 + length + sum(sizes) != len(data):
            raise ValueError("its buffers are not as long as it says")
    except (struct.error, ValueError, RecursionError) as error:
        raise ConfigError(f"A message cannot be read: {error}.") from None
    buffers, at = [], 4 + length
    for size in sizes:
        buffers.append(data[at : at + size])
        at += size
    return header, buffers
