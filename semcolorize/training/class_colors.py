"""Training of the color denoiser: classes of scenes as the encoder describes them, with colors drawn anew each time."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from semcolorize.diffusion.edm import edm_weights
from semcolorize.errors import ConfigError
from semcolorize.inference.class_colors import describe_sums, pooled
from semcolorize.micrograph.atomic import write_bytes_atomic
from semcolorize.model.checkpoint import load_label_weights, save_color_weights
from semcolorize.model.color_denoiser import ColorDenoiser, ColorDenoiserConfig
from semcolorize.network.weights import tensors_digest
from semcolorize.scenes import Scene, draw_class_colors, make_figure, make_mixture, make_scene
from semcolorize.training.loop import TrainingResult, code_version
from semcolorize.training.recipe import build_section

__all__ = ["ClassColorRecipe", "ClassTable", "class_color_recipe_from_dict", "describe_scenes", "train_class_colors"]


@dataclass(frozen=True)
class ClassColorRecipe:
    """A whole run; it takes minutes and is not resumed.

    Parameters
    ----------
    preset : str
        ``colors``.
    seed : int
    scenes, size : int
        Scenes whose classes are described, and pixels a side.
    figures, mixtures : float
        Shares of scenes with one large object, and with several classes in a crowd.
    labels : str or None
        Weights of the label model whose encoder describes them; the bundled ones by default.
    steps, batch : int
    learning_rate, ema : float
    known : float
        Chance that some of a picture's colors are known already.
    noise_mean, noise_deviation : float
        Of the logarithm of the noise that is trained on (Karras et al. 2022, table 1).
    model : dict
        Changes to `semcolorize.model.color_denoiser.ColorDenoiserConfig`.
    """

    preset: str = "colors"
    seed: int = 0
    scenes: int = 1200
    size: int = 320
    figures: float = 0.25
    mixtures: float = 0.2
    labels: str | None = None
    steps: int = 6000
    batch: int = 256
    learning_rate: float = 1.0e-3
    ema: float = 0.999
    known: float = 0.5
    noise_mean: float = -0.6
    noise_deviation: float = 1.3
    model: dict[str, Any] = dataclasses.field(default_factory=dict)


def class_color_recipe_from_dict(values: dict[str, Any], *, folder: Path | None = None) -> ClassColorRecipe:
    """Build a recipe from plain data; `folder` is where a relative path of weights starts.

    Raises
    ------
    ConfigError
        With all faults at once.
    """
    faults: list[ConfigError] = []
    recipe: ClassColorRecipe = build_section(ClassColorRecipe, dict(values), "", faults)
    if faults:
        raise ConfigError.from_faults(faults)
    if folder is not None and recipe.labels and not Path(recipe.labels).expanduser().is_absolute():
        recipe = dataclasses.replace(recipe, labels=str(folder / recipe.labels))
    return recipe


@dataclass(frozen=True)
class ClassTable:
    """Classes of many scenes: features (N, F), scene of each, and families of each scene's classes."""

    features: torch.Tensor
    first: np.ndarray
    families: tuple[tuple[str, ...], ...]


