"""Training recipes: everything that makes a training run, in one YAML file."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcolorize.errors import ConfigError
from semcolorize.hintfiles.yaml_source import load_yaml
from semcolorize.network.conditioning import PRESETS, ModelConfig
from semcolorize.network.weights import check_size
from semcolorize.training.mix import FOLDERS, HINT_STYLES, MixConfig, Stage

if TYPE_CHECKING:
    from semcolorize.training.label_recipe import LabelRecipe

__all__ = [
    "DistillConfig", "OptimizerConfig", "Recipe", "build_section", "read_recipe", "recipe_from_dict",
    "section_of",
]  # fmt: skip


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW with warm-up, a plateau and a linear cooldown, and an exponential moving average of the weights.

    Parameters
    ----------
    learning_rate, weight_decay, clip_norm : float
    warmup : int
        Steps from 0 to the full rate.
    cooldown : float
        Share of all steps, at the end, over which the rate falls to 0.
    ema : float
        Decay per step.
    terminal_share : float
        Share of samples at t = 1.
    knee : float
        Error, in network units, beyond which it counts linearly; 0 for squared error.
    min_snr : float
        Largest weight of a time step, as a signal-to-noise ratio (Hang et al. 2023; the thesis' code uses 5); 0 for
        equal weights.
    relative_floor : float
        See `semcolorize.training.objective.diffusion_loss`.
    likeness_weight : float
        See `semcolorize.training.objective.likeness_loss`; 0 leaves it out.
    precision : {"bf16", "fp32"}
    """

    learning_rate: float = 1.0e-3
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    warmup: int = 200
    cooldown: float = 0.3
    ema: float = 0.999
    terminal_share: float = 0.5
    knee: float = 0.25
    min_snr: float = 0.0
    relative_floor: float = 0.0
    likeness_weight: float = 0.0
    precision: str = "bf16"


@dataclass(frozen=True)
class DistillConfig:
    """Distillation of the weights in ``init``, see `semcolorize.training.distill`.

    Parameters
    ----------
    share : float
        Share of the batches that it takes; the others are trained on as ever.
    steps, teacher_steps : int
    weight : float
        Of its loss.
    """

    share: float = 0.5
    steps: int = 2
    teacher_steps: int = 8
    weight: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """A whole training run.

    Parameters
    ----------
    preset : str
        Key of `semcolorize.network.conditioning.PRESETS`.
    seed : int
    stages : tuple of Stage
    data : MixConfig
    optimizer : OptimizerConfig
    workers : int
        Processes that make batches.
    model, network : dict
        Changes to the preset and to its network, under the names of `semcolorize.network.conditioning.ModelConfig` and
        `semcolorize.network.unet.UNetConfig`.
    init : str or None
        Weights to start from: a bundled name or a safetensors file.
    distill : DistillConfig or None
    blend : float
        Share of what was trained in the weights that are written, the rest is ``init``: means of weights before and
        after fine-tuning keep what either knows (Wortsman et al. 2022, Robust fine-tuning of zero-shot models).
    """

    preset: str = "compact"
    seed: int = 0
    stages: tuple[Stage, ...] = (Stage(1000),)
    data: MixConfig = field(default_factory=MixConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    workers: int = 1
    model: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    init: str | None = None
    distill: DistillConfig | None = None
    blend: float = 1.0

    @property
    def model_config(self) -> ModelConfig:
        """Configuration of the model to train."""
        preset = PRESETS[self.preset].to_dict()
        return ModelConfig.from_dict(preset | self.model | {"network": preset["network"] | self.network})

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)


