"""The whole flow: a micrograph and hints in, a colored image out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from semcolorize.color.palette import Palette
from semcolorize.diffusion.sampler import Step
from semcolorize.errors import ConfigError, SemColorizeError
from semcolorize.hints.model import Hint, Spread
from semcolorize.inference.assignment import Assignment
from semcolorize.inference.class_colors import palette_chroma
from semcolorize.inference.contrast import contrasting_chroma, swatch_of
from semcolorize.inference.highlight import assign_series
from semcolorize.inference.invent import carried, invent
from semcolorize.inference.like import assign_like
from semcolorize.inference.predict import ArrayView, predict_ab, predict_views
from semcolorize.inference.settings import Fill, Settings
from semcolorize.inference.timing import StageClock
from semcolorize.inference.upsample import ab_of_labels, ab_of_proposals
from semcolorize.micrograph.colored import ColoredReference, Reference, read_colored
from semcolorize.micrograph.lightness import render_rgb
from semcolorize.micrograph.memory import check_memory
from semcolorize.micrograph.reading import Micrograph
from semcolorize.micrograph.working import DEFAULT_WORKING_SIZE, PreparedMicrograph, WorkingSize, prepare_views
from semcolorize.model.checkpoint import (
    LoadedColorWeights,
    LoadedLabelWeights,
    LoadedModels,
    load_color_weights,
    load_label_weights,
    load_models,
)  # fmt: skip
from semcolorize.network.marking import Hints, MarkedMicrograph, contradictions, mark_views
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
    colors : LoadedColorWeights
        The color denoiser, which colors classes that have no hint.
    """

    weights: LoadedWeights
    device: torch.device
    labels: LoadedLabelWeights = field(default_factory=load_label_weights)
    colors: LoadedColorWeights = field(default_factory=load_color_weights)

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
        models.colors.model.to(chosen)
        labels.model.to(chosen, memory_format=torch.channels_last)  # type: ignore[call-overload]
        loaded.model.to(chosen, memory_format=torch.channels_last)  # type: ignore[call-overload]
        loaded.model.reduced = chosen.type == "cuda"
        if chosen.type == "cuda":
            loaded.model.replays = Replays()
        return cls(loaded, chosen, labels, models.colors)

    @property
    def models(self) -> LoadedModels:
        """All of them."""
        return LoadedModels(self.weights, self.labels, self.colors)

    @property
    def sha256(self) -> str:
        """Of all weights: it changes when any do."""
        return self.models.sha256

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
        classes: int | None = None,
        palette: Palette | None = None,
        like: Reference | None = None,
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
        fill : {"auto", "gray", "contrast"}, optional
            What unhinted structures become: colors that the model draws, gray, or one quiet color that contrasts with
            the hints'. Gray if there are hints, else auto.
        spread : {"alike", "instance"}
            Color look-alikes of what was hinted, or only what was touched.
        num_steps : int, optional
            Sampling steps; by default what the weights recommend.
        classes : int, optional
            Kinds of structures that automatic color tells apart; by default what the model finds.
        palette : Palette, optional
            Colors that automatic color may use.
        like : path or ndarray of shape (H, W, 3), optional
            A colored micrograph whose colors like structures get; nothing else of it is used.
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
            bits=bits, classes=classes, like=like is not None,
        )  # fmt: skip
        clock = StageClock()
        prepared = self.prepare(image, databar=databar, working_size=working_size)
        check_memory(prepared.micrograph.shape, variants=settings.variants, path=prepared.micrograph.path)
        marked = MarkedMicrograph.of(prepared, hints)
        reference = None if like is None else read_colored(like, size=max(16, *prepared.small.shape))
        settings = settings.for_hints(len(marked.hints) + (reference is not None))
        clock.lap("prepare")
        if settings.fill != "auto":
            (assignment,), _ = self._assigned([marked], settings, reference)
            clock.lap("model")
            ab = self._of_labels(marked, assignment, settings)
            return self._finish(marked, ab, settings, clock, assignment=assignment, reference=reference)
        (proposals,), tint = invent(
            self.models, [marked.view], settings, images=[prepared], palette=palette_chroma(palette), on_step=on_step
        )
        clock.lap("model")
        return self._finish(marked, ab_of_proposals(marked, proposals, tint), settings, clock, palette=palette)

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
        classes: int | None = None,
        palette: Palette | None = None,
        like: Reference | None = None,
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
        variants, seed, fill, spread, num_steps, classes, palette, like, databar, working_size, bits, on_step
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
            bits=bits, classes=classes, like=like is not None,
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
        size = max((max(image.small.shape) for image in prepared), default=0)
        size = max(size, 16)
        reference = None if like is None or not prepared else read_colored(like, size=size)
        if len(series) < len(images) and (not series or any(hints)) and not count:
            raise ConfigError("No view can be read, or none with hints: nothing says how to color them.", key="images")
        settings = settings.for_hints(count + (reference is not None))
        clock.lap("prepare")
        matches: list[dict[str, Any] | None] = [None] * len(series)
        views = [marked.view for marked in series]
        assignments: list[Assignment] = []
        proposals, tint = [np.empty(0)] * len(series), np.ones(101, np.float32)
        if settings.fill != "auto":
            assignments, matches = self._assigned(series, settings, reference, register_views)
        else:
            if register_views:
                views, matches = carried(self.models, views, settings)
                clock.lap("register")
            images_of = [marked.image for marked in series]
            allowed = palette_chroma(palette)
            proposals, tint = invent(
                self.models, views, settings, images=images_of, palette=allowed, on_step=on_step
            )
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
                ab = self._of_labels(marked, assignment, settings)
            result = self._finish(
                marked, ab, settings, clock, assignment=assignment, others=others, series=about, reference=reference,
                palette=palette,
            )
            results.append(replace(result, notes=(*result.notes, *contradictions(given, i))))
        return results

    def predict_views(self, views: Sequence[ArrayView], **options: Any) -> list[np.ndarray]:
        """Predict a*b* of a series of arrays, see `semcolorize.inference.predict.predict_views`."""
        return predict_views(self.models, views, **options)

    def predict_ab(
        self, lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray, **options: Any
    ) -> np.ndarray:
        """Predict a*b* of an array, see `semcolorize.inference.predict.predict_ab`."""
        return predict_ab(self.models, (lightness, hint_ab, hint_mask), **options)

    def _assigned(
        self, series: Sequence[MarkedMicrograph], settings: Settings, reference: ColoredReference | None,
        register_views: bool = True,
    ) -> tuple[list[Assignment], list[dict[str, Any] | None]]:
        """Labels of the views of a series, and what registration found."""
        model = self.labels.model
        if reference is not None:
            return assign_like(model, series, reference, settings.spread), [None] * len(series)
        return assign_series(model, series, settings.spread, register_views=register_views)

    def _of_labels(self, marked: MarkedMicrograph, assignment: Assignment, settings: Settings) -> np.ndarray:
        """a*b* (1, H, W, 2) of labels, and of the rest where it is to contrast with them."""
        rest = contrasting_chroma(assignment.labels) if settings.fill == "contrast" else np.zeros(2, np.float32)
        return ab_of_labels(marked, assignment, self.labels.model.config.crispness, rest)

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
        reference: ColoredReference | None = None,
        palette: Palette | None = None,
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
        if reference is not None and assignment is not None:
            about["like"] = {"name": reference.name, "sha256": reference.sha256}
            others = [*others, *reference.swatches(assignment.labels)]
        if assignment is not None and assignment.labels and settings.fill == "contrast":
            about["rest"] = swatch_of(contrasting_chroma(assignment.labels))
        if palette is not None and assignment is None:
            about["palette"] = {name: color.hex for name, color in palette.items()}
        if assignment is None:
            # Labels and drawn colors had a say, too.
            about |= {"labels_sha256": self.labels.sha256, "colors_sha256": self.colors.sha256}
        result = ColorResult.of(
            micrograph, np.repeat(ab, count, axis=0), np.repeat(rgb, count, axis=0), marked.hints, marked.drawn,
            settings=settings.record() | about | {"working_size": image.working_size, "databar_row": row},
            weights=self.weights if assignment is None else self.labels, device=str(self.device),
            seconds=clock.seconds, others=others, assignment=assignment,
        )  # fmt: skip
        how = f"hints alone give the colors (fill: {settings.fill})"
        equal = f"{how}, so all variants are equal; fill: auto makes different ones."
        return result if count == 1 else replace(result, notes=(*result.notes, equal))
