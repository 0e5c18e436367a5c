"""Live images as macros use them: folders, edits and answers of a real worker with the shipped weights."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import tifffile

from semcolorize import Colorizer
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hints.model import LineHint, PointHint
from semcolorize.imagej.home import Home
from semcolorize.imagej.jobfolder import spell, unspell

RED, BLUE = "#d1495b", "#3366cc"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = Home.open(tmp_path_factory.mktemp("live ä 試料") / "sc")
    yield home
    pid = home.worker().get("pid")
    if pid and home.worker_lives():
        os.kill(pid, signal.SIGKILL)


def client(home, *words):
    line = [sys.executable, "-P", "-m", "semcolorize.imagej.client", *map(str, words)]
    environment = os.environ | {"SEMCOLORIZE_HOME": str(home.root), "OMP_NUM_THREADS": "1"}
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.fixture(scope="module")
def picture():
    """Disks on a ramp."""
    rows, columns = np.mgrid[:240, :320]
    image = 40 + columns // 8
    for row, column in ((60, 60), (60, 200), (170, 120)):
        image[(rows - row) ** 2 + (columns - column) ** 2 < 900] = 200
    return image.astype(np.uint8)


class Live:
    def __init__(self, home, picture, **about):
        self.folder = home.live_image(unspell(client(home, "live")))
        self.picture, self.about = picture, about
        self.numbers = itertools.count(1)
        self.save_image()

    def save_image(self):
        tifffile.imwrite(self.folder / "image.tif", self.picture)
        (self.folder / "image.json").write_text(json.dumps({"title": "disks"} | self.about))

    def hint(self, number, hint):
        hints_to_rois([hint])[0].tofile(self.folder / f"hint_{number}.roi")
        return f"hint_{number}.roi"

    def ask(self, **edit):
        number = next(self.numbers)
        waiting = self.folder / "edit.tmp"
        waiting.write_text(json.dumps({"edit": number} | edit))
        waiting.rename(self.folder / f"edit_{number}.json")
        return number

    def answer(self, number, seconds=60):
        path = self.folder / f"answer_{number}.txt"
        deadline = time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < deadline, f"no {path.name}: {sorted(p.name for p in self.folder.iterdir())}"
            time.sleep(0.01)
        return dict(map(unspell, line.split("=", 1)) for line in path.read_text("ascii").splitlines())

    def edit(self, *hints, classes=(("grain", RED), ("wall", BLUE)), **more):
        classes = [dict(zip(("name", "color", "opacity", "shown"), entry, strict=False)) for entry in classes]
        return self.answer(self.ask(hints=list(hints), classes=classes, **more))

    def rgb(self, answer):
        return tifffile.imread(self.folder / answer["picture"])


def point(x, y, name="grain", **more):
    return PointHint(row=y + 0.5, column=x + 0.5, size=9, lab=(50.0, 10.0, 10.0), name=name, **more)


@pytest.fixture(scope="module")
def live(home, picture):
    return Live(home, picture)


def test_an_edit_gives_the_pixels_of_the_python_call(live, picture):
    name = live.hint(1, point(60, 60))
    answer = live.edit(name)
    assert answer["state"] == "done" and answer["device"] == "cpu", answer
    expected = Colorizer.load().colorize(picture, [{"point": [60, 60], "size": 9, "color": RED}])
    np.testing.assert_array_equal(live.rgb(answer), expected.rgb[0])
    assert answer["shares"].startswith("grain=")
    # No copy of the image lies about.
    assert not (live.folder / "image.tif").exists() and not list(live.folder.glob("edit_*"))


def test_without_hints_it_is_the_micrograph(live, picture):
    np.testing.assert_array_equal(live.rgb(live.edit()), np.repeat(picture[..., None], 3, axis=2))


def test_classes_are_recolored_hidden_and_faded_without_the_model(live, monkeypatch):
    first, second = live.hint(2, point(60, 60)), live.hint(3, point(120, 170, "wall", spread="instance"))
    colored = live.rgb(live.edit(first, second)).astype(int)
    swapped = live.rgb(live.edit(first, second, classes=[("grain", BLUE), ("wall", RED)])).astype(int)
    assert colored[60, 60, 0] > colored[60, 60, 2] + 20 and swapped[60, 60, 2] > swapped[60, 60, 0] + 20
    hidden = live.rgb(live.edit(first, second, classes=[("grain", RED, 1.0, False), ("wall", BLUE)])).astype(int)
    assert np.ptp(hidden[60, 60]) <= 2
    np.testing.assert_array_equal(hidden[170, 120], colored[170, 120])
    half = live.rgb(live.edit(first, second, classes=[("grain", RED, 0.5), ("wall", BLUE)])).astype(int)
    assert 5 < np.ptp(half[60, 60]) < np.ptp(colored[60, 60]) - 5


def test_the_model_is_asked_only_where_hints_changed(monkeypatch, picture):
    from semcolorize.hints.model import HintSet
    from semcolorize.imagej import recoloring
    from semcolorize.micrograph.reading import micrograph_from_array

    calls = []
    real = recoloring.assign_series
    monkeypatch.setattr(recoloring, "assign_series", lambda *a, **k: calls.append(1) or real(*a, **k))
    drawn = recoloring.LivePicture(Colorizer.load(), micrograph_from_array(picture))
    red, blue = (50.0, 40.0, 20.0), (50.0, 0.0, -40.0)

    def hints(lab, x=60):
        return HintSet(hints=(PointHint(row=60.5, column=x + 0.5, size=9, lab=lab, name="grain"),))

    drawn.draw(hints(red))
    drawn.draw(hints(blue))
    drawn.draw(hints(blue), opacities={"grain": 0.0})
    assert len(calls) == 1
    drawn.draw(hints(blue, 61))
    assert len(calls) == 2


@pytest.mark.parametrize("path", [((20, 60), (90, 60)), ((60, 20), (60, 100))], ids=["horizontal", "vertical"])
def test_straight_strokes_are_hints(live, path):
    stroke = LineHint(path=tuple((y + 0.5, x + 0.5) for x, y in path), width=5, lab=(50, 40, 20), name="grain")
    rgb = live.rgb(live.edit(live.hint(f"s{path[0][0]}", stroke))).astype(int)
    assert rgb[60, 60, 0] > rgb[60, 60, 2] + 20


def test_clicks_that_were_overtaken_are_not_answered(live):
    numbers = [live.ask(hints=["hint_1.roi"], classes=[]) for _ in range(5)]
    assert live.answer(numbers[-1])["edit"] == str(numbers[-1])
    time.sleep(0.3)
    assert not list(live.folder.glob("edit_*"))


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"hints": ["../../etc/passwd"]}, "hints.0"),
        ({"hints": ["gone.roi"]}, "no such file"),
        ({"hints": [], "classes": [{"name": "a", "color": "red"}]}, "classes.0.color"),
        ({"hint": []}, "Did you mean hints?"),
    ],
)
def test_what_is_wrong_with_an_edit_is_told(live, edit, told):
    answer = live.answer(live.ask(**edit))
    assert answer["state"] == "failed" and told in answer["error"]
    assert live.edit("hint_1.roi")["state"] == "done"


def test_an_image_that_the_worker_does_not_hold_is_asked_for(home, live, picture):
    others = [Live(home, picture[:100]) for _ in range(4)]
    for other in others:
        assert other.edit()["state"] == "done"
    assert live.edit("hint_1.roi")["state"] == "image"
    live.save_image()
    assert live.edit("hint_1.roi")["state"] == "done"


def test_hints_of_another_slice_leave_this_one_gray(home, picture):
    stack = Live(home, picture, slice=2, slices=3)
    roi = hints_to_rois([point(60, 60)])[0]
    roi.position = 1
    roi.tofile(stack.folder / "hint_1.roi")
    answer = stack.edit("hint_1.roi")
    np.testing.assert_array_equal(stack.rgb(answer), np.repeat(picture[..., None], 3, axis=2))


def test_a_killed_worker_is_replaced_and_a_stranger_of_a_folder_is_refused(home, live, tmp_path):
    os.kill(home.worker()["pid"], signal.SIGKILL)
    assert unspell(client(home, "live", live.folder)) == str(live.folder)
    assert live.edit("hint_1.roi")["state"] == "image"
    live.save_image()
    assert live.edit("hint_1.roi")["state"] == "done"
    assert client(home, "live", tmp_path).startswith("ERROR=")


def test_a_palette_is_saved_for_a_macro_and_never_over_another(home, tmp_path):
    target = tmp_path / "Größe 試料.yaml"
    colors = spell("grain=#d1495b\nwall=#2a9d8f\n")
    assert unspell(client(home, "savepalette", spell(str(target)), "keep", colors)) == str(target)
    assert target.read_text("utf-8").splitlines() == ["grain: '#d1495b'", "wall: '#2a9d8f'"]
    again = client(home, "savepalette", spell(str(target)), "keep", colors)
    assert again.startswith("ERROR=") and "Replace, in the dialog" in again
    assert not client(home, "savepalette", spell(str(target)), "replace", colors).startswith("ERROR=")


def test_marks_are_no_hints(tmp_path, live):
    from semcolorize.hintfiles.rois import hints_from_rois

    roi = hints_to_rois([point(60, 60)])[0]
    roi.properties = {"semcolorize.marker": 1}
    assert hints_from_rois([("", roi)]) == ((), ())


def test_two_hundred_edits_leave_the_memory_flat(home, live):
    process = psutil.Process(home.worker()["pid"])
    sizes = []
    for i in range(200):
        live.hint(f"m{i}", point(20 + i, 40 + i % 150))
        state = live.edit(*(f"hint_m{k}.roi" for k in range(max(0, i - 12), i + 1)))["state"]
        assert state == "done"
        if i % 20 == 19:
            sizes.append(process.memory_info().rss / 2**20)
    print("MiB after every 20 edits:", [round(size) for size in sizes])
    assert sizes[-1] - sizes[1] < 60
    assert len(list(live.folder.glob("picture_*"))) == 1


def test_old_and_many_folders_are_cleared(tmp_path):
    home = Home.open(tmp_path / "sc")
    old, large, larger, busy = home.new_job(), home.new_live(), home.new_job(), home.new_job()
    for folder, hours in ((old, 25), (large, 3), (larger, 2), (busy, 0)):
        (folder / "image.tif").write_bytes(bytes(60 << 20) if folder != old else b"x")
        os.utime(folder, (time.time() - hours * 3600,) * 2)
    assert home.clear_old() == 3
    assert [path.name for path in home.jobs.iterdir()] == [busy.name] and not list(home.live.iterdir())
