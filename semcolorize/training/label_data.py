"""Batches for the label model: crops of scenes and of micrographs with masks, with what a user wants and hints first.

Batch number k is a function of the seed and k alone, however many workers there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from scipy import ndimage
from torch.utils.data import Dataset

from semcolorize.color.lab import gray_to_lightness
from semcolorize.errors import ConfigError
from semcolorize.training.appearance import Appearance, vary_appearance
from semcolorize.training.crops import draw_window, resample, turn
from semcolorize.training.folders import ImageFolder, color_folder, masked_folder
from semcolorize.training.scene_pool import ScenePool
from semcolorize.training.simulated_user import LabelTask, draw_hints, draw_task, marks_of

__all__ = ["Field", "LabelBatch", "LabelDataset", "LabelSource", "LabelStage"]


@dataclass(frozen=True)
class LabelSource:
    """Micrographs with masks.

    Parameters
    ----------
    folder : str
        With ``images/NAME.*`` beside ``masks/NAME.*``.
    share : float
        Of the samples, against the other sources.
    masks : {"objects", "classes", "regions"}
        Values number objects of one class; are classes, whose parts are objects; or are classes without single objects.
    """

    folder: str
    share: float = 1.0
    masks: Literal["objects", "classes", "regions"] = "objects"


@dataclass(frozen=True)
class LabelStage:
    """Part of a run: `steps` batches of `batch` crops of `size` pixels.

    Parameters
    ----------
    steps, size, batch : int
    sizes : tuple of int
        Sizes that take turns with `size`, batch by batch, in as many crops as hold about the same number of pixels.
    clicks : bool
        Train the decoder, too; else outlines and embeddings alone.
    hint_sets : int
        Tasks with hints drawn for each crop.
    pairs : float or None
        Share of samples that come in twos; None for the data's.
    rounds : tuple of float or None
        Chances of 0, 1, 2, ... corrections by the simulated user before what is trained on; None for the optimizer's.
    """

    steps: int
    size: int = 256
    batch: int = 8
    sizes: tuple[int, ...] = ()
    clicks: bool = True
    hint_sets: int = 2
    pairs: float | None = None
    rounds: tuple[float, ...] | None = None

    def turn(self, k: int) -> tuple[int, int]:
        """Size and number of the crops of batch `k` of the stage."""
        size = (self.size, *self.sizes)[k % (1 + len(self.sizes))]
        return size, max(1, round(self.batch * (self.size / size) ** 2))


@dataclass(frozen=True)
class Field:
    """A crop and what is where in it; `numbered` says whether instances are single objects."""

    lightness: np.ndarray
    classes: np.ndarray
    instances: np.ndarray
    numbered: bool


@dataclass
class LabelBatch:
    """Images with maps on the grid, and rows of hints.

    Attributes
    ----------
    lightness : Tensor of shape (B, 1, H, W)
        CIE L*.
    classes, instances : int64 Tensor of shape (B, H/4, W/4)
        At the middle of each cell.
    target : int8 Tensor of shape (R, H, W)
        0 none, k + 1 for label k.
    marks : uint8 Tensor of shape (R, K + 1, 2, H/2, W/2)
        In quarters.
    image, group, labels : int64 Tensor of shape (R,)
    spread : int64 Tensor of shape (R, K + 1)
    """

    lightness: torch.Tensor
    classes: torch.Tensor
    instances: torch.Tensor
    target: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    marks: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    image: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    group: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    labels: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    spread: torch.Tensor = field(default_factory=lambda: torch.zeros(0))

    def rows(self, rows: torch.Tensor) -> LabelBatch:
        """The same images with some of the rows."""
        names = ("target", "marks", "image", "group", "labels", "spread")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def pin_memory(self) -> LabelBatch:
        """Copy in memory from which a GPU copies without the processor."""
        return LabelBatch(**{k: v.pin_memory() for k, v in self.__dict__.items()})

    def to(self, device: str | torch.device) -> LabelBatch:
        """Copy on `device`."""
        return LabelBatch(**{k: v.to(device, non_blocking=True) for k, v in self.__dict__.items()})


class LabelDataset(Dataset[LabelBatch]):
    """Batches by number.

    Parameters
    ----------
    stages : sequence of LabelStage
    sources : sequence of LabelSource
    scenes : ScenePool or None
    scene_share : float
        Of the samples.
    appearance : Appearance
    photographs : str or None
        Folder of photographs whose texture is lent to classes.
    pairs : float
        Share of samples that come in twos: views of one field, mostly hinted on one.
    seed : int
    """

    def __init__(
        self,
        stages: Sequence[LabelStage],
        sources: Sequence[LabelSource],
        scenes: ScenePool | None,
        *,
        scene_share: float = 0.5,
        appearance: Appearance | None = None,
        photographs: str | None = None,
        pairs: float = 0.15,
        seed: int = 0,
    ) -> None:
        self.stages, self.sources, self.scenes = tuple(stages), tuple(sources), scenes
        self.appearance, self.pairs, self.seed = appearance or Appearance(), pairs, seed
        self._folders = [masked_folder(source.folder) for source in self.sources]
        self._photographs: ImageFolder | None = color_folder(photographs, "photographs") if photographs else None
        shares = np.array([scene_share if scenes is not None else 0.0, *(s.share for s in self.sources)])
        if not shares.sum():
            raise ConfigError("there is nothing to train on: name scenes or sources.", key="data")
        self._shares = shares / shares.sum()
        self._read: dict[tuple[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        for stage in self.stages:
            for size in (stage.size, *stage.sizes):
                if size < 32 or size % 32:
                    raise ConfigError(f"stage size {size} must be a multiple of 32.", key="stages")

    def __len__(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage(self, k: int) -> LabelStage:
        """Stage to which batch `k` belongs."""
        for stage in self.stages:
            if k < stage.steps:
                return stage
            k -= stage.steps
        return self.stages[-1]

    def __getitem__(self, k: int) -> LabelBatch:
        stage = self.stage(k)
        size, batch = stage.turn(k)
        fields: list[Field] = []
        rows: list[tuple[int, int, LabelTask, np.ndarray, np.ndarray]] = []
        groups, j = 0, 0
        while len(fields) < batch:
            rng = np.random.Generator(np.random.PCG64([self.seed, k, j]))
            j += 1
            pairs = self.pairs if stage.pairs is None else stage.pairs
            views = 2 if stage.clicks and rng.random() < pairs / 2 and len(fields) + 2 <= batch else 1
            drawn = self._views(rng, size, views)
            if stage.clicks:
                for _ in range(stage.hint_sets):
                    for i, task, target, kinds in _hinted(drawn, rng):
                        rows.append((len(fields) + i, groups, task, target, kinds))
                    groups += 1
            fields += drawn
        return _stacked(fields, rows)

    def _views(self, rng: np.random.Generator, size: int, views: int) -> list[Field]:
        source = int(rng.choice(len(self._shares), p=self._shares)) - 1
        if source < 0:
            assert self.scenes is not None
            lightness, classes, instances = self.scenes[int(rng.integers(len(self.scenes)))]
            numbered = True
        else:
            lightness, classes, instances = self._micrograph(source, int(rng.integers(len(self._folders[source]))))
            numbered = self.sources[source].masks != "regions"
        found = []
        for _ in range(views):
            shortest = min(lightness.shape)
            window = draw_window(rng, lightness.shape, min(max(round(0.3 * max(shortest, 512)), size // 2), shortest))
            turns, flip = int(rng.integers(4)), bool(rng.random() < 0.5)
            plane, own, objects = (
                turn(resample(values, window, size, labels=i > 0), turns, flip)
                for i, values in enumerate((lightness, classes, instances))
            )
            objects = np.where(own > 0, objects, 0).astype(np.int32)
            plane = vary_appearance(plane, own, objects, rng, self.appearance, texture=self._texture(rng, size))
            found.append(Field(plane, own, objects, numbered))
        return found

    def _micrograph(self, source: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        key = (source, number)
        if key not in self._read:
            gray, values = self._folders[source][number]
            if self.sources[source].masks == "objects":
                classes, instances = (values > 0).astype(np.uint8), values
            else:
                _, inverse = np.unique(values, return_inverse=True)
                # Value 0 is the ground, even where a mask has none.
                classes = (inverse.reshape(values.shape) + int(values.min() > 0)).astype(np.uint8)
                instances, count = np.zeros(values.shape, np.int32), 0
                for own in np.unique(classes[classes > 0]):
                    parts, parts_count = ndimage.label(classes == own)
                    instances[parts > 0] = parts[parts > 0] + count
                    count += parts_count
            lightness = np.asarray(gray_to_lightness(gray / np.float32(255)), np.float32)
            self._read[key] = (lightness, classes, instances.astype(np.uint16))
        return self._read[key]

    def _texture(self, rng: np.random.Generator, size: int) -> np.ndarray | None:
        if self._photographs is None or rng.random() > self.appearance.texture:
            return None
        (rgb,) = self._photographs[int(rng.integers(len(self._photographs)))]
        gray = rgb.astype(np.float32).mean(axis=2)
        return resample(gray, draw_window(rng, gray.shape, min(96, *gray.shape)), size, labels=False)


def _hinted(views: list[Field], rng: np.random.Generator) -> list[tuple[int, LabelTask, np.ndarray, np.ndarray]]:
    """A task for a group of views with first hints on one of them or on all: view, task, target, hints."""
    first = int(rng.integers(len(views)))
    task = draw_task(
        views[first].classes, views[first].instances, rng, numbered=views[first].numbered, alike_only=len(views) > 1
    )
    found = []
    for i, view in enumerate(views):
        target = task.target(view.classes, view.instances)
        if i == first or rng.random() < 0.2:
            kinds = draw_hints(task, view.classes, view.instances, rng)
        else:
            kinds = np.full(target.shape, -1, np.int8)
        found.append((i, task, target, kinds))
    return found


def _stacked(fields: list[Field], rows: list[tuple[int, int, LabelTask, np.ndarray, np.ndarray]]) -> LabelBatch:
    batch = LabelBatch(
        torch.from_numpy(np.stack([f.lightness for f in fields]))[:, None],
        torch.from_numpy(np.stack([f.classes[2::4, 2::4] for f in fields]).astype(np.int64)),
        torch.from_numpy(np.stack([f.instances[2::4, 2::4] for f in fields]).astype(np.int64)),
    )
    if not rows:
        return batch
    most = max(len(task) for _, _, task, _, _ in rows)
    marks, spread = [], np.zeros((len(rows), most + 1), np.int64)
    for r, (_, _, task, _, kinds) in enumerate(rows):
        own = marks_of(kinds, len(task))
        padded = np.zeros((most + 1, *own.shape[1:]), np.uint8)
        padded[: len(task)], padded[-1] = own[:-1], own[-1]
        marks.append(padded)
        spread[r, : len(task)] = [int(bool(objects)) for objects in task.objects]
        spread[r, -1] = task.gray_spread
    return replace(
        batch,
        target=torch.from_numpy(np.stack([target for _, _, _, target, _ in rows])),
        marks=torch.from_numpy(np.stack(marks)),
        image=torch.tensor([i for i, _, _, _, _ in rows]),
        group=torch.tensor([g for _, g, _, _, _ in rows]),
        labels=torch.tensor([len(task) for _, _, task, _, _ in rows]),
        spread=torch.from_numpy(spread),
    )
