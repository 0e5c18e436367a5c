"""How close a colored image is to its reference."""

from __future__ import annotations

import math

import numpy as np

from semcolorize.color.difference import ciede2000
from semcolorize.color.gamut import lightness_and_ab_to_lab
from semcolorize.color.lab import lab_to_rgb

__all__ = [
    "bootstrap_interval", "boundary_psnr", "chroma_ratio", "colorfulness", "hint_fidelity", "mean_ciede2000", "psnr",
    "rgb_from_ab", "ssim",
]  # fmt: skip

_MSE_FLOOR = 1e-5
_EDGE_DIFFERENCE = 10.0
_EDGE_WIDTH = 3


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


def ssim(rgb: np.ndarray, reference: np.ndarray) -> float:
    """Structural similarity of two (H, W, 3) images in [0, 1], Gaussian window of 1.5 pixels (Wang et al. 2004)."""
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            rgb,
            reference,
            data_range=1.0,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def colorfulness(rgb: np.ndarray) -> float:
    """Colorfulness M3 of an (H, W, 3) image in [0, 1] (Hasler and Suesstrunk 2003, section 5): 0 gray, 60 vivid."""
    red, green, blue = np.moveaxis(255 * np.asarray(rgb, np.float64), -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = math.hypot(float(red_green.std()), float(yellow_blue.std()))
    return spread + 0.3 * math.hypot(float(red_green.mean()), float(yellow_blue.mean()))


def boundary_psnr(rgb: np.ndarray, reference: np.ndarray, reference_ab: np.ndarray) -> float:
    """PSNR within 3 pixels of color edges of the reference; nan where it has none.

    A color edge is where a*b* (H, W, 2) of 4-neighbors differ by more than 10: there colors bleed.
    """
    from scipy import ndimage

    edges = np.zeros(reference_ab.shape[:2], bool)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(reference_ab, axis=axis), axis=-1) > _EDGE_DIFFERENCE
        edges |= np.pad(step, [(0, 1) if a == axis else (0, 0) for a in (0, 1)])
    near = ndimage.binary_dilation(edges, iterations=_EDGE_WIDTH)
    return psnr(rgb[near], reference[near]) if near.any() else float("nan")


def hint_fidelity(ab: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray, lightness: np.ndarray) -> float:
    """Mean CIEDE2000 between colors and hints where hinted; nan without hints."""
    if not hint_mask.any():
        return float("nan")
    plane = lightness[hint_mask][:, None].astype(np.float64)
    colored, asked = (np.concatenate([plane, x[hint_mask]], axis=-1) for x in (ab, hint_ab))
    return float(np.mean(ciede2000(colored, asked)))


def bootstrap_interval(values: np.ndarray, *, seed: int = 0, resamples: int = 2000) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean over images."""
    values = np.asarray(values, dtype=np.float64)
    rng = np.random.Generator(np.random.PCG64(seed))
    means = values[rng.integers(0, len(values), (resamples, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
