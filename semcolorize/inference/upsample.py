"""From the working size to every pixel: colors on the edges of the full image, shaded after its lightness."""

from __future__ import annotations

import numpy as np

from semcolorize.color.ink import TINTS, ink_curve
from semcolorize.inference.assignment import Assignment
from semcolorize.network.marking import MarkedMicrograph
from semcolorize.parallel import each, strips

__all__ = ["ab_of_labels", "ab_of_proposals"]


def ab_of_labels(
    marked: MarkedMicrograph, assignment: Assignment, crispness: float, rest: np.ndarray | None = None
) -> np.ndarray:
    """Chances times the labels' colors times the chroma curve, and nothing else: (1, H, W, 2) float32.

    A hint's pixels have its label, as far as its strength goes. `rest` (2,) is the normalized chroma of what has none,
    gray by default.
    """
    rest = np.zeros(2, np.float32) if rest is None else rest
    image, pixels = marked.image, marked.pixels
    chroma = image.upsampler(assignment.normalized_chroma(crispness, rest))
    colors = np.array([rest, *(label.normalized_chroma for label in assignment.labels)], np.float32)
    there = chroma[pixels.rows, pixels.columns]
    asked = colors[assignment.label + 1]
    chroma[pixels.rows, pixels.columns] = there + pixels.strength[:, None] * (asked - there)
    ab = np.zeros((1, *image.micrograph.shape, 2), np.float32)
    _shaded(chroma, image.lightness, TINTS[0], out=ab[0, : image.bar])
    return ab


def ab_of_proposals(marked: MarkedMicrograph, proposals: np.ndarray, tint: np.ndarray) -> np.ndarray:
    """Proposals (N, h, w, 2) at full size, (N, H, W, 2) float32; a hint's color is exact where the hint lies."""
    image = marked.image
    shade = ink_curve(image.small, tint)[..., None]
    ab = np.zeros((len(proposals), *image.micrograph.shape, 2), np.float32)
    for plane, proposal in zip(ab, proposals, strict=True):
        # Inks hardly change within an object: between its darks and lights the color follows the full image.
        _shaded(image.upsampler(proposal / shade), image.lightness, tint, out=plane[: image.bar])
        marked.pixels.enforce(plane)
    return ab


def _shaded(inks: np.ndarray, lightness: np.ndarray, tint: np.ndarray, *, out: np.ndarray) -> None:
    """Colors of inks (H, W, 2) under a tint, into `out`."""

    def shade(rows: slice) -> None:
        np.multiply(inks[rows], ink_curve(lightness[rows], tint)[..., None], out=out[rows])

    each(shade, strips(*lightness.shape))
