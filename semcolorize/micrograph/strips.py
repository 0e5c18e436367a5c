"""Large images strip by strip, on all cores: a strip's temporary arrays stay in the cache, and memory is bounded."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["STRIP_PIXELS", "each", "strips"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

STRIP_PIXELS = 1 << 18
"""Pixels worked on at a time: some 20 MB of temporary arrays."""

_MOST_THREADS = 8


def strips(height: int, width: int) -> list[slice]:
    """Rows of an image, some `STRIP_PIXELS` at a time."""
    rows = max(1, STRIP_PIXELS // max(width, 1))
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def each(work: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
    """Do `work` on every item, on as many threads as there are cores; answers in order.

    NumPy lets go of the interpreter in its loops, so threads are enough. The first error is raised.
    """
    count = min(_cores(), len(items), _MOST_THREADS)
    if count < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, items))


def _cores() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
