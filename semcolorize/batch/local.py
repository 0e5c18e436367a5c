"""The engine ``local``: one process; files are read and written while the model works on others.

Each worker is a thread with a model: one on a CPU, one for each GPU where a job asks for several workers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from semcolorize.batch.messages import Failed, Loaded, Outcome, Request, Skipped, Staged
from semcolorize.batch.plan import shown
from semcolorize.batch.series import sheet_of
from semcolorize.batch.work import Workbench, color_group, failure
from semcolorize.result import ColorResult

__all__ = ["run_local"]

_AHEAD = 3
"""Groups in flight besides those being colored: some being read, some being written."""

Colored = list[tuple[Request, Loaded, ColorResult, float] | Outcome]


def run_local(workbench: Workbench, groups: Iterator[Sequence[Request]], *, workers: int = 1) -> Iterator[Outcome]:
    """Color groups of files and yield what became of each file, as they finish.

    Parameters
    ----------
    workbench : Workbench
    groups : iterator of sequences of Request
        Drawn from as there is room, so that memory does not grow with the number of files.
    workers : int
        Models at work.

    Notes
    -----
    Closing the generator stops after the stages at work; what they staged is left for the ledger to clear.
    """
    devices = _devices(workbench, workers)
    free: SimpleQueue[str] = SimpleQueue()
    for device in devices:
        free.put(device)
    stopped = threading.Event()
    readers = ThreadPoolExecutor(2, "read")
    models = ThreadPoolExecutor(workers, "model")
    writers = ThreadPoolExecutor(2, "write")

    def color(reading: Future[list[Loaded | Outcome]]) -> Colored:
        loaded = reading.result()
        if stopped.is_set():
            return []
        device = free.get()
        try:
            return color_loaded(workbench, loaded, device)
        finally:
            free.put(device)

    def stage(coloring: Future[Colored]) -> list[Outcome]:
        return [] if stopped.is_set() else stage_colored(workbench, coloring.result())

    def submit(group: Sequence[Request]) -> Future[list[Outcome]]:
        # A stage waits for the one before; pools keep the order, so that none waits for one behind it.
        reading = readers.submit(read_group, workbench, group)
        return writers.submit(stage, models.submit(color, reading))

    pending: set[Future[list[Outcome]]] = set()
    try:
        for group in groups:
            pending.add(submit(group))
            while len(pending) >= workers + _AHEAD:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield from future.result()
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                yield from future.result()
    finally:
        stopped.set()
        for pool in (readers, models, writers):
            pool.shutdown(wait=True, cancel_futures=True)


def read_group(workbench: Workbench, group: Sequence[Request]) -> list[Loaded | Outcome]:
    """Read the files of a group; what cannot be read is an outcome already.

    Hints on one view of a series serve all; only where no view has any come the default hints.
    """
    if len(group) > 1:
        views: list[Loaded | Outcome] = [workbench.read(request, in_series=True) for request in group]
        if any(isinstance(view, Loaded) and len(view.hints) for view in views):
            return views
        pairs = zip(views, group, strict=True)
        lost = next((view.name for view, own in pairs if isinstance(view, Failed) and own.hints is not None), None)
        if lost is not None:
            why = f"No hints are left in its series: {shown(Path(lost).name)}, which has some, failed."
            again = [workbench.read(request) for request in group]
            return [replace(view, reason=why) if isinstance(view, Skipped) else view for view in again]
    return [workbench.read(request) for request in group]


def color_loaded(workbench: Workbench, loaded: Sequence[Loaded | Outcome], device: str | None = None) -> Colored:
    """Color what was read of a group; one that fails takes only its group with it."""
    started = time.perf_counter()
    ready = [each for each in loaded if isinstance(each, Loaded)]
    others: Colored = [each for each in loaded if not isinstance(each, Loaded)]
    if not ready:
        return others
    try:
        results = color_group(workbench.colorizer(device), ready, workbench.settings.options)
    except Exception as error:
        return others + [failure(each.request, error, each.info, each.depends) for each in ready]
    seconds = (time.perf_counter() - started) / len(ready)
    return others + [(each.request, each, result, seconds) for each, result in zip(ready, results, strict=True)]


def stage_colored(workbench: Workbench, colored: Colored) -> list[Outcome]:
    """Stage the results of a group."""
    outcomes: list[Outcome] = []
    # One view left of a series is still shown as one, beside what became of the others.
    sheet = sheet_of(colored) if len(colored) > 1 else None
    for each in colored:
        if isinstance(each, tuple):
            _, loaded, result, seconds = each
            outcome = workbench.stage(loaded, result, seconds)
            if isinstance(outcome, Staged) and sheet is not None:
                outcome, sheet = replace(outcome, sheet=sheet), None
            outcomes.append(outcome)
        else:
            outcomes.append(each)
    return outcomes


def _devices(workbench: Workbench, workers: int) -> list[str]:
    """One device a worker: GPUs in turn where the job leaves the choice open, else the job's for all."""
    import torch

    asked = workbench.settings.device
    if workers == 1:
        return [asked]
    count = torch.cuda.device_count() if asked in ("auto", "cuda") else 0
    return [f"cuda:{i % count}" for i in range(workers)] if count else [asked] * workers


def lost(request: Request, reason: str) -> Failed:
    """Make the outcome of a file whose worker died."""
    return Failed(name=request.name, error=reason)
