"""The pixels of a TIFF page: decoded within tifffile's pipeline and nowhere else, or refused for what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import tifffile

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.cmyk import rgb_of_cmyk
from semcolorize.micrograph.decoded import full_depth, orientation_note
from semcolorize.micrograph.indexed_color import resolve_palette
from semcolorize.micrograph.tiff_segments import assembled_segments, check_segments

try:
    import imagecodecs as _imagecodecs  # noqa: F401  tifffile uses it; only whether it is there is asked here.

    IMAGECODECS_FAULT: str | None = None
except ImportError as error:
    IMAGECODECS_FAULT = str(error)

__all__ = ["TiffPixels", "decode_tiff_pixels"]

_C = tifffile.COMPRESSION
_P = tifffile.PHOTOMETRIC
_CCITT = (_C.CCITTRLE, _C.CCITTFAX3, _C.CCITTFAX4)
_OF_BYTES = (_C.LZW, _C.ADOBE_DEFLATE, _C.DEFLATE, _C.LZMA, _C.ZSTD)
"""What predictors go with in every program."""
_JPEG = (_C.JPEG, _C.ALT_JPEG)
_JPEG_2000 = (_C.JPEG2000, _C.JPEG_2000_LOSSY, _C.APERIO_JP2000_RGB)
# Others are a matter of slide scanners, cameras and fax machines, whose headers we could not check for bombs.
_READ = (_C.NONE, _C.PACKBITS, *_CCITT, *_OF_BYTES, *_JPEG, *_JPEG_2000, _C.WEBP)
_WHOLE_BYTES = (8, 16, 32, 64)
_ADVICE = "Save the micrograph uncompressed, as gray of 8 or 16 bits."


@dataclass(frozen=True, eq=False)
class TiffPixels:
    """What is stored, as gray or color: see `semcolorize.micrograph.decoded.Decoded`."""

    values: np.ndarray
    inverted: bool = False
    premultiplied: bool = False
    notes: tuple[str, ...] = ()


def decode_tiff_pixels(page: Any, handle: BinaryIO, path: str, *, skip: int = 0) -> TiffPixels:
    """Decode the pixels of a TIFF page.

    Parameters
    ----------
    page : tifffile.TiffPage
        Checked by `semcolorize.micrograph.tiff_pages.find_page`.
    handle : binary file
        The TIFF.
    path : str
        For messages.
    skip : int
        Bytes of pixels before the page's own.

    Raises
    ------
    ImageReadError
        If the kind of pixels is not read, or they are damaged.
    """
    photometric = _photometric(page)
    _check_kind(page, photometric, path)
    _check_codec(page, path)
    if page.compression == _C.NONE:
        # As libtiff and ImageJ: the tag belongs to compressions, and some programs write it whatever they do.
        page.predictor = 1
    if skip:
        handle.seek(page.dataoffsets[0] + skip)
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        values = np.frombuffer(handle.read(page.nbytes), dtype).reshape(page.shape)
    elif page.is_contiguous:
        values = page.asarray()
    else:
        check_segments(page, handle, path)
        try:
            values = assembled_segments(page)
        except ImportError as error:
            raise _without_codec(f"is compressed with {_name(page.compression)}", str(error), path) from error
    if page.axes[0] == "S" and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    notes = orientation_note(page.tags.valueof(274))
    if photometric == _P.PALETTE:
        colors = np.moveaxis(np.asarray(page.colormap), 0, -1)
        return TiffPixels(resolve_palette(values.astype(np.uint16, copy=False), colors), notes=notes)
    values, premultiplied, told = _colors_and_alpha(page, photometric, full_depth(values, page.bitspersample), path)
    notes += told
    if photometric == _P.SEPARATED:
        alpha = values[..., 4:]
        profile = page.tags.valueof(34675)
        values, note = rgb_of_cmyk(values[..., :4], profile if isinstance(profile, bytes) else None)
        values = np.concatenate([values, alpha], axis=-1) if alpha.size else values
        notes += (note,)
    return TiffPixels(values, photometric == _P.MINISWHITE, premultiplied, notes)


def _photometric(page: Any) -> Any:
    """What the samples mean; where the file does not say it, what libtiff and ImageJ take it for."""
    if 262 in page.tags:
        return page.photometric
    if page.samplesperpixel >= 3:
        return _P.RGB
    return _P.MINISWHITE if page.compression in _CCITT else _P.MINISBLACK


def _name(value: Any) -> str:
    return str(getattr(value, "name", value))


def _check_kind(page: Any, photometric: Any, path: str) -> None:
    """Refuse what is not read, and what programs read differently."""
    bits, compression = page.bitspersample, page.compression
    refused = None
    if photometric not in (_P.MINISBLACK, _P.MINISWHITE, _P.RGB, _P.PALETTE, _P.YCBCR, _P.SEPARATED):
        refused = f"stores {_name(photometric)}; gray, RGB, palette and CMYK are read"
    elif compression == _C.OJPEG:
        refused = "is compressed with old-style JPEG (compression 6), which programs read differently"
    elif compression not in _READ:
        refused = f"is compressed with {_name(compression)}, which is not read"
    elif photometric == _P.YCBCR and compression not in _JPEG:
        refused = f"stores YCbCr with compression {_name(compression)}; it is read with JPEG only"
    elif compression in _JPEG and photometric in (_P.RGB, _P.YCBCR) and page.planarconfig != 1:
        refused = "stores its colors one behind the other (PlanarConfiguration 2) in JPEG, which is not read"
    elif compression in _JPEG_2000 and np.max(bits) > 16:
        refused = f"stores {bits} bits a sample in JPEG 2000, whose decoder is exact to 16"
    elif page.dtype is None or page.dtype.kind not in "buif" or isinstance(bits, tuple):
        refused = (
            f"has {bits} bits a sample in a form that is not read (SampleFormat {_name(page.sampleformat)}); integers"
            " and floating-point numbers of the same size for all samples are"
        )
    elif bits > 16 and bits not in _WHOLE_BYTES and page.dtype.kind != "f":
        # libtiff takes 24 bits in the byte order of the file, tifffile as packed from the highest bit on.
        refused = f"has {bits} bits a sample, which programs read differently; 1 to 16, 32 and 64 bits are read"
    elif photometric == _P.PALETTE and not _palette_fits(page):
        refused = "is said to have a palette, and has none that fits"
    elif photometric == _P.SEPARATED and not _is_cmyk(page):
        refused = f"stores {page.samplesperpixel} inks of {bits} bits; CMYK of 8 or 16 bits is read"
    elif page.predictor != 1 and compression not in (_C.NONE, *_OF_BYTES):
        refused = (
            f"has a predictor ({_name(page.predictor)}) with compression {_name(compression)}, which programs read"
            " differently"
        )
    elif page.predictor != 1 and compression != _C.NONE and not _predictor_fits(page):
        refused = f"has the predictor {_name(page.predictor)} with {bits} bits a sample, which do not go together"
    if refused:
        raise ImageReadError(f"The TIFF {refused}. {_ADVICE}", path=path)


def _palette_fits(page: Any) -> bool:
    return page.colormap is not None and page.samplesperpixel == 1 and page.dtype.kind in "bu"


def _is_cmyk(page: Any) -> bool:
    # InkSet 2: any inks, named elsewhere.
    return page.bitspersample in (8, 16) and page.dtype.kind == "u" and page.tags.valueof(332) != 2


def _predictor_fits(page: Any) -> bool:
    if page.predictor == tifffile.PREDICTOR.FLOATINGPOINT:
        return page.dtype.kind == "f" and page.bitspersample in _WHOLE_BYTES
    return page.predictor == tifffile.PREDICTOR.HORIZONTAL and page.bitspersample in _WHOLE_BYTES


def _check_codec(page: Any, path: str) -> None:
    """Refuse what needs imagecodecs where it cannot be imported, or was built without the codec."""
    if page.compression != _C.NONE:
        what = f"is compressed with {_name(page.compression)}"
    elif page.bitspersample not in _WHOLE_BYTES:
        what = f"has {page.bitspersample} bits a sample, packed"
    elif page.fillorder != 1:
        what = "has its bits in reverse order"
    else:
        return
    fault = IMAGECODECS_FAULT
    if fault is None and page.compression != _C.NONE:
        try:
            tifffile.TIFF.DECOMPRESSORS[page.compression]
        except KeyError:
            fault = "the one installed was built without it"
    if fault is not None:
        raise _without_codec(what, fault, path)


def _without_codec(what: str, fault: str, path: str) -> ImageReadError:
    return ImageReadError(
        f"The TIFF {what}, which needs the Python package imagecodecs ({fault}); install it, or save the micrograph"
        " uncompressed.",
        path=path,
    )


def _colors_and_alpha(
    page: Any, photometric: Any, values: np.ndarray, path: str
) -> tuple[np.ndarray, bool, tuple[str, ...]]:
    """Gray, or colors with at most one more channel, the opacity; whether it is multiplied in; notes."""
    if values.ndim == 2:
        return values, False, ()
    colors = {_P.RGB: 3, _P.YCBCR: 3, _P.SEPARATED: 4}.get(photometric, 1)
    samples = values.shape[-1]
    extra = samples - colors
    kinds = [int(kind) for kind in page.extrasamples][:extra]
    kinds += [0] * (extra - len(kinds))
    opacity = next((i for i, kind in enumerate(kinds) if kind in (1, 2)), None)
    left_out = extra - (opacity is not None)
    if extra < 0 or (left_out and colors == 1):
        raise ImageReadError(
            f"A page of the TIFF has {samples} channels ({_name(photometric)}) and does not say what each is; gray or"
            " RGB is accepted. Save one channel.",
            path=path,
        )
    chosen = [0, 0, 0] if colors == 1 else list(range(colors))
    notes = (f"{left_out} more channel{'s' * (left_out > 1)} of the file, which it does not call opacity, is left"
             " out, as in ImageJ.",) if left_out else ()  # fmt: skip
    if opacity is None:
        return values[..., chosen], False, notes
    return values[..., [*chosen, colors + opacity]], kinds[opacity] == 1, notes
