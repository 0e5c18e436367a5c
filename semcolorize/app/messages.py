"""What a front end may ask for. Everything it says is checked here, once, before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from semcolorize.errors import ConfigError

__all__ = ["Message", "parse_message"]

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Place = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Size = Annotated[int, Field(ge=1, le=1001)]
Index = Annotated[int, Field(ge=0, le=100_000)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Hello(_Message):
    """A front end is there, perhaps again."""

    type: Literal["hello"]


class OpenFile(_Message):
    """A file of the folder, by its bare name."""

    type: Literal["open"]
    name: Name


class OpenNext(_Message):
    """The file of the folder after (or before) the one that is shown."""

    type: Literal["open-next"]
    step: Annotated[int, Field(ge=-1, le=1)] = 1


class OpenExample(_Message):
    """A procedural micrograph, for whoever has none at hand."""

    type: Literal["open-example"]


class Resume(_Message):
    """Work that was left."""

    type: Literal["resume"]
    saved: Id


class Forget(_Message):
    """Saved work that is not wanted any more."""

    type: Literal["forget"]
    saved: Id


class Upload(_Message):
    """A part of a file that was dropped or picked; its bytes come with it."""

    type: Literal["upload"]
    id: Id
    name: Name
    size: Annotated[int, Field(ge=0, le=1 << 40)]
    offset: Annotated[int, Field(ge=0, le=1 << 40)]
    purpose: Literal["image", "hints", "palette", "reference"] = "image"


class ShowView(_Message):
    """Another tab."""

    type: Literal["show"]
    view: Id


class CloseView(_Message):
    """A tab is not needed any more."""

    type: Literal["close"]
    view: Id


class AddHint(_Message):
    """A click (one place) or a stroke; x, y in pixels of the image, the corner of the first pixel being 0, 0."""

    type: Literal["add-hint"]
    view: Id
    of: Id
    path: Annotated[list[Place], Field(min_length=1, max_length=4000)]
    size: Size
    spread: Literal["alike", "instance"] | None = None


class ChangeHint(_Message):
    """Another class, reach or place for a hint."""

    type: Literal["change-hint"]
    view: Id
    hint: int
    of: Id | None = None
    spread: Literal["alike", "instance"] | None = None
    limit: bool | None = None
    place: Place | None = None


class RemoveHint(_Message):
    """A hint is taken away."""

    type: Literal["remove-hint"]
    view: Id
    hint: int


class ClearHints(_Message):
    """All hints of a view are taken away."""

    type: Literal["clear-hints"]
    view: Id


class AddClass(_Message):
    """A class more."""

    type: Literal["add-class"]
    name: Annotated[str, Field(max_length=80)] | None = None
    color: Annotated[str, Field(max_length=80)] | None = None


class ChangeClass(_Message):
    """Another name, color, eye or opacity for a class."""

    type: Literal["change-class"]
    of: Id
    name: Annotated[str, Field(max_length=80)] | None = None
    color: Annotated[str, Field(max_length=80)] | None = None
    visible: bool | None = None
    opacity: Annotated[float, Field(ge=0, le=1)] | None = None


class RemoveClass(_Message):
    """A class and its hints are taken away."""

    type: Literal["remove-class"]
    of: Id


class UsePalette(_Message):
    """A built-in palette."""

    type: Literal["palette"]
    name: Name


class SetOptions(_Message):
    """How hints are read, and what is made of them."""

    type: Literal["options"]
    spread: Literal["alike", "instance"] | None = None
    fill: Literal["gray", "contrast", "auto"] | None = None
    variants: Annotated[int, Field(ge=1, le=9)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    series: bool | None = None
    classes: Annotated[int, Field(ge=0, le=32)] | None = None
    own_palette: bool | None = None
    like: Literal[""] | None = None
    """A reference is taken away; it comes as a file."""


class ShowVariant(_Message):
    """Another proposal."""

    type: Literal["variant"]
    variant: Annotated[int, Field(ge=0, le=8)]


class ShowUncertainty(_Message):
    """The overlay of what the model is in doubt about."""

    type: Literal["uncertainty"]
    on: bool


class Undo(_Message):
    """The last edit is taken back."""

    type: Literal["undo"]


class Redo(_Message):
    """What was taken back is done again."""

    type: Literal["redo"]


class WantTiles(_Message):
    """Tiles that the front end lacks, (level, row, column), the most urgent first; in place of all it wanted before."""

    type: Literal["tiles"]
    view: Id
    gray: Annotated[list[Annotated[list[Index], Field(min_length=3, max_length=3)]], Field(max_length=400)] = []
    color: Annotated[list[Annotated[list[Index], Field(min_length=3, max_length=3)]], Field(max_length=400)] = []
    version: Annotated[int, Field(ge=0)] = 0
    variant: Annotated[int, Field(ge=0, le=8)] = 0


class Export(_Message):
    """Files of the result: to take away as one archive, beside the image, or the hints alone."""

    type: Literal["export"]
    kind: Literal["archive", "beside", "hints", "rois"]
    bits: Literal[8, 16] = 8
    scale_bar: bool = False


Message = Annotated[
    Hello | OpenFile | OpenNext | OpenExample | Resume | Forget | Upload | ShowView | CloseView | AddHint | ChangeHint
    | RemoveHint | ClearHints | AddClass | ChangeClass | RemoveClass | UsePalette | SetOptions | ShowVariant
    | ShowUncertainty | Undo | Redo | WantTiles | Export,
    Field(discriminator="type"),
]  # fmt: skip
"""Anything a front end may say."""

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Message)


def parse_message(content: object) -> Any:
    """Check what a front end said.

    Parameters
    ----------
    content : object
        Decoded JSON.

    Returns
    -------
    Message

    Raises
    ------
    ConfigError
        Saying what is wrong with it.
    """
    try:
        return _ADAPTER.validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise ConfigError(
            f"{where} is {first.get('input')!r:.80}: {first['msg'][:1].lower()}{first['msg'][1:]}."
        ) from None
