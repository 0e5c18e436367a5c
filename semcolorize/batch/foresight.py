"""What can be told of a file without coloring it: whether it is an image, and its hints lie inside it."""

from __future__ import annotations

from pathlib import Path

from semcolorize.batch.job import Job
from semcolorize.batch.plan import PlannedFile, shown
from semcolorize.errors import ConfigError, SemColorizeError
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hints.rasterize import check_hints
from semcolorize.micrograph.decoding import quiet_libraries

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
    shape = _shape(job.input_folder / file.name)
    if shape is None:
        return "its header cannot be read as an image's: empty, damaged, or something else"
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


def _shape(path: Path) -> tuple[int, int] | None:
    """Rows and columns as the header has them; None if it cannot be read."""
    import tifffile
    from PIL import Image

    with quiet_libraries():
        try:
            if path.suffix.lower() in (".tif", ".tiff"):
                with tifffile.TiffFile(path) as tiff:
                    page = tiff.pages.first
                    return page.imagelength, page.imagewidth
            with Image.open(path) as picture:
                return picture.height, picture.width
        except Exception:
            return None
