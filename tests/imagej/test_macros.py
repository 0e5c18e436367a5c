"""The macros in the real ImageJ, as installed by ``semcolorize imagej install``, with the shipped weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.imagej.home import Home
from semcolorize.imagej.install import install, uninstall
from semcolorize.imagej.jobfolder import spell
from semcolorize.micrograph.reading import read_micrograph

pytestmark = pytest.mark.imagej

HELPERS = r"""
function tell(text) { text = "" + text; File.append(replace(text, "\n", " "), getArgument() + "/told.txt"); }
function error() { return "" + call("ij.Prefs.get", "semcolorize.error", ""); }
"""

IMAGE = """
newImage("grains.tif", "8-bit ramp", 160, 120, 1);
makeOval(100, 30, 40, 40); setColor(250); fill(); run("Select None");
setVoxelSize(12.5, 12.5, 1, "nm");
"""

# On the overlay: in batch mode every macro has a ROI Manager of its own. test_screens.py uses the ROI Manager.
ROIS = """
makeOval(108, 38, 20, 20); Roi.setStrokeColor("#d1495b"); Roi.setName("grain"); run("Add Selection...");
makeRectangle(20, 90, 12, 12); Roi.setStrokeColor("#2a9d8f"); Roi.setName("ground"); run("Add Selection...");
run("Select None");
"""

COLORIZE = 'run("Colorize SEM", "hints=found variants=2 seed=3 fill=gray");\n'


@pytest.fixture(scope="module")
def home(imagej_home, tmp_path_factory):
    """The private folder of this module's worker, and macros in ImageJ's folder."""
    home = Home.open(tmp_path_factory.mktemp("home") / "sc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMCOLORIZE_HOME", str(home.root))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("LC_ALL", "C.UTF-8")
        install(imagej_home)
        yield home
        uninstall(imagej_home)
    pid = home.worker().get("pid")
    if pid and home.worker_lives():
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def ij(home, run_macro, tmp_path):
    """Run a macro with the helpers; returns the lines it told."""

    def run(*parts, timeout=180):
        (tmp_path / "told.txt").unlink(missing_ok=True)
        run_macro("\n".join([*parts, HELPERS]), str(tmp_path), timeout=timeout)
        told = tmp_path / "told.txt"
        return told.read_text(encoding="utf-8").splitlines() if told.exists() else []

    return run


def cli(image, hints, out, *words):
    line = [sys.executable, "-m", "semcolorize", "colorize", image, "--hints", hints, "-o", out, *words]
    subprocess.run([str(word) for word in line], check=True, capture_output=True)
    return tifffile.imread(out)


def test_colorize_gives_the_pixels_of_the_command_line(ij, tmp_path):
    told = ij(
        IMAGE, ROIS, 'saveAs("tiff", getArgument() + "/in.tif");',
        COLORIZE,
        'tell(getTitle); tell("" + nSlices + " " + bitDepth + " " + Overlay.size); tell(getInfo("slice.label"));'
        'getVoxelSize(x, y, z, unit); tell("" + x + " " + y + " " + unit); tell(error());'
        'saveAs("tiff", getArgument() + "/out.tif");'
        'selectImage("in.tif"); tell("" + getWidth + " " + bitDepth + " " + getPixel(120, 50) + " " + selectionType);',
    )  # fmt: skip
    assert told[:3] == ["in colored", "2 24 2", "variant 1, seed 3"]
    assert told[3] == "12.5 12.5 nm" and told[4] == "" and told[5] == "160 8 250 -1"
    words = ["--variants", 2, "--seed", 3, "--fill", "gray"]
    expected = cli(tmp_path / "in.tif", tmp_path / "in.tif", tmp_path / "cli.tif", *words)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), expected)
    info = tifffile.TiffFile(tmp_path / "out.tif").imagej_metadata["Info"]
    record = json.loads(info.partition("semcolorize provenance (JSON)\n")[2].partition("\n\n")[0])
    assert record["input_name"] == "in.tif" and record["input_sha256"] == read_micrograph(tmp_path / "in.tif").sha256


@pytest.mark.parametrize("depth", ["16-bit", "32-bit", "RGB"])
def test_other_depths_and_a_slice_of_a_stack(ij, tmp_path, depth):
    told = ij(
        f'newImage("stack", "{depth} ramp", 120, 100, 3); setSlice(2);',
        'setColor(90, 90, 90); fill();' if depth == "RGB" else "",
        'makeRectangle(60, 40, 12, 12); Roi.setStrokeColor("#d1495b"); run("Add Selection...");',
        'makeRectangle(20, 20, 60, 60);' + COLORIZE,
        'tell(getTitle + " " + nSlices + " " + getWidth); tell(error()); saveAs("tiff", getArgument() + "/out.tif");'
        'selectImage("stack"); getSelectionBounds(x, y, w, h);'
        'tell("" + getSliceNumber + " " + nSlices + " " + x + " " + w);',
    )
    assert told == ["stack colored 2 120", "", "2 3 20 60"]
    rgb = tifffile.imread(tmp_path / "out.tif").astype(int)
    assert rgb.shape == (2, 100, 120, 3)
    assert rgb[0, 45, 65, 0] > rgb[0, 45, 65, 1] + 20


@pytest.mark.parametrize("kind", ["composite", "grayscale", "stack"])
def test_of_a_hyperstack_the_plane_that_is_shown_with_its_own_hints(ij, tmp_path, kind):
    make = {
        "composite": 'newImage("h", "16-bit composite-mode", 120, 100, 2, 3, 2); Stack.setPosition(2, 3, 1);',
        "grayscale": 'newImage("h", "16-bit grayscale-mode", 120, 100, 2, 3, 2); Stack.setPosition(2, 3, 1);',
        "stack": 'newImage("h", "16-bit black", 120, 100, 12); setSlice(6);',
    }[kind]
    here, away = ("6", "5") if kind == "stack" else ("0, 3, 1", "0, 2, 1")
    told = ij(
        make,
        # Something to see on this plane alone.
        'for (x = 0; x < 120; x++) { setColor(100 * x + 500); fillRect(x, 0, 1, 100); } setMinAndMax(0, 13000);',
        f'makeOval(60, 40, 20, 20); Roi.setStrokeColor("#d1495b"); Roi.setName("here"); Roi.setPosition({here});'
        'run("Add Selection...");',
        f'makeOval(10, 10, 20, 20); Roi.setStrokeColor("#2a9d8f"); Roi.setName("away"); Roi.setPosition({away});'
        'run("Add Selection..."); run("Select None");',
        'run("Colorize SEM", "hints=overlay variants=1 data=none");',
        'tell(error()); tell(getTitle + " " + nSlices + " " + Overlay.size);',
        'saveAs("tiff", getArgument() + "/out.tif"); tell(call("ij.Prefs.get", "semcolorize.notes", ""));',
        'selectImage("h"); tell("" + nSlices + " " + getSliceNumber);',
        'setSlice(1); run("Colorize SEM", "hints=overlay variants=1"); tell(error());', timeout=90,
    )  # fmt: skip
    assert told[:2] == ["", "h colored 1 1"]
    plane = "slice 6" if kind == "stack" else "channel 2, slice 3, frame 1"
    assert f"1 hint: on other planes than the one that is colored ({plane})" in " ".join(told)
    assert "12 6" in told
    rgb = tifffile.imread(tmp_path / "out.tif").astype(int)
    # The ramp over the range that was set.
    assert np.abs(rgb[2, :, :].mean(-1) - (100 * np.arange(120) + 500) / 13000 * 255).max() < 12
    assert "None of the 2 hints lies on the plane" in told[-1] and "Choose a plane that has hints, or" in told[-1]


def test_a_selection_alone_is_a_hint_in_the_foreground_color(ij, tmp_path):
    told = ij(
        IMAGE, 'setForegroundColor(0, 0, 255); makeOval(108, 38, 20, 20);',
        'run("Colorize SEM", "variants=1"); tell(error()); saveAs("tiff", getArgument() + "/out.tif");',
        'selectImage("grains.tif"); tell(selectionType);',
    )  # fmt: skip
    assert told == ["", "1"]
    red, _, blue = tifffile.imread(tmp_path / "out.tif")[50, 115].astype(int)
    assert blue > red


def test_in_batch_mode_the_callers_images_stay(ij):
    told = ij(
        "setBatchMode(true);", IMAGE, ROIS, COLORIZE, 'selectImage("grains.tif");', COLORIZE,
        'tell("" + nImages + " " + is("Batch Mode") + " " + getTitle); selectImage("grains.tif"); tell(bitDepth);',
    )  # fmt: skip
    assert told == ["3 1 grains colored", "8"]


def test_what_is_wrong_is_told_in_a_window(ij, home):
    told = ij(
        COLORIZE, 'tell(error());',
        IMAGE, COLORIZE, 'tell(error());',
        'run("Colorize SEM", "hints=[ROI Manager] variants=1"); tell(error());',
        'run("Colorize SEM", "hints=overlay variants=1"); tell(error());',
        'run("Colorize SEM", "hints=none variants=0"); tell(error());',
        'run("Colorize SEM", "hints=none variants=1 data=lots"); tell(error());',
        'makeRectangle(5, 5, 9, 9); Overlay.addSelection; run("Select None");'
        'run("Colorize SEM", "hints=overlay variants=1"); tell(error());',
        'tell("" + nImages + " " + isOpen("SemColorize message"));',
    )  # fmt: skip
    assert "no image open" in told[0] and "No hints were found" in told[1]
    assert "ROI Manager holds no ROIs" in told[2] and "no overlay" in told[3] and "Variants is 0" in told[4]
    assert "databar" in told[5] and "None of the 1 ROIs is a hint" in told[6]
    assert told[7] == "1 1"


def test_a_colored_image_is_refused_with_advice_and_taken_when_asked(ij):
    told = ij(
        'newImage("c", "RGB white", 90, 80, 1); setColor(200, 30, 30); fillRect(0, 0, 40, 80);'
        'makeRectangle(60, 40, 12, 12); Roi.setStrokeColor("#d1495b"); run("Add Selection..."); run("Select None");'
        'run("Colorize SEM", "variants=1"); tell(error()); run("Colorize SEM", "variants=1 color");'
        "tell(error()); tell(getTitle);"
    )
    assert "color image" in told[0] and "Color image, in the dialog" in told[0]
    assert told[1:] == ["", "c colored"]


def test_save_writes_the_variant_that_is_shown(ij, tmp_path):
    target = tmp_path / "Proben ä 試料" / "it's.tif"
    target.parent.mkdir()
    name = "".join(f'" + fromCharCode({ord(c)}) + "' if ord(c) > 126 else c for c in str(target))
    told = ij(
        IMAGE, ROIS, COLORIZE, 'setSlice(2); saveAs("tiff", getArgument() + "/stack.tif"); setSlice(2);',
        f'target = "{name}";',
        'run("Save Colorized", "save=[" + target + "]"); tell(error());',
        'run("Save Colorized", "save=[" + target + "]"); tell(error());',
        'run("Save Colorized", "save=[" + target + "] replace"); tell(error());',
        'tell("" + nSlices + " " + getSliceNumber);'
        'selectImage("grains.tif"); run("Save Colorized", "save=[/x.tif]"); tell(error());',
        'run("RGB Color"); run("Save Colorized", "save=[/x.tif]"); tell(error());',
    )  # fmt: skip
    assert told[0] == "" and "exists" in told[1] and told[2] == "" and told[3] == "2 2"
    assert "not RGB" in told[4] and "no result" in told[5]
    names = sorted(path.name for path in target.parent.iterdir())
    assert names == ["it's.json", "it's.png", "it's.tif", "it's_legend.png"]
    np.testing.assert_array_equal(tifffile.imread(target), tifffile.imread(tmp_path / "stack.tif")[1])
    with tifffile.TiffFile(target) as file:
        about = file.imagej_metadata
        assert about["unit"] == "nm" and len(about["Overlays"]) == 2
    record = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["variant"] == "variant 2, seed 3" and {row["name"] for row in record["legend"]} >= {"grain", "ground"}


def test_no_python(ij, imagej_home):  # IMAGE without hints: Python is asked first
    place = imagej_home / "plugins" / "SemColorize" / "python.txt"
    before = place.read_bytes()
    try:
        place.write_text(spell("/nowhere/äpfel/python"))
        told = ij(IMAGE, COLORIZE, 'tell(error());')
        assert "cannot be started" in told[0] and "semcolorize imagej install" in told[0]
        place.unlink()
        told = ij(IMAGE, COLORIZE, 'tell(error());')
        assert "does not know its Python" in told[0]
        place.write_text("/usr/bin/python3\n")
        told = ij(IMAGE, COLORIZE, 'tell(error());')
        assert "semcolorize does not load" in told[0]
    finally:
        place.write_bytes(before)


def test_a_python_with_spaces_quotes_and_other_scripts_in_its_path(ij, imagej_home, tmp_path):
    place = imagej_home / "plugins" / "SemColorize" / "python.txt"
    before = place.read_bytes()
    strange = tmp_path / "Größe 'a \"b\" 試料" / "python"
    strange.parent.mkdir()
    strange.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    strange.chmod(0o755)
    try:
        place.write_text(spell(str(strange)))
        assert ij(IMAGE, ROIS, COLORIZE, "tell(getTitle); tell(error());") == ["grains colored", ""]
    finally:
        place.write_bytes(before)


def meanwhile(action):
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def running_job(home, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for status in home.jobs.glob("*/status.txt"):
            text = status.read_text(errors="replace")
            if "state=running" in text and "coloring" in text:
                return status.parent
        time.sleep(0.02)
    raise AssertionError("no job ran")


LONG = 'run("Size...", "width=900 height=700 interpolation=None");'
RUN_LONG = 'run("Colorize SEM", "variants=60 steps=20 fill=auto");'


def test_a_killed_worker_is_told_in_imagej_and_the_next_run_works(ij, home):
    ended = []

    def kill():
        running_job(home)
        os.kill(home.worker()["pid"], signal.SIGKILL)
        ended.append(time.time())

    thread = meanwhile(kill)
    told = ij(
        IMAGE, ROIS, LONG, RUN_LONG,
        'tell(d2s(getTime(), 0)); tell(error()); tell(nImages);', COLORIZE, "tell(error()); tell(getTitle);",
    )  # fmt: skip
    thread.join()
    assert float(told[0]) / 1000 - ended[0] < 5  # what the user waits; a promise, not a measurement
    assert "The worker ended while it colored" in told[1] and told[2] == "1"
    assert told[3:] == ["", "grains colored"]


def test_a_cancel_ends_the_job_and_leaves_nothing(ij, home):
    thread = meanwhile(lambda: (running_job(home) / "cancel").touch())
    told = ij(IMAGE, ROIS, LONG, RUN_LONG, "tell(error()); tell(nImages); tell(getTitle);")
    thread.join()
    assert told == ["cancelled", "1", "grains.tif"]


def test_a_client_that_is_killed_is_noticed(ij, home):
    def kill():
        folder = running_job(home)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            words = path.read_bytes().split(b"\0") if path.exists() else []
            if b"semcolorize.imagej.client" in words and str(folder).encode() in words:
                os.kill(int(path.parent.name), signal.SIGKILL)
        time.sleep(3)
        (folder / "cancel").touch()

    thread = meanwhile(kill)
    told = ij(IMAGE, ROIS, LONG, RUN_LONG, "tell(error());")
    thread.join()
    assert told == ["cancelled"]


def test_two_imagejs_at_once(home, imagej_home, imagej_command, tmp_path):
    folders = [tmp_path / name for name in "ab"]
    processes = []
    for folder in folders:
        folder.mkdir()
        macro = folder / "m.ijm"
        macro.write_text(
            IMAGE + ROIS + COLORIZE + 'tell(error()); tell(getTitle);' + HELPERS, encoding="latin-1"
        )
        line = [*imagej_command, "-ijpath", str(imagej_home), "-port0", "-batch", str(macro), str(folder)]
        processes.append(subprocess.Popen(line, stdin=subprocess.DEVNULL, start_new_session=True))
    for process in processes:
        process.wait(timeout=180)
    for folder in folders:
        assert (folder / "told.txt").read_text().splitlines() == ["", "grains colored"]


@pytest.mark.parametrize("source", ["images=open", "images=folder folder=[FOLDER]"])
def test_a_series_of_open_images_or_of_a_folder(ij, tmp_path, source):
    (tmp_path / "tilts").mkdir()
    told = ij(
        IMAGE, ROIS, 'saveAs("tiff", getArgument() + "/tilts/a.tif");'
        'run("Duplicate...", "title=b.tif"); Overlay.remove;'
        'saveAs("tiff", getArgument() + "/tilts/b.tif"); before = nImages;',
        f'run("Colorize Series", "{source.replace("FOLDER", str(tmp_path / "tilts"))} variants=1");',
        'tell(error()); tell(nImages - before); selectImage(2); tell(getTitle + " " + bitDepth);',
    )  # fmt: skip
    assert told == ["", "2", "b.tif 8"]


def test_a_batch_job_runs_the_command_and_shows_its_report(ij, tmp_path):
    (tmp_path / "job.yaml").write_text("nonsense: true\n")
    told = ij(f'run("Batch Job", "job=[{tmp_path}/job.yaml]"); tell(error());')
    # What the command says about this file is shown.
    assert "nonsense is not a known key" in told[0]


def test_nothing_is_left_behind(ij, home):
    assert ij(IMAGE, ROIS, COLORIZE, "tell(error());") == [""]
    assert not home.waiting()
    newest = max(home.jobs.iterdir(), key=lambda path: path.name, default=None)
    assert newest is None or not (newest / "result.tif").exists()


FEI = """[System]\r\nSystemType=Synthetic\r\n[Scan]\r\nPixelWidth=2.5e-009\r\nPixelHeight=2.5e-009\r
HorFieldsize=4e-007\r\n[Image]\r\nResolutionX=160\r\nResolutionY=120\r\n"""


@pytest.mark.parametrize(("resolution", "unit"), [(96, "INCH"), (67, "CENTIMETER")])
def test_the_result_has_the_instruments_scale_unless_the_user_set_one(ij, tmp_path, resolution, unit):
    pixels = np.random.default_rng(0).integers(40, 200, (120, 160)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "in.tif", pixels, metadata=None, resolution=(resolution, resolution),
                     resolutionunit=unit, extratags=[(34682, "s", 0, FEI, True)])  # fmt: skip
    color = (
        'makeOval(60, 40, 20, 20); Roi.setStrokeColor("#d1495b"); run("Add Selection..."); run("Select None");'
        'run("Colorize SEM", "hints=overlay variants=1"); tell(error()); getVoxelSize(x, y, z, u);'
        'tell(d2s(x, 4) + " " + d2s(y, 4) + " " + u);'
    )
    told = ij(
        'open(getArgument() + "/in.tif"); getVoxelSize(x, y, z, u); tell(u);',
        color,
        'close("*"); open(getArgument() + "/in.tif"); setVoxelSize(7, 7, 1, "nm");',
        color,
    )
    # ImageJ itself takes the resolution of the print for the specimen's.
    assert told[0] in ("inches", "cm")
    assert told[1:] == ["", "2.5000 2.5000 nm", "", "7.0000 7.0000 nm"]
