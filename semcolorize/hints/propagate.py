"""Edge-aware propagation of sparse hints: the random walker with soft seeds.

A walker starts at a pixel and steps to one of its four neighbors with probability proportional to
``exp(-beta dL^2)``, so it seldom crosses an edge of the lightness. A pixel's propagated color is the mean of the hint
colors, weighted with the probability that the walker meets each of them first (Grady 2006). It is the strongest
classical method for sparse hints, and the prior over which the network diffuses a residual.

With the graph Laplacian D and the seed strengths S the propagated color solves ``(D + S) x = S h``: one sparse,
symmetric, positive definite system for a*, b* and the confidence together.

References
----------
L. Grady, "Random walks for image segmentation", IEEE TPAMI 28 (2006), 1768-1783.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcolorize.errors import ShapeError

__all__ = ["Propagation", "propagate", "random_walker", "walker_system"]

PIXEL_BETA = 500.0
CELL_BETA = 400.0
"""Edge sensitivity for lightness in 0 to 1. Chosen on colored micrographs (PSNR at 5 to 100 hints is flat within
0.3 dB from 400 to 1000); averaging over cells blunts edges, so the cell grid wants a little less."""

_SEED_STRENGTH = 100.0

_SHRINKAGE = 0.25
"""Where a walker hardly meets a hint, the image's mean hint color is the better guess. Power of the confidence:
measured +0.3 dB at 5 hints and +0.15 dB at 20 on colored micrographs, flat from 0.25 to 0.5."""

_WEIGHT_FLOOR = 1e-4
"""Walkers cross even the sharpest edge now and then, so the system is well conditioned and never singular."""


def walker_system(lightness: np.ndarray, beta: float, weight_floor: float, screen: np.ndarray) -> object:
    """Factorize Laplacian plus screen for a 4-neighbor grid.

    Parameters
    ----------
    lightness : float64 ndarray of shape (H, W)
        CIE L*, 0 to 100.
    beta, weight_floor : float
        Edge weights are ``exp(-beta (dL/100)^2) + weight_floor``.
    screen : ndarray of shape (H, W)
        Added to the diagonal; positive somewhere, or the system is singular.

    Returns
    -------
    scipy.sparse.linalg.SuperLU
        With a method ``solve``.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    height, width = lightness.shape
    horizontal = np.zeros((height, width))
    vertical = np.zeros((height, width))
    horizontal[:, :-1] = np.exp(-beta * (np.diff(lightness, axis=1) / 100) ** 2) + weight_floor
    vertical[:-1] = np.exp(-beta * (np.diff(lightness, axis=0) / 100) ** 2) + weight_floor
    diagonal = horizontal + vertical + screen
    diagonal[:, 1:] += horizontal[:, :-1]
    diagonal[1:] += vertical[:-1]
    right = horizontal.ravel()[:-1]
    below = vertical.ravel()[: height * width - width]
    if width == 1:
        bands, offsets = [diagonal.ravel(), -below, -below], [0, 1, -1]
    elif height == 1:
        bands, offsets = [diagonal.ravel(), -right, -right], [0, 1, -1]
    else:
        bands, offsets = [diagonal.ravel(), -right, -right, -below, -below], [0, 1, -1, width, -width]
    system = sparse.diags(bands, offsets, format="csc")
    return splu(system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)


def random_walker(
    lightness: np.ndarray,
    hint_ab: np.ndarray,
    hint_mask: np.ndarray,
    *,
    beta: float = PIXEL_BETA,
    seed_strength: float = 1e6,
    weight_floor: float = _WEIGHT_FLOOR,
) -> np.ndarray:
    """Propagate hint colors over a whole image, pixel by pixel: the classical method by itself.

    Parameters
    ----------
    lightness : ndarray of shape (H, W)
        CIE L*, 0 to 100.
    hint_ab : ndarray of shape (H, W, 2)
        CIELAB a*b*, read where `hint_mask` is set.
    hint_mask : bool ndarray of shape (H, W)
    beta : float
        Edge sensitivity: neighbors are joined with ``exp(-beta (dL/100)^2)``.
    seed_strength : float
        Weight that holds a hinted pixel to its hint; large values make hard seeds.
    weight_floor : float
        Added to every edge weight.

    Returns
    -------
    ab : float64 ndarray of shape (H, W, 2)
        Each pixel a convex combination of hint colors; zeros where nothing is hinted.

    Notes
    -----
    Every seed label's probability solves the same system (Grady, eq. 7), so solving for a* and b* equals combining
    the label probabilities with the labels' colors.
    """
    lightness, hint_ab, hint_mask = _checked(lightness, hint_ab, hint_mask)
    if not hint_mask.any():
        return np.zeros_like(hint_ab)
    seeds = seed_strength * (hint_mask > 0)
    factors = walker_system(lightness, beta, weight_floor, seeds)
    right = (seeds[..., None] * hint_ab).reshape(-1, 2)
    return factors.solve(right).reshape(hint_ab.shape)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Propagation:
    """Propagated hints on a grid of cells.

    Attributes
    ----------
    ab : float32 ndarray of shape (H/cell, W/cell, 2)
        Propagated color in CIELAB units: a convex combination of hint colors; zeros without hints.
    confidence : float32 ndarray of shape (H/cell, W/cell)
        In [0, 1]: how likely a walker meets a hint before it gives up. The walk after which it gives up grows with
        the image, so that a confidence means the same at every size.
    """

    ab: np.ndarray
    confidence: np.ndarray


