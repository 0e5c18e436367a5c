"""Seconds by stage, as a result reports them."""

from __future__ import annotations

import time

__all__ = ["StageClock"]


class StageClock:
    """A stopwatch with names: `lap` says what the time since the last lap was spent on.

    Attributes
    ----------
    seconds : dict of str to float
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Note the seconds since the last lap, or since the clock was made, under `name`."""
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now
