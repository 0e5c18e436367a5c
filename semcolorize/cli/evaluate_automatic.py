"""``semcolorize evaluate --automatic``: pictures colored without any hint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from semcolorize.cli.progress import progress_bar
from semcolorize.cli.tables import print_table

__all__ = ["run_automatic"]

_COLUMNS = ("count", "colorfulness", "peoples", "psnr", "gray_psnr", "difference", "within", "between")
_VARIANTS = 4


def run_automatic(
    data: Path | None, *, weights: str, device: str, seed: int, out: Path | None, as_json: bool
) -> None:
    """Color pictures that people colored (`data`) and procedural scenes by themselves, and score what came out."""
    from semcolorize.evaluation.automatic import score_automatic
    from semcolorize.evaluation.masks import procedural_images
    from semcolorize.evaluation.protocol import PROTOCOLS, list_images, read_color_image
    from semcolorize.evaluation.report import write_automatic_report
    from semcolorize.pipeline import Colorizer

    colorizer = Colorizer.load(weights, device=device)

    def color(lightness: np.ndarray) -> np.ndarray:
        nothing = np.zeros((*lightness.shape, 2), np.float32)
        return colorizer.predict_ab(lightness, nothing, nothing[..., 0], variants=_VARIANTS, seed=seed, fill="auto")

    paths = [] if data is None else list_images(data)
    colored = [(path.name, read_color_image(path, PROTOCOLS["icolorit"]).lab) for path in paths]
    with progress_bar("coloring", quiet=as_json, lines_every=30) as update:
        run = score_automatic(color, colored, procedural_images(24), on_progress=update)
    extra: dict[str, Any] = {
        "data": data.name if data else "procedural scenes", "seed": seed, "variants": _VARIANTS, "weights": weights,
        "weights_sha256": colorizer.sha256, "device": str(colorizer.device),
    }  # fmt: skip
    written = [] if out is None else write_automatic_report(run, out, extra=extra)
    if as_json:
        click.echo(json.dumps(extra | {"summary": run.summary(), "paths": [str(path) for path in written]}))
        return
    _print(run.summary())
    for path in written:
        click.echo(str(path))


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title="automatic color; colorfulness, dB to people's pictures, CIEDE2000 of variants, hue in degrees")
    table.add_column("images")
    for column in _COLUMNS:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(row["images"], *("" if row[name] is None else f"{row[name]:.3g}" for name in _COLUMNS))
    print_table(table)
