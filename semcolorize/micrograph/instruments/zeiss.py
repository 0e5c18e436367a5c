"""Zeiss SmartSEM: names, values and units in TIFF tag 34118.

``AP_IMAGE_PIXEL_SIZE`` is the pixel of the image. ``AP_PIXEL_SIZE`` is that of a screen of 1024 columns, whatever
the image has: it says how wide the field is, as ``AP_WIDTH`` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from semcolorize.micrograph.instruments.instrument import Instrument, unread
from semcolorize.micrograph.instruments.pixel_size import Size, settle
from semcolorize.micrograph.instruments.tags import shape_of, text_of
from semcolorize.micrograph.instruments.values import (
    iso_time,
    kilovolts,
    magnification,
    millimeters,
    nanometers,
    number,
    pair,
    positive,
    word,
)  # fmt: skip

__all__ = ["entries_of", "of_page"]

_TAG = 34118
_SCREEN = (768, 1024)
_KEY = re.compile(r"[A-Z]{2}_\S+")
_PIXEL_OF_HEADER = 3
"""Place among the numbers without names, in meters; gwyddion's authors found it."""


def entries_of(page: Any) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Return name and value of every key, and the numbers without names that stand before them.

    A line with the key, ``AP_WD``, is followed by one with name and value, ``WD = 7.7 mm`` or ``Date :10 Aug 2018``.
    """
    entries: dict[str, tuple[str, str]] = {}
    header: list[str] = []
    key = None
    # What follows the end of the text in the tag is none.
    for line in text_of(page, _TAG).partition("\0")[0].splitlines():
        if _KEY.fullmatch(line.strip()):
            key = line.strip()
        elif key is not None:
            name, _, value = line.partition("=" if "=" in line else ":")
            entries[key] = name.strip(), value.strip()
            key = None
        elif not entries:
            header.append(line.strip())
    return entries, header


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if SmartSEM did not write it."""
    if page.tags.get(_TAG) is None:
        return None
    entries, header = entries_of(page)
    if not entries:
        return unread("Zeiss")

    def text(*keys: str) -> str | None:
        return next((value for key in keys if (value := entries.get(key, ("", ""))[1])), None)

    own = nanometers(text("AP_IMAGE_PIXEL_SIZE"))
    width, height = nanometers(text("AP_WIDTH")), nanometers(text("AP_HEIGHT"))
    fields = [Size(width, height or 0.75 * width, "Zeiss AP_WIDTH", shown=True)] if width else []
    screen, source = nanometers(text("AP_PIXEL_SIZE")), "1024 x Zeiss AP_PIXEL_SIZE"
    if screen is None:
        screen, source = _of_header(header), "1024 x pixel size of the Zeiss header"
    if screen:
        fields.append(Size(screen * _SCREEN[1], screen * _SCREEN[0], source))
    calibration, notes = settle(
        [Size(own, own, "Zeiss AP_IMAGE_PIXEL_SIZE")] if own else [],
        fields=fields, acquired=_stored(text("DP_IMAGE_STORE")), shape=shape_of(page),
    )  # fmt: skip
    return Instrument(
        vendor="Zeiss",
        model=word(text("DP_SEM", "SV_SERIAL_NUMBER")),
        calibration=calibration,
        magnification=magnification(text("AP_MAG")),
        voltage_kv=kilovolts(text("AP_ACTUALKV", "AP_MANUALKV")),
        working_distance_mm=millimeters(text("AP_WD")),
        detector=word(text("DP_DETECTOR_CHANNEL", "DP_DETECTOR_TYPE")),
        # Not "Tilt Angle", which is what the image was corrected for.
        tilt_deg=number((text("AP_STAGE_AT_T") or "").split(" ")[0]),
        acquired=iso_time(text("AP_DATE"), text("AP_TIME")),
        scale_notes=notes,
    )


def _of_header(numbers: Sequence[str]) -> float | None:
    if len(numbers) <= _PIXEL_OF_HEADER:
        return None
    meters = positive(numbers[_PIXEL_OF_HEADER])
    return None if meters is None else meters * 1e9


def _stored(text: str | None) -> tuple[int, int] | None:
    """Read ``1024 * 768``."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*[*xX]\s*(\d{1,6})\s*", text or "")
    return pair(match[2], match[1]) if match else None
