"""PNG, JPEG, BMP, GIF and WebP files, through Pillow."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from PIL import BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin, features

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.cmyk import rgb_of_cmyk
from semcolorize.micrograph.decoded import Decoded, check_page, check_size, full_depth, orientation_note
from semcolorize.micrograph.indexed_color import resolve_palette
from semcolorize.micrograph.jpeg_stream import JPEG_LS, JpegStream, parse_jpeg, what_is_missing

__all__ = ["decode_raster", "raster_plugin", "raster_shape"]

_PLUGINS: tuple[tuple[bytes, Any], ...] = (
    (b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    (b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    (b"BM", BmpImagePlugin.BmpImageFile),
    (b"GIF8", GifImagePlugin.GifImageFile),
)
_OF_SEVERAL_PICTURES = (GifImagePlugin.GifImageFile, WebPImagePlugin.WebPImageFile, PngImagePlugin.PngImageFile)
_ORIENTATION = 0x0112


def raster_plugin(start: bytes) -> Any:
    """Pillow's class for a file that begins with `start` (16 bytes); None if it is of no format that is read."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    return next((plugin for magic, plugin in _PLUGINS if start.startswith(magic)), None)


def raster_shape(plugin: Any, handle: BinaryIO, path: str, max_pixels: int) -> tuple[int, int]:
    """Rows and columns of a file's pictures, refused if they are too many."""
    stream = _beyond_pillow(plugin, handle)
    if stream is not None:
        check_size(stream.columns, stream.rows, max_pixels, path)
        return stream.rows, stream.columns
    width, height = _opened(plugin, handle, path, max_pixels).size
    return height, width


def _opened(plugin: Any, handle: BinaryIO, path: str, max_pixels: int) -> Any:
    """Make a Pillow image of an accepted size, its pixels not read yet."""
    if plugin is PngImagePlugin.PngImageFile:
        header = handle.read(26)
        handle.seek(0)
        if header[24:25] == b"\x10" and header[25:26] != b"\0":
            raise ImageReadError(
                "This is a 16-bit PNG in color or with alpha, of which 8 bits would be lost; save it as 16-bit gray.",
                path=path,
            )
    if plugin is WebPImagePlugin.WebPImageFile and not features.check("webp"):
        raise ImageReadError("This is a WebP file, which the Pillow installed cannot read; save it as PNG.", path=path)
    # The plugin itself, not Image.open: Pillow's own size limit is a global that others may have set.
    image = plugin(handle)
    width, height = image.size
    check_size(width, height, max_pixels, path)
    return image


def decode_raster(plugin: Any, handle: BinaryIO, path: str, number: int | None, max_pixels: int) -> Decoded:
    """Decode a picture of a file.

    Parameters
    ----------
    plugin : type
        From `raster_plugin`.
    handle : binary file
        At its beginning.
    path : str
        For messages.
    number : int or None
        Counted from 1; None for the first.
    max_pixels : int
        Larger images are refused.
    """
    stream = _beyond_pillow(plugin, handle)
    if stream is not None:
        check_size(stream.columns, stream.rows, max_pixels, path)
        check_page(1 if number is None else number, 1, path)
        return _decoded_jpeg(handle.read(), stream, path)
    image = _opened(plugin, handle, path, max_pixels)
    number = 1 if number is None else number
    pages = int(getattr(image, "n_frames", 1)) if plugin in _OF_SEVERAL_PICTURES else 1
    check_page(number, pages, path)
    if number > 1:
        if plugin is PngImagePlugin.PngImageFile and image.mode.startswith("I"):
            raise ImageReadError(
                f"This is an animated PNG of 16 bits: only its first picture is read, not page {number}. Save the"
                " pictures as a TIFF stack, or each as a file.",
                path=path,
                key="page",
            )
        image.seek(number - 1)
    decoded = replace(_decoded(image, path), page=number, pages=pages)
    # Loaded before the file is closed.
    image.load()
    if plugin is JpegImagePlugin.JpegImageFile:
        handle.seek(0)
        _check_whole(handle.read(), None, lambda data: np.asarray(plugin(BytesIO(data))), np.asarray(image), path)
    text = [f"{key}: {value}" for key, value in image.info.items() if isinstance(value, str) and value.strip()]
    notes = (*decoded.notes, *orientation_note(_orientation(image)))
    return replace(decoded, info="\n".join(text) or None, notes=notes)


