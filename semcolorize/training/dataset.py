"""Training samples: micrographs with true color, hints drawn from it, and the mode in which they are to be read.

Sources of one form: procedural scenes, gray micrographs with instance masks (given class-consistent colors), color
photographs (as they are or recolored like micrographs), and a laboratory's own colored micrographs. Batch number k is a
function of the seed and k alone, however many workers there are, so a resumed run goes on exactly where it stopped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from semcolorize.color.gamut import compress_chroma
from semcolorize.color.lab import rgb_to_lab
from semcolorize.errors import ConfigError
from semcolorize.network.conditioning import Condition, ModelConfig, condition_image, condition_views
from semcolorize.scenes import VALIDATION_SEEDS, Scene, make_scene, make_views
from semcolorize.training.crops import (
    crop_scene,
    draw_window,
    masked_scene,
    resample,
    shade_instances,
    turn,
    vary_lightness,
)
from semcolorize.training.folders import ImageFolder, color_folder, masked_folder
from semcolorize.training.mix import MixConfig, Stage
from semcolorize.training.recolor import photograph_scene
from semcolorize.training.samples import Sample, color_sample, pair_sample, scene_sample

__all__ = ["Batch", "BatchDataset", "BatchNumbers", "stage_at"]


@dataclass
class Batch:
    """Conditions and true a*b* (B, 2, H, W) in CIELAB units; `views` neighbors at a time are views of one specimen.

    `labels` (B, 2, h, w) are classes and instances at the middle of each cell, -1 where the truth does not know them.
    """

    condition: Condition
    ab: torch.Tensor
    lightness: torch.Tensor = field(repr=False)
    views: int = 1
    labels: torch.Tensor | None = None


class BatchDataset(Dataset[Batch]):
    """Batches by number.

    Parameters
    ----------
    config : ModelConfig
    mix : MixConfig
    stages : sequence of Stage
    seed : int
    lanes : int
        Independent streams of scenes; batch k belongs to lane k modulo `lanes`, so that up to so many workers each keep
        scenes of their own.
    validation : bool
        Use the scenes kept for validation.
    """

    def __init__(
        self,
        config: ModelConfig,
        mix: MixConfig,
        stages: Sequence[Stage],
        *,
        seed: int = 0,
        lanes: int = 4,
        validation: bool = False,
    ) -> None:
        self.config, self.mix, self.stages = config, mix, tuple(stages)
        self.seed, self.lanes, self.validation = seed, lanes, validation
        stride = config.network.stride
        for stage in self.stages:
            if stage.size % stride or stage.size < 2 * stride:
                raise ConfigError(f"stage size {stage.size} must be a multiple of {stride}, at least {2 * stride}.")
        self._mixes = [replace(mix, **stage.data) for stage in self.stages]
        self._folders: dict[tuple[str, str | None], ImageFolder] = {}
        for one in self._mixes:
            # Missing data is found out before training starts.
            for source in np.flatnonzero(_shares(one))[1 if one.scenes > 0 else 0 :]:
                self._folder(one, int(source))
        self._scenes: OrderedDict[tuple[str, int, int], Any] = OrderedDict()

    def __len__(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage(self, k: int) -> Stage:
        """Stage to which batch `k` belongs."""
        return stage_at(self.stages, k)

    def _mix(self, stage: Stage) -> MixConfig:
        return self._mixes[next(i for i, one in enumerate(self.stages) if one is stage)]

    def _folder(self, mix: MixConfig, source: int) -> ImageFolder:
        kind = _SOURCES[source]
        kind = "photographs" if kind == "recolored" else kind
        name = getattr(mix, f"{kind}_folder")
        if (kind, name) not in self._folders:
            self._folders[kind, name] = masked_folder(name) if kind == "masks" else color_folder(name, kind)
        return self._folders[kind, name]

    def __getitem__(self, k: int) -> Batch:
        stage = self.stage(k)
        mix = self._mix(stage)
        if np.random.Generator(np.random.PCG64([self.seed, int(self.validation), k])).random() < mix.views:
            series = [self._pair(k, j, stage) for j in range(stage.batch // 2)]
            conditions = [
                condition_views(self.config, [v.marked for v in pair], fill=pair[0].fill, spread=pair[0].spread)
                for pair in series
            ]
            return _stacked(conditions, [view for pair in series for view in pair], self.config.network.patch, views=2)
        samples = [self._sample(k, j, stage) for j in range(stage.batch)]
        conditions = [condition_image(self.config, *s.marked, fill=s.fill, spread=s.spread) for s in samples]
        return _stacked(conditions, samples, self.config.network.patch)

    def _pair(self, k: int, j: int, stage: Stage) -> list[Sample]:
        rng = np.random.Generator(np.random.PCG64([self.seed, int(self.validation), k, j, 2]))
        mix, size = self._mix(stage), stage.size
        seed = self._scene_seed(k, rng, stage)
        views = self._kept(("views", seed, size), lambda: make_views(seed, size, rearranged=seed % 3 == 0)).views
        if mix.uneven > 0 and rng.random() < mix.uneven:
            # What is bright in one view is bright in the other.
            shade = int(rng.integers(2**31))
            views = [
                replace(v, lightness=shade_instances(v.lightness, v.instances, np.random.default_rng(shade)))
                for v in views
            ]
        return pair_sample(views, rng, gray=mix.gray, instance=mix.instance)

    def _sample(self, k: int, j: int, stage: Stage) -> Sample:
        rng = np.random.Generator(np.random.PCG64([self.seed, int(self.validation), k, j]))
        mix = self._mix(stage)
        shares = _shares(mix)
        kind = _SOURCES[int(rng.choice(len(shares), p=shares / shares.sum()))]
        turns, flip = int(rng.integers(4)), bool(rng.random() < 0.5)
        if kind in ("photographs", "recolored", "colored"):
            folder = self._folder(mix, _SOURCES.index(kind))
            (rgb,) = folder[int(rng.integers(len(folder)))]
            small = resample(rgb, draw_window(rng, rgb.shape[:2], stage.size), stage.size, labels=False) / 255
            lab = rgb_to_lab(np.clip(small, 0, 1).astype(np.float32))
            if kind != "recolored":
                lab = turn(lab, turns, flip)
                lab = _hue_turned(lab, rng) if kind == "photographs" else _brightness_varied(lab, rng)
                return color_sample(lab[..., 0].copy(), lab[..., 1:].copy(), rng, thesis=mix.hints == "thesis")
            scene = photograph_scene(lab, rng)
        elif kind == "masks":
            folder = self._folder(mix, _SOURCES.index(kind))
            gray, labels = folder[int(rng.integers(len(folder)))]
            scene = masked_scene(gray, labels, draw_window(rng, gray.shape, stage.size), stage.size)
        else:
            scene = crop_scene(self._scene(k, rng, stage), rng, stage.size)
        lightness = scene.lightness
        if mix.uneven > 0 and rng.random() < mix.uneven:
            lightness = shade_instances(lightness, scene.instances, rng)
        scene = Scene(
            lightness=vary_lightness(turn(lightness, turns, flip), rng),
            instances=turn(scene.instances, turns, flip),
            classes=turn(scene.classes, turns, flip),
            height=scene.height,
            family_of_class=scene.family_of_class,
        )
        return scene_sample(scene, rng, gray=mix.gray, instance=mix.instance)

    def _scene(self, k: int, rng: np.random.Generator, stage: Stage) -> Scene:
        seed, size = self._scene_seed(k, rng, stage), round(stage.size * 1.4)
        return self._kept(("scene", seed, size), lambda: make_scene(seed, size))

    def _scene_seed(self, k: int, rng: np.random.Generator, stage: Stage) -> int:
        """A scene out of the lane's moving window: each step moves it on by the scenes a batch uses up."""
        lane, position = k % self.lanes, k // self.lanes
        mix = self._mix(stage)
        fresh = stage.batch / mix.reuse
        number = int(position * fresh) + int(rng.integers(mix.window))
        base = VALIDATION_SEEDS if self.validation else 0
        # Distinct seeds for each lane, run and number.
        return base + (self.seed * 1_000_003 + number * self.lanes + lane) % VALIDATION_SEEDS

    def _kept(self, key: tuple[str, int, int], make: Callable[[], Any]) -> Any:
        if key not in self._scenes:
            self._scenes[key] = make()
            while len(self._scenes) > 2 * self.mix.window * self.lanes:
                self._scenes.popitem(last=False)
        return self._scenes[key]


