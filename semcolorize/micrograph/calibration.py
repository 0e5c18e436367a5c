"""How large a pixel is, in whatever unit the file says it."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Calibration"]

_NANOMETERS = {
    "pm": 1e-3, "å": 0.1, "a": 0.1, "angstrom": 0.1, "nm": 1.0, "nanometer": 1.0, "nanometre": 1.0,
    "um": 1e3, "µm": 1e3, "μm": 1e3, "micron": 1e3, "microns": 1e3, "micrometer": 1e3, "micrometre": 1e3,
    "mm": 1e6, "millimeter": 1e6, "millimetre": 1e6, "cm": 1e7, "m": 1e9, "meter": 1e9, "metre": 1e9,
    "inch": 2.54e7, "in": 2.54e7,
}  # fmt: skip
_SEM_LIMIT_NM = 20_000.0
"""Larger pixels are no micrograph's: a resolution in dpi that gives them is for printers."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Size of a pixel.

    Parameters
    ----------
    x_size, y_size : float
        Width and height of a pixel, in `unit`.
    unit : str
        As the file spells it: ``µm``, ``nm``, ``micron``, ``inch``.
    """

    x_size: float
    y_size: float
    unit: str

    @classmethod
    def from_meters(cls, x_size: float, y_size: float) -> Calibration:
        """Calibration of a pixel size in meters, in nm below 1 µm and in µm above."""
        if x_size < 1e-6:
            return cls(x_size * 1e9, y_size * 1e9, "nm")
        return cls(x_size * 1e6, y_size * 1e6, "µm")

    @property
    def nanometers(self) -> tuple[float, float] | None:
        """Width and height of a pixel in nm; None if the unit is no length known."""
        factor = _NANOMETERS.get(self.unit.strip().lower())
        return None if factor is None else (self.x_size * factor, self.y_size * factor)

    @property
    def is_plausible(self) -> bool:
        """Positive, finite, and not the 72 or 300 dpi that programs write for printers."""
        if not all(math.isfinite(size) and size > 0 for size in (self.x_size, self.y_size)):
            return False
        nanometers = self.nanometers
        return nanometers is None or max(nanometers) < _SEM_LIMIT_NM
