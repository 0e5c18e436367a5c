"""Seeded noise, one stream a sample, so that a result never depends on what else is in the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

__all__ = ["NoiseStreams"]


class NoiseStreams:
    """Independent streams of Gaussian noise.

    Parameters
    ----------
    keys : sequence of int sequences
        One key a sample, say ``(seed, variant)``. Equal keys give equal noise on every device and machine.
    """

    def __init__(self, keys: Sequence[Sequence[int]]) -> None:
        # Philox through SeedSequence: streams of different keys are independent, and drawn on the CPU so that a GPU
        # gives the same picture.
        self._streams = [np.random.Generator(np.random.Philox(np.random.SeedSequence(list(key)))) for key in keys]

    def __len__(self) -> int:
        return len(self._streams)

    def normal(self, shape: Sequence[int], *, device: torch.device | str = "cpu") -> torch.Tensor:
        """Draw the next float32 noise of `shape` (without the batch axis) for each stream.

        Returns
        -------
        Tensor of shape (len(self), *shape)
        """
        drawn = [stream.standard_normal(tuple(shape), dtype=np.float32) for stream in self._streams]
        return torch.from_numpy(np.stack(drawn)).to(device)
