"""Hitachi: a text file beside the image; tabletop instruments put the most of it also into the TIFF's comment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.pixel_size import Shape, Size, settle
from semcolorize.micrograph.instruments.tags import shape_of, utf16_of
from semcolorize.micrograph.instruments.values import (
    ASSIGNED,
    agreed,
    entries,
    iso_time,
    kilovolts,
    magnification,
    millimeters,
    number,
    pair,
    positive,
    word,
)  # fmt: skip

__all__ = ["of_page", "of_text"]

_COMMENT_TAG, _AUTHOR_TAG = 40092, 40093
"""What Windows' Explorer shows as comment and author."""


def of_page(page: Any) -> Instrument | None:
    """Read the comment of a page; None if no Hitachi wrote it."""
    comment = entries(utf16_of(page, _COMMENT_TAG), ASSIGNED)
    if not {"PixelSize", "SignalName", "DataNumber", "Condition"} <= comment.keys():
        return None
    calibration, notes = _pixel(comment, shape_of(page))
    condition = _condition(comment)
    return Instrument(
        vendor="Hitachi",
        model=word(utf16_of(page, _AUTHOR_TAG)),
        calibration=calibration,
        magnification=magnification(condition.get("Mag")),
        voltage_kv=kilovolts(condition.get("Vacc")),
        working_distance_mm=millimeters(condition.get("WD")),
        detector=word(comment.get("SignalName")),
        scale_notes=notes,
    )


def of_text(text: str, shape: Shape | None = None) -> Instrument | None:
    """Read a text file; None if no Hitachi wrote it."""
    if "[SemImageFile]" not in text[:1000]:
        return None
    found = entries(text, ASSIGNED)
    calibration, notes = _pixel(found, shape)
    condition = _condition(found)
    magnified, doubt = agreed(
        "magnifications", magnification(found.get("Magnification")), magnification(condition.get("Mag"))
    )
    voltage, second_doubt = agreed(
        "voltages in kV", kilovolts(found.get("AcceleratingVoltage"), "V"), kilovolts(condition.get("Vacc"))
    )
    # One of them is rounded to a tenth of a millimeter.
    distance, third_doubt = agreed(
        "working distances in mm",
        millimeters(found.get("WorkingDistance")),
        millimeters(condition.get("WD")),
        tolerance=0.2,
    )
    return Instrument(
        vendor="Hitachi",
        model=word(found.get("InstructName")),
        calibration=calibration,
        magnification=magnified,
        voltage_kv=voltage,
        working_distance_mm=distance,
        detector=word(found.get("SignalName")),
        tilt_deg=number(found.get("StagePositionT")),
        acquired=iso_time(found.get("Date"), found.get("Time")),
        notes=(*doubt, *second_doubt, *third_doubt),
        scale_notes=notes,
        # DataSize is that of the file: with DataDisplayCombine=1 the bar is drawn over the image.
    )


def _pixel(found: Mapping[str, str], shape: Shape | None) -> tuple[Calibration | None, tuple[str, ...]]:
    pixel = positive(found.get("PixelSize"))
    size = re.fullmatch(r"\s*(\d{1,6})\s*[xX]\s*(\d{1,6})\s*", found.get("DataSize", ""))
    return settle(
        [Size(pixel, pixel, "Hitachi PixelSize")] if pixel else [],
        acquired=pair(size[2], size[1]) if size else None, shape=shape,
    )  # fmt: skip


def _condition(found: Mapping[str, str]) -> dict[str, str]:
    """Read ``Vacc=15.0kV Mag=x600 WD=7.9mm``."""
    return dict(re.findall(r"(\w+)=(\S+)", found.get("Condition", "")))
