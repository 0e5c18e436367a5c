"""The bytes of an image file to its values: TIFF through tifffile, the others through Pillow.

What the file format says is kept (calibration, display range, metadata); what the values mean is
`semcolorize.micrograph.reading`'s matter.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import tifffile

from semcolorize.errors import ImageReadError
from semcolorize.hints.planes import Plane
from semcolorize.micrograph.decoded import LIBRARY_FAULTS, MAX_PIXELS, Decoded
from semcolorize.micrograph.instrument import instrument_of_tiff
from semcolorize.micrograph.raster_files import decode_raster, raster_plugin, raster_shape
from semcolorize.micrograph.tiff_metadata import read_calibration, read_display_range, read_info
from semcolorize.micrograph.tiff_pages import find_page
from semcolorize.micrograph.tiff_pixels import decode_tiff_pixels

__all__ = ["MAX_PIXELS", "Decoded", "decode", "decode_header"]

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_OTHER_STARTS = (
    (b"PK\x03\x04", "a ZIP archive"), (b"%PDF", "a PDF document"), (b"\0\0\0\x03", "a Gatan DM3 file"),
    (b"\0\0\0\x04", "a Gatan DM4 file"), (b"\x89HDF", "an HDF5 file"), (b"\0\0\0\x0cjP", "a JPEG 2000 file"),
    (b"RIFF", "an AVI or WAV file"), (b"Iout", "an ImageJ ROI"), (b"<", "an HTML or XML text"),
)  # fmt: skip


def decode(handle: BinaryIO, path: str, *, page: int | None = None, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode one page of an open image file.

    Parameters
    ----------
    handle : binary file
        At its beginning.
    path : str
        For messages.
    page : int, optional
        Counted from 1; the first that is not empty by default.
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
        return decode_raster(plugin, handle, path, page, max_pixels)


def decode_header(handle: BinaryIO, path: str, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Rows and columns of the first page of an open image file, checked as `decode` does before it decodes pixels."""
    with _faults_told(path):
        plugin = _plugin(handle, path)
        if plugin is None:
            with tifffile.TiffFile(handle) as tiff:
                page = find_page(tiff, path, None, max_pixels).page
                return page.imagelength, page.imagewidth
        return raster_shape(plugin, handle, path, max_pixels)


def _plugin(handle: BinaryIO, path: str) -> Any:
    """Pillow's class for the file's format; None for TIFF."""
    start = handle.read(16)
    handle.seek(0)
    if not start:
        raise ImageReadError("The file is empty (0 bytes).", path=path)
    if start[:4] in _TIFF_STARTS:
        return None
    plugin = raster_plugin(start)
    if plugin is not None:
        return plugin
    found = next((f", but {what}" for magic, what in _OTHER_STARTS if start.startswith(magic)), "")
    raise ImageReadError(
        f"This is no image that can be read{found} (it starts with {start[:8]!r}); TIFF, PNG, JPEG, BMP, GIF and"
        " WebP are accepted. Export the micrograph as TIFF.",
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
    except MemoryError:
        raise ImageReadError("There is not enough memory to decode the image. Crop or bin it.", path=path) from None
    except LIBRARY_FAULTS as error:
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


def _decode_tiff(handle: BinaryIO, path: str, number: int | None, max_pixels: int) -> Decoded:
    with tifffile.TiffFile(handle) as tiff:
        found = find_page(tiff, path, number, max_pixels)
        page, number = found.page, found.number
        pixels = decode_tiff_pixels(page, handle, path, skip=found.skip)
        instrument = instrument_of_tiff(tiff, page)
        calibration, meant = read_calibration(tiff, page)
        return Decoded(
            pixels.values,
            inverted=pixels.inverted,
            premultiplied=pixels.premultiplied,
            page=number,
            pages=found.pages,
            plane=Plane.of_page(number, found.pages, tiff.imagej_metadata),
            display_range=read_display_range(tiff, number),
            calibration=calibration,
            calibration_meant=meant,
            instrument=instrument,
            info=read_info(tiff, page),
            notes=(*found.notes, *pixels.notes),
            other_page=found.other_page,
        )
