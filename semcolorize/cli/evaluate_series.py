"""``semcolorize evaluate --series``: series from hints on one view, against coloring each view by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from semcolorize.cli.progress import progress_bar
from semcolorize.cli.tables import print_table

__all__ = ["run_series"]

_PROCEDURAL = 12
_COLUMNS = ("ciede2000", "class_share", "palette_error", "cdc")


def run_series(
    data: Path | None, *, weights: str, device: str, seed: int, out: Path | None, as_json: bool
) -> None:
    """Score the model on series, and its peers.

    ``model`` colors the series together; ``unregistered`` the same without registration; ``registration`` carries the
    first view's colors along and leaves the rest gray; ``unhinted`` colors each view by itself, the later ones without
    hints; ``hinted`` gives every view hints of its own; ``like`` takes the first view, painted all over, for a
    reference where the truth is known.
    """
    from semcolorize.color.ink import ink_curve, ink_of
    from semcolorize.color.lab import lightness_to_gray
    from semcolorize.evaluation.metrics import rgb_from_ab
    from semcolorize.evaluation.report import write_series_report
    from semcolorize.evaluation.series import Series, folder_series, procedural_series, score_series
    from semcolorize.micrograph.registration import register
    from semcolorize.pipeline import Colorizer

    colorizer = Colorizer.load(weights, device=device)

    def alone(series: Series) -> list[np.ndarray]:
        return [
            colorizer.predict_ab(*view, seed=seed, fill="gray" if np.any(view[2]) else "auto")[0]
            for view in series.views
        ]

    def carried(series: Series) -> list[np.ndarray]:
        first = series.views[0]
        colored = [colorizer.predict_ab(*first, seed=seed, fill="gray")[0]]
        inks = ink_of(colored[0], ink_curve(first[0]))
        for lightness, hint_ab, _ in series.views[1:]:
            found = register(first[0], lightness)
            known = found.carry(inks) * ink_curve(lightness)[..., None]
            colored.append(known if found.found else np.zeros_like(hint_ab))
        return colored

    def liked(series: Series) -> list[np.ndarray]:
        lightness, truth = series.views[0][0], series.painted()
        rgb = np.rint(255 * rgb_from_ab(lightness, truth)).astype(np.uint8)
        grays = [
            np.rint(255 * np.clip(lightness_to_gray(view[0]), 0, 1)).astype(np.uint8) for view in series.views[1:]
        ]
        results = colorizer.colorize_views(grays, [None] * len(grays), like=rgb, databar="none")
        return [truth, *(result.ab[0] for result in results)]

    methods = {
        "model": lambda series: colorizer.predict_views(series.views, seed=seed),
        "unregistered": lambda series: colorizer.predict_views(series.views, seed=seed, register_views=False),
        "registration": carried,
        "unhinted": alone,
        "hinted": lambda series: alone(series.hinted_everywhere()),
    }
    if data is None:
        methods["like"] = liked
    left_out: dict[str, str] = {}
    chosen = procedural_series(_PROCEDURAL) if data is None else folder_series(data, left_out=left_out)
    for name, reason in left_out.items():
        click.echo(f"left out: {name}: {reason}", err=True)
    with progress_bar("evaluating", quiet=as_json, lines_every=60) as update:
        run = score_series(chosen, methods, on_progress=update)
    extra: dict[str, Any] = {
        "data": data.name if data else "procedural series", "seed": seed, "device": str(colorizer.device),
        "weights": weights, "weights_sha256": colorizer.sha256,
        "left_out": [{"name": name, "error": reason} for name, reason in left_out.items()],
    }  # fmt: skip
    written = [] if out is None else write_series_report(run, out, extra=extra)
    if as_json:
        click.echo(json.dumps(extra | {"summary": run.summary(), "paths": [str(path) for path in written]}))
        return
    _print(run.summary())
    for path in written:
        click.echo(str(path))


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title="series: color against the first view")
    for column in ("kind", "method", "series", "CIEDE2000", "95 % interval", "class share", "palette error", "CDC"):
        table.add_column(column, justify="left" if column in ("kind", "method") else "right")
    for row in rows:
        values = ["" if row[name] is None else f"{row[name]:.3g}" for name in _COLUMNS]
        low = row.get("ciede2000_low")
        interval = "" if low is None else f"{low:.2f}-{row['ciede2000_high']:.2f}"
        table.add_row(row["kind"], row["method"], str(row["series"]), values[0], interval, *values[1:])
    print_table(table)
