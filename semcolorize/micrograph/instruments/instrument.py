"""What an instrument says about an image, under common names and in common units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from semcolorize.micrograph.calibration import Calibration

__all__ = ["Instrument", "unread"]

_SCANS = ((1, 1), (5, 4), (4, 3), (3, 2), (8, 5), (16, 9))
"""Columns to rows of what instruments scan."""


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """Acquisition metadata; None is what the file does not say.

    Attributes
    ----------
    vendor : str
        ``FEI/Thermo``, ``Zeiss``, ``Hitachi``, ``JEOL``, ``TESCAN``, ``Olympus/SIS`` or ``Gatan``.
    model : str or None
    calibration : Calibration or None
        Size of a pixel, with its source.
    magnification : float or None
        As the instrument states it, for its own print or screen size.
    voltage_kv, working_distance_mm, tilt_deg : float or None
    detector : str or None
    acquired : str or None
        Local time in ISO 8601, as the instrument's clock had it.
    image_size : tuple of 2 ints or None
        Rows and columns of the scanned image, without the data bar.
    bar_rows : int or None
        Rows of the data bar below that.
    sidecar : str or None
        Path of the text file this was read from; None if it stood in the image.
    notes, scale_notes : tuple of str
        Where what it says contradicts itself or the image, and what was made of it: sentences, those on
        `calibration` apart.
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
    notes: tuple[str, ...] = field(default=(), compare=False)
    scale_notes: tuple[str, ...] = field(default=(), compare=False)

    def image_rows(self, shape: tuple[int, int]) -> int | None:
        """Rows above the data bar of a file of (rows, columns); None if that is not stated, or not of this file.

        An image that was cropped or resized afterwards no longer is what the metadata describe: it has other columns
        than the scan or, where the bar's rows alone are stated, no scan's proportions above the bar. In a file without
        the bar, all rows are above it.
        """
        rows, columns = shape
        if self.image_size is not None:
            scanned = self.image_size[0]
            contradicted = self.bar_rows is not None and rows - scanned not in (0, self.bar_rows)
            fits = self.image_size[1] == columns and rows // 2 <= scanned <= rows and not contradicted
            return scanned if fits else None
        if self.bar_rows is None or not 0 <= self.bar_rows <= rows // 2:
            return None
        scanned = rows - self.bar_rows
        return scanned if self.bar_rows == 0 or _may_be_scan(scanned, columns) else None

    def record(self) -> dict[str, Any]:
        """Return JSON values: what is known, but for the pixel size."""
        known = {
            "vendor": self.vendor, "model": self.model, "magnification": self.magnification,
            "voltage_kv": self.voltage_kv, "working_distance_mm": self.working_distance_mm,
            "detector": self.detector, "tilt_deg": self.tilt_deg, "acquired": self.acquired,
        }  # fmt: skip
        return {key: value for key, value in known.items() if value is not None}


def _may_be_scan(rows: int, columns: int) -> bool:
    """Whether an image has the proportions of a scan, but for the rounding of its rows."""
    return any(abs(rows - columns * high / wide) < 1 for wide, high in _SCANS)


def unread(vendor: str) -> Instrument:
    """Return what is known of an instrument whose metadata are there and cannot be read: that it wrote the file."""
    return Instrument(
        vendor=vendor,
        scale_notes=(f"What the instrument ({vendor}) wrote into the file cannot be read: damaged, or unknown.",),
    )
