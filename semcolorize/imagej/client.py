"""What macros call: hands a job to the worker, starts one if there is none, and watches over it.

It loads no torch, so that it starts at once. As long as a job lasts, the client lasts: it alone can tell a worker that
is busy from one that died, and it tells ImageJ through the job's status.

::

    python -P -m semcolorize.imagej.client new                 prints a fresh job folder, and has a worker started
    python -P -m semcolorize.imagej.client run FOLDER          does the job in it
    python -P -m semcolorize.imagej.client live [FOLDER]       prints the folder of a live image, with a worker alive
    python -P -m semcolorize.imagej.client palette FILE        prints a palette: name=#rrggbb, a line each
    python -P -m semcolorize.imagej.client savepalette FILE HOW COLORS     writes one; HOW: keep or replace a file
    python -P -m semcolorize.imagej.client stop                ends the worker
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from semcolorize.errors import BridgeError, OutputError, SemColorizeError
from semcolorize.imagej.home import Home
from semcolorize.imagej.jobfolder import Status, read_status, spell, unspell, wants_cancel, write_status

__all__ = ["main", "run", "start_worker", "stop_worker"]

_POLL_SECONDS = 0.05
_PROBE_SECONDS = 0.5
_WATCH_SECONDS = 1.0
_CANCEL_SECONDS = 30.0
"""A worker that does not react to a cancel for so long is stuck, and is stopped."""
_ASKING_SECONDS = 60.0
"""A macro that waits says so every second; one that was ended with Esc, or whose ImageJ was closed, does not."""
_STARTS = 3
_LOG_BYTES = 1 << 20


def start_worker(home: Home, *, idle_minutes: float | None = None) -> subprocess.Popen[bytes]:
    """Start a worker that outlives this process; it ends at once if there is one already."""
    if home.log.exists() and home.log.stat().st_size > _LOG_BYTES:
        home.log.write_bytes(b"")
    words = [sys.executable, "-P", "-X", "utf8", "-m", "semcolorize.imagej.worker", "--home", str(home.root)]
    minutes = os.environ.get("SEMCOLORIZE_IDLE_MINUTES") if idle_minutes is None else str(idle_minutes)
    words += ["--idle-minutes", minutes] if minutes else []
    apart: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        apart = {"creationflags": 0x08000000 | 0x00000200}  # CREATE_NO_WINDOW, CREATE_NEW_PROCESS_GROUP
    with home.log.open("ab") as log:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home.root, close_fds=True, **apart
        )


def stop_worker(home: Home, *, seconds: float = 60.0) -> bool:
    """Ask the worker to end after its job, and wait for that; returns whether none is left."""
    if not home.worker_lives():
        return True
    home.retire.write_bytes(str(home.worker().get("pid", "")).encode())
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not home.worker_lives():
            return True
        time.sleep(_POLL_SECONDS)
    return False


def run(home: Home, folder: Path) -> Status:
    """Have a job done.

    Parameters
    ----------
    home : Home
    folder : Path
        A job folder of it, with everything in it.

    Returns
    -------
    status : Status
        How it ended; the same stands in the folder.
    """
    watch = _Watch(home, folder)
    try:
        return watch.run()
    except (SemColorizeError, OSError) as error:
        status = Status("failed", text=str(error).splitlines()[0][:200], error=str(error))
        with contextlib.suppress(SemColorizeError, OSError):
            write_status(folder, status)
        return status


class _Watch:
    """Over one job, until it ended."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self.folder = home, folder
        self._starts: list[subprocess.Popen[bytes]] = []
        self._cancelled_at: float | None = None

    def run(self) -> Status:
        self._touch()
        write_status(self.folder, Status("waiting", text="waiting for the worker"))
        _retire_strangers(self.home)
        self.entry = self.home.submit(self.folder)
        touch, probe = _Every(_WATCH_SECONDS, self._touch), _Every(_PROBE_SECONDS, self._look_after_worker)
        while True:
            status = read_status(self.folder)
            if status is not None and status.finished:
                return status
            if wants_cancel(self.folder) or self._forsaken():
                self._cancel()
            touch()
            probe()
            time.sleep(_POLL_SECONDS)

    def _touch(self) -> None:
        (self.folder / "watch").touch()

    def _look_after_worker(self) -> None:
        if self.home.worker_lives():
            if self.entry.exists() and (status := read_status(self.folder)) and status.state == "starting":
                self._tell("waiting", "waiting for the worker: it is busy or loading the model")
            return
        if self.entry.exists():
            self._start()
            return
        # It was taken, and whoever took it is gone. The last word may just have been written.
        time.sleep(_POLL_SECONDS)
        status = read_status(self.folder)
        if status is None or not status.finished:
            raise BridgeError(
                "The worker ended while it colored this image: it crashed, was killed, or the computer ran out of "
                "memory. Nothing needs to be cleaned up; run it again and a new worker starts by itself."
                + self._log_tail()
            )

    def _start(self) -> None:
        if self._starts and self._starts[-1].poll() is None:
            return
        if len(self._starts) >= _STARTS:
            code = self._starts[-1].returncode
            self.entry.unlink(missing_ok=True)
            raise BridgeError(
                f"The worker does not start: {sys.executable} ended with exit code {code} (tried {_STARTS} times). "
                f"In a terminal, '{sys.executable}' -m semcolorize doctor says what is wrong." + self._log_tail()
            )
        self._tell("starting", "starting the worker: the first time takes a few seconds")
        self._starts.append(start_worker(self.home))

    def _tell(self, state: Any, text: str) -> None:
        # Whoever takes the job tells of it from then on.
        if self.entry.exists():
            write_status(self.folder, Status(state, text=text))

    def _cancel(self) -> None:
        now = time.monotonic()
        self._cancelled_at = self._cancelled_at or now
        with contextlib.suppress(FileNotFoundError):
            self.entry.unlink()
            write_status(self.folder, Status("cancelled", text="cancelled"))
            return
        if now - self._cancelled_at > _CANCEL_SECONDS and self.home.worker_lives():
            pid = self.home.worker().get("pid")
            if isinstance(pid, int):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            raise BridgeError(f"The worker did not react to the cancel for {_CANCEL_SECONDS:g} s and was stopped.")

    def _forsaken(self) -> bool:
        try:
            silent = time.time() - (self.folder / "asking").stat().st_mtime > _ASKING_SECONDS
        except OSError:
            return False
        if silent:
            (self.folder / "cancel").touch()
        return silent

    def _log_tail(self) -> str:
        try:
            lines = self.home.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        except OSError:
            return ""
        return f"\n\nThe end of {self.home.log}:\n" + "\n".join(lines) if lines else ""