def _beyond_pillow(plugin: Any, handle: BinaryIO) -> JpegStream | None:
    """The headers of a JPEG file that Pillow does not read: of more than 8 bits, or JPEG-LS."""
    if plugin is not JpegImagePlugin.JpegImageFile:
        return None
    stream = parse_jpeg(handle.read())
    handle.seek(0)
    return stream if stream is not None and (stream.process == JPEG_LS or stream.bits > 8) else None


def _decoded_jpeg(data: bytes, stream: JpegStream, path: str) -> Decoded:
    """Decode what `_beyond_pillow` told."""
    kind = f"a JPEG{'-LS' if stream.process == JPEG_LS else ''} file of {stream.bits} bits"
    if len(stream.components) not in (1, 3):
        raise ImageReadError(
            f"This is {kind} and {len(stream.components)} channels; gray or RGB is accepted. Save it as TIFF.",
            path=path,
        )
    try:
        import imagecodecs

        decode = imagecodecs.jpegls_decode if stream.process == JPEG_LS else imagecodecs.jpeg_decode
        values = decode(data)
    except ImportError as error:
        raise ImageReadError(
            f"This is {kind}, which needs the Python package imagecodecs ({error}); install it, or save the"
            " micrograph as TIFF.",
            path=path,
        ) from error
    if stream.process != JPEG_LS:
        _check_whole(data, stream, decode, values, path)
    if values.shape[:2] != (stream.rows, stream.columns):
        raise ValueError(f"the pixels are {values.shape}, the header says {stream.rows} x {stream.columns}")
    return Decoded(full_depth(values, stream.bits))


def _check_whole(data: bytes, stream: JpegStream | None, decode: Any, values: np.ndarray, path: str) -> None:
    """Refuse JPEG data that were cut, even where an end marker closes them."""
    stream = stream or parse_jpeg(data)
    if stream is None:
        raise ValueError("it has no frame header")
    if stream.is_arithmetic:
        raise ImageReadError(
            "This JPEG file is of a kind that is not read (arithmetic coding). Save it as TIFF.", path=path
        )
    missing = what_is_missing(data, stream, decode, values)
    if missing is not None:
        raise ImageReadError(
            f"The JPEG data are truncated: {missing}, and what is missing would come out gray. Copy or export the image"
            " again.",
            path=path,
        )


def _decoded(image: Any, path: str) -> Decoded:
    if "transparency" in image.info and image.mode in ("1", "P", "L", "RGB"):
        image = image.convert("RGBA")
    match image.mode:
        case "P":
            palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            table = np.zeros((256, 3), np.uint8)
            table[: len(palette)] = palette
            return Decoded(resolve_palette(np.asarray(image), table))
        case "LA":
            return Decoded(np.asarray(image)[..., [0, 0, 0, 1]])
        case "1" | "L" | "RGB" | "RGBA":
            return Decoded(np.asarray(image))
        case "I;16" | "I;16B" | "I":
            return Decoded(_sixteen_bits(image))
        case "CMYK":
            # Pillow gives ink, 0 for none, also of the files that store its opposite.
            rgb, note = rgb_of_cmyk(np.asarray(image), image.info.get("icc_profile"))
            return Decoded(rgb, notes=(note,))
        case mode:
            raise ImageReadError(f"The image stores {mode}; gray, RGB, palette and CMYK are accepted.", path=path)


def _sixteen_bits(image: Any) -> np.ndarray:
    values = np.asarray(image)
    if values.dtype.kind == "i" and values.min() >= 0 and values.max() <= 65535:
        values = values.astype(np.uint16)
    see_through = image.info.get("transparency")
    if isinstance(see_through, int) and (values == see_through).any():
        top = np.iinfo(values.dtype).max
        alpha = np.where(values == see_through, 0, top).astype(values.dtype)
        return np.stack([values, values, values, alpha], axis=-1)
    return values


def _orientation(image: Any) -> object:
    # Exif is a TIFF of its own; damage there is none of the pixels'.
    with suppress(OSError, ValueError, TypeError, LookupError, AttributeError, SyntaxError, EOFError, struct.error):
        return image.getexif().get(_ORIENTATION)
    return None
