"""What came out of an evaluation, as files: JSON, CSV, plots, a contact sheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semcolorize.evaluation.automatic import AutomaticRun, draw_variants
from semcolorize.evaluation.click_figures import draw_click_curves, draw_click_sheet
from semcolorize.evaluation.clicks import ClickRun, ClickTask
from semcolorize.evaluation.figures import draw_modes, draw_scores, draw_series, draw_sheet, draw_steps
from semcolorize.evaluation.modes import ModesRun
from semcolorize.evaluation.protocol import ColorImage
from semcolorize.evaluation.run import EvaluationRun
from semcolorize.evaluation.series import SeriesRun
from semcolorize.micrograph.atomic import write_bytes_atomic

__all__ = [
    "write_automatic_report", "write_clicks_report", "write_modes_report", "write_report", "write_series_report",
]  # fmt: skip


def write_report(run: EvaluationRun, images: Sequence[ColorImage], out: Path, *, extra: dict[str, Any]) -> list[Path]:
    """Write ``scores.json``, ``scores.csv``, ``psnr.png`` and ``sheet.png`` into `out`; earlier ones are replaced.

    With several ways of sampling in ``extra["num_steps"]``, ``steps.png`` too.
    """
    extra = extra | {"protocol": run.protocol.name, "images": len(images), "counts": list(run.counts)}
    pictures = {"psnr.png": draw_scores(run), "sheet.png": draw_sheet(run, images)}
    if len(steps := extra.get("num_steps", {})) > 1:
        pictures["steps.png"] = draw_steps(run, steps)
    return _write("scores", run, pictures, out, extra)


def write_modes_report(run: ModesRun, out: Path, *, extra: dict[str, Any]) -> list[Path]:
    """Write ``modes.json``, ``modes.csv`` and ``modes.png`` into `out`; earlier ones are replaced."""
    return _write("modes", run, {"modes.png": draw_modes(run)}, out, extra)


def write_series_report(run: SeriesRun, out: Path, *, extra: dict[str, Any]) -> list[Path]:
    """Write ``series.json``, ``series.csv`` and ``series.png`` into `out`; earlier ones are replaced."""
    return _write("series", run, {"series.png": draw_series(run)}, out, extra)


def write_clicks_report(run: ClickRun, tasks: Sequence[ClickTask], out: Path, *, extra: dict[str, Any]) -> list[Path]:
    """Write ``clicks.json``, ``clicks.csv``, ``clicks.png`` and ``clicks_sheet.png`` into `out`."""
    pictures = {"clicks.png": draw_click_curves(run), "clicks_sheet.png": draw_click_sheet(run, tasks)}
    return _write("clicks", run, pictures, out, extra | {"by_group": run.summary(by_group=True)})


def write_automatic_report(run: AutomaticRun, out: Path, *, extra: dict[str, Any]) -> list[Path]:
    """Write ``automatic.json``, ``automatic.csv`` and ``automatic.png`` into `out`; earlier ones are replaced."""
    return _write("automatic", run, {"automatic.png": draw_variants(run)}, out, extra)


def _write(
    stem: str,
    run: EvaluationRun | ModesRun | SeriesRun | ClickRun | AutomaticRun,
    pictures: dict[str, bytes],
    out: Path,
    extra: dict[str, Any],
) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    scores = [_plain(score) for score in run.scores]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, fieldnames=list(scores[0]))
    writer.writeheader()
    writer.writerows(scores)
    document = extra | {"summary": run.summary(), "scores": scores}
    files = {f"{stem}.json": json.dumps(document, indent=1).encode(), f"{stem}.csv": table.getvalue().encode()}
    for name, content in (files | pictures).items():
        write_bytes_atomic(out / name, content, overwrite=True)
    return [out / name for name in files | pictures]


def _plain(score: object) -> dict[str, Any]:
    """JSON knows no nan: what could not be measured is None."""
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in vars(score).items()}
