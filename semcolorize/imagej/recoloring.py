"""The picture of one image whose hints are edited: the model runs where hints changed, colors alone cost little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semcolorize.hints.labels import label_set
from semcolorize.hints.model import HintSet, Spread
from semcolorize.inference.assignment import Assignment
from semcolorize.inference.highlight import assign_series
from semcolorize.inference.timing import StageClock
from semcolorize.inference.upsample import ab_of_labels
from semcolorize.micrograph.lightness import render_rgb
from semcolorize.micrograph.reading import Micrograph
from semcolorize.micrograph.working import PreparedMicrograph
from semcolorize.network.marking import MarkedMicrograph
from semcolorize.pipeline import Colorizer
from semcolorize.result import ColorResult

__all__ = ["LivePicture"]


class LivePicture:
    """An image prepared once, and what the model last said of it.

    Parameters
    ----------
    colorizer : Colorizer
    micrograph : Micrograph
    databar : str
        As for `Colorizer.prepare`.
    """

    def __init__(self, colorizer: Colorizer, micrograph: Micrograph, databar: str = "auto") -> None:
        self.colorizer = colorizer
        self.prepared: PreparedMicrograph = colorizer.prepare(micrograph, databar=databar)
        self._asked: object = None
        self._assignment: Assignment | None = None

    def draw(
        self, hints: HintSet, *, spread: Spread = "alike", opacities: Mapping[str, float] | None = None
    ) -> ColorResult:
        """Color the image after its hints.

        Parameters
        ----------
        hints : HintSet
            None at all give the micrograph in gray.
        spread : {"alike", "instance"}
            Of hints that do not say.
        opacities : mapping of str to float, optional
            By label's name, 0 (hidden) to 1.

        Returns
        -------
        ColorResult
            With the pixels of `Colorizer.colorize` for ``fill="gray"``, where all opacities are 1.
        """
        clock, shown = StageClock(), dict(opacities or {})
        marked = MarkedMicrograph.of(self.prepared, hints)
        clock.lap("prepare")
        assignment = self._assign(marked, spread)
        faded = tuple(replace(label, opacity=shown.get(label.name, 1.0)) for label in assignment.labels)
        clock.lap("model")
        crispness = self.colorizer.labels.model.config.crispness
        ab = ab_of_labels(marked, replace(assignment, labels=faded), crispness)
        clock.lap("upsample")
        image, micrograph = marked.image, marked.image.micrograph
        rgb = render_rgb(micrograph.lightness, ab)
        clock.lap("render")
        settings: dict[str, Any] = {
            "variants": 1, "seed": 0, "fill": "gray", "spread": spread, "bits": 8, "working_size": image.working_size,
            "databar_row": image.bar if image.bar < micrograph.shape[0] else None,
        }  # fmt: skip
        if any(label.opacity < 1 for label in faded):
            settings["opacities"] = {label.name: label.opacity for label in faded}
        return ColorResult.of(
            micrograph, ab, rgb, marked.hints, marked.drawn, settings=settings, weights=self.colorizer.labels,
            device=str(self.colorizer.device), seconds=clock.seconds, assignment=assignment,
        )  # fmt: skip

    def _assign(self, marked: MarkedMicrograph, spread: Spread) -> Assignment:
        """Ask the model, unless only colors or names changed since it was last asked."""
        labels = label_set(marked.hints.hints, spread)
        places = [
            replace(hint, lab=(0.0, 0.0, 0.0), name=None, origin="", spread=None) for hint in marked.hints.hints
        ]
        asked = (places, labels.of_hint.tolist(), labels.instance.tolist())
        if self._assignment is None or asked != self._asked:
            (self._assignment,), _ = assign_series(self.colorizer.labels.model, [marked], spread)
            self._asked = asked
        return replace(self._assignment, labels=labels.labels)
