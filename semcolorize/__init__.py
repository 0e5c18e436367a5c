"""semcolorize: color scanning-electron micrographs from a few hints, without touching the measurement.

Importing the package loads neither torch nor a Java machine; each public name loads what it needs when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from semcolorize._version import __version__

if TYPE_CHECKING:
    from semcolorize.color.palette import Palette
    from semcolorize.errors import SemColorizeError
    from semcolorize.hintfiles.yaml_hints import read_hints
    from semcolorize.hintfiles.yaml_palettes import read_palette
    from semcolorize.hints.model import HintSet, LineHint, PointHint, RegionHint
    from semcolorize.micrograph.reading import Micrograph, read_micrograph
    from semcolorize.pipeline import Colorizer
    from semcolorize.result import ColorResult

__all__ = [
    "ColorResult",
    "Colorizer",
    "HintSet",
    "LineHint",
    "Micrograph",
    "Palette",
    "PointHint",
    "RegionHint",
    "SemColorizeError",
    "__version__",
    "read_hints",
    "read_micrograph",
    "read_palette",
]

_HOMES = {
    "ColorResult": "semcolorize.result",
    "Colorizer": "semcolorize.pipeline",
    "HintSet": "semcolorize.hints.model",
    "LineHint": "semcolorize.hints.model",
    "Micrograph": "semcolorize.micrograph.reading",
    "Palette": "semcolorize.color.palette",
    "PointHint": "semcolorize.hints.model",
    "RegionHint": "semcolorize.hints.model",
    "SemColorizeError": "semcolorize.errors",
    "read_hints": "semcolorize.hintfiles.yaml_hints",
    "read_micrograph": "semcolorize.micrograph.reading",
    "read_palette": "semcolorize.hintfiles.yaml_palettes",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'semcolorize' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
