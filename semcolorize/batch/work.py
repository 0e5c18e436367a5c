"""What is done to one file, in three stages that every engine runs alike: read, color, stage.

Reading and staging use the disk, coloring the model: an engine runs them side by side. A `Workbench` is what a
process needs for all of them.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcolorize.batch.ledger import Dependency, output_of
from semcolorize.batch.messages import Failed, Loaded, Request, Settings, Skipped, Staged
from semcolorize.batch.plan import shown
from semcolorize.color.lab import lightness_to_gray
from semcolorize.errors import HintError, ImageReadError, OutputError, SemColorizeError
from semcolorize.hintfiles.roi_archive import has_rois
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hints.model import HintSet
from semcolorize.hints.rasterize import check_hints
from semcolorize.micrograph.own import OWN_RESULT, is_own_result
from semcolorize.micrograph.reading import Micrograph, read_micrograph
from semcolorize.result import ColorResult, output_paths

if TYPE_CHECKING:
    from semcolorize.pipeline import Colorizer

__all__ = ["Workbench", "color_group", "failure", "is_fatal"]

_THUMBNAIL = 200
_FATAL = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "ESTALE") if hasattr(errno, name)
)
"""A disk that is full or went away concerns the whole run; a single name that cannot be, only that file."""
_OUTSIDE = _FATAL | {
    getattr(errno, name)
    for name in ("EACCES", "EPERM", "EBUSY", "EAGAIN", "EINTR", "EMFILE", "ENFILE", "ENOMEM", "ETIMEDOUT", "ETXTBSY")
    if hasattr(errno, name)
}
"""Rights, locks and shares that come and go."""


@dataclass
class Workbench:
    """What a process needs to color files: settings, and the model, loaded when first needed."""

    settings: Settings
    _colorizers: dict[str, Colorizer] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __getstate__(self) -> dict[str, Any]:
        """Send settings only: each process loads its own model."""
        return {"settings": self.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["settings"])  # type: ignore[misc]

    def colorizer(self, device: str | None = None) -> Colorizer:
        """Return the model on a device, by default the job's."""
        from semcolorize.pipeline import Colorizer

        device = device or self.settings.device
        with self._lock:
            if device not in self._colorizers:
                if self.settings.threads is not None:
                    import torch

                    # The number of threads decides the order of sums, that is, the last bits of a result.
                    torch.set_num_threads(self.settings.threads)
                self._colorizers[device] = Colorizer.load(self.settings.weights, device=device)
            return self._colorizers[device]

    def read(self, request: Request, *, in_series: bool = False) -> Loaded | Skipped | Failed:
        """Read a file and its hints; a view of a series may do without."""
        started = time.perf_counter()
        depends: tuple[Dependency, ...] = ()
        info = None
        try:
            info = Path(request.path).stat()
            if is_own_result(request.path):
                return Skipped(name=request.name, reason=OWN_RESULT, size=info.st_size, mtime_ns=info.st_mtime_ns)
            settings = self.settings
            micrograph = read_micrograph(
                request.path, page=settings.page, display_range=settings.display_range,
                allow_color=settings.allow_color, databar=settings.databar,
            )  # fmt: skip
            if _changed(info, request.path):
                raise ImageReadError("The file was written to while it was read; run again.", path=request.path)
            beside = micrograph.instrument.sidecar if micrograph.instrument else None
            depends = _dependencies([] if beside is None else [beside])
            found, origin = self._hints(request, in_series)
            if found is None:
                return Skipped(
                    name=request.name, reason=settings.no_hints, size=info.st_size, mtime_ns=info.st_mtime_ns,
                    depends=depends,
                )  # fmt: skip
            own = os.path.realpath(request.path)
            others = [path for path, _ in found.files if os.path.realpath(path) != own]
            depends += _dependencies(others)
            found = found.on(micrograph.plane)
            if in_series:
                # A hint beside the image is this view's fault, not its series'.
                check_hints(found, micrograph.shape)
            # Computed here, beside the model's work on the image before.
            _ = micrograph.lightness
            seconds = time.perf_counter() - started
            return Loaded(request, micrograph, found, origin, info, depends, seconds)
        except Exception as error:
            if isinstance(error, FileNotFoundError) and info is None:
                error = ImageReadError("The file was there when the run was planned, and is gone.", path=request.path)
            if request.hints is not None:
                depends += _dependencies([request.hints])
            return failure(request, error, info, depends)

    def _hints(self, request: Request, in_series: bool) -> tuple[HintSet | None, str]:
        """Hints of a file and where they came from: a file beside it, its own overlay, the default."""
        settings = self.settings
        if request.hints is not None:
            return read_hints(request.hints, palette=settings.palette), f"file {Path(request.hints).name}"
        if settings.overlay and request.path.lower().endswith((".tif", ".tiff")) and has_rois(request.path):
            try:
                return read_hints(request.path, palette=settings.palette), "overlay"
            except HintError as error:
                # An overlay of text and arrows is no hint; with a default there is another way.
                if settings.default_hints is None:
                    raise
                told = str(error.message)
        else:
            told = ""
        if in_series:
            return HintSet(), "those of its series"
        if settings.default_hints is not None:
            found = read_hints(settings.default_hints, palette=settings.palette)
            note = f"default, for the overlay is none: {told}" if told else "default"
            return found, note
        without = settings.options["fill"] == "auto" or settings.options.get("like") is not None
        return (HintSet(), "none") if without else (None, "none")

    def stage(self, loaded: Loaded, result: ColorResult, seconds: float) -> Staged | Failed:
        """Write a result's files into its staging folder."""
        started = time.perf_counter()
        request, output = loaded.request, self.settings.output
        folder = Path(request.staging) / request.staged
        try:
            target = folder / request.results[0]
            target.parent.mkdir(parents=True, exist_ok=True)
            if output["crop_databar"]:
                result = result.without_databar()
            notes = list(result.notes)
            scale_bar = output["scale_bar"] and loaded.micrograph.pixel_size_nm is not None
            if output["scale_bar"] and not scale_bar:
                notes.append("No scale bar was drawn: the file does not say how large a pixel is.")
            paths = output_paths(
                target, variants=output["variants"], legend=output["legend"], png=output["preview"] == "png",
                inputs=[request.path],
            )  # fmt: skip
            result.save_to(paths, scale_bar=scale_bar)
            names = [path.relative_to(folder).as_posix() for path in paths.all]
            if output["original"] != "none":
                self._keep_original(request, folder / request.results[-1])
                names.append(request.results[-1])
            assert tuple(names) == request.results, f"{names} are not {request.results}"
            outputs = tuple(output_of(folder, name) for name in names)
            record = _record(loaded, result, notes)
            times = {"read": loaded.seconds, **result.seconds, "write": time.perf_counter() - started}
            return Staged(
                name=request.name, staged=request.staged, size=loaded.info.st_size, mtime_ns=loaded.info.st_mtime_ns,
                sha256=loaded.micrograph.sha256 or "", hints=loaded.origin, depends=loaded.depends, outputs=outputs,
                seconds={**times, "total": seconds}, weights_sha256=result.provenance.weights_sha256, record=record,
                before_jpeg=_thumbnail(_gray(result.micrograph)), after_jpeg=_thumbnail(result.rgb[0]),
            )  # fmt: skip
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            return failure(request, error, loaded.info, loaded.depends, writing=True)

    def _keep_original(self, request: Request, target: Path) -> None:
        if self.settings.output["original"] == "link":
            target.symlink_to(request.path)
        else:
            shutil.copy2(request.path, target)


