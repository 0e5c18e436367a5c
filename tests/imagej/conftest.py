"""The real ImageJ, run as a user's own would be."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_JARS = (Path("/usr/share/java/ij.jar"),)

RunMacro = Callable[..., Path]


def _imagej_command() -> list[str] | str:
    """The command that starts ImageJ, or the reason why there is none."""
    jar = next(
        (jar for jar in (Path(os.environ.get("SEMCOLORIZE_IJ_JAR", _JARS[0])), *_JARS) if jar.exists()), None
    )
    if jar is None:
        return "ImageJ is not installed (Debian packages imagej, libij-java)"
    for program, package in (("java", "openjdk-17-jre"), ("xvfb-run", "xvfb"), ("xauth", "xauth")):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian package {package})"
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1280x900x24"]
    return [*screen, "java", "-Xmx1g", "-cp", str(jar), "ij.ImageJ"]


@pytest.fixture(scope="session")
def imagej_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ImageJ folder with empty `plugins` and `macros`."""
    home = tmp_path_factory.mktemp("imagej_home")
    for folder in ("plugins", "macros"):
        (home / folder).mkdir()
    return home


@pytest.fixture(scope="session")
def imagej_command() -> list[str]:
    """The command that starts ImageJ on a screen of its own; skipped, or failed with CI=true, where there is none."""
    command = _imagej_command()
    if isinstance(command, list):
        return command
    missing = command
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{missing}; with CI=true the ImageJ tests must run")
    pytest.skip(missing)


@pytest.fixture(scope="session")
def run_macro(
    imagej_command: list[str], imagej_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunMacro]:
    """A function ``run_macro(source, arg="", timeout=120)`` that runs an ImageJ macro to its end.

    It returns the folder the macro ran in. `arg` is what ``getArgument()`` gives. A macro that stops with an
    error opens a dialog and hangs, and java exits 0 whatever happened, so that only a sentinel file written
    after the macro's last line counts as success.
    """
    lock = threading.Lock()

    def run(source: str, arg: str = "", *, timeout: float = 120) -> Path:
        folder = tmp_path_factory.mktemp("macro")
        done = folder / "done.txt"
        macro = folder / "macro.ijm"
        # 1.53t reads macros as Latin-1.
        macro.write_text(f'{source}\nFile.saveString("done", "{done}");\n', encoding="latin-1")
        line = [*imagej_command, "-ijpath", str(imagej_home), "-port0", "-batch", str(macro), arg]
        with (
            lock,
            subprocess.Popen(
                line,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            ) as process,
        ):
            try:
                output, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                # xvfb-run, Xvfb and java are one process group of ours.
                os.killpg(process.pid, signal.SIGTERM)
                output, _ = process.communicate()
                output += f"\n(stopped after {timeout:g} s: a macro error opens a dialog and hangs)"
        if not done.exists():
            pytest.fail(f"The macro did not reach its end.\n{output}\n--- macro\n{source}")
        return folder

    yield run
