"""Whether an installation works: a worker of its own colors a few pixels, as it would for ImageJ.

::

    python -m semcolorize.imagej.trial
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from semcolorize.errors import BridgeError, SemColorizeError
from semcolorize.imagej.client import start_worker, stop_worker
from semcolorize.imagej.home import Home

__all__ = ["try_worker"]

_SECONDS = 180.0


def try_worker(home: Home) -> str:
    """Have a worker answer one edit of a tiny live image.

    Parameters
    ----------
    home : Home
        One that nobody else uses.

    Returns
    -------
    said : str

    Raises
    ------
    BridgeError
        With the end of what the worker printed.
    """
    import numpy as np
    import tifffile

    folder = home.new_live()
    tifffile.imwrite(folder / "image.tif", np.tile(np.arange(96, dtype=np.uint8), (64, 1)))
    (folder / "image.json").write_text(json.dumps({"title": "trial"}))
    (folder / "edit_1.json").write_text(json.dumps({"edit": 1}))
    worker = start_worker(home, idle_minutes=3)
    answer, started = folder / "answer_1.txt", time.monotonic()
    try:
        while not answer.exists():
            if worker.poll() is not None or time.monotonic() - started > _SECONDS:
                end = home.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
                raise BridgeError("The worker gave no answer:\n" + "\n".join(end))
            time.sleep(0.05)
        text = answer.read_text(encoding="ascii")
        if "state=done" not in text:
            raise BridgeError(f"The worker answered:\n{text}")
    finally:
        stop_worker(home, seconds=20)
    return f"a worker colored a tiny image in {time.monotonic() - started:.1f} s"


def main() -> int:
    """Print what was found out."""
    with tempfile.TemporaryDirectory(prefix="semcolorize-", ignore_cleanup_errors=True) as place:
        try:
            print(try_worker(Home.open(Path(place) / "home")))
        except SemColorizeError as error:
            print(f"Error: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
