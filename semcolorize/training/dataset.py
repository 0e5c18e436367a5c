"""Training samples: micrographs with true color, hints drawn from it, and the mode in which they are to be read.

Three sources with one form: procedural scenes, gray micrographs with instance masks (given class-consistent colors),
and color photographs. Batch number k is a function of the seed and k alone, however many workers there are, so a
resumed run goes on exactly where it stopped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from semcolorize.color.gamut import compress_chroma
from semcolorize.color.lab import rgb_to_lab
from semcolorize.errors import ConfigError
from semcolorize.network.conditioning import Condition, ModelConfig, condition_image, condition_views
from semcolorize.scenes import Scene, make_scene, make_views
from semcolorize.training.crops import crop_scene, draw_window, masked_scene, resample, turn, vary_lightness
from semcolorize.training.recolor import photograph_scene
from semcolorize.training.samples import Sample, color_sample, pair_sample, scene_sample

__all__ = ["Batch", "BatchDataset", "BatchNumbers", "MixConfig", "Stage"]

_VALIDATION_SEEDS = 10**9
"""Scene seeds from here on are kept for validation."""


@dataclass(frozen=True)
class Stage:
    """Part of a training run: `steps` batches of `batch` crops of `size` pixels."""

    steps: int
    size: int = 64
    batch: int = 64


@dataclass(frozen=True)
class MixConfig:
    """Where samples come from.

    Parameters
    ----------
    scenes, masks, photographs, recolored : float
        Shares; a share above 0 of masks or photographs (as they are, or recolored like micrographs) needs the folder.
    masks_folder, photographs_folder : str or None
        Folder with ``images/`` and ``masks/``; folder of color images.
    reuse : int
        Samples drawn from each scene, with a new crop, plan and hints each.
    window : int
        Scenes kept at hand, from which a batch draws.
    views : float
        Share of the batches that hold pairs of views, most with hints in the first view only.
    gray, instance : float
        Shares of the scene samples in which the rest stays gray, and of these, in which only touched instances are
        colored.
    """

    scenes: float = 0.7
    masks: float = 0.15
    photographs: float = 0.15
    recolored: float = 0.0
    masks_folder: str | None = None
    photographs_folder: str | None = None
    reuse: int = 4
    window: int = 64
    views: float = 0.0
    gray: float = 0.35
    instance: float = 0.35


@dataclass
class Batch:
    """Conditions and true a*b* (B, 2, H, W) in CIELAB units; `views` neighbors at a time are views of one specimen."""

    condition: Condition
    ab: torch.Tensor
    lightness: torch.Tensor = field(repr=False)
    views: int = 1


class _Files:
    """Images of a folder, decoded once each and kept as bytes."""

    def __init__(self, paths: Sequence[Path], read: Callable[[Path], tuple[np.ndarray, ...]]) -> None:
        self.paths, self._read = list(paths), read
        self._cache: OrderedDict[int, tuple[np.ndarray, ...]] = OrderedDict()

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        if index not in self._cache:
            self._cache[index] = self._read(self.paths[index])
            if len(self._cache) > 4096:
                self._cache.popitem(last=False)
        return self._cache[index]


_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"}


def _read_color(path: Path) -> tuple[np.ndarray, ...]:
    from PIL import Image

    with Image.open(path) as image:
        image.thumbnail((512, 512))
        return (np.asarray(image.convert("RGB")),)


def _read_masked(path: Path) -> tuple[np.ndarray, ...]:
    from PIL import Image

    mask = next((path.parents[1] / "masks").glob(f"{path.stem}.*"))
    with Image.open(path) as image, Image.open(mask) as labels:
        return np.asarray(image.convert("L")), np.asarray(labels).astype(np.int32)


def _folder(name: str | None, kind: str) -> Path:
    if name is None:
        raise ConfigError(
            f"the recipe mixes in {kind} but names no folder; set data.{kind}_folder.", key=f"data.{kind}"
        )
    path = Path(name).expanduser()
    if not path.is_dir():
        raise ConfigError(f"data.{kind}_folder {name!r} is no folder.", key=f"data.{kind}_folder")
    return path


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
        self._masked = self._photographs = None
        if mix.masks > 0:
            folder = _folder(mix.masks_folder, "masks") / "images"
            self._masked = _Files(sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES), _read_masked)
        if mix.photographs + mix.recolored > 0:
            folder = _folder(mix.photographs_folder, "photographs")
            paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES)
            self._photographs = _Files(paths, _read_color)
        self._scenes: OrderedDict[tuple[str, int, int], Any] = OrderedDict()

    def __len__(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage(self, k: int) -> Stage:
        """Stage to which batch `k` belongs."""
        for stage in self.stages:
            if k < stage.steps:
                return stage
            k -= stage.steps
        return self.stages[-1]

    def __getitem__(self, k: int) -> Batch:
        stage = self.stage(k)
        if np.random.Generator(np.random.PCG64([self.seed, int(self.validation), k])).random() < self.mix.views:
            series = [self._pair(k, j, stage) for j in range(stage.batch // 2)]
            conditions = [
                condition_views(self.config, [v.marked for v in pair], fill=pair[0].fill, spread=pair[0].spread)
                for pair in series
            ]
            return _stacked(conditions, [view for pair in series for view in pair], views=2)
        samples = [self._sample(k, j, stage) for j in range(stage.batch)]
        conditions = [condition_image(self.config, *s.marked, fill=s.fill, spread=s.spread) for s in samples]
        return _stacked(conditions, samples)

    def _pair(self, k: int, j: int, stage: Stage) -> list[Sample]:
        rng = np.random.Generator(np.random.PCG64([self.seed, int(self.validation), k, j, 2]))
        seed = self._scene_seed(k, rng, stage)
        size = stage.size
        views = self._kept(("views", seed, size), lambda: make_views(seed, size, rearranged=seed % 3 == 0)).views
        return pair_sample(views, rng, gray=self.mix.gray, instance=self.mix.instance)

    def _sample(self, k: int, j: int, stage: Stage) -> Sample:
        rng = np.random.Generator(np.random.PCG64([self.seed, int(self.validation), k, j]))
        mix = self.mix
        shares = np.array([mix.scenes, mix.masks, mix.photographs, mix.recolored], float)
        source = int(rng.choice(4, p=shares / shares.sum()))
        turns, flip = int(rng.integers(4)), bool(rng.random() < 0.5)
        if source >= 2:
            (rgb,) = self._photographs[int(rng.integers(len(self._photographs.paths)))]  # type: ignore[index,union-attr]
            small = resample(rgb, draw_window(rng, rgb.shape[:2], stage.size), stage.size, labels=False) / 255
            lab = rgb_to_lab(np.clip(small, 0, 1).astype(np.float32))
            if source == 2:
                return _photograph(turn(lab, turns, flip), rng)
            scene = photograph_scene(lab, rng)
        elif source == 1:
            gray, labels = self._masked[int(rng.integers(len(self._masked.paths)))]  # type: ignore[index,union-attr]
            scene = masked_scene(gray, labels, draw_window(rng, gray.shape, stage.size), stage.size)
        else:
            scene = crop_scene(self._scene(k, rng, stage), rng, stage.size)
        scene = Scene(
            lightness=vary_lightness(turn(scene.lightness, turns, flip), rng),
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
        fresh = stage.batch / self.mix.reuse
        number = int(position * fresh) + int(rng.integers(self.mix.window))
        base = _VALIDATION_SEEDS if self.validation else 0
        # Distinct seeds for each lane, run and number.
        return base + (self.seed * 1_000_003 + number * self.lanes + lane) % _VALIDATION_SEEDS

    def _kept(self, key: tuple[str, int, int], make: Callable[[], Any]) -> Any:
        if key not in self._scenes:
            self._scenes[key] = make()
            while len(self._scenes) > 2 * self.mix.window * self.lanes:
                self._scenes.popitem(last=False)
        return self._scenes[key]


def _stacked(conditions: Sequence[Condition], samples: Sequence[Sample], *, views: int = 1) -> Batch:
    ab = torch.from_numpy(np.stack([s.ab for s in samples])).movedim(-1, 1).float()
    lightness = torch.from_numpy(np.stack([s.lightness for s in samples]))[:, None].float()
    return Batch(Condition.stack(conditions), ab, lightness, views)


def _photograph(lab: np.ndarray, rng: np.random.Generator) -> Sample:
    """A photograph in its own colors but for their hue: no hue belongs to a texture here."""
    lightness = np.ascontiguousarray(lab[..., 0])
    # Photographs are far paler than colored micrographs.
    angle, gain = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(0, np.log(2.2)))
    rotation = gain * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return color_sample(lightness, compress_chroma(lightness, lab[..., 1:] @ rotation.T.astype(np.float32)), rng)


class BatchNumbers(Sampler[int]):
    """Batch numbers from `start` to `stop`: where a resumed run goes on."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))

    def __len__(self) -> int:
        return max(self.stop - self.start, 0)
