"""How large a pixel is, in whatever unit the file says it, and what says so."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field

__all__ = ["Calibration", "imagej_calibration", "is_device_resolution", "unit_nanometers"]

_NANOMETERS = {
    "pm": 1e-3, "å": 0.1, "a": 0.1, "angstrom": 0.1, "nm": 1.0, "nanometer": 1.0, "nanometre": 1.0,
    "um": 1e3, "μm": 1e3, "μ": 1e3, "micron": 1e3, "micrometer": 1e3, "micrometre": 1e3,
    "mm": 1e6, "millimeter": 1e6, "millimetre": 1e6, "cm": 1e7, "centimeter": 1e7, "centimetre": 1e7,
    "m": 1e9, "meter": 1e9, "metre": 1e9, "inch": 2.54e7, "inche": 2.54e7, "in": 2.54e7,
}  # fmt: skip
"""Units after NFKC, in lower case, without the s of a plural."""
_LOST_MICRO = re.compile(r"(?:\?|[^\x00-\x7f]{1,3})m")
"""The only unit of length before whose m stands what is not ASCII is µm, in whatever encoding it was misread."""
_SMALLEST_NM, _LARGEST_NM = 1e-4, 1e7
"""A tenth of a picometer and a centimeter: nobody looks at pixels beyond."""
_SEM_LIMIT_NM = 20_000.0
"""Where nothing but a resolution in dpi says it, larger pixels are no micrograph's: it is for screens and printers."""
_PRINT_NM = 2.54e7 / 300
"""Pixels as large as those of a good print: a thousand of them are wider than any specimen chamber's field."""
_FINEST_DPI = 20_000
"""No scanner or printer resolves more."""


def unit_nanometers(unit: str) -> float | None:
    """Nanometers of a unit of length, as any program spells it; None if it is none that is known."""
    text = unicodedata.normalize("NFKC", unit.strip()).lower()
    # Not ms for m.
    factor = _NANOMETERS.get(text) or (_NANOMETERS.get(text.removesuffix("s")) if len(text) > 4 else None)
    return 1e3 if factor is None and _LOST_MICRO.fullmatch(text) else factor


@dataclass(frozen=True, slots=True)
class Calibration:
    """Size of a pixel.

    Parameters
    ----------
    x_size, y_size : float
        Width and height of a pixel, in `unit`.
    unit : str
        As the file spells it: ``µm``, ``nm``, ``micron``, ``inch``.
    source : str
        What says so: ``Zeiss AP_WIDTH over columns``. Empty where it is not known; not compared.
    """

    x_size: float
    y_size: float
    unit: str
    source: str = field(default="", compare=False)

    @classmethod
    def from_meters(cls, x_size: float, y_size: float, source: str = "") -> Calibration:
        """Calibration of a pixel size in meters, in nm below 1 µm and in µm above."""
        if x_size < 1e-6:
            return cls(x_size * 1e9, y_size * 1e9, "nm", source)
        return cls(x_size * 1e6, y_size * 1e6, "µm", source)

    @property
    def nanometers(self) -> tuple[float, float] | None:
        """Width and height of a pixel in nm; None if the unit is no length known.

        Nine digits, more than anything is measured with: without the dust that changing the unit leaves.
        """
        factor = unit_nanometers(self.unit)
        return None if factor is None else (float(f"{self.x_size * factor:.9g}"), float(f"{self.y_size * factor:.9g}"))

    @property
    def is_plausible(self) -> bool:
        """Positive, finite, and of a size that anybody looks at."""
        if not all(math.isfinite(size) and size > 0 for size in (self.x_size, self.y_size)):
            return False
        nanometers = self.nanometers
        return nanometers is None or (min(nanometers) > _SMALLEST_NM and max(nanometers) < _LARGEST_NM)

    @property
    def statement(self) -> str:
        """Width of a pixel and what says it, for a note: ``11.65 nm (Zeiss AP_WIDTH over columns)``."""
        size = f"{self.x_size:.4g} {self.unit}"
        return f"{size} ({self.source})" if self.source else size


def is_device_resolution(calibration: Calibration, *, limit_nm: float = _SEM_LIMIT_NM) -> bool:
    """Whether a resolution in dots per inch or centimeter is that of a screen, a printer or a scanner.

    Parameters
    ----------
    calibration : Calibration
        In inches or centimeters, as TIFF has it.
    limit_nm : float
        Pixels from this size on are no micrograph's.

    Notes
    -----
    It is where the pixels would be 20 µm or larger (`limit_nm`). Finer ones are a scanner's where they are a
    round number of dots an inch (1200, 2400, 4800), any whole number if the unit is the inch: a microscope's
    pixels have no reason to be.
    """
    nanometers = calibration.nanometers
    if nanometers is None or max(nanometers) >= limit_nm:
        return True
    dots = 2.54e7 / nanometers[0]
    if dots > _FINEST_DPI:
        return False
    steps = [(100, 1e-4), (144, 1e-4)]
    if unit_nanometers(calibration.unit) == _NANOMETERS["inch"]:
        steps.append((1, 1e-6))
    return any(abs(dots - step * round(dots / step)) <= tolerance * dots for step, tolerance in steps)


def imagej_calibration(x_size: float, y_size: float, unit: str) -> Calibration | None:
    """Return a scale as ImageJ states it; None if it is only the resolution that ImageJ found in the file.

    Parameters
    ----------
    x_size, y_size : float
        Width and height of a pixel.
    unit : str
        As ImageJ has it. Inches and centimeters are what it makes of a TIFF's resolution; nobody sets inches.
    """
    if unit.strip().lower() in ("", "pixel", "pixels"):
        return None
    length = unit_nanometers(unit)
    calibration = Calibration(x_size, y_size, "µm" if length == 1e3 else unit, "ImageJ scale")
    limits = {_NANOMETERS["inch"]: _SEM_LIMIT_NM, _NANOMETERS["cm"]: _PRINT_NM}
    if length in limits and calibration.is_plausible and is_device_resolution(calibration, limit_nm=limits[length]):
        return None
    return calibration
