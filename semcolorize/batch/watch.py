"""``--watch``: color files as the instrument finishes writing them.

A file is ready when its size and time have not changed between two looks, a while apart; one that cannot be read
then may still be half-written (some instruments reserve the space first), and is given more time before it counts
as failed. Should a failed file be completed later, it is another file, and is colored.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from semcolorize.batch.job import Job
from semcolorize.batch.ledger import Ledger
from semcolorize.batch.plan import PlannedFile
from semcolorize.batch.runner import Progress, Run, Summary, prepare
from semcolorize.errors import ImageReadError, OutputError
from semcolorize.micrograph.reading import read_micrograph

__all__ = ["watch_job"]

_LOOK_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0
"""How long a file that cannot be read may still become one."""


def watch_job(
    job: Job,
    *,
    retry_failed: bool = False,
    idle_minutes: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    look_seconds: float = _LOOK_SECONDS,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> Summary:
    """Color what is there, then what comes, until stopped.

    Parameters
    ----------
    job : Job
    retry_failed : bool
        Try files again, once, that failed in an earlier run.
    idle_minutes : float, optional
        Stop after so long without a new file.
    on_progress : callable, optional
    look_seconds : float
        Between two looks at the folder.
    patience_seconds : float
        How long a file that cannot be read may stand unchanged before it counts as failed.

    Returns
    -------
    Summary
        Also after Ctrl-C.
    """
    prepared = prepare(job)
    with Ledger.open(job.output_folder) as ledger:
        run = Run(job, ledger, prepared, retry_failed=retry_failed, on_progress=on_progress)
        ready = _Ready(job.input_folder, patience_seconds)
        changed = reported = time.monotonic()
        stale, writing = True, 0.0
        try:
            while True:
                before = run.summary.colored + len(run.summary.failures)
                first = not ready.looked
                ready.begin()
                run.once(ready)
                run.retried()
                if ready.news:
                    changed = time.monotonic()
                stale = stale or first or run.summary.colored + len(run.summary.failures) != before
                # A large report takes its time: it is renewed when that was a small part of the time gone by.
                if stale and time.monotonic() - reported > 20 * writing:
                    begun = time.monotonic()
                    run.write_report()
                    reported, stale = time.monotonic(), False
                    writing = reported - begun
                idle = time.monotonic() - changed
                if idle_minutes is not None and idle > idle_minutes * 60 and not ready.waiting:
                    break
                time.sleep(look_seconds)
        except KeyboardInterrupt:
            run.summary.notes.append("Stopped. Run it again to go on.")
        finally:
            with contextlib.suppress(OutputError):
                run.write_report()
        return run.summary


@dataclasses.dataclass
class _Ready:
    """Which files are written to the end, as far as looking at them can tell."""

    folder: Path
    patience: float
    seen: dict[str, tuple[int, int, float]] = dataclasses.field(default_factory=dict)
    waiting: set[str] = dataclasses.field(default_factory=set)
    passed: set[str] = dataclasses.field(default_factory=set)
    looked: bool = False
    news: bool = False

    def begin(self) -> None:
        self.looked, self.news = True, False

    def __call__(self, file: PlannedFile) -> bool:
        now = time.monotonic()
        size, mtime, since = self.seen.get(file.name, (-1, -1, now))
        if (size, mtime) != (file.size, file.mtime_ns):
            self.seen[file.name] = (file.size, file.mtime_ns, now)
            self.news = True
            self.passed.discard(file.name)
            self.waiting.add(file.name)
            return False
        if file.name in self.passed:
            return True
        if now - since < self.patience and not _readable(self.folder / file.name):
            return False
        self.passed.add(file.name)
        self.waiting.discard(file.name)
        return True


def _readable(path: Path) -> bool:
    try:
        read_micrograph(path, allow_color=True)
    except ImageReadError:
        return False
    return True
