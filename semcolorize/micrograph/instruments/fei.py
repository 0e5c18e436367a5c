"""FEI and Thermo Fisher: an INI text in TIFF tag 34682 (34680 in older ones). Lengths in meters, angles in radians."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from semcolorize.micrograph.instruments.instrument import Instrument, unread
from semcolorize.micrograph.instruments.pixel_size import Size, settle
from semcolorize.micrograph.instruments.tags import shape_of, text_of
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

__all__ = ["of_page", "sections_of"]

_HELIOS, _SFEG = 34682, 34680
_CANVAS = 0.8
"""Share of the width of the display that the image has: so in files of four instruments, three with their data bars."""
_QUAD = 3
"""MagnificationMode of the view of four images, each of half the width."""

_BEAMS = ("EBeam", "IBeam")
"""Those that scan, each with a section of its own, and one of its scan: EScan, IScan."""

Section = Mapping[str, str]


def sections_of(page: Any) -> dict[str, Section]:
    """Return the sections of the text, each with its entries; empty where there are none."""
    text = next((found for code in (_HELIOS, _SFEG) if (found := text_of(page, code))), "")
    sections: dict[str, Section] = {}
    entries: dict[str, str] = {}
    # What follows the end of the text in the tag is none.
    for line in text.partition("\0")[0].splitlines():
        key, assigned, value = line.strip().partition("=")
        if key.startswith("["):
            sections[key.strip("[]")] = entries = {}
        elif assigned:
            entries[key.strip()] = value.strip()
    return sections


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if FEI did not write it."""
    if page.tags.get(_HELIOS) is None and page.tags.get(_SFEG) is None:
        return None
    metadata = sections_of(page)
    if not metadata:
        return unread("FEI/Thermo")

    def section(name: str) -> Section:
        return metadata.get(name, {})

    named = section("Beam")
    made_by, untold = _beam(metadata)
    beam = section(made_by or "")
    # What was scanned for this image, else what its beam scanned.
    scan = section("Scan") or section(_scan(made_by) if made_by else named.get("Scan", ""))
    image, stage, system, user = section("Image"), section("Stage"), section("System"), section("User")
    acquired = pair(image.get("ResolutionY"), image.get("ResolutionX"))
    fields = [
        *_size(scan, "HorFieldsize", "VerFieldsize", "FEI HorFieldsize", shown=True),
        *_size(beam, "HFW", "VFW", "FEI HFW", shown=True),
    ]
    if not scan and not untold and made_by not in _BEAMS:
        # The navigation camera's.
        fields += _size(section("IRBeam"), "HFW", "VFW", "FEI IRBeam HFW", shown=True)
    calibration, notes = settle(
        _size(scan, "PixelWidth", "PixelHeight", "FEI PixelWidth"),
        fields=fields, acquired=acquired, shape=shape_of(page),
    )  # fmt: skip
    magnified, doubts = _magnification(image, system, fields)
    voltage, more = agreed("voltages in kV", scaled(beam.get("HV"), 1e-3), scaled(named.get("HV"), 1e-3))
    # The stage's is that of the electron beam.
    second = None if untold or made_by == "IBeam" else scaled(stage.get("WorkingDistance"), 1e3)
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
        notes=(*untold, *doubts, *more, *still_more),
        scale_notes=notes,
    )


def _beam(metadata: Mapping[str, Section]) -> tuple[str | None, tuple[str, ...]]:
    """Return the beam that made the image, and a note where what the metadata describe may be another's.

    The entry Beam of the section Beam names it: EBeam, or IBeam in a FIB. Without that, it is the one that is
    described; of two, none may be guessed.
    """
    described = [beam for beam in _BEAMS if metadata.get(beam) or metadata.get(_scan(beam))]
    said = metadata.get("Beam", {}).get("Beam")
    if said:
        others = " and ".join(beam for beam in described if beam != said)
        if metadata.get(said) or not others:
            return said, ()
        return said, (f"The image was made with {said}, but the metadata describe {others}: what they say"
                      " of that is not used.",)  # fmt: skip
    if len(described) < 2:
        return next(iter(described), None), ()
    return None, (f"The metadata describe {' and '.join(described)} and do not say which of them made the image: what"
                  " they say of either is not used.",)  # fmt: skip


def _scan(beam: str) -> str:
    """Name the section of what a beam scanned."""
    return f"{beam.removesuffix('Beam')}Scan"


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
