"""``semcolorize evaluate``: the model against classical methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from semcolorize.cli.progress import progress_bar
from semcolorize.errors import ConfigError

__all__ = ["command"]


@click.command("evaluate")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of color images.")
@click.option(
    "--protocol", "protocol_name", type=click.Choice(["icolorit", "zhang"]), default="icolorit", show_default=True
)
@click.option("--counts", default="0,1,2,5,10,20,50,100,200", show_default=True, help="Numbers of hints.")
@click.option("--methods", default="model,random-walker,levin,mean-color,gray", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for scores.json, scores.csv, psnr.png, sheet.png.")
@click.option("--weights", default="default", show_default=True, help="Bundled name or safetensors file.")
@click.option("--steps", "num_steps", type=int, help="Sampling steps. Default: what the weights recommend.")
@click.option("--seed", default=0, show_default=True, help="Seed of hints and sampling.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    data: Path,
    protocol_name: str,
    counts: str,
    methods: str,
    out: Path | None,
    weights: str,
    num_steps: int | None,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Score methods on a folder of color images: hints are drawn from the truth, the rest must be colored.

    \b
    Example:
      semcolorize evaluate --data colored_micrographs --counts 0,1,5,20,100 --out scores
    """
    from semcolorize.evaluation.baselines import BASELINES
    from semcolorize.evaluation.protocol import PROTOCOLS, list_images, read_color_image
    from semcolorize.evaluation.report import evaluate, write_report

    protocol = PROTOCOLS[protocol_name]
    numbers = _counts(counts)
    wanted = [name.strip() for name in methods.split(",") if name.strip()]
    unknown = [name for name in wanted if name != "model" and name not in BASELINES]
    if unknown or not wanted:
        listed = ", ".join(unknown) or "nothing"
        raise ConfigError(f"--methods: {listed} is not known; there are model, {', '.join(BASELINES)}.", key="methods")
    images = [read_color_image(path, protocol) for path in list_images(data)]
    chosen: dict[str, Any] = {}
    extra: dict[str, Any] = {"data": data.name, "seed": seed}
    for name in wanted:
        if name == "model":
            from semcolorize.pipeline import Colorizer

            colorizer = Colorizer.load(weights, device=device)
            extra |= {"weights": weights, "weights_sha256": colorizer.weights.sha256, "device": str(colorizer.device)}
            extra["num_steps"] = num_steps or colorizer.weights.model.config.num_steps

            def predict(lightness: Any, hint_ab: Any, hint_mask: Any, colorizer: Colorizer = colorizer) -> Any:
                return colorizer.predict_ab(lightness, hint_ab, hint_mask, seed=seed, num_steps=num_steps)[0]

            chosen[name] = predict
        else:
            chosen[name] = BASELINES[name]
    with progress_bar("evaluating", quiet=as_json) as update:
        run = evaluate(images, chosen, protocol, numbers, seed=seed, on_progress=update)
    written = [] if out is None else write_report(run, images, out, extra=extra)
    if as_json:
        click.echo(
            json.dumps(extra | {"images": len(images), "summary": run.summary(), "paths": [str(p) for p in written]})
        )
        return
    _print_table(run, len(images))
    for path in written:
        click.echo(str(path))


def _counts(text: str) -> list[int]:
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        numbers = [-1]
    if numbers[0] < 0:
        raise ConfigError(f"--counts {text!r}; numbers from 0 on, separated by commas, are accepted.", key="counts")
    return numbers


def _print_table(run: Any, images: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"PSNR in dB, mean of {images} images, {run.protocol.name} protocol")
    table.add_column("hints", justify="right")
    for method in run.methods:
        table.add_column(method, justify="right")
    for count in run.counts:
        values = [run.mean(method, count) for method in run.methods]
        best = max(values)
        table.add_row(str(count), *(f"[bold]{v:.2f}[/bold]" if v == best else f"{v:.2f}" for v in values))
    Console().print(table)
