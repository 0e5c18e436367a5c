"""Passes of a network recorded once a shape and replayed: CUDA graphs.

A pass of the compact network is some three hundred operations, most of them shorter on a GPU than what Python takes to
launch one: it would wait for the interpreter. A recorded pass is launched as one. It holds addresses, not values, so
inputs are copied to where it reads and results from where it writes; and it must not depend on values, as
`ABDiffuser.predict` does not (a test runs it on tensors that have none).

Reference: PyTorch's documentation, "CUDA semantics", section "CUDA Graphs".
"""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch

__all__ = ["Recorded", "Replays", "record_on_gpu"]

Tensors = tuple["torch.Tensor | None", ...]
Pass = Callable[..., tuple[torch.Tensor, ...]]
Recorded = Callable[[], tuple[torch.Tensor, ...]]
"""Runs a pass again on what its inputs hold now; the results are overwritten by the next run."""

_WARM_UP = 2
"""Passes before one is recorded: libraries choose their kernels and take their workspaces in the first."""

_CLOSE = 2e-2
"""How far a recorded pass may be from the same one unrecorded, relative and absolute: rounding of bfloat16."""


class Replays:
    """Runs passes, and from the second of a kind on replays them.

    Parameters
    ----------
    most : int
        Recordings kept, those used last; each holds the memory of its pass.
    record : callable, optional
        ``record(work, inputs)`` with `inputs` that stay where they are; see `record_on_gpu`, the default.

    Notes
    -----
    A recording belongs to the weights as they lie in memory: a model that is moved needs new `Replays`. What cannot be
    recorded, or gives another result than the pass it was made of, is told in a warning and run as ever.
    """

    def __init__(self, most: int = 4, record: Callable[[Pass, Tensors], Recorded] | None = None) -> None:
        self.most = most
        self._record = record or record_on_gpu
        self._seen: OrderedDict[Hashable, tuple[Tensors, Recorded] | None] = OrderedDict()
        # Threads share a model: one replay at a time, from copying its inputs to copying its results.
        self._lock = threading.Lock()
        self._given_up = False

    def __call__(self, work: Pass, kind: Hashable, inputs: Sequence[torch.Tensor | None]) -> tuple[torch.Tensor, ...]:
        """Run ``work(*inputs)``.

        Parameters
        ----------
        work : callable
            Of tensors, to a tuple of tensors.
        kind : hashable
            What the work depends on beside its inputs.
        inputs : sequence of Tensor or None
            Their shapes, types and layouts belong to the kind.

        Returns
        -------
        tuple of Tensor
            The caller's own.
        """
        kind = (kind, *(None if x is None else (x.shape, x.dtype, x.stride()) for x in inputs))
        with self._lock:
            if self._given_up:
                return work(*inputs)
            if kind not in self._seen:
                # Shapes come and go; only what comes again is worth its recording.
                self._note(kind, None)
                return work(*inputs)
            kept = self._seen[kind] or self._recorded(work, inputs)
            if kept is None:
                return work(*inputs)
            self._note(kind, kept)
            places, run = kept
            _fill(places, inputs)
            return tuple(result.clone() for result in run())

    def _note(self, kind: Hashable, kept: tuple[Tensors, Recorded] | None) -> None:
        self._seen[kind] = kept
        self._seen.move_to_end(kind)
        while len(self._seen) > self.most:
            self._seen.popitem(last=False)

    def _recorded(self, work: Pass, inputs: Sequence[torch.Tensor | None]) -> tuple[Tensors, Recorded] | None:
        places = tuple(None if x is None else x.clone() for x in inputs)
        expected = work(*inputs)
        try:
            run = self._record(work, places)
            agree = all(
                torch.allclose(a.float(), b.float(), rtol=_CLOSE, atol=_CLOSE)
                for a, b in zip(run(), expected, strict=True)
            )
            why = "" if agree else "the recording gives another result"
        except RuntimeError as error:
            agree, why = False, str(error).strip().partition("\n")[0]
        if agree:
            return places, run
        self._given_up = True
        self._seen.clear()
        warnings.warn(
            f"Passes of the network cannot be recorded as CUDA graphs here ({why}). They run one kernel after another: "
            "the same result, more slowly.",
            RuntimeWarning,
            stacklevel=4,
        )
        return None


def _fill(places: Tensors, inputs: Sequence[Any]) -> None:
    for place, value in zip(places, inputs, strict=True):
        if place is not None:
            place.copy_(value)


def record_on_gpu(work: Pass, inputs: Tensors) -> Recorded:
    """Record ``work(*inputs)`` as a CUDA graph.

    Parameters
    ----------
    work : callable
        Must not depend on values, nor wait for the GPU.
    inputs : tuple of Tensor or None
        On one GPU. The recording reads them where they lie.

    Returns
    -------
    callable
        Replays it, on the current stream.

    Raises
    ------
    RuntimeError
        If something in it cannot be recorded.
    """
    device = next(x.device for x in inputs if x is not None)
    with torch.cuda.device(device):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                work(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile: those of other models, or a loader that locks pages.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            results = work(*inputs)

    def run() -> tuple[torch.Tensor, ...]:
        with torch.cuda.device(device):
            graph.replay()
        return results

    return run
