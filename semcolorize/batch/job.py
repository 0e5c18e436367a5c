"""Jobs: what to color, how, and where it goes, in one YAML file.

One line is a job; everything has a default that does the right thing::

    inputs: data/2026-11

and everything can be said::

    inputs:  {folder: data/2026-11, pattern: "**/*.tif", exclude: ["**/*_nav*"], page: 1}
    output:  {folder: colored, name: "{stem}_color.tif", variants: 1, original: link, preview: png}
    hints:   {sidecar: ["{stem}.hints.yaml", "{stem}.zip"], default: house.hints.yaml}
    palette: house_palette.yaml
    series:  {by: "(?P<series>.+)_tilt[0-9]+"}
    databar: auto
    model:   {weights: default, device: auto, steps: null, fill: gray, spread: alike, seed: 0}
    engine:  {kind: local, workers: 1}

Folders and files are relative to the job's own folder. All faults are reported at once, with lines.
"""

from __future__ import annotations

import hashlib
import os
import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from semcolorize.batch.globs import glob_expression
from semcolorize.color.palette import Palette, did_you_mean
from semcolorize.errors import ConfigError, HintError, SemColorizeError
from semcolorize.hintfiles.validate import validate_source
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hintfiles.yaml_palettes import palette_in
from semcolorize.hintfiles.yaml_source import YamlSource, load_yaml
from semcolorize.micrograph.databar import parse_databar

__all__ = ["JOB_KEYS", "Job", "JobSpec", "read_job"]

JOB_KEYS = ("inputs", "output", "hints", "palette", "series", "databar", "model", "engine")

_PATTERNS = ["**/*.tif", "**/*.tiff"]
_SIDECARS = ["{stem}.hints.yaml", "{stem}.hints.yml", "{stem}.zip", "{stem}_RoiSet.zip", "{stem}.roi"]
_NESTED_REPEAT = re.compile(r"[+*}]\??\)[+*{]")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _fields_of(template: str) -> list[str]:
    try:
        return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ValueError(f"{template!r} is no name pattern ({error}); write it like {{stem}}_color.tif") from None


def _template(value: str) -> str:
    for name in _fields_of(value):
        if name not in ("stem", "name"):
            near = did_you_mean(name, ("stem", "name")) or " Known are {stem} and {name}."
            raise ValueError(f"{{{name}}} in {value!r} is not known.{near}")
    if "\0" in value:
        raise ValueError(f"{value!r} holds a NUL character")
    return value


def _output_name(value: str) -> str:
    _template(value)
    if not _fields_of(value):
        raise ValueError(f"{value!r} names the same file for every input; {{stem}} or {{name}} must be in it")
    if "/" in value or "\\" in value:
        raise ValueError(f"{value!r} holds a folder; the folder belongs into output.folder")
    if Path(value).suffix.lower() not in (".tif", ".tiff"):
        raise ValueError(f"{value!r} does not end in .tif or .tiff; results are TIFF (for PNG too: preview: png)")
    return value


def _pattern(value: str) -> str:
    if "\0" in value or "\\" in value or Path(value).is_absolute() or ".." in value.split("/"):
        raise ValueError(f"{value!r} is no pattern below the input folder; write it like **/*.tif, with / for folders")
    glob_expression(value)
    return value


def _sidecar(value: str) -> str:
    _template(value)
    if not _fields_of(value):
        raise ValueError(f"{value!r} names the same file for every input; that is what hints.default is for")
    return value


def _expression(value: str) -> str:
    try:
        compiled = re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None
    if "series" not in compiled.groupindex:
        raise ValueError(f"{value!r} must name the series with (?P<series>...), as in (?P<series>.+)_tilt[0-9]+")
    if _NESTED_REPEAT.search(value):
        raise ValueError(f"{value!r} repeats a repetition, which can take forever on some names; write it simpler")
    return value


def _rows(value: Any) -> Any:
    try:
        return parse_databar(value)
    except (ConfigError, TypeError):
        raise ValueError(f"{value!r} is not accepted; auto, none, or a number of rows at the bottom is") from None


def _device(value: str) -> str:
    # Whether it is there is seen where the job runs: that may be another machine.
    if re.fullmatch("auto|cpu|cuda(:[0-9]+)?", value) is None:
        raise ValueError(f"{value!r} is not known; auto, cpu, cuda or cuda:N is accepted")
    return value


