"""``semcolorize evaluate``: the model against classical methods."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from semcolorize.cli.progress import progress_bar
from semcolorize.cli.tables import print_table
from semcolorize.errors import ConfigError, ImageReadError, OutputError

__all__ = ["command"]


@click.command("evaluate")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of color images; with --modes, of micrographs with masks (default there: procedural scenes).",
)
@click.option(
    "--protocol", "protocol_name", type=click.Choice(["icolorit", "zhang"]), default="icolorit", show_default=True
)
@click.option("--counts", help="Numbers of hints. Default: 0,1,2,5,10,20,50,100,200; with --modes: 1,5.")
@click.option(
    "--methods",
    help="Default: model,random-walker,levin,mean-color,gray (there is inks, too); with --modes: model,random-walker.",
)
@click.option("--modes", is_flag=True, help="Score --spread alike and instance on objects with known masks instead.")
@click.option(
    "--series", "as_series", is_flag=True, help="Score series: does one point keep its color from view to view?"
)
@click.option(
    "--clicks", "as_clicks", is_flag=True,
    help="A robot user clicks until the mask is right: how many clicks does it take?",
)  # fmt: skip
@click.option(
    "--automatic", is_flag=True, help="Color without any hint: is it coherent, colorful, and different each time?"
)
@click.option(
    "--scatter", type=click.FloatRange(0, 1), default=0.0, show_default=True,
    help="With --clicks: 0 clicks the middle of an error, 1 anywhere in it.",
)  # fmt: skip
@click.option(
    "--objects", type=click.IntRange(min=1), default=1, show_default=True,
    help="With --clicks: single objects that are asked for in each image.",
)  # fmt: skip
@click.option(
    "--masks", default="*", show_default=True, help="With --modes and --clicks: names of the VIA projects to read."
)
@click.option(
    "--trials", type=click.IntRange(min=1), default=3, show_default=True, help="With --modes: clicks an image."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for scores (JSON, CSV), plots and a contact sheet."
)
@click.option("--overwrite", is_flag=True, help="Replace the scores of an earlier run in --out.")
@click.option("--weights", default="default", show_default=True, help="Bundled name or safetensors file.")
@click.option(
    "--steps",
    help="Sampling steps, several to compare: 1,2,8,50,ddpm:1000 (dpm-solver, ddim or ddpm). Default: what the weights "
    "recommend.",
)
@click.option(
    "--working-size", type=click.IntRange(min=64), default=512, show_default=True, help="With --modes: pixels."
)
@click.option("--seed", default=0, show_default=True, help="Seed of hints and sampling.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    data: Path | None,
    protocol_name: str,
    counts: str | None,
    methods: str | None,
    modes: bool,
    as_series: bool,
    as_clicks: bool,
    automatic: bool,
    scatter: float,
    objects: int,
    masks: str,
    trials: int,
    out: Path | None,
    overwrite: bool,
    weights: str,
    steps: str | None,
    working_size: int,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Score methods on a folder of color images: hints are drawn from the truth, the rest must be colored.

    With --modes, one or a few objects are clicked on micrographs whose objects are known: what gets the color, and what
    gets it that should not? With --series, views are colored from hints on the first: --data is a folder of folders of
    views with NAME.hints.yaml beside one of them (default: procedural series with exact truth). With --clicks, a robot
    clicks objects and corrects what came out wrong until the mask is right; --data is a folder of micrographs with
    masks (default: procedural scenes). With --automatic, pictures that people colored (--data) and procedural scenes
    are colored without any hint.

    \b
    Examples:
      semcolorize evaluate --data colored_micrographs --counts 0,1,5,20,100 --out scores
      semcolorize evaluate --modes --data micrographs_with_masks --out scores
      semcolorize evaluate --series --out scores
      semcolorize evaluate --clicks --data micrographs_with_masks --out scores
      semcolorize evaluate --data colored_micrographs --methods model --steps 1,2,4,8,50 --counts 5,20 --out scores
    """
    kinds = {"clicks": as_clicks, "automatic": automatic, "series": as_series, "modes": modes}
    stem = next((name for name, chosen in kinds.items() if chosen), "scores")
    if out is not None:
        _check_folder(out)
    if out is not None and (out / f"{stem}.json").exists() and not overwrite:
        raise OutputError(
            f"There are scores of an earlier run ({stem}.json); choose another folder (--out) or replace them with "
            "--overwrite.",
            path=out,
        )
    if as_clicks:
        from semcolorize.cli.evaluate_clicks import run_click_evaluation

        for name, value in (("modes", modes), ("series", as_series), ("counts", counts), ("steps", steps)):
            if value:
                raise ConfigError(f"--{name} does not go with --clicks.", key=name)
        run_click_evaluation(
            data, methods=methods, masks=masks, working_size=working_size, weights=weights, device=device, seed=seed,
            objects=objects, scatter=scatter, out=out, as_json=as_json,
        )  # fmt: skip
        return
    if automatic:
        from semcolorize.cli.evaluate_automatic import run_automatic

        others = ("modes", modes), ("series", as_series), ("methods", methods), ("counts", counts), ("steps", steps)
        for name, value in others:
            if value:
                raise ConfigError(f"--{name} does not go with --automatic.", key=name)
        run_automatic(data, weights=weights, device=device, seed=seed, out=out, as_json=as_json)
        return
    if as_series:
        from semcolorize.cli.evaluate_series import run_series

        for name, given in (("modes", modes), ("methods", methods), ("counts", counts)):
            if given:
                raise ConfigError(f"--{name} does not go with --series.", key=name)
        run_series(data, weights=weights, device=device, seed=seed, out=out, as_json=as_json)
        return
    from semcolorize.evaluation.baselines import BASELINES
    from semcolorize.evaluation.masks import procedural_images, read_masked_images

    known = ["model", *BASELINES]
    default = "model,random-walker" if modes else "model,random-walker,levin,mean-color,gray"
    wanted = [name.strip() for name in (methods or default).split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        listed = ", ".join(unknown) or "nothing"
        raise ConfigError(f"--methods: {listed} is not known; there are {', '.join(known)}.", key="methods")
    default_counts = "1,5" if modes else "0,1,2,5,10,20,50,100,200"
    numbers = _counts(default_counts if counts is None else counts, least=int(modes))
    extra: dict[str, Any] = {"data": data.name if data else "procedural scenes", "seed": seed}
    methods_by_name: dict[str, Callable[..., Any]] = {
        name: _peer(BASELINES[name]) for name in wanted if name != "model"
    }
    if "model" in wanted:
        colorings = read_steps(steps)
        modelled = _models(weights, device, colorings, seed, extra)
        at = wanted.index("model")
        wanted[at : at + 1] = list(modelled)
        methods_by_name |= modelled
    chosen = {name: methods_by_name[name] for name in wanted}
    if modes:
        images = procedural_images(24) if data is None else read_masked_images(data, working_size, projects=masks)
        document, written = _run_modes(images, numbers, trials, chosen, out, extra, as_json)
    elif data is None:
        raise ConfigError("--data is needed: a folder of color images.", key="data")
    else:
        document, written = _run_protocol(data, protocol_name, numbers, chosen, out, extra, as_json)
    if as_json:
        click.echo(json.dumps(document | {"paths": [str(p) for p in written]}))
    else:
        for path in written:
            click.echo(str(path))


def _check_folder(out: Path) -> None:
    """Refuse, before hours of work, a folder that cannot be written to."""
    import os

    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise OutputError(f"--out needs a folder, and {there} is a file.", path=out)
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"--out: nothing can be written in {there}.", path=out)


