"""What ``Set up SemColorize.ijm`` runs before semcolorize is there: a private environment, the package, the macros.

Nothing but Python itself is imported: the macro carries this file in it (`semcolorize.imagej.setup_macro`) and starts
it with whatever Python 3.11 or newer it found. It prints nothing; all it has to say goes into a status file, as lines
of key=value spelled in ASCII, which ImageJ reads whatever the system's encoding is.

::

    python setup.py install|update|remove IMAGEJ HOME SOURCE     (the last three spelled)

IMAGEJ is the folder of ImageJ or Fiji, HOME the private folder (``~/.semcolorize``), and SOURCE a folder in which a
wheel may lie; without one the package comes from the registry.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

OLDEST = (3, 11)
TORCH = "torch>=2.6,<2.14"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SIGN = "semcolorize-environment.txt"
TAIL = 25


class SetupFailed(Exception):
    """Something went wrong; the message is for the user."""


def spell(text: str) -> str:
    """Write any text as one ASCII line."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    units = text.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)


def unspell(line: str) -> str:
    """Read what `spell` wrote."""

    def letter(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else {"n": "\n"}.get(code, code)

    text = re.sub(r"\\(u[0-9a-f]{4}|.)", letter, line)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def environment_python(environment: Path, system: str) -> Path:
    """Where the interpreter of an environment lies, on a system as `sys.platform` names it."""
    return environment / ("Scripts/python.exe" if system == "win32" else "bin/python")


def find_wheel(source: str) -> Path | None:
    """The newest wheel of semcolorize in a folder, if there is any."""
    if not source or not Path(source).is_dir():
        return None
    wheels = sorted(Path(source).glob("semcolorize-*.whl"), key=lambda path: path.stat().st_mtime)
    return wheels[-1] if wheels else None


def steps(
    action: str, *, python: Path, imagej: str, wheel: Path | None, system: str, gpu: bool
) -> list[tuple[str, list[str], bool]]:
    """What is run, in order.

    Parameters
    ----------
    action : {"install", "update", "remove"}
    python : Path
        Of the environment.
    imagej : str
    wheel : Path or None
    system : str
        As `sys.platform` names it.
    gpu : bool
        Whether there is an NVIDIA card.

    Returns
    -------
    list of (str, list of str, bool)
        What it is, the command's words, and whether its failure is one of the whole.
    """
    program = [str(python), "-X", "utf8", "-m"]
    macros = [*program, "semcolorize", "imagej", "install", "--imagej", imagej]
    stop = ("ending the worker", [*program, "semcolorize.imagej.client", "stop"], False)
    if action == "remove":
        return [stop, ("taking the macros out of ImageJ", [*macros, "--uninstall"], False)]
    pip = [*program, "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    planned = [stop] if action == "update" else []
    if system == "linux" and not gpu:
        # Elsewhere the registry's own build is for the CPU; here it would bring gigabytes of CUDA.
        small = [*pip, "--timeout", "20", "--retries", "1", "--index-url", CPU_INDEX, TORCH]
        planned.append(("installing PyTorch for the CPU", small, False))
    package = [*pip, "--upgrade", "semcolorize"]
    if wheel is not None:
        package = [*pip, "--force-reinstall", "--no-deps", str(wheel)]
        planned.append(("installing what semcolorize needs", [*pip, str(wheel)], True))
    planned.append(("installing semcolorize", package, True))
    planned.append(("putting the macros into ImageJ", macros, True))
    planned.append(("trying it out", [*program, "semcolorize.imagej.trial"], True))
    return planned


class Told:
    """The status file."""

    def __init__(self, path: Path) -> None:
        self._path, self._started = path, time.monotonic()
        self.log: list[str] = []

    def tell(self, state: str, progress: float, text: str, error: str = "") -> None:
        """Replace the file as a whole."""
        values = {
            "state": state, "progress": f"{progress:.3f}", "text": text, "error": error,
            "seconds": f"{time.monotonic() - self._started:.0f}",
        }  # fmt: skip
        waiting = self._path.with_suffix(".part")
        waiting.write_text("".join(f"{key}={spell(value)}\n" for key, value in values.items()), encoding="ascii")
        for _ in range(40):
            with contextlib.suppress(PermissionError):
                # Windows does not replace a file while a macro reads it; that takes no time.
                waiting.replace(self._path)
                return
            time.sleep(0.05)


def run(what: str, words: Sequence[str], told: Told, progress: float) -> None:
    """Run one step, telling its last line all the time; SetupFailed with the end of what it printed."""
    apart: dict[str, Any] = {"creationflags": 0x08000000} if os.name == "nt" else {}
    told.log.append(f"> {' '.join(words)}")
    told.tell("running", progress, what)
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", env=environment | {"PYTHONIOENCODING": "utf-8"}, **apart,
        )  # fmt: skip
    except OSError as error:
        raise SetupFailed(f"{what}: {words[0]} cannot be started: {error}.") from None
    lines: list[str] = []
    for line in process.stdout or ():
        if line.strip():
            lines.append(line.rstrip())
            told.tell("running", progress, f"{what}\n{line.strip()[:110]}")
    code = process.wait()
    told.log += lines
    if code:
        end = "\n".join(lines[-TAIL:]) or "(it printed nothing)"
        raise SetupFailed(f"{what} failed (exit code {code}):\n\n{end}")


def make_environment(environment: Path, told: Told) -> Path:
    """Create the environment, unless it is there."""
    python = environment_python(environment, sys.platform)
    if not python.exists():
        words = [sys.executable, "-m", "venv", str(environment)]
        try:
            run("making a private environment", words, told, 0.02)
        except SetupFailed as error:
            advice = ""
            if sys.platform == "linux" and ("ensurepip" in str(error) or "No module named venv" in str(error)):
                advice = "\n\nOn Debian and Ubuntu, in a terminal:  sudo apt install python3-venv"
            raise SetupFailed(f"{error}{advice}") from None
    (environment / SIGN).write_text("Made by Set up SemColorize.ijm, which removes it, too.\n", encoding="ascii")
    return python


def work(action: str, imagej: str, home: str, source: str, told: Told) -> str:
    """Do all of it; returns the last words."""
    if sys.version_info < OLDEST:
        raise SetupFailed(f"{sys.executable} is Python {sys.version.split()[0]}; 3.11 or newer is needed.")
    environment = Path(home) / "env"
    python = environment_python(environment, sys.platform)
    if action == "remove" and not python.exists():
        raise SetupFailed(f"There is nothing to remove: no environment in {environment}.")
    if action != "remove":
        # Said before anything is downloaded: the macros are copied last.
        target = Path(imagej) / "plugins"
        if not target.is_dir() or not os.access(target, os.W_OK):
            raise SetupFailed(
                f"Nobody may write into {target} with your account. Move the folder of ImageJ or Fiji to a place of"
                " your own (your home or the desktop) and run this again, or ask whoever looks after this computer."
            )
        action = "update" if python.exists() else "install"
        python = make_environment(environment, told)
    gpu = shutil.which("nvidia-smi") is not None
    planned = steps(action, python=python, imagej=imagej, wheel=find_wheel(source), system=sys.platform, gpu=gpu)
    for number, (what, words, needed) in enumerate(planned):
        try:
            run(what, words, told, 0.05 + 0.93 * number / len(planned))
        except SetupFailed as error:
            if needed:
                raise
            told.log.append(f"(went on without it: {error})")
    if action == "remove":
        if (environment / SIGN).exists():
            shutil.rmtree(environment, ignore_errors=True)
        return "SemColorize was removed."
    return "SemColorize is set up."


def main(argv: Sequence[str]) -> int:
    """Run as a script; the exit code is 0 if all went well."""
    action, imagej, home, source = argv[0], *(unspell(word) for word in argv[1:4])
    Path(home).mkdir(mode=0o700, parents=True, exist_ok=True)
    told = Told(Path(home) / "setup.txt")
    try:
        text, state, error = work(action, imagej, home, source, told), "done", ""
    except SetupFailed as failed:
        text, state, error = "SemColorize was not set up.", "failed", str(failed)
    except Exception as failed:
        text, state, error = "SemColorize was not set up.", "failed", f"{type(failed).__name__}: {failed}"
    (Path(home) / "setup.log").write_text("\n".join([*told.log, error, ""]), encoding="utf-8", errors="replace")
    told.tell(state, 1.0, text, error)
    return 0 if state == "done" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
