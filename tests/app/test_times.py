"""How long people wait, medians of ten: told, not asserted, for machines differ.

    pytest tests/app/test_times.py -s
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

PLACES = [
    (207, 51), (452, 258), (540, 228), (903, 410), (308, 438), (725, 298), (788, 627), (943, 80), (120, 560),
    (660, 700),
]  # fmt: skip


def told(what: str, seconds: list[float]) -> None:
    middle, least, most = statistics.median(seconds), min(seconds), max(seconds)
    print(f"\n{what}: median {middle:.2f} s of {len(seconds)} ({least:.2f} to {most:.2f})")


def clicks(window: Any, factor: int) -> list[float]:
    """Seconds from each click to the picture that shows it."""
    seconds = []
    for i, (x, y) in enumerate(PLACES):
        window.page.keyboard.press(str(1 + i % 3))
        place = window.place(factor * x, factor * y)
        before = window.get("app.viewer.arrived")
        begun = time.perf_counter()
        window.page.mouse.click(*place)
        window.until("app.viewer.arrived > x", before)
        seconds.append(time.perf_counter() - begun)
        # As people do: they look before they click again, and meanwhile it sharpens.
        window.page.wait_for_timeout(700)
    return seconds


@pytest.mark.slow
def test_click_to_picture(app: Callable[..., Any], show: Callable[..., Any], micrograph: Path) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.page.wait_for_timeout(3000)
    told("click to picture, 1024 x 768", clicks(window, 1))
    assert window.get("app.state.hints.length") == len(PLACES)


@pytest.mark.slow
def test_click_to_picture_of_a_large_one(
    app: Callable[..., Any], show: Callable[..., Any], tmp_path: Path, scene: np.ndarray
) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    large = np.zeros((4096, 6144), np.uint16)
    wide = np.concatenate([scene, scene[:, 512:]], axis=1)
    tall = np.concatenate([wide, wide[:256]], axis=0)
    large[:] = np.kron(tall, np.ones((4, 4), np.uint16)) * np.uint16(200)
    large += np.random.default_rng(0).integers(0, 3000, large.shape, dtype=np.uint16)
    tifffile.imwrite(folder / "large.tif", large)
    window = show(app(folder / "large.tif").address)
    window.opened()
    window.page.wait_for_timeout(5000)
    told("click to picture, 6144 x 4096, 16 bit", clicks(window, 4))
    frame = window.page.evaluate(
        """() => new Promise((done) => { const { viewer } = window.semcolorize; viewer.actual(); let n = 0;
        const begun = performance.now(); const step = () => { viewer.pan(n % 2 ? 9 : -8, 3); viewer.draw();
        if (++n === 100) done((performance.now() - begun) / n / 1000);
        else requestAnimationFrame(step); }; step(); })"""
    )
    print(f"\na frame of panning at 6144 x 4096: {1000 * frame:.1f} ms")


@pytest.mark.slow
def test_start_to_window(app: Callable[..., Any], show: Callable[..., Any], micrograph: Path) -> None:
    seconds = []
    for i in range(10):
        begun = time.perf_counter()
        server = app(micrograph, home=micrograph.parent.parent / f"home {i}")
        window = show(server.address)
        window.until("app.viewer.info && app.viewer.grays.size")
        seconds.append(time.perf_counter() - begun)
        window.page.close()
        server.process.terminate()
        server.process.wait()
    told("start to window", seconds)
