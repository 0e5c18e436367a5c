"""Diffusion as Karras et al. 2022, "Elucidating the design space of diffusion-based generative models", write it.

Noise is added to clean data, x = x0 + sigma * noise; nothing is scaled but what the network sees.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch

__all__ = ["edm_weights", "noise_levels", "sample_heun"]

Denoiser = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""``denoiser(x, sigma) -> x0`` with `sigma` a scalar tensor."""


def edm_weights(sigma: torch.Tensor, data: float) -> tuple[torch.Tensor, ...]:
    """Skip, output and input scale and noise conditioning (table 1), and the weight of the loss (eq. 8).

    Parameters
    ----------
    sigma : Tensor
        Standard deviation of the noise.
    data : float
        That of the data.
    """
    total = sigma**2 + data**2
    skip, out, given = data**2 / total, sigma * data * total.rsqrt(), total.rsqrt()
    return skip, out, given, sigma.log() / 4, total / (sigma * data) ** 2


def noise_levels(steps: int, *, least: float = 0.02, most: float = 8.0, rho: float = 7.0) -> torch.Tensor:
    """Levels of noise from `most` to 0, `steps` + 1 of them (eq. 5)."""
    share = torch.arange(steps, dtype=torch.float64) / max(steps - 1, 1)
    levels = (most ** (1 / rho) + share * (least ** (1 / rho) - most ** (1 / rho))) ** rho
    return torch.cat([levels, levels.new_zeros(1)]).float()


def sample_heun(denoiser: Denoiser, noise: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """The deterministic sampler of the paper (algorithm 1).

    Parameters
    ----------
    denoiser : callable
    noise : Tensor
        Of standard deviation 1.
    levels : Tensor of shape (N + 1,)
        Falling, the last one 0.
    """
    x = noise * levels[0]
    for now, later in pairwise(levels):
        slope = (x - denoiser(x, now)) / now
        ahead = x + (later - now) * slope
        if later > 0:
            # Heun's correction.
            slope = (slope + (ahead - denoiser(ahead, later)) / later) / 2
            ahead = x + (later - now) * slope
        x = ahead
    return x
