"""Classical peers: what a user has without a model.

All have one form, ``method(lightness, hint_ab, hint_mask) -> ab`` with (H, W), (H, W, 2), bool (H, W) and (H, W, 2).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from semcolorize.color.ink import ink_curve
from semcolorize.hints.propagate import propagate
from semcolorize.hints.walker import random_walker

__all__ = ["BASELINES", "gray", "inks", "levin", "mean_color", "random_walker"]

Method = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def gray(lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray) -> np.ndarray:
    """No color at all."""
    return np.zeros((*lightness.shape, 2))


def mean_color(lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray) -> np.ndarray:
    """The hints' mean color everywhere."""
    if not hint_mask.any():
        return gray(lightness, hint_ab, hint_mask)
    return np.broadcast_to(hint_ab[hint_mask].mean(axis=0), (*lightness.shape, 2)).astype(np.float64)


def levin(lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray) -> np.ndarray:
    """Colorization using optimization.

    Every pixel's color is the weighted mean of its eight neighbors', the weights falling with the difference of
    lightness relative to its local variance; hinted pixels are held.

    References
    ----------
    A. Levin, D. Lischinski, Y. Weiss, "Colorization using optimization", SIGGRAPH 2004, eqs. (1)-(2), with the
    variance scaling of the authors' published code.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    if not hint_mask.any():
        return gray(lightness, hint_ab, hint_mask)
    system = levin_system(lightness, hint_mask)
    right = np.where(hint_mask[..., None], hint_ab, 0).reshape(-1, 2).astype(np.float64)
    factors = splu(sparse.csc_matrix(system))
    return np.stack([factors.solve(right[:, i]) for i in range(2)], axis=-1).reshape(*lightness.shape, 2)


def levin_system(lightness: np.ndarray, hint_mask: np.ndarray) -> object:
    """Sparse matrix of `levin`: identity rows where hinted, else a pixel minus its neighbors' weighted mean."""
    from scipy import sparse

    y = lightness.astype(np.float64) / 100
    height, width = y.shape
    padded = np.pad(y, 1, constant_values=np.nan)
    offsets = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    around = np.stack([padded[1 + i : 1 + i + height, 1 + j : 1 + j + width] for i, j in offsets])
    window = np.concatenate([around, y[None]])
    variance = 0.6 * np.nanvar(window, axis=0)
    # At least so wide that the most alike neighbor keeps a weight of 0.01.
    square = (around - y) ** 2
    variance = np.maximum(variance, np.nanmin(square, axis=0) / -np.log(0.01))
    variance = np.maximum(variance, 2e-6)
    weights = np.where(np.isnan(square), 0, np.exp(-np.nan_to_num(square) / variance))
    weights /= weights.sum(axis=0)
    weights *= ~hint_mask
    index = np.arange(height * width).reshape(height, width)
    shifted = np.pad(index, 1, constant_values=0)
    columns = np.stack([shifted[1 + i : 1 + i + height, 1 + j : 1 + j + width] for i, j in offsets])
    rows = np.broadcast_to(index, columns.shape)
    used = weights > 0
    averaging = sparse.coo_matrix((weights[used], (rows[used], columns[used])), shape=(index.size, index.size))
    return sparse.identity(index.size, format="csr") - averaging.tocsr()


def inks(lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray) -> np.ndarray:
    """What the shipped model starts from: propagated inks (`semcolorize.hints.propagate`) without any network."""
    from skimage.transform import resize

    height, width = lightness.shape
    padding = [(0, -side % _CELL) for side in (height, width)]
    padded = np.pad(lightness, padding, mode="edge")
    walked = propagate(padded, np.pad(hint_ab, [*padding, (0, 0)]), np.pad(hint_mask, padding), cell=_CELL)
    full = resize(walked.ink, (*padded.shape, 2), order=1, mode="edge")[:height, :width]
    return ink_curve(lightness, walked.tint)[..., None] * full


_CELL = 4

BASELINES: dict[str, Method] = {
    "random-walker": random_walker,
    "levin": levin,
    "mean-color": mean_color,
    "gray": gray,
    "inks": inks,
}
