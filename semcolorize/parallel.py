"""Large images strip by strip, on all cores: a strip's temporary arrays stay in the cache, and memory is bounded."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["STRIP_PIXELS", "each", "strips"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

STRIP_PIXELS = 1 << 17
"""Pixels worked on at a time: some 10 MB of temporary arrays."""

_FEWEST, _SMALLEST = 4, 1 << 14
"""Strips of all but small images; no strip is made smaller for it than so many pixels."""

_MOST_THREADS = 8


def strips(height: int, width: int) -> list[slice]:
    """Rows of an image in even parts of at most `STRIP_PIXELS`, and enough of them that no core waits long."""
    pixels = height * width
    count = max(-(-pixels // STRIP_PIXELS), min(_FEWEST, pixels // _SMALLEST), 1)
    rows = max(1, -(-height // count))
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def each(work: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
    """Do `work` on every item, on as many threads as there are cores; answers in order.

    NumPy lets go of the interpreter in its loops, so threads are enough. The first error is raised. What `work` itself
    hands to this function is done one after another: the cores are busy already.
    """
    count = min(_cores(), len(items), _MOST_THREADS)
    if count < 2 or getattr(_thread, "busy", False):
        return [work(item) for item in items]
    with ThreadPoolExecutor(count, initializer=_begin) as pool:
        return list(pool.map(work, items))


_thread = threading.local()


def _begin() -> None:
    _thread.busy = True


def _cores() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
