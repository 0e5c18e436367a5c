"""Noise schedules: how much signal and how much noise is left at time t.

Time runs from 0 (data) to 1 (noise); ``x_t = alpha_t x_0 + sigma_t noise`` with ``alpha_t^2 + sigma_t^2 = 1``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from semcolorize.errors import ConfigError

__all__ = ["KINDS", "Schedule", "time_steps"]

Kind = Literal["sigmoid", "cosine", "linear"]
KINDS: tuple[str, ...] = get_args(Kind)

_SMALLEST = 1e-5
"""Floor of alpha^2 and sigma^2, so that log-SNR stays finite at both ends."""


@dataclass(frozen=True)
class Schedule:
    """A variance-preserving schedule.

    Parameters
    ----------
    kind : {"sigmoid", "cosine", "linear"}
        ``sigmoid``: Jabri et al. 2022, algorithm 1, start -3, end 3, tau 1 (the thesis). ``cosine``: Nichol and
        Dhariwal 2021, eq. (17). ``linear``: the betas of Ho et al. 2020 (1e-4 to 0.02 in 1000 steps) in continuous
        time.
    shift : float
        Factor on alpha/sigma. Below 1 it adds noise everywhere: neighboring pixels of a* and b* agree so much that
        at high resolution a pattern shows through noise that would hide it in a small image (Hoogeboom et al. 2023,
        "simple diffusion", section 3.1).
    """

    kind: Kind = "sigmoid"
    shift: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"schedule {self.kind!r} is not known; there are {', '.join(KINDS)}.", key="schedule")
        if not (self.shift > 0 and math.isfinite(self.shift)):
            raise ConfigError(f"schedule shift {self.shift} must be a positive number.", key="schedule_shift")

    def log_snr(self, t: torch.Tensor) -> torch.Tensor:
        """Logarithm of alpha_t^2 / sigma_t^2 at times `t` in [0, 1], of any shape."""
        square = self._alpha_bar(t.double()).clamp(_SMALLEST, 1 - _SMALLEST)
        return (square.log() - (1 - square).log() + 2 * math.log(self.shift)).to(t.dtype)

    def alpha(self, t: torch.Tensor) -> torch.Tensor:
        """Signal amplitude alpha_t."""
        return torch.sigmoid(self.log_snr(t)).sqrt()

    def sigma(self, t: torch.Tensor) -> torch.Tensor:
        """Noise amplitude sigma_t."""
        return torch.sigmoid(-self.log_snr(t)).sqrt()

    def _alpha_bar(self, t: torch.Tensor) -> torch.Tensor:
        if self.kind == "sigmoid":
            start, end = (1 / (1 + math.exp(-x)) for x in (-3.0, 3.0))
            return (end - torch.sigmoid(6 * t - 3)) / (end - start)
        if self.kind == "cosine":
            s = 0.008
            return (torch.cos((t + s) / (1 + s) * (math.pi / 2)) / math.cos(s / (1 + s) * (math.pi / 2))) ** 2
        # -log(abar) = integral of beta: 1000 discrete betas from 1e-4 to 0.02, read as a line over t.
        first, last = 0.1, 20.0
        return torch.exp(-(first * t + 0.5 * (last - first) * t**2))


def time_steps(num_steps: int, *, device: torch.device | str = "cpu") -> torch.Tensor:
    """Evenly spaced times from 1 down to 0, `num_steps` + 1 of them.

    Raises
    ------
    ConfigError
        If `num_steps` is below 1.
    """
    if num_steps < 1:
        raise ConfigError(f"num_steps is {num_steps}; at least 1 is needed.", key="num_steps")
    return torch.linspace(1, 0, num_steps + 1, dtype=torch.float64, device=device)
