"""The README's picture of the window.

    SEMCOLORIZE_PICTURES=docs pytest tests/app/test_picture.py
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image


def test_the_window_in_a_picture(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path, scene: np.ndarray, tmp_path: Path
) -> None:
    tifffile.imwrite(micrograph.with_name("pollen 2.tif"), scene[:, ::-1].copy())
    tifffile.imwrite(micrograph.with_name("pollen 3.tif"), scene[::-1].copy())
    window = show(app(micrograph).address)
    window.opened()
    names = window.page.get_by_label("Name of the class")
    for i, name in enumerate(["grain", "spore", "fold"]):
        names.nth(i).fill(name)
        names.nth(i).press("Enter")
    window.page.locator("canvas").focus()
    for key, places in [("1", [(207, 51), (452, 258), (540, 228), (903, 410)]), ("2", [(308, 438), (725, 298)])]:
        window.page.keyboard.press(key)
        for place in places:
            window.click(*place)
    for place in [(788, 627), (943, 80)]:
        window.click(*place, key="Alt")
    window.page.keyboard.press("b")
    window.until("app.root.querySelectorAll('.sc-film img').length === 3")
    window.page.evaluate("window.semcolorize.split.set(0.36)")
    window.page.mouse.move(640, 20)
    window.page.wait_for_timeout(1200)
    path = tmp_path / "app.png"
    window.page.screenshot(path=str(path))
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert picture.shape == (800, 1280, 3)
    # Gray to the left of the line, colors to the right.
    chroma = np.ptp(picture[150:600], axis=-1)
    assert np.median(chroma[:, 300:450]) < 8 and np.mean(chroma[:, 560:1000] > 40) > 0.2
    # Nothing reaches out of its place.
    assert window.get("document.documentElement.scrollWidth") == 1280
    assert window.get("document.documentElement.scrollHeight") == 800
    if folder := os.environ.get("SEMCOLORIZE_PICTURES"):
        shutil.copy(path, Path(folder) / "app.png")
