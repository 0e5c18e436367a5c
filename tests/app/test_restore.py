"""Work survives reloads, crashes and second windows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app_tools import POLLEN, drop


def saved(home: Path, hints: int) -> None:
    """Wait until work with so many hints is on the disk."""
    import json

    end = time.monotonic() + 20
    while time.monotonic() < end:
        for path in (home / "app").glob("*/state.json"):
            marks = json.loads(path.read_text())["marks"]
            if sum(len(own) for own in marks.values()) == hints:
                return
        time.sleep(0.05)
    raise AssertionError("the work was not saved")


def test_reload_finds_everything_again(app: Callable[..., Any], show: Callable[..., Any], micrograph: Path) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    before = window.color_at(POLLEN[0] + 25, POLLEN[1] + 10)
    window.page.reload()
    window.until("app && app.palettes")
    window.opened("pollen.tif")
    assert window.get("app.state.hints.length") == 1 and window.get("app.state.undo") is not None
    window.until("app.viewer.picture && !app.viewer.picture.colorless")
    assert window.color_at(POLLEN[0] + 25, POLLEN[1] + 10) == before


def test_work_is_there_after_a_crash(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    server = app()
    window = show(server.address)
    # Dropped, so that the file itself has to survive as well.
    drop(window, micrograph)
    window.opened("pollen.tif")
    window.click(*POLLEN)
    saved(server.home, 1)
    server.process.kill()
    server.process.wait()
    window.page.get_by_text("The program does not answer").wait_for()
    again = show(app(home=server.home).address)
    again.page.get_by_role("button", name="pollen.tif 1 hint,").click()
    again.opened("pollen.tif")
    assert again.get("app.state.hints.length") == 1
    again.until("app.viewer.picture && !app.viewer.picture.colorless")


def test_two_windows_at_once_do_not_meet(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path, browser: Any
) -> None:
    server = app(micrograph.parent)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    one, two = show(server.address, context=context), show(server.address, context=context)
    for window in (one, two):
        window.until("app.uploads")
        window.page.evaluate("window.semcolorize.send({type: 'open', name: 'pollen.tif'})")
        window.opened("pollen.tif")
    one.click(*POLLEN)
    two.click(308, 438)
    two.click(725, 298)
    assert one.get("app.state.hints.length") == 1 and two.get("app.state.hints.length") == 2
    # Work that a window has is not offered to another.
    three = show(server.address, context=context)
    three.page.wait_for_timeout(1200)
    assert three.page.locator(".sc-card").count() == 0
    context.close()