def _retire_strangers(home: Home) -> None:
    """End a worker of another version or installation: it would not do what this one's macros ask for."""
    from semcolorize.imagej.worker import identity

    about, mine = home.worker(), identity()
    if about and {key: about.get(key) for key in mine} != mine and home.worker_lives():
        home.retire.write_bytes(str(about.get("pid", "")).encode())


class _Every:
    """Calls a function, but not more often than every so many seconds."""

    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self._seconds, self._function, self._next = seconds, function, 0.0

    def __call__(self) -> None:
        if time.monotonic() >= self._next:
            self._function()
            self._next = time.monotonic() + self._seconds


def _new(home: Home) -> str:
    folder = home.new_job()
    if not home.worker_lives():
        start_worker(home)
    return spell(str(folder))


def _live(home: Home, given: str) -> str:
    folder = home.live_image(given) if given else home.new_live()
    _retire_strangers(home)
    if home.retire.exists() or not home.worker_lives():
        # It waits for one that is about to end.
        start_worker(home)
    return spell(str(folder))


def _palette(name: str) -> str:
    from semcolorize.hintfiles.yaml_palettes import read_palette

    return "\n".join(f"{spell(key)}={color.hex}" for key, color in read_palette(name).items())


def _save_palette(file: str, how: str, colors: str) -> str:
    from semcolorize.color.palette import NamedColor, parse_color
    from semcolorize.hintfiles.palette_files import palette_file
    from semcolorize.micrograph.atomic import write_bytes_atomic

    entries = [line.rpartition("=") for line in unspell(colors).splitlines() if line.strip()]
    palette = {name: NamedColor(name, parse_color(color)) for name, _, color in entries}
    target = Path(unspell(file)).expanduser()
    content = palette_file(palette, target.suffix.lower(), title=target.stem)
    try:
        write_bytes_atomic(target, content, overwrite=how == "replace")
    except OutputError as error:
        error.message = error.message.replace("with --overwrite", "(Replace, in the dialog)")
        raise
    return spell(str(target))


def main(argv: Sequence[str] | None = None) -> int:
    """Answer a macro. Errors go to stdout too, after ``ERROR=``: ImageJ's exec shows nothing else."""
    parser = argparse.ArgumentParser(
        prog="python -m semcolorize.imagej.client", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["new", "run", "live", "palette", "savepalette", "stop"])
    parser.add_argument("argument", nargs="?", default="")
    parser.add_argument("more", nargs="*")
    options = parser.parse_args(argv)
    try:
        home = Home.open()
        if options.command == "new":
            print(_new(home))
        elif options.command == "live":
            print(_live(home, options.argument))
        elif options.command == "palette":
            print(_palette(options.argument or "micrograph"))
        elif options.command == "savepalette":
            if len(options.more) != 2:
                raise BridgeError("savepalette takes a file, keep or replace, and colors.")
            print(_save_palette(options.argument, *options.more))
        elif options.command == "stop":
            print("stopped" if stop_worker(home) else "ERROR=The worker is busy and was asked to end afterwards.")
        else:
            return 0 if run(home, home.job(options.argument)).state == "done" else 1
    except (SemColorizeError, OSError) as error:
        print(f"ERROR={spell(str(error))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
