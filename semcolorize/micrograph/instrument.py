"""What the instrument says about an image: pixel size, magnification, voltage, and where its data bar begins.

The readers are in `semcolorize.micrograph.instruments`, one module a vendor.
"""

from __future__ import annotations

from semcolorize.micrograph.instruments.instrument import Instrument
from semcolorize.micrograph.instruments.readers import instrument_of_text, instrument_of_tiff

__all__ = ["Instrument", "instrument_of_text", "instrument_of_tiff"]
