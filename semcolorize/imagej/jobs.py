"""What the worker does for each kind of job."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcolorize.errors import BridgeError, ConfigError, HintError, SemColorizeError
from semcolorize.hintfiles.roi_archive import stored_rois
from semcolorize.hintfiles.rois import hints_from_rois
from semcolorize.hints.model import HintSet
from semcolorize.imagej.jobfolder import wants_cancel
from semcolorize.imagej.requests import BatchJob, ColorizeJob, Job, LiveImage, SaveJob, SeriesJob, SeriesView
from semcolorize.imagej.saving import save_variant
from semcolorize.micrograph.reading import Micrograph, read_micrograph

if TYPE_CHECKING:
    from semcolorize.pipeline import Colorizer
    from semcolorize.result import ColorResult

__all__ = ["Cancelled", "Done", "Models", "do_job", "read_view"]

Tell = Callable[[float, str], None]
"""Takes progress from 0 to 1 and a line for the status bar."""


class Cancelled(Exception):
    """The user does not want the job any more."""


@dataclass(frozen=True)
class Done:
    """What came of a job.

    Parameters
    ----------
    text : str
        One line.
    files : tuple of str
        Names in the job folder, or paths elsewhere.
    device : str
    notes : tuple of str
    """

    text: str
    files: tuple[str, ...]
    device: str = ""
    notes: tuple[str, ...] = ()


class Models:
    """Loaded models; the last one is kept."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._colorizer: Colorizer | None = None

    def get(self, weights: str = "default", device: str = "auto") -> Colorizer:
        """Load a model, or return the one that is loaded."""
        from semcolorize.pipeline import Colorizer

        file = Path(weights)
        key = (weights, device, file.stat().st_mtime_ns if file.is_file() else None)
        if key != self._key or self._colorizer is None:
            self._key, self._colorizer = (), None
            self._colorizer = Colorizer.load(weights, device=device)
            self._key = key
        return self._colorizer


def do_job(job: Job, folder: Path, models: Models, tell: Tell) -> Done:
    """Do what a job file asks for.

    Parameters
    ----------
    job : Job
    folder : Path
        Where its files are, and where the result goes.
    models : Models
    tell : callable
        Told of progress.

    Raises
    ------
    Cancelled
    SemColorizeError
    """
    match job:
        case ColorizeJob():
            return _colorize(job, folder, models, tell)
        case SeriesJob():
            return _series(job, folder, models, tell)
        case SaveJob():
            tell(0.2, "saving")
            written = save_variant(folder / job.image, Path(job.target), label=job.label, overwrite=job.overwrite)
            return Done(f"saved {written[0].name}", tuple(str(path) for path in written))
        case BatchJob():
            return _batch(job, folder, tell)


def _colorize(job: ColorizeJob, folder: Path, models: Models, tell: Tell) -> Done:
    tell(0.05, "reading the image and the hints")
    micrograph, hints = _read(job, job, folder)
    colorizer = models.get(job.weights, job.device)
    tell(0.1, f"coloring on {colorizer.device}")
    result = colorizer.colorize(micrograph, hints, **_options(job), on_step=_on_step(folder, tell))
    _stop_if_cancelled(folder)
    tell(0.9, "writing the result")
    return _saved([("result", result)], folder, str(colorizer.device))


def _series(job: SeriesJob, folder: Path, models: Models, tell: Tell) -> Done:
    tell(0.05, f"reading {len(job.views)} images and their hints")
    views = [_read(job, view, folder) for view in job.views]
    if not any(len(hints) for _, hints in views):
        raise HintError("No image of the series has hints; put colored ROIs on at least one.")
    colorizer = models.get(job.weights, job.device)
    tell(0.1, f"coloring on {colorizer.device}")
    results = colorizer.colorize_views(
        [micrograph for micrograph, _ in views],
        [hints if len(hints) else None for _, hints in views],
        **_options(job),
        on_step=_on_step(folder, tell),
    )
    _stop_if_cancelled(folder)
    tell(0.9, "writing the results")
    named = [(f"result_{i}", result) for i, result in enumerate(results, start=1)]
    return _saved(named, folder, str(colorizer.device))


def _options(job: ColorizeJob | SeriesJob) -> dict[str, Any]:
    # Hints alone give one picture: who asks for several wants them to differ.
    unsaid = "auto" if job.variants > 1 else None
    return {
        "variants": job.variants,
        "seed": job.seed,
        "fill": unsaid if job.fill == "default" else job.fill,
        "spread": job.spread,
        "num_steps": job.steps or None,
        "databar": job.databar,
    }


def _on_step(folder: Path, tell: Tell) -> Callable[[Any], None]:
    def on_step(step: Any) -> None:
        _stop_if_cancelled(folder)
        tell(0.1 + 0.6 * step.index / max(step.count, 1), f"coloring, step {step.index} of {step.count}")

    return on_step


