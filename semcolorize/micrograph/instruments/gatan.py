"""Gatan DigitalMicrograph: unit and scale of the axes in private tags of the TIFF it exports."""

from __future__ import annotations

from typing import Any

from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.pixel_size import Size, settle
from semcolorize.micrograph.instruments.tags import number_of, shape_of, text_of
from semcolorize.micrograph.instruments.values import nanometers

__all__ = ["of_page"]

_X_UNIT, _Y_UNIT, _X_SCALE, _Y_SCALE = 65003, 65004, 65009, 65010


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if DigitalMicrograph did not write it."""
    if page.tags.get(_X_SCALE) is None or page.tags.get(_X_UNIT) is None:
        return None
    # A diffraction pattern has 1/nm, which is no length.
    width = nanometers(f"{number_of(page, _X_SCALE)} {text_of(page, _X_UNIT)}")
    height = nanometers(f"{number_of(page, _Y_SCALE)} {text_of(page, _Y_UNIT)}")
    calibration, notes = settle(
        [Size(width, height or width, "Gatan tag 65009")] if width else [], shape=shape_of(page)
    )
    return Instrument(vendor="Gatan", calibration=calibration, scale_notes=notes)