def color_group(colorizer: Colorizer, loaded: Sequence[Loaded], options: dict[str, Any]) -> list[ColorResult]:
    """Color files that belong together: one alone, or the views of a series with shared attention.

    The one place where a series is colored.
    """
    if len(loaded) == 1:
        return [colorizer.colorize(loaded[0].micrograph, loaded[0].hints, **options)]
    micrographs, hints = [each.micrograph for each in loaded], [each.hints for each in loaded]
    return colorizer.colorize_views(micrographs, hints, **options)


def failure(
    request: Request,
    error: BaseException,
    info: os.stat_result | None = None,
    depends: tuple[Dependency, ...] = (),
    *,
    writing: bool = False,
) -> Failed:
    """Say in words why a file failed, and whether every other would fail as well."""
    fatal = False
    trace = None
    if isinstance(error, SemColorizeError):
        text = str(error)
        fatal = is_fatal(error)
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        text = "There was not enough memory for this image. Try a smaller model.working_size or fewer variants."
    elif isinstance(error, OSError):
        text = f"{shown(str(error.filename or request.path))}: {error.strerror or error}"
        fatal = writing and error.errno in _FATAL
    else:
        text = f"Unexpected {type(error).__name__}: {error}. Please report it, with the traceback in the ledger."
    if not isinstance(error, SemColorizeError | OSError | MemoryError):
        trace = "".join(traceback.format_exception(error))
    size, mtime = (None, None) if info is None else (info.st_size, info.st_mtime_ns)
    text = text.replace("(--allow-color, allow_color=True)", "(inputs: {allow_color: true})")
    return Failed(
        name=request.name, error=_without_folders(shown(text), request), size=size, mtime_ns=mtime, depends=depends,
        trace=trace, fatal=fatal, passing=isinstance(error, OutputError) or _lies_outside(error),
    )  # fmt: skip


