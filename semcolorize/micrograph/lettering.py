"""The typeface of legends, sheets and scale bars."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["typeface"]


def typeface(size: int) -> Any:
    """Return DejaVu Sans, which comes with matplotlib and has Greek and Cyrillic; Pillow's own font has not."""
    from PIL import ImageFont

    return ImageFont.truetype(_file(), size)


@cache
def _file() -> Path:
    # Importing matplotlib for the place of a file takes most of a second on a cold disk.
    found = find_spec("matplotlib")
    if found is not None and found.origin is not None:
        path = Path(found.origin).with_name("mpl-data") / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return path
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
