"""A U-Net over an image that is too large for it: every layer in bands of rows, with the same result.

Networks are usually run over large images tile by tile. Each tile then has a normalization and an attention of its own:
look-alikes in two tiles take different colors, however well their seams are blended. Here a *layer* is run band by band
over the whole image before the next begins, with as many more rows as its convolutions reach; normalization and
attention see everything. What is saved is the memory for what a layer needs beside its input and output: windows of
convolutions, joined inputs, values at twice the resolution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from semcolorize.network.unet import UNet, _Level, _ResnetBlock

__all__ = ["BAND_CELLS", "LARGEST_WHOLE", "forward_in_bands"]

LARGEST_WHOLE = 1 << 21
"""Pixels of a batch that is run whole."""

BAND_CELLS = 1 << 15
"""Cells of a band, about."""

_Parts = Sequence[torch.Tensor]
"""Tensors (B, C, H, W) that a layer sees joined along the channels."""


def forward_in_bands(
    network: UNet,
    pixels: torch.Tensor,
    t: torch.Tensor,
    *,
    grid: torch.Tensor | None = None,
    flags: torch.Tensor | None = None,
    views: int = 1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What ``network(pixels, t, grid=grid, flags=flags, views=views)`` gives, to rounding, in less memory.

    Without gradients. At any time about seven tensors of the first level's width are held: 4 * 7 * 64 / 16 = 112 bytes
    a pixel in the preset ``compact`` (at 6144 x 4096 2.8 GB).

    Parameters
    ----------
    network, pixels, t, grid, flags, views
        As for `semcolorize.network.unet.UNet.forward`.

    Returns
    -------
    output, features : Tensor
        As `semcolorize.network.unet.UNet.forward` does.
    """
    time = network.time(t, flags)
    x = first = _stem(network, pixels, grid)
    skips = []
    for level in cast("Iterable[_Level]", network.downs):
        x = _resnet(level.block1, [x], time)
        skips.append(x)
        x = level.attention(_resnet(level.block2, [x], time), views)
        skips.append(x)
        x = _resample(level.resample, x)
    x = _resnet(network.middle1, [x], time)
    x = _resnet(network.middle2, [network.middle_attention(x, views)], time)
    for level in cast("Iterable[_Level]", network.ups):
        x = _resnet(level.block1, [x, skips.pop()], time)
        x = _resnet(level.block2, [x, skips.pop()], time)
        x = _resample(level.resample, level.attention(x, views))
    features = _resnet(network.last, [x, first], time)
    del x, first
    return _output(network, features), features


