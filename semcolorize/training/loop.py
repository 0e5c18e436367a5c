"""The training loop: one code path from two CPU cores to a GPU."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.utils.data import DataLoader

from semcolorize.errors import ConfigError
from semcolorize.network.conditioning import Condition
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.transfer import to_device
from semcolorize.network.weights import load_weights, save_weights
from semcolorize.training.checkpoint import load_checkpoint, save_checkpoint
from semcolorize.training.dataset import Batch, BatchDataset, BatchNumbers, stage_at
from semcolorize.training.distill import distillation_loss
from semcolorize.training.mix import FOLDERS, Stage
from semcolorize.training.objective import diffusion_loss, one_step_ab
from semcolorize.training.recipe import OptimizerConfig, Recipe

__all__ = [
    "Progress", "TrainingResult", "code_version", "learning_rate", "quiet_worker", "refuse_other_recipe",
    "stop_on_signals", "train",
]  # fmt: skip

_CHECKPOINT_SECONDS = 240.0
_LOG_EVERY = 25


@dataclass(frozen=True)
class Progress:
    """What a callback is told: `step` of `steps`, a smoothed `loss`, samples per second, gain over the prior in dB."""

    step: int
    steps: int
    loss: float
    samples_per_second: float
    gain_db: float | None


@dataclass(frozen=True)
class TrainingResult:
    """Where a run stands: `step` of `steps`, whether it is `finished`, its `weights` file, that file's SHA-256."""

    step: int
    steps: int
    finished: bool
    weights: Path
    sha256: str