def propagate(
    lightness: np.ndarray,
    hint_ab: np.ndarray,
    hint_mask: np.ndarray,
    *,
    cell: int = 4,
    beta: float = CELL_BETA,
    reach: float = 1.0,
) -> Propagation:
    """Propagate hints on a grid of `cell` x `cell` pixels: the prior for the network.

    Parameters
    ----------
    lightness : ndarray of shape (H, W)
        CIE L*, 0 to 100. H and W must be multiples of `cell`.
    hint_ab : ndarray of shape (H, W, 2)
        CIELAB a*b*, read where `hint_mask` is not 0.
    hint_mask : ndarray of shape (H, W), bool or 0 to 1
        Which pixels are hinted, or how strongly.
    cell : int
        Pixels a side of a grid cell; a cell's hint is the weighted mean of the hints in it.
    beta : float
        Edge sensitivity for lightness in 0 to 1.
    reach : float
        Length at which confidence has fallen to 1/e on flat ground, as a share of sqrt(H W).

    Returns
    -------
    Propagation

    Notes
    -----
    Measured on colored micrographs, the walker on 4 x 4 cells scores as well as on single pixels (averaging keeps
    noise from looking like edges) at a sixteenth of the unknowns.
    """
    lightness, hint_ab, hint_mask = _checked(lightness, hint_ab, hint_mask)
    height, width = lightness.shape
    if height % cell or width % cell:
        raise ShapeError(f"{height} x {width} is no multiple of the cell of {cell} pixels; pad the image first.")
    mask = _cell_mean(hint_mask, cell)
    if not mask.any():
        empty = np.zeros(mask.shape, np.float32)
        return Propagation(ab=np.zeros((*mask.shape, 2), np.float32), confidence=empty)
    colors = _cell_mean(hint_ab * hint_mask[..., None], cell) / np.maximum(mask, 1e-9)[..., None]
    # A cell holds its hint as firmly as a whole hinted cell from a quarter of its area on.
    seeds = _SEED_STRENGTH * np.minimum(4 * mask, 1.0)
    # (Laplacian + leak) u = 0 decays as exp(-sqrt(leak) r) on flat ground: leak = 1/reach^2 in cells.
    leak = 1 / (reach**2 * mask.size)
    factors = walker_system(_cell_mean(lightness, cell), beta, _WEIGHT_FLOOR, seeds + leak)
    right = np.concatenate([seeds[..., None] * colors, seeds[..., None]], axis=-1).reshape(-1, 3)
    solved = factors.solve(right).reshape(*mask.shape, 3)  # type: ignore[attr-defined]
    met = np.clip(solved[..., 2], 0, 1)
    # Where confidence vanishes the quotient is noise; the mean hint color is its limit.
    trust = 1e-6
    mean = (seeds[..., None] * colors).sum(axis=(0, 1)) / seeds.sum()
    walked = (solved[..., :2] + trust * mean) / (met + trust)[..., None]
    share = (met**_SHRINKAGE)[..., None]
    ab = share * walked + (1 - share) * mean
    return Propagation(ab=ab.astype(np.float32), confidence=met.astype(np.float32))


def _cell_mean(values: np.ndarray, cell: int) -> np.ndarray:
    height, width = values.shape[:2]
    blocks = values.reshape(height // cell, cell, width // cell, cell, *values.shape[2:])
    return blocks.mean(axis=(1, 3))


def _checked(
    lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lightness, hint_ab, hint_mask = np.asarray(lightness), np.asarray(hint_ab), np.asarray(hint_mask)
    if lightness.ndim != 2 or hint_mask.shape != lightness.shape or hint_ab.shape != (*lightness.shape, 2):
        raise ShapeError(
            f"lightness {lightness.shape}, hint_ab {hint_ab.shape} and hint_mask {hint_mask.shape} must be "
            "(H, W), (H, W, 2) and (H, W)."
        )
    return lightness.astype(np.float64), hint_ab.astype(np.float64), hint_mask.astype(np.float64)
