"""What a microscopist sees and clicks: toolset, dialog, result, legend, on a real screen driven by xdotool.

Screenshots are kept in ``artifacts/`` (or SEMCOLORIZE_ARTIFACTS), to be looked at; README shows them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.hintfiles.rois import read_rois
from semcolorize.imagej.home import Home
from semcolorize.imagej.install import install

pytestmark = pytest.mark.imagej

REPOSITORY = Path(__file__).resolve().parents[2]
ARTIFACTS = Path(os.environ.get("SEMCOLORIZE_ARTIFACTS", REPOSITORY / "artifacts"))

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
roiManager("deselect");
roiManager("save", FOLDER + "RoiSet.zip");
File.saveString("", FOLDER + "looked");
"""


class Screen:
    """An X server, a window manager and an ImageJ on it, and hands."""

    def __init__(self, folder: Path, command: list[str], imagej_home: Path, home: Home) -> None:
        self.folder = folder
        reading, writing = os.pipe()
        self._processes = [
            subprocess.Popen(
                ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1880x820x24"],
                pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        ]  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as pipe:
            display = pipe.readline().strip()
        assert display, "Xvfb did not start"
        self.environment = os.environ | {
            "DISPLAY": f":{display}", "SEMCOLORIZE_HOME": str(home.root), "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        self._start(["openbox"])
        time.sleep(0.5)
        macro = folder / "setup.ijm"
        macro.write_text(SETUP, encoding="ascii")
        java = command[command.index("java") :]
        words = [java[0], f"-Duser.home={folder}", *java[1:], "-ijpath", str(imagej_home), "-port0"]
        self._start([*words, "-macro", str(macro), f"{folder}/"])

    def _start(self, words: list[str]) -> None:
        process = subprocess.Popen(
            words, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._processes.append(process)

    def close(self) -> None:
        for process in self._processes[::-1]:
            process.kill()
            process.wait()

    def do(self, *words: object) -> str:
        line = ["xdotool", *map(str, words)]
        return subprocess.run(line, env=self.environment, capture_output=True, text=True, timeout=60).stdout

    def window(self, title: str, seconds: float = 90) -> str:
        """Wait for a window with this title."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.do("search", "--onlyvisible", "--name", f"^{title}$").split()
            if found:
                return found[-1]
            time.sleep(0.1)
        self.shot(f"missing {title}")
        raise AssertionError(f"no window {title!r} came; see the screenshot in {ARTIFACTS}")

    def move(self, title: str, x: float, y: float) -> None:
        """Move to a place of a window; xdotool's own window positions are off by the title bar."""
        self.do("mousemove", "--window", self.window(title), int(x), int(y))

    def click(self, title: str, x: float, y: float) -> None:
        self.move(title, x, y)
        time.sleep(0.3)
        self.do("click", 1)
        time.sleep(1.2)

    def drag(self, title: str, points: list[tuple[float, float]]) -> None:
        self.move(title, *points[0])
        self.do("mousedown", 1)
        time.sleep(0.4)
        for x, y in points[1:]:
            self.move(title, x, y)
            time.sleep(0.12)
        self.do("mouseup", 1)
        time.sleep(1.2)

    def tool(self, number: int) -> None:
        """Click on a button of the toolset, which begins after ImageJ's own tools."""
        self.click("ImageJ", 384 + 30 * number, 42)

    def shot(self, name: str) -> Path:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTIFACTS / f"fiji {name}.png".replace(" ", "_")
        subprocess.run(["import", "-window", "root", str(path)], env=self.environment, check=True, timeout=60)
        return path

    def wait_for(self, name: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not (self.folder / name).exists():
            if time.monotonic() > deadline:
                self.shot(f"no {name}")
                raise AssertionError(f"{name} did not come; see the screenshot in {ARTIFACTS}")
            time.sleep(0.1)


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
    screen = Screen(folder, imagej_command, imagej_home, home)
    try:
        screen.wait_for("ready")

        def at(x, y):
            # Of the full micrograph; below the title is a line of text.
            return 5 + 0.3 * x, 17 + 0.3 * y

        def point(x, y):
            screen.click("pollen.tif", *at(x, y))

        def area(*points):
            screen.drag("pollen.tif", [at(*place) for place in points])

        point(700, 800)  # before a color was chosen: the first of the palette
        screen.tool(2)  # the palette; its window comes a little before its macro ends
        screen.window("SEM palette")
        time.sleep(3)

        def pick(row):
            screen.click("SEM palette", 120, 34 + 34 * row)

        point(1520, 1330)
        point(430, 1400)
        point(900, 120)
        area((1300, 900), (1400, 900), (1450, 960), (1400, 1040), (1300, 1040), (1260, 960))
        pick(1)
        area((2440, 700), (2500, 760), (2490, 1200), (2440, 1260), (2420, 1000))
        point(2150, 1000)
        point(300, 300)  # a slip, taken back with the eraser
        screen.tool(1)
        point(300, 300)
        screen.tool(3)  # gray
        screen.tool(0)
        point(120, 500)
        screen.shot("hints")
        screen.tool(4)  # Colorize SEM
        dialog = screen.window("Colorize SEM")
        time.sleep(1)
        screen.shot("dialog")
        screen.do("windowactivate", "--sync", dialog, "key", "Return")
        screen.window("pollen colored", 180)
        screen.window("Legend of pollen.*")  # ImageJ adds the zoom
        time.sleep(2)
        screen.shot("result")
        screen.tool(5)  # the variant browser: its third command is All side by side
        screen.do("key", "Down", "Down", "Down", "Return")
        screen.window("Variants of pollen colored.*")
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
    hints, skipped = read_rois(session / "RoiSet.zip")
    assert not skipped
    names = [hint.name for hint in hints]
    assert names == ["pollen"] * 5 + ["stigma"] * 2 + ["keep gray"]
    assert [type(hint).__name__ for hint in hints] == ["PointHint"] * 4 + ["RegionHint"] * 2 + ["PointHint"] * 2
    assert abs(hints[-1].ab[0]) < 1 and hints[0].ab[1] > 30


def test_the_dialog_gives_the_pixels_of_the_command_line(session):
    words = ["colorize", "pollen.tif", "--hints", "RoiSet.zip", "-o", "cli.tif"]
    subprocess.run([sys.executable, "-m", "semcolorize", *words], cwd=session, check=True, capture_output=True)
    np.testing.assert_array_equal(tifffile.imread(session / "result.tif"), tifffile.imread(session / "cli.tif"))
    with tifffile.TiffFile(session / "result.tif") as file:
        info = file.imagej_metadata["Info"]
        assert file.imagej_metadata["unit"] in ("um", "\\u00B5m", "micron")
    record = json.loads(info.partition("semcolorize provenance (JSON)\n")[2].partition("\n\n")[0])
    assert record["input_name"] == "pollen.tif" and len(record["hints"]) == 8


def test_screenshots_are_kept(session):
    from PIL import Image

    for name in ("hints", "dialog", "result", "variants"):
        picture = Image.open(ARTIFACTS / f"fiji_{name}.png")
        # Windows are up: a screen without any has one color.
        assert picture.size == (1880, 820) and len(picture.convert("RGB").getcolors(2_000_000)) > 200
