"""What came out of an evaluation, as files: JSON, CSV, plots, a contact sheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semcolorize.evaluation.figures import draw_scores, draw_sheet
from semcolorize.evaluation.protocol import ColorImage
from semcolorize.evaluation.run import EvaluationRun, Score
from semcolorize.micrograph.atomic import write_bytes_atomic

__all__ = ["write_report"]


def write_report(run: EvaluationRun, images: Sequence[ColorImage], out: Path, *, extra: dict[str, Any]) -> list[Path]:
    """Write ``scores.json``, ``scores.csv``, ``psnr.png`` and ``sheet.png`` into `out`; earlier ones are replaced."""
    out.mkdir(parents=True, exist_ok=True)
    document = extra | {
        "protocol": run.protocol.name,
        "images": len(images),
        "counts": list(run.counts),
        "summary": run.summary(),
        "scores": [_plain(score) for score in run.scores],
    }
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, fieldnames=list(vars(run.scores[0])))
    writer.writeheader()
    writer.writerows(_plain(score) for score in run.scores)
    files = {
        "scores.json": json.dumps(document, indent=1).encode(),
        "scores.csv": table.getvalue().encode(),
        "psnr.png": draw_scores(run),
        "sheet.png": draw_sheet(run, images),
    }
    for name, content in files.items():
        write_bytes_atomic(out / name, content, overwrite=True)
    return [out / name for name in files]


def _plain(score: Score) -> dict[str, Any]:
    """JSON knows no nan: what could not be measured is None."""
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in vars(score).items()}
