"""What decoding one page of an image file gives, and the limits it is checked against before any pixel is decoded."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import numpy as np

from semcolorize.errors import ImageReadError
from semcolorize.hints.planes import Plane
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.instrument import Instrument
from semcolorize.micrograph.memory import check_memory

__all__ = [
    "LIBRARY_FAULTS", "MAX_PIXELS", "Decoded", "check_page", "check_size", "full_depth", "orientation_note"
]  # fmt: skip

LIBRARY_FAULTS = (
    OSError, ValueError, TypeError, LookupError, AttributeError, AssertionError, SyntaxError, EOFError,
    ArithmeticError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
"""What tifffile, imagecodecs and Pillow raise on damaged files, as damaging some showed (theirs derive from these)."""

MAX_PIXELS = 500_000_000
"""Larger images are refused by their header, before anything is allocated."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """One page of an image file.

    Attributes
    ----------
    values : ndarray of shape (H, W) or (H, W, 3 or 4)
        As stored; palettes are resolved, CMYK is converted. A fourth channel is opacity.
    inverted : bool
        0 is white.
    premultiplied : bool
        The colors are multiplied by the opacity already.
    page, pages : int
        Counted from 1.
    plane : Plane
    display_range : tuple of 2 floats or None
        ImageJ's.
    calibration : Calibration or None
    calibration_meant : bool
        False where it is only the file format's resolution, which may be a printer's.
    instrument : Instrument or None
    info : str or None
    notes : tuple of str
    other_page : str or None
        A sentence on a page that looks more like the measurement than this one, which nobody asked for by number.
    """

    values: np.ndarray
    inverted: bool = False
    premultiplied: bool = False
    page: int = 1
    pages: int = 1
    plane: Plane = field(default_factory=Plane)
    display_range: tuple[float, float] | None = None
    calibration: Calibration | None = None
    calibration_meant: bool = False
    instrument: Instrument | None = None
    info: str | None = None
    notes: tuple[str, ...] = ()
    other_page: str | None = None


def check_size(width: int, height: int, max_pixels: int, path: str) -> None:
    """Refuse images without pixels, of too many, or of more than there is memory to color."""
    if width < 1 or height < 1:
        raise ImageReadError(f"The image has no pixels ({width} x {height}).", path=path)
    if width * height > max_pixels:
        raise ImageReadError(
            f"The image has {width} x {height} = {width * height / 1e6:,.0f} megapixels; up to"
            f" {max_pixels / 1e6:,.0f} are accepted. Crop or bin it, or raise max_pixels.",
            path=path,
        )
    check_memory((height, width), path=path)


def check_page(page: int, pages: int, path: str) -> None:
    """Refuse page numbers that the file does not have."""
    if not 1 <= page <= pages:
        raise ImageReadError(f"page is {page}; the file has {pages}, counted from 1.", path=path, key="page")


def orientation_note(orientation: object) -> tuple[str, ...]:
    """Say that a TIFF's or Exif's wish to be shown turned (2 to 8) is not followed, as ImageJ does not."""
    turned = isinstance(orientation, int) and 2 <= orientation <= 8
    return (f"The file asks viewers to turn or mirror it (orientation {orientation}); it is shown as stored, as in"
            " ImageJ.",) if turned else ()  # fmt: skip


def full_depth(values: np.ndarray, bits: int) -> np.ndarray:
    """Values of 2 to 7 bits as 8, and of 9 to 15 bits in color as 16: 'white' is told by the type from here on."""
    if values.dtype.kind != "u" or bits >= 16 or bits == 8 or (bits > 8 and values.ndim == 2):
        return values
    full, top = (1 << bits) - 1, np.iinfo(values.dtype).max
    table = np.rint(np.arange(full + 1) * (top / full))
    return table.astype(values.dtype)[values]
