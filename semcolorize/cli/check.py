"""``semcolorize check``: all faults of a file, with line numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from semcolorize.errors import ConfigError, SemColorizeError

__all__ = ["command"]


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(files: tuple[Path, ...]) -> None:
    """Validate hints, palettes, jobs, recipes and ROI sets: every fault at once.

    What a YAML file is, its keys tell: inputs or output (job), hints or rois (hints), stages or preset (recipe), else
    a palette. A job is checked with the palette, the default hints and the weights that it names.

    \b
    Example:
      semcolorize check pollen.hints.yaml house_palette.yaml cells.zip job.yaml
    """
    failed = False
    for path in files:
        try:
            click.echo(f"{path}: {_describe(path)}")
        except SemColorizeError as error:
            failed = True
            faults = error.faults if isinstance(error, ConfigError) else (error,)
            for fault in faults:
                click.echo(f"error: {fault}", err=True)
    if failed:
        sys.exit(2)


def _describe(path: Path) -> str:
    from semcolorize.hintfiles.palette_files import PALETTE_SUFFIXES
    from semcolorize.hintfiles.yaml_hints import read_hints
    from semcolorize.hintfiles.yaml_palettes import read_palette
    from semcolorize.hintfiles.yaml_source import load_yaml

    if path.suffix.lower() in {".yaml", ".yml"}:
        data = load_yaml(path).data
        keys = set(data) if isinstance(data, dict) else set()
        if keys & {"inputs", "output", "series", "engine"} and not keys & {"stages", "preset"}:
            return _describe_job(path)
        if keys & {"stages", "preset", "optimizer"}:
            from semcolorize.training.recipe import read_recipe

            recipe = read_recipe(path)
            stages = f"{len(recipe.stages)} stage{'s' if len(recipe.stages) != 1 else ''}"
            return f"recipe, preset {recipe.preset}, {recipe.steps} steps in {stages}"
        if "hints" not in keys:
            palette = read_palette(path)
            return f"palette of {len(palette)} colors: {', '.join(palette)}"
    if path.suffix.lower() in PALETTE_SUFFIXES:
        palette = read_palette(path)
        return f"palette of {len(palette)} colors: {', '.join(palette)}"
    hints = read_hints(path)
    for skipped in hints.skipped:
        click.echo(f"note: {skipped}", err=True)
    names = sorted({hint.name for hint in hints if hint.name})
    return f"{len(hints)} hint{'s' if len(hints) != 1 else ''}" + (f": {', '.join(names)}" if names else "")


def _describe_job(path: Path) -> str:
    from semcolorize.batch.job import read_job
    from semcolorize.batch.messages import weights_of
    from semcolorize.errors import WeightsError
    from semcolorize.hintfiles.yaml_source import load_yaml
    from semcolorize.model.checkpoint import load_models

    faults: list[ConfigError] = []
    source = load_yaml(path)
    try:
        if (named := _weights_named(source.data)) is not None:
            load_models(weights_of(path, named))
    except WeightsError as error:
        faults.append(source.fault(f"model.weights: {error}", ("model", "weights")))
    try:
        job = read_job(path)
    except ConfigError as error:
        raise ConfigError.from_faults([*error.faults, *faults]) from None
    if faults:
        raise faults[0]
    hints = f", default hints {job.default_hints.name}" if job.default_hints else ""
    return f"job, {job.input_folder.name} to {job.output_folder.name}, engine {job.spec.engine.kind}{hints}"


def _weights_named(data: Any) -> str | None:
    model = data.get("model") if isinstance(data, dict) else None
    weights = model.get("weights") if isinstance(model, dict) else None
    return weights if isinstance(weights, str) else None
