"""The U-Net: one class for the thesis' network and the compact one that ships.

After the U-Net of Ho et al. 2020 (two ResNet blocks a level, attention, sinusoidal time embedding), with what the
presets need: patches instead of pixels at the input, conditioning at two resolutions, flags beside the time, and
attention that runs over the tokens of all views of a series.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import nn

from semcolorize.errors import ConfigError, ShapeError

__all__ = ["UNet", "UNetConfig"]

AttentionKind = Literal["none", "linear", "full"]


@dataclass(frozen=True)
class UNetConfig:
    """Shape of a U-Net.

    Parameters
    ----------
    pixel_channels : int
        Input channels at full resolution (noisy a*b* and what conditions it).
    grid_channels : int
        Input channels on the patch grid; 0 for none.
    flags : int
        Numbers that condition the whole image beside the time; 0 for none.
    dim : int
        Width of the first level.
    multipliers : tuple of int
        Width of each level, in units of `dim`; each level halves the resolution.
    attention : tuple of {"none", "linear", "full"}
        Attention of each level. Full attention sees all views of a series.
    patch : int
        Pixels a side of a patch: the network works on a grid `patch` times coarser than the image.
    stem_kernel : int
        Side of the first convolution.
    normalize_weights : bool
        Weight standardization in the ResNet blocks (the thesis' code has it).
    zero_output : bool
        Start with an output of zero, so that an untrained network changes nothing.
    """

    pixel_channels: int = 5
    grid_channels: int = 0
    flags: int = 0
    dim: int = 64
    multipliers: tuple[int, ...] = (1, 2, 4, 8)
    attention: tuple[AttentionKind, ...] = ("linear", "linear", "linear", "linear")
    patch: int = 1
    stem_kernel: int = 7
    normalize_weights: bool = True
    zero_output: bool = False
    heads: int = 4
    head_dim: int = 32
    out_channels: int = 2

    def __post_init__(self) -> None:
        if len(self.attention) != len(self.multipliers) or not self.multipliers:
            raise ConfigError(
                f"attention has {len(self.attention)} entries and multipliers {len(self.multipliers)}; "
                "one of each per level is needed."
            )
        if self.dim % 8 or self.dim < 8:
            raise ConfigError(f"dim is {self.dim}; a multiple of 8 is needed (groups of the normalization).", key="dim")
        unknown = set(self.attention) - {"none", "linear", "full"}
        if unknown:
            raise ConfigError(f"attention {sorted(unknown)} is not known; there are none, linear and full.")

    @property
    def stride(self) -> int:
        """Pixels that one cell of the lowest level spans: image sides must be multiples of it."""
        return int(self.patch * 2 ** (len(self.multipliers) - 1))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> UNetConfig:
        """Build from plain data, as stored beside weights."""
        known = {field.name for field in fields(cls)}
        unknown = set(values) - known
        if unknown:
            raise ConfigError(f"network configuration has unknown keys {sorted(unknown)}.")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


class _ChannelNorm(nn.Module):
    """Layer normalization over channels, gain only."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, dim, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
        return (x - mean) * (variance + 1e-5).rsqrt() * self.g


class _Convolution(nn.Conv2d):
    """3 x 3 convolution, its weights standardized where asked for (Qiao et al. 2019)."""

    def __init__(self, dim_in: int, dim_out: int, standardize: bool) -> None:
        super().__init__(dim_in, dim_out, 3, padding=1)
        self.standardize = standardize

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.standardize:
            return super().forward(x)
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), correction=0, keepdim=True)
        weight = (self.weight - mean) * (variance + 1e-5).rsqrt()
        return F.conv2d(x, weight, self.bias, padding=1)


class _ResnetBlock(nn.Module):
    def __init__(self, dim_in: int, dim_out: int, time_dim: int, config: UNetConfig) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, 2 * dim_out))
        self.conv1 = _Convolution(dim_in, dim_out, config.normalize_weights)
        self.norm1 = nn.GroupNorm(8, dim_out)
        self.conv2 = _Convolution(dim_out, dim_out, config.normalize_weights)
        self.norm2 = nn.GroupNorm(8, dim_out)
        self.skip = nn.Conv2d(dim_in, dim_out, 1) if dim_in != dim_out else nn.Identity()

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        h = F.silu(self.norm1(self.conv1(x)) * (scale + 1) + shift)
        h = F.silu(self.norm2(self.conv2(h)))
        return h + self.skip(x)


