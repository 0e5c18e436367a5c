"""A random walker over learned outlines: how surely a cell belongs to what a hint lies on.

After Cerrone, Zeilmann and Hamprecht, "End-to-end learned random walker for seeded image segmentation" (CVPR 2019), and
Grady, "Random walks for image segmentation" (TPAMI 2006). Weights between neighboring cells come from a network; hints
are soft seeds; every cell leaks a little to "none". The system without seeds is factorized once an image, and each
hinted cell costs one solve, kept for the next edit:

    u = G_P (S^-1 + G_PP)^-1 y,    G = (Laplacian + leak)^-1,

with seeds P of strength S and value y (the Woodbury identity). What comes out does not depend on what was hinted
before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import splu

__all__ = ["OutlineSystem", "Seeds", "walk_over"]


@dataclass(frozen=True)
class Seeds:
    """Hinted cells of one image.

    Attributes
    ----------
    cells : int64 ndarray of shape (P,)
        Places on the flattened grid.
    strength : float64 ndarray of shape (P,)
        Conductance to the seed's value.
    values : float64 ndarray of shape (P, K)
        Share of each label.
    """

    cells: np.ndarray
    strength: np.ndarray
    values: np.ndarray


class OutlineSystem:
    """The factorized system of one image.

    Parameters
    ----------
    across, down : ndarray of shape (h, w - 1) and (h - 1, w)
        Positive weights between neighbors.
    leak : float
        Conductance of every cell to "none".
    """

    _MOST_KEPT = 4096

    def __init__(self, across: np.ndarray, down: np.ndarray, leak: float) -> None:
        height, width = across.shape[0], down.shape[1]
        self.shape = (height, width)
        diagonal = np.full((height, width), float(leak))
        diagonal[:, :-1] += across
        diagonal[:, 1:] += across
        diagonal[:-1] += down
        diagonal[1:] += down
        right = np.zeros((height, width))
        right[:, :-1] = across
        bands = [diagonal.ravel(), -right.ravel()[:-1], -right.ravel()[:-1], -down.ravel(), -down.ravel()]
        system = sparse.diags(bands, [0, 1, -1, width, -width], format="csc")
        self._factors = splu(
            system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0, panel_size=4
        )
        self._columns: OrderedDict[int, np.ndarray] = OrderedDict()

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Solve for columns (h * w, N)."""
        return np.asarray(self._factors.solve(right))

    def columns(self, cells: np.ndarray) -> np.ndarray:
        """Columns of the inverse, (h * w, P) float32, one by one so that each is the same whatever the others are."""
        for cell in cells.tolist():
            if cell not in self._columns:
                unit = np.zeros(self.shape[0] * self.shape[1])
                unit[cell] = 1.0
                self._columns[cell] = self.solve(unit).astype(np.float32)
            else:
                self._columns.move_to_end(cell)
        taken = np.stack([self._columns[cell] for cell in cells.tolist()], axis=1)
        while len(self._columns) > self._MOST_KEPT:
            self._columns.popitem(last=False)
        return taken

    def walk(self, seeds: Seeds) -> np.ndarray:
        """Chances (h * w, K) of reaching a seed of each label before leaking to none."""
        if not len(seeds.cells):
            return np.zeros((self.shape[0] * self.shape[1], seeds.values.shape[1]))
        columns = self.columns(seeds.cells)
        return np.asarray(columns @ self._currents(columns, seeds, seeds.values))

    def adjoint(self, seeds: Seeds, gradient: np.ndarray) -> np.ndarray:
        """Solve the system with its seeds for a right side (h * w, K): what gradients of the weights are made of."""
        plain = self.solve(gradient)
        if not len(seeds.cells):
            return plain
        columns = self.columns(seeds.cells)
        return plain - columns @ self._currents(columns, seeds, plain[seeds.cells])

    @staticmethod
    def _currents(columns: np.ndarray, seeds: Seeds, values: np.ndarray) -> np.ndarray:
        inner = columns[seeds.cells].astype(np.float64)
        inner = (inner + inner.T) / 2 + np.diag(1 / seeds.strength)
        return np.linalg.solve(inner, values).astype(np.float32)


class _Walk(torch.autograd.Function):
    """Walks of one image, differentiable in the weights between its cells and in the leak."""

    @staticmethod
    def forward(
        ctx: Any, across: torch.Tensor, down: torch.Tensor, leak: torch.Tensor, system: OutlineSystem,
        seeds: Sequence[Seeds],
    ) -> torch.Tensor:  # fmt: skip
        walked = [system.walk(one) for one in seeds]
        ctx.system, ctx.seeds, ctx.walked = system, seeds, walked
        return torch.from_numpy(np.stack(walked)).float().to(across.device)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        height, width = ctx.system.shape
        across, down, leak = np.zeros((height, width - 1)), np.zeros((height - 1, width)), 0.0
        for seeds, walked, own in zip(ctx.seeds, ctx.walked, gradient.double().cpu().numpy(), strict=True):
            # d u = -B^-1 dB u, for B u = S y.
            adjoint = ctx.system.adjoint(seeds, own).reshape(height, width, -1)
            u = walked.reshape(height, width, -1)
            across -= (np.diff(adjoint, axis=1) * np.diff(u, axis=1)).sum(axis=-1)
            down -= (np.diff(adjoint, axis=0) * np.diff(u, axis=0)).sum(axis=-1)
            leak -= float((adjoint * u).sum())
        made = [torch.tensor(x, dtype=torch.float32, device=gradient.device) for x in (across, down, leak)]
        return made[0], made[1], made[2], None, None


def walk_over(
    across: torch.Tensor, down: torch.Tensor, leak: torch.Tensor, system: OutlineSystem, seeds: Sequence[Seeds]
) -> torch.Tensor:
    """Several walks over one image.

    Parameters
    ----------
    across, down : Tensor of shape (h, w - 1) and (h - 1, w)
        What `system` was made of; gradients flow into them.
    leak : Tensor of shape ()
    system : OutlineSystem
    seeds : sequence of Seeds
        N sets, all with K labels.

    Returns
    -------
    Tensor of shape (N, h * w, K)
        Chances, 0 to 1.
    """
    return cast("torch.Tensor", _Walk.apply(across, down, leak, system, seeds))