def _peer(method: Callable[..., Any]) -> Callable[..., Any]:
    """A classical method, which has no modes."""
    return lambda lightness, hint_ab, hint_mask, spread=None: method(lightness, hint_ab, hint_mask)


def _models(
    weights: str, device: str, colorings: dict[str, tuple[str | None, int | None]], seed: int, extra: dict[str, Any]
) -> dict[str, Callable[..., Any]]:
    """The model, once for each way of sampling."""
    import copy
    from dataclasses import replace

    from semcolorize.pipeline import Colorizer

    colorizer = Colorizer.load(weights, device=device)
    loaded = colorizer.weights
    extra |= {"weights": weights, "weights_sha256": loaded.sha256, "labels_sha256": colorizer.labels.sha256}
    extra["device"] = str(colorizer.device)
    extra["num_steps"] = {name: steps or loaded.model.config.num_steps for name, (_, steps) in colorings.items()}

    def predictor(sampler: str | None, num_steps: int | None) -> Callable[..., Any]:
        own = colorizer
        if sampler is not None:
            model = copy.copy(loaded.model)
            model.config = replace(model.config, sampler=sampler)  # type: ignore[arg-type]
            own = Colorizer(replace(loaded, model=model), colorizer.device)

        def predict(lightness: Any, hint_ab: Any, hint_mask: Any, spread: Any = None) -> Any:
            modes = {} if spread is None else {"fill": "gray", "spread": spread}
            return own.predict_ab(lightness, hint_ab, hint_mask, seed=seed, num_steps=num_steps, **modes)[0]

        return predict

    return {name: predictor(*how) for name, how in colorings.items()}


