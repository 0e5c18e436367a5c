"""Speed and memory on this machine, against the thesis' sampler and classical methods on the same image."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from semcolorize.errors import SemColorizeError
from semcolorize.evaluation.baselines import levin, random_walker
from semcolorize.evaluation.smoother import fast_global_smoother
from semcolorize.hints.model import Hint, PointHint
from semcolorize.hints.rasterize import rasterize
from semcolorize.hints.walker import forget_factors
from semcolorize.micrograph.lightness import gray_to_lightness_plane
from semcolorize.network.conditioning import PRESETS, condition_image
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.pipeline import Colorizer
from semcolorize.scenes import make_scene

__all__ = ["CASES", "Case", "Timing", "machine", "measure", "sample_hints", "sample_micrograph"]

THESIS_STEPS = 1000


@dataclass(frozen=True)
class Timing:
    """One measurement.

    Attributes
    ----------
    name : str
        Of the case.
    device : str
    seconds : float
        Median of `runs`.
    fastest, slowest : float
    runs : int
    peak_mib : float or None
        Largest resident memory of the process, where it is one of its own and the system tells.
    note : str
        How it was measured, where that is not plain.
    """

    name: str
    device: str
    seconds: float
    fastest: float
    slowest: float
    runs: int
    peak_mib: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


Run = Callable[[Colorizer, int], Iterator[tuple[float, float | None]]]


@dataclass(frozen=True)
class Case:
    """Something to be timed: `run` yields seconds (and MiB or None), as often as it is asked."""

    name: str
    about: str
    run: Run
    cpu_only: bool = False
    note: str = ""
    factor: float = 1.0


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    from semcolorize._version import __version__

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "semcolorize": __version__,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def sample_micrograph(height: int, width: int, *, bits: int = 8) -> np.ndarray:
    """A procedural micrograph of any size: gray values of shape (height, width), uint8 or uint16, with pixel noise."""
    from skimage.transform import resize

    side = min(max(height, width), 1024)
    small = make_scene(11, side).lightness[: max(1, round(side * height / max(height, width)))]
    gray = resize(small, (height, width), order=1, mode="edge") / 100
    top = 2**bits - 1
    noisy = gray * top + np.random.default_rng(0).normal(0, 0.02 * top, gray.shape)
    return np.clip(noisy, 0, top).astype(np.uint8 if bits == 8 else np.uint16)


def sample_hints(height: int, width: int) -> list[Hint]:
    """Twelve point hints of four colors, gray among them, strewn over an image."""
    rng = np.random.default_rng(1)
    colors = [(55.0, 60.0, 40.0), (55.0, -40.0, 20.0), (55.0, 5.0, -50.0), (55.0, 0.0, 0.0)]
    size = max(3, min(height, width) // 80)
    return [
        PointHint(row=float(r * height), column=float(c * width), size=size, lab=colors[i % 4])
        for i, (r, c) in enumerate(rng.uniform(0.05, 0.95, (12, 2)))
    ]


def measure(
    colorizer: Colorizer,
    *,
    repeats: int = 5,
    only: Callable[[str], bool] = lambda name: True,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> list[Timing]:
    """Time the cases, one after another, on the device of `colorizer`.

    Parameters
    ----------
    colorizer : Colorizer
    repeats : int
        Runs of each case; what takes minutes is run once.
    only : callable
        Which cases, by name.
    on_progress : callable, optional
        Told ``(done, all, name)``.

    Returns
    -------
    list of Timing
    """
    on_gpu = colorizer.device.type != "cpu"
    chosen = [case for case in CASES if only(case.name) and not (on_gpu and case.cpu_only)]
    timings = []
    for i, case in enumerate(chosen):
        if on_progress is not None:
            on_progress(i, len(chosen), case.name)
        measured = list(case.run(colorizer, repeats))
        seconds = case.factor * np.array([s for s, _ in measured])
        memory = [m for _, m in measured if m is not None]
        timing = Timing(
            case.name, str(colorizer.device), float(np.median(seconds)), float(seconds.min()),
            float(seconds.max()), len(seconds), max(memory) if memory else None, case.note,
        )  # fmt: skip
        timings.append(timing)
    if on_progress is not None:
        on_progress(len(chosen), len(chosen), "done")
    return timings


def _timed(work: Callable[[], Any], repeats: int, *, warm: bool = True) -> Iterator[tuple[float, None]]:
    if warm:
        work()
    for _ in range(repeats):
        forget_factors()
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        yield time.perf_counter() - started, None


def _nine_small(colorizer: Colorizer, repeats: int) -> Iterator[tuple[float, None]]:
    image, hints = sample_micrograph(256, 312), sample_hints(256, 312)
    return _timed(lambda: colorizer.colorize(image, hints, variants=9), repeats)


def _one(colorizer: Colorizer, repeats: int) -> Iterator[tuple[float, None]]:
    image, hints = sample_micrograph(768, 1024), sample_hints(768, 1024)
    return _timed(lambda: colorizer.colorize(image, hints), repeats)


def _edit(colorizer: Colorizer, repeats: int) -> Iterator[tuple[float, None]]:
    prepared, hints = colorizer.prepare(sample_micrograph(768, 1024)), sample_hints(768, 1024)
    edits = iter(range(1, repeats + 2))
    # Every time another hint is taken away.
    return _timed(lambda: colorizer.colorize(prepared, hints[: -next(edits)]), repeats)


def _batch(colorizer: Colorizer, repeats: int) -> Iterator[tuple[float, None]]:
    images = [np.roll(sample_micrograph(768, 1024), 97 * i, axis=1) for i in range(4)]
    hints = sample_hints(768, 1024)
    return _timed(lambda: [colorizer.colorize(image, hints) for image in images], repeats)


def _thesis_step(colorizer: Colorizer, repeats: int) -> Iterator[tuple[float, None]]:
    model = ABDiffuser(PRESETS["thesis"]).eval().requires_grad_(False).to(colorizer.device)
    lightness = gray_to_lightness_plane(sample_micrograph(256, 312), (0, 255))
    drawn = rasterize(sample_hints(256, 312), lightness.shape)
    condition = condition_image(model.config, lightness, drawn.hint_ab, drawn.hint_mask)
    batch = condition.repeat(1 if colorizer.device.type == "cpu" else 9).to(colorizer.device)
    denoise = model.denoiser(batch)
    noise = torch.randn(batch.prior.shape, generator=torch.Generator().manual_seed(0)).to(colorizer.device)

    @torch.inference_mode()
    def step() -> None:
        denoise(noise, torch.full((), 0.5, dtype=torch.float64))

    factor = 9 if colorizer.device.type == "cpu" else 1
    for seconds, memory in _timed(step, 1):
        yield factor * seconds, memory


def _peer(method: Callable[..., np.ndarray]) -> Callable[[Colorizer, int], Iterator[tuple[float, None]]]:
    def run(colorizer: Colorizer, repeats: int) -> Iterator[tuple[float, None]]:
        lightness = gray_to_lightness_plane(sample_micrograph(768, 1024), (0, 255))
        drawn = rasterize(sample_hints(768, 1024), lightness.shape)
        return _timed(lambda: method(lightness, drawn.hint_ab, drawn.hint_mask), min(repeats, 2), warm=False)

    return run


def _whole_command(height: int, width: int, bits: int) -> Run:
    def run(colorizer: Colorizer, repeats: int) -> Iterator[tuple[float, float | None]]:
        import tifffile

        with tempfile.TemporaryDirectory(prefix="semcolorize-benchmark-") as folder:
            image, hints = Path(folder) / "image.tif", Path(folder) / "image.hints.yaml"
            tifffile.imwrite(image, sample_micrograph(height, width, bits=bits))
            rows = [
                f"  - {{point: [{int(h.column)}, {int(h.row)}], size: {h.size}, color: {{lab: {list(h.lab)}}}}}"
                for h in sample_hints(height, width)
                if isinstance(h, PointHint)
            ]
            hints.write_text("\n".join(["hints:", *rows, ""]), encoding="utf-8")
            for i in range(min(repeats, 3) if height * width > 5e6 else repeats):
                yield _run_command(
                    ["colorize", str(image), "--hints", str(hints), "-o", str(Path(folder) / f"{i}.tif"),
                     "--device", str(colorizer.device), "--weights", str(colorizer.weights.path), "--json"]
                )  # fmt: skip

    return run


_LAUNCHER = """
import subprocess, sys, time
started = time.perf_counter()
code = subprocess.call([sys.executable, "-m", "semcolorize", *sys.argv[1:]], stdout=subprocess.DEVNULL)
seconds, peak = time.perf_counter() - started, -1
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
except ImportError:
    pass