def read_recipe(
    recipe: str | os.PathLike[str], *, data_folder: Path | None = None, changes: Sequence[str] = ()
) -> Recipe | LabelRecipe:
    """Read a recipe, of an AB-diffuser or (``preset: labels``) of a label model, from a YAML file or by bundled name.

    Parameters
    ----------
    recipe : str or path-like
        A file, or the name of a recipe that comes with the package (``compact``, ``thesis``, ``finetune``).
    data_folder : Path, optional
        Where relative data folders start; the working folder by default.
    changes : sequence of str
        ``KEY=VALUE`` in place of what the recipe says: ``optimizer.terminal_share=0.25``, ``stages.0.steps=100``. The
        value is YAML.

    Raises
    ------
    ConfigError
        With all faults at once, each with file and line.
    """
    path = Path(recipe)
    bundled = Path(str(resources.files("semcolorize"))) / "recipes" / f"{path.name}.yaml"
    # A run of that name may lie in the working folder.
    if not path.is_file() and path.parent == Path() and bundled.is_file():
        path = bundled
    if path.parent == Path() and not path.suffix and not path.exists():
        names = sorted(file.stem for file in bundled.parent.glob("*.yaml"))
        raise ConfigError(f"There is no recipe {path.name!r}; bundled are {', '.join(names)}, or name a YAML file.")
    source = load_yaml(path)
    if not isinstance(source.data, dict):
        raise source.fault("a recipe must be a mapping with preset, stages, data and optimizer.")
    for change in changes:
        _set(source.data, change)
    from semcolorize.training.class_colors import class_color_recipe_from_dict
    from semcolorize.training.label_recipe import label_recipe_from_dict

    builders: dict[Any, Any] = {"labels": label_recipe_from_dict, "colors": class_color_recipe_from_dict}
    build = builders.get(source.data.get("preset"), recipe_from_dict)
    try:
        return build(source.data, folder=data_folder)
    except ConfigError as error:
        if changes:
            # Lines of the file say nothing of what did not come from it.
            raise
        located = [source.fault(fault.message, _key_path(fault.key)) for fault in error.faults]
        raise ConfigError.from_faults(located) from error


def _key_path(dotted: str | None) -> tuple[str | int, ...]:
    parts = re.findall(r"[^.\[\]]+", dotted or "")
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _set(values: dict[str, Any], change: str) -> None:
    """Put ``a.b.0.c=VALUE`` into nested mappings and lists."""
    import yaml

    name, equals, text = change.partition("=")
    path = _key_path(name)
    fault = f"--set {change!r}: KEY=VALUE is accepted, say optimizer.terminal_share=0.25 or stages.0.steps=100"
    if not equals or not path:
        raise ConfigError(f"{fault}.", key="set")
    inner: Any = values
    try:
        for part in path[:-1]:
            inner = inner.setdefault(part, {}) if isinstance(inner, dict) else inner[part]
        inner[path[-1]] = yaml.safe_load(text)
    except (KeyError, IndexError, TypeError):
        raise ConfigError(f"{fault}; the recipe has no {name}.", key="set") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{fault}; the value is no YAML ({error}).", key="set") from None


def recipe_from_dict(values: dict[str, Any], *, folder: Path | None = None) -> Recipe:
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
    data = _located(section_of(values, "data", faults), folder)
    stages = []
    listed = values.get("stages", [{}])
    if not isinstance(listed, list) or not listed:
        faults.append(ConfigError("stages must be a list of at least one stage.", key="stages"))
        listed = []
    for i, stage in enumerate(listed):
        where = f"stages[{i}]"
        built = build_section(Stage, {"steps": 1000} | stage if isinstance(stage, dict) else stage, where, faults)
        changes = _located(built.data, folder)
        _shares(build_section(MixConfig, changes, f"{where}.data", faults), f"{where}.data", faults)
        if built.batch * built.size**2 > _MOST_PIXELS:
            fault = f"{where} has batches of {built.batch} x {built.size} x {built.size} pixels; at most {_MOST_PIXELS}"
            faults.append(ConfigError(f"{fault} pixels a batch are accepted. Use a smaller size or batch.", key=where))
        stages.append(dataclasses.replace(built, data=changes))
    mix = build_section(MixConfig, data, "data", faults)
    _shares(mix, "data", faults)
    optimizer = build_section(OptimizerConfig, section_of(values, "optimizer", faults), "optimizer", faults)
    _shares(optimizer, "optimizer", faults)
    if recipe_blend_fault := _blend_fault(values):
        faults.append(recipe_blend_fault)
    preset = values.get("preset", "compact")
    if preset not in PRESETS:
        faults.append(ConfigError(f"preset {preset!r} is not known; there are {', '.join(PRESETS)}.", key="preset"))
    distill = None
    if "distill" in values:
        distill = build_section(DistillConfig, section_of(values, "distill", faults), "distill", faults)
        if values.get("init") is None or min(distill.steps, distill.teacher_steps) < 2:
            fault = "distill needs a teacher in init, and at least 2 steps and teacher_steps."
            faults.append(ConfigError(fault, key="distill"))
    rest = {k: v for k, v in values.items() if k not in {"stages", "data", "optimizer", "distill"}}
    recipe = build_section(Recipe, rest, "", faults)
    for mixed, where in [(mix, "data"), *((s.data, f"stages[{i}].data") for i, s in enumerate(stages))]:
        style = mixed.get("hints", "mixed") if isinstance(mixed, dict) else mixed.hints
        if style not in HINT_STYLES:
            faults.append(
                ConfigError(f"{where}.hints is {style!r}; {' or '.join(HINT_STYLES)} is accepted.", key=where)
            )
    heads = 2
    if preset in PRESETS and isinstance(recipe.model, dict) and isinstance(recipe.network, dict):
        try:
            heads = recipe.model_config.matching_heads
            if recipe.network or recipe.model:
                check_size(recipe.model_config)
        except (ConfigError, TypeError, ValueError) as error:
            faults.append(ConfigError(f"model and network do not make one: {error}", key="model"))
    if optimizer.likeness_weight > 0 and heads < 2:
        fault = f"optimizer.likeness_weight needs a network with matching heads; preset {preset} has none. Set it to 0."
        faults.append(ConfigError(fault, key="optimizer.likeness_weight"))
    if faults:
        raise ConfigError.from_faults(faults)
    return dataclasses.replace(recipe, stages=tuple(stages), data=mix, optimizer=optimizer, distill=distill)


