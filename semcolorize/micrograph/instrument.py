"""What the instrument says about an image: pixel size, magnification, voltage, and where its data bar begins.

FEI/Thermo Fisher (TIFF tag 34682), Zeiss (34118) and TESCAN (50431) write it into the TIFF, Hitachi, JEOL and
TESCAN into a text file beside it (`semcolorize.micrograph.sidecar`), Hitachi's tabletop instruments the most of it
also into the TIFF, as a comment for Windows (40092). Tags are read by tifffile; here their
names become common ones and their units become nm, kV, mm and degrees.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from semcolorize.micrograph.calibration import Calibration

__all__ = ["Instrument", "instrument_of_text", "instrument_of_tiff"]

_TESCAN_TAG = 50431
_COMMENT_TAG, _AUTHOR_TAG = 40092, 40093
"""What Windows' Explorer shows as comment and author, in UTF-16."""
_LENGTHS_MM = {"nm": 1e-6, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1e3}
_VOLTS = {"v": 1e-3, "volt": 1e-3, "kv": 1.0}
_DATES = (
    "%Y/%m/%d", "%Y-%m-%d", "%m/%d/%Y", "%d %b %Y", "%d.%m.%Y",
)  # fmt: skip
_ASSIGNED = re.compile(r"^[^\w\n]*(\w+)[ \t]*=[ \t]*(.*?)\s*$", re.MULTILINE)
_TIMES = ("%H:%M:%S", "%I:%M:%S %p", "%H:%M")


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """Acquisition metadata; None is what the file does not say.

    Attributes
    ----------
    vendor : str
        ``FEI/Thermo``, ``Zeiss``, ``Hitachi``, ``JEOL`` or ``TESCAN``.
    model : str or None
    calibration : Calibration or None
        Size of a pixel.
    magnification : float or None
        As the instrument states it, for its own print or screen size.
    voltage_kv, working_distance_mm, tilt_deg : float or None
    detector : str or None
    acquired : str or None
        Local time in ISO 8601, as the instrument's clock had it.
    image_size : tuple of 2 ints or None
        Rows and columns of the scanned image, without the data bar.
    bar_rows : int or None
        Rows of the data bar, where that is stated instead.
    sidecar : str or None
        Path of the text file this was read from; None if it stood in the image.
    """

    vendor: str
    model: str | None = None
    calibration: Calibration | None = None
    magnification: float | None = None
    voltage_kv: float | None = None
    working_distance_mm: float | None = None
    detector: str | None = None
    tilt_deg: float | None = None
    acquired: str | None = None
    image_size: tuple[int, int] | None = None
    bar_rows: int | None = None
    sidecar: str | None = None

    def image_rows(self, shape: tuple[int, int]) -> int | None:
        """Rows above the data bar of a file of (rows, columns); None if that is not stated, or not of this file.

        An image that was cropped or resized afterwards no longer is what the metadata describe.
        """
        rows, columns = shape
        if self.bar_rows is not None and 0 <= self.bar_rows <= rows // 2:
            return rows - self.bar_rows
        if self.image_size is None or self.image_size[1] != columns or not rows // 2 <= self.image_size[0] <= rows:
            return None
        return self.image_size[0]

    def record(self) -> dict[str, Any]:
        """Return JSON values: what is known, pixel size in nm."""
        known = {
            "vendor": self.vendor, "model": self.model, "magnification": self.magnification,
            "voltage_kv": self.voltage_kv, "working_distance_mm": self.working_distance_mm,
            "detector": self.detector, "tilt_deg": self.tilt_deg, "acquired": self.acquired,
        }  # fmt: skip
        return {key: value for key, value in known.items() if value is not None}


