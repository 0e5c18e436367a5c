"""``Set up SemColorize.ijm`` in the real ImageJ: from a wheel and a bare Python to a colored image, and out again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from semcolorize.imagej.install import installed_python, macro_folder
from semcolorize.imagej.setup_macro import SETUP_MACRO

pytestmark = pytest.mark.imagej
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def run_setup(imagej_command, tmp_path):
    """Run the macro with an argument in an ImageJ of its own; returns what it said."""
    (tmp_path / "Fiji ä" / "plugins").mkdir(parents=True)
    (tmp_path / "Fiji ä" / "macros").mkdir()
    place = tmp_path / "Dölt 試料"
    place.mkdir()
    macro = place / SETUP_MACRO
    macro.write_bytes(macro_folder().joinpath(SETUP_MACRO).read_bytes())

    def run(argument, timeout=600, **more):
        out, start = tmp_path / "out.txt", tmp_path / "start.ijm"
        out.unlink(missing_ok=True)
        # The path of the macro is not ASCII: it comes as an argument.
        start.write_text(
            'words = split(getArgument(), "|"); said = "" + runMacro(words[0], words[1]);'
            'File.saveString(said + "\\n=" + call("ij.Prefs.get", "semcolorize.error", ""), words[2]);'
            'run("Quit");',
            encoding="ascii",
        )
        line = [
            *imagej_command, "-ijpath", str(tmp_path / "Fiji ä"), "-port0", "-macro", str(start),
            f"{macro}|{argument}|{out}",
        ]  # fmt: skip
        environment = os.environ | {"SEMCOLORIZE_HOME": str(tmp_path / "hö me"), "LC_ALL": "C.UTF-8"} | more
        subprocess.run(line, timeout=timeout, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        assert out.exists(), "the macro did not reach its end"
        return out.read_text(encoding="utf-8")

    run.folder = tmp_path
    return run


@pytest.mark.parametrize(
    ("system", "home", "expected"),
    [
        (
            "windows", "C:\\Users\\Jo\\",
            ["py|-3", "python", "C:\\Users\\Jo\\AppData\\Local\\Programs\\Python\\Python311\\python.exe",
             "C:\\Users\\Jo\\miniforge3\\python.exe"],
        ),
        (
            "mac", "/Users/jo/",
            ["python3.11", "/opt/homebrew/bin/python3.13",
             "/Library/Frameworks/Python.framework/Versions/3.12/bin/python3", "/Users/jo/miniconda3/bin/python"],
        ),
        ("linux", "/home/jo/", ["python3.12", "python3", "/usr/bin/python3"]),
    ],
)  # fmt: skip
def test_where_python_is_looked_for(run_setup, system, home, expected):
    lines = run_setup(f"candidates {system} {home}").splitlines()
    assert [line for line in lines if line in expected] == expected or set(expected) <= set(lines)
    if system == "mac":
        # /usr/bin/python3 asks to install Xcode: it comes last.
        assert [line for line in lines if line and line != "="][-1] == "python3"


@pytest.mark.slow
def test_from_one_file_and_a_bare_python(run_setup):
    place = run_setup.folder / "Dölt 試料"
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", place, REPOSITORY]
    if shutil.which("python3") is None or subprocess.run(list(map(str, wheel)), capture_output=True).returncode:
        pytest.skip("no wheel can be built here")
    started = time.monotonic()
    said = run_setup("install")
    print(f"set up in {time.monotonic() - started:.0f} s, with ImageJ's own start")
    log = run_setup.folder / "hö me" / "setup.log"
    assert said.endswith("\n="), f"{said}\n{log.read_text('utf-8') if log.exists() else ''}"
    fiji = run_setup.folder / "Fiji ä"
    python = installed_python(fiji)
    assert python == str(run_setup.folder / "hö me" / "env" / "bin" / "python") and Path(python).exists()
    assert (fiji / "macros" / "toolsets" / "SEM Colorize.ijm").exists()
    assert "colored a tiny image" in log.read_text("utf-8")
    assert run_setup("remove").endswith("\n=")
    assert not (run_setup.folder / "hö me" / "env").exists()
    assert not (fiji / "plugins" / "SemColorize").exists()
    assert "nothing to remove" in run_setup("remove")