def read_steps(text: str | None) -> dict[str, tuple[str | None, int | None]]:
    """Ways of sampling by the name of their column: sampler and number of steps, None for the weights' own.

    Raises
    ------
    ConfigError
    """
    if text is None:
        return {"model": (None, None)}
    from semcolorize.diffusion.sampler import SAMPLERS

    parts = [part.strip() for part in text.split(",")]
    found: dict[str, tuple[str | None, int | None]] = {}
    for part in parts:
        sampler, _, number = part.rpartition(":")
        if not number.isdecimal() or not 1 <= int(number) <= 10_000 or sampler not in ("", *SAMPLERS):
            raise ConfigError(
                f"--steps {text!r}: {part!r} is no number of steps; numbers from 1 to 10000 are accepted, with a "
                f"sampler before a colon if not the weights' own ({', '.join(SAMPLERS)}): 1,2,8,ddpm:1000.",
                key="steps",
            )
        found["model" if len(parts) == 1 else f"model, {part}"] = (sampler or None, int(number))
    return found


_GRAY = 2.0
"""Largest chroma of an image that nobody would call colored."""


def _run_protocol(
    data: Path, protocol_name: str, numbers: list[int], methods: dict[str, Any], out: Path | None,
    extra: dict[str, Any], quiet: bool,
) -> tuple[dict[str, Any], list[Path]]:  # fmt: skip
    import numpy as np

    from semcolorize.evaluation.perceptual import find_lpips
    from semcolorize.evaluation.protocol import PROTOCOLS, list_images, read_color_image
    from semcolorize.evaluation.report import write_report
    from semcolorize.evaluation.run import evaluate

    protocol = PROTOCOLS[protocol_name]
    if protocol.most_hints is not None and max(numbers) > protocol.most_hints:
        raise ConfigError(
            f"--counts {max(numbers)}: the protocol {protocol_name} has {protocol.most_hints} cells.", key="counts"
        )
    images, failed = [], []
    for path in list_images(data):
        try:
            image = read_color_image(path, protocol)
            if np.hypot(*np.moveaxis(image.lab[..., 1:], -1, 0)).max() < _GRAY:
                raise ImageReadError("it is gray; images in color are needed.", path=path)
            images.append(image)
        except ImageReadError as error:
            failed.append(path.name)
            click.echo(f"left out: {error}", err=True)
    if not images:
        raise ConfigError(f"--data {data}: none of its {len(failed)} images is in color and can be read.", key="data")
    extra["left_out"] = failed
    lpips, extra["lpips"] = find_lpips()
    with progress_bar("evaluating", quiet=quiet, lines_every=30) as update:
        run = evaluate(images, methods, protocol, numbers, seed=extra["seed"], lpips=lpips, on_progress=update)
    if not quiet:
        _print_table(run, len(images))
        click.echo(f"{extra['lpips']}.", err=True)
    written = [] if out is None else write_report(run, images, out, extra=extra)
    return extra | {"images": len(images), "summary": run.summary()}, written


def _run_modes(
    images: list[Any], numbers: list[int], trials: int, methods: dict[str, Any], out: Path | None,
    extra: dict[str, Any], quiet: bool,
) -> tuple[dict[str, Any], list[Path]]:  # fmt: skip
    from semcolorize.evaluation.modes import score_modes
    from semcolorize.evaluation.report import write_modes_report

    with progress_bar("evaluating", quiet=quiet, lines_every=30) as update:
        run = score_modes(images, methods, counts=numbers, trials=trials, seed=extra["seed"], on_progress=update)
    if not quiet:
        _print_modes(run.summary(), len(images))
    written = [] if out is None else write_modes_report(run, out, extra=extra)
    return extra | {"images": len(images), "summary": run.summary()}, written


def _counts(text: str, *, least: int) -> list[int]:
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        numbers = [-1]
    if numbers[0] < least:
        raise ConfigError(
            f"--counts {text!r}; numbers from {least} on, separated by commas, are accepted.", key="counts"
        )
    return numbers


def _print_table(run: Any, images: int) -> None:
    from rich.table import Table

    table = Table(title=f"PSNR in dB, mean of {images} images, {run.protocol.name} protocol")
    table.add_column("hints", justify="right")
    for method in run.methods:
        table.add_column(method, justify="right")
    for count in run.counts:
        values = [run.mean(method, count) for method in run.methods]
        best = max(values)
        table.add_row(str(count), *(f"[bold]{v:.2f}[/bold]" if v == best else f"{v:.2f}" for v in values))
    print_table(table)


def _print_modes(rows: list[dict[str, Any]], images: int) -> None:
    from rich.table import Table

    table = Table(title=f"modes, mean of {images} images")
    for column in ("spread", "hints", "method", "IoU", "95 % interval", "leak (chroma)", "edges within 2 px"):
        table.add_column(column, justify="left" if column in ("spread", "method") else "right")
    for row in rows:
        share = "" if row["edge_share"] is None else f"{row['edge_share']:.2f}"
        interval = f"{row['iou_low']:.2f}-{row['iou_high']:.2f}"
        table.add_row(
            row["mode"], str(row["hints"]), row["method"], f"{row['iou']:.3f}", interval, f"{row['leak']:.2f}", share
        )
    print_table(table)
