"""The plan: which files a job colors, with which hints, into which files; nothing is opened for it.

Folders are walked once. Links to folders are followed to folders not seen otherwise, so that loops end. What
cannot work whatever the file holds (a name too long, two files with one result, a broken link) is refused here.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from semcolorize.batch.globs import glob_expression
from semcolorize.batch.job import Job
from semcolorize.errors import ConfigError
from semcolorize.micrograph.listing import Listing
from semcolorize.micrograph.own import OWN_RESULT, is_own_result
from semcolorize.micrograph.sidecar import sidecar_names

__all__ = ["RESERVED", "Plan", "PlannedFile", "make_plan", "nothing_found", "result_names", "sheet_name", "shown"]

RESERVED = frozenset({"ledger.sqlite", "ledger.sqlite-journal", ".ledger.lock", ".staging", "contact_sheet.png"})
"""What a job keeps in its output folder besides results and reports."""

_MAX_NAME = 255
"""Bytes of a file's name that common disks take."""
_TIFF = (".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file to color.

    Attributes
    ----------
    name : str
        Below the input folder, with ``/``.
    size, mtime_ns : int
    hints : str or None
        The hint file found beside it, below the input folder; None if there is none.
    sidecar : str or None
        The instrument's text file beside it.
    series : str or None
        Files of one series are colored together.
    """

    name: str
    size: int
    mtime_ns: int
    hints: str | None = None
    sidecar: str | None = None
    series: str | None = None

    @property
    def may_have_overlay(self) -> bool:
        """Whether ROIs could stand in the file itself."""
        return self.name.lower().endswith(_TIFF)


@dataclass(frozen=True)
class Plan:
    """What a job will do.

    Attributes
    ----------
    files : tuple of PlannedFile
        To color, by name.
    refused : dict
        Name to reason: files that cannot be colored.
    skipped : dict
        Name to reason: files that are left alone as the job has it.
    notes : tuple of str
        What a user should know: folders left out.
    """

    files: tuple[PlannedFile, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def groups(self) -> Iterator[tuple[PlannedFile, ...]]:
        """Yield files that are colored together: a series, or one file."""
        series: dict[str, list[PlannedFile]] = {}
        for file in self.files:
            if file.series is not None:
                series.setdefault(file.series, []).append(file)
        for file in self.files:
            if file.series is None:
                yield (file,)
            elif series[file.series][0] is file:
                yield tuple(series[file.series])


def sheet_name(series: str) -> str:
    """Return the name of a series' sheet, below the output folder."""
    folder, base = series[: len(series) - len(_base(series))], _base(series)
    ending = "_series.png"
    # A name longer than disks take is cut between characters, by what is free.
    while len(os.fsencode(base + ending)) > _MAX_NAME - 8:
        base = base[:-1]
    return folder + base + ending


def shown(name: str) -> str:
    """Return a file name for messages and reports: bytes that are no UTF-8 are spelled out."""
    return name.encode("utf-8", "backslashreplace").decode()


def result_names(job: Job, name: str) -> tuple[str, ...]:
    """Return the files made of an input, below the output folder: TIFF, JSON, legend, previews, original."""
    output = job.spec.output
    base = _base(name)
    folder = name[: len(name) - len(base)]
    tiff = output.name.format(stem=_stem(name), name=base)
    stem = tiff[: tiff.rindex(".")]
    names = [tiff, f"{stem}.json"]
    if output.legend:
        names.append(f"{stem}_legend.png")
    if output.preview == "png":
        many = output.variants > 1
        names += [f"{stem}_{i + 1}.png" for i in range(output.variants)] if many else [f"{stem}.png"]
    if output.original != "none":
        names.append(base)
    return tuple(folder + each for each in names)


def make_plan(job: Job) -> Plan:
    """Walk the input folder and say what will be done.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Plan

    Raises
    ------
    ConfigError
        If the input folder is gone or may not be read.
    """
    walk = _Walk(job)
    walk.run()
    taken: dict[str, str] = {}
    files = []
    series = re.compile(job.spec.series.by) if job.spec.series else None
    for name, info, listing in sorted(walk.found, key=lambda entry: entry[0]):
        results = result_names(job, name)
        reason = info if isinstance(info, str) else _refusal(results, taken)
        if reason is not None or isinstance(info, str):
            own = not isinstance(info, str) and is_own_result(job.input_folder / name)
            (walk.skipped if own else walk.refused)[name] = OWN_RESULT if own else reason or ""
            continue
        for result in results:
            taken[result] = name
        stem, base = _stem(name), _base(name)
        candidates = [each.format(stem=stem, name=base) for each in job.spec.hints.sidecar]
        hints = _beside(name, candidates, listing, job.input_folder)
        planned = PlannedFile(
            name, info.st_size, info.st_mtime_ns, hints, _beside(name, sidecar_names(base), listing, None),
            _series_of(series, name) if series else None,
        )  # fmt: skip
        files.append(planned)
    # Hints on one view of a series serve all.
    hinted = {file.series for file in files if file.series is not None and _may_have_hints(job, file)}
    for file in files:
        if not (_may_have_hints(job, file) or file.series in hinted):
            walk.skipped[file.name] = no_hints(job)
    kept = tuple(file for file in files if file.name not in walk.skipped)
    return Plan(kept, walk.refused, walk.skipped, tuple(walk.notes))


def no_hints(job: Job) -> str:
    """Say why a file without hints is left alone."""
    looked = ", ".join(job.spec.hints.sidecar)
    overlay = ", an overlay in the file" if job.spec.hints.overlay else ""
    return (
        f"No hints (looked for {looked}{overlay}); add some, give hints: default, or let the model color without"
        " (model: {fill: auto})."
    )


def nothing_found(job: Job) -> str:
    """Say that there is no file to color, and what was looked for."""
    inputs = job.spec.inputs
    return f"No file in {shown(str(job.input_folder))} fits inputs.pattern ({', '.join(inputs.pattern)})."


def _may_have_hints(job: Job, file: PlannedFile) -> bool:
    if file.hints is not None or job.default_hints is not None or job.colors_without_hints:
        return True
    return job.spec.hints.overlay and file.may_have_overlay


def _series_of(expression: re.Pattern[str], name: str) -> str | None:
    match = expression.fullmatch(_stem(name))
    if match is None or not match["series"]:
        return None
    return name[: len(name) - len(_base(name))] + match["series"]


def _base(name: str) -> str:
    return name[name.rfind("/") + 1 :]


def _stem(name: str) -> str:
    return posixpath.splitext(_base(name))[0]


def _beside(name: str, candidates: Iterator[str] | list[str], listing: Listing, top: Path | None) -> str | None:
    folder = name[: len(name) - len(_base(name))]
    for candidate in candidates:
        below, base = posixpath.split(candidate)
        if below and top is None:
            continue
        found = (Listing.of(top / folder / below) if below and top is not None else listing).find(base)
        place = posixpath.join(folder + below, found) if below and found else f"{folder}{found}"
        if found is None or (not below and found == _base(name)):
            continue
        if below and top is not None and not (top / place).is_file():
            continue
        # Objects that a result was saved with are no hints, until somebody edits them.
        if top is None or not place.lower().endswith(".zip") or not is_own_result(top / place):
            return place
    return None


def _refusal(results: tuple[str, ...], taken: dict[str, str]) -> str | None:
    if len(set(results)) < len(results):
        return (
            "Its result and the original that is kept beside it would have the same name; put another ending into"
            " output.name, such as {stem}_color.tif."
        )
    for result in results:
        base = _base(result)
        if len(os.fsencode(base)) > _MAX_NAME:
            return (
                f"Its result's name would have {len(os.fsencode(base))} bytes, disks take {_MAX_NAME}; shorten the"
                " file's name."
            )
        if result in taken:
            return (
                f"Its result would be {shown(result)}, as that of {shown(taken[result])}; rename one, or put {{name}}"
                " into output.name."
            )
        if result in RESERVED or result.split("/")[0] == ".staging":
            return f"Its result would be {shown(result)}, a name that the job itself needs; rename the file."
    return None


class _Walk:
    """Finds the files that match, and says what was left out."""

    def __init__(self, job: Job) -> None:
        self.found: list[tuple[str, os.stat_result | str, Listing]] = []
        self.refused: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self.notes: list[str] = []
        self._job = job
        inputs = job.spec.inputs
        self._wanted = [glob_expression(pattern) for pattern in inputs.pattern]
        self._unwanted = [(pattern, glob_expression(pattern)) for pattern in inputs.exclude]
        self._seen: dict[tuple[int, int], str] = {}
        self._links: list[tuple[str, str]] = []

    def run(self) -> None:
        top = self._job.input_folder
        try:
            own = self._job.output_folder.stat()
        except OSError:
            own = None
        if own is not None:
            # Results are no inputs.
            self._seen[own.st_dev, own.st_ino] = "the output folder"
        if not top.is_dir():
            raise ConfigError("The input folder is gone.", path=str(top), key="inputs.folder")
        self._enter("", top)
        # Folders themselves come before links to them, whatever their names.
        while self._links:
            name, path = self._links.pop(0)
            self._enter(name, Path(path), link=True)

    def _enter(self, name: str, path: Path, *, link: bool = False) -> None:
        pending = [(name, os.fspath(path), link)]
        while pending:
            name, folder, linked = pending.pop()
            if not self._is_new(name, folder, linked):
                continue
            try:
                with os.scandir(folder) as entries:
                    listing = list(entries)
            except OSError as error:
                self.refused[name or "."] = f"The folder cannot be read: {error.strerror or error}"
                continue
            names = Listing(entry.name for entry in listing)
            prefix = f"{name}/" if name else ""
            for entry in listing:
                if entry.name.startswith("."):
                    continue
                below = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append((below, entry.path, False))
                elif entry.is_symlink() and Path(entry.path).is_dir():
                    self._links.append((below, entry.path))
                elif any(wanted.fullmatch(below) for wanted in self._wanted):
                    self._take(below, entry, names)

    def _is_new(self, name: str, folder: str, linked: bool) -> bool:
        try:
            info = Path(folder).stat()
        except OSError as error:
            self.refused[name or "."] = f"The folder cannot be read: {error.strerror or error}"
            return False
        key = (info.st_dev, info.st_ino)
        before = self._seen.setdefault(key, name or ".")
        if before == (name or "."):
            return True
        if before == "the output folder":
            self.notes.append(f"{shown(name)} is the output folder: what lies in it is not colored again.")
        elif linked:
            self.notes.append(f"{shown(name)} is a link to {shown(before)}, which is in the plan already: left out.")
        return False

    def _take(self, name: str, entry: os.DirEntry[str], names: Listing) -> None:
        unwanted = next((pattern for pattern, expression in self._unwanted if expression.fullmatch(name)), None)
        if unwanted is not None:
            self.skipped[name] = f"Excluded by {unwanted}."
            return
        try:
            info: os.stat_result | str = entry.stat()
        except OSError as error:
            broken = str(error.strerror or error)
            if entry.is_symlink():
                broken = f"It is a link that leads nowhere ({broken})."
            self.found.append((name, broken, names))
            return
        assert isinstance(info, os.stat_result)
        if not stat.S_ISREG(info.st_mode):
            info = "It is not a regular file."
        self.found.append((name, info, names))
