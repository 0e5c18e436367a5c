"""The widget: in Python alone, in a real JupyterLab, and the example notebook."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from app_tools import POLLEN

REPOSITORY = Path(__file__).resolve().parents[2]

pytest.importorskip("anywidget", reason="the extra [app] is not installed")


@pytest.fixture(scope="module")
def colorizer() -> Any:
    from semcolorize import Colorizer

    return Colorizer.load(device="cpu")


@pytest.fixture
def window(scene: np.ndarray, colorizer: Any) -> Iterator[Any]:
    from semcolorize.app import widget

    opened = widget(scene, colorizer=colorizer)
    yield opened
    opened.close()


def say(window: Any, **message: Any) -> None:
    """What the front end would send."""
    window._receive(window, message, [])


def shown(window: Any) -> str:
    return str(window._session.views.active.id)


def test_a_click_changes_hints_and_result_and_observers_hear_it(window: Any, scene: np.ndarray, colorizer: Any) -> None:
    heard: list[Any] = []
    window.observe(lambda change: heard.append((change["name"], change["new"])), ["hints", "result"])
    assert window.result is None and window.wait() is None
    say(window, type="add-hint", view=shown(window), of="c1", path=[[207.5, 51.5]], size=9)
    result = window.wait()
    assert [hint.name for hint in window.hints] == ["class 1"]
    assert [name for name, _ in heard] == ["hints", "result"] and heard[1][1] is result
    np.testing.assert_array_equal(result.rgb, colorizer.colorize(scene, window.hints).rgb)
    say(window, type="undo")
    assert window.wait() is None and len(window.hints) == 0


def test_hints_from_python(window: Any) -> None:
    window.hints = [
        {"point": list(POLLEN), "color": "tomato"}, {"point": [308, 438], "color": "#4f7fd9", "name": "spore"},
    ]  # fmt: skip
    result = window.wait()
    assert [entry.name for entry in result.legend][:2] == ["tomato", "spore"]
    assert [hint.name for hint in window.hints] == ["tomato", "spore"]
    window.hints = None
    assert window.wait() is None
    with pytest.raises(ValueError, match="nocolor"):
        window.hints = [{"point": [1, 2], "color": "nocolor"}]


def test_wait_returns_where_an_edit_changes_no_picture(window: Any) -> None:
    say(window, type="add-class", name="unused")
    assert window.wait(timeout=30) is None


def test_several_images_are_tabs(scene: np.ndarray, colorizer: Any) -> None:
    from semcolorize.app import widget

    window = widget([scene, scene[:, ::-1].copy()], colorizer=colorizer)
    try:
        window.hints = [{"point": list(POLLEN), "color": "tomato"}]
        assert window.wait().legend[0].hints == 1
        say(window, type="options", series=True)
        say(window, type="show", view=window._session.views.listed[1].id)
        result = window.wait()
        assert len(window.hints) == 0 and result.legend[0].name == "tomato" and result.legend[0].share > 0.01
    finally:
        window.close()


def test_broken_images_are_told_in_python(tmp_path: Path) -> None:
    from semcolorize import SemColorizeError
    from semcolorize.app import widget

    (tmp_path / "x.tif").write_bytes(b"II*\0")
    with pytest.raises(SemColorizeError, match=r"x\.tif"):
        widget(tmp_path / "x.tif")
    with pytest.raises(SemColorizeError, match="no image"):
        widget([])


def notebook(*cells: str) -> dict[str, Any]:
    return {
        "nbformat": 4, "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
            for i, cell in enumerate(cells)
        ],
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A running JupyterLab's address and folder."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed: pip install 'semcolorize[notebook]'")
    token, port, folder = secrets.token_hex(12), free_port(), tmp_path / "notebooks"
    folder.mkdir()
    environment = {
        **os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path / "c"), "JUPYTER_DATA_DIR": str(tmp_path / "d"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "r"), "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "s"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "w"),
    }  # fmt: skip
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
            f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0",
        ],
        env=environment, stdout=subprocess.DEVNULL, stderr=(tmp_path / "jupyter.log").open("w"),
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=2)
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "jupyter.log").read_text()
                time.sleep(0.2)
        yield f"{address}/lab/tree/NAME?token={token}", folder
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.slow
def test_a_click_in_jupyterlab_changes_the_result(jupyter: tuple[str, Path], browser: Any, scene: np.ndarray) -> None:
    address, folder = jupyter
    tifffile.imwrite(folder / "pollen.tif", scene)
    cells = (
        "from pathlib import Path\nfrom semcolorize.app import widget\nwindow = widget('pollen.tif')\n"
        "told = lambda change: Path('told.txt').write_text(repr(change['new']) + repr(window.hints))\n"
        "window.observe(told, 'result')\nwindow",
    )
    (folder / "click.ipynb").write_text(json.dumps(notebook(*cells)))
    page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address.replace("NAME", "click.ipynb"))
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click(timeout=90000)
    page.keyboard.press("Shift+Enter")
    canvas = page.locator(".semcolorize canvas")
    canvas.wait_for(timeout=90000)
    page.get_by_label("Name of the class").first.wait_for()
    page.wait_for_timeout(2500)
    page.locator(".semcolorize").scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(300):
        if (folder / "told.txt").exists():
            break
        page.wait_for_timeout(200)
    if pictures := os.environ.get("SEMCOLORIZE_PICTURES"):
        page.screenshot(path=str(Path(pictures) / "jupyter.png"))
    told = (folder / "told.txt").read_text()
    assert told.startswith("ColorResult(pollen.tif") and "1 hint" in told
    # The notebook's own keys stay out of it: b would have added a cell.
    page.keyboard.press("b")
    assert page.locator(".semcolorize [role=slider]").first.is_visible()
    assert page.locator(".jp-Notebook .jp-Cell").count() <= 2
    assert not [fault for fault in faults if "semcolorize" in fault]


@pytest.mark.slow
def test_the_example_notebook_runs(tmp_path: Path) -> None:
    client = pytest.importorskip("nbclient", reason="nbclient is not installed")
    import nbformat

    book = nbformat.read(REPOSITORY / "examples" / "notebook.ipynb", as_version=4)
    client.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = "".join(
        output.get("text", "") for cell in book.cells if cell.cell_type == "code" for output in cell.outputs
    )
    assert "spore" in outputs and "no generative step" in outputs
    assert (tmp_path / "pollen_color.tif").exists()
