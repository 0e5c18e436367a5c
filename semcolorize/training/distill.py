"""Distillation: a few steps that end where many would.

A first step from pure noise gives the conditional mean, which nothing can better in squared error. What too few steps
spoil are the *samples*: the last step, taken from far, averages what it should choose from. Here the student's last
step learns the teacher's answer to the same noise (Luhman and Luhman 2021, Knowledge distillation in
iterative generative models; with the student's own steps before it, as in Salimans and Ho 2022, Progressive
distillation).
"""

from __future__ import annotations

import torch

from semcolorize.diffusion.prediction import x0_from
from semcolorize.diffusion.sampler import sample_dpm_solver
from semcolorize.diffusion.schedule import time_steps
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.training.dataset import Batch

__all__ = ["distillation_loss"]


def distillation_loss(
    student: ABDiffuser,
    teacher: ABDiffuser,
    batch: Batch,
    generator: torch.Generator,
    *,
    steps: int = 2,
    teacher_steps: int = 8,
) -> torch.Tensor:
    """Squared difference of the student's sample in `steps` from the teacher's in `teacher_steps`, from equal noise.

    Parameters
    ----------
    student, teacher : ABDiffuser
        Of one configuration; only the student's last step gets gradients.
    batch : Batch
        Its true colors are not looked at.
    generator : torch.Generator
        On the CPU.
    steps : int
        At least 2: one step sees no noise.
    teacher_steps : int

    Returns
    -------
    Tensor of shape ()
        Where the micrograph is nearly black, colors count as little as they show.
    """
    condition, schedule = batch.condition, student.config.noise
    noise = torch.randn(batch.ab.shape, generator=generator).to(batch.ab.device)
    times = time_steps(steps)
    with torch.no_grad():
        wanted = sample_dpm_solver(
            teacher.denoiser(condition, views=batch.views), noise, schedule, time_steps(teacher_steps)
        )
        x = sample_dpm_solver(student.denoiser(condition, views=batch.views), noise, schedule, times[:-1])
    last = times[-2]
    alpha, sigma = (level.to(x) for level in (schedule.alpha(last), schedule.sigma(last)))
    output = student(x, last.to(x).expand(len(x)), condition, batch.views).float()
    x0 = x0_from(student.config.prediction, output, x, alpha, sigma)
    return (condition.ink * (x0 - wanted)).square().mean()
