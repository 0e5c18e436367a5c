"""What a person said, and undoing it: the window's document without a window."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from semcolorize.app.document import GRAY, Document
from semcolorize.app.edits import edited
from semcolorize.app.history import History
from semcolorize.app.images import View
from semcolorize.app.messages import parse_message
from semcolorize.app.state_files import document_of, plain_document
from semcolorize.color.palette import NamedColor, Palette
from semcolorize.errors import ConfigError, HintError
from semcolorize.hints.labels import label_set
from semcolorize.hints.model import HintSet, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint

ABOUT = {"width": 100, "height": 80, "bar": 70}
BLACK = (0.0, 0.0, 0.0)


def say(document: Document, **message: Any) -> Document:
    edit = edited(document, parse_message(message), ABOUT)
    assert edit is not None
    return edit.document


def click(document: Document, x: float, y: float, of: str = "c1", **more: Any) -> Document:
    return say(document, type="add-hint", view="v", of=of, path=[[x, y]], size=5, **more)


def test_a_click_names_the_pixel_and_a_stroke_keeps_eighths() -> None:
    document = click(Document(), 10.9, 20.2)
    (mark,) = document.of("v")
    assert isinstance(mark.hint, PointHint) and (mark.hint.row, mark.hint.column) == (20.5, 10.5)
    document = say(document, type="add-hint", view="v", of="c2", path=[[1.03, 2.0], [5.0, 6.99]], size=3,
                   spread="instance")  # fmt: skip
    line = document.of("v")[1].hint
    assert isinstance(line, LineHint) and line.path == ((2.0, 1.0), (7.0, 5.0)) and line.spread == "instance"
    assert [hint.name for hint in document.hints("v")] == ["class 1", "class 2"]


def test_hints_outside_and_in_the_data_bar_are_refused() -> None:
    with pytest.raises(HintError, match="outside of the image, which is 100 x 80"):
        click(Document(), 200, 10)
    with pytest.raises(HintError, match="data bar .from row 70"):
        click(Document(), 10, 75)
    with pytest.raises(ConfigError, match="no class 'gone'"):
        click(Document(), 10, 10, of="gone")


def test_opacity_draws_to_gray_and_never_means_gray() -> None:
    document = Document()
    own = document.find("c1")
    half = document.change_class("c1", opacity=0.5).find("c1")
    assert half.given == (own.lab[0], own.lab[1] / 2, own.lab[2] / 2) and half.lab == own.lab
    pale = document.add_class("pale", "#98908f")
    faint = pale.change_class(pale.classes[-1].id, opacity=0.05)
    hints = click(faint, 10, 10, of=pale.classes[-1].id).hints("v")
    # It is a label still, not a hint to stay gray.
    assert len(label_set(tuple(hints), "alike")) == 1


def test_classes_keep_apart() -> None:
    document = Document()
    with pytest.raises(ConfigError, match="is the color of 'class 2'"):
        document.change_class("c1", color=NamedColor("", document.find("c2").lab))
    with pytest.raises(ConfigError, match="already"):
        document.change_class("c1", name=" class  2 ")
    with pytest.raises(ConfigError, match="empty"):
        document.change_class("c1", name="  ")
    with pytest.raises(ConfigError, match="stays gray"):
        document.change_class(GRAY, color="red")
    with pytest.raises(ConfigError, match="cannot be removed"):
        document.remove_class(GRAY)
    for _ in range(59):
        document = document.add_class()
    assert len({own.name for own in document.classes}) == len(document.classes) == 64
    with pytest.raises(ConfigError, match="64 classes"):
        document.add_class()


def test_a_class_takes_its_hints_along_when_it_goes() -> None:
    document = click(click(Document(), 10, 10), 20, 20, of="c2")
    document = document.remove_class("c1")
    assert [mark.of for mark in document.of("v")] == ["c2"]


def test_a_palette_colors_the_classes_of_its_names_and_adds_the_rest() -> None:
    document = click(say(Document(), type="change-class", of="c1", name="grain"), 10, 10)
    made = document.with_palette(Palette({"grain": "#d1495b", "wall": "seagreen"}, title="house"))
    assert [(own.name, own.hex) for own in made.classes[1:]] == [("grain", "#d1495b"), ("wall", "#2e8b57")]
    assert made.hints("v").hints[0].name == "grain"


def test_hints_of_a_file_find_their_classes() -> None:
    rings = (((1, 2), (3, 4), (9, 1)), ((0, 0), (1, 0), (0, 1)))
    shapes: list[Any] = [Rectangle(1, 2, 3, 4), Oval(1, 2, 3, 4), Polygons(rings)]
    palette = Palette({"grain": "#d1495b", "keep": "gray"})
    grain, keep = palette["grain"].lab, palette["keep"].lab
    given = HintSet(
        hints=(
            *(RegionHint(lab=grain, name="grain", shape=shape, strength=0.5, limit=True) for shape in shapes),
            PointHint(lab=keep, name="keep", row=4.5, column=5.5), PointHint(lab=keep, row=4.5, column=5.5),
            PointHint(lab=(50.0, 60.0, 10.0), row=4.5, column=5.5),
        ),
        palette=palette,
    )  # fmt: skip
    document = click(Document(), 10, 10).with_hints("v", given)
    again = document.hints("v")
    assert [hint.lab for hint in again] == [hint.lab for hint in given]
    assert [hint.name for hint in again][:4] == ["grain"] * 3 + ["keep"]
    assert [replace(hint, name=None, origin="") for hint in again] == [replace(hint, name=None) for hint in given]
    # Twice is once.
    assert document.with_hints("v", given).classes == document.classes


def test_what_labels_depend_on_is_not_the_color() -> None:
    document = click(Document(), 10, 10)
    meaning = document.meaning("v")
    for other in (document.change_class("c1", color="red"), document.change_class("c1", name="x", opacity=0.4)):
        assert other.meaning("v") == meaning
    assert document.change_class("c1", color="gray").meaning("v") != meaning
    assert click(document, 20, 20).meaning("v") != meaning


def test_undo_redo_and_joined_edits() -> None:
    history = History()
    history.edit(click(history.document, 10, 10), "the click", "v")
    for opacity in (0.9, 0.8, 0.7):
        history.edit(history.document.change_class("c1", opacity=opacity), "the opacity", join="c1 opacity")
    assert history.undoable == "the opacity"
    assert history.undo() == ("the opacity", "") and history.document.find("c1").opacity == 1
    assert history.redoable == "the opacity"
    assert history.undo() == ("the click", "v") and not history.document.of("v") and history.undo() is None
    history.redo()
    first = history.document.of("v")[0].id
    history.undo()
    history.edit(click(history.document, 30, 30), "the click", "v")
    # What was undone is gone, and its id is not given again.
    assert history.redo() is None and history.document.of("v")[0].id != first
    assert not history.edit(history.document, "nothing")


def test_saved_work_is_read_back_and_damaged_work_is_told() -> None:
    document = click(click(Document(), 10, 10), 20, 20, of=GRAY, spread="instance")
    document = say(document, type="options", fill="auto", variants=3, seed=7, classes=4, own_palette=True)
    shape = Polygons((((1.5, 2), (3, 4), (9, 1)),))
    document = document.with_hints("w", HintSet(hints=(RegionHint(lab=(50.0, 50.0, 0.0), shape=shape),)))
    state = json.loads(json.dumps(plain_document(document, [View("v", "x.tif")], "v")))
    assert document_of(state) == document
    nobody = {"v": [{"id": 1, "of": "nobody"}]}
    for damage in ({"version": 9}, {"classes": None}, {"marks": nobody}, {"options": {"x": 1}}):
        with pytest.raises(ConfigError, match="cannot be read|no class"):
            document_of({**state, **damage})


@pytest.mark.parametrize(
    "wrong",
    [
        None, [], "hello", {"type": "add-hint"}, {"type": "change-hint", "view": "v", "hint": "1"},
        {"type": "show", "view": "../x"}, {"type": "options", "variants": 10}, {"type": "options", "variants": True},
        {"type": "options", "like": "/home/somebody/secret.png"}, {"type": "options", "classes": 33},
        {"type": "add-hint", "view": "v", "of": "c1", "path": [[float("nan"), 0]], "size": 5},
        {"type": "add-hint", "view": "v", "of": "c1", "path": [[1, 2, 3]], "size": 5},
        {"type": "export", "kind": "../../x"}, {"type": "change-class", "of": "c1", "name": "x" * 81},
    ],
)  # fmt: skip
def test_messages_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        parse_message(wrong)