class _LinearAttention(nn.Module):
    """Attention of linear cost (Shen et al. 2018) within one view."""

    def __init__(self, dim: int, config: UNetConfig) -> None:
        super().__init__()
        self.heads, inner = config.heads, config.heads * config.head_dim
        self.norm = _ChannelNorm(dim)
        self.qkv = nn.Conv2d(dim, 3 * inner, 1, bias=False)
        self.out = nn.Sequential(nn.Conv2d(inner, dim, 1), _ChannelNorm(dim))
        self.scale = config.head_dim**-0.5

    def forward(self, x: torch.Tensor, views: int) -> torch.Tensor:
        batch, _, height, width = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(batch, 3, self.heads, -1, height * width).unbind(1)
        q, k = q.softmax(dim=-2) * self.scale, k.softmax(dim=-1)
        context = k @ (v / (height * width)).transpose(-1, -2)
        out = (context.transpose(-1, -2) @ q).reshape(batch, -1, height, width)
        return x + self.out(out)


_MOST_KEYS = 1 << 14
"""Tokens up to which each sees every other; beyond, each sees means of neighbors, or cost would grow as the square."""


class _Attention(nn.Module):
    """Full attention over the tokens of all views of a series."""

    def __init__(self, dim: int, config: UNetConfig) -> None:
        super().__init__()
        self.heads, inner = config.heads, config.heads * config.head_dim
        self.norm = _ChannelNorm(dim)
        self.qkv = nn.Conv2d(dim, 3 * inner, 1, bias=False)
        self.out = nn.Conv2d(inner, dim, 1)

    def forward(self, x: torch.Tensor, views: int) -> torch.Tensor:
        batch, _, height, width = x.shape
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=1)
        if (count := views * height * width) > _MOST_KEYS:
            side = math.ceil(math.sqrt(count / _MOST_KEYS))
            k, v = (F.avg_pool2d(m, side, ceil_mode=True, count_include_pad=False) for m in (k, v))
        q, k, v = (self._tokens(m, views) for m in (q, k, v))
        out = F.scaled_dot_product_attention(q, k, v)
        out = out.unflatten(2, (views, height * width)).permute(0, 2, 1, 4, 3)
        return x + self.out(out.reshape(batch, -1, height, width))

    def _tokens(self, maps: torch.Tensor, views: int) -> torch.Tensor:
        """(B, heads * d, h, w) to (B / views, heads, views * h * w, d): the views stand in one row of tokens."""
        tokens = maps.unflatten(1, (self.heads, -1)).flatten(3).unflatten(0, (-1, views))
        return tokens.permute(0, 2, 1, 4, 3).flatten(2, 3)


class _NoAttention(nn.Module):
    def forward(self, x: torch.Tensor, views: int) -> torch.Tensor:
        return x


def _attention(kind: AttentionKind, dim: int, config: UNetConfig) -> nn.Module:
    if kind == "full":
        return _Attention(dim, config)
    return _LinearAttention(dim, config) if kind == "linear" else _NoAttention()


class _Level(nn.Module):
    """Two blocks and attention, then the change of resolution."""

    def __init__(
        self, dims: tuple[int, int], time_dim: int, kind: AttentionKind, resample: nn.Module, config: UNetConfig
    ) -> None:
        super().__init__()
        dim_in, dim_out = dims
        self.block1 = _ResnetBlock(dim_in, dim_out, time_dim, config)
        self.block2 = _ResnetBlock(dim_in, dim_out, time_dim, config)
        self.attention = _attention(kind, dim_out, config)
        self.resample = resample


class _TimeEmbedding(nn.Module):
    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.dim, inner = config.dim, 4 * config.dim
        self.inner = nn.Sequential(nn.Linear(config.dim + config.flags, inner), nn.GELU(), nn.Linear(inner, inner))

    def forward(self, t: torch.Tensor, flags: torch.Tensor | None) -> torch.Tensor:
        half = self.dim // 2
        frequencies = torch.exp(-math.log(10000) / (half - 1) * torch.arange(half, device=t.device))
        # Times in [0, 1] are stretched to the 1000 steps for which these frequencies were chosen.
        angles = 1000 * t.float()[:, None] * frequencies[None]
        embedding = torch.cat([angles.sin(), angles.cos()], dim=-1)
        if flags is not None:
            embedding = torch.cat([embedding, flags], dim=-1)
        return self.inner(embedding)


