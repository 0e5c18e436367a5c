"""The training objective: predict v (or x0, eps) at random times, mostly noisy ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from semcolorize.diffusion.prediction import add_noise, target
from semcolorize.errors import ConfigError
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.training.dataset import Batch

__all__ = ["diffusion_loss", "draw_times", "likeness_loss", "one_step_ab"]


_MOST_RELATIVE = 5.0
"""Largest error, in units of the relative floor, by which a sample's weight is lowered."""


def draw_times(count: int, generator: torch.Generator, *, terminal_share: float) -> torch.Tensor:
    """Times in [0, 1]: exactly 1 for a `terminal_share` of them, else uniform.

    At t = 1 there is no signal and the network must color from lightness and hints alone: that is the step on which
    few-step sampling stands or falls, so it is trained most.
    """
    times = torch.rand(count, generator=generator)
    return torch.where(torch.rand(count, generator=generator) < terminal_share, torch.ones(count), times)


def diffusion_loss(
    model: ABDiffuser,
    batch: Batch,
    generator: torch.Generator,
    *,
    terminal_share: float = 0.5,
    knee: float = 0.25,
    min_snr: float = 0.0,
    offset_noise: float = 0.0,
    relative_floor: float = 0.0,
    likeness_weight: float = 0.0,
) -> torch.Tensor:
    """Pseudo-Huber error of the prediction.

    Squared error lets the few samples that nobody could guess outweigh the many that are nearly right, and answers
    ambiguity with faded averages; beyond `knee` the error counts linearly instead (Song and Dhariwal 2023, section
    3.3, use it for the same reason).

    Parameters
    ----------
    model : ABDiffuser
    batch : Batch
        On the device of the model.
    generator : torch.Generator
        On the CPU, so that a run is the same on every device.
    terminal_share : float
        See `draw_times`.
    knee : float
        In network units; 0 for squared error.
    min_snr : float
        Largest signal-to-noise ratio with which a time step's error in x0 counts (Hang et al. 2023); 0 for the
        prediction's own error, equally at all times.
    relative_floor : float
        Samples count in inverse proportion to the error of the propagated hints alone plus this, so that an image that
        is nearly right already is improved as eagerly as one that is all wrong (PSNR, and the eye, are logarithmic);
        0 for equal weights.
    likeness_weight : float
        Weight of `likeness_loss`.
    offset_noise : float
        Noise of one color over the whole image, relative to that of each pixel.

    Returns
    -------
    Tensor of shape ()
    """
    config = model.config
    x0 = model.x0_of(batch.ab, batch.condition)
    # All views of a series are at the same time, as in sampling.
    times = draw_times(len(x0) // batch.views, generator, terminal_share=terminal_share)
    times = times.repeat_interleave(batch.views).to(x0.device)
    noise = torch.randn(x0.shape, generator=generator)
    if offset_noise > 0:
        noise = noise + offset_noise * torch.randn((*x0.shape[:2], 1, 1), generator=generator)
    noise = noise.to(x0.device)
    alpha = config.noise.alpha(times)[:, None, None, None]
    sigma = config.noise.sigma(times)[:, None, None, None]
    x_t = add_noise(x0, noise, alpha, sigma)
    output, features = model.predict(x_t, times, batch.condition, batch.views)
    output = output.float()
    # Inks count as they show: little where the micrograph is nearly black.
    error = batch.condition.ink * (output - target(config.prediction, x0, noise, alpha, sigma))
    loss = _penalty(error, knee)
    if min_snr > 0:
        snr = (alpha / sigma).square()
        # Squared errors of x0, eps and v stand as 1 : SNR : SNR + 1.
        own = {"x0": torch.ones_like(snr), "eps": snr, "v": snr + 1}[config.prediction]
        loss = loss * snr.clamp(max=min_snr) / own
    if relative_floor > 0:
        before = _penalty(batch.condition.ink * x0, knee).mean(dim=(1, 2, 3), keepdim=True)
        # Where hints alone are all wrong, as in the modes, a sample must not count for nothing.
        weight = 1 / (before.clamp(max=_MOST_RELATIVE * relative_floor) + relative_floor)
        loss = loss * weight / weight.mean()
    if likeness_weight > 0:
        return loss.mean() + likeness_weight * likeness_loss(model, features, batch, generator)
    return loss.mean()


_PLACES = 32


def likeness_loss(
    model: ABDiffuser, features: torch.Tensor, batch: Batch, generator: torch.Generator
) -> torch.Tensor:
    """Cross-entropy of the likeness of pairs of cells, where the truth knows what they belong to.

    A click teaches through the colors of one object; asked of every pair, the same scene teaches what looks alike a
    thousand times. Of `semcolorize.network.matching.HintMatching`, the first head learns what is of one class, the
    second what is one instance; the others are free.

    Parameters
    ----------
    model : ABDiffuser
        With matching heads, at least two.
    features : Tensor of shape (B, dim, h, w)
    batch : Batch
    generator : torch.Generator

    Returns
    -------
    Tensor of shape ()
        In nats a pair; 0 without labels.
    """
    if model.mixing is None or batch.labels is None:
        raise ConfigError("likeness_weight needs a network with matching heads; set it to 0.", key="likeness_weight")
    series = len(features) // batch.views
    # (series, 2, cells of all views)
    labels = batch.labels.unflatten(0, (series, batch.views)).movedim(1, 2).flatten(2)
    places = torch.randint(labels.shape[-1], (series, _PLACES), generator=generator).to(labels.device)
    odds = model.mixing.matching.likeness(features, places, batch.views)[:, :2].float()
    there = torch.gather(labels, 2, places[:, None].expand(-1, 2, -1))
    same = (labels[..., None] == there[:, :, None]).float()
    known = ((labels >= 0)[..., None] & (there >= 0)[:, :, None]).float()
    loss = F.binary_cross_entropy_with_logits(odds, same, reduction="none") * known
    return loss.sum() / known.sum().clamp(min=1)


def _penalty(error: torch.Tensor, knee: float) -> torch.Tensor:
    return (error.square() + knee**2).sqrt() - knee if knee > 0 else error.square()


@torch.no_grad()
def one_step_ab(model: ABDiffuser, batch: Batch, generator: torch.Generator) -> torch.Tensor:
    """Color in a single step from t = 1: CIELAB a*b* of shape (B, 2, H, W), the conditional mean."""
    noise = torch.randn(batch.ab.shape, generator=generator).to(batch.ab.device)
    x0 = model.denoiser(batch.condition, views=batch.views)(noise, torch.ones((), dtype=torch.float64))
    return model.ab_from(x0, batch.condition)
