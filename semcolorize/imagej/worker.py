"""The resident worker: one a user, keeps the model loaded, does jobs in order.

It listens to no port: jobs come through a private folder. Started by `semcolorize.imagej.client` when a macro needs
it, it ends by itself when nothing was asked of it for a while.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from filelock import Timeout

from semcolorize._version import __version__
from semcolorize.errors import SemColorizeError
from semcolorize.imagej.home import Home
from semcolorize.imagej.jobfolder import Status, wants_cancel, write_status

__all__ = ["identity", "main", "serve", "share_cores"]

_POLL_SECONDS = 0.05
_LOCK_SECONDS = 3.0
"""Clients hold the lock for a moment when they ask whether a worker lives."""
_ABANDONED_SECONDS = 300.0
_TELL_SECONDS = 0.15
_ALIVE_SECONDS = 1.0
_CLEAR_SECONDS = 600.0


def identity() -> dict[str, object]:
    """What tells this worker from one of another installation, or of one that was updated since."""
    package = Path(__file__).parent.parent
    newest = max(path.stat().st_mtime_ns for path in package.rglob("*.py"))
    return {"version": __version__, "python": sys.executable, "package": str(package), "newest": newest}


def share_cores() -> None:
    """Let threads of torch sleep while they wait for each other; to be called before torch is loaded.

    By default they spin. ImageJ runs beside them, and what else the computer does: on two busy cores an image then
    takes twice the time.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def serve(home: Home, *, idle_minutes: float = 30.0, preload: bool = True) -> bool:
    """Do jobs until nothing was asked for `idle_minutes`.

    Parameters
    ----------
    home : Home
    idle_minutes : float
    preload : bool
        Load the default model before the first job.

    Returns
    -------
    served : bool
        False if there is a worker already.
    """
    lock = home.worker_lock()
    try:
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        return False
    try:
        home.introduce({"pid": os.getpid(), **identity()})
        with contextlib.suppress(OSError):
            home.retire.unlink()
        home.clear_old()
        _loop(home, idle_minutes * 60, preload)
    finally:
        # A macro that finds no sign of life has a new worker started at once.
        with contextlib.suppress(OSError):
            home.alive.unlink()
        lock.release()
    return True


def _loop(home: Home, idle_seconds: float, preload: bool) -> None:
    from semcolorize.imagej.jobs import Models
    from semcolorize.imagej.live import LiveImages

    models = Models()
    live = LiveImages(home, models)
    home.alive.touch()
    if preload and not home.waiting():
        _warm(models)
    last = told = cleared = time.monotonic()
    while time.monotonic() - last < idle_seconds:
        now = time.monotonic()
        if now - told > _ALIVE_SECONDS:
            home.alive.touch()
            told = now
        if now - cleared > _CLEAR_SECONDS:
            home.clear_old()
            cleared = now
        if home.retire.exists():
            with contextlib.suppress(OSError):
                home.retire.unlink()
            return
        if live.work():
            last = time.monotonic()
        waiting = home.waiting()
        if not waiting:
            time.sleep(live.pause(_POLL_SECONDS))
            continue
        folder = home.take(waiting[0])
        if folder is not None and not _abandoned(folder):
            run_job(folder, models)
        last = time.monotonic()


def _warm(models: object) -> None:
    """Load the model and color a few pixels, so that the first job finds everything in place."""
    import numpy as np

    from semcolorize.hints.model import PointHint

    try:
        colorizer = models.get()  # type: ignore[attr-defined]
        ramp = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
        colorizer.colorize(ramp, [PointHint(row=30, column=30, size=9, lab=(60.0, 40.0, 30.0), name="warm")])
    except Exception:
        # The job that needs it will say so where the user sees it.
        traceback.print_exc()


def _abandoned(folder: Path) -> bool:
    """Whether nobody waits for a job any more: ImageJ was closed or crashed while it was in the queue."""
    try:
        age = time.time() - (folder / "watch").stat().st_mtime
    except OSError:
        return False
    if age < _ABANDONED_SECONDS:
        return False
    with contextlib.suppress(OSError, SemColorizeError):
        write_status(folder, Status("cancelled", text="nobody waited for this job any more"))
    return True


def run_job(folder: Path, models: object) -> None:
    """Do one job; whatever goes wrong with it is told in its status and ends nothing else."""
    from semcolorize.imagej.jobs import Cancelled, do_job
    from semcolorize.imagej.requests import read_job

    started = time.perf_counter()
    told = 0.0

    def tell(progress: float, text: str) -> None:
        nonlocal told
        if wants_cancel(folder):
            raise Cancelled
        if time.perf_counter() - told >= _TELL_SECONDS:
            write_status(folder, Status("running", progress, text))
            told = time.perf_counter()

    try:
        tell(0.02, "the job was taken")
        done = do_job(read_job(folder), folder, models, tell)  # type: ignore[arg-type]
        seconds = time.perf_counter() - started
        status = Status(
            "done", 1.0, done.text,
            device=done.device, seconds=round(seconds, 2), notes="\n".join(done.notes), files="\n".join(done.files),
        )  # fmt: skip
    except Cancelled:
        status = Status("cancelled", text="cancelled")
    except SemColorizeError as error:
        status = _failed(str(error))
    except MemoryError as error:
        status = _failed(f"There is not enough memory for this image. Ask for fewer variants.\n\n{error}")
    except Exception as error:
        traceback.print_exc()
        status = _failed(f"{_short(error)}\n\n{traceback.format_exc()}")
    except BaseException:
        with contextlib.suppress(OSError, SemColorizeError):
            write_status(folder, _failed("The worker was stopped while it worked on this. Run it again."))
        raise
    try:
        write_status(folder, status)
    except (OSError, SemColorizeError) as error:
        # Nothing can be told; the client sees that the job is neither waiting nor done.
        print(f"{folder.name}: {error}", file=sys.stderr, flush=True)


def _failed(text: str) -> Status:
    return Status("failed", text=text.splitlines()[0][:200] if text else "failed", error=text)


def _short(error: Exception) -> str:
    if "out of memory" in str(error).lower():
        return "The graphics card has not enough memory for this image: choose cpu as device, or fewer variants."
    return f"This should not happen; please report it. {type(error).__name__}: {error}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a worker; exit code 0 also if there is one already."""
    parser = argparse.ArgumentParser(prog="python -m semcolorize.imagej.worker", description=__doc__)
    parser.add_argument("--home", help="private folder")
    parser.add_argument("--idle-minutes", type=float, default=30.0)
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    share_cores()
    served = serve(Home.open(options.home), idle_minutes=options.idle_minutes)
    if not served:
        print("A worker is running already.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
