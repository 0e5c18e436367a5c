"""Hints as the label model takes them: coverage of cells by labels, and the hinted cells one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F

from semcolorize.model.encoder import ImageFeatures
from semcolorize.propagation.outline_walker import Seeds

__all__ = ["ALIKE", "INSTANCE", "LabelHints", "Tokens"]

ALIKE, INSTANCE = 0, 1
"""Places of the two kinds of `spread`."""


@dataclass(frozen=True)
class Tokens:
    """Hinted cells that rows are compared with, one entry for each kind of hint of a row.

    Attributes
    ----------
    row, kind : int64 Tensor of shape (P,)
        Row, and 2 * label + spread, the last label being gray.
    vector : Tensor of shape (P, heads, M, D)
        Embeddings.
    cell : int64 Tensor of shape (P, M)
        Place on the row's own grid; -1 for those on other views.
    share : Tensor of shape (P, M)
        How much of the cell is hinted, against the entry's most hinted cell: 0 to 1.
    there : bool Tensor of shape (P, M)
        False where the entry has fewer cells.
    feature : Tensor of shape (P, M, C)
        What the encoder says of the cell.
    """

    row: torch.Tensor
    kind: torch.Tensor
    vector: torch.Tensor
    cell: torch.Tensor
    share: torch.Tensor
    there: torch.Tensor
    feature: torch.Tensor

    def of(self, entries: torch.Tensor, row: torch.Tensor) -> Tokens:
        """Some entries as the views `row` see them, which they are not on."""
        cell = torch.full_like(self.cell[entries], -1)
        kept = (part[entries] for part in (self.share, self.there, self.feature))
        return Tokens(row, self.kind[entries], self.vector[entries], cell, *kept)

    def elsewhere(self) -> Tokens:
        """All entries as another view sees them."""
        return self.of(torch.arange(len(self.row), device=self.row.device), self.row)

    @staticmethod
    def join(several: Sequence[Tokens]) -> Tokens:
        """All entries of several."""
        if len(several) == 1:
            return several[0]
        most = max(one.there.shape[1] for one in several)

        def joined(name: str, dim: int) -> torch.Tensor:
            parts = []
            for one in several:
                part, short = getattr(one, name), most - one.there.shape[1]
                parts.append(torch.cat([part, part.new_zeros((*part.shape[:dim], short, *part.shape[dim + 1 :]))], dim))
            return torch.cat(parts)

        row, kind = (torch.cat([getattr(one, name) for one in several]) for name in ("row", "kind"))
        rest = (joined(name, 1) for name in ("cell", "share", "there", "feature"))
        return Tokens(row, kind, joined("vector", 2), *rest)


@dataclass(frozen=True)
class LabelHints:
    """Hints of a batch of rows, a row being one image with one set of hints.

    Attributes
    ----------
    marks : Tensor of shape (R, K + 1, 2, H/2, W/2)
        Share of a patch of 2 x 2 pixels that is hinted: by label (the last is gray) and spread (alike, instance).
    image : int64 Tensor of shape (R,)
        Image of each row.
    group : int64 Tensor of shape (R,)
        Rows of one group are the views of a series with one set of hints.
    labels : int64 Tensor of shape (R,)
        How many of the K labels the row has; the others are padding.
    most : int
        Hinted cells of a label that are looked at.
    """

    marks: torch.Tensor
    image: torch.Tensor
    group: torch.Tensor
    labels: torch.Tensor
    most: int = 64

    @cached_property
    def coverage(self) -> torch.Tensor:
        """Share of each cell of 4 x 4 pixels, (R, K + 1, 2, H/4, W/4)."""
        return F.avg_pool2d(self.marks.flatten(1, 2).float(), 2).unflatten(1, self.marks.shape[1:3])

    def tokens(self, features: ImageFeatures) -> Tokens:
        """Hinted cells of each row; of a large area some, evenly."""
        coverage = self.coverage.flatten(3).flatten(1, 2)
        # A cell is of the kind that covers most of it, of the first where several do.
        kinds = torch.arange(coverage.shape[1], device=coverage.device)[:, None]
        most, first = coverage.max(dim=1, keepdim=True)
        own = torch.where((kinds == first) & (most > 0), coverage, 0.0)
        row, kind = torch.nonzero(own.amax(dim=2) > 0, as_tuple=True)
        own = own[row, kind]
        peak = own.amax(dim=1, keepdim=True)
        hinted, full = own > 0, (own >= 0.5 * peak) & (own > 0)
        hinted = torch.where(full.sum(dim=1, keepdim=True) >= self.most, full, hinted)
        passed = hinted.cumsum(dim=1)
        count = passed[:, -1:]
        slots = min(self.most, int(count.max())) if len(count) else 0
        place = torch.arange(slots, device=own.device)
        spread = (place * (count - 1) / max(slots - 1, 1)).round().long()
        rank = torch.where(count > slots, spread, place)
        there = rank < count
        cell = torch.searchsorted(passed, rank + 1).clamp(max=own.shape[1] - 1)
        share = own.gather(1, cell) / peak
        whose = self.image[row]
        vector = features.embedding[whose[:, None], :, :, cell].transpose(1, 2)
        feature = features.grid.flatten(2)[whose[:, None], :, cell]
        return Tokens(row, kind, vector, torch.where(there, cell, -1), share, there, feature)

    def among(self, tokens: Tokens) -> Tokens | None:
        """What rows are told by the other rows of their groups; None where nobody has others."""
        same = self.group[:, None] == self.group[tokens.row]
        same &= torch.arange(len(self.group), device=same.device)[:, None] != tokens.row
        row, entry = torch.nonzero(same, as_tuple=True)
        return tokens.of(entry, row) if len(row) else None

    def seeds(self, tokens: Tokens, strength: float) -> list[Seeds]:
        """The walkers' seeds: a cell holds to its hint the more firmly, the more of it is hinted."""
        coverage = self.coverage.sum(dim=2).flatten(2).double().cpu().numpy()
        row, cell = tokens.row.cpu().numpy(), tokens.cell.cpu().numpy()
        found = []
        for r, own in enumerate(coverage):
            cells = np.unique(cell[row == r])
            cells = cells[cells >= 0]
            share = own[:, cells].T
            total = share.sum(axis=1)
            values = share / np.maximum(total, 1e-9)[:, None]
            found.append(Seeds(cells, np.maximum(strength * np.minimum(total, 1.0) ** 2, 1e-6), values))
        return found

    def seed_maps(self, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
        """The same as maps with every hinted cell: conductance (R, h, w), and shares (R, K + 1, h, w)."""
        share = self.coverage.sum(dim=2)
        total = share.sum(dim=1)
        return strength * total.clamp(max=1) ** 2, share / total.clamp(min=1e-9)[:, None]
