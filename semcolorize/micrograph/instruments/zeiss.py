"""Zeiss SmartSEM: names, values and units in TIFF tag 34118.

``AP_IMAGE_PIXEL_SIZE`` is the pixel of the image. ``AP_PIXEL_SIZE`` is that of a screen of 1024 columns, whatever
the image has: it says how wide the field is, as ``AP_WIDTH`` does.
"""

from __future__ import annotations

import re
from typing import Any

from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.pixel_size import Size, settle
from semcolorize.micrograph.instruments.tags import mapping_of, shape_of
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

__all__ = ["of_page"]

_TAG = 34118
_SCREEN = (768, 1024)
_PIXEL_OF_HEADER = 3
"""Place among the numbers without names, in meters; gwyddion's authors found it."""


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if SmartSEM did not write it."""
    metadata = mapping_of(page, _TAG)
    if not metadata:
        return None

    def text(*names: str) -> str | None:
        for name in names:
            found = metadata.get(name)
            if isinstance(found, tuple) and len(found) > 1 and str(found[1]).strip():
                return " ".join(str(part) for part in found[1:])
        return None

    own = nanometers(text("ap_image_pixel_size"))
    width, height = nanometers(text("ap_width")), nanometers(text("ap_height"))
    fields = [Size(width, height or 0.75 * width, "Zeiss AP_WIDTH", shown=True)] if width else []
    screen, source = nanometers(text("ap_pixel_size")), "1024 x Zeiss AP_PIXEL_SIZE"
    if screen is None:
        screen, source = _of_header(metadata.get("")), "1024 x pixel size of the Zeiss header"
    if screen:
        fields.append(Size(screen * _SCREEN[1], screen * _SCREEN[0], source))
    calibration, notes = settle(
        [Size(own, own, "Zeiss AP_IMAGE_PIXEL_SIZE")] if own else [],
        fields=fields, acquired=_stored(text("dp_image_store")), shape=shape_of(page),
    )  # fmt: skip
    return Instrument(
        vendor="Zeiss",
        model=word(text("dp_sem", "sv_serial_number")),
        calibration=calibration,
        magnification=magnification(text("ap_mag")),
        voltage_kv=kilovolts(text("ap_actualkv", "ap_manualkv")),
        working_distance_mm=millimeters(text("ap_wd")),
        detector=word(text("dp_detector_channel", "dp_detector_type")),
        # Not "Tilt Angle", which is what the image was corrected for.
        tilt_deg=number((text("ap_stage_at_t") or "").split(" ")[0]),
        acquired=iso_time(text("ap_date"), text("ap_time")),
        scale_notes=notes,
    )


def _of_header(numbers: Any) -> float | None:
    if not isinstance(numbers, tuple) or len(numbers) <= _PIXEL_OF_HEADER:
        return None
    meters = positive(numbers[_PIXEL_OF_HEADER])
    return None if meters is None else meters * 1e9


def _stored(text: str | None) -> tuple[int, int] | None:
    """Read ``1024 * 768``."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*[*xX]\s*(\d{1,6})\s*", text or "")
    return pair(match[2], match[1]) if match else None