def _stacked(conditions: Sequence[Condition], samples: Sequence[Sample], cell: int, *, views: int = 1) -> Batch:
    ab = torch.from_numpy(np.stack([s.ab for s in samples])).movedim(-1, 1).float()
    lightness = torch.from_numpy(np.stack([s.lightness for s in samples]))[:, None].float()
    labels = np.full((len(samples), 2, *(side // cell for side in ab.shape[-2:])), -1, np.int64)
    for own, sample in zip(labels, samples, strict=True):
        if sample.labels is not None:
            own[:] = sample.labels[:, cell // 2 :: cell, cell // 2 :: cell]
    return Batch(Condition.stack(conditions), ab, lightness, views, torch.from_numpy(labels))


_SOURCES = ("scenes", "masks", "photographs", "recolored", "colored")


def _shares(mix: MixConfig) -> np.ndarray:
    return np.array([getattr(mix, source) for source in _SOURCES], float)


def _hue_turned(lab: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A photograph in its own colors but for their hue: no hue belongs to a texture here."""
    # Photographs are far paler than colored micrographs.
    angle, gain = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(0, np.log(2.2)))
    rotation = gain * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ab = compress_chroma(lab[..., 0], lab[..., 1:] @ rotation.T.astype(np.float32))
    return np.concatenate([lab[..., :1], ab], axis=-1)


def _brightness_varied(lab: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A colored micrograph under other contrast and brightness, in its own colors."""
    lightness = vary_lightness(lab[..., 0], rng, inverted=0.0)
    return np.concatenate([lightness[..., None], compress_chroma(lightness, lab[..., 1:])], axis=-1)


def stage_at(stages: Sequence[Stage], k: int) -> Stage:
    """Stage to which step `k` belongs."""
    for stage in stages:
        if k < stage.steps:
            return stage
        k -= stage.steps
    return stages[-1]


class BatchNumbers(Sampler[int]):
    """Batch numbers from `start` to `stop`: where a resumed run goes on."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))

    def __len__(self) -> int:
        return max(self.stop - self.start, 0)