def _lies_outside(error: BaseException | None) -> bool:
    """Whether the system had reasons that have nothing to do with what is in the file."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _OUTSIDE:
            return True
        # Ours are raised from none, but remember what they came of.
        error = error.__cause__ or error.__context__
    return False


def _without_folders(text: str, request: Request) -> str:
    """Name files without their folders, which tell of people and machines; the file itself not at all."""
    folder = shown(os.path.join(os.path.dirname(request.path), ""))  # noqa: PTH118, PTH120
    return text.replace(folder, "").removeprefix(f"{shown(Path(request.path).name)}: ")


def is_fatal(error: BaseException) -> bool:
    """Tell whether an error in writing would meet every other file too."""
    return isinstance(error, OutputError) and error.errno in _FATAL


def _changed(info: os.stat_result, path: str) -> bool:
    now = Path(path).stat()
    return (now.st_size, now.st_mtime_ns) != (info.st_size, info.st_mtime_ns)


def _dependencies(paths: Sequence[str]) -> tuple[Dependency, ...]:
    found = []
    for path in dict.fromkeys(paths):
        try:
            info = Path(path).stat()
            with Path(path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue
        found.append(Dependency(path, info.st_size, info.st_mtime_ns, digest))
    return tuple(found)


def _record(loaded: Loaded, result: ColorResult, notes: list[str]) -> dict[str, Any]:
    micrograph = loaded.micrograph
    return {
        "shape": list(micrograph.shape),
        "databar_row": result.provenance.databar_row,
        "pixel_size_nm": None if micrograph.pixel_size_nm is None else float(f"{micrograph.pixel_size_nm:.9g}"),
        "instrument": micrograph.instrument.record() if micrograph.instrument else {},
        "hint_count": len(result.hints),
        "source": result.sheet_view().source if "series" in result.provenance.settings else "",
        "legend": result.legend_rows(),
        "device": result.provenance.device,
        "notes": [shown(note) for note in notes],
    }


def _gray(micrograph: Micrograph) -> np.ndarray:
    return np.asarray(np.rint(lightness_to_gray(micrograph.lightness) * 255), np.uint8)


def _thumbnail(picture: np.ndarray) -> bytes:
    from PIL import Image

    if picture.dtype != np.uint8:
        picture = np.rint(picture / 257).astype(np.uint8)
    image = Image.fromarray(picture)
    image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX if image.width > 800 else Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="jpeg", quality=82)
    return buffer.getvalue()
