"""Strips and tiles of a TIFF page put together, each checked to hold the pixels that are due."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
import tifffile

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.decoded import LIBRARY_FAULTS
from semcolorize.micrograph.jpeg_stream import parse_jpeg, what_is_missing

__all__ = ["assembled_segments", "check_segments"]

_C = tifffile.COMPRESSION
_CCITT = (_C.CCITTRLE, _C.CCITTFAX3, _C.CCITTFAX4)
_JPEG = (_C.JPEG, _C.ALT_JPEG)
_JPEG_2000 = (_C.JPEG2000, _C.JPEG_2000_LOSSY, _C.APERIO_JP2000_RGB)
_FAX_FILLINGS = (b"\x55" * 64, b"\x99" * 64, hashlib.sha256(b"fax").digest() * 2)
_WITH_SURPLUS = (_C.ADOBE_DEFLATE, _C.DEFLATE, _C.PACKBITS, _C.ZSTD)
"""Whose decoders, unlike libtiff's, refuse what goes beyond the pixels."""
_ROOM = 1 << 20
"""Bytes beyond a strip of full size that are taken for padding."""


def check_segments(page: Any, handle: BinaryIO, path: str) -> None:
    """Refuse strips and tiles whose own header claims another size, or that end early.

    The decoders allocate what such a header claims, and libjpeg fills what is missing with gray.

    Parameters
    ----------
    page : tifffile.TiffPage
    handle : binary file
        The TIFF.
    path : str
        For messages.

    Raises
    ------
    ImageReadError
    """
    if page.compression not in (*_JPEG, *_JPEG_2000, *_CCITT):
        return
    for index, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        handle.seek(offset)
        fault = _fault_of(page, index, handle.read(count), path)
        if fault:
            raise ImageReadError(
                f"The TIFF is damaged: part {index + 1} of {len(page.dataoffsets)} of its"
                f" {getattr(page.compression, 'name', page.compression)} data {fault}. Copy or export it again.",
                path=path,
            )


def _fault_of(page: Any, index: int, segment: bytes, path: str) -> str | None:
    """What is wrong with a strip or tile, as far as its decoder would not say."""

    def decode(data: bytes) -> np.ndarray:
        tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if page.compression in _JPEG else {}
        return np.asarray(page.decode(data, index, **tables)[0])

    if page.compression in _CCITT:
        # As of JPEG: what follows a whole picture changes nothing of it.
        whole = decode(segment)
        goes_on = any(not np.array_equal(decode(segment + filling), whole) for filling in _FAX_FILLINGS)
        if goes_on or (page.compression == _C.CCITTFAX3 and _lacks_lines(page, index, segment)):
            return "is truncated: they stop before the last pixel"
        return None
    stream = parse_jpeg(segment) if page.compression in _JPEG else None
    if stream is not None:
        size: tuple[int, int] | None = (stream.columns, stream.rows)
    else:
        size = _jpeg_2000_size(segment) if page.compression in _JPEG_2000 else None
    width, rows = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
    if size is None or size[0] > width or size[1] > rows:
        claimed = "no size" if size is None else f"{size[0]} x {size[1]} pixels"
        return f"has {claimed}, where up to {width} x {rows} are due"
    if stream is None:
        return None
    if stream.is_arithmetic:
        raise ImageReadError(
            "The TIFF is compressed with JPEG of arithmetic coding, which is not read. Save the micrograph"
            " uncompressed.",
            path=path,
        )
    missing = what_is_missing(segment, stream, decode, decode(segment)) if stream.ended else "their end is missing"
    return missing and f"is truncated: {missing}"


def _lacks_lines(page: Any, index: int, segment: bytes) -> bool:
    """Tell that group 3 data have fewer marks of lines (EOL, ITU T.4) than lines are due; some have none at all."""
    bits = np.unpackbits(np.frombuffer(segment, np.uint8), bitorder="little" if page.fillorder == 2 else "big")
    marks = len(re.findall(b"\0{11,}\1", bits.tobytes()))
    return 0 < marks < _rows_of(page, index) - 1


