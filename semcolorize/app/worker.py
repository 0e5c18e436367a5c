"""The threads that work for all windows of a process: one for what people wait for, one for what may take its time."""

from __future__ import annotations

import contextlib
import threading
import traceback
from typing import Protocol

__all__ = ["Worker", "Works"]


class Works(Protocol):
    """What has work to be done."""

    def step(self) -> bool:
        """Do the most urgent small thing; False if there is none."""

    def slow_step(self) -> bool:
        """Do something that may take long; False if there is nothing."""


class Worker:
    """Two threads that ask sessions in turn for something to do, and sleep when there is nothing."""

    def __init__(self) -> None:
        self._sessions: list[Works] = []
        self._lock = threading.Lock()
        self._bells = {"step": threading.Event(), "slow_step": threading.Event()}
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(kind,), name=f"semcolorize {kind}", daemon=True)
            for kind in self._bells
        ]
        self._started = False

    def add(self, session: Works) -> None:
        """Work for a session from now on."""
        with self._lock:
            self._sessions.append(session)
            if not self._started:
                self._started = True
                for thread in self._threads:
                    thread.start()
        self.wake()

    def remove(self, session: Works) -> None:
        """Work for it no longer."""
        with self._lock, contextlib.suppress(ValueError):
            self._sessions.remove(session)

    def wake(self) -> None:
        """There is something to do."""
        for bell in self._bells.values():
            bell.set()

    def close(self) -> None:
        """End after what is being done."""
        self._over.set()
        self.wake()
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(timeout=5)

    def _loop(self, kind: str) -> None:
        bell = self._bells[kind]
        while not self._over.is_set():
            # A bell that rings during the round makes for another one. Work that waits for a time is asked for it.
            bell.clear()
            with self._lock:
                sessions = list(self._sessions)
            done = False
            for session in sessions:
                try:
                    done = getattr(session, kind)() or done
                except Exception:
                    # A session tells its user itself; what comes here is a fault of ours and must not stop the others.
                    traceback.print_exc()
            if not done:
                bell.wait(timeout=0.5)
