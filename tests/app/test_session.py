"""A session without a browser: whatever front ends say, in whatever order, it lives on and has no faults of its own."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from semcolorize import Colorizer
from semcolorize.app.engine import Engine
from semcolorize.app.folder import Folder
from semcolorize.app.session import Session
from semcolorize.app.storage import Store
from semcolorize.app.worker import Worker


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(colorizer=Colorizer.load(device="cpu"))


class Desk:
    """A session, its worker, and all that was told."""

    def __init__(self, engine: Engine, tmp_path: Path, folder: Path) -> None:
        self.told: list[dict[str, Any]] = []
        self.worker = Worker()
        self.session = Session(
            engine,
            lambda header, buffers: self.told.append(header),
            self.worker.wake,
            store=Store(tmp_path / "s"),
            folder=Folder.of(folder),
        )
        self.worker.add(self.session)

    def until(self, true: Any, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.told[-5:]
            time.sleep(0.01)

    def say(self, **message: Any) -> None:
        self.session.handle(message)

    def faults(self) -> list[str]:
        return [told["text"] for told in self.told if told["type"] == "error" and "should not happen" in told["text"]]

    def close(self) -> None:
        self.session.close()
        self.worker.close()


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, scene: np.ndarray) -> Any:
    folder = tmp_path / "f"
    folder.mkdir()
    for name, part in [
        ("a.tif", scene[:300, :400]),
        ("b.tif", scene[300:700, :300]),
        ("c.png.tif", scene[:200, 500:900]),
    ]:
        tifffile.imwrite(folder / name, part.copy())
    (folder / "broken.tif").write_bytes(b"II*\0nothing")
    made = Desk(engine, tmp_path, folder)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_anything_in_any_order(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    session = desk.session

    def view() -> str:
        known = [own.id for own in session.views.listed]
        return chance.choice([*known, "gone"]) if known else "gone"

    def one() -> dict[str, Any]:
        classes = [own.id for own in session.history.document.classes]
        hints = [mark.id for marks in session.history.document.marks.values() for mark in marks] or [1]
        path = [[chance.uniform(-20, 420), chance.uniform(-20, 320)] for _ in range(chance.choice([1, 1, 2, 5]))]
        return chance.choice(
            [
                {"type": "open", "name": chance.choice(["a.tif", "b.tif", "c.png.tif", "broken.tif", "none.tif"])},
                {"type": "open-next", "step": chance.choice([-1, 1])},
                {"type": "hello"},
                {"type": "show", "view": view()},
                {"type": "close", "view": view()} if chance.random() < 0.3 else {"type": "undo"},
                {
                    "type": "add-hint",
                    "view": view(),
                    "of": chance.choice(classes),
                    "path": path,
                    "size": chance.choice([1, 7, 31]),
                },
                {
                    "type": "add-hint",
                    "view": view(),
                    "of": chance.choice(classes),
                    "path": path,
                    "size": 9,
                    "spread": "instance",
                },
                {"type": "change-hint", "view": view(), "hint": chance.choice(hints), "of": chance.choice(classes)},
                {"type": "change-hint", "view": view(), "hint": chance.choice(hints), "place": path[0]},
                {"type": "remove-hint", "view": view(), "hint": chance.choice(hints)},
                {"type": "clear-hints", "view": view()} if chance.random() < 0.2 else {"type": "redo"},
                {
                    "type": "change-class",
                    "of": chance.choice(classes),
                    "color": chance.choice(["red", "gray", "#123456", "nocolor"]),
                },
                {"type": "change-class", "of": chance.choice(classes), "visible": chance.random() < 0.5},
                {"type": "change-class", "of": chance.choice(classes), "opacity": chance.random()},
                {"type": "add-class"},
                {"type": "remove-class", "of": chance.choice(classes)},
                {"type": "palette", "name": chance.choice(["ibm", "none", "tol-bright"])},
                {"type": "options", "series": chance.random() < 0.5},
                {"type": "options", "spread": chance.choice(["alike", "instance"])},
                {
                    "type": "options",
                    "fill": "auto" if chance.random() < 0.15 else chance.choice(["gray", "contrast"]),
                    "variants": chance.choice([1, 2]),
                },
                {"type": "options", "classes": chance.choice([0, 1, 4]), "own_palette": chance.random() < 0.5},
                {"type": "options", "like": chance.choice(["", "/etc/hosts"])},
                {"type": "variant", "variant": chance.choice([0, 1, 8])},
                {"type": "uncertainty", "on": chance.random() < 0.5},
                {
                    "type": "tiles",
                    "view": view(),
                    "gray": [[0, 0, 0], [9, 9, 9]],
                    "color": [[0, 0, 0]],
                    "version": chance.randrange(40),
                },
                {"type": "export", "kind": chance.choice(["hints", "rois"])},
            ]
        )

    desk.say(type="open", name="a.tif")
    desk.until(lambda: session.views.active is not None)
    for _ in range(250):
        session.handle(one())
        if chance.random() < 0.25:
            time.sleep(chance.choice([0, 0.02, 0.2]))
    # What is shown in the end is what was said last.
    desk.say(type="options", fill="gray", series=False, spread="alike")
    desk.say(type="open", name="b.tif")
    desk.until(
        lambda: session.views.active is not None and session.views.active.name == "b.tif" and not session._tasks
    )
    view_id = session.views.active.id
    desk.say(type="clear-hints", view=view_id)
    desk.say(type="add-class", name="last")
    desk.say(type="add-hint", view=view_id, of=session.history.document.classes[-1].id, path=[[150, 200]], size=9)
    desk.until(
        lambda: (
            any(t["type"] == "picture" and t["view"] == view_id and not t["colorless"] for t in desk.told[-12:])
            or session.history.document.classes[-1].neutral
        )
    )
    assert desk.faults() == []


def test_a_file_that_is_opened_again_has_its_hints(desk: Desk) -> None:
    session = desk.session
    desk.say(type="open", name="a.tif")
    desk.until(lambda: session.views.active is not None)
    view = session.views.active.id
    desk.say(type="add-hint", view=view, of="c1", path=[[100, 100]], size=9)
    desk.say(type="close", view=view)
    assert session.views.listed == []
    desk.say(type="open", name="a.tif")
    desk.until(lambda: session.views.active is not None)
    assert len(session.history.document.of(session.views.active.id)) == 1


def test_a_broken_file_leaves_no_tab(desk: Desk) -> None:
    desk.say(type="open", name="broken.tif")
    desk.until(lambda: any(told["type"] == "error" and "broken.tif" in told["text"] for told in desk.told))
    assert desk.session.views.listed == [] and desk.faults() == []


def test_work_is_saved_and_restored_as_it_was(desk: Desk, engine: Engine, tmp_path: Path) -> None:
    session = desk.session
    desk.say(type="open", name="a.tif")
    desk.until(lambda: session.views.active is not None)
    desk.say(type="add-hint", view=session.views.active.id, of="c1", path=[[100, 100]], size=9)
    desk.say(type="change-class", of="c1", name="grain")
    saved, document = session.id, session.history.document
    session.close()
    other = Desk(engine, tmp_path, tmp_path / "f")
    try:
        other.say(type="hello")
        (listed,) = next(told for told in other.told if told["type"] == "welcome")["recent"]
        assert (listed["id"], listed["hints"]) == (saved, 1)
        other.say(type="resume", saved=saved)
        other.until(lambda: any(told["type"] == "picture" and not told["colorless"] for told in other.told))
        assert other.session.history.document == document and other.session.id == saved
        # A file that is not there any more is told, and the rest goes on.
        assert other.session.views.listed[0].beside
    finally:
        other.close()


def test_a_reference_colors_is_kept_and_taken_away(
    desk: Desk, engine: Engine, tmp_path: Path, scene: np.ndarray
) -> None:
    session = desk.session
    hints = [{"point": [207, 51], "color": "red", "size": 9}, {"point": [308, 438], "color": "lime", "size": 9}]
    reference = tmp_path / "colored.png"
    Image.fromarray(engine.colorizer.colorize(scene[:500, :600], hints).rgb[0]).save(reference)

    def upload(path: Path) -> None:
        data = path.read_bytes()
        header = {"type": "upload", "id": path.stem, "name": path.name, "size": len(data), "offset": 0}
        session.handle({**header, "purpose": "reference"}, [data])

    def colored() -> Any:
        view = session.views.active.id
        found = session.coloring.picture(view)
        prepared = {view: session.views.images.opened(session.views.active).prepared}
        return found[1] if session.coloring.fresh(session.history.document, prepared, view) else None

    desk.say(type="open", name="b.tif")
    desk.until(lambda: session.views.active is not None)
    gray = tmp_path / "gray.png"
    Image.fromarray(scene[:100, :100]).convert("RGB").save(gray)
    upload(gray)
    desk.until(lambda: any(told["type"] == "error" and "gray" in told["text"] for told in desk.told))
    assert session.history.document.options.like == ""
    upload(reference)
    desk.until(lambda: any(told["type"] == "reference" and told["name"] == "colored.png" for told in desk.told))
    desk.until(lambda: colored() is not None and not colored().colorless)
    view = session.views.active
    levels = session.views.images.opened(view).levels
    result = engine.colorizer.colorize(view.path, like=reference)
    np.testing.assert_array_equal(colored().whole(levels[0]), result.rgb[0])
    assert colored().legend == result.legend
    # Hints of one's own beside it, recolored without the model.
    desk.say(type="add-hint", view=view.id, of="c1", path=[[100, 100]], size=9)
    desk.until(lambda: colored() is not None)
    desk.say(type="change-class", of="c1", color="orange")
    desk.until(lambda: colored() is not None)
    own = session.history.document.hints(view.id)
    result = engine.colorizer.colorize(view.path, own, like=reference)
    np.testing.assert_array_equal(colored().whole(levels[0]), result.rgb[0])
    assert colored().legend == result.legend
    # The file is the window's own by now; where it lies is told to nobody.
    reference.unlink()
    state = next(told for told in reversed(desk.told) if told["type"] == "state")
    assert state["options"]["like"] == "colored.png"
    saved, document = session.id, session.history.document
    session.close()
    other = Desk(engine, tmp_path, tmp_path / "f")
    try:
        other.say(type="resume", saved=saved)
        other.until(lambda: any(told["type"] == "reference" for told in other.told))
        assert other.session.history.document == document
        other.say(type="options", like="")
        assert other.session.history.document.options.like == ""
        assert desk.faults() == other.faults() == []
    finally:
        other.close()
