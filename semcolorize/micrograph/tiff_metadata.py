"""What a TIFF says besides its pixels: calibration, ImageJ's display range, the instrument's own text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tifffile

from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.instrument import Instrument

__all__ = ["read_calibration", "read_display_range", "read_info"]

_MAX_INFO = 1_000_000
"""Characters of metadata kept: instruments write some 10,000."""


def read_display_range(tiff: Any, page: int) -> tuple[float, float] | None:
    """Return the range ImageJ shows page `page` (from 1) over, or None."""
    imagej = tiff.imagej_metadata
    if not imagej:
        return None
    channels = int(imagej.get("channels", 1))
    ranges = imagej.get("Ranges")
    values: Any = (imagej.get("min"), imagej.get("max"))
    if ranges is not None and len(ranges) >= 2 * channels:
        # Channels turn fastest in ImageJ's order.
        start = 2 * ((page - 1) % channels)
        values = ranges[start : start + 2]
    low, high = (_number(value) for value in values)
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low < high else None


def read_calibration(tiff: Any, page: Any, instrument: Instrument | None = None) -> tuple[Calibration | None, bool]:
    """Return the size of a pixel from ImageJ's, the instrument's, OME's or the TIFF's own fields, or None.

    Returns
    -------
    calibration : Calibration or None
    meant : bool
        False for the TIFF's own resolution, which any program may have written for a printer.
    """
    own = instrument.calibration if instrument is not None else None
    for calibration in (_imagej_calibration(tiff, page), own, _ome_calibration(tiff)):
        if calibration is not None and calibration.is_plausible:
            return calibration, True
    calibration = _resolution_calibration(tiff, page)
    return (calibration if calibration is not None and calibration.is_plausible else None), False


def _imagej_calibration(tiff: Any, page: Any) -> Calibration | None:
    imagej = tiff.imagej_metadata
    if not imagej or page.tags.get("XResolution") is None:
        return None
    unit = _unescape(str(imagej.get("unit", "")).strip())
    if unit.lower() in ("", "pixel", "pixels"):
        return None
    sizes = _pixel_sizes(page)
    if sizes is None:
        return None
    x_size, y_size = sizes
    return Calibration(x_size, y_size, "µm" if unit in ("micron", "um", "μm") else unit)


def _unescape(unit: str) -> str:
    r"""ImageJ writes what is not ASCII as ``\u00B5``."""
    if "\\u" not in unit:
        return unit
    return unit.encode("latin-1", "backslashreplace").decode("unicode_escape", "replace")


def _ome_calibration(tiff: Any) -> Calibration | None:
    if not tiff.ome_metadata:
        return None
    try:
        image = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]
        pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
        x_size, y_size = _number(pixels["PhysicalSizeX"]), _number(pixels["PhysicalSizeY"])
    except (LookupError, TypeError, ValueError, SyntaxError):
        # SyntaxError: what XML parsers raise.
        return None
    # The OME schema's unit, where none is given.
    return Calibration(x_size, y_size, str(pixels.get("PhysicalSizeXUnit", "µm")))


def _resolution_calibration(tiff: Any, page: Any) -> Calibration | None:
    unit_tag = page.tags.get("ResolutionUnit")
    unit = {2: "inch", 3: "cm"}.get(int(unit_tag.value) if unit_tag is not None else 2)
    sizes = _pixel_sizes(page)
    return None if unit is None or sizes is None else Calibration(*sizes, unit)


def _pixel_sizes(page: Any) -> tuple[float, float] | None:
    sizes = []
    for name in ("XResolution", "YResolution"):
        tag = page.tags.get(name)
        value = tag.value if tag is not None else None
        if not (isinstance(value, tuple) and len(value) == 2 and all(_number(part) > 0 for part in value)):
            return None
        sizes.append(value[1] / value[0])
    return sizes[0], sizes[1]


def read_info(tiff: Any, page: Any) -> str | None:
    """Return ImageJ's Info text, else the instrument's metadata as text, else the image description."""
    imagej = tiff.imagej_metadata
    if imagej:
        info = imagej.get("Info")
        return str(info)[:_MAX_INFO] if info else None
    if tiff.fei_metadata:
        return _as_text(tiff.fei_metadata)
    if tiff.sem_metadata:
        return _as_text({key: value for key, value in tiff.sem_metadata.items() if key})
    description = page.description
    return description[:_MAX_INFO] if description and description.strip() else None


def _as_text(metadata: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            lines += [f"[{key}]", *(f"{name} = {entry}" for name, entry in value.items()), ""]
        elif isinstance(value, tuple) and value:
            # Zeiss: (name, value[, unit]).
            lines.append(f"{value[0]} = {' '.join(str(part) for part in value[1:])}")
        else:
            lines.append(f"{key} = {value}")
    return "\n".join(lines).strip()[:_MAX_INFO]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
