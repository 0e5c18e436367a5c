"""The napari plugin: layers are hints, results are layers. No screen is needed, but Qt and napari are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("napari", reason="napari is not installed: pip install 'semcolorize[napari]'")
pytest.importorskip("qtpy.QtWidgets", reason="no Qt for napari: pip install 'semcolorize[napari]'", exc_type=Exception)

from app_tools import POLLEN
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtWidgets import QApplication

from semcolorize import Colorizer
from semcolorize.app.engine import Engine
from semcolorize.app.napari_layers import document_of_layers, hints_reader, layers_of
from semcolorize.app.napari_widget import ColorizeDock
from semcolorize.hintfiles.yaml_hints import read_hints

YAML = """palette: {grain: "#d1495b", keep: gray}
hints:
  - {point: [207, 51], size: 9, color: grain}
  - {point: [210, 60], size: 15, color: grain}
  - {point: [788, 627], color: keep}
  - {line: [[280, 420], [308, 470], [360, 440]], width: 5, color: seagreen}
  - {rectangle: [10, 20, 64, 48], color: seagreen}
  - {oval: [100, 200, 30, 20], color: grain}
  - {polygon: [[1, 2], [30, 4], [18, 40]], color: "#00aa88", name: sheet}
"""


@pytest.fixture(scope="module")
def application() -> Any:
    return QApplication.instance() or QApplication([])


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(colorizer=Colorizer.load(device="cpu"))


def until(application: Any, true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        application.processEvents()
        time.sleep(0.01)
        assert time.monotonic() < end, "never came true"


def test_the_manifest_is_one() -> None:
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(str(resources.files("semcolorize.app") / "napari.yaml"))
    manifest.validate_imports()
    assert manifest.name == "semcolorize"


def test_hints_are_layers_and_layers_are_hints(tmp_path: Path) -> None:
    path = tmp_path / "pollen.hints.yaml"
    path.write_text(YAML)
    reader = hints_reader(str(path))
    assert reader is not None and hints_reader(str(tmp_path / "x.tif")) is None
    layers = [Layer.create(*data) for data in reader(str(path))]
    assert {layer.name for layer in layers} == {"grain", "keep", "seagreen", "sheet"}
    again = document_of_layers(layers, "v").hints("v")

    def plain(hints: Any) -> list[str]:
        def place(hint: Any) -> Any:
            found = getattr(hint, "shape", None) or getattr(hint, "path", None)
            return found or (hint.row, hint.column, hint.size)

        return sorted(repr((place(hint), [round(value) for value in hint.lab], hint.name)) for hint in hints)

    given = read_hints(path)
    # A rectangle comes back as the polygon that it is.
    assert len(again) == len(given)
    assert len(set(plain(given)) - set(plain(again))) == 1
    assert layers_of(given)[0][2] == "points"


def test_points_color_and_gray_points_keep_gray(application: Any, engine: Engine, scene: np.ndarray) -> None:
    viewer = ViewerModel()
    viewer.add_image(scene, name="pollen")
    dock = ColorizeDock(viewer, engine)
    assert dock.image.currentText() == "pollen"
    layer = dock.add_class()
    layer.add([POLLEN[1], POLLEN[0]])
    until(application, lambda: "pollen colored" in viewer.layers and not dock._busy)
    colored = viewer.layers["pollen colored"].data
    hints = document_of_layers(viewer.layers, "v").hints("v")
    result = engine.colorizer.colorize(scene, hints)
    np.testing.assert_array_equal(colored, result.rgb[0])
    np.testing.assert_array_equal(viewer.layers["pollen labels"].data, result.labels)
    assert "class 1" in dock.status.text()
    # Results lie under the hints, which stay chosen.
    assert viewer.layers.index("pollen colored") < viewer.layers.index(layer)
    assert viewer.layers.selection.active is layer
    gray = dock.add_class(gray=True)
    gray.add([627, 788])
    until(application, lambda: "stays gray" in dock.status.text() and not dock._busy)
    _, neutral = document_of_layers(viewer.layers, "v").hints("v")
    assert neutral.ab == pytest.approx((0, 0), abs=0.1)
    # Hidden layers say nothing, and without hints there is no result.
    layer.visible = gray.visible = False
    until(application, lambda: "pollen colored" not in viewer.layers)
    dock.close()


def test_one_object_and_what_is_wrong(application: Any, engine: Engine, scene: np.ndarray) -> None:
    viewer = ViewerModel()
    viewer.add_image(scene, name="pollen")
    dock = ColorizeDock(viewer, engine)
    layer = dock.add_class()
    layer.add([POLLEN[1], POLLEN[0]])
    until(application, lambda: "pollen labels" in viewer.layers and not dock._busy)
    everywhere = (viewer.layers["pollen labels"].data > 0).mean()
    dock.one.setChecked(True)
    until(application, lambda: (viewer.layers["pollen labels"].data > 0).mean() < everywhere / 3 and not dock._busy)
    layer.add([5000, 5000])
    until(application, lambda: "outside the image" in dock.status.text())
    dock.close()
