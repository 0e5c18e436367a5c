"""Whether a file is to be colored: new, changed, failed, or done."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from semcolorize.batch.job import Job
from semcolorize.batch.ledger import Dependency, Entry, file_sha256
from semcolorize.batch.plan import PlannedFile, result_names, shown

__all__ = ["Decision", "decide", "edited_results", "hint_source"]


@dataclass(frozen=True)
class Decision:
    """What is to be done with a file.

    Attributes
    ----------
    kind : str
        ``new``, ``changed``, ``retry``, ``series``: to be colored. ``done``, ``failed``, ``skipped``: not again.
    reason : str
    touched : bool
        The input has a new time, but the same content.
    edited : tuple of str
        Results that are of another size than they were written with.
    """

    kind: str
    reason: str
    touched: bool = False
    edited: tuple[str, ...] = ()

    @property
    def to_do(self) -> bool:
        """Whether the file is to be colored."""
        return self.kind in ("new", "changed", "retry", "series")


def hint_source(job: Job, file: PlannedFile) -> str:
    """Name where a file's hints are looked for first, and the instrument's text: if these change, so may the result."""
    hints = "overlay or default" if file.hints is None else file.hints
    default = "" if job.default_hints is None else f"; default {job.spec.hints.default}"
    return shown(f"{hints}{default}; {file.sidecar or 'no text file'}")


def decide(job: Job, file: PlannedFile, entry: Entry | None, settings: str) -> Decision:
    """Compare a planned file with what the ledger says of it.

    Parameters
    ----------
    job : Job
    file : PlannedFile
        As it lies there now.
    entry : Entry or None
        As it was.
    settings : str
        Key of the settings now.
    """
    if entry is None:
        return Decision("new", "not colored yet")
    if entry.settings != settings:
        return Decision("changed", "the settings are others")
    if entry.hints != hint_source(job, file):
        return Decision("changed", "its hints or its instrument's text file came or went")
    touched = (entry.size, entry.mtime_ns) != (file.size, file.mtime_ns)
    # A file that was only copied anew, or touched, is the same.
    if touched and (entry.sha256 is None or not _same(job.input_folder / file.name, file.size, entry)):
        return Decision("changed", "the file is another")
    for dependency in entry.depends:
        if _differs(dependency):
            name = shown(os.path.basename(dependency.path))  # noqa: PTH119
            return Decision("changed", f"{name} was changed since")
    if entry.status == "failed" and entry.record.get("passing"):
        return Decision("retry", f"failed before, for no fault of its own: {entry.error}")
    if entry.status != "done":
        return Decision(entry.status, entry.error or "")
    if {output.name for output in entry.outputs} != set(result_names(job, file.name)):
        return Decision("changed", "its results have other names")
    edited = []
    for output in entry.outputs:
        try:
            info = (job.output_folder / output.name).lstat()
        except OSError:
            return Decision("changed", f"its result {shown(output.name)} is gone")
        # One that was changed by hand is somebody's work, and stays.
        if stat.S_ISREG(info.st_mode) and info.st_size != output.size:
            edited.append(output.name)
    return Decision("done", "done before", touched, tuple(edited))


def edited_results(decisions: Mapping[str, Decision]) -> list[str]:
    """A note, or none, on results that somebody changed: they stay, and what they were made of is not done again."""
    names = [shown(name) for decision in decisions.values() for name in decision.edited]
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [
        f"Changed since they were written, and left as they are: {', '.join(names[:_NAMED])}{more}. To have one made"
        " again, move it away."
    ]


_NAMED = 5


def _same(path: Path, size: int, entry: Entry) -> bool:
    try:
        return size == entry.size and file_sha256(path) == entry.sha256
    except OSError:
        return False


def _differs(dependency: Dependency) -> bool:
    try:
        info = Path(dependency.path).stat()
        if (info.st_size, info.st_mtime_ns) == (dependency.size, dependency.mtime_ns):
            return False
        return info.st_size != dependency.size or file_sha256(Path(dependency.path)) != dependency.sha256
    except OSError:
        return True
