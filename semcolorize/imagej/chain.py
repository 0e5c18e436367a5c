"""The whole chain tried out: a real ImageJ runs Colorize SEM on a few pixels."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from semcolorize.errors import BridgeError
from semcolorize.imagej.client import stop_worker
from semcolorize.imagej.home import Home
from semcolorize.imagej.install import install, installed_python

__all__ = ["FoundImageJ", "find_imagej", "launcher", "try_chain"]

_JARS = ("/usr/share/java/ij.jar",)
_LAUNCHERS = {
    "linux": ("fiji", "fiji-linux-x64", "fiji-linux-arm64", "ImageJ-linux64"),
    "darwin": ("fiji", "Contents/MacOS/fiji-macos", "Contents/MacOS/fiji-macosx", "Contents/MacOS/ImageJ-macosx"),
    "win32": ("fiji-windows-x64.exe", "fiji-windows-arm64.exe", "ImageJ-win64.exe"),
}
"""What starts a Fiji, for each system: a Fiji folder may hold those of others, too."""

_MACRO = """
newImage("tiny", "8-bit ramp", 96, 64, 1);
makeRectangle(60, 20, 9, 9);
Roi.setStrokeColor("#d1495b");
run("Add Selection...");
run("Colorize SEM", "hints=overlay variants=1");
said = call("ij.Prefs.get", "semcolorize.error", "");
// A Fiji without a display makes the macro's own image active again.
if (said == "") selectImage("tiny colored");
if (said == "") said = "" + getTitle() + " " + getWidth() + " " + getHeight() + " " + bitDepth();
File.saveString(said, "{out}");
"""


@dataclass(frozen=True)
class FoundImageJ:
    """An ImageJ on this machine.

    Parameters
    ----------
    command : tuple of str
        That starts it.
    folder : Path or None
        Of its plugins, where that is known.
    fiji : bool
        Whether it can run without a display.
    """

    command: tuple[str, ...]
    folder: Path | None
    fiji: bool

    def __str__(self) -> str:
        files = [word for word in self.command if word.endswith(".jar")] or [self.command[0]]
        return str(self.folder or files[0])


def find_imagej(folder: str | os.PathLike[str] | None = None) -> FoundImageJ | None:
    """Find a Fiji or ImageJ: `folder`, else SEMCOLORIZE_FIJI, else Debian's package.

    What is asked for, in either way, may be the folder of a Fiji or ImageJ, an ij.jar, or a folder of plugins that
    Debian's package is to use; nothing else is taken in its place.
    """
    given = folder or os.environ.get("SEMCOLORIZE_FIJI")
    java = shutil.which("java")
    if given:
        home = Path(given)
        if (start := launcher(home, sys.platform)) is not None:
            return FoundImageJ((str(start),), home, True)
        if (home / "jars").is_dir() and java:
            return FoundImageJ(_fiji_by_java(java, home), home, True)
        jar = home if home.name == "ij.jar" else home / "ij.jar"
        if jar.is_file() and java:
            return FoundImageJ((java, "-cp", str(jar), "ij.ImageJ"), home, False)
        if not (home / "plugins").is_dir():
            return None
    for jar in map(Path, _JARS):
        if jar.is_file() and java:
            command = (java, "-Xmx512m", "-cp", str(jar), "ij.ImageJ")
            return FoundImageJ(command, Path(given) if given else None, False)
    return None


def launcher(home: Path, system: str) -> Path | None:
    """What starts the Fiji in a folder on a system (as `sys.platform` names it), if that is there."""
    return next((home / name for name in _LAUNCHERS.get(system, ()) if (home / name).is_file()), None)


def _fiji_by_java(java: str, home: Path) -> tuple[str, ...]:
    """Start a Fiji whose launcher is for another system, or was lost."""
    folders = [home / name for name in ("jars", "jars/bio-formats", "plugins")]
    return (
        java,
        "-Xmx1g",
        # What Fiji changes in ImageJ 1 while it loads needs this from Java 17 on.
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        "-Djava.awt.headless=true",
        *(f"-D{key}={home}" for key in ("imagej.dir", "ij.dir", "plugins.dir")),
        "-cp",
        os.pathsep.join(str(folder / "*") for folder in folders),
        "sc.fiji.Main",
    )


def try_chain(imagej: FoundImageJ, *, seconds: float = 120.0) -> str:
    """Have an ImageJ color a few pixels through macro, client and worker; nothing of the user's is touched.

    Returns
    -------
    said : str
        What was seen.

    Raises
    ------
    BridgeError
        With what went wrong.
    """
    python = imagej.folder and installed_python(imagej.folder)
    if python and not Path(python).is_file():
        raise BridgeError(
            f"Its macros call {python}, which does not exist any more. Mend it with: semcolorize imagej install "
            f"--imagej '{imagej.folder}'",
            path=imagej.folder,
        )
    if imagej.fiji and not python:
        raise BridgeError(
            f"SemColorize is not in it yet. In a terminal:  semcolorize imagej install --imagej '{imagej.folder}'",
            path=imagej.folder,
        )
    screen = _screen(imagej)
    # Short: some systems limit the length of paths, and this one is the user's private folder.
    with _folder_for_a_while() as place:
        home = Home.open(place / "home")
        for name in ("plugins", "macros"):
            (place / "imagej" / name).mkdir(parents=True)
        install(place / "imagej", python=python or sys.executable)
        macro, out = place / "chain.ijm", place / "out.txt"
        macro.write_text(_MACRO.replace("{out}", out.as_posix()), encoding="ascii")
        if imagej.fiji:
            # A Fiji loads its own plugins, so that its own installation is what is tried.
            words = [*screen, *imagej.command, "--headless", "--console", "-macro", str(macro)]
        else:
            words = [*screen, *imagej.command, "-ijpath", str(place / "imagej"), "-port0", "-batch", str(macro)]
        started = time.perf_counter()
        try:
            output = _run(words, home, out, seconds)
        finally:
            stop_worker(home, seconds=10)
        took = time.perf_counter() - started
        if not out.exists():
            raise BridgeError(f"ImageJ did not finish the tiny job within {seconds:g} s.\n{output[-2000:]}".strip())
        said = out.read_text(encoding="utf-8", errors="replace").strip()
    if said != "tiny colored 96 64 24":
        raise BridgeError(f"The tiny job went wrong: {said}")
    return f"ImageJ, macro, client and worker colored an image in {took:.1f} s"


@contextlib.contextmanager
def _folder_for_a_while() -> Iterator[Path]:
    """A temporary folder that a worker may still be tidying up in when it goes."""
    place = Path(tempfile.mkdtemp(prefix="semcolorize-"))
    try:
        yield place
    finally:
        for _ in range(50):
            with contextlib.suppress(OSError):
                shutil.rmtree(place)
                break
            time.sleep(0.1)


def _screen(imagej: FoundImageJ) -> list[str]:
    if imagej.fiji or sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY"):
        return []
    runner = shutil.which("xvfb-run")
    if runner is None:
        raise BridgeError("There is no display, and xvfb-run is not installed: plain ImageJ needs one of them.")
    return [runner, "-a", "-s", "-screen 0 1280x900x24"]


def _run(words: list[str], home: Home, out: Path, seconds: float) -> str:
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | {"SEMCOLORIZE_HOME": str(home.root), "SEMCOLORIZE_IDLE_MINUTES": "1"},
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
        return output
    except subprocess.TimeoutExpired:
        if sys.platform == "win32":
            process.kill()
        else:
            # xvfb-run, Xvfb and java are one process group.
            os.killpg(process.pid, signal.SIGTERM)
        output, _ = process.communicate()
        return output
