"""Olympus and SIS (Soft Imaging System): a structure in TIFF tag 33560, which tifffile reads; sizes in meters.

Cameras of many electron microscopes were sold with this software.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.pixel_size import Size, settle
from semcolorize.micrograph.instruments.tags import mapping_of, shape_of
from semcolorize.micrograph.instruments.values import positive, word

__all__ = ["of_page"]

_SIS, _INI = 33560, 33471


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if this software did not write it."""
    found = mapping_of(page, _SIS) or mapping_of(page, _INI)
    if not found:
        return None
    width, height = positive(found.get("pixelsizex")), positive(found.get("pixelsizey"))
    calibration, notes = settle(
        [Size(width * 1e9, (height or width) * 1e9, "SIS pixelsizex")] if width else [], shape=shape_of(page)
    )
    taken = found.get("datetime")
    return Instrument(
        vendor="Olympus/SIS",
        calibration=calibration,
        magnification=positive(found.get("magnification")),
        detector=word(found.get("cameraname")),
        acquired=taken.isoformat() if isinstance(taken, datetime) else None,
        scale_notes=notes,
    )
