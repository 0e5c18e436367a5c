"""Plots and contact sheets of an evaluation, as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from semcolorize.evaluation.metrics import rgb_from_ab
from semcolorize.evaluation.modes import ModesRun
from semcolorize.evaluation.protocol import ColorImage
from semcolorize.evaluation.run import PEER, EvaluationRun
from semcolorize.evaluation.series import SeriesRun
from semcolorize.micrograph.lettering import typeface

__all__ = ["draw_modes", "draw_scores", "draw_series", "draw_sheet", "draw_steps"]

_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#888888", "#e69f00")
_SHOWN = (1, 5, 20)
"""Counts on the contact sheet, where they were run."""


def draw_scores(run: EvaluationRun) -> bytes:
    """PSNR against hints, and beside it the gain over the random walker, which tells methods apart."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    peer = PEER in run.methods
    figure = Figure(figsize=(11 if peer else 6, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2 if peer else 1, squeeze=False)[0]
    rows = run.summary()
    for color, method in zip(_COLORS, run.methods, strict=False):
        mine = [row for row in rows if row["method"] == method]
        axes[0].plot(range(len(mine)), [r["psnr"] for r in mine], marker="o", ms=4, label=method, color=color)
        if peer:
            _band(axes[1], mine, color)
    axes[0].set(ylabel="PSNR (dB), mean over images", title=f"{run.protocol.name} protocol")
    axes[0].legend(frameon=False)
    if peer:
        axes[1].set(ylabel="dB, mean and 95 % interval", title=f"gain over {PEER}")
    for panel in axes:
        panel.set_xticks(range(len(run.counts)), [str(count) for count in run.counts])
        panel.set(xlabel="hints")
        panel.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _band(axes: Any, rows: list[dict[str, Any]], color: str) -> None:
    places = range(len(rows))
    axes.plot(places, [r["gain"] for r in rows], marker="o", ms=4, color=color)
    axes.fill_between(
        places, [r["gain_low"] for r in rows], [r["gain_high"] for r in rows], color=color, alpha=0.15, lw=0
    )


def draw_steps(run: EvaluationRun, steps: Mapping[str, int]) -> bytes:
    """PSNR against sampling steps, a line a number of hints; another sampler than the first's is a mark of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    own = sorted((m for m in steps if ":" not in m), key=lambda m: steps[m])
    for color, count in zip(cycle(_COLORS), run.counts):
        label = f"{count} hints"
        axes.plot(
            [steps[m] for m in own], [run.mean(m, count) for m in own], marker="o", ms=4, color=color, label=label
        )
        for other in steps.keys() - set(own):
            axes.plot(steps[other], run.mean(other, count), marker="x", ms=7, color=color)
            axes.annotate(other.split(", ")[1], (steps[other], run.mean(other, count)), fontsize=8, ha="right")
    axes.set_xscale("log")
    axes.set_xticks(sorted(set(steps.values())), [str(n) for n in sorted(set(steps.values()))])
    axes.minorticks_off()
    axes.set(xlabel="sampling steps", ylabel="PSNR (dB), mean over images", title=f"{run.protocol.name} protocol")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def draw_sheet(run: EvaluationRun, images: Sequence[ColorImage]) -> bytes:
    """A row an image: gray, then every method at 1, 5 and 20 hints (or three others), then the reference.

    Under its name, with PSNR in dB on every tile.
    """
    from PIL import Image, ImageDraw

    counts = list(run.counts)
    shown = [count for count in _SHOWN if count in counts]
    if not shown:
        shown = sorted({counts[len(counts) // 4], counts[len(counts) // 2], counts[-1]})
    methods = [m for m in run.methods if m != "gray"]
    side, head = 160, 18
    colored = [(method, count) for count in shown for method in methods]
    columns = ["gray"] + [f"{m}, {c}" for m, c in colored] + ["reference"]
    scores = {(s.image, s.count, s.method): s.psnr for s in run.scores}
    sheet = Image.new("RGB", (side * len(columns), head + (head + side) * len(images)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.font = typeface(11)
    for i, title in enumerate(columns):
        pen.text((i * side + 4, 3), title, fill="black")
    for row, image in enumerate(images):
        tiles = [(rgb_from_ab(image.lightness, np.zeros_like(image.lab[..., 1:])) * 255 + 0.5).astype(np.uint8)]
        tiles += [run.pictures[image.name, c, m] for m, c in colored]
        tiles.append((image.rgb * 255 + 0.5).astype(np.uint8))
        top = head + row * (head + side)
        pen.text((4, top + 3), image.name, fill="black")
        for i, tile in enumerate(tiles):
            sheet.paste(Image.fromarray(tile).resize((side - 2, side - 2)), (i * side, top + head))
        for i, (method, count) in enumerate(colored, start=1):
            place, text = (i * side + 4, top + head + side - 16), f"{scores[image.name, count, method]:.1f}"
            pen.text(place, text, fill="white", stroke_width=2, stroke_fill="black")
    buffer = io.BytesIO()
    sheet.save(buffer, format="png")
    return buffer.getvalue()


def draw_modes(run: ModesRun) -> bytes:
    """A row an image: every method in every mode, from the first set of clicks."""
    from PIL import Image, ImageDraw

    columns = sorted({key[1:] for key in run.pictures}, key=lambda c: (c[1], c[0], c[2]))
    names = sorted({key[0] for key in run.pictures})
    side, head = 240, 18
    sheet = Image.new("RGB", (side * len(columns), (head + side) * len(names)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.font = typeface(11)
    for row, name in enumerate(names):
        for i, (count, mode, method) in enumerate(columns):
            pen.text((i * side + 4, row * (head + side) + 3), f"{method}, {mode}, {count}", fill="black")
            tile = Image.fromarray(run.pictures[name, count, mode, method])
            tile.thumbnail((side - 2, side - 2))
            sheet.paste(tile, (i * side, row * (head + side) + head))
    buffer = io.BytesIO()
    sheet.save(buffer, format="png")
    return buffer.getvalue()


def draw_series(run: SeriesRun) -> bytes:
    """A row a series: its views side by side, method after method."""
    from PIL import Image, ImageDraw

    side, head, gap = 150, 18, 10
    names = list(dict.fromkeys(key[0] for key in run.pictures))
    methods = list(dict.fromkeys(key[1] for key in run.pictures))
    most = max(len(views) for views in run.pictures.values())
    sheet = Image.new("RGB", ((most * side + gap) * len(methods), (head + side) * len(names)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.font = typeface(11)
    for row, name in enumerate(names):
        for column, method in enumerate(methods):
            left, top = column * (most * side + gap), row * (head + side)
            pen.text((left + 4, top + 3), f"{name}: {method}", fill="black")
            for i, rgb in enumerate(run.pictures.get((name, method), [])):
                tile = Image.fromarray(rgb)
                tile.thumbnail((side - 2, side - 2))
                sheet.paste(tile, (left + i * side, top + head))
    buffer = io.BytesIO()
    sheet.save(buffer, format="png")
    return buffer.getvalue()
