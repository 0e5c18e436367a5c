"""How far a hinted cell speaks: attention among the hints of a row (Vaswani et al. 2017).

A click on a rim, in a shadow or in a gap has an embedding like the ground's, and taken at its word it would color the
ground. What the other hints of its label, of other labels and of gray lie on tells whether it names a kind or mends a
place.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from semcolorize.model.label_hints import Tokens

__all__ = ["HintAttention"]

_NEAR = 4.0
"""Cells within which hints belong to one click, more or less."""


class HintAttention(nn.Module):
    """What is taken off the similarity to each hinted cell.

    Parameters
    ----------
    grid_dim : int
        Channels of the encoder's grid features.
    vector_dim : int
        Numbers in all embeddings of a cell.
    dim, heads : int
        Of the attention.
    """

    def __init__(self, grid_dim: int, vector_dim: int, dim: int = 32, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Linear(grid_dim + vector_dim + 2, dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        # Hints of the same label, of other labels, and of gray; near and far ones.
        self.near = nn.Parameter(torch.zeros(3, heads))
        self.mix = nn.Sequential(nn.Linear(4 * dim + 3 * heads, dim), nn.ReLU())
        self.output = nn.Linear(dim, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.constant_(self.output.bias, -4.0)

    def forward(self, tokens: Tokens, rows: int, kinds: int, width: int) -> torch.Tensor:
        """Penalty (P, M), 0 or more.

        Parameters
        ----------
        tokens : Tokens
            All that rows are told, of their own and of other views.
        rows, kinds : int
            Rows, and labels with gray, of the batch.
        width : int
            Cells in a line of the grid.
        """
        slots = tokens.there.shape[1]
        entry, slot = torch.nonzero(tokens.there, as_tuple=True)
        row, label = tokens.row[entry], tokens.kind[entry].div(2, rounding_mode="floor")
        # In an order that does not depend on what labels are called, so that sums do not either, to the last bit.
        order = torch.argsort(tokens.vector[entry, 0, slot, 0], stable=True)
        for key in (tokens.cell[entry, slot], row):
            order = order[torch.argsort(key[order], stable=True)]
        entry, slot, row, label = entry[order], slot[order], row[order], label[order]
        count = torch.bincount(row, minlength=rows)
        place = torch.arange(len(row), device=row.device) - (count.cumsum(0) - count)[row]
        most = int(count.max())
        spread = (tokens.kind[entry] % 2).float()
        known = torch.cat(
            [
                tokens.feature[entry, slot].float(), tokens.vector.float()[entry, :, slot].flatten(1),
                tokens.share[entry, slot, None], spread[:, None],
            ],
            dim=1,
        )  # fmt: skip
        own = F.relu(self.embed(known))

        def padded(values: torch.Tensor, nothing: float) -> torch.Tensor:
            filled = values.new_full((rows, most, *values.shape[1:]), nothing)
            return filled.index_put((row, place), values)

        query, key, value = self.qkv(padded(own, 0.0)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        labels, cell = padded(label, -1), padded(tokens.cell[entry, slot], -1)
        near = _nearness(cell, width)
        there = (labels >= 0)[:, None, :]
        same = (labels[:, :, None] == labels[:, None]) & there
        gray = (labels == kinds - 1)[:, None, :] & ~same & there
        related = torch.stack([same, ~same & ~gray & there, gray], dim=1)
        logits = (query @ key.transpose(-1, -2)).float() / query.shape[-1] ** 0.5
        logits = logits[:, None] + self.near[:, :, None, None] * near[:, None, None]
        logits = logits.masked_fill(~related[:, :, None], -1e4)
        # How much there is to attend to, which a softmax hides.
        amount = (logits.logsumexp(dim=-1) / 8).clamp(min=-2)
        told = (logits.softmax(dim=-1) * related[:, :, None]).to(value.dtype) @ value[:, None]
        told = told.permute(0, 3, 1, 2, 4).flatten(2)
        amount = amount.permute(0, 3, 1, 2).flatten(2)
        whole = torch.cat([padded(own, 0.0), told.to(own.dtype), amount.to(own.dtype)], dim=2)
        penalty = F.softplus(self.output(self.mix(whole)).float())[row, place, 0]
        return penalty.new_zeros((len(tokens.row), slots)).index_put((entry, slot), penalty)


def _nearness(cell: torch.Tensor, width: int) -> torch.Tensor:
    """1 for one cell, 0 for far ones and those on other views: (R, T, T)."""
    at = torch.stack([cell.div(width, rounding_mode="floor"), cell % width], dim=-1).float()
    near = torch.exp(-torch.cdist(at, at) / _NEAR)
    here = cell >= 0
    return near * (here[:, :, None] & here[:, None])
