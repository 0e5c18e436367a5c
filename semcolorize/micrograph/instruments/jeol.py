"""JEOL: a text file of ``$KEY value`` beside the image, with one dollar or two, which differs between models."""

from __future__ import annotations

import re
from collections.abc import Mapping

from semcolorize.micrograph.calibration import unit_nanometers
from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.pixel_size import Shape, Size, settle
from semcolorize.micrograph.instruments.values import (
    entries,
    iso_time,
    magnification,
    nanometers,
    number,
    pair,
    positive,
    word,
)  # fmt: skip

__all__ = ["of_text"]

_ENTRY = re.compile(r"^[ \t]*\${1,2}([A-Z]{2}_\w+)[ \t]+([^\n]{0,2000})", re.MULTILINE)
_PRINT_NM = 128e6
"""Width of the print that JEOL's magnification is for, 128 mm."""
_PRINT_TOLERANCE = 0.2
"""Older models and microprobes mean a print of 115 or 120 mm: magnification only proves gross errors."""
_FIELD = re.compile(r"\s*(\d[\d.,]*)\s*([^\d\s.,+-]\S*)?(?:\s+(\d[\d.,]*)\s*([^\d\s.,+-]\S*)?)?\s*")


def of_text(text: str, shape: Shape | None = None) -> Instrument | None:
    """Read a text file; None if no JEOL wrote it."""
    found = entries(text, _ENTRY) if "$CM_" in text else {}
    if not found:
        return None
    size = (found.get("CM_FULL_SIZE") or found.get("CM_IMAGE_SIZE") or "").split()
    acquired = pair(size[1], size[0]) if len(size) == 2 else None
    magnified = magnification(found.get("CM_MAG"))
    said = _stated(found, magnified, acquired or shape)
    calibration, notes = settle([pixel for pixel, _ in said], acquired=acquired, shape=shape)
    if said and all(derived for _, derived in said):
        notes = (
            f"The metadata do not state the size of a pixel: {said[0][0]} is derived from the magnification"
            f" {magnified:g}, which JEOL means for a print 128 mm wide.",
            *notes,
        )
    return Instrument(
        vendor="JEOL",
        model=word(found.get("CM_INSTRUMENT")),
        calibration=calibration,
        magnification=magnified,
        voltage_kv=positive(found.get("CM_ACCEL_VOLT")),
        working_distance_mm=positive(found.get("SM_WD")),
        detector=word(found.get("CM_SIGNAL") or found.get("CM_SIGNAL_NAME") or found.get("SM_DETECTOR")),
        tilt_deg=_tilt(found.get("CM_STAGE_POS") or found.get("CM_STAGE_POSITION") or ""),
        acquired=iso_time(found.get("CM_DATE"), found.get("CM_TIME")),
        image_size=acquired,
        scale_notes=notes,
    )


def _stated(found: Mapping[str, str], magnified: float | None, shape: Shape | None) -> list[tuple[Size, bool]]:
    """Sizes of a pixel, the most precise first, and whether each is only derived from the magnification."""
    pixel = nanometers(found.get("CM_PIXEL_SIZE"))
    said = [Size(pixel, pixel, "JEOL CM_PIXEL_SIZE")] if pixel else []
    field = _field(found.get("CM_FIELD_OF_VIEW", ""), magnified)
    if field:
        said += Size(field, field, "JEOL CM_FIELD_OF_VIEW").over(shape)
    # Some whole pixels long.
    bar = positive(found.get("SM_MICRON_BAR", "").split(" ")[0])
    marker = nanometers(found.get("SM_MICRON_MARKER"))
    if bar and marker:
        by_bar = marker / bar
        said.append(Size(by_bar, by_bar, "JEOL SM_MICRON_MARKER over SM_MICRON_BAR", shown=True, tolerance=0.05))
    printed = []
    if magnified:
        wide = _PRINT_NM / magnified
        printed = Size(wide, wide, "JEOL print of 128 mm over CM_MAG", tolerance=_PRINT_TOLERANCE).over(shape)
    return [*((size, False) for size in said), *((size, True) for size in printed)]


def _field(text: str, magnified: float | None) -> float | None:
    """Width in nm of ``1.067mm 0.800mm``, ``1.067 0.800mm`` or ``23.04 17.28``.

    Without a unit it is µm, unless the magnification says that it is mm or nm.
    """
    match = _FIELD.fullmatch(text)
    if match is None:
        return None
    unit = match[2] or match[4]
    if unit is not None and unit_nanometers(unit) is not None:
        return nanometers(f"{match[1]} {unit}")
    micrometers = nanometers(match[1], "um")
    if micrometers is None or magnified is None:
        return micrometers
    printed = _PRINT_NM / magnified
    fitting = (micrometers * step for step in (1, 1e3, 1e-3) if abs(micrometers * step / printed - 1) < 0.5)
    return next(fitting, micrometers)


def _tilt(stage: str) -> float | None:
    """Read the tilt off ``X=1.2, Y=3.4, R=0.0, Z=10.0, T=30.0`` or x, y, z, rotation, tilt."""
    named = re.search(r"\bT\s*=\s*([-+]?[0-9.]+(?:,\d+)?)", stage)
    parts = stage.split()
    # Fewer where the stage has no motors.
    return number(named[1]) if named else number(parts[4]) if "=" not in stage and len(parts) > 4 else None
