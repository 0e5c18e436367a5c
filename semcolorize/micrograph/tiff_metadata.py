"""What a TIFF says besides its pixels: calibration, ImageJ's display range, the instrument's own text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from semcolorize.micrograph.calibration import Calibration, imagej_calibration, is_device_resolution, unit_nanometers
from semcolorize.micrograph.instruments.tags import mapping_of

__all__ = ["read_calibration", "read_display_range", "read_info"]

_MAX_INFO = 1_000_000
"""Characters of metadata kept: instruments write some 10,000."""
_MAX_XML = 20_000_000
"""OME writes some 100 characters a plane."""
_COMMON_DPI = (72, 96, 150, 200, 300, 400, 600, 1200)


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


def read_calibration(tiff: Any, page: Any) -> tuple[Calibration | None, bool]:
    """Return the size of a pixel from ImageJ's, OME's or the TIFF's own fields, or None.

    Returns
    -------
    calibration : Calibration or None
        With its source.
    meant : bool
        False for the TIFF's own resolution, which any program may have written for a printer.
    """
    for calibration in (_imagej_calibration(tiff, page), _ome_calibration(tiff, page)):
        if calibration is not None and calibration.is_plausible:
            return calibration, True
    calibration = _resolution_calibration(page)
    return (calibration if calibration is not None and calibration.is_plausible else None), False


def _imagej_calibration(tiff: Any, page: Any) -> Calibration | None:
    imagej = tiff.imagej_metadata
    if not imagej or page.tags.get("XResolution") is None:
        return None
    unit = _unescape(str(imagej.get("unit", "")).strip())
    sizes = _pixel_sizes(page)
    if sizes is None:
        return None
    return imagej_calibration(*sizes, unit)


def _unescape(unit: str) -> str:
    r"""ImageJ writes what is not ASCII as ``\u00B5``."""
    if "\\u" not in unit:
        return unit
    return unit.encode("latin-1", "backslashreplace").decode("unicode_escape", "replace")


def _ome_calibration(tiff: Any, page: Any) -> Calibration | None:
    if not tiff.ome_metadata:
        return None
    try:
        images = ElementTree.fromstring(_without_entities(tiff.ome_metadata)).findall("{*}Image/{*}Pixels")
    except (ElementTree.ParseError, ValueError):
        return None
    pixels = next((image for image in images if _holds(image, int(page.index))), images[0] if images else None)
    if pixels is None:
        return None
    x_size = _number(pixels.get("PhysicalSizeX"))
    y_size = _number(pixels.get("PhysicalSizeY", x_size))
    # The OME schema's unit, where none is given. A pixel or a reference frame is no length.
    unit = pixels.get("PhysicalSizeXUnit", "µm")
    factor, y_factor = unit_nanometers(unit), unit_nanometers(pixels.get("PhysicalSizeYUnit", unit))
    if factor is None or y_factor is None:
        return None
    calibration = Calibration(x_size, y_size * y_factor / factor, unit, "OME PhysicalSizeX")
    return None if _is_print(calibration) else calibration


def _without_entities(xml: str) -> str:
    if len(xml) > _MAX_XML or "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ValueError("no OME metadata: longer than any, or with entities, which OME does not have")
    return xml


def _holds(pixels: ElementTree.Element, index: int) -> bool:
    """Whether the planes of an OME image include that of a page, counted from 0."""
    for data in pixels.findall("{*}TiffData"):
        first, count = _number(data.get("IFD", 0)), _number(data.get("PlaneCount", 1))
        if first <= index < first + count:
            return True
    return False


def _is_print(calibration: Calibration) -> bool:
    """Whether a stated size is a common resolution for print or screen, which converters take from the TIFF."""
    nanometers = calibration.nanometers
    return nanometers is not None and any(
        math.isclose(2.54e7 / dots, nanometers[0], rel_tol=1e-4) for dots in _COMMON_DPI if nanometers[0] > 0
    )


def _resolution_calibration(page: Any) -> Calibration | None:
    unit_tag = page.tags.get("ResolutionUnit")
    unit = {2: "inch", 3: "cm"}.get(_unit_code(unit_tag.value) if unit_tag is not None else 2)
    sizes = _pixel_sizes(page)
    if unit is None or sizes is None:
        return None
    calibration = Calibration(*sizes, unit, "TIFF resolution")
    return None if is_device_resolution(calibration) else calibration


def _unit_code(value: Any) -> int:
    number = _number(value)
    return int(number) if math.isfinite(number) else 0


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
    metadata = mapping_of(page, 34682, 34680, 34118)
    if metadata:
        # Zeiss' numbers without names stand under no key.
        return _as_text({key: value for key, value in metadata.items() if key})
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
