"""Click, see, correct: the live tools in the real ImageJ, on a real screen, by mouse.

Screenshots are kept in ``artifacts/`` (or SEMCOLORIZE_ARTIFACTS), to be looked at.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
import tifffile
from screens import Screen

from semcolorize.hintfiles.rois import read_rois
from semcolorize.imagej.home import Home
from semcolorize.imagej.install import install

pytestmark = pytest.mark.imagej

SETUP = """
FOLDER = getArgument();
call("ij.Prefs.set", "semcolorize.palette", FOLDER + "palette.yaml");
open(FOLDER + "other.tif"); setLocation(700, 560);
open(FOLDER + "grains.tif"); setLocation(4, 560);
open(FOLDER + "pollen.tif"); setLocation(4, 130);
run("Install...", "install=[" + getDirectory("macros") + "toolsets/SEM Colorize.ijm]");
setTool("Hint Tool");
File.saveString("", FOLDER + "ready");
while (true) {
    if (File.exists(FOLDER + "ask.ijm")) {
        ok = File.rename(FOLDER + "ask.ijm", FOLDER + "asked.ijm");
        done = runMacro(FOLDER + "asked.ijm", FOLDER);
        ok = File.delete(FOLDER + "asked.ijm");
        File.append("", FOLDER + "telling.txt");
        ok = File.rename(FOLDER + "telling.txt", FOLDER + "told.txt");
    }
    wait(30);
}
"""

HELPERS = r"""
FOLDER = getArgument();
function tell(text) { text = "" + text; File.append(replace(text, "\n", " "), FOLDER + "telling.txt"); }
// Every number that ends a list of hints on the overlay.
function hints() {
    text = "";
    slice = getSliceNumber();
    for (i = 0; i < Overlay.size; i++) {
        Overlay.activateSelection(i);
        if (Roi.getProperty("semcolorize.hint") != "")
            text += replace(Roi.getName, " ", "") + "/" + Roi.getType + "/" + Roi.getProperty("semcolorize.spread")
                + " ";
    }
    run("Select None");
    return text;
}
"""

RED, GREEN = 0, 1


class Session(Screen):
    """What is asked of ImageJ beside what is clicked."""

    def at(self, title: str, x: float, y: float) -> tuple[str, float, float]:
        """A pixel of an image as a place of its window: above the picture is a line of text."""
        zoom = float(self.tell(f'selectImage("{title}"); tell(getZoom());')[0])
        return title, 5 + zoom * (x + 0.5), 17 + zoom * (y + 0.5)

    def tell(self, source: str) -> list[str]:
        return [line for line in self.ask(HELPERS + source) if line]

    def choose(self, row: int) -> None:
        self.click("SEM palette", 120, 17 + 28 * row + 14)

    def hints(self, title: str) -> list[str]:
        told = self.tell(f'selectImage("{title}"); text = hints(); tell("=" + text);')
        return told[0][1:].split()

    def counted(self, title: str, count: int, seconds: float = 15) -> list[str]:
        """The hints of an image, once there are so many: a busy machine takes its time."""
        deadline = time.monotonic() + seconds
        while len(hints := self.hints(title)) != count and time.monotonic() < deadline:
            time.sleep(0.3)
        assert len(hints) == count, (hints, self.shot("uncounted"))
        return hints

    def settled(self, seconds: float = 60) -> None:
        """Wait until the picture follows the hints."""
        deadline = time.monotonic() + seconds
        source = (
            'works = split(String.trim(call("java.lang.System.getProperty", "semcolorize.works", "")), " "); left = 0;'
            "for (i = 0; i < lengthOf(works); i++) if (works[i] != \"\") {"
            '  w = call("java.lang.System.getProperty", "semcolorize.wanted." + works[i], "0");'
            '  d = call("java.lang.System.getProperty", "semcolorize.done." + works[i], "0"); if (w != d) left++; }'
            "tell(left);"
        )
        while self.tell(source) != ["0"]:
            assert time.monotonic() < deadline, self.shot("unsettled")
        time.sleep(0.5)

    def picture(self, title: str) -> np.ndarray:
        self.settled()
        path = self.folder / "seen.tif"
        path.unlink(missing_ok=True)
        self.tell(
            f'selectImage("{title}"); setBatchMode(true); run("Duplicate...", "title=seen"); Overlay.remove;'
            'saveAs("tiff", FOLDER + "seen.tif"); close(); setBatchMode(false); tell("x");'
        )
        return tifffile.imread(path).astype(int)


@pytest.fixture(scope="module")
def screen(imagej_command, imagej_home, shared_data, tmp_path_factory):
    for program, package in (("openbox", "openbox"), ("xdotool", "xdotool"), ("import", "imagemagick")):
        if shutil.which(program) is None:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"{program} is not installed (Debian package {package}); with CI=true this must run")
            pytest.skip(f"{program} is not installed (Debian package {package})")
    from PIL import Image

    folder = tmp_path_factory.mktemp("live")
    home = Home.open(folder / "sc")
    picture = Image.open(shared_data / "gray_sem" / "PolenHibisco_850X_rgb.png").convert("L")
    small = np.asarray(picture.crop((0, 0, 2560, 1910)).resize((768, 573), Image.Resampling.LANCZOS))
    tifffile.imwrite(folder / "pollen.tif", small, imagej=True, resolution=(8.0, 8.0), metadata={"unit": "um"})
    rows, columns = np.mgrid[:260, :340]
    grains = 40 + columns // 8
    for row, column in ((60, 60), (60, 200), (190, 120), (180, 270)):
        grains[(rows - row) ** 2 + (columns - column) ** 2 < 900] = 200
    tifffile.imwrite(folder / "grains.tif", grains.astype(np.uint8), imagej=True)
    tifffile.imwrite(folder / "other.tif", grains.astype(np.uint8)[:200], imagej=True)
    (folder / "palette.yaml").write_text('pollen: "#c8443c"\nstigma: "#3c9c4b"\n')
    install(imagej_home)
    session = Session(folder, imagej_command, imagej_home, home, SETUP)
    try:
        session.wait_for("ready")
        session.tool(2)
        session.window("SEM palette")
        time.sleep(1.5)
        yield session
    finally:
        session.close()
        pid = home.worker().get("pid")
        if pid and home.worker_lives():
            os.kill(pid, signal.SIGKILL)


def color(rgb, x, y):
    """Mean of red minus mean of green, and spread of the channels, around a pixel."""
    red, green, blue = rgb[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3).mean(axis=0)
    return red - green, max(red, green, blue) - min(red, green, blue)


def test_a_recorded_run(screen):
    # A point: the picture comes beside the micrograph, which stays as it was.
    screen.click(*screen.at("pollen.tif", 300, 250))
    screen.window("pollen colored", 60)
    first = screen.picture("pollen colored")
    assert color(first, 300, 250)[0] > 20
    assert screen.hints("pollen.tif") == ["pollen/point/"] == screen.hints("pollen colored")
    gray = tifffile.imread(screen.folder / "pollen.tif").astype(int)
    assert np.abs(screen.picture("pollen.tif") - gray).max() == 0
    before = screen.tell('selectImage("pollen colored"); tell("" + getImageID() + " " + getZoom());')
    screen.shot("live 1 point")

    # A class of its own for what lies behind; the same window, the same zoom.
    screen.choose(GREEN)
    screen.click(*screen.at("pollen.tif", 730, 330))
    second = screen.picture("pollen colored")
    assert color(second, 730, 330)[0] < -10
    assert screen.tell('selectImage("pollen colored"); tell("" + getImageID() + " " + getZoom());') == before

    # Undo and redo.
    screen.tool(3)
    np.testing.assert_array_equal(screen.picture("pollen colored"), first)
    assert screen.hints("pollen.tif") == ["pollen/point/"]
    screen.tool(4)
    np.testing.assert_array_equal(screen.picture("pollen colored"), second)

    # Only this object; and gray.
    screen.click(*screen.at("pollen.tif", 495, 80), key="shift")
    assert screen.hints("pollen.tif")[-1] == "stigma/point/instance"
    screen.click(*screen.at("pollen.tif", 120, 480), key="alt")
    assert screen.hints("pollen.tif")[-1] == "keepgray/point/"
    assert color(screen.picture("pollen colored"), 120, 480)[1] < 4

    # A straight stroke, begun fast; erased again at its middle.
    title, x, y = screen.at("pollen.tif", 300, 420)
    count = len(screen.hints("pollen.tif"))
    screen.choose(RED)
    screen.drag(title, [(x + step, y) for step in range(0, 90, 18)])
    assert screen.counted("pollen.tif", count + 1)[-1] == "pollen/freeline/"
    ends = screen.tell(
        'selectImage("pollen.tif"); n = 0; for (i = 0; i < Overlay.size; i++) { Overlay.activateSelection(i);'
        'if (Roi.getType == "freeline") { getSelectionCoordinates(xs, ys); tell("" + xs[0] + " " + ys[0]); } }'
        'run("Select None");'
    )
    left, top = map(float, ends[0].split())
    assert abs(left - 300) < 16 and abs(top - 420) <= 3
    screen.settled()
    screen.shot("live 2 stroke")
    screen.tool(1)
    screen.click(title, x + 40, y)
    screen.tool(0)
    screen.counted("pollen.tif", count)

    # A wrong place on the colored picture, mended there.
    screen.choose(GREEN)
    screen.click(*screen.at("pollen colored", 60, 500))
    screen.counted("pollen colored", count + 1)
    screen.counted("pollen.tif", count + 1)
    mended = screen.picture("pollen colored")
    assert color(mended, 60, 500)[0] < -5

    # A class is hidden, and shown.
    screen.click("SEM palette", 14, 17 + 14)
    hidden = screen.picture("pollen colored")
    assert color(hidden, 300, 250)[1] < 4 and color(hidden, 60, 500)[0] < -5
    screen.shot("live 3 hidden")
    screen.click("SEM palette", 14, 17 + 14)
    np.testing.assert_array_equal(screen.picture("pollen colored"), mended)

    # Hints of one image never color another.
    screen.choose(RED)
    pollen = screen.hints("pollen.tif")
    screen.click(*screen.at("grains.tif", 60, 60))
    screen.window("grains colored", 60)
    screen.settled()
    assert screen.hints("grains.tif") == ["pollen/point/"] and screen.hints("pollen.tif") == pollen
    assert screen.hints("other.tif") == []
    np.testing.assert_array_equal(screen.picture("pollen colored"), mended)
    screen.shot("live 4 two images")

    # Saved, closed, opened again: the hints are back, and one more click goes on from there.
    saved = screen.tell(
        'selectImage("pollen colored"); saveAs("tiff", FOLDER + "kept color.tif"); close();'
        'selectImage("pollen.tif"); saveAs("tiff", FOLDER + "kept.tif"); close();'
        'open(FOLDER + "kept color.tif"); setLocation(490, 130); open(FOLDER + "kept.tif"); setLocation(4, 130);'
        'if (isOpen("ROI Manager")) tell("manager"); tell("opened");'
    )
    assert saved == ["opened"]
    back = screen.hints("kept.tif")
    assert back == pollen == screen.hints("kept color.tif")
    calibration = screen.tell('selectImage("kept color.tif"); getVoxelSize(x, y, z, unit); tell(d2s(x, 3) + unit);')
    assert calibration[0].startswith("0.125")
    screen.click(*screen.at("kept.tif", 420, 300))
    screen.window("kept colored", 60)
    screen.counted("kept.tif", len(pollen) + 1)
    assert color(screen.picture("kept colored"), 60, 500)[0] < -5
    screen.shot("live 5 reopened")

    # ROI files of the command line know the same hints, and no marker.
    hints, _ = read_rois(screen.folder / "kept.tif")
    assert len(hints) == len(pollen) and {hint.name for hint in hints} == {"pollen", "stigma", "keep gray"}


def test_what_is_no_hint(screen):
    screen.tell('selectImage("grains.tif"); tell("x");')
    count = len(screen.hints("grains.tif"))
    screen.click(*screen.at("grains.tif", 200, 60), button=2)
    assert len(screen.hints("grains.tif")) == count
    # A window that lies under another is brought to the front by the first click.
    place = screen.at("other.tif", 30, 30)
    screen.tell('selectImage("other.tif"); setLocation(100, 640); wait(300); selectImage("grains.tif"); tell("x");')
    time.sleep(0.5)
    screen.click("other.tif", place[1] + 250, place[2])
    assert screen.hints("other.tif") == []


def test_take_from_and_send_to_the_roi_manager(screen):
    screen.tell(
        'selectImage("other.tif"); makeOval(40, 40, 40, 40); Roi.setStrokeColor("#3c9c4b"); roiManager("add");'
        'makeRectangle(5, 150, 20, 20); Roi.setStrokeColor("#123456"); roiManager("add"); run("Select None");'
        'done = runMacro(getDirectory("plugins") + "SemColorize/live.ijm", "take"); tell("x");'
    )
    assert screen.hints("other.tif") == ["stigma/oval/", "class3/rectangle/"]
    screen.settled()
    told = screen.tell(
        'roiManager("reset"); selectImage("other.tif");'
        'done = runMacro(getDirectory("plugins") + "SemColorize/live.ijm", "send"); tell(roiManager("count"));'
        'roiManager("select", 0); tell("" + Roi.getName); roiManager("reset"); run("Select None");'
    )
    assert told == ["2", "stigma"]


def test_lookup_tables_and_the_clipboard(screen):
    told = screen.tell(
        'selectImage("other.tif"); run("Duplicate...", "title=inverted"); Overlay.remove; run("Invert LUT");'
        'tell(is("grayscale")); setLocation(860, 560); makeRectangle(3, 3, 7, 5); run("Copy"); run("Select None");'
    )
    assert told == ["1"]
    screen.choose(RED)
    screen.click(*screen.at("inverted", 60, 60))
    screen.window("inverted colored", 60)
    screen.click(*screen.at("inverted", 200, 60))
    assert color(screen.picture("inverted colored"), 60, 60)[0] > 5
    # What the user copied before is still there.
    assert screen.tell('run("Internal Clipboard"); tell("" + getWidth() + " " + getHeight()); close();') == ["7 5"]


def test_a_colored_lookup_table_is_offered_as_gray(screen):
    screen.tell(
        'selectImage("other.tif"); run("Duplicate...", "title=fire"); Overlay.remove; run("Fire");'
        'setLocation(860, 560); tell("x");'
    )
    screen.click(*screen.at("fire", 60, 60))
    screen.window("SemColorize", 20)
    screen.shot("live 6 table")
    screen.do("key", "Return")
    screen.window("fire colored", 60)
    assert color(screen.picture("fire colored"), 60, 60)[0] > 5
    assert screen.tell('selectImage("fire"); tell(is("grayscale"));') == ["0"]
    screen.tell('close("fire"); close("fire colored"); tell("x");')


def test_of_a_stack_the_slice_that_is_shown(screen):
    screen.tell(
        'newImage("stack", "8-bit black", 340, 200, 3); for (i = 1; i <= 3; i++) { setSlice(i); setColor(60);'
        'fillRect(0, 0, 340, 200); setColor(190); fillOval(40 * i, 40, 60, 60); } setSlice(2);'
        'setLocation(860, 560); tell("x");'
    )
    screen.click(*screen.at("stack", 110, 70))
    screen.window("stack colored", 60)
    second = screen.picture("stack colored")
    assert color(second, 110, 70)[0] > 5 and screen.tell('selectImage("stack"); tell(getSliceNumber());') == ["2"]
    screen.tell('selectImage("stack"); setSlice(3); tell("x");')
    screen.click(*screen.at("stack", 150, 70))
    third = screen.picture("stack colored")
    assert color(third, 150, 70)[0] > 5 and np.abs(third - second).max() > 50
    assert screen.tell('selectImage("stack"); tell(getSliceNumber());') == ["3"]
    screen.tell('close("stack"); close("stack colored"); tell("x");')


def test_a_result_alone_goes_on_in_its_own_window(screen):
    screen.tell('selectImage("kept color.tif"); tell("x");')
    before = screen.hints("kept color.tif")
    count = screen.tell("tell(nImages);")
    screen.click(*screen.at("kept color.tif", 60, 40))  # this one may only bring it to the front
    screen.click(*screen.at("kept color.tif", 330, 260), pause=2)
    screen.settled()
    assert len(screen.hints("kept color.tif")) > len(before) and screen.tell("tell(nImages);") == count
    assert color(screen.picture("kept color.tif"), 330, 260)[0] > 10


def test_clicks_faster_than_the_model_are_one_picture(screen):
    screen.click(*screen.at("grains.tif", 20, 240))  # this one may only bring it to the front
    count = len(screen.hints("grains.tif"))
    for x, y in ((60, 60), (200, 60), (120, 190), (270, 180)):
        screen.click(*screen.at("grains.tif", x, y), pause=0)
    screen.settled()
    screen.counted("grains.tif", count + 4)


def test_classes_are_renamed_recolored_and_added_in_the_palette(screen):
    # It lies over the palette, where the test opened it.
    screen.tell('if (isOpen("kept color.tif")) close("kept color.tif"); tell("x");')
    screen.click(*screen.at("kept.tif", 100, 40))  # this one may only bring it to the front
    screen.click(*screen.at("kept.tif", 330, 300), pause=2)
    screen.settled()
    hints = screen.hints("kept.tif")
    below = 17 + 28 * (2 + 2) + 72 + 6  # two classes, gray, new; the field of colors
    screen.choose(RED)
    screen.click("SEM palette", 30, below + 11)  # Rename
    time.sleep(1.5)  # a dialog without a title
    screen.do("key", "ctrl+a")
    screen.do("type", "spore wall")
    screen.do("key", "Return")
    time.sleep(2)
    screen.settled()
    assert screen.hints("kept.tif") == [hint.replace("pollen/", "sporewall/") for hint in hints]
    red = screen.picture("kept colored")
    screen.choose(RED)
    # A blue of the field: hue 15 of 24, the fourth tone.
    screen.click("SEM palette", 5 + 10 * 15 + 5, 17 + 28 * 4 + 12 * 3 + 6)
    blue = screen.picture("kept colored")
    assert color(red, 330, 300)[0] > 20 and color(blue, 330, 300)[0] < 0
    screen.click("SEM palette", 60, 17 + 28 * 3 + 14)  # + new class
    time.sleep(1.5)
    screen.do("key", "Return")
    time.sleep(2)
    told = screen.tell(
        'id = call("java.lang.System.getProperty", "semcolorize.current", "");'
        'tell(call("java.lang.System.getProperty", "semcolorize.classes." + call("java.lang.System.getProperty",'
        '"semcolorize.work." + id, id), ""));'
    )
    assert "spore wall" in told[0] and "class 3" in told[0]
    screen.shot("live 7 palette")


def test_what_it_takes_from_click_to_picture(screen):
    seconds = []
    for i in range(6):
        screen.click(*screen.at("kept.tif", 250 + 20 * i, 200), pause=0.8)
        screen.settled()
        seconds.append(float(screen.tell('tell(call("java.lang.System.getProperty", "semcolorize.took", "nan"));')[0]))
    print("seconds from click to picture, 768 x 573:", seconds)
    assert all(np.isfinite(seconds))


def test_no_job_is_left(screen):
    assert subprocess.run(["find", str(screen.folder / "sc"), "-name", "image.tif"], capture_output=True).stdout == b""
