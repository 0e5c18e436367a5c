"""FEI and Thermo Fisher: an INI text in TIFF tag 34682 (34680 in older ones). Lengths in meters, angles in radians."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.pixel_size import Size, settle
from semcolorize.micrograph.instruments.tags import mapping_of, shape_of
from semcolorize.micrograph.instruments.values import (
    agreed,
    iso_time,
    number,
    pair,
    positive,
    rounded,
    scaled,
    word,
)  # fmt: skip

__all__ = ["of_page"]

_HELIOS, _SFEG = 34682, 34680
_CANVAS = 0.8
"""Share of the width of the display that the image has: so in files of four instruments, three with their data bars."""
_QUAD = 3
"""MagnificationMode of the view of four images, each of half the width."""

Section = Mapping[str, Any]


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if FEI did not write it."""
    metadata = mapping_of(page, _HELIOS, _SFEG)
    if not metadata:
        return None

    def section(name: Any) -> Section:
        found = metadata.get(name) if isinstance(name, str) else None
        return found if isinstance(found, Mapping) else {}

    named = section("Beam")
    # "Beam" names the beam that made this image: EBeam, or IBeam in a FIB. Without it, one of two may not be guessed.
    beam = section(named.get("Beam")) or ({} if section("IBeam") else section("EBeam"))
    scan = section("Scan") or section(named.get("Scan")) or section("EScan")
    image, stage, system, user = section("Image"), section("Stage"), section("System"), section("User")
    acquired = pair(image.get("ResolutionY"), image.get("ResolutionX"))
    fields = [
        *_size(scan, "HorFieldsize", "VerFieldsize", "FEI HorFieldsize", shown=True),
        *_size(beam, "HFW", "VFW", "FEI HFW", shown=True),
    ]
    if not scan:
        # The navigation camera's.
        fields += _size(section("IRBeam"), "HFW", "VFW", "FEI IRBeam HFW", shown=True)
    calibration, notes = settle(
        _size(scan, "PixelWidth", "PixelHeight", "FEI PixelWidth"),
        fields=fields, acquired=acquired, shape=shape_of(page),
    )  # fmt: skip
    magnified, doubts = _magnification(image, system, fields)
    voltage, more = agreed("voltages in kV", scaled(beam.get("HV"), 1e-3), scaled(named.get("HV"), 1e-3))
    # The stage's is that of the electron beam.
    second = None if named.get("Beam") == "IBeam" else scaled(stage.get("WorkingDistance"), 1e3)
    distance, still_more = agreed("working distances in mm", scaled(beam.get("WD"), 1e3), second)
    tilt = number(stage.get("StageT"))
    return Instrument(
        vendor="FEI/Thermo",
        model=word(system.get("SystemType")),
        calibration=calibration,
        magnification=magnified,
        voltage_kv=voltage,
        working_distance_mm=distance,
        detector=word(section("Detectors").get("Name")),
        tilt_deg=None if tilt is None else number(rounded(math.degrees(tilt))),
        acquired=iso_time(user.get("Date"), user.get("Time")),
        image_size=acquired,
        notes=(*doubts, *more, *still_more),
        scale_notes=notes,
    )


def _size(section: Section, width: str, height: str, source: str, *, shown: bool = False) -> list[Size]:
    wide, high = positive(section.get(width)), positive(section.get(height))
    return [Size(wide * 1e9, (high or wide) * 1e9, source, shown=shown)] if wide else []


def _magnification(image: Section, system: Section, fields: list[Size]) -> tuple[float | None, tuple[str, ...]]:
    """Width of the canvas over that of the field, which is what the data bar shows, if the display agrees with it.

    It is not stated, and the canvas is wrong in some files of quad views: so none without a second statement.
    """
    canvas, display = positive(image.get("MagCanvasRealWidth")), positive(system.get("DisplayWidth"))
    wide = positive(fields[0].width * 1e-9) if fields else None
    if canvas is None or display is None or wide is None:
        return None, ()
    views = 2 if number(image.get("MagnificationMode")) == _QUAD else 1
    magnified, doubt = agreed(
        "magnifications (FEI MagCanvasRealWidth and DisplayWidth)", canvas / wide, display * _CANVAS / views / wide
    )
    return None if magnified is None else positive(f"{magnified:.5g}"), doubt
