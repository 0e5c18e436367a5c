"""Random walkers with soft seeds on a grid: the sparse systems behind propagation, and the classical method itself.

A walker starts at a pixel and steps to one of its four neighbors with probability proportional to
``exp(-beta dL^2)``, so it seldom crosses an edge of the lightness. A pixel's propagated color is the mean of the hint
colors, weighted with the probability that the walker meets each of them first (Grady 2006). It is the strongest
classical method for sparse hints.

With the graph Laplacian D and the seed strengths S the propagated color solves ``(D + S) x = S h``: one sparse,
symmetric, positive definite system for a*, b* and the confidence together.

References
----------
L. Grady, "Random walks for image segmentation", IEEE TPAMI 28 (2006), 1768-1783.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from semcolorize.errors import ShapeError

__all__ = [
    "SEED_STRENGTH", "Edges", "check_shapes", "checked", "edges_of", "forget_factors", "lightness_edges",
    "random_walker", "walk", "walker_system",
]  # fmt: skip

Edges = tuple[np.ndarray, np.ndarray]
"""Of a grid (h, w): between cells and their right neighbors (h, w - 1), and those below (h - 1, w)."""

_PIXEL_BETA = 500.0
"""Edge sensitivity for lightness in 0 to 1. Chosen on colored micrographs: flat within 0.3 dB from 400 to 1000."""

SEED_STRENGTH = 100.0

_KEPT_CELLS = 32_768
"""Largest grid whose factors are kept: some 20 MB."""

EXACT_CELLS = 300_000
"""Largest grid that is factorized: some 0.4 GB, and an image of 2200 x 2200 pixels in cells of 4 x 4."""

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
    return _factorized(*lightness_edges(lightness, beta, weight_floor), screen)


def lightness_edges(lightness: np.ndarray, beta: float, floor: float = _WEIGHT_FLOOR) -> Edges:
    """How easily walkers cross to the next cell: ``exp(-beta (dL/100)^2) + floor``."""
    across, down = ((np.diff(lightness, axis=axis) / 100) ** 2 for axis in (1, 0))
    return edges_of((across, down), beta, floor)


def edges_of(apart: Edges, gain: float, floor: float = _WEIGHT_FLOOR) -> Edges:
    """The same from how far neighbors are apart by any measure: ``exp(-gain apart) + floor``."""
    across, down = (np.exp(-gain * distance.astype(np.float64)) + floor for distance in apart)
    return across, down


def _factorized(across: np.ndarray, down: np.ndarray, screen: np.ndarray) -> object:
    """Factors of Laplacian plus screen; of small grids the last few are kept, since variants share their systems."""
    if screen.size > _KEPT_CELLS:
        return _factors(across, down, screen)
    return _kept_factors(*(np.ascontiguousarray(x, np.float64).tobytes() for x in (across, down, screen)), screen.shape)


@lru_cache(maxsize=4)
def _kept_factors(across: bytes, down: bytes, screen: bytes, shape: tuple[int, int]) -> object:
    height, width = shape
    shapes = ((height, width - 1), (height - 1, width), shape)
    return _factors(*(np.frombuffer(x).reshape(s) for x, s in zip((across, down, screen), shapes, strict=True)))


def forget_factors() -> None:
    """Drop the factors that are kept: who times the same image again times what it takes the first time."""
    _kept_factors.cache_clear()


def _factors(across: np.ndarray, down: np.ndarray, screen: np.ndarray) -> object:
    from scipy import sparse
    from scipy.sparse.linalg import splu

    height, width = screen.shape
    horizontal = np.zeros((height, width))
    vertical = np.zeros((height, width))
    horizontal[:, :-1] = across
    vertical[:-1] = down
    diagonal = horizontal + vertical + screen
    diagonal[:, 1:] += across
    diagonal[1:] += down
    right = horizontal.ravel()[:-1]
    below = vertical.ravel()[: height * width - width]
    if width == 1:
        bands, offsets = [diagonal.ravel(), -below, -below], [0, 1, -1]
    elif height == 1:
        bands, offsets = [diagonal.ravel(), -right, -right], [0, 1, -1]
    else:
        bands, offsets = [diagonal.ravel(), -right, -right, -below, -below], [0, 1, -1, width, -width]
    system = sparse.diags(bands, offsets, format="csc")
    # Narrow panels suit factors as sparse as these: a quarter faster than the default of 20 columns.
    return splu(
        system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0, panel_size=4
    )


def random_walker(
    lightness: np.ndarray,
    hint_ab: np.ndarray,
    hint_mask: np.ndarray,
    *,
    beta: float = _PIXEL_BETA,
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
    lightness, hint_ab, hint_mask = checked(lightness, hint_ab, hint_mask)
    if not hint_mask.any():
        return np.zeros_like(hint_ab)
    seeds = seed_strength * (hint_mask > 0)
    factors = walker_system(lightness, beta, weight_floor, seeds)
    right = (seeds[..., None] * hint_ab).reshape(-1, 2)
    return factors.solve(right).reshape(hint_ab.shape)  # type: ignore[attr-defined]


def walk(
    edges: Edges,
    strength: np.ndarray,
    inks: np.ndarray | None,
    reach: float,
    *,
    exact_cells: int = EXACT_CELLS,
) -> tuple[np.ndarray, np.ndarray]:
    """Confidence-weighted inks (empty without `inks`) and confidence of a walker with a given reach.

    `edges` as `lightness_edges` has them; `strength` (h, w) and `inks` (h, w, C) are of the seeds.

    Grids of more than `exact_cells` cells are solved from coarse to fine (the cascadic multigrid method, Bornemann and
    Deuflhard 1996): time and memory grow with the number of cells, and inks are off by about a tenth on real textures.
    """
    columns = [strength[..., None]] if inks is None else [strength[..., None] * inks, strength[..., None]]
    right = np.concatenate(columns, axis=-1)
    # (Laplacian + leak) u = 0 decays as exp(-sqrt(leak) r) on flat ground: leak = 1/reach^2 in cells.
    solved = _solve(*edges, strength + 1 / (reach**2 * strength.size), right, exact_cells)
    return solved[..., :-1], np.clip(solved[..., -1], 0, 1)


def _solve(
    across: np.ndarray, down: np.ndarray, screen: np.ndarray, right: np.ndarray, exact_cells: int
) -> np.ndarray:
    """Solve (Laplacian + screen) x = right, (h, w, C)."""
    height, width = screen.shape
    if screen.size <= exact_cells or min(height, width) < 4:
        factors = _factorized(across, down, screen)
        return factors.solve(right.reshape(screen.size, -1)).reshape(right.shape)  # type: ignore[attr-defined]
    # What is added at the border holds nothing.
    padding = [(0, height % 2), (0, width % 2)]
    screen_of_four = _of_four(np.pad(screen, padding))
    # A seed on one cell of four is harder to meet than one on all: the resistance of a disk of its area in theirs.
    covered = screen_of_four**2 / _of_four(np.pad(screen**2, padding))
    held = 1 / (1 + screen_of_four * np.log(4 / covered) / (4 * np.pi))
    coarse = _solve(
        _coarser(across, height, width),
        _coarser(down.T, width, height).T,
        held * screen_of_four,
        held[..., None] * _of_four(np.pad(right, [*padding, (0, 0)])),
        exact_cells,
    )
    guess = coarse.repeat(2, axis=0)[:height].repeat(2, axis=1)[:, :width]
    return _smoothed(across, down, screen, right, guess)


def _of_four(values: np.ndarray) -> np.ndarray:
    """Sums of 2 x 2 cells."""
    return values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]


def _coarser(across: np.ndarray, height: int, width: int) -> np.ndarray:
    """Weights between neighbors of a grid of 2 x 2 cells each.

    From the middle of one to the middle of the next a walker crosses half an inner edge, the edge between, and half an
    inner edge: resistances in a row, two rows side by side. An edge of the image that runs inside a cell so stays one.
    """
    resistance = np.pad(1 / across, [(0, height % 2), (0, width % 2)], mode="edge")
    inner, between = resistance[:, ::2], resistance[:, 1::2]
    whole = inner[:, :-1] / 2 + between[:, : inner.shape[1] - 1] + inner[:, 1:] / 2
    return 1 / whole[::2] + 1 / whole[1::2]


_SWEEPS = 8


def _smoothed(
    across: np.ndarray, down: np.ndarray, screen: np.ndarray, right: np.ndarray, guess: np.ndarray
) -> np.ndarray:
    """Chebyshev iteration (Saad 2003, algorithm 12.1) on the part of the error that the coarser grid could not see."""
    across, down = across[..., None], down[..., None]
    diagonal = screen[..., None].copy()
    diagonal[:, :-1] += across
    diagonal[:, 1:] += across
    diagonal[:-1] += down
    diagonal[1:] += down

    def residual(x: np.ndarray) -> np.ndarray:
        rest = right - diagonal * x
        rest[:, :-1] += across * x[:, 1:]
        rest[:, 1:] += across * x[:, :-1]
        rest[:-1] += down * x[1:]
        rest[1:] += down * x[:-1]
        rest /= diagonal
        return rest

    # Eigenvalues of the system over its diagonal lie in (0, 2); small ones are smooth and right already.
    center, radius = 1.1, 0.9
    found = guess.copy()
    change = residual(found) / center
    ratio = radius / center
    for _ in range(_SWEEPS):
        found += change
        following = 1 / (2 * center / radius - ratio)
        change *= following * ratio
        change += (2 * following / radius) * residual(found)
        ratio = following
    return found


def check_shapes(lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray) -> None:
    """Raise ShapeError unless the three are (H, W), (H, W, 2) and (H, W)."""
    if lightness.ndim != 2 or hint_mask.shape != lightness.shape or hint_ab.shape != (*lightness.shape, 2):
        raise ShapeError(
            f"lightness {lightness.shape}, hint_ab {hint_ab.shape} and hint_mask {hint_mask.shape} must be "
            "(H, W), (H, W, 2) and (H, W)."
        )


def checked(
    lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three as float64, their shapes checked."""
    lightness, hint_ab, hint_mask = np.asarray(lightness), np.asarray(hint_ab), np.asarray(hint_mask)
    check_shapes(lightness, hint_ab, hint_mask)
    return lightness.astype(np.float64), hint_ab.astype(np.float64), hint_mask.astype(np.float64)
