"""The bytes of an image file to its values: TIFF through tifffile, the others through Pillow.

What the file format says is kept (calibration, display range, metadata); what the values mean is
`semcolorize.micrograph.reading`'s matter.
"""

from __future__ import annotations

import logging
import math
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import tifffile
from PIL import BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.instrument import Instrument, instrument_of_tiff
from semcolorize.micrograph.tiff_metadata import read_calibration, read_display_range, read_info

__all__ = ["MAX_PIXELS", "Decoded", "decode", "decode_header"]

MAX_PIXELS = 500_000_000
"""Larger images are refused by their header, before anything is allocated."""

# What tifffile and Pillow raise on damaged files, as damaging some showed (theirs derive from these).
# A MemoryError cannot come of an honest file: the size is checked first.
_LIBRARY_FAULTS = (
    OSError, ValueError, TypeError, LookupError, AttributeError, AssertionError, SyntaxError, EOFError,
    ArithmeticError, RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLUGINS: tuple[tuple[bytes, Any], ...] = (
    (b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    (b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    (b"BM", BmpImagePlugin.BmpImageFile),
    (b"GIF8", GifImagePlugin.GifImageFile),
)
_OTHER_STARTS = (
    (b"PK\x03\x04", "a ZIP archive"), (b"%PDF", "a PDF document"), (b"\0\0\0\x03", "a Gatan DM3 file"),
    (b"\0\0\0\x04", "a Gatan DM4 file"), (b"\x89HDF", "an HDF5 file"), (b"\0\0\0\x0cjP", "a JPEG 2000 file"),
    (b"RIFF", "a WebP or AVI file"), (b"Iout", "an ImageJ ROI"), (b"<", "an HTML or XML text"),
)  # fmt: skip

_C = tifffile.COMPRESSION
_DECODED_BY_TIFFFILE = (_C.NONE, _C.ADOBE_DEFLATE, _C.DEFLATE, _C.PACKBITS, _C.LZMA)
_DECODED_BY_PILLOW = (_C.LZW, _C.JPEG, _C.CCITTRLE, _C.CCITTFAX3, _C.CCITTFAX4)


@dataclass(frozen=True, eq=False)
class Decoded:
    """One page of an image file.

    Attributes
    ----------
    values : ndarray of shape (H, W) or (H, W, 3 or 4)
        As stored; palettes are resolved.
    inverted : bool
        0 is white.
    page, pages : int
        Counted from 1.
    display_range : tuple of 2 floats or None
        ImageJ's.
    calibration : Calibration or None
    calibration_meant : bool
        False where it is only the file format's resolution, which may be a printer's.
    instrument : Instrument or None
    info : str or None
    notes : tuple of str
    """

    values: np.ndarray
    inverted: bool = False
    page: int = 1
    pages: int = 1
    display_range: tuple[float, float] | None = None
    calibration: Calibration | None = None
    calibration_meant: bool = False
    instrument: Instrument | None = None
    info: str | None = None
    notes: tuple[str, ...] = ()


def decode(handle: BinaryIO, path: str, *, page: int = 1, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode one page of an open image file.

    Parameters
    ----------
    handle : binary file
        At its beginning.
    path : str
        For messages.
    page : int
        Counted from 1.
    max_pixels : int
        Larger images are refused.

    Raises
    ------
    ImageReadError
    """
    with _faults_told(path):
        plugin = _plugin(handle, path)
        if plugin is None:
            return _decode_tiff(handle, path, page, max_pixels)
        return _decode_other(plugin, handle, path, page, max_pixels)


def decode_header(handle: BinaryIO, path: str, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Rows and columns of the first page of an open image file, checked as `decode` does before it decodes pixels."""
    with _faults_told(path):
        plugin = _plugin(handle, path)
        if plugin is None:
            with tifffile.TiffFile(handle) as tiff:
                page = _tiff_page(tiff, path, 1, max_pixels)[0]
                return page.imagelength, page.imagewidth
        width, height = _opened(plugin, handle, path, max_pixels).size
        return height, width


def _plugin(handle: BinaryIO, path: str) -> Any:
    """Pillow's class for the file's format; None for TIFF."""
    start = handle.read(16)
    handle.seek(0)
    if not start:
        raise ImageReadError("The file is empty (0 bytes).", path=path)
    if start[:4] in _TIFF_STARTS:
        return None
    for magic, plugin in _PLUGINS:
        if start.startswith(magic):
            return plugin
    found = next((f", but {what}" for magic, what in _OTHER_STARTS if start.startswith(magic)), "")
    raise ImageReadError(
        f"This is no image that can be read{found} (it starts with {start[:8]!r}); TIFF, PNG, JPEG, BMP and"
        " GIF are accepted. Export the micrograph as TIFF.",
        path=path,
    )


@contextmanager
def _faults_told(path: str) -> Iterator[None]:
    """Say in our words what the libraries raise."""
    try:
        with quiet_libraries():
            yield
    except ImageReadError:
        raise
    except _LIBRARY_FAULTS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageReadError(
            f"The image is damaged or incomplete and cannot be decoded ({reason}). Copy or export it again.",
            path=path,
        ) from error


_quiet = threading.local()


class _NotWhileReading(logging.Filter):
    """Holds back what tifffile logs about a file that we report on ourselves."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_quiet, "on", False)


_FILTER = _NotWhileReading()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Hold back, in this thread, what tifffile and Pillow log and warn of about files that we report on."""
    logger = logging.getLogger("tifffile")
    if _FILTER not in logger.filters:
        logger.addFilter(_FILTER)
    _quiet.on = True
    try:
        with warnings.catch_warnings():
            # Pillow warns of damage and goes on; what matters of it is an error here.
            warnings.simplefilter("ignore")
            yield
    finally:
        _quiet.on = False


def _check_size(width: int, height: int, max_pixels: int, path: str) -> None:
    if width < 1 or height < 1:
        raise ImageReadError(f"The image has no pixels ({width} x {height}).", path=path)
    if width * height > max_pixels:
        raise ImageReadError(
            f"The image has {width} x {height} = {width * height / 1e6:,.0f} megapixels; up to"
            f" {max_pixels / 1e6:,.0f} are accepted. Crop or bin it, or raise max_pixels.",
            path=path,
        )


def _check_page(page: int, pages: int, path: str) -> None:
    if not 1 <= page <= pages:
        raise ImageReadError(f"page is {page}; the file has {pages}, counted from 1.", path=path, key="page")


def _decode_tiff(handle: BinaryIO, path: str, number: int, max_pixels: int) -> Decoded:
    with tifffile.TiffFile(handle) as tiff:
        page, pages, skip = _tiff_page(tiff, path, number, max_pixels)
        instrument = instrument_of_tiff(tiff, page)
        calibration, meant = read_calibration(tiff, page, instrument)
        return Decoded(
            _tiff_values(page, handle, path, number, skip),
            inverted=page.photometric == tifffile.PHOTOMETRIC.MINISWHITE,
            page=number,
            pages=pages,
            display_range=read_display_range(tiff, number),
            calibration=calibration,
            calibration_meant=meant,
            instrument=instrument,
            info=read_info(tiff, page),
        )


def _tiff_page(tiff: tifffile.TiffFile, path: str, number: int, max_pixels: int) -> tuple[Any, int, int]:
    """A page that is whole as far as its header tells, how many there are, and bytes of pixels before its own."""
    first = tiff.pages[0]
    pages = len(tiff.pages)
    # ImageJ stores stacks over 4 GB, and tifffile can store any, with a single page for all slices.
    images = int((tiff.imagej_metadata or {}).get("images", 1)) if pages == 1 else 1
    pages = max(pages, images)
    _check_page(number, pages, path)
    page: Any = first if images > 1 else tiff.pages[number - 1]
    if not isinstance(page, tifffile.TiffPage):
        # Slices of a stack come as frames, which leave out what they share with the first.
        page = page.aspage()
    _check_size(page.imagewidth, page.imagelength, max_pixels, path)
    if page.imagedepth != 1:
        raise ImageReadError(f"The page is a volume of {page.imagedepth} planes; save single planes.", path=path)
    skip = (number - 1) * page.nbytes if images > 1 else 0
    _check_complete(page, tiff.filehandle.size, skip, path)
    return page, pages, skip


def _check_complete(page: Any, file_size: int, skip: int, path: str) -> None:
    """Refuse pages whose strips are missing: tifffile would fill them with zeros, that is, with black."""
    offsets, counts = page.dataoffsets, page.databytecounts
    expected = math.prod(page.chunked) if page.chunked else 0
    end = max((offset + count for offset, count in zip(offsets, counts, strict=False)), default=0) + skip
    # Rows are padded to whole bytes: a bit a pixel is an eighth of a byte.
    bits = page.imagewidth * page.samplesperpixel * int(np.max(page.bitspersample))
    needed = min(page.nbytes, page.imagelength * -(-bits // 8))
    short = page.compression == _C.NONE and sum(counts) < needed
    if len(offsets) < expected or len(counts) < expected or not all(counts) or short or end > file_size:
        raise ImageReadError(
            f"The TIFF is truncated or damaged: its {page.imagewidth} x {page.imagelength} pixels should"
            f" reach to byte {max(end, needed + skip):,}, the file has {file_size:,}. Copy it again from"
            " the instrument.",
            path=path,
        )


def _tiff_values(page: Any, handle: BinaryIO, path: str, number: int, skip: int) -> np.ndarray:
    photometric = page.photometric.name
    if photometric not in ("MINISBLACK", "MINISWHITE", "RGB", "PALETTE", "YCBCR"):
        raise ImageReadError(f"The TIFF stores {photometric}; gray, RGB and palette are accepted.", path=path)
    if page.dtype is None:
        raise ImageReadError(
            f"The TIFF has {page.bitspersample} bits a sample in a form that cannot be read; 8, 16 or 32 are"
            " accepted. Save it as 8 or 16 bit.",
            path=path,
        )
    if page.compression in _DECODED_BY_PILLOW and not _has_imagecodecs():
        values, axes = _tiff_values_by_pillow(page, handle, path, number)
    elif skip:
        offset = page.dataoffsets[0] + skip
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        handle.seek(offset)
        values = np.frombuffer(handle.read(page.nbytes), dtype).reshape(page.shape)
        axes = page.axes
    elif page.compression in _DECODED_BY_TIFFFILE or _has_imagecodecs():
        values, axes = page.asarray(), page.axes
    else:
        raise ImageReadError(
            f"The TIFF is compressed with {page.compression.name}, which needs the Python package"
            " imagecodecs; install it, or save the micrograph uncompressed.",
            path=path,
        )
    if page.colormap is not None and photometric == "PALETTE" and values.ndim == 2:
        return _resolve_palette(values, np.moveaxis(np.asarray(page.colormap), 0, -1))
    if axes[0] == "S" and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[-1] == 2:
        # Gray with alpha: as RGBA, so that the alpha is checked in one place.
        values = values[..., [0, 0, 0, 1]]
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[-1] not in (3, 4)):
        raise ImageReadError(
            f"A page of the TIFF has shape {values.shape} ({axes}); gray or RGB is accepted. Save one channel.",
            path=path,
        )
    return values


def _has_imagecodecs() -> bool:
    return bool(getattr(tifffile.tifffile.imagecodecs, "JPEG8", None))


def _tiff_values_by_pillow(page: Any, handle: BinaryIO, path: str, number: int) -> tuple[np.ndarray, str]:
    handle.seek(0)
    image = TiffImagePlugin.TiffImageFile(handle)
    image.seek(number - 1)
    values = np.asarray(image)
    if image.mode == "I" and page.dtype.kind in "iu" and page.dtype.itemsize == 2:
        values = values.astype(page.dtype)
    if values.dtype.itemsize != page.dtype.itemsize:
        raise ImageReadError(
            f"The TIFF stores {page.samplesperpixel} x {page.bitspersample} bits compressed with"
            f" {page.compression.name}, which needs the Python package imagecodecs; install it, or save the"
            " micrograph uncompressed.",
            path=path,
        )
    return values, "YXS"[: values.ndim]


def _resolve_palette(indices: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Gray (H, W) where the palette is gray, else (H, W, 3); `colors` (entries, 3) is 8 or 16 bit."""
    if colors.dtype != np.uint8:
        # Some programs write 8-bit values into the 16-bit table.
        colors = (colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)
    if (colors == colors[:, :1]).all():
        return colors[:, 0][indices]
    return colors[indices]


def _opened(plugin: Any, handle: BinaryIO, path: str, max_pixels: int) -> Any:
    """A Pillow image of an accepted size, its pixels not read yet."""
    if plugin is PngImagePlugin.PngImageFile:
        header = handle.read(26)
        handle.seek(0)
        if header[24:25] == b"\x10" and header[25:26] != b"\0":
            raise ImageReadError(
                "This is a 16-bit PNG in color or with alpha, of which 8 bits would be lost; save it as 16-bit gray.",
                path=path,
            )
    # The plugin itself, not Image.open: Pillow's own size limit is a global that others may have set.
    image = plugin(handle)
    width, height = image.size
    _check_size(width, height, max_pixels, path)
    return image


def _decode_other(plugin: Any, handle: BinaryIO, path: str, number: int, max_pixels: int) -> Decoded:
    image = _opened(plugin, handle, path, max_pixels)
    pages = int(getattr(image, "n_frames", 1)) if plugin is GifImagePlugin.GifImageFile else 1
    _check_page(number, pages, path)
    if number > 1:
        image.seek(number - 1)
    if "transparency" in image.info and image.mode in ("P", "L", "RGB"):
        image = image.convert("RGBA")
    match image.mode:
        case "P":
            palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            table = np.zeros((256, 3), np.uint8)
            table[: len(palette)] = palette
            values = _resolve_palette(np.asarray(image), table)
        case "LA":
            values = np.asarray(image)[..., [0, 0, 0, 1]]
        case "1" | "L" | "I;16" | "I;16B" | "RGB" | "RGBA":
            values = np.asarray(image)
        case "I":
            values = np.asarray(image)
            if values.min() >= 0 and values.max() <= 65535:
                values = values.astype(np.uint16)
        case mode:
            raise ImageReadError(f"The image stores {mode}; gray, RGB and palette are accepted.", path=path)
    # Loaded before the file is closed.
    image.load()
    text = [f"{key}: {value}" for key, value in image.info.items() if isinstance(value, str) and value.strip()]
    return Decoded(values, page=number, pages=pages, info="\n".join(text) or None)