def instrument_of_tiff(tiff: Any, page: Any) -> Instrument | None:
    """Read the acquisition metadata of a TIFF that tifffile opened; None if no instrument wrote any."""
    if tiff.fei_metadata:
        return _fei(tiff.fei_metadata)
    if tiff.sem_metadata:
        return _zeiss(tiff.sem_metadata)
    tag = page.tags.get(_TESCAN_TAG)
    if tag is not None:
        value = tag.value
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        return instrument_of_text(text)
    comment = _entries(_utf16(page, _COMMENT_TAG), _ASSIGNED)
    if {"PixelSize", "SignalName", "DataNumber", "Condition"} <= comment.keys():
        return _hitachi_comment(comment, _utf16(page, _AUTHOR_TAG))
    return None


def _utf16(page: Any, code: int) -> str:
    tag = page.tags.get(code)
    value = tag.value if tag is not None else b""
    try:
        return bytes(value).decode("utf-16-le", "replace").rstrip("\0")
    except (TypeError, ValueError):
        return ""


def instrument_of_text(text: str) -> Instrument | None:
    """Read the acquisition metadata of a text such as instruments write beside an image; None if it is no such."""
    if "$CM_" in text:
        # One dollar or two, which differs between models.
        return _jeol(_entries(text, re.compile(r"^\s*\${1,2}([A-Z]{2}_\w+)[ \t]+(.*?)\s*$", re.MULTILINE)))
    entries = _entries(text, _ASSIGNED)
    if "[SemImageFile]" in text[:1000]:
        return _hitachi(entries)
    if "PixelSizeX" in entries and ("[MAIN]" in text or "ImageStripSize" in entries or "AccFrames" in entries):
        return _tescan(entries)
    return None


