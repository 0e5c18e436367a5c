"""What instruments and editors burn into micrographs: data bars and scale bars, which nobody colors."""

from __future__ import annotations

import numpy as np

from semcolorize.scenes.detector import GRAY_TO_LIGHTNESS

__all__ = ["OVERLAY_FAMILY", "burn_in", "draw_overlay"]

OVERLAY_FAMILY = "overlay"
"""Family of the class that burnt-in pixels get; color plans leave it gray."""


def draw_overlay(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw a data bar or a scale bar with its label.

    Returns
    -------
    where : bool (H, W) numpy.ndarray
        Pixels that are burnt in.
    lightness : float32 (H, W) numpy.ndarray
        CIE L* there.
    """
    where, gray = np.zeros(shape, bool), np.zeros(shape, np.uint8)
    rows, cols = shape
    ink = 255 if rng.random() < 0.85 else 0
    if rng.random() < 0.5:  # an instrument's bar along the lower edge
        top = rows - max(round(rng.uniform(0.06, 0.11) * rows), 7)
        where[top:] = True
        gray[top:] = rng.integers(0, 30) if ink else rng.integers(225, 256)
        middle, height = (top + rows) // 2, max((rows - top) // 2, 4)
        left = int(rng.integers(2, 8))
        while left < 0.9 * cols:
            width = int(rng.uniform(0.08, 0.25) * cols)
            _letters(gray, rng, middle, left, height, width, ink)
            left += width + int(rng.uniform(0.03, 0.1) * cols)
        return where, GRAY_TO_LIGHTNESS[gray]
    length, thick = int(rng.uniform(0.12, 0.3) * cols), max(round(0.012 * rows), 1)
    row = int(rng.uniform(0.85, 0.95) * rows)
    col = (
        int(rng.uniform(0.03, 0.1) * cols) if rng.random() < 0.5 else cols - length - int(rng.uniform(0.03, 0.1) * cols)
    )
    letters = np.zeros(shape, np.uint8)
    letters[row : row + thick, col : col + length] = 1
    _letters(letters, rng, row - max(rows // 24, 4), col, max(rows // 20, 4), int(0.8 * length), 1)
    where |= letters > 0
    gray[where] = ink
    return where, GRAY_TO_LIGHTNESS[gray]


def _letters(
    gray: np.ndarray, rng: np.random.Generator, middle: int, left: int, height: int, width: int, ink: int
) -> None:
    """Strokes with the density of print, `height` pixels high around the row `middle`."""
    top = max(middle - height // 2, 0)
    pitch = max(round(0.7 * height), 3)
    for start in range(left, min(left + width, gray.shape[1]) - pitch, pitch):
        strokes = rng.integers(1, 4)
        for kind in rng.integers(0, 4, strokes):
            if kind < 2:
                column = start + (0 if kind == 0 else pitch - 2)
                gray[top : top + height, column] = ink
            else:
                row = top + (0 if kind == 2 else height // 2)
                gray[row, start : start + pitch - 1] = ink


def burn_in(
    lightness: np.ndarray,
    instances: np.ndarray,
    class_of_instance: np.ndarray,
    families: tuple[str, ...],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Burn an overlay into a micrograph as an instance of a class of its own; arguments and results alike."""
    where, plane = draw_overlay(rng, (lightness.shape[0], lightness.shape[1]))
    number = len(class_of_instance)
    return (
        np.where(where, plane, lightness).astype(np.float32),
        np.where(where, number, instances).astype(np.int32),
        np.append(class_of_instance, len(families)).astype(class_of_instance.dtype),
        (*families, OVERLAY_FAMILY),
    )
