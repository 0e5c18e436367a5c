"""The training loop of the label model: one code path from two CPU cores to a GPU."""

from __future__ import annotations

import copy
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from semcolorize.errors import ConfigError
from semcolorize.model.checkpoint import load_label_weights, save_label_weights
from semcolorize.model.label_model import LabelModel, LabelModelConfig
from semcolorize.training.checkpoint import load_checkpoint, save_checkpoint
from semcolorize.training.dataset import BatchNumbers
from semcolorize.training.label_data import LabelBatch, LabelDataset, LabelStage
from semcolorize.training.label_objective import dense_loss, label_loss, mean_iou, simulate_and_label
from semcolorize.training.label_recipe import LabelRecipe
from semcolorize.training.loop import TrainingResult, code_version, quiet_worker, refuse_other_recipe, stop_on_signals

__all__ = ["LabelProgress", "train_labels"]

_CHECKPOINT_SECONDS = 120.0
_LOG_EVERY = 20


@dataclass(frozen=True)
class LabelProgress:
    """What a callback is told: `step` of `steps`, smoothed `loss` and `iou` of the last steps, samples per second."""

    step: int
    steps: int
    loss: float
    iou: float
    samples_per_second: float


def train_labels(
    recipe: LabelRecipe,
    out: Path,
    *,
    resume: bool = False,
    max_minutes: float | None = None,
    device: str | torch.device = "cpu",
    on_progress: Callable[[LabelProgress], None] | None = None,
    on_scenes: Callable[[int, int], None] | None = None,
) -> TrainingResult:
    """Train a label model after a recipe.

    Parameters
    ----------
    recipe : LabelRecipe
    out : Path
        Folder for ``checkpoint.safetensors``, ``weights.safetensors`` (moving average, fp16), ``log.jsonl``,
        ``recipe.json``, and beside it the scenes made in advance.
    resume : bool
        Go on from the checkpoint in `out`; without it, a folder that holds one is refused.
    max_minutes : float, optional
        Stop with a checkpoint after so long.
    device : str or torch.device
    on_progress, on_scenes : callable, optional

    Returns
    -------
    TrainingResult

    Notes
    -----
    SIGTERM and SIGINT stop the run after the step in hand, with a checkpoint.
    """
    checkpoint = out / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise ConfigError(f"{out} holds a checkpoint; continue it with --resume or choose another --out.", path=out)
    dataset = recipe.dataset(out.parent, on_scenes)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    kind = torch.device(device).type
    if kind == "cuda":
        torch.set_float32_matmul_precision("high")
    model = LabelModel(LabelModelConfig.from_dict(LabelModelConfig().to_dict() | recipe.model))
    if recipe.init is not None and not checkpoint.exists():
        start = load_label_weights(recipe.init).model
        if start.config.encoder != model.config.encoder or start.config.decoder != model.config.decoder:
            raise ConfigError(f"init {recipe.init!r} holds another network than the recipe's model.", key="init")
        model.load_state_dict(start.state_dict())
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model).eval().requires_grad_(False)
    config = recipe.optimizer
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.0, weight_decay=config.weight_decay, betas=(0.9, 0.99), fused=kind == "cuda"
    )
    step, record = 0, _record(recipe)
    if checkpoint.exists():
        step, before = load_checkpoint(checkpoint, model, average, optimizer)
        refuse_other_recipe(out, step, before.get("recipe") or {}, record)
    (out / "recipe.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
    notes = {"recipe": record, "commit": code_version()}
    stop = threading.Event()
    restore = stop_on_signals(stop)
    started = saved = window = time.monotonic()
    sums, counted, samples, sha256 = [0.0, 0.0, 0.0], 0, 0, ""
    model.train()
    if config.keep_statistics:
        keep_statistics(model)
    if config.frozen:
        model.encoder.requires_grad_(False)
    try:
        for batch in _batches(dataset, step, recipe.steps, recipe.workers, pinned=kind == "cuda"):
            batch = batch.to(device)
            for group in optimizer.param_groups:
                group["lr"] = _learning_rate(step, recipe, (time.monotonic() - started) / 60)
            generator = torch.Generator(device).manual_seed(1_000_003 * recipe.seed + step)
            with torch.autocast(kind, dtype=torch.bfloat16, enabled=config.precision == "bf16"):
                loss, iou = _loss(model, batch, dataset.stage(step), generator, recipe)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            step += 1
            _update_average(average, model, min(config.ema, (1 + step) / (10 + step)))
            sums = [sums[0] + float(loss.detach()), sums[1] + (iou or 0.0), sums[2] + (iou is not None)]
            counted, samples = counted + 1, samples + len(batch.lightness)
            late = max_minutes is not None and time.monotonic() - started > 60 * max_minutes
            last = step >= recipe.steps or stop.is_set() or late
            if last or time.monotonic() - saved > _CHECKPOINT_SECONDS:
                saved = time.monotonic()
                save_checkpoint(checkpoint, model, average, optimizer, step=step, notes=notes)
                sha256 = save_label_weights(out / "weights.safetensors", average, metadata=notes | {"step": step})
            if step % _LOG_EVERY == 0 or last:
                rate = samples / (time.monotonic() - window)
                told = LabelProgress(step, recipe.steps, sums[0] / counted, sums[1] / max(sums[2], 1), rate)
                minutes = round((time.monotonic() - started) / 60, 2)
                entry = asdict(told) | {"lr": optimizer.param_groups[0]["lr"], "minutes": minutes}
                with (out / "log.jsonl").open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(entry) + "\n")
                sums, counted, samples, window = [0.0, 0.0, 0.0], 0, 0, time.monotonic()
                if on_progress is not None:
                    on_progress(told)
            if last:
                break
        else:
            sha256 = save_label_weights(out / "weights.safetensors", average, metadata=notes | {"step": step})
    finally:
        restore()
    return TrainingResult(step, recipe.steps, step >= recipe.steps, out / "weights.safetensors", sha256)


