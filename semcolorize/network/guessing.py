"""The best guess, which the first variant is: the conditional mean, made surer than a single pass of the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from semcolorize.diffusion.sampler import Step
from semcolorize.network.conditioning import Condition
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.sampling import runs, sample_ab

__all__ = ["best_guess", "passes"]

_MIRRORS = ((-1,), (-2,), (-2, -1))
"""Mirror images that the best guess is the mean of, besides the image itself.

Measured on colored micrographs: 25.01 dB at 5 hints without, 25.09 with the first, 25.13 with all; at 20 hints 26.90,
27.04, 27.13.
"""

_MOST_PIXELS = 1 << 21
"""Up to which mirror images are looked at: beyond, a single pass takes seconds."""

_PRIOR_SHARE, _PRIOR_HINTS = 0.6, 8.0
"""Share of the prior in a guess from hardly any hint, and how many hints bring it down to 1/e of that.

With few hints the network is too careful. Measured on colored micrographs: 21.85 instead of 21.58 dB at 1 hint, 24.18
instead of 23.88 at 2, 25.27 instead of 25.14 at 5; on photographs up to 0.07 dB less. The chroma rises from 0.69 to
0.77 of the true at 1 hint, from 0.82 to 0.87 at 2.
"""


def passes(model: ABDiffuser, condition: Condition, *, num_steps: int) -> int:
    """Steps that `best_guess` takes."""
    return num_steps * runs(model, condition, 1 + len(_mirrors(condition, num_steps)))


def best_guess(
    model: ABDiffuser,
    condition: Condition,
    key: Sequence[int],
    *,
    num_steps: int,
    on_step: Callable[[Step], None] | None = None,
) -> torch.Tensor:
    """Color one image (or one series of views), as likely as can be.

    One step gives the conditional mean, so the mean of several is no less sharp: it is taken over the mirror images
    (the geometric self-ensemble of Timofte et al. 2016, "Seven ways to improve example-based single image super
    resolution"), and drawn toward the propagated hints where hints are few.

    Parameters
    ----------
    model : ABDiffuser
    condition : Condition
        A batch of V views of one series.
    key : int sequence
        Noise key.
    num_steps
        As for `semcolorize.pipeline.Colorizer.colorize`.
    on_step : callable, optional
        See `semcolorize.network.sampling.sample_ab`.

    Returns
    -------
    Tensor of shape (1, V, 2, H, W)
        CIELAB a*b*, on the CPU.
    """
    mirrors = _mirrors(condition, num_steps)
    shown = [condition, *(condition.mirrored(axes) for axes in mirrors)]

    seen = sample_ab(
        model, shown, [key] * len(shown), num_steps=num_steps, on_step=on_step
    )
    ab = seen[:1]
    for axes, image in zip(mirrors, seen[1:], strict=True):
        ab = ab + image[None].flip(axes)
    ab = ab / len(shown)
    if not model.config.residual:
        return ab
    return torch.lerp(ab, _prior(model, condition).to(ab), _prior_share(condition))


def _prior(model: ABDiffuser, condition: Condition) -> torch.Tensor:
    """a*b* of the propagated hints, (V, 2, H, W)."""
    return condition.prior * condition.ink * model.config.ab_scale


def _mirrors(condition: Condition, num_steps: int) -> Sequence[tuple[int, ...]]:
    """None for samples of several steps, nor for very large images."""
    return _MIRRORS if num_steps == 1 and condition.ink.numel() <= _MOST_PIXELS else ()


def _prior_share(condition: Condition) -> float:
    from scipy import ndimage

    assert condition.grid is not None
    hints = sum(ndimage.label(seeds.numpy() > 0, np.ones((3, 3)))[1] for seeds in condition.grid[:, 2].cpu())
    return _PRIOR_SHARE * float(np.exp(-hints / _PRIOR_HINTS)) if hints else 0.0
