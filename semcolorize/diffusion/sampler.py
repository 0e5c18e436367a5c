"""Samplers: from noise to an image, given something that knows the clean image behind a noisy one.

Free functions over a `Denoiser`: ``denoiser(x_t, t) -> x0``. They know nothing of networks, colors or progress bars; a
`callback` is told of each step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from semcolorize.diffusion.prediction import eps_from_x0
from semcolorize.diffusion.schedule import Schedule
from semcolorize.errors import ConfigError

__all__ = ["SAMPLERS", "Denoiser", "Step", "sample_ddim", "sample_ddpm", "sample_dpm_solver"]

Denoiser = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""``denoiser(x_t, t) -> x0`` with `x_t` of shape (B, C, H, W) and `t` a scalar tensor in [0, 1]."""


@dataclass(frozen=True)
class Step:
    """What a callback is told after each step.

    Attributes
    ----------
    index, count : int
        Steps done (from 1) and steps in all.
    t : float
        Time the step started from.
    x0 : Tensor of shape (B, C, H, W)
        Present estimate of the clean image: a preview.
    """

    index: int
    count: int
    t: float
    x0: torch.Tensor


Callback = Callable[[Step], None]


def _levels(schedule: Schedule, times: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if times.ndim != 1 or len(times) < 2 or bool((times[1:] >= times[:-1]).any()):
        raise ConfigError("times must fall strictly, from the noisiest to the last, and be at least two.")
    alpha, sigma = schedule.alpha(times), schedule.sigma(times)
    # The end is the data itself, not the schedule's small floor of noise.
    ends = times <= 0
    # They stay where `times` is, on the CPU: nobody waits for a GPU to know them.
    alpha = torch.where(ends, torch.ones_like(alpha), alpha).to(x.dtype)
    sigma = torch.where(ends, torch.zeros_like(sigma), sigma).to(x.dtype)
    return alpha, sigma


def sample_ddpm(
    denoiser: Denoiser,
    x: torch.Tensor,
    schedule: Schedule,
    times: torch.Tensor,
    *,
    noise: Callable[[], torch.Tensor],
    callback: Callback | None = None,
) -> torch.Tensor:
    """Ancestral sampling (Ho et al. 2020, algorithm 2), the thesis' sampler with 1000 steps.

    Parameters
    ----------
    denoiser : Denoiser
    x : Tensor of shape (B, C, H, W)
        Gaussian noise at ``times[0]``.
    schedule : Schedule
    times : Tensor of shape (N + 1,)
        Falling times, on the CPU; see `time_steps`.
    noise : callable
        Fresh Gaussian noise of the shape of `x`.
    callback : callable, optional

    Returns
    -------
    Tensor of shape (B, C, H, W)
    """
    alpha, sigma = _levels(schedule, times, x)
    count = len(times) - 1
    for i in range(count):
        x0 = denoiser(x, times[i])
        # Posterior q(x_s | x_t, x_0), eqs. (6)-(7), for s < t in continuous form.
        ratio = alpha[i] / alpha[i + 1]
        step_variance = sigma[i] ** 2 - (ratio * sigma[i + 1]) ** 2
        mean = (ratio * sigma[i + 1] ** 2 * x + alpha[i + 1] * step_variance * x0) / sigma[i] ** 2
        deviation = (step_variance.clamp_min(0) * sigma[i + 1] ** 2 / sigma[i] ** 2).sqrt()
        x = mean + deviation * noise() if i + 1 < count or float(deviation) > 0 else mean
        if callback is not None:
            callback(Step(i + 1, count, float(times[i]), x0))
    return x


def sample_ddim(
    denoiser: Denoiser,
    x: torch.Tensor,
    schedule: Schedule,
    times: torch.Tensor,
    *,
    callback: Callback | None = None,
) -> torch.Tensor:
    """Deterministic first-order sampling (Song et al. 2021, "DDIM", eq. 12 with eta = 0).

    Parameters and result as in `sample_ddpm`, without fresh noise.
    """
    alpha, sigma = _levels(schedule, times, x)
    count = len(times) - 1
    for i in range(count):
        x0 = denoiser(x, times[i])
        x = alpha[i + 1] * x0 + sigma[i + 1] * eps_from_x0(x0, x, alpha[i], sigma[i])
        if callback is not None:
            callback(Step(i + 1, count, float(times[i]), x0))
    return x


def sample_dpm_solver(
    denoiser: Denoiser,
    x: torch.Tensor,
    schedule: Schedule,
    times: torch.Tensor,
    *,
    callback: Callback | None = None,
) -> torch.Tensor:
    """DPM-Solver++(2M), second order, deterministic (Lu et al. 2022, algorithm 2).

    Parameters and result as in `sample_ddim`. The first step is of first order, and so is the last one when it
    ends at t = 0, where log-SNR is infinite.
    """
    alpha, sigma = _levels(schedule, times, x)
    half_log_snr = alpha.log() - sigma.log()
    count = len(times) - 1
    previous: torch.Tensor | None = None
    for i in range(count):
        x0 = denoiser(x, times[i])
        if float(sigma[i + 1]) == 0:
            x = x0
        else:
            h = half_log_snr[i + 1] - half_log_snr[i]
            estimate = x0
            if previous is not None:
                r = (half_log_snr[i] - half_log_snr[i - 1]) / h
                estimate = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * previous
            x = sigma[i + 1] / sigma[i] * x - alpha[i + 1] * torch.expm1(-h) * estimate
        previous = x0
        if callback is not None:
            callback(Step(i + 1, count, float(times[i]), x0))
    return x


SAMPLERS = ("dpm-solver", "ddim", "ddpm")
