"""Images stored as indices into a table of colors."""

from __future__ import annotations

import numpy as np

__all__ = ["resolve_palette"]


def resolve_palette(indices: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Gray (H, W) where the palette is gray, else (H, W, 3); `colors` (entries, 3) is 8 or 16 bit."""
    if colors.dtype != np.uint8:
        # Some programs write 8-bit values into the 16-bit table.
        colors = (colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)
    if (colors == colors[:, :1]).all():
        return colors[:, 0][indices]
    return colors[indices]
