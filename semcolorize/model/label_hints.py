"""Hints as the label model takes them: coverage of cells by labels, and the hinted cells one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from semcolorize.propagation.outline_walker import Seeds

__all__ = ["ALIKE", "INSTANCE", "LabelHints", "Tokens"]

ALIKE, INSTANCE = 0, 1
"""Places of the two kinds of `spread`."""


@dataclass(frozen=True)
class Tokens:
    """Hinted cells that one row is compared with: its own, and those on the other views of its series.

    Attributes
    ----------
    vector : Tensor of shape (P, heads, D)
        Embeddings.
    kind : int64 Tensor of shape (P,)
        2 * label + spread, the last label being gray.
    cell : int64 Tensor of shape (P,)
        Place on the row's own grid; -1 for those on other views.
    share : Tensor of shape (P,)
        How much of the cell is hinted, against the kind's most hinted cell: 0 to 1.
    """

    vector: torch.Tensor
    kind: torch.Tensor
    cell: torch.Tensor
    share: torch.Tensor

    def elsewhere(self) -> Tokens:
        """The same as other views see them."""
        return Tokens(self.vector, self.kind, torch.full_like(self.cell, -1), self.share)

    @staticmethod
    def join(tokens: Sequence[Tokens]) -> Tokens:
        """All of them."""
        names = ("vector", "kind", "cell", "share")
        return Tokens(*(torch.cat([getattr(own, name) for own in tokens]) for name in names))


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

    @property
    def coverage(self) -> torch.Tensor:
        """Share of each cell of 4 x 4 pixels, (R, K + 1, 2, H/4, W/4)."""
        return F.avg_pool2d(self.marks.flatten(1, 2).float(), 2).unflatten(1, self.marks.shape[1:3])

    def chosen(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Hinted cells of each row: places (P,) and coverage (P, K + 1, 2); of a large area some, evenly."""
        coverage = self.coverage.flatten(3).cpu().numpy()
        cells = []
        for row in coverage:
            whole = row.sum(axis=1)
            kept = []
            for own in whole:
                places = np.flatnonzero(own > 0)
                if len(places) > self.most:
                    full = places[own[places] >= 0.5 * own.max()]
                    places = full if len(full) >= self.most else places
                    places = places[np.linspace(0, len(places) - 1, self.most).round().astype(int)]
                kept.append(places)
            place = np.unique(np.concatenate(kept))
            cells.append((place, np.moveaxis(row[..., place], -1, 0)))
        return cells

    def seeds(self, cells: list[tuple[np.ndarray, np.ndarray]], strength: float) -> list[Seeds]:
        """The walkers' seeds: a cell holds to its hint the more firmly, the more of it is hinted."""
        found = []
        for place, coverage in cells:
            share = coverage.sum(axis=2)
            total = share.sum(axis=1)
            firm = strength * np.minimum(total, 1.0) ** 2
            values = share / np.maximum(total, 1e-9)[:, None]
            found.append(Seeds(place, np.maximum(firm, 1e-6).astype(np.float64), values))
        return found

    def tokens(self, cells: list[tuple[np.ndarray, np.ndarray]], embedding: torch.Tensor) -> list[Tokens]:
        """The cells as tokens, of each row those of all views of its group.

        `embedding` is that of the images, (B, heads, D, h * w).
        """
        own = []
        for (place, coverage), image in zip(cells, self.image.tolist(), strict=True):
            of_kind = coverage.reshape(len(place), coverage.shape[1] * coverage.shape[2])
            kind, most = of_kind.argmax(axis=1), of_kind.max(axis=0, initial=1e-6)
            share = torch.from_numpy((of_kind.max(axis=1, initial=0) / most[kind]).astype(np.float32))
            cell, kind = (torch.from_numpy(x.astype(np.int64)).to(embedding.device) for x in (place, kind))
            own.append(Tokens(embedding[image][:, :, cell].permute(2, 0, 1), kind, cell, share.to(embedding.device)))
        group = self.group.tolist()
        joined = []
        for r, g in enumerate(group):
            others = [own[s].elsewhere() for s, other in enumerate(group) if other == g and s != r]
            joined.append(Tokens.join([own[r], *others]))
        return joined
