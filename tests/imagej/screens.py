"""A screen of its own with a window manager and the real ImageJ on it, and hands."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from semcolorize.imagej.home import Home

REPOSITORY = Path(__file__).resolve().parents[2]
ARTIFACTS = Path(os.environ.get("SEMCOLORIZE_ARTIFACTS", REPOSITORY / "artifacts"))


class Screen:
    """An X server, a window manager and an ImageJ on it, and hands."""

    def __init__(
        self, folder: Path, command: list[str], imagej_home: Path, home: Home, setup: str, *, size: str = "1280x900"
    ) -> None:
        self.folder = folder
        reading, writing = os.pipe()
        self._processes = [
            subprocess.Popen(
                ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24"],
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
        # Alt-click is the image's, not the window manager's, as on Windows and macOS.
        rules = Path("/etc/xdg/openbox/rc.xml").read_text(encoding="utf-8")
        (folder / "rc.xml").write_text(re.sub(r'<mousebind button="A-.*?</mousebind>', "", rules, flags=re.S))
        self._start(["openbox", "--config-file", str(folder / "rc.xml")])
        time.sleep(0.5)
        macro = folder / "setup.ijm"
        macro.write_text(setup, encoding="ascii")
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
        """Wait for a window with this title, which ImageJ may have appended the zoom to."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.do("search", "--onlyvisible", "--name", rf"^{title}( \([0-9.]+%\))?$").split()
            if found:
                return found[-1]
            time.sleep(0.1)
        self.shot(f"missing {title}")
        raise AssertionError(f"no window {title!r} came; see the screenshot in {ARTIFACTS}")

    def move(self, title: str, x: float, y: float) -> None:
        """Move to a place of a window; xdotool's own window positions are off by the title bar."""
        self.do("mousemove", "--window", self.window(title), int(x), int(y))

    def click(self, title: str, x: float, y: float, *, button: int = 1, key: str = "", pause: float = 1.2) -> None:
        self.move(title, x, y)
        time.sleep(0.3)
        if key:
            self.do("keydown", key)
        self.do("mousedown", button)
        # As long as a hand takes.
        time.sleep(0.07)
        self.do("mouseup", button)
        if key:
            time.sleep(0.1)
            self.do("keyup", key)
        time.sleep(pause)

    def drag(self, title: str, points: list[tuple[float, float]], *, pause: float = 1.2) -> None:
        self.move(title, *points[0])
        time.sleep(0.2)
        self.do("mousedown", 1)
        for x, y in points[1:]:
            time.sleep(0.03)
            self.move(title, x, y)
        time.sleep(0.05)
        self.do("mouseup", 1)
        time.sleep(pause)

    def tool(self, number: int) -> None:
        """Click on a button of the toolset, which begins after ImageJ's own tools."""
        self.click("ImageJ", 384 + 30 * number, 42)

    def ask(self, what: str, seconds: float = 30) -> list[str]:
        """Have the macro that waits do something; returns the lines it told."""
        told = self.folder / "told.txt"
        told.unlink(missing_ok=True)
        waiting = self.folder / "ask.tmp"
        waiting.write_text(what, encoding="ascii")
        waiting.rename(self.folder / "ask.ijm")
        self.wait_for("told.txt", seconds)
        return told.read_text(encoding="utf-8").splitlines()

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
