"""Run a model: condition in, a*b* out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from semcolorize.diffusion.noise import NoiseStreams
from semcolorize.diffusion.sampler import Step, sample_ddim, sample_ddpm, sample_dpm_solver
from semcolorize.diffusion.schedule import time_steps
from semcolorize.errors import ConfigError
from semcolorize.network.conditioning import Condition
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.transfer import to_device, to_host

__all__ = ["resolve_device", "runs", "sample_ab"]


def resolve_device(name: str) -> torch.device:
    """Device behind ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    ConfigError
        If it is not there. Nothing else is used in its place.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(
            f"device {name!r} is not known; auto, cpu, cuda or cuda:N is accepted.", key="device"
        ) from None
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise ConfigError(
                f"device {name!r} is not here: this machine shows {count} CUDA devices. Use --device auto or cpu.",
                key="device",
            )
    elif device.type != "cpu":
        raise ConfigError(f"device {name!r} is not supported; auto, cpu, cuda or cuda:N is accepted.", key="device")
    return device


def runs(model: ABDiffuser, condition: Condition, count: int) -> int:
    """How many times `sample_ab` samples for so many keys: one by one on the CPU, as many at once as fit on a GPU."""
    return len(_together(model, condition, count))


def _together(model: ABDiffuser, condition: Condition, count: int) -> list[slice]:
    """Keys of `count` to be sampled at once."""
    most = 1
    if next(model.parameters()).is_cuda:
        most = max(model.largest_whole // condition.ink.numel(), 1)
    return [slice(first, first + most) for first in range(0, count, most)]


@torch.inference_mode()
def sample_ab(
    model: ABDiffuser,
    condition: Condition | Sequence[Condition],
    keys: Sequence[Sequence[int]],
    *,
    num_steps: int | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> torch.Tensor:
    """Color one image (or one series of views) once for every key.

    Parameters
    ----------
    model : ABDiffuser
        Its device is used.
    condition : Condition or sequence of Condition
        A batch of V views of one series; V = 1 for a single image. A sequence has one of equal shape for every key.
    keys : sequence of int sequences
        One noise key per variant, say ``(seed, variant)``.
    num_steps : int, optional
        The model's recommendation by default.
    on_step : callable, optional
        Told of each step.

    Returns
    -------
    Tensor of shape (len(keys), V, 2, H, W)
        CIELAB a*b*, on the CPU.

    Notes
    -----
    On the CPU the variants run one after another: it costs hardly more than a batch there, and matrix kernels round
    differently for other batch sizes, so only then is a variant alone bit for bit the one in a batch of nine.
    """
    config = model.config
    device = next(model.parameters()).device
    steps = config.num_steps if num_steps is None else num_steps
    times = time_steps(steps)
    one = condition if isinstance(condition, Condition) else condition[0]
    views, shape = one.prior.shape[0], tuple(one.prior.shape)
    results = []
    for part in _together(model, one, len(keys)):
        group = keys[part]
        if isinstance(condition, Condition):
            batch = condition.to(device).repeat(len(group))
        else:
            batch = Condition.stack(condition[part]).to(device)
        streams = NoiseStreams(group)

        def fresh(streams: NoiseStreams = streams) -> torch.Tensor:
            return to_device(streams.normal(shape).flatten(0, 1), device)

        denoiser = model.denoiser(batch, views=views)
        start = fresh()
        if config.sampler == "ddpm":
            x0 = sample_ddpm(denoiser, start, config.noise, times, noise=fresh, callback=on_step)
        elif config.sampler == "ddim":
            x0 = sample_ddim(denoiser, start, config.noise, times, callback=on_step)
        else:
            x0 = sample_dpm_solver(denoiser, start, config.noise, times, callback=on_step)
        results.append(to_host(model.ab_from(x0, batch).float()).unflatten(0, (len(group), views)))
    return torch.cat(results)
