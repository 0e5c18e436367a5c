"""A network over an image that is too large for it: overlapping tiles, blended.

Only the U-Net runs in tiles. Hints are propagated, matched and mixed over the whole image, the noise is drawn for the
whole image, and every step is finished everywhere before the next begins; so the plan of the colors is one, and tiles
differ in nothing but how far the network sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

__all__ = ["HALO", "TILE", "in_tiles", "tile_slices"]

TILE = 1024
"""Longest side, in pixels, that is run whole."""

HALO = 128
"""Pixels by which neighboring tiles overlap."""

Run = Callable[[tuple[slice, slice]], tuple[torch.Tensor, torch.Tensor]]


def tile_slices(length: int, tile: int, halo: int, stride: int) -> list[slice]:
    """Windows of at most `tile` pixels that overlap by at least `halo`, of equal size, at multiples of `stride`."""
    if length <= tile:
        return [slice(0, length)]
    count = -(-(length - halo) // (tile - halo))
    size = -(-(length + (count - 1) * halo) // count)
    size = -(-size // stride) * stride
    starts = [round(i * (length - size) / (count - 1) / stride) * stride for i in range(count)]
    return [slice(start, start + size) for start in starts]


def in_tiles(
    run: Run, shape: tuple[int, int], *, patch: int, stride: int, tile: int = TILE, halo: int = HALO
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a network tile by tile and blend what it says where tiles overlap.

    Parameters
    ----------
    run : callable
        ``run((rows, columns)) -> output (B, C, h, w), features (B, D, h/patch, w/patch)``.
    shape : tuple of 2 ints
        Rows and columns of the image, multiples of `stride`.
    patch, stride : int
        Pixels a side of a cell of the features, and of what the network halves to.
    tile, halo : int
        Pixels a side of a tile at most, and of the overlap at least.

    Returns
    -------
    output : Tensor of shape (B, C, H, W)
    features : Tensor of shape (B, D, H/patch, W/patch)
    """
    height, width = shape
    outputs: torch.Tensor | None = None
    for rows, columns in _windows(height, width, tile, halo, stride):
        output, part = run((rows, columns))
        if outputs is None:
            outputs = output.new_zeros((*output.shape[:2], height, width))
            features = part.new_zeros((*part.shape[:2], height // patch, width // patch))
            weights = torch.zeros((height, width), dtype=torch.float32, device=output.device)
        weight = _ramp(rows, height, halo)[:, None] * _ramp(columns, width, halo)
        weight = weight.to(output.device)
        outputs[..., rows, columns] += weight * output
        cells = tuple(slice(s.start // patch, s.stop // patch) for s in (rows, columns))
        features[..., cells[0], cells[1]] += weight[patch // 2 :: patch, patch // 2 :: patch] * part
        weights[rows, columns] += weight
    assert outputs is not None
    return outputs / weights, features / weights[patch // 2 :: patch, patch // 2 :: patch]


def _windows(height: int, width: int, tile: int, halo: int, stride: int) -> Iterator[tuple[slice, slice]]:
    for rows in tile_slices(height, tile, halo, stride):
        for columns in tile_slices(width, tile, halo, stride):
            yield rows, columns


def _ramp(window: slice, length: int, halo: int) -> torch.Tensor:
    """Weights that rise over the overlap, from next to nothing; 1 at the image's border."""
    place = torch.arange(window.start, window.stop, dtype=torch.float32) + 0.5
    weight = torch.ones_like(place)
    if window.start > 0:
        weight = torch.minimum(weight, (place - window.start) / halo)
    if window.stop < length:
        weight = torch.minimum(weight, (window.stop - place) / halo)
    # Without a kink: neither the blend nor its slope jumps.
    return weight * weight * (3 - 2 * weight)
