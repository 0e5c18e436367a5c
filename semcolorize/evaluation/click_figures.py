"""Plots and sheets of the robot user's clicks, as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from semcolorize.evaluation.clicks import ClickRun, ClickTask
from semcolorize.micrograph.lettering import typeface

__all__ = ["draw_click_curves", "draw_click_sheet"]

_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#888888", "#e69f00")
_LABELS = np.array([(0, 0, 0), (230, 97, 0), (86, 140, 233), (0, 170, 110)], np.float32)


def draw_click_curves(run: ClickRun) -> bytes:
    """Mean intersection over union after each click, a panel a task, a line a method."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kinds = sorted({session.kind for session in run.sessions})
    methods = list(dict.fromkeys(session.method for session in run.sessions))
    figure = Figure(figsize=(4.2 * len(kinds) + 0.5, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        for color, method in zip(_COLORS, methods, strict=False):
            ious = [s.ious for s in run.sessions if (s.kind, s.method) == (kind, method)]
            if ious:
                mean = np.mean(ious, axis=0)
                axes.plot(range(1, len(mean) + 1), mean, marker="o", ms=3.5, color=color, label=method)
        each = " a label" if kind == "labels" else ""
        axes.set(title=kind, xlabel=f"clicks{each}", ylabel="intersection over union, mean", ylim=(0, 1))
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def draw_click_sheet(run: ClickRun, tasks: Sequence[ClickTask], *, most: int = 60) -> bytes:
    """A row a task: what was wanted, then what each method said after one click and after the last."""
    from PIL import Image, ImageDraw

    methods = list(dict.fromkeys(session.method for session in run.sessions))
    shown: dict[tuple[str, str], ClickTask] = {}
    for task in tasks:
        shown.setdefault((task.image.name, task.kind), task)
    listed = list(shown.items())[:most]
    side, head = 180, 18
    columns = ["wanted", *(f"{m}, {n}" for m in methods for n in ("1 click", "last"))]
    sheet = Image.new("RGB", (side * len(columns), (head + side) * len(listed)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.font = typeface(11)
    scores = {(s.image, s.kind, s.method): s.ious for s in reversed(run.sessions)}
    for row, ((name, kind), task) in enumerate(listed):
        top = row * (head + side)
        tiles, texts = [_tinted(task.image.lightness, task.target)], [f"{name} {kind}"]
        for method in methods:
            ious = scores[name, kind, method]
            planes = run.pictures[name, kind, method]
            for plane, iou, text in zip(planes, (ious[0], ious[-1]), ("1", "last"), strict=True):
                tiles.append(_tinted(task.image.lightness, plane))
                texts.append(f"{method}, {text}: {iou:.2f}")
        for i, (tile, text) in enumerate(zip(tiles, texts, strict=True)):
            pen.text((i * side + 3, top + 3), text[:34], fill="black")
            picture = Image.fromarray(tile)
            picture.thumbnail((side - 2, side - 2))
            sheet.paste(picture, (i * side, top + head))
        for place in task.first:
            scale = (side - 2) / max(task.target.shape)
            x, y = place[1] * scale, top + head + place[0] * scale
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill="white", outline="black")
    buffer = io.BytesIO()
    sheet.save(buffer, format="png")
    return buffer.getvalue()


def _tinted(lightness: np.ndarray, labels: np.ndarray) -> np.ndarray:
    gray = np.repeat((2.55 * np.clip(lightness, 0, 100))[..., None], 3, axis=-1)
    colors = _LABELS[np.minimum(labels, len(_LABELS) - 1)]
    mixed = np.where(labels[..., None] > 0, 0.5 * gray + 0.5 * colors, gray)
    return np.asarray(mixed, np.uint8)