def _working_size(value: Any) -> Any:
    if isinstance(value, str) and value.lower() == "full":
        return "full"
    if isinstance(value, int) and not isinstance(value, bool) and 16 <= value <= 16384:
        return value
    raise ValueError(f"{value!r} is not accepted; a number of pixels from 16 to 16384, or full, is")


_Text = Annotated[str, Field(min_length=1, max_length=1000)]
_Patterns = Annotated[list[Annotated[_Text, AfterValidator(_pattern)]], BeforeValidator(_listed), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class InputsPart(_Part):
    """Which files."""

    folder: _Text
    pattern: _Patterns = _PATTERNS
    exclude: Annotated[list[Annotated[_Text, AfterValidator(_pattern)]], BeforeValidator(_listed)] = []
    allow_color: bool = False
    page: Annotated[int, Field(ge=1)] | None = None
    display_range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None


class OutputPart(_Part):
    """Where results go, and which."""

    folder: _Text = "colored"
    name: Annotated[_Text, AfterValidator(_output_name)] = "{stem}_color.tif"
    variants: Annotated[int, Field(ge=1, le=100)] = 1
    bits: Literal[8, 16] = 8
    original: Literal["copy", "link", "none"] = "none"
    preview: Literal["png", "none"] = "none"
    legend: bool = True
    crop_databar: bool = False
    scale_bar: bool = False


class HintsPart(_Part):
    """Where each file's hints are."""

    sidecar: Annotated[list[Annotated[_Text, AfterValidator(_sidecar)]], BeforeValidator(_listed)] = _SIDECARS
    overlay: bool = True
    default: _Text | None = None


class SeriesPart(_Part):
    """Which files belong together."""

    by: Annotated[_Text, AfterValidator(_expression)]


class ModelPart(_Part):
    """How to color."""

    weights: _Text = "default"
    device: Annotated[_Text, AfterValidator(_device)] = "auto"
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    fill: Literal["auto", "gray", "contrast"] | None = None
    classes: Annotated[int, Field(ge=1, le=32)] | None = None
    spread: Literal["alike", "instance"] = "alike"
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    working_size: Annotated[int | str, BeforeValidator(_working_size)] = 512


class EnginePart(_Part):
    """What it runs on."""

    kind: Literal["local", "dask"] = "local"
    workers: Annotated[int, Field(ge=1, le=1000)] = 1
    scheduler: _Text | None = None
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None


def _inputs(value: Any) -> Any:
    return {"folder": value} if isinstance(value, str) else value


class JobSpec(_Part):
    """A job as it stands in the file; see the module for what it looks like."""

    inputs: Annotated[InputsPart, BeforeValidator(_inputs)]
    output: Annotated[OutputPart, BeforeValidator(_inputs)] = OutputPart()
    hints: HintsPart = HintsPart()
    palette: Any = None
    like: _Text | None = None
    series: SeriesPart | None = None
    databar: Annotated[str | int, BeforeValidator(_rows)] = "auto"
    model: ModelPart = ModelPart()
    engine: EnginePart = EnginePart()


@dataclass(frozen=True)
class Job:
    """A job that was read and found right, its files looked up.

    Attributes
    ----------
    path : Path
        The job file.
    spec : JobSpec
        As it stands there.
    input_folder, output_folder : Path
        Absolute.
    palette : Palette
    default_hints : Path or None
        For files without hints of their own.
    like : Path or None
        Colored micrograph whose colors all files get.
    files : tuple of (path, SHA-256)
        Palette, default hints and reference: what the results depend on besides the job itself.
    source : YamlSource
        For errors that point at lines.
    """

    path: Path
    spec: JobSpec
    input_folder: Path
    output_folder: Path
    palette: Palette
    default_hints: Path | None
    like: Path | None
    files: tuple[tuple[str, str], ...]
    source: YamlSource = field(repr=False, compare=False)

    @property
    def colors_without_hints(self) -> bool:
        """Whether files that have no hints are colored all the same."""
        return self.spec.model.fill == "auto" or self.like is not None


def read_job(path: str | os.PathLike[str]) -> Job:
    """Read a job and everything it names.

    Parameters
    ----------
    path : str or path-like
        ``job.yaml``.

    Returns
    -------
    Job

    Raises
    ------
    ConfigError
        With all faults at once, each with file and line: unknown keys, wrong values, missing folders, faulty
        palettes and default hints.
    """
    source = load_yaml(path)
    faults: list[ConfigError] = []
    spec: JobSpec | None = None
    try:
        spec = validate_source(JobSpec, source)
    except ConfigError as error:
        faults += error.faults
    # The parts that are right are looked up all the same, so that a user mends the file once.
    home = Path(os.path.abspath(path)).parent  # noqa: PTH100 (resolve() would follow links)
    palette, files = Palette(), tuple[tuple[str, str], ...]()
    try:
        if source.data.get("palette") is not None:
            palette, files = palette_in(source)
    except ConfigError as error:
        faults += error.faults
    inputs = _looked_up(lambda: _input_folder(source, home), faults)
    default, more = _looked_up(lambda: _default_hints(source, home, palette), faults) or (None, ())
    like, reference = _looked_up(lambda: _reference(source, home), faults) or (None, ())
    if spec is not None and inputs is not None:
        output = home / Path(spec.output.folder).expanduser()
        _looked_up(lambda: _check_folders(source, inputs, output), faults)
    if faults:
        own = source.path
        raise ConfigError.from_faults(sorted(faults, key=lambda fault: (fault.path != own, fault.line or 0)))
    assert spec is not None and inputs is not None
    return Job(Path(path), spec, inputs, output, palette, default, like, (*files, *more, *reference), source)


def _looked_up(look: Callable[[], Any], faults: list[ConfigError]) -> Any:
    try:
        return look()
    except ConfigError as error:
        faults += error.faults
        return None


def _input_folder(source: YamlSource, home: Path) -> Path | None:
    inputs = source.data.get("inputs")
    keys: tuple[str | int, ...] = ("inputs",)
    if isinstance(inputs, dict):
        keys, inputs = ("inputs", "folder"), inputs.get("folder")
    if not isinstance(inputs, str) or not inputs:
        return None
    if "\0" in inputs:
        raise source.fault("inputs: a folder name cannot hold a NUL character.", keys)
    folder = home / Path(inputs).expanduser()
    if not folder.is_dir():
        what = "is a file; give the folder it lies in" if folder.exists() else "does not exist"
        raise source.fault(f"inputs: the folder {str(folder)!r} {what}.", keys)
    return folder


def _reference(source: YamlSource, home: Path) -> tuple[Path | None, tuple[tuple[str, str], ...]]:
    name = source.data.get("like")
    if not isinstance(name, str) or not name:
        return None, ()
    place = home / Path(name).expanduser()
    if "\0" in name or not place.is_file():
        raise source.fault(f"like: there is no file {str(place)!r}; a colored micrograph is needed.", ("like",))
    with place.open("rb") as stream:
        return place.absolute(), ((str(place), hashlib.file_digest(stream, "sha256").hexdigest()),)


def _default_hints(
    source: YamlSource, home: Path, palette: Palette
) -> tuple[Path | None, tuple[tuple[str, str], ...]]:
    hints = source.data.get("hints")
    name = hints.get("default") if isinstance(hints, dict) else None
    if not isinstance(name, str) or not name:
        return None, ()
    keys = ("hints", "default")
    place = home / name
    if "\0" in name or not place.is_file():
        raise source.fault(f"hints.default: there is no file {str(place)!r}.", keys)
    try:
        found = read_hints(place, palette=palette)
    except ConfigError as error:
        raise error
    except (HintError, SemColorizeError) as error:
        raise source.fault(f"hints.default: {error}", keys) from None
    return place, found.files


def _check_folders(source: YamlSource, inputs: Path, output: Path) -> None:
    """Refuse an output folder whose results would be taken for inputs."""
    into, origin = output.resolve(), inputs.resolve()
    if into == origin or into in origin.parents:
        what = "is the input folder" if into == origin else "holds the input folder"
        raise source.fault(
            f"output.folder: {str(output)!r} {what}, so that results would be taken for inputs; choose another, such"
            " as colored.",
            ("output", "folder"),
        )
    if output.exists() and not output.is_dir():
        raise source.fault(f"output.folder: {str(output)!r} is a file; give a folder.", ("output", "folder"))
