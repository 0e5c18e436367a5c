"""The whole flow: a micrograph and hints in, a colored image out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from semcolorize.color.ink import TINTS, ink_curve, ink_of
from semcolorize.diffusion.sampler import Step
from semcolorize.errors import ConfigError, SemColorizeError, ShapeError
from semcolorize.hints.labels import NEUTRAL_CHROMA, label_set
from semcolorize.hints.model import Hint, HintSet, Spread
from semcolorize.hints.pool import HintPool, fit_tint, group_inks, pool_hints
from semcolorize.inference.assign import EncodedView, assign, encode_view
from semcolorize.inference.assignment import Assignment, label_chroma, label_marks
from semcolorize.micrograph.lightness import render_rgb
from semcolorize.micrograph.reading import Micrograph
from semcolorize.micrograph.working import DEFAULT_WORKING_SIZE, PreparedMicrograph, WorkingSize, prepare_views
from semcolorize.model.checkpoint import LoadedLabelWeights, is_label_file, load_label_weights
from semcolorize.network.carrying import carry_colors
from semcolorize.network.conditioning import Fill
from semcolorize.network.marking import MarkedMicrograph, contradictions, mark_views
from semcolorize.network.proposing import HintedView, propose
from semcolorize.network.replay import Replays
from semcolorize.network.sampling import resolve_device
from semcolorize.network.weights import BUNDLED, LoadedWeights, load_weights
from semcolorize.parallel import each, strips
from semcolorize.result import ColorResult

__all__ = ["Colorizer"]

_MOST_VARIANTS = 100

LABEL_RADIUS = 12.0
"""Distance of inks up to which colors measured at pixels are one label: within an object they scatter by as much."""


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
        own = not isinstance(weights, str) or weights not in BUNDLED
        labels = load_label_weights(weights) if own and is_label_file(weights) else load_label_weights()
        labels.model.to(chosen, memory_format=torch.channels_last)  # type: ignore[call-overload]
        loaded = load_weights("default" if own and labels.path == Path(weights) else weights)
        loaded.model.to(chosen, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # On a CPU float32 gives the same picture on every machine, to rounding; few have fast bfloat16 anyway.
        loaded.model.reduced = chosen.type == "cuda"
        if chosen.type == "cuda":
            loaded.model.replays = Replays()
        return cls(loaded, chosen, labels)

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
        hints: HintSet | Iterable[Hint] | str | os.PathLike[str] | None = None,
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
        hints : HintSet, iterable of Hint, or path, optional
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
        _check_counts(variants, seed, num_steps)
        clock = _Clock()
        prepared = self.prepare(image, databar=databar, working_size=working_size)
        marked = MarkedMicrograph.of(prepared, hints)
        fill = fill or ("gray" if len(marked.hints) else "auto")
        clock.lap("prepare")
        settings = self._settings(variants, seed, num_steps) | {"fill": fill, "spread": spread, "bits": bits}
        if fill == "gray":
            (assignment,) = self._assigned([marked], spread)
            clock.lap("model")
            return self._highlighted(marked, assignment, settings, clock)
        (proposals,), tint = self._propose([marked.view], settings, on_step)
        clock.lap("model")
        return self._finish(marked, proposals, tint, settings, clock)

    def colorize_views(
        self,
        images: Sequence[PreparedMicrograph | Micrograph | np.ndarray | str | os.PathLike[str]],
        hints: Sequence[HintSet | Iterable[Hint] | str | os.PathLike[str] | None],
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
        hints : sequence of HintSet, iterable of Hint, path, or None
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
        _check_counts(variants, seed, num_steps)
        if not images or len(images) != len(hints):
            raise ConfigError(
                f"{len(images)} views and {len(hints)} entries of hints; one view or more are needed, and for each "
                "an entry of hints, or None.",
                key="hints",
            )
        clock = _Clock()
        places, prepared = prepare_views(images, databar=databar, working_size=working_size, on_failure=on_failure)
        series = mark_views(prepared, [hints[place] for place in places], places, on_failure)
        if len(series) < len(images) and (not series or any(hints)) and not any(len(own.hints) for own in series):
            raise ConfigError("No view can be read, or none with hints: nothing says how to color them.", key="images")
        fill = fill or ("gray" if any(len(marked.hints) for marked in series) else "auto")
        clock.lap("prepare")
        settings = self._settings(variants, seed, num_steps) | {"fill": fill, "spread": spread, "bits": bits}
        matches: list[dict[str, Any] | None] = [None] * len(series)
        views = [marked.view for marked in series]
        assignments: list[Assignment] = []
        proposals, tint = [np.empty(0)] * len(series), np.ones(101, np.float32)
        if fill == "gray":
            assignments = self._assigned(series, spread)
        else:
            if register_views:
                views, matches = self._carried(views, settings)
                clock.lap("register")
            proposals, tint = self._propose(views, settings, on_step)
        clock.lap("model")
        names = [
            marked.image.micrograph.path and os.path.basename(marked.image.micrograph.path)  # noqa: PTH119
            for marked in series
        ]
        results, given = [], [marked.hints_record(name) for marked, name in zip(series, names, strict=True)]
        for i, (marked, own) in enumerate(zip(series, proposals, strict=True)):
            hinted = [{"view": k + 1, **record} for k, record in enumerate(given) if k != i and record["hints"]]
            about = {
                "view": i + 1, "views": len(series), "names": names, "registered": matches[i], "hints_on": hinted
            }  # fmt: skip
            others = [hint for other in series if other is not marked for hint in other.hints]
            told = settings | {"series": about}
            if assignments:
                result = self._highlighted(marked, assignments[i], told, clock, others)
            else:
                result = self._finish(marked, own, tint, told, clock, others)
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
        settings = self._settings(1, seed, num_steps) | {"fill": fill, "spread": spread}
        if not len(views) or any(len(view) != 3 for view in views):
            raise ShapeError("views must be one or more of (lightness, hint_ab, hint_mask).")
        given = [HintedView.of(*view) for view in views]
        if fill == "gray":
            return self._labeled(given, spread)
        if register_views:
            given, _ = self._carried(given, settings)
        return [proposal[0] for proposal in self._propose(given, settings, None)[0]]

    def _encoded(self, image: PreparedMicrograph) -> EncodedView:
        """What the label model makes of an image: once, whatever its hints will be."""
        model = self.labels.model
        if model not in image.memory:
            image.memory[model] = encode_view(model, image.small)
        return cast("EncodedView", image.memory[model])

    def _assigned(self, series: Sequence[MarkedMicrograph], spread: Spread) -> list[Assignment]:
        """Labels of the views of a series, of which a single image is one."""
        labels = label_set([hint for marked in series for hint in marked.hints], spread)
        marks, of_pixels, first = [], [], 0
        for marked in series:
            pixels, image = marked.pixels, marked.image
            own = labels.of_hint[first + pixels.hint] if len(marked.hints) else np.zeros(0, int)
            single = labels.instance[first + pixels.hint] if len(marked.hints) else np.zeros(0, bool)
            first += len(marked.hints)
            small = (image.small.shape[0], image.small.shape[1])
            kind, guiding = 2 * np.where(own < 0, len(labels), own) + single, pixels.guiding
            place = pixels.place((image.bar, image.micrograph.shape[1]), small)
            marks.append(label_marks(place[guiding], kind[guiding], pixels.strength[guiding], len(labels), small))
            of_pixels.append(own)
        found: Sequence[np.ndarray]
        if len(labels):
            found = assign(self.labels.model, [self._encoded(marked.image) for marked in series], marks)
        else:
            found = [np.zeros((0, *marked.image.small.shape), np.float32) for marked in series]
        return [
            Assignment(
                labels.labels, logits, marked.image.micrograph.shape, marked.image.upsampler, marked.pixels.rows,
                marked.pixels.columns, own,
            )
            for marked, logits, own in zip(series, found, of_pixels, strict=True)
        ]  # fmt: skip

    def _highlighted(
        self,
        marked: MarkedMicrograph,
        assignment: Assignment,
        settings: Mapping[str, Any],
        clock: _Clock,
        others: Sequence[Hint] = (),
    ) -> ColorResult:
        """Chances times the labels' colors times the chroma curve, and nothing else."""
        image, micrograph, pixels = marked.image, marked.image.micrograph, marked.pixels
        ab = np.zeros((1, *micrograph.shape, 2), np.float32)
        chroma = image.upsampler(assignment.normalized_chroma(self.labels.model.config.crispness))
        # A hint's pixels have its label, as far as its strength goes.
        colors = np.array([[0.0, 0.0], *(label.normalized_chroma for label in assignment.labels)], np.float32)
        there = chroma[pixels.rows, pixels.columns]
        share = pixels.strength[:, None]
        chroma[pixels.rows, pixels.columns] = there + share * (colors[assignment.label + 1] - there)
        _shaded(chroma, image.lightness, TINTS[0], out=ab[0, : image.bar])
        clock.lap("upsample")
        rgb = render_rgb(micrograph.lightness, ab, bits=settings["bits"])
        clock.lap("render")
        row = image.bar if image.bar < micrograph.shape[0] else None
        count = settings["variants"]
        return ColorResult.of(
            micrograph, np.repeat(ab, count, axis=0), np.repeat(rgb, count, axis=0), marked.hints, marked.drawn,
            settings={**settings, "working_size": image.working_size, "databar_row": row},
            weights=self.labels, device=str(self.device), seconds=clock.seconds, others=others, assignment=assignment,
        )  # fmt: skip

    def _labeled(self, views: Sequence[HintedView], spread: Spread) -> list[np.ndarray]:
        """a*b* (H, W, 2) of views whose hints are colors of pixels: what is nearly one ink is one label."""
        model = self.labels.model
        pools = [pool_hints(*(np.asarray(x) for x in (v.lightness, v.hint_ab, v.hint_mask)), cell=1) for v in views]
        tint = fit_tint(HintPool.join(pools))
        curves = [ink_curve(view.lightness, tint) for view in views]
        asked = [ink_of(v.hint_ab[v.hint_mask > 0], c[v.hint_mask > 0]) for v, c in zip(views, curves, strict=True)]
        inks, of_pixel = group_inks(np.concatenate(asked), LABEL_RADIUS)
        gray = np.hypot(inks[:, 0], inks[:, 1]) <= NEUTRAL_CHROMA
        number = np.where(gray, -1, np.cumsum(~gray) - 1)
        colors = inks[~gray].astype(np.float32)
        marks, first = [], 0
        for view, own in zip(views, asked, strict=True):
            label = number[of_pixel[first : first + len(own)]]
            first += len(own)
            kind = 2 * np.where(label < 0, len(colors), label) + int(spread == "instance")
            place = np.flatnonzero(view.hint_mask.ravel() > 0)
            strength = view.hint_mask.ravel()[place]
            shape = (view.lightness.shape[0], view.lightness.shape[1])
            marks.append(label_marks(place, kind, strength, len(colors), shape))
        if not len(colors):
            return [np.zeros((*view.lightness.shape, 2), np.float32) for view in views]
        found = assign(model, [encode_view(model, view.lightness) for view in views], marks)
        return [
            label_chroma(logits, colors, model.config.crispness) * curve[..., None]
            for logits, curve in zip(found, curves, strict=True)
        ]

    def _carried(
        self, views: Sequence[HintedView], settings: Mapping[str, Any]
    ) -> tuple[list[HintedView], list[dict[str, Any] | None]]:
        config = self.weights.model.config
        if not config.propagated:
            return list(views), [None] * len(views)
        first = {**settings, "variants": 1}
        return carry_colors(views, lambda hinted: self._propose(hinted, first, None)[0], cell=config.network.patch)

    def _settings(self, variants: int, seed: int, num_steps: int | None) -> dict[str, Any]:
        config = self.weights.model.config
        return {
            "variants": variants, "seed": seed, "sampler": config.sampler, "num_steps": num_steps or config.num_steps,
            "variant_steps": num_steps or config.variant_steps,
        }  # fmt: skip

    def _propose(
        self, views: Sequence[HintedView], settings: Mapping[str, Any], on_step: Callable[[Step], None] | None
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """a*b* at working size of every view, (variants, h, w, 2), and their tint."""
        same = settings["num_steps"] if settings["num_steps"] == settings["variant_steps"] else None
        return propose(
            self.weights.model, views, variants=settings["variants"], seed=settings["seed"], num_steps=same,
            on_step=on_step,
        )  # fmt: skip

    def _finish(
        self,
        marked: MarkedMicrograph,
        proposals: np.ndarray,
        tint: np.ndarray,
        settings: Mapping[str, Any],
        clock: _Clock,
        others: Sequence[Hint] = (),
    ) -> ColorResult:
        """From a*b* at working size to the result: full size, hints enforced, gamut respected."""
        image, micrograph = marked.image, marked.image.micrograph
        shade = ink_curve(image.small, tint)[..., None]
        ab = np.zeros((len(proposals), *micrograph.shape, 2), np.float32)
        for plane, proposal in zip(ab, proposals, strict=True):
            # Inks hardly change within an object: between its darks and lights the color follows the full image.
            _shaded(image.upsampler(proposal / shade), image.lightness, tint, out=plane[: image.bar])
            # A hint's color is exact where the hint lies.
            marked.pixels.enforce(plane)
        clock.lap("upsample")
        rgb = render_rgb(micrograph.lightness, ab, bits=settings["bits"])
        clock.lap("render")
        row = image.bar if image.bar < micrograph.shape[0] else None
        return ColorResult.of(
            micrograph, ab, rgb, marked.hints, marked.drawn,
            settings={**settings, "working_size": image.working_size, "databar_row": row},
            weights=self.weights, device=str(self.device), seconds=clock.seconds, others=others,
        )  # fmt: skip

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
        _check_counts(variants, seed, num_steps)
        if fill == "gray":
            (one,) = self._labeled([HintedView.of(lightness, hint_ab, hint_mask)], spread)
            return np.repeat(one[None], variants, axis=0)
        proposals, _ = propose(
            self.weights.model, [HintedView.of(lightness, hint_ab, hint_mask)],
            variants=variants, seed=seed, num_steps=num_steps, on_step=on_step,
        )  # fmt: skip
        return proposals[0]


def _shaded(inks: np.ndarray, lightness: np.ndarray, tint: np.ndarray, *, out: np.ndarray) -> None:
    """Colors of inks (H, W, 2) under a tint, into `out`."""

    def shade(rows: slice) -> None:
        np.multiply(inks[rows], ink_curve(lightness[rows], tint)[..., None], out=out[rows])

    each(shade, strips(*lightness.shape))


def _check_counts(variants: int, seed: int, num_steps: int | None) -> None:
    for name, value, least in (
        ("variants", variants, 1),
        ("seed", seed, 0),
        ("num_steps", 1 if num_steps is None else num_steps, 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ConfigError(f"{name} is {value!r}; a whole number is needed.", key=name)
        if value < least:
            raise ConfigError(f"{name} is {value}; at least {least} is needed.", key=name)
    if variants > _MOST_VARIANTS:
        raise ConfigError(f"variants is {variants}; at most {_MOST_VARIANTS} are made at once.", key="variants")


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now