def _loss(
    model: LabelModel, batch: LabelBatch, stage: LabelStage, generator: torch.Generator, recipe: LabelRecipe
) -> tuple[torch.Tensor, float | None]:
    """Loss of a batch, and the mean intersection over union where clicks were simulated."""
    frozen = recipe.optimizer.frozen
    with torch.set_grad_enabled(not frozen):
        features = model.encoder(batch.lightness)
        # Without a gradient there is nothing that outlines and likeness could teach.
        nothing = features.embedding.new_zeros(())
        loss = nothing if frozen else dense_loss(model, features, batch, generator, recipe.loss)
    if not stage.clicks:
        return loss, None
    device = batch.group.device
    chances = torch.tensor(stage.rounds or recipe.optimizer.rounds, dtype=torch.float32, device=device)
    # Views of one series are corrected in turn.
    of_group = torch.multinomial(chances, 1 + int(batch.group.max()), replacement=True, generator=generator)
    found, _, before = simulate_and_label(model, features, batch, of_group[batch.group], generator)
    return loss + label_loss(found, batch, recipe.loss, before), mean_iou(found, batch)


def keep_statistics(model: LabelModel) -> None:
    """Normalize by the statistics gathered so far, in training as in use: few large crops are no fair sample."""
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eval()


def _learning_rate(step: int, recipe: LabelRecipe, minutes: float) -> float:
    config = recipe.optimizer
    warm = min(1.0, (step + 1) / max(config.warmup, 1))
    done = max(step / recipe.steps, minutes / config.minutes if config.minutes else 0.0)
    return config.learning_rate * warm * max(0.02, 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def _batches(dataset: LabelDataset, start: int, stop: int, workers: int, *, pinned: bool) -> Iterator[LabelBatch]:
    loader: DataLoader[LabelBatch] = DataLoader(
        dataset, batch_size=None, sampler=BatchNumbers(start, stop), num_workers=workers,
        prefetch_factor=4 if workers else None, worker_init_fn=quiet_worker, pin_memory=pinned,
    )  # fmt: skip
    yield from loader


def _update_average(average: LabelModel, model: LabelModel, decay: float) -> None:
    with torch.no_grad():
        targets: list[torch.Tensor] = list(average.parameters())
        torch._foreach_lerp_(targets, [p.detach() for p in model.parameters()], 1 - decay)
        for target, source in zip(average.buffers(), model.buffers(), strict=True):
            # Statistics are averages already.
            target.copy_(source)


def _record(recipe: LabelRecipe) -> dict[str, Any]:
    """Plain data of a recipe as it travels with weights: data folders by name, for paths tell of people."""
    record: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    for source in record["data"]["sources"]:
        source["folder"] = Path(source["folder"]).name
    for holder, key in ((record["data"], "photographs"), (record, "init")):
        if holder[key] is not None:
            holder[key] = Path(holder[key]).name
    return record
