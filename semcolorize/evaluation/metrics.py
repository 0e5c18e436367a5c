"""How close a colored image is to its reference."""

from __future__ import annotations

import math

import numpy as np

from semcolorize.color.difference import ciede2000
from semcolorize.color.gamut import lightness_and_ab_to_lab
from semcolorize.color.lab import lab_to_rgb

__all__ = ["bootstrap_interval", "chroma_ratio", "mean_ciede2000", "psnr", "rgb_from_ab"]

_MSE_FLOOR = 1e-5


def rgb_from_ab(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """RGB (H, W, 3) in [0, 1] of a*b* (H, W, 2) at the true lightness (H, W), clipped as the papers do."""
    lab = lightness_and_ab_to_lab(lightness.astype(np.float64), ab.astype(np.float64))
    return np.clip(lab_to_rgb(lab), 0, 1)


def psnr(rgb: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB over all three channels in [0, 1]; squared error floored at 1e-5 (iColoriT)."""
    return 10 * math.log10(1 / max(float(np.mean((rgb - reference) ** 2)), _MSE_FLOOR))


def mean_ciede2000(lab: np.ndarray, reference: np.ndarray) -> float:
    """Mean CIEDE2000 of two (H, W, 3) CIELAB images."""
    return float(np.mean(ciede2000(lab, reference)))


def chroma_ratio(ab: np.ndarray, reference: np.ndarray) -> float:
    """Mean chroma over the reference's: below 1, colors fade."""
    return float(np.hypot(*np.moveaxis(ab, -1, 0)).mean() / max(np.hypot(*np.moveaxis(reference, -1, 0)).mean(), 1e-9))


def bootstrap_interval(values: np.ndarray, *, seed: int = 0, resamples: int = 2000) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean over images."""
    values = np.asarray(values, dtype=np.float64)
    rng = np.random.Generator(np.random.PCG64(seed))
    means = values[rng.integers(0, len(values), (resamples, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
