"""``semcolorize batch``: a YAML job over a folder."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from semcolorize.batch.job import Job
    from semcolorize.batch.runner import Progress, Summary

__all__ = ["command"]

_SHOWN = 20
"""Failures and plan lines shown on the terminal; the report has all."""


@click.command("batch")
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and how long it would take; write nothing.")
@click.option("--retry-failed", is_flag=True, help="Try files again that failed before, unchanged as they are.")
@click.option("--watch", is_flag=True, help="Go on: color files as the instrument finishes writing them.")
@click.option(
    "--idle-minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="With --watch: stop after so long without a new file. Default: never.",
)
@click.option("--engine", type=click.Choice(["local", "dask"]), help="Instead of the job's engine.")
@click.option("--scheduler", metavar="ADDRESS", help="Of a dask cluster, such as tcp://host:8786 (implies dask).")
@click.option("--workers", type=click.IntRange(1, 1000), help="Instead of the job's number of workers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    job: Path,
    dry_run: bool,
    retry_failed: bool,
    watch: bool,
    idle_minutes: float | None,
    engine: str | None,
    scheduler: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Color all micrographs of a folder as the YAML file JOB says.

    Work that is done is not done again unless the input or the settings changed; a run that was stopped or killed
    goes on where it was. One bad file never stops the rest: it is listed with its reason, and the exit code is 3.
    The output folder holds the results, report.html, report.csv, contact sheets, and the ledger.

    \b
    Example (job.yaml holds the line  inputs: data/2026-11):
      semcolorize batch job.yaml --dry-run
      semcolorize batch job.yaml
    """
    from semcolorize.batch.job import read_job
    from semcolorize.errors import ConfigError

    if idle_minutes is not None and not watch:
        raise click.UsageError("--idle-minutes goes with --watch.")
    found = read_job(job)
    found = _with_engine(found, engine, scheduler, workers)
    if found.spec.engine.kind == "local" and found.spec.engine.scheduler is not None:
        raise ConfigError("engine.scheduler is for the engine dask; engine.kind is local.", path=str(job))
    if dry_run:
        _dry_run(found, as_json)
        return
    try:
        with _progress(quiet=as_json, each=watch) as show:
            if watch:
                click.echo(f"watching {found.input_folder}; Ctrl-C stops", err=True)
                from semcolorize.batch.watch import watch_job

                summary = watch_job(found, retry_failed=retry_failed, idle_minutes=idle_minutes, on_progress=show)
            else:
                from semcolorize.batch.runner import run_job

                summary = run_job(found, retry_failed=retry_failed, on_progress=show)
    except (KeyboardInterrupt, SystemExit):
        # Ctrl-C, and SIGTERM as `main` has it.
        click.echo("Stopped: what was done is kept; run it again to go on.", err=True)
        raise
    _tell(summary, as_json)
    sys.exit(summary.exit_code)


def _with_engine(job: Job, engine: str | None, scheduler: str | None, workers: int | None) -> Job:
    from dataclasses import replace

    changes: dict[str, Any] = {}
    if engine or scheduler:
        changes["kind"] = engine or "dask"
    if scheduler:
        changes["scheduler"] = scheduler
    elif engine == "local":
        changes["scheduler"] = None
    if workers:
        changes["workers"] = workers
    part = job.spec.engine.model_copy(update=changes)
    return replace(job, spec=job.spec.model_copy(update={"engine": part}))


def _dry_run(job: Job, as_json: bool) -> None:
    from semcolorize.batch.dryrun import preview

    found = preview(job)
    if as_json:
        click.echo(json.dumps(found.to_dict()))
        return
    for line in found.lines(_SHOWN):
        click.echo(line)


def _tell(summary: Summary, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary.to_dict()))
        return
    for note in summary.notes:
        click.echo(f"note: {note}", err=True)
    rate = f", {summary.rate:.2f} images/s" if summary.rate else ""
    click.echo(
        f"{summary.colored} colored, {summary.unchanged} done before, {summary.skipped} left alone, {summary.failed}"
        f" failed in {summary.seconds:.0f} s{rate}"
    )
    for name, reason in list(summary.failures.items())[:_SHOWN]:
        click.echo(f"failed: {name}: {reason}", err=True)
    if len(summary.failures) > _SHOWN:
        click.echo(f"... and {len(summary.failures) - _SHOWN} more, all in the report", err=True)
    if summary.untried:
        click.echo(
            f"{summary.untried} of them failed in an earlier run and nothing about them has changed since:"
            " they were not tried again (--retry-failed does).",
            err=True,
        )
    for path in summary.reports:
        click.echo(str(path))


@contextlib.contextmanager
def _progress(*, quiet: bool, each: bool) -> Iterator[Any]:
    """A bar on a terminal; in a log a line now and then, or for `each` file that is done."""
    import time

    from rich.console import Console

    from semcolorize.cli.progress import progress_bar

    if Console(stderr=True).is_terminal or quiet:
        with progress_bar("coloring", quiet=quiet) as update:

            def show(progress: Progress) -> None:
                update(progress.done, progress.total, f"{progress.rate:.2f} images/s, {progress.failed} failed")

            yield show
        return
    last = time.monotonic()

    def tell(progress: Progress) -> None:
        nonlocal last
        if each:
            word = {"Staged": "colored", "Skipped": "left alone"}.get(type(progress.outcome).__name__, "failed")
            click.echo(f"{word}: {progress.outcome.name}", err=True)
        elif time.monotonic() - last >= 30:
            last = time.monotonic()
            click.echo(
                f"{progress.done} of {progress.total}, {progress.failed} failed, {progress.rate:.2f} images/s,"
                f" {progress.remaining / 60:.0f} min left",
                err=True,
            )

    yield tell
