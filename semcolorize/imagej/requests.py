"""What a macro may ask for: the schema of ``job.json``."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from semcolorize.errors import ConfigError
from semcolorize.hints.planes import Plane

__all__ = ["BatchJob", "ColorizeJob", "Job", "SaveJob", "SeriesJob", "SeriesView", "read_job"]

_LARGEST = 1 << 20

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Of a file in the job folder: no way leads out of it."""

_Count = Annotated[int, Field(ge=1)]
Axes = tuple[_Count, _Count, _Count]
"""Channel, slice, frame."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Coloring(_Strict):
    """Options that all coloring takes; those of ``semcolorize colorize``."""

    variants: Annotated[int, Field(ge=1, le=100)] = 1
    seed: Annotated[int, Field(ge=0)] = 0
    fill: Literal["default", "auto", "gray", "contrast"] = "default"
    spread: Literal["alike", "instance"] = "alike"
    steps: Annotated[int, Field(ge=0)] = 0
    databar: Annotated[str, Field(max_length=20)] = "auto"
    device: Annotated[str, Field(max_length=20)] = "auto"
    weights: str = "default"
    allow_color: bool = False


class SeriesView(_Strict):
    """One image, as saved by the macro.

    Parameters
    ----------
    image : str
        TIFF in the job folder.
    hints : str
        ROI file in the job folder; empty if there are none.
    title : str
        Of the window.
    original : str
        File the window was opened from; empty if there is none.
    slice : int
        Of the window's stack, from 1: hints of other planes are left out.
    slices : int
        Of the window's stack.
    position, size : list of int
        Channel, slice and frame, and how many there are of each.
    hyperstack, merged : bool
        Whether the window has sliders for them, and shows all channels at once.
    """

    image: FileName = "image.tif"
    hints: FileName | Literal[""] = ""
    title: str = ""
    original: str = ""
    slice: Annotated[int, Field(ge=1)] = 1
    slices: Annotated[int, Field(ge=1)] = 1
    position: Axes = (1, 1, 1)
    size: Axes = (1, 1, 1)
    hyperstack: bool = False
    merged: bool = False

    @property
    def plane(self) -> Plane:
        """What the macro saved of the window's stack."""
        return Plane(
            index=self.slice, count=self.slices, position=self.position, size=self.size,
            hyperstack=self.hyperstack, merged=self.merged,
        )  # fmt: skip


class ColorizeJob(SeriesView, _Coloring):
    """Color one image: ``result.tif``, ``result.json``, ``result_legend.png``."""

    kind: Literal["colorize"]


class SeriesJob(_Coloring):
    """Color several images as one series: ``result_1.tif`` and so on."""

    kind: Literal["series"]
    views: Annotated[list[SeriesView], Field(min_length=1, max_length=1000)]


class SaveJob(_Strict):
    """Write one variant, as the user left it: TIFF, PNG, legend and provenance beside each other.

    Parameters
    ----------
    image : str
        The slice, in the job folder, with its Info.
    label : str
        Of the slice.
    target : str
        TIFF to write.
    overwrite : bool
    """

    kind: Literal["save"]
    image: FileName = "image.tif"
    label: str = ""
    target: Annotated[str, Field(min_length=1)]
    overwrite: bool = False


class BatchJob(_Strict):
    """Run ``semcolorize batch`` on a job file.

    Parameters
    ----------
    file : str
        Path of the YAML file.
    dry_run, retry_failed : bool
    """

    kind: Literal["batch"]
    file: Annotated[str, Field(min_length=1)]
    dry_run: bool = False
    retry_failed: bool = False


Job = ColorizeJob | SeriesJob | SaveJob | BatchJob

_MODELS: dict[str, type[BaseModel]] = {
    "colorize": ColorizeJob, "series": SeriesJob, "save": SaveJob, "batch": BatchJob,
}  # fmt: skip
_JOB: TypeAdapter[Job] = TypeAdapter(Annotated[Job, Field(discriminator="kind")])


def read_job(folder: Path) -> Job:
    """Read and check ``job.json``.

    Raises
    ------
    ConfigError
        With all that is wrong with it.
    """
    path = folder / "job.json"
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ConfigError(f"The job is larger than {_LARGEST >> 20} MiB.", path=path)
        data = json.loads(content.decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError("The macro wrote no job. Was the disk full?", path=path) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"The job cannot be read: {error}.", path=path) from None
    try:
        return _JOB.validate_python(data)
    except ValidationError as error:
        faults = [ConfigError(_told(fault, data), path=path, key=_key(fault)) for fault in error.errors()]
        raise ConfigError.from_faults(faults) from None


def _key(fault: object) -> str:
    places = fault["loc"]  # type: ignore[index]
    # The first is the kind of job, by which pydantic chose.
    return ".".join(str(place) for place in places[1:]) or "kind"


def _told(fault: object, data: object) -> str:
    key, kind = _key(fault), fault["type"]  # type: ignore[index]
    if kind == "extra_forbidden":
        chosen = data.get("kind") if isinstance(data, dict) else None
        known = list(_MODELS[chosen].model_fields) if isinstance(chosen, str) and chosen in _MODELS else []
        near = difflib.get_close_matches(key, known, n=1)
        return f"{key} is not a known key." + (f" Did you mean {near[0]}?" if near else "")
    return f"{key} is {fault['input']!r:.80}: {fault['msg']}."  # type: ignore[index]
