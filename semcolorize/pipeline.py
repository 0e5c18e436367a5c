"""The whole flow: a micrograph and hints in, a colored image out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from semcolorize.diffusion.sampler import Step
from semcolorize.errors import ConfigError, SemColorizeError, ShapeError
from semcolorize.hints.model import Hint, Spread
from semcolorize.inference.assignment import Assignment
from semcolorize.inference.highlight import assign_series, between_labels, highlight_views
from semcolorize.inference.settings import Settings
from semcolorize.inference.timing import StageClock
from semcolorize.inference.upsample import ab_of_labels, ab_of_proposals
from semcolorize.micrograph.lightness import render_rgb
from semcolorize.micrograph.memory import check_memory
from semcolorize.micrograph.reading import Micrograph
from semcolorize.micrograph.working import DEFAULT_WORKING_SIZE, PreparedMicrograph, WorkingSize, prepare_views
from semcolorize.model.checkpoint import LoadedLabelWeights, LoadedModels, load_label_weights, load_models
from semcolorize.network.carrying import carry_colors
from semcolorize.network.conditioning import Fill
from semcolorize.network.marking import Hints, MarkedMicrograph, contradictions, mark_views
from semcolorize.network.proposing import HintedView, propose
from semcolorize.network.replay import Replays
from semcolorize.network.sampling import resolve_device
from semcolorize.network.weights import LoadedWeights
from semcolorize.result import ColorResult

__all__ = ["Colorizer"]



@dataclass
class Colorizer:
    """Colors micrographs.

    Attributes
    ----------
    weights : LoadedWeights
        The AB-diffuser, which invents color where ``fill`` is auto, and where it came from.
    device : torch.device
    labels : LoadedLabelWeights
        The label model, which says what a hint's color belongs to.
    """

    weights: LoadedWeights
    device: torch.device
    labels: LoadedLabelWeights = field(default_factory=load_label_weights)

    def __repr__(self) -> str:
        return f"Colorizer({self.weights.name} and {self.labels.name} on {self.device})"

    @classmethod
    def load(cls, weights: str | os.PathLike[str] = "default", *, device: str = "auto") -> Colorizer:
        """Load a model.

        Parameters
        ----------
        weights : str or path-like
            A bundled name or a safetensors file, which takes the place of the bundled model of its kind.
        device : str
            ``auto`` (CUDA if there is one), ``cpu``, ``cuda`` or ``cuda:N``.

        Raises
        ------
        WeightsError, ConfigError
        """
        chosen = resolve_device(device)
        models = load_models(weights)
        loaded, labels = models.diffuser, models.labels
        labels.model.fold_normalization()
        labels.model.to(chosen, memory_format=torch.channels_last)  # type: ignore[call-overload]
        loaded.model.to(chosen, memory_format=torch.channels_last)  # type: ignore[call-overload]
        loaded.model.reduced = chosen.type == "cuda"
        if chosen.type == "cuda":
            loaded.model.replays = Replays()
        return cls(loaded, chosen, labels)

    @property
    def sha256(self) -> str:
        """Of all weights: it changes when any do."""
        return LoadedModels(self.weights, self.labels).sha256

    def prepare(
        self,
        image: PreparedMicrograph | Micrograph | np.ndarray | str | os.PathLike[str],
        *,
        databar: str | int = "auto",
        working_size: WorkingSize = DEFAULT_WORKING_SIZE,
    ) -> PreparedMicrograph:
        """Do once what an image needs whatever its hints are, so that an edited hint costs little.

        Parameters
        ----------
        image, databar, working_size
            As for `colorize`, which takes what this returns in place of the image.

        Returns
        -------
        PreparedMicrograph
        """
        return PreparedMicrograph.of(image, databar=databar, working_size=working_size)

    def colorize(
        self,
        image: PreparedMicrograph | Micrograph | np.ndarray | str | os.PathLike[str],
        hints: Hints = None,
        *,
        variants: int = 1,
        seed: int = 0,
        fill: Fill | None = None,
        spread: Spread = "alike",
        num_steps: int | None = None,
        databar: str | int = "auto",
        working_size: WorkingSize = DEFAULT_WORKING_SIZE,
        bits: int = 8,
        on_step: Callable[[Step], None] | None = None,
    ) -> ColorResult:
        """Color one micrograph.

        Parameters
        ----------
        image : PreparedMicrograph, Micrograph, ndarray of shape (H, W), or path
            An array is read like a file: 8 bit over its whole range, else over the 0.1-99.9 percentiles.
        hints : HintSet, iterable of Hint or of plain entries, or path, optional
            Entries are dicts as in a hints file: ``{"point": [412, 310], "color": "red"}``.
        variants : int
            Proposals to make.
        seed : int
            Equal seeds give equal bytes.
        fill : {"auto", "gray"}, optional
            What unhinted structures become; gray if there are hints, else auto.
        spread : {"alike", "instance"}
            Color look-alikes of what was hinted, or only what was touched.
        num_steps : int, optional
            Sampling steps; by default what the weights recommend, fewer for the first variant (the best guess) than
            for the others (samples).
        databar : "auto", "none" or int
            Find the instrument's bar, ignore it, or the number of rows it takes at the bottom; it stays gray. A
            PreparedMicrograph has its own.
        working_size : int or "full"
            Longest side, in pixels, at which the model works; "full" for the image's own, in tiles where it is large.
            A PreparedMicrograph has its own.
        bits : {8, 16}
            Bits a channel of the result.
        on_step : callable, optional
            Told of each sampling step.

        Returns
        -------
        ColorResult
        """
        # What is wrong with options is said before anything is read.
        settings = Settings.resolve(
            self.weights.model.config, variants=variants, seed=seed, fill=fill, spread=spread, num_steps=num_steps,
            bits=bits,
        )  # fmt: skip
        clock = StageClock()
        prepared = self.prepare(image, databar=databar, working_size=working_size)
        check_memory(prepared.micrograph.shape, variants=settings.variants, path=prepared.micrograph.path)
        marked = MarkedMicrograph.of(prepared, hints)
        settings = settings.for_hints(len(marked.hints))
        clock.lap("prepare")
        if settings.fill == "gray":
            (assignment,), _ = assign_series(self.labels.model, [marked], settings.spread)
            clock.lap("model")
            ab = ab_of_labels(marked, assignment, self.labels.model.config.crispness)
            return self._finish(marked, ab, settings, clock, assignment=assignment)
        (proposals,), tint = self._propose([marked.view], settings, on_step, [prepared])
        clock.lap("model")
        return self._finish(marked, ab_of_proposals(marked, proposals, tint), settings, clock)

    def colorize_views(
        self,
        images: Sequence[PreparedMicrograph | Micrograph | np.ndarray | str | os.PathLike[str]],
        hints: Sequence[Hints],
        *,
        variants: int = 1,
        seed: int = 0,
        fill: Fill | None = None,
        spread: Spread = "alike",
        num_steps: int | None = None,
        databar: str | int = "auto",
        working_size: WorkingSize = DEFAULT_WORKING_SIZE,
        bits: int = 8,
        register_views: bool = True,
        on_step: Callable[[Step], None] | None = None,
        on_failure: Callable[[int, SemColorizeError], None] | None = None,
    ) -> list[ColorResult]:
        """Color the views of one series alike: hints on any of them color all.

        Views are seen by the model together, so that what looks alike takes the hinted color in every view. Where views
        show the same places, as tilts and shifts do, colors are also carried along by registration.

        Parameters
        ----------
        images : sequence of PreparedMicrograph, Micrograph, ndarray of shape (H, W), or path
            Of any sizes.
        hints : sequence of what `colorize` takes
            One a view.
        variants, seed, fill, spread, num_steps, databar, working_size, bits, on_step
            As for `colorize`.
        register_views : bool
            Look for places that views have in common. What was found, and how sure it is, is in the provenance.
        on_failure : callable, optional
            Told of each view that cannot be read, or whose hints cannot be used, with its place; the others are
            colored. By default that is an error.

        Returns
        -------
        list of ColorResult
            In the order of `images`, without those that `on_failure` was told of.

        Raises
        ------
        ConfigError
            If there is no view, or not one entry of `hints` a view.
        """
        settings = Settings.resolve(
            self.weights.model.config, variants=variants, seed=seed, fill=fill, spread=spread, num_steps=num_steps,
            bits=bits,
        )  # fmt: skip
        if not images or len(images) != len(hints):
            raise ConfigError(
                f"{len(images)} views and {len(hints)} entries of hints; one view or more are needed, and for each "
                "an entry of hints, or None.",
                key="hints",
            )
        clock = StageClock()
        places, prepared = prepare_views(images, databar=databar, working_size=working_size, on_failure=on_failure)
        series = mark_views(prepared, [hints[place] for place in places], places, on_failure)
        count = sum(len(marked.hints) for marked in series)
        if len(series) < len(images) and (not series or any(hints)) and not count:
            raise ConfigError("No view can be read, or none with hints: nothing says how to color them.", key="images")
        settings = settings.for_hints(count)
        clock.lap("prepare")
        matches: list[dict[str, Any] | None] = [None] * len(series)
        views = [marked.view for marked in series]
        assignments: list[Assignment] = []
        proposals, tint = [np.empty(0)] * len(series), np.ones(101, np.float32)
        if settings.fill == "gray":
            model = self.labels.model
            assignments, matches = assign_series(model, series, settings.spread, register_views=register_views)
        else:
            if register_views:
                views, matches = self._carried(views, settings)
                clock.lap("register")
            proposals, tint = self._propose(views, settings, on_step, [marked.image for marked in series])
        clock.lap("model")
        names = [path and os.path.basename(path) for path in (m.image.micrograph.path for m in series)]  # noqa: PTH119
        results, given = [], [marked.hints_record(name) for marked, name in zip(series, names, strict=True)]
        for i, (marked, own) in enumerate(zip(series, proposals, strict=True)):
            elsewhere = [{"view": k + 1, **record} for k, record in enumerate(given) if k != i and record["hints"]]
            about = {"view": i + 1, "views": len(series), "names": names, "registered": matches[i]}
            about["hints_on"] = elsewhere
            others = [hint for other in series if other is not marked for hint in other.hints]
            assignment = assignments[i] if assignments else None
            if assignment is None:
                ab = ab_of_proposals(marked, own, tint)
            else:
                ab = ab_of_labels(marked, assignment, self.labels.model.config.crispness)
            result = self._finish(marked, ab, settings, clock, assignment=assignment, others=others, series=about)
            results.append(replace(result, notes=(*result.notes, *contradictions(given, i))))
        return results

    def predict_views(
        self,
        views: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
        *,
        seed: int = 0,
        num_steps: int | None = None,
        fill: Fill = "gray",
        spread: Spread = "alike",
        register_views: bool = True,
    ) -> list[np.ndarray]:
        """Predict a*b* of a series at the resolution given: `colorize_views` on arrays, as evaluation calls it.

        Parameters
        ----------
        views : sequence of (lightness, hint_ab, hint_mask)
            Each as for `predict_ab`.
        seed, num_steps, fill, spread, register_views
            As for `colorize_views`.

        Returns
        -------
        list of float32 ndarray of shape (H, W, 2)
        """
        settings = Settings.resolve(
            self.weights.model.config, seed=seed, fill=fill, spread=spread, num_steps=num_steps
        )
        if not len(views) or any(len(view) != 3 for view in views):
            raise ShapeError("views must be one or more of (lightness, hint_ab, hint_mask).")
        given = [HintedView.of(*view) for view in views]
        if fill == "gray":
            return highlight_views(self.labels.model, given, settings.spread, register_views=register_views)
        if register_views:
            given, _ = self._carried(given, settings)
        return [proposal[0] for proposal in self._propose(given, settings, None)[0]]

    def _carried(
        self, views: Sequence[HintedView], settings: Settings
    ) -> tuple[list[HintedView], list[dict[str, Any] | None]]:
        config = self.weights.model.config
        if not config.propagated:
            return list(views), [None] * len(views)
        first = replace(settings, variants=1)
        return carry_colors(views, lambda hinted: self._propose(hinted, first, None)[0], cell=config.network.patch)

    def _propose(
        self, views: Sequence[HintedView], settings: Settings, on_step: Callable[[Step], None] | None,
        images: Sequence[PreparedMicrograph] = (),
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """a*b* at working size of every view, (variants, h, w, 2), and their tint."""
        proposals, tint = propose(
            self.weights.model, views, variants=settings.variants, seed=settings.seed, num_steps=settings.asked_steps,
            on_step=on_step,
        )  # fmt: skip
        return between_labels(self.labels.model, views, proposals, settings.spread, images), tint

    def _finish(
        self,
        marked: MarkedMicrograph,
        ab: np.ndarray,
        settings: Settings,
        clock: StageClock,
        *,
        assignment: Assignment | None = None,
        others: Sequence[Hint] = (),
        series: Mapping[str, Any] | None = None,
    ) -> ColorResult:
        """From a*b* at full size to the result: gamut respected, legend and provenance beside it."""
        image, micrograph = marked.image, marked.image.micrograph
        clock.lap("upsample")
        rgb = render_rgb(micrograph.lightness, ab, bits=settings.bits)
        clock.lap("render")
        # Labels give one picture, however many are asked for.
        count = settings.variants // len(ab)
        row = image.bar if image.bar < micrograph.shape[0] else None
        about: dict[str, Any] = {} if series is None else {"series": series}
        if assignment is None and (len(marked.hints) or others):
            # Labels had a say, too.
            about["labels_sha256"] = self.labels.sha256
        result = ColorResult.of(
            micrograph, np.repeat(ab, count, axis=0), np.repeat(rgb, count, axis=0), marked.hints, marked.drawn,
            settings=settings.record() | about | {"working_size": image.working_size, "databar_row": row},
            weights=self.weights if assignment is None else self.labels, device=str(self.device),
            seconds=clock.seconds, others=others, assignment=assignment,
        )  # fmt: skip
        equal = "hints alone give the colors (fill: gray), so all variants are equal; fill: auto makes different ones."
        return result if count == 1 else replace(result, notes=(*result.notes, equal))

    def predict_ab(
        self,
        lightness: np.ndarray,
        hint_ab: np.ndarray,
        hint_mask: np.ndarray,
        *,
        variants: int = 1,
        seed: int = 0,
        num_steps: int | None = None,
        fill: Fill = "auto",
        spread: Spread = "alike",
        on_step: Callable[[Step], None] | None = None,
    ) -> np.ndarray:
        """Predict a*b* at the resolution given: the bare model, as evaluation calls it.

        Parameters
        ----------
        lightness : ndarray of shape (H, W)
            CIE L*, 0 to 100.
        hint_ab : ndarray of shape (H, W, 2)
            CIELAB units, read where `hint_mask` is not 0: colors as they are at their pixels. Of colors picked from a
            palette `semcolorize.hints.swatch.on_pixels` makes such.
        hint_mask : ndarray of shape (H, W)
            Bool, or strength 0 to 1.

        Returns
        -------
        ab : float32 ndarray of shape (variants, H, W, 2)
        """
        config = self.weights.model.config
        settings = Settings.resolve(
            config, variants=variants, seed=seed, fill=fill, spread=spread, num_steps=num_steps
        )
        view = HintedView.of(lightness, hint_ab, hint_mask)
        if fill == "gray":
            (one,) = highlight_views(self.labels.model, [view], spread)
            return np.repeat(one[None], variants, axis=0)
        return self._propose([view], settings, on_step)[0][0]
