"""``--dry-run``: what a job would do, and how long it would take; nothing is written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semcolorize.batch.database import told
from semcolorize.batch.decide import Decision, decide, edited_results
from semcolorize.batch.foresight import foreseen_fault
from semcolorize.batch.job import Job
from semcolorize.batch.ledger import Entry, Ledger, in_the_way
from semcolorize.batch.local import color_loaded, read_group
from semcolorize.batch.messages import Request, Settings
from semcolorize.batch.plan import Plan, PlannedFile, make_plan, no_hints, nothing_found, result_names, shown
from semcolorize.batch.work import Workbench
from semcolorize.hintfiles.roi_archive import has_rois
from semcolorize.micrograph.own import OWN_RESULT, is_own_result

__all__ = ["Preview", "preview"]

_LOOKED_INTO = 2000
"""Files opened to see what hints are in and beside them, and whether these fit; beyond, that is left open."""
_TRIED = 3


@dataclass
class Preview:
    """What a job would do.

    Attributes
    ----------
    rows : list of (name, state, hints or reason, series)
        State: ``color``, ``done``, ``failed``, ``skipped``, ``refused``, ``faulty`` (its hints do not fit it).
    seconds_each : float or None
        Expected for one image.
    timed : str
        How that was found.
    notes : list of str
    """

    rows: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    seconds_each: float | None = None
    timed: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many files are in which state."""
        return dict(Counter(state for _, state, _, _ in self.rows))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        keys = ("file", "state", "why", "series")
        each = self.seconds_each
        return {
            "counts": self.counts,
            "files": [dict(zip(keys, (shown(name), *rest), strict=True)) for name, *rest in self.rows],
            "seconds_each": each,
            "expected_seconds": None if each is None else each * self.counts.get("color", 0),
            "timed": self.timed,
            "notes": self.notes,
        }

    def lines(self, most: int) -> Iterator[str]:
        """Yield the plan as text, at most so many files of each state."""
        words = {
            "color": "to color", "done": "done before", "failed": "failed before (--retry-failed tries them again)",
            "skipped": "left alone", "refused": "cannot be colored", "faulty": "will fail",
        }  # fmt: skip
        for state, title in words.items():
            rows = [row for row in self.rows if row[1] == state]
            if not rows:
                continue
            yield f"{len(rows)} {title}"
            for name, _, why, series in rows[:most]:
                yield f"  {shown(name)}: {why}" + (f" [series {shown(series)}]" if series else "")
            if len(rows) > most:
                yield f"  ... and {len(rows) - most} more (--json has all)"
        count = self.counts.get("color", 0)
        if self.seconds_each is not None and count:
            each = f"{self.seconds_each:.2f} s each, {self.timed}"
            yield f"expected time: {_duration(count * self.seconds_each)} ({each})"
        if count:
            yield "Of images, only headers were read: damaged pixels show in the run."
        for note in self.notes:
            yield f"note: {note}"


def preview(job: Job, *, time_it: bool = True) -> Preview:
    """Plan a job and time a few of its files, in memory.

    Parameters
    ----------
    job : Job
    time_it : bool
        Color up to three files to expect a time, where no earlier run is known.
    """
    with told(job.output_folder / Ledger.FILE, "Nothing was planned"):
        return _preview(job, time_it)