def _rows_of(page: Any, index: int) -> int:
    """Rows that a strip or tile holds."""
    if page.is_tiled:
        return int(page.tilelength)
    first = index % -(-page.imagelength // page.rowsperstrip) * page.rowsperstrip
    return int(min(page.rowsperstrip, page.imagelength - first))


def _jpeg_2000_size(data: bytes) -> tuple[int, int] | None:
    """Columns and rows that a JPEG 2000 codestream's SIZ segment states."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or start + 24 > len(data):
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", data, start + 8)
    return right - left, bottom - top


def assembled_segments(page: Any) -> np.ndarray:
    """Put strips and tiles together, each checked to hold what the header of the page says.

    Parameters
    ----------
    page : tifffile.TiffPage
        Checked by `check_segments`.

    Returns
    -------
    ndarray of page.shape

    Raises
    ------
    ImportError
        If imagecodecs is needed and missing.
    ValueError and others
        If the data are damaged.
    """
    result = np.empty(page.shaped, page.dtype)

    def place(decoded: Any) -> None:
        segment, (sample, depth, row, column, _), _ = decoded
        if segment is None:
            raise ValueError("a strip or tile is missing")
        # The fax codecs give bilevel pixels as bytes.
        if segment.dtype != page.dtype and not (page.compression in _CCITT and page.dtype == bool):
            raise ValueError(f"the compressed data are {segment.dtype}, the header says {page.dtype}")
        kept = segment[: page.imagedepth - depth, : page.imagelength - row, : page.imagewidth - column]
        end = tuple(start + size for start, size in zip((depth, row, column), kept.shape, strict=False))
        result[sample, depth : end[0], row : end[1], column : end[2]] = kept

    try:
        for _ in page.segments(func=place, sort=True):
            pass
    except LIBRARY_FAULTS:
        if page.compression not in _WITH_SURPLUS:
            raise
        segments = page.parent.filehandle.read_segments(page.dataoffsets, page.databytecounts)
        for data, index in segments:
            place(page.decode(data and _without_surplus(page, data, index), index, _fullsize=page.is_tiled))
    return result.reshape(page.shape)


def _without_surplus(page: Any, data: bytes, index: int) -> bytes:
    """Compress a strip or tile anew, without what lies beyond its pixels: a last strip of full size, padding."""
    from imagecodecs import bitorder_decode, packbits_encode, zstd_decode, zstd_encode

    columns, rows = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    row_bytes = -(-columns * samples * page.bitspersample // 8)
    whole, due = rows * row_bytes, _rows_of(page, index) * row_bytes
    data = bytes(bitorder_decode(data)) if page.fillorder == 2 else data
    encode: Any
    if page.compression == _C.PACKBITS:
        found, encode = _unpacked_bits(data, due), packbits_encode
    elif page.compression == _C.ZSTD:
        # A frame may claim any size.
        found, encode = bytes(zstd_decode(data[: _zstd_frame(data)], out=whole + _ROOM)), zstd_encode
    else:
        found, encode = _inflated(data, whole + _ROOM), zlib.compress
    if len(found) < due:
        raise ValueError(f"part {index + 1} holds {len(found)} bytes of pixels, {due} are due")
    encoded = encode(found[:due])
    return bytes(bitorder_decode(encoded) if page.fillorder == 2 else encoded)


def _unpacked_bits(data: bytes, due: int) -> bytes:
    """PackBits (TIFF 6.0, section 9) up to `due` bytes."""
    found, place = bytearray(), 0
    while len(found) < due and place < len(data):
        head = data[place]
        if head < 128:
            found += data[place + 1 : place + 2 + head]
            place += 2 + head
        else:
            # 128 is no operation.
            found += data[place + 1 : place + 2] * (257 - head) if head > 128 else b""
            place += 2 if head > 128 else 1
    return bytes(found)


def _inflated(data: bytes, most: int) -> bytes:
    """Deflate up to its checksum, which tells surplus from damage."""
    inflater = zlib.decompressobj()
    found = inflater.decompress(data, most)
    if not inflater.eof and len(found) < most:
        raise ValueError("the deflate data end early")
    if not inflater.eof:
        raise ValueError(f"the deflate data hold more than {most} bytes")
    return found


def _zstd_frame(data: bytes) -> int:
    """Bytes of the Zstandard frame that `data` begin with (RFC 8878, 3.1.1); what follows it is padding."""
    descriptor = data[4]
    single = descriptor >> 5 & 1
    place = 6 - single + (0, 1, 2, 4)[descriptor & 3] + (single, 2, 4, 8)[descriptor >> 6]
    last = False
    while not last:
        header = int.from_bytes(data[place : place + 3], "little")
        if place + 3 > len(data):
            raise ValueError("the Zstandard data end early")
        last, run_length = bool(header & 1), header >> 1 & 3 == 1
        place += 3 + (1 if run_length else header >> 3)
    return place + 4 * (descriptor >> 2 & 1)