def describe_scenes(
    recipe: ClassColorRecipe,
    *,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[ClassTable, str]:
    """Describe the classes of a recipe's scenes as the encoder sees them; also SHA-256 of the encoder's tensors."""
    loaded = load_label_weights(recipe.labels)
    encoder_sha256 = tensors_digest(loaded.model.encoder.state_dict())
    loaded.model.fold_normalization()
    encoder = loaded.model.encoder.to(device)
    rows, first, families = [], [0], []
    for k in range(recipe.scenes):
        scene = _scene(recipe, k)
        lightness = torch.from_numpy(scene.lightness.astype(np.float32)).to(device)
        height, width = lightness.shape
        stride = encoder.config.stride
        padding = (0, -width % stride, 0, -height % stride)
        padded = torch.nn.functional.pad(lightness[None, None], padding, mode="replicate")
        own = np.stack([scene.classes == c for c in range(len(scene.family_of_class))]).astype(np.float32)
        with torch.inference_mode():
            sums = pooled(encoder(padded), lightness, torch.from_numpy(own).to(device))
            rows.append(describe_sums(sums).cpu())
        first.append(first[-1] + len(own))
        families.append(scene.family_of_class)
        if on_progress is not None:
            on_progress(k + 1, recipe.scenes)
    return ClassTable(torch.cat(rows).clone(), np.array(first), tuple(families)), encoder_sha256


def _scene(recipe: ClassColorRecipe, k: int) -> Scene:
    number = (recipe.seed * 1_000_003 + 7_000_000 + k) % 500_000_000
    kind = (k * 0.618034) % 1
    if kind < recipe.figures:
        return make_figure(number, recipe.size)
    if kind < recipe.figures + recipe.mixtures:
        return make_mixture(number, recipe.size)
    return make_scene(number, recipe.size)


def train_class_colors(
    recipe: ClassColorRecipe,
    out: Path,
    *,
    max_minutes: float | None = None,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int, int, float], None] | None = None,
    on_scenes: Callable[[int, int], None] | None = None,
) -> TrainingResult:
    """Train a color denoiser after a recipe.

    Parameters
    ----------
    recipe : ClassColorRecipe
    out : Path
        Folder for ``weights.safetensors`` and ``recipe.json``.
    max_minutes : float, optional
    device : str or torch.device
    on_progress : callable, optional
        Told step, steps and loss.
    on_scenes : callable, optional
    """
    table, encoder_sha256 = describe_scenes(recipe, device=device, on_progress=on_scenes)
    torch.manual_seed(recipe.seed)
    config = ColorDenoiserConfig(features=table.features.shape[1], encoder_sha256=encoder_sha256)
    model = ColorDenoiser(ColorDenoiserConfig.from_dict(config.to_dict() | recipe.model))
    model.center = torch.nn.Buffer(table.features.mean(dim=0))
    model.scale = torch.nn.Buffer(table.features.std(dim=0).clamp(min=1e-3))
    model = model.to(device)
    average = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=0.01)
    rng, started, smooth, step = np.random.default_rng(recipe.seed), time.monotonic(), 0.0, 0
    for step in range(1, recipe.steps + 1):
        share = step / recipe.steps
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * min(1.0, step / 200) * 0.5 * (1 + np.cos(np.pi * share))
        loss = _loss(model, [part.to(device) for part in _batch(recipe, model.config, table, rng)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1 - min(recipe.ema, step / (10 + step)))
        smooth = float(loss.detach()) if step == 1 else 0.98 * smooth + 0.02 * float(loss.detach())
        if on_progress is not None and (step % 50 == 0 or step == recipe.steps):
            on_progress(step, recipe.steps, smooth)
        if max_minutes is not None and time.monotonic() - started > 60 * max_minutes:
            break
    model.load_state_dict(average)
    out.mkdir(parents=True, exist_ok=True)
    record = asdict(recipe) | {"labels": recipe.labels and Path(recipe.labels).name}
    write_bytes_atomic(out / "recipe.json", json.dumps(record, indent=2).encode(), overwrite=True)
    notes = {"recipe": record, "commit": code_version(), "step": step, "loss": round(smooth, 4)}
    path = out / "weights.safetensors"
    sha256 = save_color_weights(path, model, metadata=notes)
    return TrainingResult(step, recipe.steps, step == recipe.steps, path, sha256)


def _batch(
    recipe: ClassColorRecipe, config: ColorDenoiserConfig, table: ClassTable, rng: np.random.Generator
) -> list[torch.Tensor]:
    """Features, colors, which of them are known, which classes there are, logarithms of noise levels, and noise."""
    drawn = rng.integers(0, len(table.families), recipe.batch)
    most = max(len(table.families[k]) for k in drawn)
    features = torch.zeros((recipe.batch, most, table.features.shape[1]))
    colors = np.zeros((recipe.batch, most, 2), np.float32)
    given, there = np.zeros((2, recipe.batch, most), bool)
    for b, k in enumerate(drawn):
        own, count = draw_class_colors(rng, table.families[k]), len(table.families[k])
        features[b, :count] = table.features[table.first[k] : table.first[k + 1]]
        colors[b, :count], there[b, :count] = own / config.chroma, True
        if rng.random() < recipe.known:
            given[b, :count] = rng.random(count) < rng.random()
            # Somebody may color the ground alone, or a thing as he likes.
            if rng.random() < 0.2 and given[b].any():
                free = rng.normal(0, 0.7, (int(given[b].sum()), 2))
                colors[b, given[b]] = free
    noise = rng.standard_normal((recipe.batch, most, 2), dtype=np.float32)
    level = np.exp(rng.normal(recipe.noise_mean, recipe.noise_deviation, recipe.batch)).astype(np.float32)
    return [features, *(torch.from_numpy(part) for part in (colors, given, there, level, noise))]


def _loss(model: ColorDenoiser, batch: list[torch.Tensor]) -> torch.Tensor:
    features, colors, given, there, level, noise = batch
    found = model(colors + level[:, None, None] * noise, level, features, colors, given, there)
    weight = edm_weights(level, model.config.data)[-1][:, None]
    wanted = (there & ~given).float()
    each = ((found - colors) ** 2).mean(dim=-1) * weight * wanted
    return each.sum() / wanted.sum().clamp(min=1)
