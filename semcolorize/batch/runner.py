"""Run a job: decide what is to do, let an engine do it, publish results and write the ledger and the report."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semcolorize._version import __version__
from semcolorize.batch.decide import Decision, decide, edited_results, hint_source
from semcolorize.batch.job import Job
from semcolorize.batch.ledger import Entry, Ledger
from semcolorize.batch.messages import Failed, Outcome, Request, Settings, Skipped, Staged
from semcolorize.batch.plan import Plan, PlannedFile, make_plan, no_hints, nothing_found, sheet_name, shown
from semcolorize.batch.report_files import write_replaceable
from semcolorize.batch.work import Workbench, is_fatal
from semcolorize.errors import ConfigError, OutputError

__all__ = ["Progress", "Run", "Summary", "prepare", "run_job"]


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    done, total : int
        Files finished of those to do.
    outcome : Outcome
        The one just finished.
    failed : int
    rate : float
        Images a second since the run began.
    remaining : float
        Seconds, at that rate.
    """

    done: int
    total: int
    outcome: Outcome
    failed: int
    rate: float
    remaining: float


@dataclass
class Summary:
    """What a run did, and how the folder stands now.

    Attributes
    ----------
    colored, unchanged : int
        Colored by this run; done before.
    failed, skipped : int
        Of the files there now: failed or refused, by this run or before; left alone, as the job has it.
    failures : dict
        Name to reason.
    untried : int
        Of them, those that failed before and were not tried again, for nothing about them has changed.
    seconds : float
    rate : float or None
        Images colored a second, from the first to the last.
    reports : list of Path
    notes : list of str
    weights_sha256 : str
    """

    colored: int = 0
    failed: int = 0
    skipped: int = 0
    unchanged: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    untried: int = 0
    seconds: float = 0.0
    rate: float | None = None
    reports: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    weights_sha256: str = ""

    @property
    def exit_code(self) -> int:
        """Return 3 if any file is failed, else 0."""
        return 3 if self.failures else 0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "colored": self.colored, "failed": self.failed, "skipped": self.skipped, "unchanged": self.unchanged,
            "failures": self.failures, "untried": self.untried, "seconds": round(self.seconds, 3),
            "images_per_second": None if self.rate is None else round(self.rate, 4),
            "reports": [str(path) for path in self.reports], "notes": self.notes,
            "weights_sha256": self.weights_sha256,
        }  # fmt: skip


Engine = Callable[[Iterator[Sequence[Request]]], Iterator[Outcome]]


def run_job(
    job: Job,
    *,
    retry_failed: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    report: bool = True,
) -> Summary:
    """Color what a job asks for and is not done yet.

    Parameters
    ----------
    job : Job
    retry_failed : bool
        Try files again that failed before, unchanged as they are.
    on_progress : callable, optional
        Told of each finished file.
    report : bool
        Write the report at the end.

    Returns
    -------
    Summary

    Raises
    ------
    ConfigError
        If the job cannot be run: no engine.
    OutputError
        If the output folder cannot be used or its disk is full. What was done is kept; the run can be repeated.
    """
    # What is wrong with the model is found before the output folder is made.
    prepared = prepare(job)
    with Ledger.open(job.output_folder) as ledger:
        run = Run(job, ledger, prepared, retry_failed=retry_failed, on_progress=on_progress)
        try:
            run.once()
        finally:
            # Also after Ctrl-C and a full disk: what was done is to be seen.
            if report:
                with contextlib.suppress(OutputError):
                    run.write_report()
        return run.summary


