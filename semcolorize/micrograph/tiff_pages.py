"""Which page of a TIFF is read, whether the file holds all of it, and whether another one looks more like the data."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.decoded import LIBRARY_FAULTS, check_page, check_size

__all__ = ["FoundPage", "find_page"]

_REDUCED, _MASK = 1, 4
"""Bits of NewSubfileType."""
_INK = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE)


@dataclass(frozen=True, eq=False)
class FoundPage:
    """A page that is whole as far as its header tells.

    Attributes
    ----------
    page : tifffile.TiffPage
    number, pages : int
        Counted from 1.
    skip : int
        Bytes of pixels between where the page says its own begin and where they do: a stack that ImageJ stores
        with a single page.
    notes : tuple of str
    other_page : str or None
        A sentence on a page that looks more like the measurement; only where no page was asked for.
    """

    page: Any
    number: int
    pages: int
    skip: int = 0
    notes: tuple[str, ...] = ()
    other_page: str | None = None


def find_page(tiff: tifffile.TiffFile, path: str, number: int | None, max_pixels: int) -> FoundPage:
    """Find a page and check it.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    path : str
        For messages.
    number : int or None
        Counted from 1; None for the first that has pixels.
    max_pixels : int
        Larger images are refused.

    Raises
    ------
    ImageReadError
        If there is no such page, or it is empty, too large, or its pixels are missing at the end.
    """
    pages = len(tiff.pages)
    images = _images_behind_one_page(tiff) if pages == 1 else 1
    pages = max(pages, images)
    asked, number = number, 1 if number is None else number
    check_page(number, pages, path)
    page = _page(tiff, 1 if images > 1 else number)
    notes: tuple[str, ...] = ()
    if _is_empty(page) and pages > 1:
        if asked is not None:
            raise ImageReadError(f"Page {number} of {pages} is empty: it has no pixels.", path=path, key="page")
        number = next((i for i in range(2, pages + 1) if not _is_empty(_page(tiff, i))), 1)
        page = _page(tiff, number)
        notes = (f"Page {', '.join(map(str, range(1, number)))} is empty.",) if number > 1 else ()
    check_size(page.imagewidth, page.imagelength, max_pixels, path)
    if page.imagedepth != 1:
        raise ImageReadError(f"The page is a volume of {page.imagedepth} planes; save single planes.", path=path)
    skip = (number - 1) * page.nbytes if images > 1 else 0
    _check_complete(page, tiff.filehandle.size, skip, path)
    other = _more_like_data(tiff, page, number) if asked is None and images == 1 else None
    return FoundPage(page, number, pages, skip, notes, other)


def _images_behind_one_page(tiff: tifffile.TiffFile) -> int:
    """Slices of a stack of which there is only the first page: ImageJ's over 4 GB, tifffile's of any size."""
    page: Any = tiff.pages[0]
    images = (tiff.imagej_metadata or {}).get("images", 1)
    # Compressed pixels do not lie one behind the other.
    return max(1, int(images)) if page.is_contiguous and page.predictor == 1 and page.fillorder == 1 else 1


def _page(tiff: tifffile.TiffFile, number: int) -> Any:
    page = tiff.pages[number - 1]
    # Slices of a stack come as frames, which leave out what they share with the first.
    return page if isinstance(page, tifffile.TiffPage) else page.aspage()


def _is_empty(page: Any) -> bool:
    return page.imagewidth < 1 or page.imagelength < 1 or len(page.dataoffsets) == 0


def _check_complete(page: Any, file_size: int, skip: int, path: str) -> None:
    """Refuse pages whose strips are missing: tifffile would fill them with zeros, that is, with black."""
    if page.compression == tifffile.COMPRESSION.NONE and not any(page.databytecounts):
        _count_bytes(page)
    offsets, counts = page.dataoffsets, page.databytecounts
    expected = math.prod(page.chunked) if page.chunked else 0
    end = max((offset + count for offset, count in zip(offsets, counts, strict=False)), default=0) + skip
    needed = page.imagelength * _row_bytes(page, page.imagewidth)
    if page.dtype is not None and page.nbytes:
        needed = min(page.nbytes, needed)
    fault, size = None, f"its {page.imagewidth} x {page.imagelength} pixels"
    if len(offsets) < expected or len(counts) < expected or not all(counts):
        there = sum(1 for offset, count in zip(offsets, counts, strict=False) if offset and count)
        fault = f"{size} lie in {expected} strips or tiles, of which {there} are there"
    elif end > file_size:
        fault = f"{size} should reach to byte {end:,}, the file has {file_size:,}"
    elif page.compression == tifffile.COMPRESSION.NONE and not page.is_subsampled and sum(counts) < needed:
        fault = f"{size} take {needed:,} bytes, its strips hold {sum(counts):,}"
    if fault:
        raise ImageReadError(
            f"The TIFF is truncated or damaged: {fault}. Copy it again from the instrument.", path=path
        )


def _row_bytes(page: Any, columns: int) -> int:
    """Bytes of a row of pixels; rows are padded to whole bytes: a bit a pixel is an eighth of a byte."""
    return -(-columns * page.samplesperpixel * int(np.max(page.bitspersample)) // 8)


def _count_bytes(page: Any) -> None:
    """Fill in the sizes of uncompressed strips and tiles of a file that states none, as libtiff does."""
    samples = page.samplesperpixel if page.planarconfig == 2 else 1
    if page.is_tiled:
        sizes = [page.tilelength * _row_bytes(page, page.tilewidth) // samples] * len(page.dataoffsets)
    else:
        starts = range(0, page.imagelength, page.rowsperstrip)
        rows = [min(page.rowsperstrip, page.imagelength - start) for start in starts] * samples
        sizes = [count * _row_bytes(page, page.imagewidth) // samples for count in rows]
    page.databytecounts = tuple(sizes[: len(page.dataoffsets)])


def _more_like_data(tiff: tifffile.TiffFile, page: Any, number: int) -> str | None:
    """Say which page is gray where this one is in color, or deeper, or larger, and not marked as a preview itself."""
    best, best_number, hidden = page, number, False
    for other_number in range(1, len(tiff.pages) + 1):
        with suppress(*LIBRARY_FAULTS):
            other = tiff.pages[other_number - 1]
            # Frames are alike by their making.
            if not isinstance(other, tifffile.TiffPage):
                continue
            if other_number != number and _is_better(other, best):
                best, best_number, hidden = other, other_number, False
            for below in _pages_below(other):
                if _is_better(below, best):
                    best, best_number, hidden = below, other_number, True
    if best is page:
        return None
    told = f"Page {number} is {_kind(page)}, perhaps a preview; "
    if hidden:
        return told + (
            f"page {best_number} holds another image, {_kind(best)}, which has no page number (it is in a SubIFD). If"
            " that one is meant, export it as a TIFF of its own."
        )
    return told + (
        f"page {best_number} is {_kind(best)}. If that one is meant, give its number (--page {best_number},"
        f" page={best_number})."
    )


def _pages_below(page: Any) -> list[Any]:
    """Images that a page keeps in SubIFDs: camera files keep the picture there, others smaller versions."""
    below = page.pages if page.subifds else None
    return [found for found in below or () if isinstance(found, tifffile.TiffPage)]


def _is_better(page: Any, best: Any) -> bool:
    return not _is_empty(page) and not page.subfiletype & (_REDUCED | _MASK) and _worth(page) > _worth(best)


def _worth(page: Any) -> tuple[bool, int, int]:
    bits = int(np.max(page.bitspersample))
    return _is_gray(page) and bits >= 8, bits, page.imagewidth * page.imagelength


def _is_gray(page: Any) -> bool:
    return page.photometric in _INK and page.samplesperpixel == 1


def _kind(page: Any) -> str:
    kind = "gray" if _is_gray(page) else getattr(page.photometric, "name", str(page.photometric))
    return f"{page.imagewidth} x {page.imagelength} {kind} of {int(np.max(page.bitspersample))} bits"
