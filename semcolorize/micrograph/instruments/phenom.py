"""Phenom (Thermo Fisher): XML in TIFF tag 34683, lengths and voltages with their units as attributes."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from semcolorize.micrograph.instruments.instrument import Instrument, unread
from semcolorize.micrograph.instruments.pixel_size import Size, settle
from semcolorize.micrograph.instruments.tags import shape_of, xml_of
from semcolorize.micrograph.instruments.values import (
    kilovolts,
    millimeters,
    nanometers,
    number,
    word,
    xml_root,
)  # fmt: skip

__all__ = ["of_page"]

_TAG = 34683


def of_page(page: Any) -> Instrument | None:
    """Read a page of a TIFF; None if no Phenom wrote it."""
    if page.tags.get(_TAG) is None:
        return None
    text = xml_of(page, _TAG)
    # The declared encoding is that of the bytes, which are a text by now.
    root = xml_root(text[text.find("<FeiImage") :].rstrip("\0 \r\n\t")) if "<FeiImage" in text else None
    if root is None or root.tag != "FeiImage":
        return unread("FEI/Thermo")

    def quantity(path: str) -> str | None:
        found: Element | None = root.find(path)
        return None if found is None else f"{(found.text or '').strip()} {found.get('unit', '')}"

    width, height = nanometers(quantity("pixelWidth")), nanometers(quantity("pixelHeight"))
    calibration, notes = settle(
        [Size(width, height or width, "Phenom pixelWidth")] if width else [], shape=shape_of(page)
    )
    bar = number(root.findtext("databarHeight"))
    return Instrument(
        vendor="FEI/Thermo",
        model=word(root.findtext("instrument/type")),
        calibration=calibration,
        voltage_kv=kilovolts(quantity("acquisition/scan/highVoltage")),
        working_distance_mm=millimeters(quantity("workingDistance")),
        detector=word(root.findtext("acquisition/scan/detector")),
        bar_rows=int(bar) if bar is not None and 0 <= bar < 2**31 else None,
        scale_notes=notes,
    )
