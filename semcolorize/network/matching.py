"""Learned likeness: which hint's ink belongs to each cell, by attention over the hinted cells.

Lightness alone cannot tell a grain from ground as bright as it; what the network makes of both can. Cells are matched
with hinted cells, of all views of a series, and take a mean of *their inks*, so that what was learned for one color
holds for every color. Exemplar-based colorization matches features with those of a reference in the same way (Zhang et
al. 2019, Deep exemplar-based video colorization).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["MARKS", "HintMatching", "InkMixing", "choose_marks"]

MARKS = 256
"""Hinted cells an image is represented by, at most."""


def choose_marks(seeds: np.ndarray, most: int = MARKS) -> np.ndarray:
    """Choose hinted cells to stand for all: from every hint some, however large the others are.

    Parameters
    ----------
    seeds : ndarray of shape (h, w)
        Not 0 where a cell is hinted.
    most : int

    Returns
    -------
    int64 ndarray of shape (N,)
        Places ``row * w + column``, at most `most`; -1 alone if there is none.
    """
    from scipy import ndimage

    label, count = ndimage.label(seeds > 0, np.ones((3, 3)))
    places = np.flatnonzero(label)
    if len(places) > most:
        # In an order without pattern, one of each touching group in turn.
        places = np.random.Generator(np.random.PCG64(len(places))).permutation(places)
        group = label.ravel()[places]
        by_group = np.argsort(group, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=count + 1)[1:])[:-1]])
        turn = np.empty(len(places), np.int64)
        turn[by_group] = np.arange(len(places)) - np.repeat(starts, np.bincount(group, minlength=count + 1)[1:])
        places = np.sort(places[np.argsort(turn, kind="stable")[:most]])
    return places.astype(np.int64) if len(places) else np.full(1, -1, np.int64)


class HintMatching(nn.Module):
    """Attention of every cell over the hinted cells, or over nothing at all.

    Parameters
    ----------
    dim : int
        Channels of the features.
    heads : int
        Likenesses learned.
    head_dim : int
    """

    def __init__(self, dim: int, heads: int, head_dim: int = 16) -> None:
        super().__init__()
        self.heads, self.head_dim = heads, head_dim
        self.norm = nn.GroupNorm(1, dim)
        self.query = nn.Linear(dim, heads * head_dim)
        self.key = nn.Linear(dim, heads * head_dim)
        # What a cell that is like no hint attends to: no ink.
        self.nothing = nn.Parameter(torch.zeros(heads, 1, head_dim))

    def forward(
        self, features: torch.Tensor, inks: torch.Tensor, seeds: torch.Tensor, marks: torch.Tensor, views: int = 1
    ) -> torch.Tensor:
        """Match.

        Parameters
        ----------
        features : Tensor of shape (B, dim, h, w)
        inks : Tensor of shape (B, 2, h, w)
            Read at `marks`.
        seeds : Tensor of shape (B, 1, h, w)
            Strength of the hints, 0 to 1, read at `marks`.
        marks : int64 Tensor of shape (B, K)
            See `choose_marks`.
        views : int
            So many neighbors in the batch share their hints.

        Returns
        -------
        Tensor of shape (B, 2 * heads, h, w)
            An ink a head.
        """
        batch, _, height, width = features.shape
        cells = self._cells(features)
        hinted = _take(cells, marks.clamp(min=0))
        ink = _take(inks.flatten(2).transpose(1, 2).float(), marks.clamp(min=0))
        strength = _take(seeds.flatten(2).transpose(1, 2).float(), marks.clamp(min=0))[..., 0]
        weight = torch.where(marks >= 0, strength.clamp(min=1e-4).log(), -torch.inf)
        query, key = self._split(self.query(cells), views), self._split(self.key(hinted), views)
        series = batch // views
        # (series, heads, keys, head_dim): the hints of all views, then nothing.
        key = torch.cat([key, self.nothing.to(key)[None].expand(series, -1, -1, -1)], dim=2)
        value = F.pad(ink.reshape(series, 1, -1, 2), (0, self.head_dim - 2, 0, 1)).expand(-1, self.heads, -1, -1)
        bias = F.pad(weight.reshape(series, 1, 1, -1), (0, 1))
        found = F.scaled_dot_product_attention(query, key, value.to(query), attn_mask=bias.to(query))[..., :2]
        found = found.reshape(series, self.heads, views, height, width, 2).permute(0, 2, 1, 5, 3, 4)
        return found.reshape(batch, 2 * self.heads, height, width)

    def likeness(self, features: torch.Tensor, places: torch.Tensor, views: int = 1) -> torch.Tensor:
        """Log-odds with which every cell would take the ink of a hint at `places` rather than none.

        Parameters
        ----------
        features : Tensor of shape (B, dim, h, w)
        places : int64 Tensor of shape (B / views, P)
            Cells of a series, counted over all of its views.
        views : int

        Returns
        -------
        Tensor of shape (B / views, heads, views * h * w, P)
        """
        query, key = self.vectors(features, places, views)
        return query @ key.transpose(-1, -2)

    def vectors(
        self, features: torch.Tensor, places: torch.Tensor, views: int = 1
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of every cell and of the places, what `likeness` is the scalar product of.

        Returns
        -------
        cells : Tensor of shape (B / views, heads, views * h * w, head_dim)
        places : Tensor of shape (B / views, heads, P, head_dim)
        """
        cells = self._cells(features)
        series = cells.reshape(len(cells) // views, -1, cells.shape[-1])
        query, key = self._split(self.query(series), 1), self._split(self.key(_take(series, places)), 1)
        return query, (key - self.nothing.to(key)) / self.head_dim**0.5

    def _cells(self, features: torch.Tensor) -> torch.Tensor:
        """(B, dim, h, w) to (B, h * w, dim)."""
        return self.norm(features).flatten(2).transpose(1, 2)

    def _split(self, tokens: torch.Tensor, views: int) -> torch.Tensor:
        """(B, N, heads * d) to (B / views, heads, views * N, d)."""
        batch, count, _ = tokens.shape
        split = tokens.reshape(batch // views, views * count, self.heads, self.head_dim)
        return split.transpose(1, 2)


def _take(cells: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """(B, N, C) at (B, P): (B, P, C)."""
    return torch.gather(cells, 1, places[..., None].expand(-1, -1, cells.shape[-1]))


class InkMixing(nn.Module):
    """Mix inks that are at hand, cell by cell, into two candidates that the network chooses from pixel by pixel.

    Shares of inks are learned, not colors: what holds for one color holds for all.

    Parameters
    ----------
    dim : int
        Channels of the features.
    heads : int
        See `HintMatching`.
    """

    CANDIDATES = 2

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.matching = HintMatching(dim, heads)
        self.shares = nn.Conv2d(dim, self.CANDIDATES * (heads + 2), 1)
        # Where weights are loaded into it there is nothing to draw yet, and drawing nothing makes torch import its
        # compiler, which takes longer than everything else about loading.
        if not self.shares.weight.is_meta:
            nn.init.normal_(self.shares.weight, std=0.01)
        with torch.no_grad():
            # To begin with: what was matched, and what walked.
            begin = torch.tensor([1 / heads] * heads + [0.0, 0.0] + [0.0] * heads + [1.0, 0.0])
            self.shares.bias = nn.Parameter(begin)

    def forward(
        self,
        features: torch.Tensor,
        hinted: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        walked: torch.Tensor,
        views: int = 1,
    ) -> torch.Tensor:
        """Candidates on the grid.

        Parameters
        ----------
        features : Tensor of shape (B, dim, h, w)
        hinted : tuple of Tensor
            Inks, seeds and marks, as for `HintMatching`.
        walked : Tensor of shape (B, 4, h, w)
            Propagated ink and that of hints of like lightness.
        views : int

        Returns
        -------
        Tensor of shape (B, 4, h, w)
        """
        matched = self.matching(features, *hinted, views)
        inks = torch.cat([matched.to(walked), walked], dim=1).unflatten(1, (-1, 2))
        shares = self.shares(features).to(walked).unflatten(1, (self.CANDIDATES, -1))
        return torch.einsum("bckhw,bkdhw->bcdhw", shares, inks).flatten(1, 2)