def _bands(shape: torch.Size, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """First row and the one after the last of each band, at multiples of `multiple`."""
    height, width = shape[-2:]
    rows = max(BAND_CELLS // width // multiple, 1) * multiple
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


class _Assembled:
    """A tensor that is filled band by band."""

    def __init__(self, height: int) -> None:
        self.height = height
        self.whole: torch.Tensor | None = None

    def put(self, start: int, part: torch.Tensor) -> None:
        if self.whole is None:
            batch, channels, _, width = part.shape
            self.whole = torch.empty(
                (batch, channels, self.height, width),
                dtype=part.dtype, device=part.device, memory_format=torch.channels_last,
            )  # fmt: skip
        self.whole[..., start : start + part.shape[-2], :] = part

    def get(self) -> torch.Tensor:
        assert self.whole is not None
        return self.whole


def _rows(parts: _Parts, start: int, stop: int, halo: int = 0) -> torch.Tensor:
    """Rows of joined parts with `halo` more on both sides, zeros beyond the image."""
    height = parts[0].shape[-2]
    window = slice(max(start - halo, 0), min(stop + halo, height))
    part = torch.cat([p[..., window, :] for p in parts], dim=1)
    missing = (window.start - (start - halo), stop + halo - window.stop)
    if any(missing):
        part = F.pad(part, (0, 0, *missing))
    return part.contiguous(memory_format=torch.channels_last)


def _trimmed(convolution: nn.Conv2d, part: torch.Tensor) -> torch.Tensor:
    """Convolution of rows with a halo, the halo cut off."""
    halo = convolution.kernel_size[0] // 2
    result = convolution(part)
    return result[..., halo : result.shape[-2] - halo, :] if halo else result


def _convolved(convolution: nn.Conv2d, parts: _Parts) -> torch.Tensor:
    result = _Assembled(parts[0].shape[-2])
    for start, stop in _bands(parts[0].shape):
        result.put(start, _trimmed(convolution, _rows(parts, start, stop, convolution.kernel_size[0] // 2)))
    return result.get()


def _affine(norm: nn.GroupNorm, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gain and offset a channel, (B, C, 1, 1), that a group normalization of all of `x` comes down to."""
    batch, channels = x.shape[:2]
    total = torch.zeros((2, batch, norm.num_groups), dtype=torch.float64, device=x.device)
    for start, stop in _bands(x.shape):
        # Sums of channels over rows are short enough for float32.
        part = x[..., start:stop, :].float()
        sums = torch.stack([part.sum(dim=-1), part.square().sum(dim=-1)]).double().sum(dim=-1)
        total += sums.reshape(2, batch, norm.num_groups, -1).sum(dim=-1)
    mean, square = total / (x[0, 0].numel() * channels // norm.num_groups)
    deviation = (square - mean**2).clamp(min=0).add(norm.eps).sqrt()
    each = channels // norm.num_groups
    gain = norm.weight / deviation.repeat_interleave(each, dim=1)
    offset = norm.bias - gain * mean.repeat_interleave(each, dim=1)
    return gain.float()[:, :, None, None], offset.float()[:, :, None, None]


def _resnet(block: _ResnetBlock, parts: _Parts, time: torch.Tensor) -> torch.Tensor:
    scale, shift = block.time(time)[:, :, None, None].float().chunk(2, dim=1)
    h = _convolved(block.conv1, parts)
    gain, offset = _affine(block.norm1, h)
    gain, offset = gain * (scale + 1), offset * (scale + 1) + shift
    for start, stop in _bands(h.shape):
        h[..., start:stop, :] = F.silu(h[..., start:stop, :] * gain + offset)
    h = _convolved(block.conv2, [h])
    gain, offset = _affine(block.norm2, h)
    for start, stop in _bands(h.shape):
        h[..., start:stop, :] = F.silu(h[..., start:stop, :] * gain + offset) + block.skip(_rows(parts, start, stop))
    return h


def _stem(network: UNet, pixels: torch.Tensor, grid: torch.Tensor | None) -> torch.Tensor:
    patch, stem = network.config.patch, network.stem
    cells = F.pixel_unshuffle(pixels, patch) if patch > 1 else pixels
    return _convolved(stem, [cells] if grid is None else [cells, grid])


def _resample(resample: nn.Module, x: torch.Tensor) -> torch.Tensor:
    if isinstance(resample, nn.Conv2d):
        return _convolved(resample, [x])
    before, convolution = cast("nn.Sequential", resample)
    assert isinstance(convolution, nn.Conv2d)
    if isinstance(before, nn.PixelUnshuffle):
        result = _Assembled(x.shape[-2] // 2)
        for start, stop in _bands(x.shape, multiple=2):
            result.put(start // 2, convolution(before(x[..., start:stop, :])))
        return result.get()
    result = _Assembled(2 * x.shape[-2])
    for start, stop in _bands(x.shape):
        # One row more on both sides makes two at twice the resolution; the convolution reaches one.
        finer = before(_rows([x], start, stop, 1))[..., 1:-1, :]
        result.put(2 * start, _trimmed(convolution, finer.contiguous(memory_format=torch.channels_last)))
    return result.get()


def _output(network: UNet, features: torch.Tensor) -> torch.Tensor:
    patch = network.config.patch
    result = _Assembled(features.shape[-2] * patch)
    for start, stop in _bands(features.shape):
        part = network.output(features[..., start:stop, :])
        result.put(start * patch, F.pixel_shuffle(part, patch) if patch > 1 else part)
    return result.get()
