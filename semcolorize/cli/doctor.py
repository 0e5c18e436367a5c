"""``semcolorize doctor``: what works here, with advice."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from pathlib import Path

import click

__all__ = ["command"]


@click.command("doctor")
@click.option(
    "--imagej",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of a Fiji or ImageJ. Default: SEMCOLORIZE_FIJI, else the installed package.",
)
def command(folder: Path | None) -> None:
    """Say what works on this machine: Python, torch, device, weights, a coloring, Java, ImageJ.

    Where an ImageJ is found, it is run on a few pixels, through its macro and the worker. Exits with 1 if something
    is broken.

    \b
    Example:
      semcolorize doctor --imagej ~/Fiji.app
    """
    from semcolorize._version import __version__
    from semcolorize.errors import SemColorizeError

    broken: list[str] = []
    _line("semcolorize", __version__)
    _line("Python", f"{platform.python_version()} ({sys.executable})")
    try:
        import torch
    except ImportError as error:
        _line("torch", f"missing ({error})", bad=True)
        click.echo("advice: reinstall with  pip install semcolorize", err=True)
        sys.exit(1)
    _line("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")
    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    _line("device", f"cuda: {', '.join(cuda)}" if cuda else "cpu (no CUDA device; the CPU is enough for single images)")
    try:
        from semcolorize.model.checkpoint import load_models

        models = load_models()
        for weights in (models.labels, models.diffuser):
            _line("weights", f"{weights.path.name}, SHA-256 {weights.sha256[:16]}, verified")
        _line("coloring", _try_coloring())
    except SemColorizeError as error:
        _line("weights", str(error), bad=True)
        broken.append("reinstall semcolorize, or give a weights file with --weights.")
    java = shutil.which("java")
    _line("Java", java or "not found (needed by ImageJ and Fiji only)")
    broken += _try_imagej(folder)
    for text in broken:
        click.echo(f"advice: {text}", err=True)
    if broken:
        sys.exit(1)
    click.echo("All that coloring needs works.")


def _try_imagej(folder: Path | None) -> list[str]:
    """Run a tiny job through a real ImageJ; returns advice if that fails."""
    from semcolorize.errors import BridgeError
    from semcolorize.imagej.chain import find_imagej, try_chain

    imagej = find_imagej(folder)
    if imagej is None:
        if asked := folder or os.environ.get("SEMCOLORIZE_FIJI"):
            said = "" if folder else " (SEMCOLORIZE_FIJI)"
            _line("ImageJ", f"{asked}{said} holds no Fiji or ImageJ that can be started", bad=True)
            java = "" if shutil.which("java") else ", or install Java for a plain ImageJ"
            return [f"give the folder that holds plugins{java}."]
        _line("ImageJ", "not found (give its folder with --imagej; results open in any ImageJ or Fiji)")
        return []
    _line("ImageJ", str(imagej))
    try:
        _line("chain", try_chain(imagej))
    except BridgeError as error:
        _line("chain", str(error), bad=True)
        return ["ImageJ cannot reach semcolorize; the line above says why. Coloring from Python works."]
    return []


def _line(name: str, text: str, *, bad: bool = False) -> None:
    click.echo(f"{'FAIL' if bad else 'ok  '}  {name:<12} {text}")


def _try_coloring() -> str:
    import numpy as np

    from semcolorize.hints.model import PointHint
    from semcolorize.pipeline import Colorizer

    colorizer = Colorizer.load()
    ramp = np.tile(np.arange(256, dtype=np.uint8), (192, 1))
    hints = [PointHint(row=96, column=200, size=9, lab=(60.0, 40.0, 30.0), name="test")]
    colorizer.colorize(ramp, hints)
    started = time.perf_counter()
    colorizer.colorize(ramp, hints)
    return f"256 x 192 pixels in {time.perf_counter() - started:.2f} s on {colorizer.device}"
