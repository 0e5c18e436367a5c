"""What passes between a run, its engine and its workers: plain data that can be sent to another machine."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semcolorize.batch.job import Job
from semcolorize.batch.ledger import Dependency, Output
from semcolorize.batch.plan import PlannedFile, result_names
from semcolorize.color.palette import Palette
from semcolorize.hints.model import HintSet
from semcolorize.micrograph.reading import Micrograph

__all__ = ["Failed", "Loaded", "Outcome", "Request", "Settings", "Skipped", "Staged", "weights_of"]


@dataclass(frozen=True)
class Settings:
    """What a job asks for, as far as it concerns a single file."""

    palette: Palette
    default_hints: str | None
    overlay: bool
    no_hints: str
    display_range: tuple[float, float] | None
    allow_color: bool
    page: int | None
    databar: str | int
    weights: str
    device: str
    threads: int | None
    options: dict[str, Any]
    output: dict[str, Any]

    @classmethod
    def of(cls, job: Job, *, no_hints: str, threads: int | None) -> Settings:
        """Collect the settings of a job."""
        spec = job.spec
        shown_over = spec.inputs.display_range
        return cls(
            palette=job.palette,
            default_hints=None if job.default_hints is None else str(job.default_hints),
            overlay=spec.hints.overlay,
            no_hints=no_hints,
            display_range=None if shown_over is None else (shown_over[0], shown_over[1]),
            allow_color=spec.inputs.allow_color,
            page=spec.inputs.page,
            databar=spec.databar,
            weights=weights_of(job.path, spec.model.weights),
            device=spec.model.device,
            threads=threads,
            options={
                "variants": spec.output.variants, "seed": spec.model.seed, "fill": spec.model.fill,
                "spread": spec.model.spread, "num_steps": spec.model.steps, "databar": spec.databar,
                "working_size": spec.model.working_size, "bits": spec.output.bits,
            } | _asked(job),
            output=spec.output.model_dump(exclude={"folder"}),
        )  # fmt: skip

    def key(self, weights_sha256: str) -> str:
        """SHA-256 of everything that a result depends on besides its files; not the engine, device or threads."""
        colors = {name: list(color.lab) for name, color in self.palette.items()}
        told = {
            **{k: v for k, v in self.options.items() if k != "like"},
            "output": self.output, "palette": colors, "weights": weights_sha256,
            "display_range": self.display_range, "allow_color": self.allow_color, "overlay": self.overlay,
        }  # fmt: skip
        if "like" in self.options:
            # Its name may change.
            told["like"] = hashlib.sha256(Path(self.options["like"]).read_bytes()).hexdigest()
        if self.page is not None:
            # Not said where nobody asked, so that results of earlier versions stay known.
            told["page"] = self.page
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _asked(job: Job) -> dict[str, Any]:
    """Options that are not said where nobody asked, so that results of earlier versions stay known."""
    like = None if job.like is None else str(job.like)
    return {k: v for k, v in (("classes", job.spec.model.classes), ("like", like)) if v is not None}


def weights_of(job: Path, named: str) -> str:
    """Bundled weights by name, others by the path seen from the job's file."""
    beside = job.absolute().parent / named
    return str(beside) if beside.is_file() else named


@dataclass(frozen=True)
class Request:
    """One file to color: paths are absolute."""

    name: str
    path: str
    hints: str | None
    results: tuple[str, ...]
    staging: str
    staged: str

    @classmethod
    def of(cls, job: Job, file: PlannedFile, staging: Path, staged: str) -> Request:
        """Make the request for a planned file, to be staged in the folder `staged` below `staging`."""
        folder = job.input_folder
        return cls(
            file.name, str(folder / file.name), None if file.hints is None else str(folder / file.hints),
            result_names(job, file.name), str(staging), staged,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A result whose files lie complete in the staging folder."""

    name: str
    staged: str
    size: int
    mtime_ns: int
    sha256: str
    hints: str
    depends: tuple[Dependency, ...]
    outputs: tuple[Output, ...]
    seconds: dict[str, float]
    weights_sha256: str
    record: dict[str, Any]
    before_jpeg: bytes = field(repr=False)
    after_jpeg: bytes = field(repr=False)
    sheet: bytes | None = field(repr=False, default=None)
    """Of the series that this is the first view of: PNG."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A file that could not be colored, and why.

    Attributes
    ----------
    fatal : bool
        Every other file would fail as well.
    passing : bool
        Nothing is wrong with the file: rights, or a file in the way of its result. Every run tries again.
    """

    name: str
    error: str
    size: int | None = None
    mtime_ns: int | None = None
    depends: tuple[Dependency, ...] = ()
    trace: str | None = None
    fatal: bool = False
    passing: bool = False


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file that was left alone, and why."""

    name: str
    reason: str
    size: int
    mtime_ns: int
    depends: tuple[Dependency, ...] = ()


Outcome = Staged | Failed | Skipped


@dataclass(frozen=True)
class Loaded:
    """A file that was read."""

    request: Request
    micrograph: Micrograph
    hints: HintSet
    origin: str
    info: os.stat_result
    depends: tuple[Dependency, ...]
    seconds: float
