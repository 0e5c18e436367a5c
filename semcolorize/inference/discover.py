"""Classes that nobody named: cells that the encoder takes for one kind, and the label model's view of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from semcolorize.inference.assign import EncodedView
from semcolorize.model.label_model import LabelModel

__all__ = ["discover_classes"]

_SAMPLED = 1000
"""Cells that are compared with one another."""
_TYPICAL = 10
"""Cells of a class that speak for it."""


@torch.inference_mode()
def discover_classes(
    model: LabelModel,
    views: Sequence[EncodedView],
    *,
    count: int | None = None,
    most: int = 6,
    least: float = 0.015,
    free: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """Find what kinds of things the views of a series show, and mark typical places of each.

    Sampled cells are joined by average linkage (Sokal and Michener 1958) as long as the model thinks two of them more
    likely of one kind than not.

    Parameters
    ----------
    model : LabelModel
    views : sequence of EncodedView
    count : int, optional
        Classes to tell apart; by default what there is.
    most : int
        Classes at most where `count` says nothing: the largest.
    least : float
        Share of the cells that a class needs where `count` says nothing.
    free : sequence of bool ndarray of shape (h, w), optional
        Where to look, of each view; everywhere by default.

    Returns
    -------
    list of float32 ndarray of shape (K + 1, 2, h, w)
        Marks for `semcolorize.inference.assign.assign`, largest class first; no class where nothing is free.
    """
    grids = [_grid(view) for view in views]
    where = [np.ones(g, bool) if free is None else _of_cells(free[i], g) for i, g in enumerate(grids)]
    owner = np.concatenate([np.full(int(own.sum()), i) for i, own in enumerate(where)])
    cell = np.concatenate([np.flatnonzero(own) for own in where])
    wanted = [np.zeros((1, 2, *view.shape), np.float32) for view in views]
    if len(cell) < 2:
        return wanted
    drawn = np.sort(np.random.default_rng(0).choice(len(cell), min(_SAMPLED, len(cell)), replace=False))
    owner, cell = owner[drawn], cell[drawn]
    vectors = np.stack([_vector(views[i], grids[i], c) for i, c in zip(owner, cell, strict=True)])
    alike = model.same_kind(torch.from_numpy(vectors @ vectors.T).to(model.kindred)).sigmoid().cpu().numpy()
    apart = 1 - (alike + alike.T) / 2
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), "average")
    group = fcluster(tree, 0.5, "distance") if count is None else fcluster(tree, count, "maxclust")
    size = np.bincount(group)
    kept = [int(k) for k in np.argsort(-size, kind="stable") if size[k]]
    if count is None:
        kept = [k for k in kept if size[k] >= least * len(cell)][:most] or kept[:1]
    likeness = np.stack([alike[:, group == k].mean(axis=1) for k in kept], axis=1)
    marks = [np.zeros((len(kept) + 1, 2, *view.shape), np.float32) for view in views]
    for k, number in enumerate(kept):
        # Typical is what is like its own class and unlike the others.
        others = np.delete(likeness, k, axis=1).max(axis=1, initial=0.0)
        typical = np.where(group == number, likeness[:, k] - others, -np.inf)
        for j in np.argsort(-typical, kind="stable")[: min(_TYPICAL, int(size[number]))]:
            view = views[owner[j]]
            row, column = divmod(int(cell[j]), grids[owner[j]][1])
            scale = [of / seen for of, seen in zip(view.shape, view.seen, strict=True)]
            top, left = round(4 * row * scale[0]), round(4 * column * scale[1])
            marks[owner[j]][k, 0, top + 1 : top + 3, left + 1 : left + 3] = 1
    return marks


def _grid(view: EncodedView) -> tuple[int, int]:
    """Whole cells of a view."""
    return max(view.seen[0] // 4, 1), max(view.seen[1] // 4, 1)


def _of_cells(free: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    rows, columns = ((np.arange(n) + 0.5) * side / n for n, side in zip(grid, free.shape, strict=True))
    return free[rows.astype(int)[:, None], columns.astype(int)[None]]


def _vector(view: EncodedView, grid: tuple[int, int], cell: int) -> np.ndarray:
    """Embedding of a cell by which classes are told apart."""
    row, column = divmod(int(cell), grid[1])
    width = view.features.grid.shape[-1]
    return np.asarray(view.features.embedding[0, 0, :, row * width + column].float().cpu())
