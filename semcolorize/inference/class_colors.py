"""Colors for classes that the user did not color: what is known of them, and a draw from the color denoiser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from semcolorize.color.palette import Palette
from semcolorize.hints.labels import Label
from semcolorize.inference.assign import EncodedView
from semcolorize.model.color_denoiser import ColorDenoiser
from semcolorize.model.encoder import ImageFeatures

__all__ = ["describe_classes", "describe_sums", "draw_colors", "palette_chroma", "pooled"]


def describe_classes(
    views: Sequence[EncodedView], lightness: Sequence[np.ndarray], chances: Sequence[np.ndarray]
) -> torch.Tensor:
    """What is known of each class over the views of a series, (K, F).

    Parameters
    ----------
    views : sequence of EncodedView
    lightness : sequence of ndarray of shape (h, w)
        CIE L*.
    chances : sequence of ndarray of shape (K, h, w)
    """
    sums = []
    for view, level, chance in zip(views, lightness, chances, strict=True):
        planes = torch.from_numpy(np.concatenate([np.asarray(level, np.float32)[None], np.asarray(chance, np.float32)]))
        planes = planes[None].to(view.features.grid.device)
        if view.seen != view.shape:
            planes = F.interpolate(planes, view.seen, mode="bilinear", antialias=True, align_corners=False)
        sums.append(pooled(view.features, planes[0, 0], planes[0, 1:]))
    return describe_sums(torch.stack(sums).sum(dim=0))


def pooled(features: ImageFeatures, lightness: torch.Tensor, chance: torch.Tensor) -> torch.Tensor:
    """Sums over one image that `describe_classes` is made of, (K, S): those of several views are added.

    `lightness` (h, w) and `chance` (K, h, w) are those of the image, which may be padded at its lower and right border.
    """
    height, width = features.grid.shape[-2:]
    padding = (0, 4 * width - lightness.shape[1], 0, 4 * height - lightness.shape[0])
    weight = F.avg_pool2d(F.pad(chance, padding)[None], 4)[0].flatten(1)
    level = F.avg_pool2d(F.pad(lightness, padding)[None, None], 4).flatten() / 50 - 1
    ones = F.avg_pool2d(F.pad(torch.ones_like(lightness), padding)[None, None], 4)[0, 0]
    border = ones.clone()
    border[1 : lightness.shape[0] // 4 - 1, 1 : lightness.shape[1] // 4 - 1] = 0
    grid = features.grid[0].flatten(1).float()
    about = torch.cat([grid, features.embedding[0].flatten(0, 1).float(), level[None], level[None] ** 2])
    own = weight.sum(dim=1, keepdim=True)
    whole = torch.full_like(own, float(ones.sum()))
    edge = torch.full_like(own, float(border.sum()))
    return torch.cat([weight @ about.T, own, whole, (weight * border.flatten()).sum(dim=1, keepdim=True), edge], dim=1)


def describe_sums(sums: torch.Tensor) -> torch.Tensor:
    """Features (K, F) of the sums (K, S) of `pooled`."""
    own, whole, at_edge, edge = sums[:, -4:].T
    means = sums[:, :-4] / own.clamp(min=1e-6)[:, None]
    deviation = (means[:, -1] - means[:, -2] ** 2).clamp(min=0).sqrt()
    share = (own / whole.clamp(min=1e-6)).clamp(min=1e-4).log()
    border = at_edge / edge.clamp(min=1e-6)
    return torch.cat([means[:, :-1], deviation[:, None], share[:, None], border[:, None]], dim=1)


def draw_colors(
    denoiser: ColorDenoiser, features: torch.Tensor, known: np.ndarray, given: np.ndarray, *, variants: int, seed: int,
    palette: np.ndarray | None = None, num_steps: int | None = None,
) -> np.ndarray:  # fmt: skip
    """Draw normalized chroma (variants, K, 2) for classes.

    Parameters
    ----------
    denoiser : ColorDenoiser
    features : Tensor of shape (K, F)
        From `describe_classes`.
    known : ndarray of shape (K, 2)
        Normalized chroma of classes whose color is known.
    given : bool ndarray of shape (K,)
    variants, seed : int
    palette : ndarray of shape (C, 2), optional
        Normalized chroma of the only colors to be used: each class takes the one nearest to its draw, no two the same
        as long as there are enough.
    num_steps : int, optional
    """
    device = next(denoiser.parameters()).device
    asked = torch.from_numpy(np.asarray(known, np.float32)).to(device)
    found = denoiser.sample(
        features.to(device), asked, torch.from_numpy(given).to(device), variants=variants, seed=seed, steps=num_steps
    )
    colors = found.cpu().numpy()
    if palette is None or not len(palette):
        return colors
    free = np.flatnonzero(~given)
    repeated = np.repeat(palette, -(-len(free) // len(palette)), axis=0) if len(free) else palette
    for own in colors:
        cost = np.linalg.norm(own[free, None] - repeated[None], axis=-1)
        rows, columns = linear_sum_assignment(cost)
        own[free[rows]] = repeated[columns]
    return colors


def palette_chroma(palette: Palette | None) -> np.ndarray | None:
    """Normalized chroma (C, 2) of a palette's colors; None without one."""
    if palette is None:
        return None
    labels = [Label(color.name, color.lab) for color in palette.values()]
    return np.array([label.normalized_chroma for label in labels], np.float32).reshape(-1, 2)
