"""Every instrument that is known, asked in turn: a new one is a module here, and its name in one of the lists."""

from __future__ import annotations

from typing import Any

from semcolorize.micrograph.instruments import (
    fei,
    gatan,
    hitachi,
    jeol,
    olympus,
    phenom,
    sightx,
    tescan,
    zeiss,
)  # fmt: skip
from semcolorize.micrograph.instruments.instrument import Instrument

__all__ = ["instrument_of_text", "instrument_of_tiff"]

_OF_PAGES = (
    fei.of_page, zeiss.of_page, phenom.of_page, tescan.of_page, hitachi.of_page, sightx.of_page, olympus.of_page,
    gatan.of_page,
)  # fmt: skip
_OF_TEXTS = (jeol.of_text, hitachi.of_text, tescan.of_text)


def instrument_of_tiff(tiff: Any, page: Any) -> Instrument | None:
    """Read the acquisition metadata of a page; None if no instrument wrote any.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    page : tifffile.TiffPage
        The one whose pixels are used: what stands on another page describes another image.
    """
    return next((found for reader in _OF_PAGES if (found := reader(page)) is not None), None)


def instrument_of_text(text: str, shape: tuple[int, int] | None = None) -> Instrument | None:
    """Read a text such as instruments write beside an image; None if it is no such.

    Parameters
    ----------
    text : str
    shape : tuple of 2 ints, optional
        Rows and columns of the image. Without it, the text is believed in what it says about them.
    """
    return next((found for reader in _OF_TEXTS if (found := reader(text, shape)) is not None), None)
