"""Recipes of the label model: everything that makes a run, in one YAML file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semcolorize.errors import ConfigError
from semcolorize.training.appearance import Appearance
from semcolorize.training.label_data import LabelDataset, LabelSource, LabelStage
from semcolorize.training.label_objective import LossWeights
from semcolorize.training.recipe import build_section, section_of
from semcolorize.training.scene_pool import ScenePool

__all__ = ["LabelData", "LabelOptimizer", "LabelRecipe", "label_recipe_from_dict"]


@dataclass(frozen=True)
class LabelData:
    """Where fields come from.

    Parameters
    ----------
    scenes : float
        Share of procedural scenes, against the sources' shares.
    pool, pool_size, pool_seed : int
        Scenes made in advance, their side in pixels, and their seed.
    figures, mixtures : float
        Shares of them with one large object, and with several classes in a crowd.
    sources : tuple of LabelSource
    photographs : str or None
        Folder of photographs whose texture is lent to classes.
    pairs : float
        See `LabelDataset`.
    """

    scenes: float = 0.5
    pool: int = 4000
    pool_size: int = 352
    pool_seed: int = 0
    figures: float = 0.25
    mixtures: float = 0.0
    sources: tuple[LabelSource, ...] = ()
    photographs: str | None = None
    pairs: float = 0.15


@dataclass(frozen=True)
class LabelOptimizer:
    """AdamW with warm-up and a cosine to zero, and a moving average of the weights.

    Parameters
    ----------
    learning_rate, weight_decay, clip_norm : float
    warmup : int
        Steps from 0 to the full rate.
    ema : float
        Decay per step.
    rounds : tuple of float
        Chances of 0, 1, 2, ... corrections by the simulated user before the step that is trained on.
    precision : {"bf16", "fp32"}
    keep_statistics : bool
        Normalize by the statistics of the weights that the run starts from, see `init`.
    frozen : bool
        Leave the encoder as it is: what is trained is how hints are read.
    minutes : float
        Let the rate fall to zero within so long, too, where nobody knows how many steps a machine makes; 0 for steps
        alone. Such a run cannot be repeated to the bit.
    """

    learning_rate: float = 1.0e-3
    weight_decay: float = 0.02
    clip_norm: float = 1.0
    warmup: int = 200
    ema: float = 0.998
    rounds: tuple[float, ...] = (0.4, 0.25, 0.2, 0.15)
    precision: str = "bf16"
    keep_statistics: bool = False
    frozen: bool = False
    minutes: float = 0.0


@dataclass(frozen=True)
class LabelRecipe:
    """A whole run.

    Parameters
    ----------
    preset : str
        ``labels``.
    seed : int
    stages : tuple of LabelStage
    data : LabelData
    optimizer : LabelOptimizer
    appearance : Appearance
    loss : LossWeights
    model : dict
        Changes to `semcolorize.model.label_model.LabelModelConfig`.
    init : str or None
        Weights to start from.
    workers : int
        Processes that make batches.
    """

    preset: str = "labels"
    seed: int = 0
    stages: tuple[LabelStage, ...] = (LabelStage(1000),)
    data: LabelData = field(default_factory=LabelData)
    optimizer: LabelOptimizer = field(default_factory=LabelOptimizer)
    appearance: Appearance = field(default_factory=Appearance)
    loss: LossWeights = field(default_factory=LossWeights)
    model: dict[str, Any] = field(default_factory=dict)
    init: str | None = None
    workers: int = 1

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def dataset(self, scenes: Path, on_progress: Callable[[int, int], None] | None = None) -> LabelDataset:
        """The data set; its scenes are made first where they are not in the folder `scenes`."""
        data, pool = self.data, None
        if data.scenes > 0:
            kinds = f"{data.figures:g}" + (f"-{data.mixtures:g}" if data.mixtures else "")
            path = scenes / f"scenes-{data.pool_seed}-{data.pool}-{data.pool_size}-{kinds}.npy"
            pool = ScenePool.make(
                path, data.pool, data.pool_size, seed=data.pool_seed, figures=data.figures, mixtures=data.mixtures,
                workers=max(2, self.workers), on_progress=on_progress,
            )  # fmt: skip
        return LabelDataset(
            self.stages, data.sources, pool, scene_share=data.scenes, appearance=self.appearance,
            photographs=data.photographs, pairs=data.pairs, seed=self.seed,
        )  # fmt: skip


def label_recipe_from_dict(values: dict[str, Any], *, folder: Path | None = None) -> LabelRecipe:
    """Build a recipe from plain data.

    Parameters
    ----------
    values : dict
        As read from YAML.
    folder : Path, optional
        Where relative data folders start.

    Raises
    ------
    ConfigError
        With all faults at once.
    """
    faults: list[ConfigError] = []
    values = dict(values)

    def located(name: Any) -> Any:
        if folder is not None and isinstance(name, str) and not Path(name).expanduser().is_absolute():
            return str(folder / name)
        return name

    def listed(section: Any, key: str, kind: Any, where: str) -> tuple[Any, ...]:
        entries = section.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            faults.append(ConfigError(f"{where} must be a list of mappings.", key=where))
            return ()
        required = {"steps": 1000} if kind is LabelStage else {"folder": ""}
        return tuple(build_section(kind, required | entry, f"{where}[{i}]", faults) for i, entry in enumerate(entries))

    data = dict(section_of(values, "data", faults))
    sources = listed(data, "sources", LabelSource, "data.sources")
    sources = tuple(dataclasses.replace(source, folder=located(source.folder)) for source in sources)
    data.pop("sources", None)
    data["photographs"] = located(data.get("photographs"))
    built = dataclasses.replace(build_section(LabelData, data, "data", faults), sources=sources)
    stages = listed(values, "stages", LabelStage, "stages")
    parts = {
        key: build_section(kind, values.get(key) or {}, key, faults)
        for key, kind in (("optimizer", LabelOptimizer), ("appearance", Appearance), ("loss", LossWeights))
    }
    rest = {k: v for k, v in values.items() if k not in {"stages", "data", *parts}}
    recipe = build_section(LabelRecipe, rest, "", faults)
    kinds = ("objects", "classes", "regions")
    for i, source in enumerate(sources):
        if source.masks not in kinds:
            fault = f"data.sources[{i}].masks is {source.masks!r}; {', '.join(kinds)} are accepted."
            faults.append(ConfigError(fault, key=f"data.sources[{i}]"))
    if not stages:
        faults.append(ConfigError("stages must be a list of at least one stage.", key="stages"))
    if faults:
        raise ConfigError.from_faults(faults)
    return dataclasses.replace(recipe, stages=stages, data=built, **parts)
