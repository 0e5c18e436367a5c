"""The image encoder: features of a micrograph, computed once, whatever its hints will be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["EncoderConfig", "ImageEncoder", "ImageFeatures", "Residual", "convolution", "fold_normalization"]


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of an encoder.

    Parameters
    ----------
    widths : tuple of int
        Channels at strides 2, 4, 8, 16 and 32.
    blocks : tuple of int
        Residual blocks at each of these strides on the way down.
    heads : int
        Embeddings by which cells are compared with hints; the first is trained to tell classes apart.
    head_dim : int
    """

    widths: tuple[int, ...] = (32, 64, 96, 160, 192)
    blocks: tuple[int, ...] = (1, 2, 2, 2, 2)
    heads: int = 2
    head_dim: int = 24

    @property
    def stride(self) -> int:
        """Image sides must be multiples of it."""
        return 32


@dataclass(frozen=True)
class ImageFeatures:
    """What the encoder says of a batch of images.

    Attributes
    ----------
    fine : Tensor of shape (B, C2, H/2, W/2)
    grid : Tensor of shape (B, C4, H/4, W/4)
    middle, coarse : Tensor of shape (B, C8, H/8, W/8) and (B, C16, H/16, W/16)
    embedding : Tensor of shape (B, heads, D, H/4 * W/4)
        Unit vectors; cells of one kind have vectors that point the same way.
    across, down : Tensor of shape (B, H/4, W/4 - 1) and (B, H/4 - 1, W/4)
        Logits of a cell and its right (lower) neighbor belonging to one object.
    """

    fine: torch.Tensor
    grid: torch.Tensor
    middle: torch.Tensor
    coarse: torch.Tensor
    embedding: torch.Tensor
    across: torch.Tensor
    down: torch.Tensor


def convolution(dim_in: int, dim_out: int, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch normalization, ReLU: at inference one convolution."""
    return nn.Sequential(
        nn.Conv2d(dim_in, dim_out, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(dim_out), nn.ReLU()
    )


def fold_normalization(model: nn.Module) -> None:
    """Multiply batch normalization into the convolutions before it, in place: the same to rounding, and faster.

    For inference only: weights saved afterwards do not fit the configuration any more.
    """
    for part in model.modules():
        if isinstance(part, nn.Sequential):
            for i in range(1, len(part)):
                before, norm = part[i - 1], part[i]
                if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    part[i - 1], part[i] = fuse_conv_bn_eval(before, norm), nn.Identity()


class Residual(nn.Module):
    """Two convolutions beside a short cut (He et al. 2016)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = convolution(dim, dim)
        self.second = nn.Sequential(nn.Conv2d(dim, dim, 3, padding=1, bias=False), nn.BatchNorm2d(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, dim, H, W) to the same."""
        return F.relu(x + self.second(self.first(x)))


class _SelfAttention(nn.Module):
    """Every cell of the coarsest level sees every other one."""

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.BatchNorm2d(dim)
        self.qkv = nn.Conv2d(dim, 3 * dim, 1, bias=False)
        self.out = nn.Conv2d(dim, dim, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, 3, self.heads, c // self.heads, h * w).transpose(-1, -2).unbind(1)
        seen = F.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(b, c, h, w)
        return x + self.out(seen)


class _Down(nn.Module):
    def __init__(self, dim_in: int, dim_out: int, blocks: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.PixelUnshuffle(2), *convolution(4 * dim_in, dim_out, 1))
        self.blocks = nn.Sequential(*(Residual(dim_out) for _ in range(blocks)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.reduce(x))


class _Up(nn.Module):
    def __init__(self, coarse: int, dim: int) -> None:
        super().__init__()
        self.take = nn.Conv2d(coarse, dim, 1)
        self.block = Residual(dim)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.block(skip + F.interpolate(self.take(x), scale_factor=2.0, mode="nearest"))


class ImageEncoder(nn.Module):
    """A feature pyramid over one gray image (Lin et al. 2017), with outlines and embeddings read from it.

    Parameters
    ----------
    config : EncoderConfig
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        w2, w4, w8, w16, w32 = config.widths
        # The image as it is, and brought to common mean and contrast.
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), *convolution(8, w2))
        self.blocks2 = nn.Sequential(*(Residual(w2) for _ in range(config.blocks[0])))
        self.downs = nn.ModuleList(
            _Down(a, b, n) for a, b, n in zip(config.widths, config.widths[1:], config.blocks[1:], strict=False)
        )
        self.attention = _SelfAttention(w32)
        self.ups = nn.ModuleList([_Up(w32, w16), _Up(w16, w8), _Up(w8, w4)])
        self.embed = nn.Conv2d(w4, config.heads * config.head_dim, 1)
        self.outlines = nn.Sequential(convolution(w4, 32), nn.Conv2d(32, 2, 3, padding=1))

    def forward(self, lightness: torch.Tensor) -> ImageFeatures:
        """Look at images.

        Parameters
        ----------
        lightness : Tensor of shape (B, 1, H, W)
            CIE L*, 0 to 100. H, W: multiples of 32.

        Returns
        -------
        ImageFeatures
        """
        deviation, mean = torch.std_mean(lightness, dim=(2, 3), keepdim=True)
        planes = torch.cat([lightness / 50 - 1, (lightness - mean) / (deviation + 2.0)], dim=1)
        fine = self.blocks2(self.stem(planes))
        x, skips = fine, []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        x = self.attention(skips.pop())
        levels = []
        for up in self.ups:
            x = cast("torch.Tensor", up(x, skips.pop()))
            levels.append(x)
        coarse, middle, grid = levels
        embedding = self.embed(grid).float().unflatten(1, (self.config.heads, self.config.head_dim)).flatten(3)
        edges = self.outlines(grid).float()
        return ImageFeatures(
            fine, grid, middle, coarse, F.normalize(embedding, dim=2), edges[:, 0, :, :-1], edges[:, 1, :-1]
        )
