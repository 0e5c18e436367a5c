"""``semcolorize benchmark``: speed and memory on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from semcolorize.cli.progress import progress_bar
from semcolorize.cli.tables import print_table
from semcolorize.errors import ConfigError

__all__ = ["command"]


@click.command("benchmark")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for benchmark.json and benchmark.png.")
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of each case.")
@click.option("--only", help="Cases whose name contains this, say  1024.")
@click.option("--weights", default="default", show_default=True, help="Bundled name or safetensors file.")
@click.option("--device", default="all", show_default=True, help="all (CPU and every GPU), cpu, cuda or cuda:N.")
@click.option("--overwrite", is_flag=True, help="Replace existing results.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    out: Path | None, repeats: int, only: str | None, weights: str, device: str, overwrite: bool, as_json: bool
) -> None:
    """Measure speed and memory on this machine: the model, the thesis' sampler, and classical methods.

    Takes some minutes. Close what else is busy.

    \b
    Examples:
      semcolorize benchmark --out speed
      semcolorize benchmark --only 1024 --repeats 3
    """
    import torch

    from semcolorize.evaluation.speed import CASES, machine, measure
    from semcolorize.evaluation.speed_report import draw_timings
    from semcolorize.micrograph.atomic import check_output, write_bytes_atomic
    from semcolorize.pipeline import Colorizer

    if only is not None and not any(only in case.name for case in CASES):
        names = ", ".join(case.name for case in CASES)
        raise ConfigError(f"--only {only!r} fits no case; there are {names}.", key="only")
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    colorizers = [Colorizer.load(weights, device=name) for name in (["cpu", *gpus] if device == "all" else [device])]
    paths = [] if out is None else [out / "benchmark.json", out / "benchmark.png"]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_output(path, overwrite=overwrite)
    timings = []
    for colorizer in colorizers:
        with progress_bar(f"timing on {colorizer.device}", quiet=as_json, lines_every=30) as update:
            timings += measure(
                colorizer,
                repeats=repeats,
                only=lambda case: only is None or only in case,
                on_progress=lambda done, count, _: update(done, count),
            )
    document: dict[str, Any] = {
        "machine": machine(),
        "weights_sha256": colorizer.weights.sha256,
        "timings": [timing.to_dict() for timing in timings],
    }
    if paths:
        write_bytes_atomic(paths[0], json.dumps(document, indent=2).encode() + b"\n", overwrite=overwrite)
        write_bytes_atomic(paths[1], draw_timings(timings, document["machine"]), overwrite=overwrite)
    if as_json:
        click.echo(json.dumps(document | {"paths": [str(path) for path in paths]}))
        return
    _print(timings, document["machine"])
    for path in paths:
        click.echo(str(path))


def _print(timings: list[Any], about: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title=f"{about['processor']}, {about['cores']} cores, torch {about['torch']}")
    for column in ("case", "device", "median s", "range s", "runs", "peak MiB"):
        table.add_column(column, justify="left" if column in ("case", "device") else "right")
    for t in timings:
        memory = "" if t.peak_mib is None else f"{t.peak_mib:.0f}"
        span = "" if t.runs == 1 else f"{t.fastest:.3g}-{t.slowest:.3g}"
        name = t.name + (f"\n[dim]{t.note}[/dim]" if t.note else "")
        table.add_row(name, t.device, f"{t.seconds:.3g}", span, str(t.runs), memory)
    print_table(table)
