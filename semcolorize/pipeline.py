"""The whole flow: a micrograph and hints in, a colored image out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from semcolorize.color.ink import ink_curve
from semcolorize.diffusion.sampler import Step
from semcolorize.errors import ConfigError, ShapeError
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hints.model import Hint, HintSet
from semcolorize.hints.pool import fit_tint, pool_hints
from semcolorize.hints.rasterize import rasterize
from semcolorize.hints.walker import check_shapes
from semcolorize.micrograph.databar import databar_first_row
from semcolorize.micrograph.lightness import render_rgb
from semcolorize.micrograph.reading import Micrograph, micrograph_from_array, read_micrograph
from semcolorize.micrograph.upsample import upsample_ab
from semcolorize.micrograph.working import WorkingImage
from semcolorize.network.conditioning import Fill, Spread, condition_image
from semcolorize.network.sampling import as_shown, decide, drop_faint, resolve_device, sample_ab, settle_hints
from semcolorize.network.weights import LoadedWeights, load_weights
from semcolorize.result import ColorResult

__all__ = ["Colorizer"]

DEFAULT_WORKING_SIZE = 512
_MOST_VARIANTS = 100


@dataclass
class Colorizer:
    """Colors micrographs.

    Attributes
    ----------
    weights : LoadedWeights
        The model and where it came from.
    device : torch.device
    """

    weights: LoadedWeights
    device: torch.device

    @classmethod
    def load(cls, weights: str | os.PathLike[str] = "default", *, device: str = "auto") -> Colorizer:
        """Load a model.

        Parameters
        ----------
        weights : str or path-like
            A bundled name or a safetensors file.
        device : str
            ``auto`` (CUDA if there is one), ``cpu``, ``cuda`` or ``cuda:N``.

        Raises
        ------
        WeightsError, ConfigError
        """
        chosen = resolve_device(device)
        loaded = load_weights(weights)
        loaded.model.to(chosen, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(loaded, chosen)

    def colorize(
        self,
        image: Micrograph | np.ndarray | str | os.PathLike[str],
        hints: HintSet | Iterable[Hint] | str | os.PathLike[str] | None = None,
        *,
        variants: int = 1,
        seed: int = 0,
        fill: Fill | None = None,
        spread: Spread = "alike",
        num_steps: int | None = None,
        databar: str | int = "auto",
        working_size: int = DEFAULT_WORKING_SIZE,
        bits: int = 8,
        on_step: Callable[[Step], None] | None = None,
    ) -> ColorResult:
        """Color one micrograph.

        Parameters
        ----------
        image : Micrograph, ndarray of shape (H, W), or path
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
            Find the instrument's bar, ignore it, or the number of rows it takes at the bottom; it stays gray.
        working_size : int
            Longest side, in pixels, at which the model works.
        bits : {8, 16}
            Bits a channel of the result.
        on_step : callable, optional
            Told of each sampling step.

        Returns
        -------
        ColorResult
        """
        _check_counts(variants, seed, working_size, num_steps)
        clock = _Clock()
        micrograph = _micrograph(image, databar)
        marks = _hint_set(hints).at(micrograph.shape)
        fill = fill or ("gray" if len(marks) else "auto")
        bar = databar_first_row(databar, micrograph.pixels, stated=micrograph.stated_rows)
        lightness = micrograph.lightness[:bar]
        drawn = rasterize(marks.hints, micrograph.shape)
        guiding = _guiding(drawn.index, [not hint.limit for hint in marks.hints])[:bar]
        clock.lap("prepare")

        working = WorkingImage.of(lightness, drawn.hint_ab[:bar], drawn.strength[:bar] * guiding, working_size)
        if fill == "gray" and not guiding.any():
            small = np.zeros((variants, *working.lightness.shape, 2), np.float32)
        else:
            small = self.predict_ab(
                working.lightness, working.hint_ab, working.hint_mask,
                variants=variants, seed=seed, num_steps=num_steps, fill=fill, spread=spread, on_step=on_step,
            )  # fmt: skip
        clock.lap("model")

        ab = np.zeros((variants, *micrograph.shape, 2), np.float32)
        strength = np.where(drawn.hint_mask, drawn.strength, 0)[:bar, :, None]
        tint = self._tint(working)
        shade, fine_shade = (ink_curve(plane, tint)[..., None] for plane in (working.lightness, lightness))
        for i in range(variants):
            # Inks hardly change within an object: between its darks and lights the color follows the full image.
            full = upsample_ab(small[i] / shade, working.lightness, lightness) * fine_shade
            # A hint's color is exact where the hint lies.
            ab[i, :bar] = full + strength * (drawn.hint_ab[:bar] - full)
        clock.lap("upsample")
        rgb = np.stack([render_rgb(micrograph.lightness, plane, bits=bits) for plane in ab])
        clock.lap("render")
        config = self.weights.model.config
        settings = {
            "variants": variants, "seed": seed, "fill": fill, "spread": spread, "sampler": config.sampler,
            "num_steps": num_steps or config.num_steps, "variant_steps": num_steps or config.variant_steps,
            "working_size": working_size, "databar_row": bar if bar < micrograph.shape[0] else None, "bits": bits,
        }  # fmt: skip
        return ColorResult.of(
            micrograph, ab, rgb, marks, drawn,
            settings=settings, weights=self.weights, device=str(self.device), seconds=clock.seconds,
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
            CIELAB units, read where `hint_mask` is not 0.
        hint_mask : ndarray of shape (H, W)
            Bool, or strength 0 to 1.

        Returns
        -------
        ab : float32 ndarray of shape (variants, H, W, 2)
        """
        _check_counts(variants, seed, 16, num_steps)
        lightness, hint_ab, hint_mask = np.asarray(lightness), np.asarray(hint_ab), np.asarray(hint_mask)
        check_shapes(lightness, hint_ab, hint_mask)
        if not (np.isfinite(lightness).all() and lightness.min() >= -1 and lightness.max() <= 101):
            raise ShapeError("lightness must be CIE L* from 0 to 100, without NaN; gray_to_lightness makes it of gray.")
        config = self.weights.model.config
        height, width = lightness.shape
        lightness, hint_ab, hint_mask = _padded(lightness, hint_ab, hint_mask, config.network.stride)
        condition = condition_image(config, lightness, hint_ab, hint_mask, fill=fill, spread=spread)
        # The first variant is the best guess; the others are samples, which takes more steps.
        keys = [(seed, variant) for variant in range(variants)]
        first, others = num_steps or config.num_steps, num_steps or config.variant_steps
        ab = sample_ab(self.weights.model, condition, keys[:1], num_steps=first, on_step=on_step)
        if variants > 1:
            more = sample_ab(self.weights.model, condition, keys[1:], num_steps=others, on_step=on_step)
            ab = torch.cat([ab, more])
        proposals = ab[:, 0].movedim(1, -1).numpy()
        if config.propagated:
            cell = config.network.patch
            curve, hint_ab = condition.ink[0, 0].numpy(), as_shown(lightness, hint_ab, hint_mask)
            proposals = np.stack([settle_hints(p, lightness, hint_ab, hint_mask, curve, cell=cell) for p in proposals])
            if not hint_mask.any():
                proposals = drop_faint(proposals)
            elif fill == "gray":
                proposals = np.stack([decide(p, hint_ab, hint_mask, curve) for p in proposals])
        return proposals[:, :height, :width].copy()

    def _tint(self, working: WorkingImage) -> np.ndarray:
        """How chroma follows lightness, as `predict_ab` found it: the full image is to be shaded alike."""
        config = self.weights.model.config
        if not (config.propagated and config.residual):
            return np.ones(101, np.float32)
        padded = _padded(working.lightness, working.hint_ab, working.hint_mask, config.network.stride)
        return fit_tint(pool_hints(*padded, cell=config.network.patch))


