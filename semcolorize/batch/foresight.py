"""What can be told of a file without coloring it: whether it is an image, and its hints lie inside it."""

from __future__ import annotations

from semcolorize.batch.job import Job
from semcolorize.batch.plan import PlannedFile, shown
from semcolorize.errors import ConfigError, ImageReadError, SemColorizeError
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hints.rasterize import check_hints
from semcolorize.micrograph.opening import image_shape

__all__ = ["foreseen_fault"]


def foreseen_fault(job: Job, file: PlannedFile, hints: str | None) -> str | None:
    """Say why a file will fail; None if nothing in its header and its hints speaks against it.

    Parameters
    ----------
    job : Job
    file : PlannedFile
    hints : str or None
        Which hints it gets, as the plan has it.
    """
    try:
        shape = image_shape(job.input_folder / file.name)
    except ImageReadError as error:
        return error.message
    if file.hints is not None:
        place = job.input_folder / file.hints
    elif job.default_hints is not None and hints == "the default hints":
        place = job.default_hints
    else:
        return None
    name = shown(place.name)
    try:
        check_hints(read_hints(place, palette=job.palette), shape)
        return None
    except ConfigError as error:
        lines = [f":{fault.line}" if fault.line is not None else "" for fault in error.faults]
        return " ".join(f"{name}{line}: {fault.message}" for line, fault in zip(lines, error.faults, strict=True))
    except (SemColorizeError, OSError) as error:
        return f"{name}: {' '.join(str(getattr(error, 'message', error)).splitlines())}"