def _stop_if_cancelled(folder: Path) -> None:
    if wants_cancel(folder):
        raise Cancelled


def _saved(results: list[tuple[str, ColorResult]], folder: Path, device: str) -> Done:
    files: list[str] = []
    notes: list[str] = []
    for name, result in results:
        files += [path.name for path in result.save(folder / f"{name}.tif")]
        notes += [note for note in result.notes if note not in notes]
    count = sum(len(result.rgb) for _, result in results)
    return Done(f"{count} variant{'s' if count != 1 else ''} on {device}", tuple(files), device, tuple(notes))


def _read(options: ColorizeJob | SeriesJob, view: SeriesView, folder: Path) -> tuple[Micrograph, HintSet]:
    """Read an image as the macro saved it, and those of its hints that are on its slice."""
    micrograph = read_view(options, view, folder)
    if not view.hints:
        return micrograph, HintSet()
    rois = stored_rois(folder / view.hints)
    hints, skipped = hints_from_rois(rois)
    if rois and not hints:
        reasons = "\n".join(str(skip) for skip in skipped)
        advice = "Give ROIs a color: Edit > Selection > Properties, or ROI Manager > Properties."
        raise HintError(f"None of the {len(rois)} ROIs is a hint:\n{reasons}\n{advice}")
    try:
        return micrograph, HintSet(hints=hints, skipped=skipped).on(view.plane)
    except HintError as error:
        error.message = error.message.replace(" (--page)", "")
        raise


def read_view(options: ColorizeJob | SeriesJob | LiveImage, view: SeriesView, folder: Path) -> Micrograph:
    """Read an image as the macro saved it, and know it for the file that its window came from.

    Raises
    ------
    SemColorizeError
    """
    try:
        micrograph = read_micrograph(folder / view.image, databar=options.databar, allow_color=options.allow_color)
    except SemColorizeError as error:
        if "color image" in error.message:
            error.message = error.message.replace("(--allow-color, allow_color=True)", "(Color image, in the dialog)")
        error.path = view.title or error.path
        raise
    micrograph = replace(_as_original(micrograph, view, options.allow_color), plane=view.plane)
    if view.size[0] > 1:
        note = f"{view.title or 'The image'} has {view.size[0]} channels; colored is {view.plane}."
        micrograph = replace(micrograph, notes=(*micrograph.notes, note))
    return micrograph


def _as_original(micrograph: Micrograph, view: SeriesView, allow_color: bool) -> Micrograph:
    """Name the file the window came from, with its SHA-256 and metadata, if it holds these very pixels."""
    title = view.title or "image"
    named = replace(micrograph, path=title)
    if not view.original:
        return named
    try:
        original = read_micrograph(view.original, page=view.slice, allow_color=allow_color)
    except (SemColorizeError, ConfigError, ValueError, OSError):
        return named
    if original.pixels.dtype != micrograph.pixels.dtype or not np.array_equal(original.pixels, micrograph.pixels):
        return replace(
            named, notes=(*micrograph.notes, f"{title} differs from its file: it was changed since it was opened.")
        )
    return replace(
        micrograph,
        path=original.path,
        sha256=original.sha256,
        info=original.info or micrograph.info,
        # What the user set in the window comes first; inches that ImageJ made of a print's resolution are none.
        calibration=micrograph.calibration or original.calibration,
        instrument=original.instrument,
        page=original.page,
        pages=original.pages,
        notes=original.notes,
    )


def _batch(job: BatchJob, folder: Path, tell: Tell) -> Done:
    """Run the command as a process of its own: a batch may take hours, and be stopped."""
    words = [sys.executable, "-P", "-m", "semcolorize", "batch", job.file]
    words += ["--dry-run"] if job.dry_run else []
    words += ["--retry-failed"] if job.retry_failed else []
    report = folder / "report.txt"
    with report.open("wb") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(job.file).absolute().parent if Path(job.file).is_file() else folder,
            env=os.environ | {"PYTHONIOENCODING": "utf-8", "COLUMNS": "100"},
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = process.wait(timeout=0.3)
                    break
                _stop_if_cancelled(folder)
                tell(0.5, _last_line(report) or "running the batch")
        except BaseException:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
    text = report.read_text(encoding="utf-8", errors="replace")
    if code not in (0, 3):
        raise BridgeError(text.strip() or f"semcolorize batch ended with exit code {code}.")
    said = "finished" if code == 0 else "finished; some files failed"
    return Done(f"batch {said}", ("report.txt",), notes=tuple(text.splitlines()[-200:]))


def _last_line(report: Path) -> str:
    with report.open("rb") as file:
        file.seek(max(0, report.stat().st_size - 2000))
        lines = file.read().decode("utf-8", "replace").split("\n")
    filled = [line.strip() for line in lines if line.strip()]
    return filled[-1][:120] if filled else ""