def _padded(
    lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray, stride: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    padding = [(0, -side % stride) for side in lightness.shape]
    return np.pad(lightness, padding, mode="edge"), np.pad(hint_ab, [*padding, (0, 0)]), np.pad(hint_mask, padding)


def _micrograph(image: Micrograph | np.ndarray | str | os.PathLike[str], databar: str | int) -> Micrograph:
    if isinstance(image, Micrograph):
        return image
    if isinstance(image, str | os.PathLike):
        return read_micrograph(image, databar=databar)
    return micrograph_from_array(image)


def _hint_set(hints: HintSet | Iterable[Hint] | str | os.PathLike[str] | None) -> HintSet:
    if hints is None:
        return HintSet()
    if isinstance(hints, str | os.PathLike):
        return read_hints(hints)
    return hints if isinstance(hints, HintSet) else HintSet(hints=tuple(hints))


def _guiding(index: np.ndarray, spreads: Sequence[bool]) -> np.ndarray:
    """Pixels whose hint the model sees: a limited hint stays in its area because the model never learns of it."""
    return np.append(np.asarray(spreads, bool), False)[index]


def _check_counts(variants: int, seed: int, working_size: int, num_steps: int | None) -> None:
    for name, value, least in (
        ("variants", variants, 1),
        ("seed", seed, 0),
        ("working_size", working_size, 16),
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
