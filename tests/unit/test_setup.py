"""Setting up from one file: what it runs on each system, what it says when something is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from semcolorize.imagej import bootstrap
from semcolorize.imagej.bootstrap import SetupFailed, Told, environment_python, find_wheel, run, spell, steps, work
from semcolorize.imagej.install import macro_folder
from semcolorize.imagej.jobfolder import unspell
from semcolorize.imagej.setup_macro import SETUP_MACRO, embedded, with_bootstrap


def planned(action="install", system="linux", gpu=False, wheel=None, imagej="/opt/Fiji ä.app"):
    python = environment_python(Path("/home/jö rg/.semcolorize/env"), system)
    return steps(action, python=python, imagej=imagej, wheel=wheel, system=system, gpu=gpu)


def test_the_macro_carries_the_script_as_it_is():
    macro = macro_folder().joinpath(SETUP_MACRO).read_text(encoding="ascii")
    assert with_bootstrap(macro) == macro, "run: python -m semcolorize.imagej.setup_macro"
    spelled = embedded('a = "\\n"\n')
    assert spelled == 'function script() {\n    t = "";\n    t += "a = \\"\\\\n\\"\\n";\n    return t;\n}\n'


def test_the_script_needs_nothing_but_python():
    code = (
        "import sys, importlib.util as u; s = u.spec_from_file_location('b', sys.argv[1]); m = u.module_from_spec(s);"
        "s.loader.exec_module(m);"
        "print(sorted({n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)))"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, bootstrap.__file__], capture_output=True, text=True, check=True
    )
    assert not set(eval(answer.stdout)) - {"__main__", "b"}


@pytest.mark.parametrize(
    ("system", "end"),
    [("win32", "env/Scripts/python.exe"), ("darwin", "env/bin/python"), ("linux", "env/bin/python")],
)
def test_the_environments_python_on_each_system(system, end):
    assert environment_python(Path("/x/env"), system).as_posix().endswith(end)


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_windows_and_macos_take_the_registrys_pytorch(system):
    words = [" ".join(step[1]) for step in planned(system=system)]
    assert not any(bootstrap.CPU_INDEX in line for line in words)
    assert words[0].endswith("--upgrade semcolorize") and "imagej install --imagej /opt/Fiji ä.app" in words[1]
    # Words, never a line for a shell: spaces and other scripts need no quotes.
    assert planned(system=system)[1][1][-1] == "/opt/Fiji ä.app"


def test_linux_without_a_card_takes_the_small_pytorch_where_it_can():
    first, *rest = planned()
    assert bootstrap.CPU_INDEX in first[1] and first[2] is False
    assert [what for what, *_ in planned(gpu=True)] == [what for what, *_ in rest]


def test_a_wheel_beside_the_macro_is_taken_and_an_update_ends_the_worker(tmp_path):
    assert find_wheel(str(tmp_path)) is None and find_wheel("") is None
    for age, name in ((20, "semcolorize-0.1.0-py3-none-any.whl"), (10, "semcolorize-0.2.0-py3-none-any.whl")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (2e9 - age, 2e9 - age))
    wheel = find_wheel(str(tmp_path))
    assert wheel is not None and wheel.name.startswith("semcolorize-0.2.0")
    steps_ = planned("update", wheel=wheel)
    assert steps_[0][1][-2:] == ["semcolorize.imagej.client", "stop"] and not steps_[0][2]
    assert [step[1][-1] for step in steps_ if "--force-reinstall" in step[1]] == [str(wheel)]


def test_what_a_step_printed_is_told_when_it_fails(tmp_path):
    told = Told(tmp_path / "setup.txt")
    with pytest.raises(SetupFailed, match="no space left") as caught:
        run("installing", [sys.executable, "-c", "print('no space left'); raise SystemExit(3)"], told, 0.5)
    assert "exit code 3" in str(caught.value)
    with pytest.raises(SetupFailed, match="cannot be started"):
        run("installing", ["/nowhere/python"], told, 0.5)
    run("trying", [sys.executable, "-c", "print('größe 試料')"], told, 0.5)
    lines = dict(line.split("=", 1) for line in (tmp_path / "setup.txt").read_text("ascii").splitlines())
    assert unspell(lines["text"]) == "trying\ngröße 試料" and lines["state"] == "running"


def test_a_plugins_folder_nobody_may_write_into_is_said_before_anything_is_downloaded(tmp_path, monkeypatch):
    (tmp_path / "Fiji" / "plugins").mkdir(parents=True)
    # The administrator, as whom tests may run, can write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SetupFailed, match="Move the folder"):
        work("install", str(tmp_path / "Fiji"), str(tmp_path / "home"), "", Told(tmp_path / "setup.txt"))


def test_a_folder_without_plugins_and_nothing_to_remove_are_told(tmp_path):
    told = Told(tmp_path / "setup.txt")
    with pytest.raises(SetupFailed, match="Move the folder"):
        work("install", str(tmp_path), str(tmp_path / "home"), "", told)
    with pytest.raises(SetupFailed, match="nothing to remove"):
        work("remove", str(tmp_path), str(tmp_path / "home"), "", told)
    assert not (tmp_path / "home" / "env").exists()


def test_the_script_ends_with_a_status_whatever_happens(tmp_path):
    home = tmp_path / "hö me"
    words = [sys.executable, "-I", bootstrap.__file__, "install", spell(str(tmp_path)), spell(str(home)), ""]
    assert subprocess.run(words, capture_output=True).returncode == 1
    text = (home / "setup.txt").read_text("ascii")
    assert "state=failed" in text and "Move the folder" in text and (home / "setup.log").exists()
