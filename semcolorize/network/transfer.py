"""Between the processor's memory and a GPU's.

Through page-locked memory: the GPU fetches from it by itself, while the interpreter goes on to queue what comes next;
from ordinary memory it copies piece by piece, and everybody waits. On the CPU nothing is copied.
"""

from __future__ import annotations

import torch

__all__ = ["to_device", "to_host"]


def to_device(tensor: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """The tensor on `device`; what is queued there afterwards sees it complete."""
    device = torch.device(device)
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    # The allocator keeps the page-locked copy until the GPU has read it.
    return tensor.pin_memory().to(device, non_blocking=True)


def to_host(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in the processor's memory, once everything queued before has run."""
    if not tensor.is_cuda:
        return tensor.cpu()
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    host.copy_(tensor, non_blocking=True)
    torch.cuda.current_stream(tensor.device).synchronize()
    return host