class UNet(nn.Module):
    """Conditional U-Net.

    Parameters
    ----------
    config : UNetConfig
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.dim * m for m in config.multipliers]
        dims = [config.dim, *widths]
        time_dim = 4 * config.dim
        stem_in = config.pixel_channels * config.patch**2 + config.grid_channels
        self.time = _TimeEmbedding(config)
        self.stem = nn.Conv2d(stem_in, config.dim, config.stem_kernel, padding=config.stem_kernel // 2)
        levels = len(widths)
        self.downs = nn.ModuleList()
        self.ups = nn.ModuleList()
        for i, (dim_in, dim_out) in enumerate(pairwise(dims)):
            if i + 1 < levels:
                resample: nn.Module = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * dim_in, dim_out, 1))
            else:
                resample = nn.Conv2d(dim_in, dim_out, 3, padding=1)
            self.downs.append(_Level((dim_in, dim_in), time_dim, config.attention[i], resample, config))
        for i, (dim_in, dim_out) in reversed(list(enumerate(pairwise(dims)))):
            resample = nn.Conv2d(dim_out, dim_in, 3, padding=1)
            if i > 0:
                resample = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), resample)
            self.ups.append(_Level((dim_out + dim_in, dim_out), time_dim, config.attention[i], resample, config))
        self.middle1 = _ResnetBlock(widths[-1], widths[-1], time_dim, config)
        self.middle_attention = _Attention(widths[-1], config)
        self.middle2 = _ResnetBlock(widths[-1], widths[-1], time_dim, config)
        self.last = _ResnetBlock(2 * config.dim, config.dim, time_dim, config)
        self.output = nn.Conv2d(config.dim, config.out_channels * config.patch**2, 1)
        if config.zero_output:
            for parameter in self.output.parameters():
                nn.init.zeros_(parameter)

    def forward(
        self,
        pixels: torch.Tensor,
        t: torch.Tensor,
        *,
        grid: torch.Tensor | None = None,
        flags: torch.Tensor | None = None,
        views: int = 1,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Predict.

        Parameters
        ----------
        pixels : Tensor of shape (B, pixel_channels, H, W)
            Noisy a*b* first, then the conditioning at full resolution. H, W: multiples of ``config.stride``.
        t : Tensor of shape (B,)
            Times in [0, 1].
        grid : Tensor of shape (B, grid_channels, H/patch, W/patch), optional
        flags : Tensor of shape (B, flags), optional
        views : int
            The batch holds B/views series of so many views each, the views of a series side by side.

        Returns
        -------
        output : Tensor of shape (B, out_channels, H, W)
        features : Tensor of shape (B, dim, H/patch, W/patch)
            What the output was read from.

        Raises
        ------
        ShapeError
            If sides are no multiples of the stride or B is no multiple of `views`.
        """
        config = self.config
        if pixels.shape[-2] % config.stride or pixels.shape[-1] % config.stride:
            raise ShapeError(f"image sides {tuple(pixels.shape[-2:])} must be multiples of {config.stride}.")
        if pixels.shape[0] % views:
            raise ShapeError(f"a batch of {pixels.shape[0]} cannot hold series of {views} views.")
        x = F.pixel_unshuffle(pixels, config.patch) if config.patch > 1 else pixels
        if grid is not None:
            x = torch.cat([x, grid], dim=1)
        time = self.time(t, flags)
        x = self.stem(x)
        first = x
        skips = []
        for level in cast("Iterable[_Level]", self.downs):
            x = level.block1(x, time)
            skips.append(x)
            x = level.attention(level.block2(x, time), views)
            skips.append(x)
            x = level.resample(x)
        x = self.middle2(self.middle_attention(self.middle1(x, time), views), time)
        for level in cast("Iterable[_Level]", self.ups):
            x = level.block1(torch.cat([x, skips.pop()], dim=1), time)
            x = level.block2(torch.cat([x, skips.pop()], dim=1), time)
            x = level.resample(level.attention(x, views))
        features = self.last(torch.cat([x, first], dim=1), time)
        x = self.output(features)
        return (F.pixel_shuffle(x, config.patch) if config.patch > 1 else x), features
