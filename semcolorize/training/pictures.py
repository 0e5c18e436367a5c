"""Pictures of a training run: a grid of samples and the curves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch

from semcolorize.color.gamut import compress_chroma, lightness_and_ab_to_lab
from semcolorize.color.lab import lab_to_rgb
from semcolorize.micrograph.lettering import typeface
from semcolorize.training.dataset import Batch

__all__ = ["draw_curves", "draw_samples"]


def draw_samples(path: Path, batch: Batch, ab: torch.Tensor, ab_scale: float) -> None:
    """Rows of lightness with hints, propagated hints, prediction and truth, twelve samples wide, written as PNG.

    Parameters
    ----------
    path : Path
    batch : Batch
    ab : Tensor of shape (B, 2, H, W)
        Predicted CIELAB a*b*.
    ab_scale : float
        Of the model, to read the prior.
    """
    from PIL import Image

    side = batch.lightness.shape[-1]
    columns = []
    for i in range(min(len(ab), 24)):
        lightness, truth = batch.lightness[i : i + 1], batch.ab[i : i + 1]
        hinted = torch.zeros_like(truth)
        if batch.condition.grid is not None:
            grid = batch.condition.grid[i : i + 1]
            scale = side // grid.shape[-1]
            hinted = (
                (grid[:, :2] * (grid[:, 2:3] > 0) * ab_scale).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
            )
        prior = batch.condition.prior[i : i + 1] * batch.condition.ink[i : i + 1] * ab_scale
        tiles = [Image.fromarray(_rgb(lightness, x)) for x in (hinted, prior, ab[i : i + 1], truth)]
        for tile in tiles:
            tile.thumbnail((_TILE, _TILE), Image.Resampling.BOX)
        columns.append(np.concatenate([np.asarray(tile) for tile in tiles], axis=0))
    rows = [np.concatenate([_labels(columns[0].shape[0]), *columns[i : i + 12]], axis=1)
            for i in range(0, len(columns), 12)]  # fmt: skip
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    temporary = path.with_name(f".{path.name}.{os.getpid()}.png")
    Image.fromarray(np.concatenate(rows, axis=0)).save(temporary)
    temporary.replace(path)


_TILE = 176
"""Longest side of a sample's picture, pixels."""


def _labels(height: int) -> np.ndarray:
    """Column that names the four rows of tiles beside it."""
    from PIL import Image, ImageDraw

    column = Image.new("RGB", (72, height), "white")
    pen = ImageDraw.Draw(column)
    pen.font = typeface(11)
    for i, name in enumerate(("hints", "propagated", "model", "truth")):
        pen.text((4, (2 * i + 1) * height // 8), name, fill="black", anchor="lm")
    return np.asarray(column)


def _rgb(lightness: torch.Tensor, ab: torch.Tensor) -> np.ndarray:
    ab = compress_chroma(lightness, ab)
    rgb = lab_to_rgb(lightness_and_ab_to_lab(lightness, ab))[0].clamp(0, 1)
    return (rgb.movedim(0, -1).numpy() * 255 + 0.5).astype(np.uint8)


def draw_curves(path: Path, log: Path) -> None:
    """Loss and gain over the prior against steps, read from the JSONL log, written as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line]
    loss = [(e["step"], e["loss"]) for e in entries if "loss" in e]
    gain = [(e["step"], e["gain_db"]) for e in entries if "gain_db" in e]
    figure = Figure(figsize=(8, 3), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    if loss:
        left.plot(*zip(*loss, strict=True), lw=0.8)
        left.set_yscale("log")
    left.set(xlabel="step", ylabel="loss")
    if gain:
        right.plot(*zip(*gain, strict=True), marker=".")
    right.set(xlabel="step", ylabel="gain over propagated hints (dB)")
    figure.savefig(path, dpi=110)
