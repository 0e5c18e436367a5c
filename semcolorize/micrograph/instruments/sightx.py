"""JEOL SightX Viewer: XML in the description of the TIFF, whose resolution is that of the magnified image."""

from __future__ import annotations

from typing import Any

from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.pixel_size import Size, settle
from semcolorize.micrograph.instruments.tags import number_of, shape_of, text_of
from semcolorize.micrograph.instruments.values import positive, scaled, word, xml_root

__all__ = ["of_page"]

_DESCRIPTION, _MAKE, _MODEL, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 270, 271, 272, 282, 283, 296


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if SightX did not write it."""
    if text_of(page, _MAKE).strip("\0 ") != "JEOL Ltd.":
        return None
    # Between its lines stand control characters that XML does not allow.
    text = "".join(line.strip("\r\t\x00\x01 ") for line in text_of(page, _DESCRIPTION).split("\n"))
    root = xml_root(text[max(text.find("<TemReporter"), 0) :])
    if root is None or root.tag.rpartition("}")[2] != "TemReporter":
        return None

    def said(path: str) -> str:
        return (root.findtext("/".join(f"{{*}}{name}" for name in path.split("/"))) or "").strip()

    # In diffraction, the selector is a camera length.
    image = said("Eos/EosMode") == "eosTEM" and said("ImageFormingSystem/ModeString") == "MAG"
    magnified = positive(said("ImageFormingSystem/SelectorValue")) if image else None
    calibration, notes = settle(_pixel(page, magnified) if magnified else [], shape=shape_of(page))
    return Instrument(
        vendor="JEOL",
        model=word(text_of(page, _MODEL).strip("\0")),
        calibration=calibration,
        magnification=magnified,
        voltage_kv=scaled(said("ElectronGun/AccelerationVoltage"), 1e-3),
        scale_notes=notes,
    )


def _pixel(page: Any, magnified: float) -> list[Size]:
    unit = 2.54e7 if number_of(page, _UNIT) == 2 else 1e7
    width, height = (_inverse(number_of(page, code)) for code in (_X_RESOLUTION, _Y_RESOLUTION))
    if width is None:
        return []
    source = "JEOL SightX resolution over magnification"
    return [Size(width * unit / magnified, (height or width) * unit / magnified, source)]


def _inverse(value: Any) -> float | None:
    if not isinstance(value, tuple) or len(value) != 2:
        return None
    above, below = positive(value[0]), positive(value[1])
    return below / above if above and below else None
