"""What a person has said so far: classes, hints on views, options. Unchangeable; an edit makes a new one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from semcolorize.color.palette import BUILTIN_PALETTES, Lab, NamedColor, Palette, parse_color
from semcolorize.errors import ConfigError, HintError
from semcolorize.hints.labels import NEUTRAL_CHROMA, label_key
from semcolorize.hints.model import Hint, HintSet, Spread

__all__ = ["GRAY", "ColorClass", "Document", "Mark", "Options"]

GRAY = "gray"
"""Id of the class of what stays gray, which is always there."""

_MOST_CLASSES = 64
_MOST_MARKS = 2000
_STARTING = ("violet", "lime", "pink", "teal")


@dataclass(frozen=True)
class ColorClass:
    """A kind of structure, and its color.

    Attributes
    ----------
    id : str
        Stays when name or color change.
    name : str
        As it stands in the legend.
    lab : tuple of 3 floats
        CIE L*, a*, b* of the swatch.
    visible : bool
        Whether the window shows its color. What is written has it in any case.
    opacity : float
        In (0, 1]: how much of the color's chroma is given; it is written like that, too.
    """

    id: str
    name: str
    lab: Lab
    visible: bool = True
    opacity: float = 1.0

    @property
    def neutral(self) -> bool:
        """Whether it stands for "stays gray"."""
        return math.hypot(*self.lab[1:]) <= NEUTRAL_CHROMA

    @property
    def given(self) -> Lab:
        """The color as it is given: its chroma times the opacity, yet never so little that it means gray."""
        if self.opacity >= 1 or self.neutral:
            return self.lab
        lightness, a, b = self.lab
        factor = max(self.opacity, min(1.0, 1.25 * NEUTRAL_CHROMA / math.hypot(a, b)))
        return lightness, a * factor, b * factor

    @property
    def hex(self) -> str:
        """Of the swatch at full opacity."""
        return NamedColor("", self.lab).hex


@dataclass(frozen=True)
class Mark:
    """A hint in the window.

    Attributes
    ----------
    id : int
        Never used again.
    of : str
        Id of its class, which has its name and color.
    hint : Hint
        Geometry, strength, limit, spread.
    """

    id: int
    of: str
    hint: Hint


@dataclass(frozen=True)
class Options:
    """How hints are read, and what is made of them: as for `semcolorize.pipeline.Colorizer.colorize`.

    With `series`, all views are colored as one specimen. No `classes` are as many as the model finds. With
    `own_palette`, automatic color has the colors of the document's classes alone. `like` is the path of a reference;
    automatic color looks at none.
    """

    spread: Spread = "alike"
    fill: Literal["gray", "contrast", "auto"] = "gray"
    variants: int = 1
    seed: int = 0
    series: bool = False
    classes: int = 0
    own_palette: bool = False
    like: str = ""


@dataclass(frozen=True)
class Document:
    """Everything that undo undoes.

    Attributes
    ----------
    classes : tuple of ColorClass
        In legend order, gray first.
    marks : mapping of str to tuple of Mark
        By view.
    options : Options
    next_id : int
        For marks and classes to come.
    """

    classes: tuple[ColorClass, ...] = field(default_factory=lambda: _starting_classes())
    marks: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    next_id: int = 100

    def of(self, view: str) -> tuple[Mark, ...]:
        """Marks on a view."""
        return self.marks.get(view, ())

    def find(self, class_id: str) -> ColorClass:
        """The class of an id; ConfigError if there is none."""
        for own in self.classes:
            if own.id == class_id:
                return own
        raise ConfigError(f"There is no class {class_id!r} any more; choose another.", key="class")

    @property
    def palette(self) -> Palette:
        """The classes as a hints file declares them."""
        return Palette({own.name: NamedColor(own.name, own.given) for own in self.classes if own.id != GRAY})

    @property
    def settings(self) -> dict[str, Any]:
        """What `semcolorize.pipeline.Colorizer.colorize` is given beside image and hints."""
        options = self.options
        given: dict[str, Any] = {"seed": options.seed, "fill": options.fill, "spread": options.spread}
        if options.fill == "auto":
            given |= {"variants": options.variants, "classes": options.classes or None, "palette": self.allowed}
        return given | {"like": self.reference}

    @property
    def reference(self) -> str | None:
        """Path of the colored micrograph whose colors like structures get; None if there is none."""
        return None if self.options.fill == "auto" else self.options.like or None

    @property
    def allowed(self) -> Palette | None:
        """Colors that automatic color is limited to; None if it may have any."""
        return self.palette if self.options.fill == "auto" and self.options.own_palette and self.palette else None

    def colors(self, views: Iterable[str]) -> bool:
        """Whether anything gives colors to views that are colored together."""
        return self.options.fill == "auto" or bool(self.options.like) or any(self.of(view) for view in views)

    def hints(self, view: str) -> HintSet:
        """Hints on a view, as the engine and the files have them."""
        return HintSet(hints=tuple(self.hint(mark) for mark in self.of(view)), palette=self.palette)

    def hint(self, mark: Mark) -> Hint:
        """A mark's hint with the name and color of its class."""
        own = self.find(mark.of)
        return replace(mark.hint, lab=own.given, name=own.name, origin=f"hint {mark.id}")

    def meaning(self, view: str) -> tuple[Any, ...]:
        """What the labels of a view depend on: equal as long as only colors and names changed."""
        neutral = {own.id: own.neutral for own in self.classes}
        return tuple((mark.of, neutral[mark.of], mark.id, mark.hint) for mark in self.of(view))

    def add_mark(self, view: str, class_id: str, hint: Hint) -> Document:
        """The document with one hint more on a view."""
        self.find(class_id)
        if sum(len(marks) for marks in self.marks.values()) >= _MOST_MARKS:
            raise HintError(f"There are {_MOST_MARKS} hints, the most that are kept; remove some first.")
        made = Mark(self.next_id, class_id, hint)
        return replace(self, marks={**self.marks, view: (*self.of(view), made)}, next_id=self.next_id + 1)

    def change_mark(self, view: str, mark_id: int, class_id: str | None = None, **changes: Any) -> Document:
        """The document with a hint of another class, strength, spread, size or place."""
        if class_id is not None:
            self.find(class_id)
        if all(mark.id != mark_id for mark in self.of(view)):
            raise HintError("This hint is not there any more.")
        made = tuple(
            Mark(mark.id, class_id or mark.of, replace(mark.hint, **changes)) if mark.id == mark_id else mark
            for mark in self.of(view)
        )
        return replace(self, marks={**self.marks, view: made})

    def remove_mark(self, view: str, mark_id: int) -> Document:
        """The document without a hint."""
        kept = tuple(mark for mark in self.of(view) if mark.id != mark_id)
        if len(kept) == len(self.of(view)):
            raise HintError("This hint is not there any more.")
        return replace(self, marks={**self.marks, view: kept})

    def clear(self, view: str) -> Document:
        """The document without the hints on a view."""
        return replace(self, marks={**self.marks, view: ()})

    def add_class(self, name: str | None = None, color: Any = None) -> Document:
        """The document with one class more: by default a color that is not used yet."""
        if len(self.classes) >= _MOST_CLASSES:
            raise ConfigError(f"There are {_MOST_CLASSES} classes, the most that are told apart; remove some first.")
        lab = self._unused() if color is None else parse_color(color)
        made = ColorClass(f"c{self.next_id}", self._free_name(name or "class"), lab)
        self._check_color(made)
        return replace(self, classes=(*self.classes, made), next_id=self.next_id + 1)

    def change_class(
        self, class_id: str, *, name: str | None = None, color: Any = None, visible: bool | None = None,
        opacity: float | None = None,
    ) -> Document:  # fmt: skip
        """The document with a class of another name, color, eye or opacity."""
        own = self.find(class_id)
        if class_id == GRAY and (name is not None or color is not None or opacity is not None):
            raise ConfigError("Gray stays gray; add a class for another color.", key="class")
        if name is not None:
            name = _clean(name)
            if not name:
                raise ConfigError("The name is empty; a class needs one, for the legend.", key="name")
            if any(name == other.name for other in self.classes if other is not own):
                raise ConfigError(f"There is a class {name!r} already; choose another name.", key="name")
            own = replace(own, name=name)
        if color is not None:
            own = replace(own, lab=parse_color(color))
        if visible is not None:
            own = replace(own, visible=visible)
        if opacity is not None:
            own = replace(own, opacity=min(max(opacity, 0.05), 1.0))
        self._check_color(own)
        return replace(self, classes=tuple(own if own.id == other.id else other for other in self.classes))

    def remove_class(self, class_id: str) -> Document:
        """The document without a class and its hints."""
        if class_id == GRAY:
            raise ConfigError("Gray cannot be removed: it is what stays as it was measured.", key="class")
        self.find(class_id)
        kept = {view: tuple(mark for mark in marks if mark.of != class_id) for view, marks in self.marks.items()}
        return replace(self, classes=tuple(own for own in self.classes if own.id != class_id), marks=kept)

    def with_palette(self, palette: Palette) -> Document:
        """The document with the colors of a palette: classes that bear its names take them, others are added.

        Classes without hints make room.
        """
        used = {mark.of for marks in self.marks.values() for mark in marks}
        made = replace(self, classes=tuple(own for own in self.classes if own.id == GRAY or own.id in used))
        for name, color in palette.items():
            own = next((own for own in made.classes if own.name == name), None)
            if own is not None and own.id != GRAY:
                made = made.change_class(own.id, color=color)
            elif not any(label_key(other.given) == label_key(color.lab) for other in made.classes):
                made = made.add_class(name, color)
        return made

    def with_hints(self, view: str, hints: HintSet) -> Document:
        """The document with the hints of a file on a view, in place of those that were there."""
        made = self.clear(view)
        for name, color in hints.palette.items():
            made, _ = made._class_of(name, color.lab)
        for hint in hints:
            made, class_id = made._class_of(hint.name, hint.lab)
            # Name and color are the class'.
            bare = replace(hint, lab=(0.0, 0.0, 0.0), name=None, origin="", position=None)
            made = made.add_mark(view, class_id, bare)
        return made

    def _class_of(self, name: str | None, lab: Lab) -> tuple[Document, str]:
        """A class of that color: one that is there, or a new one."""
        neutral = math.hypot(*lab[1:]) <= NEUTRAL_CHROMA
        for own in self.classes:
            if label_key(own.given) == label_key(lab) and (name in (None, own.name) or own.id != GRAY):
                return self, own.id
        if neutral and name in (None, GRAY):
            return self, GRAY
        same = next((own for own in self.classes if own.name == name and own.id != GRAY), None)
        used = {mark.of for marks in self.marks.values() for mark in marks}
        if same is not None and same.id not in used:
            # The file's color of a name that stands here without a hint.
            return self.change_class(same.id, color=NamedColor(same.name, lab), opacity=1.0), same.id
        made = self.add_class(name or NamedColor("", lab).hex, NamedColor("", lab))
        return made, made.classes[-1].id

    def _check_color(self, own: ColorClass) -> None:
        for other in self.classes:
            if other.id != own.id and other.id != GRAY and label_key(other.given) == label_key(own.given):
                raise ConfigError(
                    f"{own.hex} is the color of {other.name!r}; classes of one color are one class to the engine."
                    " Choose another.",
                    key="color",
                )

    def _free_name(self, wanted: str) -> str:
        wanted = _clean(wanted)[:76] or "class"
        names = {own.name for own in self.classes}
        if wanted not in names and wanted != "class":
            return wanted
        return next(name for i in range(1, len(names) + 2) if (name := f"{wanted} {i}") not in names)

    def _unused(self) -> Lab:
        used = {label_key(own.given) for own in self.classes}
        colors = [color for title in ("micrograph", "tol-bright", "okabe-ito", "tol-muted", "ibm")
                  for color in BUILTIN_PALETTES[title].values()]  # fmt: skip
        for color in colors:
            if label_key(color.lab) not in used and math.hypot(*color.ab) > 10 * NEUTRAL_CHROMA:
                return color.lab
        # More than the palettes have: around the hue circle in golden steps, which never meet again.
        angle = 2.399963 * len(self.classes)
        return 65.0, 40 * math.cos(angle), 40 * math.sin(angle)


def _clean(name: str) -> str:
    """A name as files take it: printable, on one line."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())


def _starting_classes() -> tuple[ColorClass, ...]:
    ours = BUILTIN_PALETTES["micrograph"]
    colors: Iterable[NamedColor] = (ours[name] for name in _STARTING)
    gray = ColorClass(GRAY, "stays gray", parse_color("gray"))
    return (gray, *(ColorClass(f"c{i}", f"class {i}", color.lab) for i, color in enumerate(colors, start=1)))