def _entries(text: str, pattern: re.Pattern[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in pattern.finditer(text[:1_000_000]):
        if match[2]:
            found.setdefault(match[1], match[2])
    return found


def _fei(metadata: Mapping[str, Any]) -> Instrument:
    def section(name: Any) -> Mapping[str, Any]:
        found = metadata.get(name)
        return found if isinstance(found, Mapping) else {}

    # "Beam" names the beam that made this image: EBeam, or IBeam in a FIB.
    beam = section(section("Beam").get("Beam")) or section("EBeam")
    scan = section("Scan") or section(section("Beam").get("Scan")) or section("EScan")
    image, stage, system, user = section("Image"), section("Stage"), section("System"), section("User")
    width, height = _positive(scan.get("PixelWidth")), _positive(scan.get("PixelHeight"))
    wide, canvas = _positive(scan.get("HorFieldsize")), _positive(image.get("MagCanvasRealWidth"))
    tilt = _number(stage.get("StageT"))
    size = _pair(image.get("ResolutionY"), image.get("ResolutionX"))
    return Instrument(
        vendor="FEI/Thermo",
        model=_word(system.get("SystemType")),
        calibration=Calibration.from_meters(width, height) if width and height else None,
        # Not stated, but what the instrument shows: the width of its own canvas over that of the field.
        magnification=float(f"{canvas / wide:.5g}") if wide and canvas else None,
        voltage_kv=_scaled(beam.get("HV") or section("Beam").get("HV"), 1e-3),
        working_distance_mm=_scaled(beam.get("WD") or stage.get("WorkingDistance"), 1e3),
        detector=_word(section("Detectors").get("Name")),
        # The stage's angles are in radians.
        tilt_deg=None if tilt is None else _rounded(math.degrees(tilt)),
        acquired=_time(user.get("Date"), user.get("Time")),
        image_size=size,
    )


def _zeiss(metadata: Mapping[str, Any]) -> Instrument:
    def entry(*names: str) -> tuple[Any, str]:
        for name in names:
            found = metadata.get(name)
            if isinstance(found, tuple) and len(found) >= 2 and str(found[1]).strip():
                return found[1], str(found[2]) if len(found) > 2 else ""
        return None, ""

    size, unit = entry("ap_image_pixel_size", "ap_pixel_size")
    kilovolts, volt_unit = entry("ap_actualkv", "ap_manualkv")
    distance, distance_unit = entry("ap_wd")
    pixel = _positive(size)
    return Instrument(
        vendor="Zeiss",
        model=_word(entry("dp_sem")[0] or entry("sv_serial_number")[0]),
        calibration=Calibration(pixel, pixel, unit.replace("μ", "µ")) if pixel and unit else None,
        magnification=_magnification(entry("ap_mag")[0]),
        voltage_kv=_scaled(kilovolts, _VOLTS.get(volt_unit.lower())),
        working_distance_mm=_scaled(distance, _LENGTHS_MM.get(distance_unit)),
        detector=_word(entry("dp_detector_channel", "dp_detector_type")[0]),
        # Not "Tilt Angle", which is what the image was corrected for.
        tilt_deg=_number(entry("ap_stage_at_t")[0]),
        acquired=_time(entry("ap_date")[0], entry("ap_time")[0]),
    )


def _hitachi(entries: Mapping[str, str]) -> Instrument:
    pixel = _positive(entries.get("PixelSize"))
    return Instrument(
        vendor="Hitachi",
        model=_word(entries.get("InstructName")),
        calibration=_from_nanometers(pixel, pixel),
        magnification=_positive(entries.get("Magnification")),
        voltage_kv=_quantity(entries.get("AcceleratingVoltage"), _VOLTS),
        working_distance_mm=_quantity(entries.get("WorkingDistance"), _LENGTHS_MM),
        detector=_word(entries.get("SignalName")),
        tilt_deg=_number(entries.get("StagePositionT")),
        acquired=_time(entries.get("Date"), entries.get("Time")),
        # DataSize is that of the file: with DataDisplayCombine=1 the bar is drawn over the image.
    )


def _hitachi_comment(entries: Mapping[str, str], author: str) -> Instrument:
    pixel = _positive(entries.get("PixelSize"))
    condition = dict(re.findall(r"(\w+)=(\S+)", entries["Condition"]))
    return Instrument(
        vendor="Hitachi",
        model=_word(author),
        calibration=_from_nanometers(pixel, pixel),
        magnification=_positive(condition.get("Mag", "").lstrip("xX")),
        voltage_kv=_quantity(condition.get("Vacc"), _VOLTS),
        working_distance_mm=_quantity(condition.get("WD"), _LENGTHS_MM),
        detector=_word(entries.get("SignalName")),
    )


def _jeol(entries: Mapping[str, str]) -> Instrument:
    size = (entries.get("CM_FULL_SIZE") or entries.get("CM_IMAGE_SIZE") or "").split()
    rows_columns = _pair(size[1], size[0]) if len(size) == 2 else None
    pixel = _jeol_pixel(entries, rows_columns)
    return Instrument(
        vendor="JEOL",
        model=_word(entries.get("CM_INSTRUMENT")),
        calibration=_from_nanometers(pixel, pixel),
        magnification=_positive(entries.get("CM_MAG")),
        voltage_kv=_positive(entries.get("CM_ACCEL_VOLT")),
        working_distance_mm=_positive(entries.get("SM_WD")),
        detector=_word(entries.get("CM_SIGNAL") or entries.get("CM_SIGNAL_NAME") or entries.get("SM_DETECTOR")),
        tilt_deg=_jeol_tilt(entries.get("CM_STAGE_POS") or entries.get("CM_STAGE_POSITION") or ""),
        acquired=_time(entries.get("CM_DATE"), entries.get("CM_TIME")),
        image_size=rows_columns,
    )


def _jeol_pixel(entries: Mapping[str, str], size: tuple[int, int] | None) -> float | None:
    """Nanometers of a pixel: the field of view over its pixels, or the bar, which is some whole pixels long."""
    bar = _positive(entries.get("SM_MICRON_BAR", "").split(" ")[0])
    marker = _quantity(entries.get("SM_MICRON_MARKER"), _LENGTHS_MM)
    by_bar = marker * 1e6 / bar if bar and marker else None
    field = re.match(r"\s*([0-9.]+)\s*(nm|[uµμ]m|mm)?(?=\s|$)", entries.get("CM_FIELD_OF_VIEW", ""))
    wide = _quantity(f"{field[1]} {field[2] or 'um'}", _LENGTHS_MM) if field else None
    by_field = wide * 1e6 / size[1] if wide and size else None
    if by_bar and by_field and abs(by_field / by_bar - 1) > 0.05:
        # They contradict each other; the bar is what the image itself shows.
        return by_bar
    return by_field or by_bar


def _jeol_tilt(stage: str) -> float | None:
    """Read the tilt off ``X=1.2, Y=3.4, R=0.0, Z=10.0, T=30.0`` or x, y, z, rotation, tilt."""
    named = re.search(r"\bT\s*=\s*([-+0-9.]+)", stage)
    parts = stage.split()
    # Fewer where the stage has no motors.
    return _number(named[1]) if named else _number(parts[4]) if "=" not in stage and len(parts) > 4 else None


def _tescan(entries: Mapping[str, str]) -> Instrument:
    width, height = _positive(entries.get("PixelSizeX")), _positive(entries.get("PixelSizeY"))
    strip = _number(entries.get("ImageStripSize"))
    return Instrument(
        vendor="TESCAN",
        model=_word(entries.get("DeviceModel") or entries.get("Device")),
        calibration=Calibration.from_meters(width, height or width) if width else None,
        magnification=_positive(entries.get("Magnification")),
        voltage_kv=_scaled(entries.get("HV") or entries.get("AcceleratorVoltage"), 1e-3),
        working_distance_mm=_scaled(entries.get("WD"), 1e3),
        detector=_word(entries.get("Detector") or entries.get("Detector0")),
        tilt_deg=_number(entries.get("StageTilt")),
        acquired=_time(entries.get("Date"), entries.get("Time")),
        bar_rows=None if strip is None or strip < 0 else int(strip),
    )


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _scaled(value: Any, factor: float | None) -> float | None:
    number = _number(value)
    return None if number is None or factor is None else _rounded(abs(number) * factor)


def _rounded(value: float) -> float:
    """Without the dust that changing the unit leaves: nine digits, more than any instrument has."""
    return float(f"{value:.9g}")


def _from_nanometers(width: float | None, height: float | None) -> Calibration | None:
    return Calibration.from_meters(width * 1e-9, height * 1e-9) if width and height else None


def _quantity(text: str | None, units: Mapping[str, float]) -> float | None:
    """Read a number with its unit, such as ``7892.3 um``, ``10um`` or ``15000 Volt``."""
    match = re.fullmatch(r"\s*([-+]?[0-9.]+(?:[eE][-+]?\d+)?)\s*([^\d\s]+)\s*", text or "")
    factor = None if match is None else units.get(match[2], units.get(match[2].lower()))
    return None if match is None else _scaled(match[1], factor)


def _magnification(value: Any) -> float | None:
    """Read ``50.00 K X``, ``600 X`` or a number."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([kK]?)\s*[xX]?\s*", str(value))
    number = _positive(match[1]) if match else None
    return None if match is None or number is None else _rounded(number * (1000 if match[2] else 1))


def _pair(rows: Any, columns: Any) -> tuple[int, int] | None:
    height, width = _positive(rows), _positive(columns)
    return (int(height), int(width)) if height and width else None


def _word(value: Any) -> str | None:
    text = " ".join(str(value).split()).strip("\"'") if value is not None else ""
    return text.replace('"', "")[:200] or None


def _time(date: Any, time: Any) -> str | None:
    if date is None:
        return None
    day = clock = None
    for form in _DATES:
        with contextlib.suppress(ValueError):
            day = day or datetime.strptime(str(date).strip(), form)
    for form in _TIMES:
        with contextlib.suppress(ValueError):
            clock = clock or datetime.strptime(str(time).strip(), form)
    if day is None:
        return None
    return datetime.combine(day.date(), clock.time()).isoformat() if clock else day.date().isoformat()
