"""``semcolorize evaluate --clicks``: a robot user clicks until the mask is right."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from semcolorize.cli.progress import progress_bar
from semcolorize.cli.tables import print_table
from semcolorize.errors import ConfigError

__all__ = ["run_click_evaluation"]

_COLUMNS = ("iou_1", "iou_2", "iou_3", "iou_5", "iou_10", "noc85", "noc90", "fail90", "worse", "worst", "seconds")


def run_click_evaluation(
    data: Path | None, *, methods: str | None, masks: str, working_size: int, weights: str, device: str, seed: int,
    objects: int, scatter: float, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Score the label model and its peers by how many clicks they take."""
    from semcolorize.evaluation.click_methods import CLASSICAL, label_method
    from semcolorize.evaluation.clicks import ClickMethod, click_tasks, run_clicks
    from semcolorize.evaluation.masks import procedural_images, read_masked_images
    from semcolorize.evaluation.report import write_clicks_report
    from semcolorize.pipeline import Colorizer

    peers = [name for name in CLASSICAL if name != "grabcut" or find_spec("cv2")]
    wanted = [name.strip() for name in (methods or ",".join(["model", *peers])).split(",") if name.strip()]
    unknown = [name for name in wanted if name not in ("model", *CLASSICAL)]
    if unknown or not wanted:
        listed = ", ".join(unknown) or "nothing"
        raise ConfigError(f"--methods: {listed} is not known; there are model, {', '.join(CLASSICAL)}.", key="methods")
    if "grabcut" in wanted and not find_spec("cv2"):
        raise ConfigError("--methods grabcut needs OpenCV: pip install opencv-python-headless.", key="methods")
    extra: dict[str, Any] = {
        "data": data.name if data else "procedural scenes", "seed": seed, "scatter": scatter, "objects": objects
    }  # fmt: skip
    chosen: dict[str, ClickMethod] = {}
    for name in wanted:
        if name == "model":
            colorizer = Colorizer.load(weights, device=device)
            extra |= {"weights": weights, "weights_sha256": colorizer.labels.sha256, "device": str(colorizer.device)}
            chosen[name] = label_method(colorizer.labels.model)
        else:
            chosen[name] = CLASSICAL[name]
    images = procedural_images(24) if data is None else read_masked_images(data, working_size, projects=masks)
    tasks = click_tasks(images, ("instance", "alike", "labels"), objects=objects, seed=seed)
    if not tasks:
        raise ConfigError(f"--data {data}: there is nothing in it to click on.", key="data")
    with progress_bar("clicking", quiet=as_json, lines_every=60) as update:
        run = run_clicks(tasks, chosen, scatter=scatter, seed=seed, on_progress=update)
    written = [] if out is None else write_clicks_report(run, tasks, out, extra=extra)
    if as_json:
        click.echo(json.dumps(extra | {"summary": run.summary(), "paths": [str(path) for path in written]}))
        return
    _print(run.summary())
    if len({task.image.group for task in tasks}) > 1:
        _print(run.summary(by_group=True))
    for path in written:
        click.echo(str(path))


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title="clicks: intersection over union after n, clicks to 85 and 90 %, share that never reaches 90 %")
    for column in ("task", "images", "method", "sessions"):
        table.add_column(column, justify="right" if column == "sessions" else "left")
    for column in _COLUMNS:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        values = ["" if row.get(name) is None else f"{row[name]:.3g}" for name in _COLUMNS]
        table.add_row(row["task"], row["images"], row["method"], str(row["sessions"]), *values)
    print_table(table)
