"""Hints as the label model takes them: coverage of cells by labels, and the hinted cells one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from semcolorize.propagation.outline_walker import Seeds

__all__ = ["ALIKE", "INSTANCE", "LabelHints", "Tokens"]

ALIKE, INSTANCE = 0, 1
"""Places of the two kinds of `spread`."""


@dataclass(frozen=True)
class Tokens:
    """Hinted cells of all rows, padded: similarity is measured to these.

    Attributes
    ----------
    image, cell : int64 Tensor of shape (R, T)
        Where each lies: hints of every view of a series speak in all of them.
    kind : int64 Tensor of shape (R, T)
        2 * label + spread, the last label being gray; -1 where there is none.
    own : bool Tensor of shape (R, T)
        On the row's own image.
    """

    image: torch.Tensor
    cell: torch.Tensor
    kind: torch.Tensor
    own: torch.Tensor


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
    """

    marks: torch.Tensor
    image: torch.Tensor
    group: torch.Tensor
    labels: torch.Tensor
    most: int = field(default=64)

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
            found.append(Seeds(place, np.maximum(firm, 1e-6).astype(np.float64), share / np.maximum(total, 1e-9)[:, None]))
        return found

    def tokens(self, cells: list[tuple[np.ndarray, np.ndarray]]) -> Tokens:
        """The cells as tokens, those of all views of a group in each of its rows."""
        group, image = self.group.tolist(), self.image.tolist()
        listed: list[list[tuple[int, int, int, bool]]] = []
        kinds = [c.reshape(len(p), c.shape[1] * c.shape[2]).argmax(axis=1) for p, c in cells]
        for r, g in enumerate(group):
            own: list[tuple[int, int, int, bool]] = []
            for s, other in enumerate(group):
                if other == g:
                    own += [(image[s], int(p), int(k), s == r) for p, k in zip(cells[s][0], kinds[s], strict=True)]
            listed.append(own)
        most = max(1, *(len(own) for own in listed)) if listed else 1
        table = np.zeros((len(listed), most, 4), np.int64)
        table[..., 2] = -1
        for row, own in zip(table, listed, strict=True):
            if own:
                row[: len(own)] = own
        there = torch.from_numpy(table).to(self.image.device)
        return Tokens(there[..., 0], there[..., 1], there[..., 2], there[..., 3].bool())
