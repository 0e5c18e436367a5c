"""The window in a real browser: Debian's chromium, driven by playwright's Python package."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from semcolorize.color.lab import lightness_to_gray
from semcolorize.scenes import make_scene

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless browser; tests are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium; on Debian: sudo apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    with playwright.sync_playwright() as tool:
        # Containers run tests as root, where chromium's sandbox does not start.
        opened = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@dataclass
class Server:
    """A running ``semcolorize app``."""

    process: subprocess.Popen[str]
    address: str
    home: Path
    seconds: float


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts ``semcolorize app`` with arguments, and ends it after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, home: Path | None = None) -> Server:
        pytest.importorskip("starlette", reason="the extra [app] is not installed")
        home = home or tmp_path / "home"
        words = [sys.executable, "-m", "semcolorize", "app", "--no-browser", *map(str, arguments)]
        begun = time.perf_counter()
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env={**os.environ, "SEMCOLORIZE_HOME": str(home)}
        )
        started.append(process)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        return Server(process, address, home, time.perf_counter() - begun)

    yield start
    for process in started:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class Window:
    """The window in a page, as a person uses it."""

    page: Any
    faults: list[str] = field(default_factory=list)

    def until(self, expression: str, argument: Any = None, *, seconds: float = 20.0) -> None:
        """Wait for a JavaScript function of the app to be true (the page itself may not evaluate text)."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(f"(x) => {{ const app = window.semcolorize; return ({expression}); }}", argument):
            if time.monotonic() > end:
                shown = self.get("JSON.stringify([app?.state, app?.viewer?.picture, app?.working?.textContent])")
                raise AssertionError(f"never came true: {expression}; the window: {self.messages()}, {shown}")
            time.sleep(0.01)

    def get(self, expression: str, argument: Any = None) -> Any:
        """A value of the app."""
        return self.page.evaluate(f"(x) => {{ const app = window.semcolorize; return ({expression}); }}", argument)

    def messages(self) -> list[str]:
        """What is told at the bottom."""
        return [text.strip() for text in self.page.locator(".sc-toast").all_inner_texts()]

    def opened(self, name: str | None = None) -> None:
        """Wait for an image."""
        self.until("app && app.viewer.info && app.state.active === app.viewer.info.view")
        if name is not None:
            self.until("app.state.views.find((v) => v.id === app.state.active).name === x", name)
        self.until("app.pictures.has(app.state.active)")
        # The sides come with the image, and the image is fitted between them.
        self.until("(() => { const b = app.stage.getBoundingClientRect();"
                   " return app.viewer.width === b.width && app.viewer.height === b.height && !app.viewer.frame; })()")

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the image is on the page."""
        left, top = self.get(
            "(() => { const b = app.canvas.getBoundingClientRect(); const p = app.viewer.toStage(...x);"
            " return [p[0] + b.left, p[1] + b.top]; })()",
            [x + 0.5, y + 0.5],
        )
        return left, top

    @contextlib.contextmanager
    def new_picture(self) -> Iterator[None]:
        """Wait until what is done inside is to be seen."""
        before = self.get("app.viewer.arrived")
        yield
        self.until("app.viewer.arrived > x", before)

    def click(self, x: float, y: float, *, key: str | None = None) -> None:
        """Click a pixel of the image, and wait for the picture."""
        place = self.place(x, y)
        with self.new_picture():
            if key:
                self.page.keyboard.down(key)
            self.page.mouse.click(*place)
            if key:
                self.page.keyboard.up(key)

    def stroke(self, *places: tuple[float, float]) -> None:
        """Drag over pixels of the image, and wait for the picture."""
        shown = [self.place(*place) for place in places]
        with self.new_picture():
            self.page.mouse.move(*shown[0])
            self.page.mouse.down()
            for place in shown[1:]:
                self.page.mouse.move(*place, steps=8)
            self.page.mouse.up()

    def color_at(self, x: float, y: float) -> list[int]:
        """What the screen shows at a pixel of the image, when it has sharpened."""
        self.until("(app.viewer.draw(), app.viewer.lacking === 0)")
        return self.get(
            "(() => { const v = app.viewer; v.draw(); const r = devicePixelRatio; const p = v.toStage(...x);"
            " const d = v.context.getImageData(Math.round(p[0] * r), Math.round(p[1] * r), 1, 1).data;"
            " return [...d].slice(0, 3); })()",
            [x + 0.5, y + 0.5],
        )

    def button(self, name: str, *, exact: bool = False) -> Any:
        """A button by what screen readers call it."""
        return self.page.get_by_role("button", name=name, exact=exact)


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[..., Window]]:
    """Opens a window on an address; a fault in its scripts fails the test."""
    contexts: list[Any] = []
    windows: list[Window] = []

    def open_page(address: str, *, context: Any = None, **options: Any) -> Window:
        if context is None:
            context = browser.new_context(
                viewport={"width": 1280, "height": 800}, accept_downloads=True, **options
            )
            contexts.append(context)
        window = Window(context.new_page())
        window.page.on("pageerror", lambda error: window.faults.append(str(error)))
        window.page.on(
            "console", lambda told: window.faults.append(told.text) if told.type == "error" else None
        )
        windows.append(window)
        window.page.goto(address)
        window.until("app && app.palettes")
        return window

    yield open_page
    faults = [fault for window in windows for fault in window.faults if "WebSocket" not in fault]
    for context in contexts:
        context.close()
    assert not faults


def gray_scene(shape: tuple[int, int] = (384, 512), seed: int = 12) -> np.ndarray:
    """A procedural micrograph of pollen and spheres, 8 bit."""
    scene = make_scene(seed, shape, families=["pollen", "spheres"], substrate="folds")
    return np.rint(lightness_to_gray(np.asarray(scene.lightness)) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    return gray_scene((768, 1024))


@pytest.fixture
def micrograph(tmp_path: Path, scene: np.ndarray) -> Path:
    """A file with a scale, in a folder of its own."""
    folder = tmp_path / "images"
    folder.mkdir()
    path = folder / "pollen.tif"
    tifffile.imwrite(path, scene, imagej=True, resolution=(20.0, 20.0), metadata={"unit": "um"})
    return path
