"""The text file that Hitachi, JEOL and TESCAN instruments write beside an image."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from semcolorize.micrograph.instrument import Instrument, instrument_of_text
from semcolorize.micrograph.instruments.encodings import decoded
from semcolorize.micrograph.listing import Listing

__all__ = ["read_sidecar", "sidecar_names"]

_MAX_BYTES = 2_000_000


def sidecar_names(name: str) -> Iterator[str]:
    """Names that the text file of an image may have: ``a.txt``, ``a.hdr``, ``a-tif.hdr`` for ``a.tif``."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    for ending in (".txt", ".TXT", ".hdr", ".HDR"):
        yield stem + ending
    yield f"{stem}-{suffix[1:]}.hdr"


def read_sidecar(path: str | os.PathLike[str], shape: tuple[int, int] | None = None) -> tuple[Instrument, str] | None:
    """Look for an instrument's text file beside an image, under any name that looks like one of `sidecar_names`.

    Parameters
    ----------
    path : str or path-like
        The image.
    shape : tuple of 2 ints, optional
        Its rows and columns, which what the text says is held against.

    Returns
    -------
    found : (Instrument, str) or None
        What it says, and its whole text. None where there is none, or none by an instrument known.
    """
    folder, own = os.path.split(os.fspath(path))
    listing = Listing.of(Path(folder))
    # Several of the names may be those of one file.
    listed = dict.fromkeys(found for name in sidecar_names(own) if (found := listing.find(name)) is not None)
    for name in (os.path.join(folder, found) for found in listed):  # noqa: PTH118 (the name as it was given)
        place = Path(name)
        # A text that cannot be read is none; the image can be colored without.
        with contextlib.suppress(OSError, ValueError):
            if not place.is_file() or place.stat().st_size > _MAX_BYTES:
                continue
            text = decoded(place.read_bytes())
            instrument = instrument_of_text(text, shape)
            if instrument is not None:
                return dataclasses.replace(instrument, sidecar=name), text
    return None
