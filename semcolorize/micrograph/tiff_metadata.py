"""What a TIFF says besides its pixels: calibration, ImageJ's display range, the instrument's own text."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

from semcolorize.micrograph.calibration import Calibration, imagej_calibration, is_device_resolution, unit_nanometers
from semcolorize.micrograph.instruments import fei, zeiss
from semcolorize.micrograph.listing import same_name

__all__ = ["read_calibration", "read_display_range", "read_info"]

_MAX_INFO = 1_000_000
"""Characters of metadata kept: instruments write some 10,000."""
_MAX_XML = 20_000_000
"""OME writes some 100 characters a plane."""
_OME_UNIT = "µm"
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
        root = ElementTree.fromstring(_without_entities(tiff.ome_metadata))
    except (ElementTree.ParseError, ValueError):
        return None
    sizes = {_ome_size(pixels) for pixels in _ome_images(root, tiff.filehandle.name, int(page.index))}
    # Of images that claim the same page with different sizes, none is right.
    calibration = sizes.pop() if len(sizes) == 1 else None
    return None if calibration is None or _is_print(calibration) else calibration


def _ome_size(pixels: ElementTree.Element) -> Calibration | None:
    # The OME schema's unit, where none is given, of each. A pixel or a reference frame is no length.
    unit = pixels.get("PhysicalSizeXUnit", _OME_UNIT)
    y_unit = pixels.get("PhysicalSizeYUnit", _OME_UNIT) if pixels.get("PhysicalSizeY") else unit
    factor, y_factor = unit_nanometers(unit), unit_nanometers(y_unit)
    x_size = _number(pixels.get("PhysicalSizeX"))
    y_size = _number(pixels.get("PhysicalSizeY") or x_size)
    if factor is None or y_factor is None or not x_size > 0:
        return None
    return Calibration(x_size, float(f"{y_size * y_factor / factor:.9g}"), unit, "OME PhysicalSizeX")


def _ome_images(root: ElementTree.Element, name: str, index: int) -> list[ElementTree.Element]:
    """Return the images that say that a page of this file, counted from 0, is theirs.

    Every file of a set may describe all images of the set; TiffData say in which file the planes are.
    """
    images = root.findall("{*}Image/{*}Pixels")
    planes = [plane for image in images for plane in image.findall("{*}TiffData")]
    if len(images) == 1 and not planes:
        # Programs that write the XML by hand leave out what would say the obvious.
        return [] if images[0].find("{*}MetadataOnly") is not None else images
    here = _own_files({_file(plane) for plane in planes}, name, _uuid(root.get("UUID", "")))
    return [image for image in images if any(_holds(plane, index) and _file(plane) in here
                                             for plane in image.findall("{*}TiffData"))]  # fmt: skip


def _own_files(files: set[tuple[str, str]], name: str, own: str) -> set[tuple[str, str]]:
    """Return those of the files that are spoken of, each by UUID and name, that may be this one."""
    unsaid = files & {("", "")}
    named = {file for file in files - unsaid if same_name(file[1]) == same_name(name)}
    known = {file for file in files - unsaid if own and file[0] == own}
    if not own and len(files) == 1:
        # It may have been renamed.
        return files
    # Files of one name in several folders have UUIDs of their own. Where UUID and name mean two files, it may be both.
    return unsaid | (known if known & named else known | named)


def _file(plane: ElementTree.Element) -> tuple[str, str]:
    """UUID and name of the file that planes are in; empty where that is not said, which means this file."""
    found = plane.find("{*}UUID")
    if found is None:
        return "", ""
    return _uuid(found.text or ""), re.split(r"[/\\]", found.get("FileName", ""))[-1]


def _uuid(text: str) -> str:
    return text.strip().lower()


def _without_entities(xml: str) -> str:
    if len(xml) > _MAX_XML or "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ValueError("no OME metadata: longer than any, or with entities, which OME does not have")
    return xml


def _holds(plane: ElementTree.Element, index: int) -> bool:
    """Whether TiffData include a page, counted from 0: one from IFD on or, without that, all of the file."""
    first = plane.get("IFD")
    count = _number(plane.get("PlaneCount", math.inf if first is None else 1))
    return _number(first or 0) <= index < _number(first or 0) + count


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
    text = _fei_text(page) or _zeiss_text(page)
    if text:
        return text[:_MAX_INFO]
    description = page.description
    return description[:_MAX_INFO] if description and description.strip() else None


def _fei_text(page: Any) -> str:
    lines: list[str] = []
    for name, entries in fei.sections_of(page).items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in entries.items()), ""]
    return "\n".join(lines).strip()


def _zeiss_text(page: Any) -> str:
    entries, _ = zeiss.entries_of(page)
    return "\n".join(f"{name} = {value}" for name, value in entries.values())


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