class Run:
    """One run, which may look at the folder several times (``--watch``).

    Parameters
    ----------
    job : Job
    ledger : Ledger
        Held open.
    prepared : tuple
        From `prepare`.
    retry_failed : bool
    on_progress : callable, optional
    """

    def __init__(
        self,
        job: Job,
        ledger: Ledger,
        prepared: tuple[Settings, Workbench, str],
        *,
        retry_failed: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.job = job
        self.ledger = ledger
        self.summary = Summary()
        self._on_progress = on_progress
        self._retry = retry_failed
        self._started = time.perf_counter()
        self.there: set[str] = set()
        self._colored: set[str] = set()
        self._tried: set[str] = set()
        self._settings, self._workbench, self.summary.weights_sha256 = prepared
        self._key = self._settings.key(self.summary.weights_sha256)
        ledger.begin_run(version=__version__, job=job.source.sha256, weights=self.summary.weights_sha256)

    def once(self, only: Callable[[PlannedFile], bool] | None = None) -> Plan:
        """Plan, decide and color once.

        Parameters
        ----------
        only : callable, optional
            Which of the files to do are ready; all by default.
        """
        plan = make_plan(self.job)
        self.summary.notes = list(plan.notes)
        self._note_planned(plan)
        decisions = {file.name: self.decide(file) for file in plan.files}
        self.summary.notes += edited_results(decisions)
        if not (plan.files or plan.refused or plan.skipped):
            self.summary.notes.append(nothing_found(self.job))
        to_do = {file.name for file in plan.files if decisions[file.name].to_do and (only is None or only(file))}
        # A series is colored as a whole, also if one view of it is new.
        groups = [group for group in plan.groups() if any(file.name in to_do for file in group)]
        done = {name for name, decision in decisions.items() if decision.kind == "done"}
        self.summary.unchanged = len(done - {file.name for group in groups for file in group} - self._colored)
        self._work(groups)
        self._close_books(plan)
        return plan

    def decide(self, file: PlannedFile) -> Decision:
        """Say whether a file is to be colored, and why."""
        decision = decide(self.job, file, self.ledger.entry(file.name), self._key)
        if decision.kind == "done" and decision.touched:
            self.ledger.touch(file.name, file.size, file.mtime_ns)
        if decision.kind == "failed" and self._retry:
            return Decision("retry", "failed before")
        if decision.kind == "retry" and file.name in self._tried:
            return Decision("failed", decision.reason)
        return decision

    def retried(self) -> None:
        """From now on, what failed stays failed."""
        self._retry = False

    def write_report(self) -> list[Path]:
        """Write HTML, CSV and contact sheet over the whole folder."""
        from semcolorize.batch.report import write_reports

        self.ledger.finish_published()
        self.summary.reports = write_reports(self.job, self.ledger, self.summary, self.there)
        return self.summary.reports

    def _note_planned(self, plan: Plan) -> None:
        """Write down what the plan refuses or leaves alone; what was colored earlier stays done."""
        entries = [
            Entry(name=name, status="failed", settings=self._key, error=reason) for name, reason in plan.refused.items()
        ]
        for name, reason in plan.skipped.items():
            before = self.ledger.entry(name)
            if before is None or before.status != "done":
                entries.append(Entry(name=name, status="skipped", settings=self._key, error=reason))
        self.ledger.note(*entries)

    def _work(self, groups: Sequence[Sequence[PlannedFile]]) -> None:
        total, done, failed = sum(len(group) for group in groups), 0, 0
        files = {file.name: file for group in groups for file in group}
        if not total:
            return
        outcomes = self._engine()(self._requests(groups))
        started = time.perf_counter()
        # Closed whatever happens, so that no thread goes on behind an error.
        with contextlib.closing(outcomes):  # type: ignore[type-var]
            for outcome in outcomes:
                outcome = self._settle(outcome, files[outcome.name])
                done += 1
                failed += isinstance(outcome, Failed)
                rate = done / max(time.perf_counter() - started, 1e-9)
                if isinstance(outcome, Staged):
                    self.summary.rate = self.summary.colored / max(time.perf_counter() - started, 1e-9)
                if self._on_progress is not None:
                    self._on_progress(Progress(done, total, outcome, failed, rate, (total - done) / rate))

    def _requests(self, groups: Sequence[Sequence[PlannedFile]]) -> Iterator[Sequence[Request]]:
        for group in groups:
            yield [Request.of(self.job, file, self.ledger.staging, secrets.token_hex(6)) for file in group]

    def _engine(self) -> Engine:
        engine = self.job.spec.engine
        if engine.kind == "local":
            from semcolorize.batch.local import run_local

            return lambda groups: run_local(self._workbench, groups, workers=engine.workers)
        from semcolorize.batch.dask_engine import run_dask

        return lambda groups: run_dask(
            self._settings, groups, workers=engine.workers, scheduler=engine.scheduler
        )  # fmt: skip

    def _settle(self, outcome: Outcome, file: PlannedFile) -> Outcome:
        """Write an outcome into the ledger; a result that cannot be published becomes a failure."""
        source = hint_source(self.job, file)
        about: dict[str, Any] = {} if file.series is None else {"series": file.series}
        if isinstance(outcome, Staged):
            if outcome.sheet is not None and file.series is not None:
                # Before its first view is done: a run killed between the two colors the series again.
                about["sheet"] = self._write_sheet(file.series, outcome.sheet)
            entry = Entry(
                name=outcome.name, status="publishing", settings=self._key, size=outcome.size,
                mtime_ns=outcome.mtime_ns, sha256=outcome.sha256, hints=source, depends=outcome.depends,
                outputs=outcome.outputs, staged=outcome.staged, seconds=outcome.seconds["total"],
                weights=outcome.weights_sha256, before_jpeg=outcome.before_jpeg, after_jpeg=outcome.after_jpeg,
                record={**outcome.record, **about, "origin": outcome.hints, "seconds": outcome.seconds},
            )  # fmt: skip
            try:
                self.ledger.publish(entry)
            except OutputError as problem:
                outcome = Failed(
                    name=outcome.name, error=str(problem), size=outcome.size, mtime_ns=outcome.mtime_ns,
                    depends=outcome.depends, fatal=is_fatal(problem), passing=True,
                )  # fmt: skip
            else:
                self.summary.colored += 1
                self._colored.add(outcome.name)
                return outcome
        if isinstance(outcome, Failed) and outcome.fatal:
            # Nothing is wrong with this file: it stays to be done.
            raise OutputError(f"{outcome.error} The run has stopped; done work is kept, run it again.")
        if isinstance(outcome, Skipped):
            status, error, trace = "skipped", outcome.reason, None
        else:
            status, error, trace = "failed", outcome.error, outcome.trace
            self._tried.add(outcome.name)
            if outcome.passing:
                about["passing"] = True
        self.ledger.note(
            Entry(
                name=outcome.name, status=status, settings=self._key, size=outcome.size, mtime_ns=outcome.mtime_ns,
                hints=source, depends=outcome.depends, error=error,
                record=about | ({"trace": trace} if trace else {}),
            )
        )  # fmt: skip
        return outcome

    def _write_sheet(self, series: str, sheet: bytes) -> str | None:
        """Publish the sheet of a series; returns its name below the output folder."""
        try:
            path, note = write_replaceable(self.ledger, sheet_name(series), sheet)
        except OutputError as problem:
            if is_fatal(problem):
                raise
            # The views are worth more than the picture of them.
            self.summary.notes.append(f"The sheet of the series {shown(series)} was not written: {problem}")
            return None
        self.summary.notes += [note] if note else []
        return path.relative_to(self.ledger.folder).as_posix()

    def _close_books(self, plan: Plan) -> None:
        """Count how the folder stands: what is no longer there no longer counts."""
        there = {file.name for file in plan.files}.union(plan.refused, plan.skipped)
        failures = self.ledger.with_status("failed")
        self.summary.failures = {shown(name): reason for name, reason in failures.items() if name in there}
        self.summary.failed = len(self.summary.failures)
        self.summary.untried = len(there.intersection(failures) - self._tried - plan.refused.keys())
        self.summary.skipped = sum(name in there for name in self.ledger.with_status("skipped"))
        self.summary.seconds = time.perf_counter() - self._started
        self.there = there


def prepare(job: Job) -> tuple[Settings, Workbench, str]:
    """Make settings, a workbench, and the SHA-256 of the weights: the model is loaded before anything is decided."""
    import torch

    threads = job.spec.engine.threads
    settings = Settings.of(job, no_hints=no_hints(job), threads=threads or torch.get_num_threads())
    workbench = Workbench(settings)
    try:
        weights = workbench.colorizer().sha256
    except ConfigError as error:
        raise job.source.fault(f"model: {error.message}", ("model",)) from None
    return settings, workbench, weights