def learning_rate(step: int, steps: int, config: OptimizerConfig, plateau: float = 0.0) -> float:
    """Rate at `step`: warm-up, plateau (0: the optimizer's), linear cooldown over the last ``config.cooldown``."""
    warm = min(1.0, (step + 1) / max(config.warmup, 1))
    cool = min(1.0, (steps - step) / max(config.cooldown * steps, 1))
    return (plateau or config.learning_rate) * warm * cool


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    max_minutes: float | None = None,
    device: str | torch.device = "cpu",
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Train a model after a recipe.

    Parameters
    ----------
    recipe : Recipe
    out : Path
        Folder for ``checkpoint.safetensors``, ``weights.safetensors`` (moving average, fp16), ``log.jsonl``,
        ``samples.png``, ``curves.png``, ``recipe.json``.
    resume : bool
        Go on from the checkpoint in `out`; without it, a folder that holds one is refused.
    max_minutes : float, optional
        Stop with a checkpoint after so long.
    device : str or torch.device
    on_progress : callable, optional

    Returns
    -------
    TrainingResult

    Notes
    -----
    SIGTERM and SIGINT stop the run after the step in hand, with a checkpoint. A resumed run continues with the same
    batches and noise as an uninterrupted one, for both depend on seed and step alone.
    """
    checkpoint = out / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise ConfigError(f"{out} holds a checkpoint; continue it with --resume or choose another --out.", path=out)
    # Missing data is found out before anything is written.
    validation = _validation_batch(recipe)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    model = ABDiffuser(recipe.model_config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.init is not None and not checkpoint.exists():
        _start_from(recipe.init, model)
    teacher = None
    if recipe.distill is not None and recipe.init is not None:
        teacher = load_weights(recipe.init).model.to(device).eval().requires_grad_(False)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    if torch.device(device).type == "cuda":
        # A minute for every size of crop: on the CPU it would save too little.
        model.network.compile()
    config = recipe.optimizer
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=config.weight_decay, betas=(0.9, 0.99))
    step = 0
    if checkpoint.exists():
        step, before = load_checkpoint(checkpoint, model, average, optimizer)
        refuse_other_recipe(out, step, before.get("recipe") or {}, _record(recipe))
    (out / "recipe.json").write_text(json.dumps(_record(recipe), indent=2), encoding="utf-8")

    notes = {"recipe": _record(recipe), "commit": code_version()}
    stop = threading.Event()
    restore = stop_on_signals(stop)
    started = saved = time.monotonic()
    loader = _loader(recipe, step)
    loss_sum, counted, window_started = 0.0, 0, time.monotonic()
    samples, smoothed, gain, closing = 0, 0.0, None, 0.0
    try:
        for batch in loader:
            batch = _move(batch, device)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, recipe.steps, config, stage_at(recipe.stages, step).learning_rate)
            generator = torch.Generator().manual_seed(1_000_003 * recipe.seed + step)
            with torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=config.precision == "bf16"):
                loss = _loss(model, teacher, batch, generator, recipe, step)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            step += 1
            _update_average(average, model, min(config.ema, (1 + step) / (10 + step)))
            loss_sum, counted, samples = loss_sum + float(loss.detach()), counted + 1, samples + len(batch.ab)
            # What a checkpoint took last time it will take at the end, too.
            late = max_minutes is not None and time.monotonic() - started + closing > 60 * max_minutes
            due = time.monotonic() - saved > _CHECKPOINT_SECONDS
            last = step >= recipe.steps or stop.is_set() or late
            if due or last:
                saved = time.monotonic()
                # First what cannot be made again: who asked for the end may not wait for the rest.
                save_checkpoint(checkpoint, model, average, optimizer, step=step, notes=notes)
                gain = _validate(average, _move(validation, device))
                sha256 = _write(out, average, recipe, notes | {"step": step})
                _log(out, {"step": step, "gain_db": gain, "sha256": sha256, "minutes": _minutes(started)})
                _draw(out, average, validation, device)
                closing = time.monotonic() - saved
            if step % _LOG_EVERY == 0 or last:
                rate = samples / (time.monotonic() - window_started)
                smoothed = loss_sum / counted
                _log(out, {"step": step, "loss": smoothed, "rate": rate, "lr": optimizer.param_groups[0]["lr"]})
                loss_sum, counted, samples, window_started = 0.0, 0, 0, time.monotonic()
                if on_progress is not None:
                    on_progress(Progress(step, recipe.steps, smoothed, rate, gain))
            if last:
                break
        else:
            # Nothing was left to do: a finished run was resumed.
            sha256 = _write(out, average, recipe, notes | {"step": step})
    finally:
        restore()
    finished = step >= recipe.steps
    return TrainingResult(step, recipe.steps, finished, out / "weights.safetensors", sha256)


def _write(out: Path, average: ABDiffuser, recipe: Recipe, notes: dict[str, Any]) -> str:
    """Write the weights; returns their digest."""
    return save_weights(out / "weights.safetensors", _blended(average, recipe), metadata=notes)


def _blended(model: ABDiffuser, recipe: Recipe) -> ABDiffuser:
    """What is written: the trained model, or its mean with what it started from."""
    if recipe.init is None or recipe.blend == 1:
        return model
    blended, start = copy.deepcopy(model), load_weights(recipe.init).model.state_dict()
    with torch.no_grad():
        for name, values in blended.state_dict().items():
            values.lerp_(start[name].to(values), 1 - recipe.blend)
    return blended


def _loss(
    model: ABDiffuser, teacher: ABDiffuser | None, batch: Batch, generator: torch.Generator, recipe: Recipe, step: int
) -> torch.Tensor:
    config, distill = recipe.optimizer, recipe.distill
    if teacher is not None and distill is not None and float(torch.rand((), generator=generator)) < distill.share:
        return distill.weight * distillation_loss(
            model, teacher, batch, generator, steps=distill.steps, teacher_steps=distill.teacher_steps
        )
    return diffusion_loss(
        model, batch, generator, terminal_share=config.terminal_share, knee=config.knee, min_snr=config.min_snr,
        offset_noise=stage_at(recipe.stages, step).offset_noise, relative_floor=config.relative_floor,
        likeness_weight=config.likeness_weight,
    )  # fmt: skip


def _start_from(name: str, model: ABDiffuser) -> None:
    loaded = load_weights(name)
    if loaded.model.config != model.config:
        raise ConfigError(
            f"init {name!r} holds another network than the recipe's preset; leave network out of the recipe, or init.",
            key="init",
        )
    model.load_state_dict(loaded.model.state_dict())


def _record(recipe: Recipe) -> dict[str, Any]:
    """Plain data of a recipe as it travels with weights: data folders by name, for paths tell of people."""
    record: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    for mix in (record["data"], *(stage["data"] for stage in record["stages"])):
        for key in FOLDERS:
            if mix.get(key) is not None:
                mix[key] = Path(mix[key]).name
    if record["init"] is not None:
        record["init"] = Path(record["init"]).name
    return record


def refuse_other_recipe(out: Path, step: int, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise ConfigError if a run would be resumed with another recipe than the one recorded `before`."""
    if changed := _changes(before, now):
        raise ConfigError(
            f"the recipe has changed since step {step} ({'; '.join(changed)}), so nobody could make the run again. "
            "Resume it with the recipe it was started with, or start another in a new --out with init: "
            f"{out / 'weights.safetensors'}.",
            path=out,
        )


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two records of recipes, in words; the number of workers changes nothing."""

    def flat(value: Any, key: str = "") -> dict[str, Any]:
        if isinstance(value, dict | list):
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            return {k: v for name, own in inner for k, v in flat(own, f"{key}.{name}".lstrip(".")).items()}
        return {key: value}

    old, new = flat(before), flat(now)
    keys = [key for key in old | new if old.get(key) != new.get(key) and key != "workers"]
    told = [f"{key} was {old.get(key)!r}, is {new.get(key)!r}" for key in keys[:5]]
    return told + ([f"{len(keys) - 5} more"] if len(keys) > 5 else [])


def _loader(recipe: Recipe, start: int) -> DataLoader[Batch]:
    dataset = BatchDataset(recipe.model_config, recipe.data, recipe.stages, seed=recipe.seed)
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=BatchNumbers(start, recipe.steps),
        num_workers=recipe.workers,
        prefetch_factor=4 if recipe.workers else None,
        worker_init_fn=quiet_worker,
        persistent_workers=False,
    )


def quiet_worker(_: int) -> None:
    """Set up a process that makes batches."""
    torch.set_num_threads(1)
    # The parent decides when to stop: a signal to the whole process group must not kill its workers first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _validation_batch(recipe: Recipe) -> Batch:
    size = recipe.stages[-1].size if recipe.stages else 64
    mix = replace(recipe.data, **(recipe.stages[-1].data if recipe.stages else {}) | {"views": 0.0})
    dataset = BatchDataset(recipe.model_config, mix, [Stage(1, size, 24)], seed=recipe.seed, validation=True)
    return dataset[0]


def _move(batch: Batch, device: str | torch.device) -> Batch:
    condition: Condition = batch.condition.to(device)
    labels = None if batch.labels is None else to_device(batch.labels, device)
    return Batch(condition, to_device(batch.ab, device), batch.lightness, batch.views, labels)


def _update_average(average: ABDiffuser, model: ABDiffuser, decay: float) -> None:
    with torch.no_grad():
        targets: list[torch.Tensor] = list(average.parameters())
        torch._foreach_mul_(targets, decay)
        torch._foreach_add_(targets, [p.detach() for p in model.parameters()], alpha=1 - decay)


def _validate(model: ABDiffuser, batch: Batch) -> float:
    """How much closer to the true a*b* one step comes than the propagated hints alone, in dB."""
    ab = one_step_ab(model, batch, torch.Generator().manual_seed(0))
    prior = model.ab_from(torch.zeros_like(batch.condition.prior), batch.condition)
    error, before = (ab - batch.ab).square().mean(), (prior - batch.ab).square().mean()
    return float(10 * torch.log10(before / error))


def _draw(out: Path, model: ABDiffuser, batch: Batch, device: str | torch.device) -> None:
    from semcolorize.training.pictures import draw_curves, draw_samples

    moved = _move(batch, device)
    ab = one_step_ab(model, moved, torch.Generator().manual_seed(0)).cpu()
    draw_samples(out / "samples.png", batch, ab, model.config.ab_scale)
    draw_curves(out / "curves.png", out / "log.jsonl")


def _log(out: Path, entry: dict[str, Any]) -> None:
    with (out / "log.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")


def _minutes(since: float) -> float:
    return round((time.monotonic() - since) / 60, 2)


def stop_on_signals(stop: threading.Event) -> Callable[[], None]:
    """Set an event on SIGTERM and SIGINT; what is returned puts things back."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()

    previous = {s: signal.signal(s, request) for s in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    return restore


def code_version() -> str | None:
    """Commit of the code in use, where it is a checkout."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
