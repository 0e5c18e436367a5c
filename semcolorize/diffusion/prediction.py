"""What the network predicts: the image x0, the noise eps, or the velocity v; and how each becomes the others.

With ``x_t = alpha x_0 + sigma eps`` and ``alpha^2 + sigma^2 = 1``, ``v = alpha eps - sigma x_0`` (Salimans and Ho 2022,
"Progressive distillation", section 4 and appendix D).
"""

from __future__ import annotations

from typing import Literal, get_args

import torch

from semcolorize.errors import ConfigError

__all__ = ["PREDICTIONS", "add_noise", "eps_from_x0", "target", "v_from", "x0_from"]

Prediction = Literal["x0", "eps", "v"]
PREDICTIONS: tuple[str, ...] = get_args(Prediction)


def add_noise(x0: torch.Tensor, noise: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """``x_t``: the image at the noise level (alpha, sigma)."""
    return alpha * x0 + sigma * noise


def v_from(x0: torch.Tensor, noise: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Velocity of image and noise."""
    return alpha * noise - sigma * x0


def x0_from(
    prediction: Prediction, output: torch.Tensor, x_t: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor
) -> torch.Tensor:
    """Image that `output` stands for.

    Parameters
    ----------
    prediction : {"x0", "eps", "v"}
    output, x_t : Tensors of one shape
    alpha, sigma : Tensors that broadcast over them
        For "eps", alpha must not be 0.
    """
    if prediction == "v":
        return alpha * x_t - sigma * output
    if prediction == "x0":
        return output
    if prediction == "eps":
        return (x_t - sigma * output) / alpha
    raise ConfigError(f"prediction {prediction!r} is not known; there are {', '.join(PREDICTIONS)}.")


def eps_from_x0(x0: torch.Tensor, x_t: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Noise that leads from `x0` to `x_t`; sigma must not be 0."""
    return (x_t - alpha * x0) / sigma


def target(
    prediction: Prediction, x0: torch.Tensor, noise: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor
) -> torch.Tensor:
    """What a network that predicts `prediction` should put out."""
    if prediction == "v":
        return v_from(x0, noise, alpha, sigma)
    if prediction == "x0":
        return x0
    if prediction == "eps":
        return noise
    raise ConfigError(f"prediction {prediction!r} is not known; there are {', '.join(PREDICTIONS)}.")