def _preview(job: Job, time_it: bool) -> Preview:
    plan = make_plan(job)
    found = Preview(notes=list(plan.notes))
    if (closed := _closed(job.output_folder)) is not None:
        found.notes.append(f"{shown(str(closed))} may not be written to: the run will stop at once.")
    ledger = _peek(job.output_folder / Ledger.FILE)
    settings = Settings.of(job, no_hints=no_hints(job), threads=job.spec.engine.threads)
    key = _key(settings, ledger)
    undecided = [file for file in plan.files if file.hints is None and file.may_have_overlay]
    look = job.spec.hints.overlay and len(undecided) <= _LOOKED_INTO
    hinted = {file.series for file in plan.files if file.series is not None and file.hints is not None}
    before = {file.name: None if ledger is None else ledger.entry(file.name) for file in plan.files}
    decisions = {file.name: decide(job, file, before[file.name], key) for file in plan.files}
    anew = {file.series for file in plan.files if file.series is not None and decisions[file.name].to_do}
    to_color = []
    for file in plan.files:
        decision = decisions[file.name]
        if not decision.to_do and file.series in anew:
            decision = Decision("series", "its series is colored anew")
        if decision.to_do:
            if len(plan.files) <= _LOOKED_INTO and is_own_result(job.input_folder / file.name):
                found.rows.append((file.name, "skipped", OWN_RESULT, file.series))
                continue
            hints = _hints(job, file, look)
            if file.hints is None and file.series in hinted and hints != "its own overlay":
                hints = "the hints of its series"
            fault = None
            if len(plan.files) <= _LOOKED_INTO:
                fault = foreseen_fault(job, file, hints) or _in_the_way(job, file, before[file.name])
            if fault is not None:
                found.rows.append((file.name, "faulty", fault, file.series))
                continue
            if hints is None:
                found.rows.append((file.name, "skipped", no_hints(job), file.series))
                continue
            to_color.append(file)
            why = f"{hints}" + (f"; {decision.reason}" if decision.kind != "new" else "")
            found.rows.append((file.name, "color", why, file.series))
        else:
            found.rows.append((file.name, decision.kind, decision.reason, file.series))
    found.notes += edited_results(decisions)
    if not found.rows and not plan.refused and not plan.skipped:
        found.notes.append(nothing_found(job))
    found.rows += [(name, "refused", reason, None) for name, reason in plan.refused.items()]
    found.rows += [(name, "skipped", reason, None) for name, reason in plan.skipped.items()]
    known = ledger.typical_seconds() if ledger is not None else None
    if known is not None:
        found.seconds_each, found.timed = known, "as in earlier runs"
    elif time_it and to_color:
        found.seconds_each, found.timed = _try(Workbench(settings), job, to_color)
    if ledger is not None:
        ledger.close()
    return found


def _hints(job: Job, file: PlannedFile, look: bool) -> str | None:
    """Say which hints a file gets; None if it has none."""
    if file.hints is not None:
        return f"hints from {shown(file.hints)}"
    rest = "the default hints" if job.default_hints is not None else None
    if rest is None and job.like is not None:
        rest = f"the colors of {shown(str(job.like))}"
    if rest is None and job.spec.model.fill == "auto":
        rest = "no hints: the model decides"
    if not (job.spec.hints.overlay and file.may_have_overlay):
        return rest
    if look:
        return "its own overlay" if has_rois(job.input_folder / file.name) else rest
    return f"its own overlay if it has one, else {rest or 'left alone'}"


def _closed(folder: Path) -> Path | None:
    """The folder, or the nearest above it that there is, if nothing may be written there."""
    while not folder.exists() and folder.parent != folder:
        folder = folder.parent
    return None if os.access(folder, os.W_OK) else folder


def _in_the_way(job: Job, file: PlannedFile, before: Entry | None) -> str | None:
    problem = in_the_way(job.output_folder, result_names(job, file.name), () if before is None else before.outputs)
    return None if problem is None else str(problem)


def _try(workbench: Workbench, job: Job, files: list[PlannedFile]) -> tuple[float | None, str]:
    import time

    workbench.colorizer()
    seconds, count = [], 0
    together = list(Plan(tuple(files)).groups())
    for group in together[:: max(1, len(together) // _TRIED)][:_TRIED]:
        # Views take longer together than one by one; those with hints come first.
        views = sorted(group, key=lambda view: view.hints is None)[:_TRIED]
        requests = [Request.of(job, view, Path(), "") for view in views]
        started = time.perf_counter()
        colored = color_loaded(workbench, read_group(workbench, requests))
        done = sum(isinstance(view, tuple) for view in colored)
        if done:
            seconds.append((time.perf_counter() - started) / done)
            count += done
    return (statistics.median(seconds), f"measured on {count} of them") if count else (None, "")


def _key(settings: Settings, ledger: _Peek | None) -> str:
    """Key of the settings; the weights are hashed only if there is something to compare with."""
    if ledger is None:
        return ""
    from semcolorize.model.checkpoint import load_models

    return settings.key(load_models(settings.weights).sha256)


class _Peek(Ledger):
    """A ledger read without its lock: a run may be at work."""

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _peek(path: Path) -> _Peek | None:
    if not path.is_file() or not path.stat().st_size:
        return None
    with contextlib.suppress(sqlite3.Error):
        return _Peek(path.parent, sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))
    return None


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
