"""The dock widget of napari: points and shapes are hints, the colored micrograph and its labels are layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.qt.threading import create_worker
from napari.utils import DirectLabelColormap
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from semcolorize.app.coloring import Coloring
from semcolorize.app.document import Document
from semcolorize.app.engine import Engine, Superseded
from semcolorize.app.images import Opened, prepare
from semcolorize.app.napari_layers import MARK, document_of_layers
from semcolorize.app.picture import Picture
from semcolorize.color.palette import NamedColor
from semcolorize.errors import SemColorizeError
from semcolorize.micrograph.reading import micrograph_from_array

__all__ = ["ColorizeDock"]

_Made = tuple[Picture, np.ndarray, np.ndarray]
"""Picture, colors (H, W, 3), labels (H, W)."""


@dataclass(frozen=True)
class _Failed:
    """What stood against a picture; napari's workers raise errors that are returned bare."""

    error: Exception


_VIEW = "view"
_SETTLED_MILLISECONDS = 150


class ColorizeDock(QWidget):
    """Colors an image layer from hints in layers.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    engine : Engine, optional
        A loaded model.
    """

    def __init__(self, napari_viewer: Any, engine: Engine | None = None) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self._engine = engine or Engine()
        self._coloring = Coloring(self._engine, lambda share: None)
        self._opened: tuple[int, Opened] | None = None
        self._wanted: Document | None = None
        self._busy = False
        self._seen: set[int] = set()
        self.image = QComboBox()
        self.image.setAccessibleName("Micrograph")
        self.one = QCheckBox("Only the objects that are touched")
        self.status = QLabel("Add a class, and put points on what has its color.")
        self.status.setWordWrap(True)
        add, gray = QPushButton("Add a class"), QPushButton("Stays gray")
        add.clicked.connect(lambda: self.add_class())
        gray.clicked.connect(lambda: self.add_class(gray=True))
        row = QHBoxLayout()
        row.addWidget(add)
        row.addWidget(gray)
        layout = QVBoxLayout(self)
        for part in (QLabel("Micrograph"), self.image):
            layout.addWidget(part)
        layout.addLayout(row)
        layout.addWidget(self.one)
        layout.addWidget(self.status)
        layout.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED_MILLISECONDS)
        self._timer.timeout.connect(self._color)
        self.one.toggled.connect(self._later)
        self.image.currentIndexChanged.connect(self._later)
        self.viewer.layers.events.inserted.connect(self._layers_changed)
        self.viewer.layers.events.removed.connect(self._layers_changed)
        self._layers_changed()

    def add_class(self, *, gray: bool = False) -> Any:
        """Add a layer for the hints of one class, ready for clicks."""
        taken = [layer.name for layer in self.viewer.layers if layer.metadata.get(MARK)]
        document = Document()
        for _ in taken:
            document = document.add_class()
        number = len([name for name in taken if name.startswith("class ")]) + 1
        own = document.find("gray") if gray else document.classes[1 + len(taken)]
        size = 7.0
        layer = self._micrograph_layer()
        if layer is not None:
            size = max(7.0, 7.0 * max(layer.data.shape) / 1024)
        made = self.viewer.add_points(
            np.zeros((0, 2)), name="stays gray" if gray else f"class {number}", face_color=own.hex, size=size,
            metadata={MARK: True},
        )  # fmt: skip
        made.mode = "add"
        return made

    def _layers_changed(self, event: Any = None) -> None:
        for layer in self.viewer.layers:
            if layer.metadata.get(MARK) and id(layer) not in self._seen:
                self._seen.add(id(layer))
                for name in ("data", "visible", "name", "face_color", "edge_color", "size", "edge_width"):
                    emitter = getattr(layer.events, name, None)
                    if emitter is not None:
                        emitter.connect(self._later)
        names = [layer.name for layer in self.viewer.layers if _is_micrograph(layer)]
        before = self.image.currentText()
        self.image.blockSignals(True)
        self.image.clear()
        self.image.addItems(names)
        if before in names:
            self.image.setCurrentText(before)
        self.image.blockSignals(False)
        self._later()

    def _later(self, *_: Any) -> None:
        self._timer.start()

    def _micrograph_layer(self) -> Any:
        name = self.image.currentText()
        return next((layer for layer in self.viewer.layers if layer.name == name and _is_micrograph(layer)), None)

    def _color(self) -> None:
        layer = self._micrograph_layer()
        if layer is None:
            return
        try:
            document = document_of_layers(
                self.viewer.layers, _VIEW, spread="instance" if self.one.isChecked() else "alike"
            )
        except SemColorizeError as error:
            self.status.setText(str(error))
            return
        self._wanted = document
        if self._busy:
            return
        if not document.of(_VIEW):
            for name in (f"{layer.name} colored", f"{layer.name} labels"):
                if name in self.viewer.layers:
                    self.viewer.layers.remove(name)
            return
        self._busy = True
        self.status.setText("Coloring…")
        worker = create_worker(self._make, np.asarray(layer.data), id(layer), document)
        worker.returned.connect(lambda made: self._made(layer, document, made))
        worker.start()

    def _make(self, data: np.ndarray, number: int, document: Document) -> _Made | _Failed:
        """On a thread of its own: the picture, or what stood against it."""
        try:
            return self._picture(data, number, document)
        except Exception as error:
            return _Failed(error)

    def _picture(self, data: np.ndarray, number: int, document: Document) -> _Made:
        if self._opened is None or self._opened[0] != number:
            self._opened = (number, Opened(prepare(micrograph_from_array(data))))
        opened = self._opened[1]

        def after_edit() -> None:
            if self._wanted is not document:
                raise Superseded

        _, picture = self._coloring.color(document, {_VIEW: opened.prepared}, _VIEW, after_edit)
        assert picture.assignment is not None
        return picture, picture.whole(opened.levels[0]), picture.assignment.map

    def _made(self, layer: Any, document: Document, made: _Made | _Failed) -> None:
        if not isinstance(made, _Failed):
            self._show(layer, *made)
        elif isinstance(made.error, SemColorizeError):
            self.status.setText(str(made.error))
        elif not isinstance(made.error, Superseded):
            self.status.setText(f"This should not happen; please report it. {made.error!r}")
        self._busy = False
        if self._wanted is not document:
            # Edited meanwhile.
            self._later()

    def _show(self, layer: Any, picture: Picture, rgb: np.ndarray, labels: np.ndarray) -> None:
        assert picture.assignment is not None
        colored, labeled = f"{layer.name} colored", f"{layer.name} labels"
        shared = {"scale": layer.scale[-2:], "translate": layer.translate[-2:]}
        if colored in self.viewer.layers:
            self.viewer.layers[colored].data = rgb
        else:
            self.viewer.add_image(rgb, name=colored, rgb=True, **shared)
            self._below_hints(colored)
        colors: dict[int | None, Any] = {
            k: np.array([*NamedColor("", label.lab).rgb, 255]) / 255
            for k, label in enumerate(picture.assignment.labels, start=1)
        }
        colors |= {None: "transparent", 0: "transparent"}
        table = DirectLabelColormap(color_dict=colors)
        if labeled in self.viewer.layers:
            self.viewer.layers[labeled].data = labels
            self.viewer.layers[labeled].colormap = table
        else:
            self.viewer.add_labels(labels, name=labeled, visible=False, colormap=table, **shared)
            self._below_hints(labeled)
        shares = ", ".join(f"{entry.name} {entry.share:.1%}" for entry in picture.legend)
        spot = picture.next_hint
        advice = f"\nOne more hint at x {spot[0]}, y {spot[1]} would help most." if spot else ""
        self.status.setText(f"{shares}.{advice}")

    def _below_hints(self, name: str) -> None:
        """Results lie over the micrograph and under the hints, which are to be seen and hit."""
        layers = self.viewer.layers
        first = next((i for i, own in enumerate(layers) if own.metadata.get(MARK)), None)
        here = layers.index(name)
        chosen = layers.selection.active
        if first is not None and here > first:
            layers.move(here, first)
        hints = [own for own in layers if own.metadata.get(MARK)]
        layers.selection.active = chosen if chosen in hints else hints[-1] if hints else chosen


def _is_micrograph(layer: Any) -> bool:
    return type(layer).__name__ == "Image" and not layer.rgb and layer.data.ndim == 2
