"""Coloring with options: hints by mouse with Live off, the dialog by right-click, the result, the legend, variants.

Screenshots are kept in ``artifacts/`` (or SEMCOLORIZE_ARTIFACTS), to be looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from screens import ARTIFACTS, Screen

from semcolorize.hintfiles.rois import read_rois
from semcolorize.imagej.home import Home
from semcolorize.imagej.install import install

pytestmark = pytest.mark.imagej

SETUP = """
FOLDER = getArgument();
call("ij.Prefs.set", "semcolorize.palette", FOLDER + "palette.yaml");
open(FOLDER + "pollen.tif");
setLocation(12, 130);
run("Install...", "install=[" + getDirectory("macros") + "toolsets/SEM Colorize.ijm]");
setTool("Hint Tool");
File.saveString("", FOLDER + "ready");
while (!File.exists(FOLDER + "look")) wait(100);
selectImage("pollen colored");
saveAs("tiff", FOLDER + "result.tif");
selectImage("pollen.tif");
saveAs("tiff", FOLDER + "hinted.tif");
File.saveString("", FOLDER + "looked");
"""


@pytest.fixture(scope="module")
def session(imagej_command, imagej_home, shared_data, tmp_path_factory):
    """A whole session by mouse; yields the folder with what came of it."""
    for program, package in (("openbox", "openbox"), ("xdotool", "xdotool"), ("import", "imagemagick")):
        if shutil.which(program) is None:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"{program} is not installed (Debian package {package}); with CI=true this must run")
            pytest.skip(f"{program} is not installed (Debian package {package})")
    from PIL import Image

    folder = tmp_path_factory.mktemp("session")
    home = Home.open(folder / "sc")
    picture = Image.open(shared_data / "gray_sem" / "PolenHibisco_850X_rgb.png").convert("L")
    # Without the instrument's bar, whose letters shrink to something no bar looks like.
    small = np.asarray(picture.crop((0, 0, 2560, 1910)).resize((768, 573), Image.Resampling.LANCZOS))
    tifffile.imwrite(folder / "pollen.tif", small, imagej=True, resolution=(8.0, 8.0), metadata={"unit": "um"})
    (folder / "palette.yaml").write_text('pollen: "#e2a33a"\nstigma: "#5a9e4b"\ndebris: "#b5443a"\n')
    install(imagej_home)
    screen = Screen(folder, imagej_command, imagej_home, home, SETUP, size="1880x820")
    try:
        screen.wait_for("ready")

        def point(x, y):
            # Of the full micrograph; above the picture is a line of text.
            screen.click("pollen.tif", 5 + 0.3 * x, 17 + 0.3 * y)

        screen.tool(2)  # the palette; its window comes a little before its macro ends
        screen.window("SEM palette")
        time.sleep(2)
        rows = 28 * 5 + 72 + 6 + 30 + 7
        screen.click("SEM palette", 20, 17 + rows)  # Live off
        for x, y in ((700, 800), (1520, 1330), (430, 1400), (900, 120)):
            point(x, y)
        screen.click("SEM palette", 120, 17 + 28 + 14)  # the second class
        point(2440, 1000)
        point(2150, 1000)
        point(300, 300)  # a slip, taken back with the eraser
        screen.tool(1)
        point(300, 300)
        screen.tool(0)
        screen.click("SEM palette", 120, 17 + 3 * 28 + 14)  # keep gray
        point(120, 500)
        screen.shot("hints")
        assert not screen.do("search", "--onlyvisible", "--name", "^pollen colored").split(), "Live is off"
        screen.click("ImageJ", 384 + 30 * 5, 42, button=3)  # right-click: the dialog
        dialog = screen.window("Colorize SEM")
        time.sleep(1)
        screen.shot("dialog")
        screen.do("windowactivate", "--sync", dialog, "key", "Return")
        screen.window("pollen colored", 180)
        screen.window("Legend of pollen")
        time.sleep(2)
        screen.shot("result")
        screen.tool(6)  # the menu; all variants side by side is its twelfth command
        screen.do("key", *["Down"] * 11, "Return")
        screen.window("Variants of pollen colored")
        time.sleep(1)
        screen.shot("variants")
        (folder / "look").touch()
        screen.wait_for("looked")
        yield folder
    finally:
        screen.close()
        pid = home.worker().get("pid")
        if pid and home.worker_lives():
            os.kill(pid, signal.SIGKILL)


def test_clicks_become_named_colored_hints(session):
    hints, skipped = read_rois(session / "hinted.tif")
    assert not skipped
    assert [hint.name for hint in hints] == ["pollen"] * 4 + ["stigma"] * 2 + ["keep gray"]
    assert {type(hint).__name__ for hint in hints} == {"PointHint"}
    assert abs(hints[-1].ab[0]) < 1 and hints[0].ab[1] > 30


def test_the_dialog_gives_the_pixels_of_the_command_line(session):
    words = ["colorize", "pollen.tif", "--hints", "hinted.tif", "-o", "cli.tif"]
    subprocess.run([sys.executable, "-m", "semcolorize", *words], cwd=session, check=True, capture_output=True)
    np.testing.assert_array_equal(tifffile.imread(session / "result.tif"), tifffile.imread(session / "cli.tif"))
    with tifffile.TiffFile(session / "result.tif") as file:
        info = file.imagej_metadata["Info"]
        assert file.imagej_metadata["unit"] in ("um", "\\u00B5m", "micron")
    record = json.loads(info.partition("semcolorize provenance (JSON)\n")[2].partition("\n\n")[0])
    assert record["input_name"] == "pollen.tif" and len(record["hints"]) == 7


def test_screenshots_are_kept(session):
    from PIL import Image

    for name in ("hints", "dialog", "result", "variants"):
        picture = Image.open(ARTIFACTS / f"fiji_{name}.png")
        # Windows are up: a screen without any has one color.
        assert picture.size == (1880, 820) and len(picture.convert("RGB").getcolors(2_000_000)) > 200