print(seconds, peak)
sys.exit(code)
"""
"""A small process between: a child's peak memory counts from what its parent had when it was started."""


def _run_command(arguments: list[str]) -> tuple[float, float | None]:
    """Seconds and peak memory (MiB) of one command in a process of its own."""
    answer = subprocess.run([sys.executable, "-c", _LAUNCHER, *arguments], capture_output=True, text=True)
    if answer.returncode:
        raise SemColorizeError(
            f"the benchmark's own command failed with exit code {answer.returncode}: {answer.stderr.strip()[-500:]}"
        )
    seconds, peak = map(float, answer.stdout.split())
    return seconds, peak if peak > 0 else None


CASES = (
    Case("nine 312x256", "nine outputs of 312 x 256", _nine_small),
    Case(
        "thesis: nine 312x256", "the thesis' sampler, the same nine", _thesis_step, factor=THESIS_STEPS,
        note=f"one step of the thesis preset timed, times {THESIS_STEPS} steps",
    ),
    Case("one 1024x768", "one output of 1024 x 768, model loaded", _one),
    Case("edited hint 1024x768", "the same image again, a hint taken away", _edit),
    Case("four of 1024x768", "four images one after another: the rate of a batch", _batch),
    Case("random walker 1024x768", "classical: random walker on every pixel", _peer(random_walker), cpu_only=True),
    Case("Levin 1024x768", "classical: Levin et al. 2004", _peer(levin), cpu_only=True),
    Case("fast global smoother 1024x768", "classical: Min et al. 2014", _peer(fast_global_smoother), cpu_only=True),
    Case("cold 1024x768", "the whole command: start, load, color, write", _whole_command(768, 1024, 8)),
    Case("cold 2560x2048", "the same, 2560 x 2048", _whole_command(2048, 2560, 8)),
    Case("cold 6144x4096 16 bit", "the same, 6144 x 4096, 16 bit", _whole_command(4096, 6144, 16)),
)  # fmt: skip
"""What is timed, in this order."""
