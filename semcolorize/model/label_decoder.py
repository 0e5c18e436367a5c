"""The label decoder: from features, hints and their propagation to one logit map a label, the same for all labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from semcolorize.model.encoder import ImageFeatures, Residual, convolution

__all__ = ["DECODER_CHANNELS", "DecoderConfig", "LabelDecoder"]

DECODER_CHANNELS = (
    "own instance hints", "own alike hints", "other hints", "gray instance hints", "gray alike hints",
    "walk own", "walk other", "walk gray", "log walk own", "log walk other", "log walk gray",
    "speaks for instance", "speaks for alike", "others speak", "gray speaks",
    "distance to own", "distance to others", "prior",
)  # fmt: skip
"""What a decoder is given of one label on the grid, before the similarities (five a head)."""

SIMILARITIES = ("own alike", "own instance", "other", "gray alike", "gray instance")


@dataclass(frozen=True)
class DecoderConfig:
    """Shape of a decoder.

    Parameters
    ----------
    widths : tuple of int
        Channels at strides 4, 8, 16, and of the head at stride 2.
    """

    widths: tuple[int, ...] = (32, 64, 96, 16)


class LabelDecoder(nn.Module):
    """A light U-Net over one label at a time.

    Parameters
    ----------
    config : DecoderConfig
    encoder_widths : tuple of int
        See `EncoderConfig`.
    heads : int
        Embeddings of the encoder.
    """

    def __init__(self, config: DecoderConfig, encoder_widths: tuple[int, ...], heads: int) -> None:
        super().__init__()
        w4, w8, w16, w2 = config.widths
        e2, e4, e8, e16 = encoder_widths[:4]
        self.from_fine, self.from_grid = nn.Conv2d(e2, w2, 1), nn.Conv2d(e4, w4, 1)
        self.from_middle, self.from_coarse = nn.Conv2d(e8, w8, 1), nn.Conv2d(e16, w16, 1)
        self.hints = nn.Conv2d(len(DECODER_CHANNELS) + heads * len(SIMILARITIES), w4, 3, padding=1)
        self.first = nn.Sequential(nn.BatchNorm2d(w4), nn.ReLU(), Residual(w4))
        self.down8 = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * w4, w8, 1))
        self.at8 = nn.Sequential(nn.BatchNorm2d(w8), nn.ReLU(), Residual(w8))
        self.down16 = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * w8, w16, 1))
        self.at16 = nn.Sequential(nn.BatchNorm2d(w16), nn.ReLU(), Residual(w16), Residual(w16))
        self.up8, self.last8 = nn.Conv2d(w16, w8, 1), Residual(w8)
        self.up4, self.last4 = nn.Conv2d(w8, w4, 1), Residual(w4)
        self.up2, self.fine_hints = nn.Conv2d(w4, w2, 1), nn.Conv2d(2, w2, 1)
        self.last2 = nn.Sequential(nn.BatchNorm2d(w2), nn.ReLU(), convolution(w2, w2))
        self.output = nn.Conv2d(w2, 1, 1)
        for parameter in self.output.parameters():
            # An untrained decoder leaves the prior as it is.
            nn.init.zeros_(parameter)

    def fold_normalization(self) -> None:
        """Multiply the normalization of sums into the convolutions that are summed, in place; for inference only."""
        sums = (
            (self.first, (self.from_grid, self.hints)),
            (self.at8, (self.from_middle, self.down8[1])),
            (self.at16, (self.from_coarse, self.down16[1])),
            (self.last2, (self.from_fine, self.fine_hints, self.up2)),
        )
        with torch.no_grad():
            for block, parts in sums:
                norm = cast("nn.BatchNorm2d", block[0])
                mean, variance = cast("torch.Tensor", norm.running_mean), cast("torch.Tensor", norm.running_var)
                scale = norm.weight * (variance + norm.eps).rsqrt()
                for i, part in enumerate(cast("tuple[nn.Conv2d, ...]", parts)):
                    part.weight = nn.Parameter(part.weight * scale[:, None, None, None], requires_grad=False)
                    shift = norm.bias - mean * scale if i == 0 else 0.0
                    part.bias = nn.Parameter(cast("torch.Tensor", part.bias) * scale + shift, requires_grad=False)
                block[0] = nn.Identity()

    def project(self, features: ImageFeatures) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """What all labels share, at strides 2, 4, 8 and 16: once an image."""
        return (
            self.from_fine(features.fine), self.from_grid(features.grid), self.from_middle(features.middle),
            self.from_coarse(features.coarse),
        )  # fmt: skip

    def forward(
        self,
        shared: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor],
        image: torch.Tensor,
        channels: torch.Tensor,
        fine_hints: torch.Tensor,
    ) -> torch.Tensor:
        """Logits to add to the prior.

        Parameters
        ----------
        shared : tuple of Tensor
            From `project`.
        image : int64 Tensor of shape (N,)
            Image of each label.
        channels : Tensor of shape (N, C, H/4, W/4)
        fine_hints : Tensor of shape (N, 2, H/2, W/2)
            Own and other hints.

        Returns
        -------
        Tensor of shape (N, 1, H/2, W/2)
        """
        fine, grid, middle, coarse = (plane[image] for plane in shared)
        at4 = self.first(grid + self.hints(channels))
        at8 = self.at8(middle + self.down8(at4))
        x = self.at16(coarse + self.down16(at8))
        x = self.last8(at8 + _twice(self.up8(x)))
        x = self.last4(at4 + _twice(self.up4(x)))
        return self.output(self.last2(fine + self.fine_hints(fine_hints) + _twice(self.up2(x))))


def _twice(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