_MOST_PIXELS = 1 << 27
_SHARES = ("ema", "cooldown", "terminal_share", "views", "gray", "instance", "uneven")


def _shares(section: Any, where: str, faults: list[ConfigError]) -> None:
    """Say which of a section's shares are beyond 1."""
    for key in _SHARES:
        if getattr(section, key, 0) > 1:
            dotted = f"{where}.{key}"
            faults.append(ConfigError(f"{dotted} is {getattr(section, key)}; 0 to 1 is accepted.", key=dotted))


def _blend_fault(values: dict[str, Any]) -> ConfigError | None:
    share = values.get("blend", 1.0)
    if not isinstance(share, int | float) or share == 1 or (0 < share < 1 and values.get("init") is not None):
        return None
    return ConfigError(f"blend is {share}; above 0 and at most 1 is accepted, below 1 with an init.", key="blend")


def _located(data: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """Copy of a mix whose relative folders start at `folder`."""
    data = dict(data)
    for key in FOLDERS if folder is not None else ():
        if isinstance(data.get(key), str) and not Path(data[key]).expanduser().is_absolute():
            data[key] = str(folder / data[key])
    return data


def section_of(values: dict[str, Any], key: str, faults: list[ConfigError]) -> dict[str, Any]:
    """A section of a recipe, empty with a fault where it is no mapping."""
    section = values.get(key) or {}
    if not isinstance(section, dict):
        faults.append(ConfigError(f"{key} must be a mapping, not {type(section).__name__}.", key=key))
        return {}
    return section


def build_section(kind: Any, values: Any, where: str, faults: list[ConfigError]) -> Any:
    """Instance of a flat dataclass, its keys and types checked."""
    import difflib

    if not isinstance(values, dict):
        faults.append(ConfigError(f"{where} must be a mapping, not {type(values).__name__}.", key=where))
        return kind(steps=1) if kind is Stage else kind()
    known = {f.name: f for f in dataclasses.fields(kind)}
    accepted = {}
    for key, value in values.items():
        dotted = f"{where}.{key}".lstrip(".")
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f" Did you mean {close[0]}?" if close else f" Known are {', '.join(known)}."
            faults.append(ConfigError(f"{dotted} is not a known key.{hint}", key=dotted))
            continue
        kind_name = str(known[key].type)
        if not _fits(value, kind_name):
            wanted = _IN_WORDS.get(kind_name.removesuffix(" | None"), kind_name)
            faults.append(ConfigError(f"{dotted} is {value!r}; {wanted} is accepted.", key=dotted))
            continue
        accepted[key] = value
    if kind is Stage:
        # Its steps may be what was wrong.
        accepted.setdefault("steps", 1)
    return kind(**accepted)


_IN_WORDS = {"int": "a whole number from 0 on", "float": "a number from 0 on", "str": "text"}


def _fits(value: Any, kind: str) -> bool:
    if "None" in kind and value is None:
        return True
    if kind.startswith("str"):
        return isinstance(value, str)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if kind.removesuffix(" | None") == "float":
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
    if kind == "bool":
        return isinstance(value, bool)
    if kind.startswith("Literal"):
        return isinstance(value, str)
    if kind.startswith("dict"):
        return isinstance(value, dict)
    return isinstance(value, Sequence)
