"""The AB-diffuser: a U-Net, how its inputs are put together and how its output is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from semcolorize.diffusion.prediction import x0_from
from semcolorize.network.banding import LARGEST_WHOLE, forward_in_bands
from semcolorize.network.conditioning import Condition, ModelConfig
from semcolorize.network.matching import InkMixing
from semcolorize.network.replay import Replays
from semcolorize.network.unet import UNet

__all__ = ["ABDiffuser"]

_PLACES = 32
"""Marks are filled up to multiples of it where passes are recorded, so that an edited hint fits the recording."""


class ABDiffuser(nn.Module):
    """A U-Net and how to read it: the model that colors.

    Parameters
    ----------
    config : ModelConfig

    Attributes
    ----------
    largest_whole : int
        Pixels of a batch above which the network runs in bands, see `semcolorize.network.banding`.
    reduced : bool
        Run in bfloat16 where that is safe (`torch.autocast`).
    replays : Replays or None
        Records passes, see `semcolorize.network.replay`; None to run each as it comes.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.largest_whole = LARGEST_WHOLE
        self.reduced = False
        self.replays: Replays | None = None
        self.network = UNet(config.network)
        heads = config.matching_heads
        self.mixing = InkMixing(config.network.dim, heads) if heads else None

    def forward(self, x_t: torch.Tensor, t: torch.Tensor, condition: Condition, views: int = 1) -> torch.Tensor:
        """Raw prediction (v, x0 or eps) for noisy `x_t` of shape (B, 2, H, W) at times `t` of shape (B,)."""
        return self.predict(x_t, t, condition, views)[0]

    def predict(
        self, x_t: torch.Tensor, t: torch.Tensor, condition: Condition, views: int = 1
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Raw prediction, and the features (B, dim, H/patch, W/patch) that it was read from."""
        if self.config.input_gate > 0:
            gate = (self.config.input_gate * self.config.noise.alpha(t)).clamp(max=1).to(x_t)
            x_t = x_t * gate[:, None, None, None]
        pixels = torch.cat([x_t, condition.pixels], dim=1)
        grid, flags = condition.grid, condition.flags
        if pixels[:, 0].numel() > self.largest_whole and not torch.is_grad_enabled():
            output, features = forward_in_bands(self.network, pixels, t, grid=grid, flags=flags, views=views)
        else:
            output, features = self.network(pixels, t, grid=grid, flags=flags, views=views)
        if self.mixing is None:
            return output, features
        grid, marks = cast("torch.Tensor", grid), cast("torch.Tensor", condition.marks)
        walked = torch.cat([grid[:, 3:5], grid[:, 7:9]], dim=1)
        inks = self.mixing(features, (grid[:, :2], grid[:, 2:3], marks), walked, views)
        inks = F.interpolate(inks, scale_factor=self.config.network.patch, mode="bilinear", align_corners=False)
        mixed = output[:, 2:3] * condition.prior + output[:, 3:4] * inks[:, :2] + output[:, 4:5] * inks[:, 2:]
        return output[:, :2] + mixed, features

    def denoiser(
        self, condition: Condition, *, views: int = 1
    ) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """Bind a condition: ``denoiser(x_t, t) -> x0``, as the samplers want it."""
        schedule = self.config.noise

        def denoise(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            # Numbers stay with the processor, which need not wait for a GPU to know them.
            alpha, sigma = (level.to(x_t.dtype) for level in (schedule.alpha(t), schedule.sigma(t)))
            times = torch.full((x_t.shape[0],), float(t), dtype=x_t.dtype, device=x_t.device)
            output = self._run(x_t, times, condition, views)[0].to(x_t.dtype)
            return x0_from(self.config.prediction, output, x_t, alpha, sigma)

        return denoise

    def _run(
        self, x_t: torch.Tensor, times: torch.Tensor, condition: Condition, views: int
    ) -> tuple[torch.Tensor, ...]:
        """`predict` as it is configured: in bfloat16 or not, recorded or not."""

        def run(x_t: torch.Tensor, times: torch.Tensor, *given: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
            # Nothing is kept from one pass for the next: a recorded one writes to the same memory every time.
            kind, on = x_t.device.type, self.reduced
            with torch.autocast(kind, dtype=torch.bfloat16, enabled=on, cache_enabled=False):
                return self.predict(x_t, times, Condition.from_tensors(given), views)

        # In bands a pass is long, and its launches are no matter.
        if self.replays is None or x_t[:, 0].numel() > self.largest_whole:
            return run(x_t, times, *condition.tensors())
        given = condition.with_places(_PLACES).tensors()
        return self.replays(run, (views, self.reduced), (x_t, times, *given))

    def ab_from(self, x0: torch.Tensor, condition: Condition) -> torch.Tensor:
        """CIELAB a*b* of a sampled `x0` of shape (B, 2, H, W)."""
        return (x0 + condition.prior) * condition.ink * self.config.ab_scale

    def x0_of(self, ab: torch.Tensor, condition: Condition) -> torch.Tensor:
        """What is diffused for true CIELAB a*b* of shape (B, 2, H, W): the inverse of `ab_from`."""
        return ab / (condition.ink * self.config.ab_scale) - condition.prior
