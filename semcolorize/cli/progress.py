"""Progress on stderr: bars where someone looks; where nobody does nothing, or a line now and then for a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    title: str, *, quiet: bool = False, lines_every: float | None = None
) -> Iterator[Callable[..., None]]:
    """Show a bar; yields ``update(done, total, note="")``.

    Where stderr is no terminal, a line is written every `lines_every` seconds at most, the first at once; none without.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, quiet=quiet)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task(title, total=None, note="")
        lined = lines_every is not None and not quiet and not console.is_terminal
        due = 0.0

        def update(done: int, total: int, note: str = "") -> None:
            nonlocal due
            progress.update(task, completed=done, total=total, note=note)
            if lined and (time.monotonic() >= due or done >= total):
                click.echo(f"{title}: {done} of {total}  {note}".rstrip(), err=True)
                due = time.monotonic() + (lines_every or 0.0)

        yield update
