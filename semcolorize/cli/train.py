"""``semcolorize train``: a model after a recipe."""

from __future__ import annotations

import re
from pathlib import Path

import click

from semcolorize.cli.progress import progress_bar
from semcolorize.errors import SemColorizeError

__all__ = ["command"]


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run. Default: runs/RECIPE.")
@click.option(
    "--data",
    "data_folder",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="here",
    help="Where relative data folders of the recipe start.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in the folder of the run.")
@click.option(
    "--max-minutes", type=click.FloatRange(min=0, min_open=True), help="Stop with a checkpoint after so long."
)
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE",
    help="In place of what the recipe says, as often as needed: --set optimizer.terminal_share=0.25.",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    recipe: Path, out: Path | None, data_folder: Path, resume: bool, max_minutes: float | None,
    changes: tuple[str, ...], device: str,
) -> None:  # fmt: skip
    """Train a model after RECIPE: a YAML file, or the name of a bundled recipe.

    Bundled are labels, labels_larger, labels_gpu and labels_hints (how the shipped label model was made, one after the
    other), colors (the shipped color denoiser), compact, refine and modes (the shipped AB-diffuser), finetune (your own
    colored micrographs, in a folder micrographs), distill and thesis; each says in its head what it needs.

    Writes checkpoints every few minutes and on SIGTERM, weights.safetensors, log.jsonl, samples.png and curves.png.
    A resumed run goes on exactly where it stopped, with the recipe it was started with.

    \b
    Example:
      semcolorize train compact --data training_data --out runs/compact --max-minutes 60
    """
    from semcolorize.network.sampling import resolve_device
    from semcolorize.training.class_colors import ClassColorRecipe, train_class_colors
    from semcolorize.training.label_loop import LabelProgress, train_labels
    from semcolorize.training.label_recipe import LabelRecipe
    from semcolorize.training.loop import Progress, train
    from semcolorize.training.recipe import read_recipe

    plan = read_recipe(recipe, data_folder=data_folder, changes=changes)
    folder = out if out is not None else Path("runs") / recipe.stem
    if resume and not (folder / "checkpoint.safetensors").exists():
        click.echo(f"note: {folder} holds no checkpoint to go on from; a new run starts there.", err=True)
    with progress_bar("training", lines_every=60) as update:

        def show(progress: Progress) -> None:
            gain = "" if progress.gain_db is None else f", {progress.gain_db:+.2f} dB over propagated hints"
            rate = progress.samples_per_second
            note = f"loss {progress.loss:.4f}, {rate:.{int(rate < 10)}f} samples/s{gain}"
            update(progress.step, progress.steps, note)

        def show_labels(progress: LabelProgress) -> None:
            rate = progress.samples_per_second
            seen = f", IoU {progress.iou:.3f}" if progress.iou else ""
            note = f"loss {progress.loss:.4f}, {rate:.{int(rate < 10)}f} samples/s{seen}"
            update(progress.step, progress.steps, note)

        try:
            if isinstance(plan, ClassColorRecipe):
                result = train_class_colors(
                    plan, folder, max_minutes=max_minutes, device=resolve_device(device),
                    on_progress=lambda step, steps, loss: update(step, steps, f"loss {loss:.4f}"),
                    on_scenes=lambda done, count: update(done, count, "describing scenes"),
                )  # fmt: skip
            elif isinstance(plan, LabelRecipe):
                result = train_labels(
                    plan, folder, resume=resume, max_minutes=max_minutes, device=resolve_device(device),
                    on_progress=show_labels, on_scenes=lambda done, count: update(done, count, "making scenes"),
                )  # fmt: skip
            else:
                result = train(
                    plan, folder, resume=resume, max_minutes=max_minutes, device=resolve_device(device),
                    on_progress=show,
                )  # fmt: skip
        except (MemoryError, RuntimeError) as error:
            # Torch's own has no class of its own on the CPU.
            if not isinstance(error, MemoryError) and not re.search("allocate memory|out of memory", str(error)):
                raise
            raise SemColorizeError(
                "not enough memory for this recipe: use a smaller size or batch in its stages, or fewer workers."
            ) from error
    state = "finished" if result.finished else "stopped; continue with --resume"
    click.echo(f"{result.weights}  step {result.step} of {result.steps}, {state}")
