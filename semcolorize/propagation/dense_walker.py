"""The outline walker as dense linear algebra: what a GPU is good at, for the small grids of training.

The same system as `semcolorize.propagation.outline_walker`, all images at once; torch differentiates through it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from semcolorize.propagation.outline_walker import Seeds

__all__ = ["MOST_CELLS", "DenseOutlines"]

MOST_CELLS = 96 * 96
"""Cells of a grid up to which a dense system is made: its memory grows with their square."""


class DenseOutlines:
    """Factorized systems of a batch of images.

    Parameters
    ----------
    across, down : Tensor of shape (B, h, w - 1) and (B, h - 1, w)
        Positive weights between neighbors.
    leak : Tensor of shape ()
        Conductance of every cell to "none".
    """

    def __init__(self, across: torch.Tensor, down: torch.Tensor, leak: torch.Tensor) -> None:
        batch, height, width = across.shape[0], across.shape[1], down.shape[2]
        self.cells = height * width
        place = torch.arange(self.cells, device=across.device).reshape(height, width)
        system = across.new_zeros((batch, self.cells, self.cells))
        diagonal = leak.expand(batch, self.cells)
        for weight, first, second in (
            (across, place[:, :-1].flatten(), place[:, 1:].flatten()),
            (down, place[:-1].flatten(), place[1:].flatten()),
        ):
            flat = weight.flatten(1)
            diagonal = diagonal.index_add(1, first, flat).index_add(1, second, flat)
            which = torch.arange(batch, device=across.device)[:, None].expand_as(flat)
            system = system.index_put((which, first.expand_as(which), second.expand_as(which)), -flat)
            system = system.index_put((which, second.expand_as(which), first.expand_as(which)), -flat)
        self.factor = torch.linalg.cholesky(system + torch.diag_embed(diagonal))

    def walk(self, image: torch.Tensor, seeds: Sequence[Seeds]) -> torch.Tensor:
        """Chances (R, h * w, K) of reaching a seed of each label before leaking to none.

        Parameters
        ----------
        image : int64 Tensor of shape (R,)
            Image of each row.
        seeds : sequence of Seeds
            R of them.
        """
        device, rows = self.factor.device, len(seeds)
        labels = seeds[0].values.shape[1]
        most = max(1, *(len(one.cells) for one in seeds))
        cells = torch.zeros((rows, most), dtype=torch.int64, device=device)
        # Where there is no seed its conductance is next to nothing.
        strength = torch.full((rows, most), 1e-9, device=device)
        values = torch.zeros((rows, most, labels), device=device)
        for r, one in enumerate(seeds):
            count = len(one.cells)
            cells[r, :count] = torch.from_numpy(one.cells).to(device)
            strength[r, :count] = torch.from_numpy(one.strength).float().to(device)
            values[r, :count] = torch.from_numpy(one.values).float().to(device)
        units = torch.zeros((rows, self.cells, most), device=device)
        units.scatter_(1, cells[:, None], 1.0)
        columns = torch.cholesky_solve(units, self.factor[image])
        inner = columns.gather(1, cells[..., None].expand(-1, -1, most))
        inner = (inner + inner.transpose(1, 2)) / 2 + torch.diag_embed(1 / strength)
        return columns @ torch.linalg.solve(inner, values)
