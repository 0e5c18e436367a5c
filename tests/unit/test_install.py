"""Macros into an ImageJ folder and out again, and the ImageJ that is found on a machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from semcolorize.errors import BridgeError
from semcolorize.imagej.chain import find_imagej, launcher, try_chain
from semcolorize.imagej.install import install, installed_python, macro_folder, uninstall
from semcolorize.imagej.jobfolder import spell, unspell

COMMANDS = {"Colorize_SEM.ijm", "Colorize_Series.ijm", "Save_Colorized.ijm", "Batch_Job.ijm", "Update_Colors.ijm"}


@pytest.fixture
def fiji(tmp_path):
    home = tmp_path / "Meine Programme ä 試料" / "Fiji.app"
    (home / "plugins").mkdir(parents=True)
    return home


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_install_writes_macros_toolset_and_interpreter(fiji):
    changes = install(fiji)
    assert {change.what for change in changes} == {"written"}
    shared = {"engine.ijm", "live.ijm", "palette.ijm", "python.txt", "SEM Colorize.ijm", "installed.json"}
    assert COMMANDS | shared == set(names(fiji))
    assert (fiji / "macros" / "toolsets" / "SEM Colorize.ijm").is_file()
    assert installed_python(fiji) == sys.executable


def test_installing_twice_changes_nothing(fiji):
    install(fiji)
    before = {path: path.stat().st_mtime_ns for path in fiji.rglob("*.ijm")}
    assert {change.what for change in install(fiji)} == {"unchanged"}
    assert before == {path: path.stat().st_mtime_ns for path in fiji.rglob("*.ijm")}


def test_uninstall_removes_all_and_nothing_else(fiji):
    (fiji / "macros" / "toolsets").mkdir(parents=True)
    (fiji / "macros" / "toolsets" / "Mine.txt").write_text("mine")
    (fiji / "plugins" / "Other_Plugin.jar").write_text("theirs")
    install(fiji)
    assert {change.what for change in uninstall(fiji)} == {"removed"}
    assert names(fiji) == ["Mine.txt", "Other_Plugin.jar"] and not (fiji / "plugins" / "SemColorize").exists()
    with pytest.raises(BridgeError, match="not installed"):
        uninstall(fiji)


def test_changed_macros_are_set_aside_or_kept(fiji):
    install(fiji)
    macro = fiji / "plugins" / "SemColorize" / "Colorize_SEM.ijm"
    macro.write_text("// mine")
    assert [change.path.name for change in install(fiji) if change.what == "set aside"] == ["Colorize_SEM.ijm.yours"]
    assert macro.with_name("Colorize_SEM.ijm.yours").read_text() == "// mine" and macro.stat().st_size > 1000
    macro.write_text("// mine again")
    kept = [change for change in uninstall(fiji) if change.what == "kept"]
    assert [change.path.name for change in kept] == ["Colorize_SEM.ijm"] and "changed since" in str(kept[0])
    assert macro.read_text() == "// mine again"


def test_a_manifest_leads_nowhere_else(fiji, tmp_path):
    install(fiji)
    precious = tmp_path / "precious"
    precious.write_text("x")
    manifest = fiji / "plugins" / "SemColorize" / "installed.json"
    stored = json.loads(manifest.read_text())
    stored["files"] |= {"../../precious": hashlib.sha256(b"x").hexdigest(), "/etc/x": ""}
    manifest.write_text(json.dumps(stored))
    uninstall(fiji)
    assert precious.read_text() == "x"


@pytest.mark.parametrize("make", [False, True])
def test_folders_that_are_no_imagej_are_refused_with_advice(fiji, tmp_path, make):
    with pytest.raises(BridgeError, match="Did you mean .*Fiji.app"):
        install(fiji.parent)
    empty = tmp_path / "empty"
    if make:
        empty.mkdir()
    with pytest.raises(BridgeError, match="no plugins folder" if make else "no such folder"):
        install(empty)


def test_an_interpreter_that_is_missing_is_refused(fiji):
    with pytest.raises(BridgeError, match="does not exist"):
        install(fiji, python="/nowhere/python")
    assert not names(fiji)


@pytest.mark.parametrize(
    "path",
    [
        r"C:\Users\Jörg Müller\AppData\Local\Programs\Python 3.11\python.exe",
        r"\\server\share\new tools\venv\Scripts\python.exe",
        "/Applications/Fiji.app/../Müller's \"env\"/bin/python3",
        "/home/試料/n\\u0041me/bin/python",
    ],
)
def test_paths_of_all_systems_pass_through_the_macros_file(fiji, path):
    install(fiji)
    (fiji / "plugins" / "SemColorize" / "python.txt").write_bytes(f"{spell(path)}\r\n".encode("ascii"))
    assert installed_python(fiji) == path == unspell(spell(path))


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("linux", "ImageJ-linux64"), ("linux", "fiji"), ("win32", "fiji-windows-x64.exe"),
        ("win32", "ImageJ-win64.exe"), ("darwin", "Contents/MacOS/ImageJ-macosx"),
    ],
)  # fmt: skip
def test_fijis_of_all_systems_are_found(fiji, system, name):
    (fiji / name).parent.mkdir(parents=True, exist_ok=True)
    (fiji / name).write_text("")
    assert launcher(fiji, system) == fiji / name
    others = {"linux", "win32", "darwin"} - {system}
    assert name == "fiji" or not any(launcher(fiji, other) for other in others)
    found = find_imagej(fiji)
    if system == sys.platform:
        assert found is not None and found.fiji and found.command == (str(fiji / name),) and str(found) == str(fiji)


@pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")
def test_a_fiji_whose_launcher_is_for_another_system_is_started_by_java(fiji):
    (fiji / "jars").mkdir()
    (fiji / ("ImageJ-linux64" if sys.platform == "win32" else "ImageJ-win64.exe")).write_text("")
    found = find_imagej(fiji)
    assert found is not None and found.fiji and found.command[-1] == "sc.fiji.Main"


def test_a_missing_interpreter_is_found_out_before_anything_is_started(fiji):
    install(fiji)
    (fiji / "plugins" / "SemColorize" / "python.txt").write_text("/nowhere/python\n")
    (fiji / "fiji").write_text("")
    with pytest.raises(BridgeError, match="does not exist any more.*imagej install"):
        try_chain(find_imagej(fiji))


def test_the_command_says_what_it_did(fiji):
    words = [sys.executable, "-m", "semcolorize", "imagej", "install", "--imagej", str(fiji)]
    answer = subprocess.run([*words, "--json"], capture_output=True, text=True, check=True, env=os.environ)
    assert {entry["what"] for entry in json.loads(answer.stdout)["files"]} == {"written"}
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    assert answer.stdout.count("unchanged") == 10 and "Plugins > SemColorize" in answer.stderr
    answer = subprocess.run([*words, "--uninstall"], capture_output=True, text=True, check=True)
    assert answer.stdout.count("removed") == 10


FUNCTION = re.compile(r"^function (\w+)\(", re.M)


MACROS = sorted((e for e in macro_folder().iterdir() if e.name.endswith(".ijm")), key=lambda entry: entry.name)


@pytest.mark.parametrize("macro", MACROS, ids=lambda entry: entry.name)
def test_functions_of_a_macro_have_names_of_their_own(macro):
    # A variable or a method of the same name makes ImageJ stop with "'(' expected", when it gets there.
    code = re.sub(r"//.*", "", re.sub(r'"(?:\\.|[^"\\])*"', '""', macro.read_text(encoding="ascii")))
    for name in FUNCTION.findall(code):
        assert not re.search(rf"(?<![\w.]){name}(?![\w(])", code), name
        assert not re.search(rf"\.{name}\b", code), name


def test_macros_are_ascii():
    for macro in macro_folder().iterdir():
        assert macro.read_bytes().isascii(), macro.name  # 1.53t reads macros as Latin-1


def test_the_folder_of_a_trial_goes_although_a_worker_still_writes_there() -> None:
    import threading
    import time

    from semcolorize.imagej.chain import _folder_for_a_while

    until = time.monotonic() + 0.5

    def write(folder: Path) -> None:
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                (folder / "home").mkdir(exist_ok=True)
                (folder / "home" / str(time.monotonic_ns())).write_bytes(b"x")

    with _folder_for_a_while() as place:
        writers = [threading.Thread(target=write, args=(place,)) for _ in range(2)]
        for writer in writers:
            writer.start()
    for writer in writers:
        writer.join()
    assert not place.exists()
