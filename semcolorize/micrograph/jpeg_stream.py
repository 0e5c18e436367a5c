"""JPEG streams: what their headers say, and whether the pixels are all there.

libjpeg fills with gray what is missing before the end marker and only warns, which neither Pillow nor imagecodecs pass
on. Two things tell it. The headers: which scans and restart intervals there must be. And the pixels: bytes put in
before the end marker change nothing of a whole picture, whose decoder has all it needs by then and skips them; where
something is missing they are taken for it, and another picture comes back.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

__all__ = ["JPEG_LS", "JpegStream", "parse_jpeg", "what_is_missing"]

JPEG_LS = 0xF7
_PROGRESSIVE = (0xC2, 0xC6)
_LOSSLESS = (0xC3, 0xC7)
_NO_FRAMES = (0xC4, 0xC8, 0xCC)
_ARITHMETIC = range(0xC9, 0xD0)

# FF 00 is a byte of the data, FF FF a filling one, FF D0 to FF D7 part two restart intervals.
_END_OF_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
_FILLING = b"".join(hashlib.sha256(bytes([i])).digest() for i in range(8)).replace(b"\xff", b"\xa5")


@dataclass
class _Component:
    wide: int
    high: int
    precision_left: list[int | None] = field(default_factory=lambda: [None] * 64)
    """Bits of each coefficient that are still to come; None before its first scan."""


@dataclass
class JpegStream:
    """What the markers of a JPEG stream say.

    Attributes
    ----------
    process : int
        Second byte of the frame's marker: C0 baseline to CF, F7 JPEG-LS.
    bits : int
        Of a sample.
    rows, columns : int
    components : dict
        By their identifiers.
    ended : bool
        The end marker is there.
    scan_ends : list of int
        Where the entropy-coded data of the scans end.
    missing : str or None
        What the markers tell to be missing.
    """

    process: int
    bits: int
    rows: int
    columns: int
    components: dict[int, _Component]
    ended: bool = False
    scan_ends: list[int] = field(default_factory=list)
    missing: str | None = None

    @property
    def is_arithmetic(self) -> bool:
        """Arithmetic coding, whose writers may leave out zeros at the end: nobody can tell that from a cut."""
        return self.process in _ARITHMETIC


def parse_jpeg(data: bytes) -> JpegStream | None:
    """Read the markers of a JPEG stream, of JPEG-LS those to the frame header only.

    Parameters
    ----------
    data : bytes
        From the start-of-image marker on. What follows the end marker does not count.

    Returns
    -------
    JpegStream or None
        None if no frame header is found.
    """
    stream: JpegStream | None = None
    interval, place = 0, 2
    try:
        while True:
            place = data.index(b"\xff", place)
            while data[place] == 0xFF:
                place += 1
            marker = data[place]
            place += 1
            if marker == 0xD9:
                if stream is not None:
                    stream.ended = True
                    stream.missing = stream.missing or _left_out(stream)
                return stream
            if marker <= 0x01 or 0xD0 <= marker <= 0xD8:
                continue
            (length,) = struct.unpack_from(">H", data, place)
            body = data[place + 2 : place + length]
            place += length
            if marker == 0xDD:
                (interval,) = struct.unpack_from(">H", body)
            elif marker == JPEG_LS or (0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES):
                stream = stream or _frame(marker, body)
                if marker == JPEG_LS:
                    return stream
            elif marker == 0xDA and stream is not None:
                end = _END_OF_SCAN.search(data, place)
                stop = end.start() if end else len(data)
                restarts = sum(1 for _ in _RESTART.finditer(data, place, stop)) if interval else 0
                _add_scan(stream, body, interval, restarts)
                if end is None:
                    return stream
                stream.scan_ends.append(stop)
                place = stop
    except (ValueError, LookupError, struct.error):
        # The data end within the markers.
        return stream


def what_is_missing(
    data: bytes, stream: JpegStream, decode: Callable[[bytes], np.ndarray], pixels: np.ndarray
) -> str | None:
    """Tell what a Huffman-coded JPEG stream lacks of its pixels; None if they are all there.

    Parameters
    ----------
    data : bytes
    stream : JpegStream
        Of `data`.
    decode : callable
        Decodes a stream to its pixels.
    pixels : ndarray
        What it gives for `data`.
    """
    if not stream.ended:
        return "their end is missing"
    if stream.missing:
        return stream.missing
    starts = [0, *stream.scan_ends]
    stops = [*stream.scan_ends, len(data)]
    parts = [data[start:stop] for start, stop in zip(starts, stops, strict=True)]
    return None if np.array_equal(decode(_FILLING.join(parts)), pixels) else "they stop before the last pixel"


def _frame(marker: int, body: bytes) -> JpegStream:
    bits, rows, columns, count = struct.unpack_from(">BHHB", body)
    components = {}
    for i in range(count):
        name, sampling = struct.unpack_from(">BB", body, 6 + 3 * i)
        components[name] = _Component(max(1, sampling >> 4), max(1, sampling & 15))
    return JpegStream(marker, bits, rows, columns, components)


def _add_scan(stream: JpegStream, body: bytes, interval: int, restarts: int) -> None:
    """Note what a scan brings, and whether it has the restart markers that are due."""
    names = [body[1 + 2 * i] for i in range(body[0])]
    first, last, approximation = body[1 + 2 * len(names) : 4 + 2 * len(names)]
    parts = [stream.components[name] for name in names]
    for part in parts:
        if stream.process not in _PROGRESSIVE:
            part.precision_left = [0] * 64
        else:
            part.precision_left[first : last + 1] = [approximation & 15] * (min(last, 63) + 1 - first)
    if interval:
        due = -(-_units(stream, parts) // interval) - 1
        if restarts < due and stream.missing is None:
            stream.missing = f"{restarts} of {due} restart markers are there"


def _units(stream: JpegStream, parts: list[_Component]) -> int:
    """Minimum coded units of a scan: blocks of one component, or groups of all components' blocks (ITU T.81, A.2)."""
    side = 1 if stream.process in _LOSSLESS else 8
    widest = max(part.wide for part in stream.components.values())
    highest = max(part.high for part in stream.components.values())
    if len(parts) > 1:
        return -(-stream.columns // (side * widest)) * -(-stream.rows // (side * highest))
    columns, rows = -(-stream.columns * parts[0].wide // widest), -(-stream.rows * parts[0].high // highest)
    return -(-columns // side) * -(-rows // side)


def _left_out(stream: JpegStream) -> str | None:
    if all(left == 0 for part in stream.components.values() for left in part.precision_left):
        return None
    return "not all of their scans are there"
