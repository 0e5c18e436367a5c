"""What a macro may ask for: the schema of ``job.json``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from semcolorize.errors import ConfigError
from semcolorize.hints.planes import Plane

__all__ = [
    "BatchJob", "ColorizeJob", "Job", "LiveClass", "LiveEdit", "LiveImage", "SaveJob", "SeriesJob", "SeriesView",
    "read_job", "read_request",
]  # fmt: skip

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


class LiveImage(SeriesView):
    """An image that is being colored click by click, as the macro saved it.

    Parameters
    ----------
    databar, device, weights, allow_color
        As for any coloring.
    """

    databar: Annotated[str, Field(max_length=20)] = "auto"
    device: Annotated[str, Field(max_length=20)] = "auto"
    weights: str = "default"
    allow_color: bool = False


class LiveClass(_Strict):
    """A class of the palette: what its hints' color is, and how it is shown.

    Parameters
    ----------
    name : str
    color : str
        ``#rrggbb``.
    opacity : float
        0 to 1.
    shown : bool
    """

    name: Annotated[str, Field(max_length=200)]
    color: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
    opacity: Annotated[float, Field(ge=0, le=1)] = 1.0
    shown: bool = True


class LiveEdit(_Strict):
    """All hints of a live image after a click: what the picture is to follow.

    Parameters
    ----------
    edit : int
        Number of the edit; the answer carries it.
    hints : list of str
        ROI files in the image's folder, the later on top.
    classes : list of LiveClass
    spread : {"alike", "instance"}
        Of hints that do not say.
    """

    edit: Annotated[int, Field(ge=1)]
    hints: Annotated[list[FileName], Field(max_length=10_000)] = []
    classes: Annotated[list[LiveClass], Field(max_length=200)] = []
    spread: Literal["alike", "instance"] = "alike"


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
    data = _read_json(folder / "job.json")
    chosen = data.get("kind") if isinstance(data, dict) else None
    model = _MODELS.get(chosen) if isinstance(chosen, str) else None
    # The kind of job, by which pydantic chose, comes first in a fault's place.
    return _checked(_JOB.validate_python, data, folder / "job.json", model, 1)


_Request = TypeVar("_Request", LiveImage, LiveEdit)


def read_request(path: Path, model: type[_Request]) -> _Request:
    """Read and check a file that says one thing: `LiveImage` or `LiveEdit`.

    Raises
    ------
    ConfigError
        With all that is wrong with it.
    """
    return _checked(model.model_validate, _read_json(path), path, model, 0)


def _read_json(path: Path) -> object:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ConfigError(f"The job is larger than {_LARGEST >> 20} MiB.", path=path)
        return json.loads(content.decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError("The macro wrote no job. Was the disk full?", path=path) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"The job cannot be read: {error}.", path=path) from None


_Checked = TypeVar("_Checked")


def _checked(
    check: Callable[[object], _Checked], data: object, path: Path, model: type[BaseModel] | None, first: int
) -> _Checked:
    try:
        return check(data)
    except ValidationError as error:
        known = [] if model is None else list(model.model_fields)
        faults = [
            ConfigError(_told(fault, known, first), path=path, key=_key(fault, first)) for fault in error.errors()
        ]
        raise ConfigError.from_faults(faults) from None


def _key(fault: object, first: int) -> str:
    places = fault["loc"]  # type: ignore[index]
    return ".".join(str(place) for place in places[first:]) or "kind"


def _told(fault: object, known: list[str], first: int) -> str:
    key, kind = _key(fault, first), fault["type"]  # type: ignore[index]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(key, known, n=1)
        return f"{key} is not a known key." + (f" Did you mean {near[0]}?" if near else "")
    return f"{key} is {fault['input']!r:.80}: {fault['msg']}."  # type: ignore[index]
