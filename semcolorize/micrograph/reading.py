"""A micrograph: its gray values as measured, and how they are shown."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from semcolorize.errors import ConfigError, ImageReadError, ShapeError
from semcolorize.hints.planes import Plane
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.databar import databar_first_row
from semcolorize.micrograph.decoding import MAX_PIXELS, Decoded, decode
from semcolorize.micrograph.gray_values import check_finite, gray_of_rgb, without_alpha
from semcolorize.micrograph.instrument import Instrument
from semcolorize.micrograph.instruments.scale import settled_scale
from semcolorize.micrograph.lightness import gray_to_lightness_plane, shares_outside
from semcolorize.micrograph.memory import check_memory
from semcolorize.micrograph.opening import opened_image
from semcolorize.micrograph.sidecar import read_sidecar

__all__ = ["Micrograph", "micrograph_from_array", "read_micrograph"]

_PERCENTILES = (0.1, 99.9)


@dataclass(frozen=True, eq=False)
class Micrograph:
    """Gray values as they stand in the file, with what is known about them.

    Attributes
    ----------
    pixels : ndarray of shape (H, W)
        Untouched gray values (uint8, uint16, int16, float32, ...). Missing ones are the darkest shown.
    display_range : tuple of 2 floats
        The gray value shown black and the one shown white. Black is the larger one in files that store
        white as zero.
    range_source : str
        ``8 bit``, ``ImageJ display range``, ``0.1-99.9 percentiles``, ``full scale`` (lightness
        of colored or floating-point RGB), ``given``, or ``constant image``.
    clipped : tuple of 2 floats
        Share of the pixels (0 to 1) beyond the black and beyond the white end of the display range.
    calibration : Calibration or None
        Size of a pixel, where the file says it.
    instrument : Instrument or None
        What the instrument wrote into the file, or into a text file beside it.
    info : str or None
        ImageJ's Info text, or the instrument's own metadata as text.
    path : str or None
        File it was read from, as it was given.
    sha256 : str or None
        Of that file.
    page, pages : int
        Which page of how many, counted from 1 as ImageJ counts slices.
    plane : Plane
        Which channel, slice and frame of an ImageJ stack that is.
    notes : tuple of str
        What a user should know about the reading: sentences.
    missing : ndarray of shape (H, W), bool, or None
        Where there are no data: what was masked of a masked array. None where every pixel counts. What is cut out of
        `pixels` is to be cut out of this, too.
    """

    pixels: np.ndarray = field(repr=False)
    display_range: tuple[float, float]
    range_source: str
    clipped: tuple[float, float] = (0.0, 0.0)
    calibration: Calibration | None = None
    instrument: Instrument | None = None
    info: str | None = field(default=None, repr=False)
    path: str | None = None
    sha256: str | None = None
    page: int = 1
    pages: int = 1
    plane: Plane = field(default_factory=Plane)
    notes: tuple[str, ...] = ()
    missing: np.ndarray | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        rows, columns = self.shape
        size = f"{self.pixel_size_nm:.4g} nm a pixel" if self.pixel_size_nm else None
        page = f"page {self.page} of {self.pages}" if self.pages > 1 else None
        told = (
            os.path.basename(self.path) if self.path else "array",  # noqa: PTH119
            f"{columns} x {rows} pixels", str(self.pixels.dtype), size, page,
            self.instrument.vendor if self.instrument else None,
        )  # fmt: skip
        return f"Micrograph({', '.join(part for part in told if part)})"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def pixel_size_nm(self) -> float | None:
        """Width of a pixel in nm; None where the file does not say it."""
        nanometers = self.calibration.nanometers if self.calibration else None
        return nanometers[0] if nanometers else None

    @property
    def stated_rows(self) -> int | None:
        """Rows above the data bar as the instrument states them; None where it does not."""
        return self.instrument.image_rows(self.shape) if self.instrument else None

    @cached_property
    def lightness(self) -> np.ndarray:
        """CIE L* (0 to 100) of the gray values as shown: float32 of shape (H, W)."""
        return gray_to_lightness_plane(self.pixels, self.display_range)

    @property
    def range_statement(self) -> str:
        """One sentence: what is black, what is white, and how much lies beyond."""
        black, white = self.display_range
        sentence = f"gray values {black:g} (black) to {white:g} (white), {self.range_source}"
        if any(self.clipped):
            below, above = self.clipped
            sentence += f"; {below:.2%} of the pixels lie beyond black and {above:.2%} beyond white"
        return sentence


def read_micrograph(
    path: str | os.PathLike[str],
    *,
    page: int | None = None,
    display_range: tuple[float, float] | None = None,
    allow_color: bool = False,
    databar: str | int = "auto",
    max_pixels: int = MAX_PIXELS,
) -> Micrograph:
    """Read one gray image from a TIFF, PNG, JPEG, BMP, GIF or WebP file.

    Parameters
    ----------
    path : str or path-like
        The content counts, not the suffix.
    page : int, optional
        Page of a multi-page TIFF, counted from 1; the first that is not empty by default.
    display_range : tuple of 2 floats, optional
        Gray values to show black and white, instead of the file's own or the percentiles.
    allow_color : bool
        Take a colored image too, for its L*.
    databar : "auto", "none" or int
        The instrument's bar, whose white letters are kept out of the percentiles; see `databar_first_row`.
    max_pixels : int
        Larger images are refused before they are decoded.

    Returns
    -------
    Micrograph
        8 bit is shown over 0 to 255; anything else over ImageJ's display range where the file has one, else
        over the 0.1-99.9 percentiles of its values (above the data bar, if it has one).

    Raises
    ------
    ImageReadError
        If the file cannot be opened, is no image or a damaged one, is colored, partly transparent, too
        large for `max_pixels` or the memory, or holds NaN or infinities. The message says where and what to do.
    """
    name = os.fspath(path)
    with opened_image(name) as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        handle.seek(0)
        decoded = decode(handle, name, page=page, max_pixels=max_pixels)
        decoded = _with_sidecar(decoded, name)
    return _micrograph(decoded, display_range, allow_color, databar, path=name, sha256=sha256)


def _with_sidecar(decoded: Decoded, name: str) -> Decoded:
    """Add what the instrument's text file says, and settle the scale.

    What stands in the image comes before the text file, but for Hitachi's excerpt.
    """
    instrument, info = decoded.instrument, decoded.info
    rows, columns = decoded.values.shape[:2]
    if instrument is None or instrument.vendor == "Hitachi":
        found = read_sidecar(name, (rows, columns))
        if found is not None:
            instrument, text = found
            info = "\n\n".join(part for part in (info, text.strip()) if part)
    calibration, notes = settled_scale(decoded.calibration, decoded.calibration_meant, instrument)
    return replace(
        decoded, calibration=calibration, instrument=instrument, info=info, notes=(*decoded.notes, *notes)
    )


def micrograph_from_array(
    array: np.ndarray,
    *,
    display_range: tuple[float, float] | None = None,
    allow_color: bool = False,
    calibration: Calibration | None = None,
    info: str | None = None,
) -> Micrograph:
    """Make a Micrograph of an array, with the rules of `read_micrograph`.

    Parameters
    ----------
    array : ndarray of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Gray, or gray stored as RGB (floating-point RGB: 0 to 1), or that with an opaque alpha channel. What is masked
        of a masked array is no data, whatever it holds: it is shown black, which no color shows on, has no part in
        the display range, and is told by `Micrograph.missing`.
    display_range, allow_color
        As in `read_micrograph`.
    calibration : Calibration, optional
    info : str, optional

    Raises
    ------
    ShapeError
        If the array is no image by its shape or type.
    ImageReadError
        If what it holds cannot be used: NaN, colors, no pixels.
    """
    masked = np.ma.getmaskarray(array) if np.ma.is_masked(array) else None
    array = np.ma.getdata(array)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] not in (3, 4)):
        raise ShapeError(
            f"The image has shape {array.shape}; (H, W) gray, or (H, W, 3) gray stored as RGB is accepted."
            + (" Pass one slice of a stack." if array.ndim > 2 else "")
        )
    if array.dtype.kind not in "buif":
        raise ShapeError(f"The image has type {array.dtype}; integers and floating point are accepted.")
    if array.size:
        check_memory((array.shape[0], array.shape[1]))
    decoded = Decoded(array, calibration=calibration, info=info)
    return _micrograph(decoded, display_range, allow_color, no_data=masked)


def _micrograph(
    decoded: Decoded,
    display_range: tuple[float, float] | None,
    allow_color: bool,
    databar: str | int = "auto",
    path: str | None = None,
    sha256: str | None = None,
    no_data: np.ndarray | None = None,
) -> Micrograph:
    values = np.asarray(decoded.values, decoded.values.dtype.newbyteorder("="))
    notes = list(decoded.notes)
    if values.size == 0:
        raise ImageReadError(f"The image has no pixels (shape {values.shape}).", path=path)
    if values.dtype == bool:
        values = values.astype(np.uint8) * 255
    if values.dtype.kind not in "uif":
        raise ImageReadError(
            f"The pixels are of type {values.dtype}; integers and floating-point numbers are accepted.", path=path
        )
    if no_data is not None:
        # A copy: the mask is the caller's.
        no_data = np.array(no_data.any(axis=-1) if no_data.ndim == 3 else no_data)
        values = _neutral(values, no_data)
        notes.append(
            f"{np.count_nonzero(no_data)} pixels ({no_data.mean():.2%}) are masked, that is, no data: they are shown"
            " black and take no color."
        )
    check_finite(values, path)
    stored, stored_source = decoded.display_range, "ImageJ display range"
    if values.ndim == 3:
        values, whole, note = _gray(values, decoded, allow_color, path)
        notes += [note] if note else []
        if whole is not None:
            stored, stored_source = whole, "full scale"
    instrument = decoded.instrument
    stated = instrument.image_rows((values.shape[0], values.shape[1])) if instrument else None
    # The white letters of a data bar are no part of the image's range.
    rows = slice(None if values.dtype == np.uint8 else databar_first_row(databar, values, stated=stated))
    image = values[rows]
    if no_data is not None and not no_data[rows].all():
        image = image[~no_data[rows]]
    shown, source = _display_range(image, display_range, stored, stored_source, path)
    if source == "constant image":
        notes.append(f"All pixels have the same gray value, {float(values.flat[0]):g}: shown as medium gray.")
    if source == "given" and shown[0] > shown[1]:
        notes.append(f"Black ({shown[0]:g}) is given above white ({shown[1]:g}): the image is shown as its negative.")
    if decoded.inverted and source != "given":
        shown = (shown[1], shown[0])
    if decoded.pages > 1:
        notes.append(f"Page {decoded.page} of {decoded.pages} is used.")
    notes += [decoded.other_page] if decoded.other_page else []
    clipped = shares_outside(values if no_data is None else values[~no_data], shown)
    if no_data is not None:
        values[no_data] = _blackest(shown, values.dtype)
    return Micrograph(
        pixels=values,
        display_range=shown,
        range_source=source,
        clipped=clipped,
        calibration=decoded.calibration,
        instrument=instrument,
        info=decoded.info,
        path=path,
        sha256=sha256,
        page=decoded.page,
        pages=decoded.pages,
        plane=decoded.plane,
        notes=tuple(notes),
        missing=no_data,
    )


def _gray(
    values: np.ndarray, decoded: Decoded, allow_color: bool, path: str | None
) -> tuple[np.ndarray, tuple[float, float] | None, str]:
    try:
        opaque = without_alpha(values, path, premultiplied=decoded.premultiplied)
        return gray_of_rgb(opaque, allow_color, path)
    except ImageReadError as error:
        if decoded.other_page is None:
            raise
        raise ImageReadError(f"{error.message} {decoded.other_page}", path=path) from None


def _neutral(values: np.ndarray, no_data: np.ndarray) -> np.ndarray:
    """A copy with a value that occurs where there are no data, so that nothing is seen of what lies there."""
    if no_data.all():
        raise ImageReadError("All pixels are masked; an image is needed.")
    values = values.copy()
    values[no_data] = values[~no_data][0]
    return values


def _blackest(shown: tuple[float, float], dtype: np.dtype) -> float:
    """A value of `dtype` that is shown black."""
    black, white = shown
    if dtype.kind == "f":
        return black
    limits = np.iinfo(dtype)
    return min(max(math.floor(black) if black < white else math.ceil(black), limits.min), limits.max)


def _display_range(
    image: np.ndarray,
    given: tuple[float, float] | None,
    stored: tuple[float, float] | None,
    stored_source: str,
    path: str | None,
) -> tuple[tuple[float, float], str]:
    if given is not None:
        black, white = (float(value) for value in given)
        if not (np.isfinite(black) and np.isfinite(white)) or black == white:
            raise ConfigError(
                f"display_range is {given}; two different finite gray values (black, white) are needed.",
                path=path,
                key="display_range",
            )
        return (black, white), "given"
    if image.dtype == np.uint8:
        return (0.0, 255.0), "8 bit"
    if stored is not None and np.isfinite(stored).all() and stored[0] < stored[1]:
        return (float(stored[0]), float(stored[1])), stored_source
    low, high = (float(value) for value in np.percentile(image, _PERCENTILES))
    if low == high:
        # Nearly everything is one value; what is not decides.
        low, high = float(image.min()), float(image.max())
    if low == high:
        half = max(0.5, abs(low) * 1e-3)
        return (low - half, high + half), "constant image"
    return (low, high), "0.1-99.9 percentiles"
