"""TESCAN: a text of ``key=value`` in TIFF tag 50431 or in a ``.hdr`` file beside the image. Meters, volts, degrees."""

from __future__ import annotations

from typing import Any

from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.pixel_size import Shape, Size, settle
from semcolorize.micrograph.instruments.tags import shape_of, text_of
from semcolorize.micrograph.instruments.values import (
    ASSIGNED,
    entries,
    iso_time,
    magnification,
    number,
    positive,
    scaled,
    word,
)  # fmt: skip

__all__ = ["of_page", "of_text"]

_TAG = 50431


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if no TESCAN wrote it."""
    return of_text(text_of(page, _TAG), shape_of(page))


def of_text(text: str, shape: Shape | None = None) -> Instrument | None:
    """Read a header; None if it is none."""
    found = entries(text, ASSIGNED)
    if "PixelSizeX" not in found or not ("[MAIN]" in text or found.keys() & {"ImageStripSize", "AccFrames"}):
        return None
    width, height = positive(found.get("PixelSizeX")), positive(found.get("PixelSizeY"))
    calibration, notes = settle(
        [Size(width * 1e9, (height or width) * 1e9, "TESCAN PixelSizeX")] if width else [], shape=shape
    )
    strip = number(found.get("ImageStripSize"))
    return Instrument(
        vendor="TESCAN",
        model=word(found.get("DeviceModel") or found.get("Device")),
        calibration=calibration,
        magnification=magnification(found.get("Magnification")),
        voltage_kv=scaled(found.get("HV") or found.get("AcceleratorVoltage"), 1e-3),
        working_distance_mm=scaled(found.get("WD"), 1e3),
        detector=word(found.get("Detector") or found.get("Detector0")),
        tilt_deg=number(found.get("StageTilt")),
        acquired=iso_time(found.get("Date"), found.get("Time")),
        bar_rows=int(strip) if strip is not None and 0 <= strip < 2**31 else None,
        scale_notes=notes,
    )
