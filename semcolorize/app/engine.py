"""The stages of `semcolorize.pipeline.Colorizer` one by one, so that the first is shown before the last is done.

What they give is what `Colorizer.colorize` gives, which a test compares; files are written from its results alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from semcolorize.app.document import Document
from semcolorize.app.picture import Overrides, Picture
from semcolorize.color.ink import TINTS, ink_curve
from semcolorize.hints.labels import label_set
from semcolorize.hints.model import HintSet
from semcolorize.micrograph.colored import ColoredReference, read_colored
from semcolorize.micrograph.working import PreparedMicrograph

if TYPE_CHECKING:
    from semcolorize.inference.assignment import Assignment
    from semcolorize.network.marking import MarkedMicrograph
    from semcolorize.pipeline import Colorizer

__all__ = ["Engine", "Labeled", "Superseded"]

Prepared = Mapping[str, PreparedMicrograph]


class Superseded(Exception):
    """What is computed is not wanted any more: something was edited meanwhile."""


@dataclass(frozen=True)
class Labeled:
    """Labels of views, and what they were made for.

    Attributes
    ----------
    key : tuple
        Equal where the labels need not be computed again.
    marked : mapping of str to MarkedMicrograph
        By view.
    assignments : mapping of str to Assignment
    of_reference : int
        The first labels, which are colors of a reference and have no hint.
    """

    key: tuple[Any, ...]
    marked: Mapping[str, MarkedMicrograph]
    assignments: Mapping[str, Assignment]
    of_reference: int = 0


class Engine:
    """The model, loaded once and shared by all windows of a process.

    Parameters
    ----------
    weights, device : str
        As for `semcolorize.pipeline.Colorizer.load`, or
    colorizer : Colorizer, optional
        one that is loaded.
    """

    def __init__(
        self, weights: str = "default", device: str = "auto", *, colorizer: Colorizer | None = None
    ) -> None:
        self._asked = (weights, device)
        self._colorizer = colorizer
        self._loading = threading.Lock()
        self._reference: tuple[tuple[Any, ...], ColoredReference] | None = None

    @property
    def colorizer(self) -> Colorizer:
        """The loaded model; loading takes seconds once."""
        with self._loading:
            if self._colorizer is None:
                from semcolorize.pipeline import Colorizer

                weights, device = self._asked
                self._colorizer = Colorizer.load(weights, device=device)
            return self._colorizer

    def warm(self) -> None:
        """Load the model and label a few pixels, so that the first click finds everything in place."""
        ramp = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
        self.colorizer.colorize(ramp, [{"point": [30, 30], "color": "red"}])

    def look(self, prepared: PreparedMicrograph) -> None:
        """Let the model look at a micrograph before there are hints."""
        from semcolorize.inference.highlight import assign_series
        from semcolorize.network.marking import MarkedMicrograph

        model = self.colorizer.labels.model
        if model not in prepared.memory:
            # One hint, for without any the model is not asked.
            marked = MarkedMicrograph.of(prepared, [{"point": [0, 0], "color": "red"}])
            assign_series(model, [marked], "alike")

    def label(
        self, prepared: Prepared, document: Document, before: Labeled | None, after_edit: Callable[[], None]
    ) -> Labeled:
        """Labels of one view, or of all views of a series; `before` is kept where only colors and names changed.

        Parameters
        ----------
        prepared : mapping of str to PreparedMicrograph
            By view: more than one, at one scale, are colored as a series.
        document : Document
        before : Labeled or None
        after_edit : callable
            Called between stages; may raise `Superseded`.
        """
        from semcolorize.inference.highlight import assign_series
        from semcolorize.inference.like import assign_like
        from semcolorize.network.marking import MarkedMicrograph

        spread = document.options.spread
        like = document.reference
        key = (spread, like, *((view, id(image), document.meaning(view)) for view, image in prepared.items()))
        hints = {view: document.hints(view) for view in prepared}
        if before is not None and key == before.key:
            return _recolored(before, hints, spread)
        images = list(prepared.values())
        marked = [MarkedMicrograph.of(image, hints[view]) for view, image in zip(prepared, images, strict=True)]
        after_edit()
        model, of_reference = self.colorizer.labels.model, 0
        if like is None:
            assignments, _ = assign_series(model, marked, spread)
        else:
            reference = self._read(like, max(max(image.small.shape) for image in images))
            assignments = assign_like(model, marked, reference, spread)
            given = label_set([hint for own in marked for hint in own.hints], spread)
            of_reference = len(assignments[0].labels) - len(given)
        return Labeled(
            key, dict(zip(prepared, marked, strict=True)), dict(zip(prepared, assignments, strict=True)), of_reference
        )

    def _read(self, like: str, size: int) -> ColoredReference:
        """A reference, read once."""
        key = (like, size)
        if self._reference is None or self._reference[0] != key:
            self._reference = key, read_colored(like, size=size)
        return self._reference[1]

    def highlight(
        self, labeled: Labeled, view: str, fill: str = "gray", hidden: frozenset[str] = frozenset()
    ) -> Picture:
        """The picture of a view from its labels; labels named in `hidden` are left gray.

        With the fill contrast, what has no label gets the color that it has in files, whatever is hidden.
        """
        from semcolorize.inference.assignment import label_chroma
        from semcolorize.inference.contrast import contrasting_chroma, swatch_of
        from semcolorize.micrograph.legend import legend_of_labels
        from semcolorize.micrograph.notes import result_notes

        started = time.perf_counter()
        marked, assignment = labeled.marked[view], labeled.assignments[view]
        colors = np.array(
            [
                (0.0, 0.0) if k >= labeled.of_reference and label.name in hidden else label.normalized_chroma
                for k, label in enumerate(assignment.labels)
            ],
            np.float32,
        ).reshape(-1, 2)
        crispness = self.colorizer.labels.model.config.crispness
        rest = contrasting_chroma(assignment.labels) if fill == "contrast" else np.zeros(2, np.float32)
        chroma = label_chroma(assignment.logits, colors, crispness, rest)
        values = np.concatenate([rest[None], colors])[assignment.label + 1]
        pixels = marked.pixels
        overrides = Overrides(pixels.rows, pixels.columns, pixels.strength, values, finished=False)
        others = [hint for other, own in labeled.marked.items() if other != view for hint in own.hints]
        if labeled.of_reference:
            others += ColoredReference.swatches(assignment.labels)
        bar = marked.image.bar if marked.image.bar < marked.image.micrograph.shape[0] else None
        notes = result_notes(
            marked.image.micrograph, marked.hints, marked.drawn, bar=bar, colored=bool(chroma.any()),
            hinted=bool(len(marked.hints) or others), fill=fill,
        )  # fmt: skip
        return Picture(
            chroma[None], TINTS[0], (overrides,),
            legend_of_labels(
                marked.hints, assignment.labels, assignment.shares, others=others,
                rest=swatch_of(rest) if rest.any() else None,
            ),
            assignment, assignment.next_hint, tuple(notes), time.perf_counter() - started,
        )  # fmt: skip

    def invent(
        self, prepared: Prepared, document: Document, on_progress: Callable[[float], None]
    ) -> dict[str, Picture]:
        """Pictures of views whose colors the AB-diffuser proposes, with what hints there are.

        Parameters
        ----------
        prepared, document
            As for `label`.
        on_progress : callable
            Told the share that is done; may raise `Superseded`.
        """
        from semcolorize.inference.class_colors import palette_chroma
        from semcolorize.inference.invent import carried, invent
        from semcolorize.inference.settings import Settings
        from semcolorize.network.marking import MarkedMicrograph

        started = time.perf_counter()
        options, colorizer = document.options, self.colorizer
        images = list(prepared.values())
        marked = [
            MarkedMicrograph.of(image, document.hints(view) if document.of(view) else None)
            for view, image in zip(prepared, images, strict=True)
        ]
        settings = Settings.resolve(
            colorizer.weights.model.config, variants=options.variants, seed=options.seed, fill="auto",
            spread=options.spread, classes=options.classes or None,
        )  # fmt: skip
        views = [own.view for own in marked]
        if len(views) > 1:
            views, _ = carried(colorizer.models, views, settings)
        proposals, tint = invent(
            colorizer.models, views, settings, images=images, palette=palette_chroma(document.allowed),
            on_step=lambda step: on_progress(step.index / max(step.count, 1)),
        )  # fmt: skip
        seconds = time.perf_counter() - started
        return {
            view: _invented(own, proposal, tint, seconds)
            for view, own, proposal in zip(prepared, marked, proposals, strict=True)
        }


def _recolored(before: Labeled, hints: Mapping[str, HintSet], spread: Any) -> Labeled:
    """The same labels in other colors, under other names: the model has no say in either."""
    marked = {
        view: replace(own, hints=replace(own.hints, hints=_kept(own.hints, hints[view])))
        for view, own in before.marked.items()
    }
    labels = label_set([hint for own in marked.values() for hint in own.hints], spread).labels
    count = before.of_reference
    assignments = {
        view: replace(own, labels=(*own.labels[:count], *labels)) for view, own in before.assignments.items()
    }
    return Labeled(before.key, marked, assignments, count)


def _kept(used: HintSet, now: HintSet) -> tuple[Any, ...]:
    """Hints as they are now, without those that no pixel asked for."""
    origins = {hint.origin for hint in used}
    return tuple(hint for hint in now if hint.origin in origins)


def _invented(marked: MarkedMicrograph, proposals: np.ndarray, tint: np.ndarray, seconds: float) -> Picture:
    from semcolorize.inference.upsample import ab_of_proposals
    from semcolorize.micrograph.legend import legend

    image, pixels = marked.image, marked.pixels
    chroma = proposals / ink_curve(image.small, tint)[..., None]
    own = Overrides(pixels.rows, pixels.columns, pixels.strength, pixels.ab, finished=True)
    # At full size, as in files: noise has a share in how much of an image is too dark or bright for a color.
    ab = ab_of_proposals(marked, proposals[:1], tint)[0, : image.bar]
    entries = legend(marked.hints, ab, image.lightness, other_distance=12.0)
    return Picture(chroma, tint, (own,) * len(chroma), entries, None, None, (), seconds)
