"""What the network is told: lightness, hints, propagated hints and modes, as tensors; and how its output is read.

Two presets. ``compact`` ships: patches of 4 x 4 pixels, hints and their propagation on the patch grid, and diffusion of
the *residual* over the propagated inks (`semcolorize.color.ink`), so that a network that puts out zero colors like the
best classical method.
``thesis`` is the AB-diffuser of E. Venema's thesis (Bergen, 2023): lightness and hint colors concatenated to the noisy
a*b* at full resolution, no hint mask (so a gray hint is invisible to it), a*b* divided by 128.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F

from semcolorize.color.ink import ink_curve
from semcolorize.color.lab import AB_SCALE
from semcolorize.diffusion.prediction import PREDICTIONS, Prediction
from semcolorize.diffusion.schedule import Kind, Schedule
from semcolorize.errors import ConfigError, ShapeError
from semcolorize.hints.pool import HintPool, cell_mean, pool_hints
from semcolorize.hints.propagate import membership, propagate
from semcolorize.network.matching import InkMixing, choose_marks
from semcolorize.network.transfer import to_device
from semcolorize.network.unet import UNetConfig

__all__ = [
    "FILLS", "GRID_CHANNELS", "PRESETS", "SPREADS", "Condition", "Fill", "ModelConfig", "Spread",
    "condition_image", "condition_views",
]  # fmt: skip

Fill = Literal["auto", "gray"]
Spread = Literal["alike", "instance"]
FILLS: tuple[str, ...] = get_args(Fill)
SPREADS: tuple[str, ...] = get_args(Spread)


@dataclass(frozen=True)
class ModelConfig:
    """Everything that makes a checkpoint usable.

    Parameters
    ----------
    network : UNetConfig
    prediction : {"v", "x0", "eps"}
    schedule : {"sigmoid", "cosine", "linear"}
    schedule_shift : float
    ab_scale : float
        CIELAB units per network unit.
    residual : bool
        Diffuse the difference of inks from the propagated hints instead of a*b* itself.
    propagated : bool
        Give hints, their mask, their propagation and its confidence on the patch grid, and the modes as flags; else
        only the hint colors at full resolution, as in the thesis.
    input_gate : float
        Noisy a*b* enters the network times ``min(1, input_gate * alpha_t)``; 0 for no gate. At t = 1 it holds no
        signal, and a network shown it at full strength leaks its noise into the colors.
    matching_heads : int
        Likenesses by which hints' inks are found for each cell (`semcolorize.network.matching`); the network then mixes
        these inks and the propagated ones and adds to the mixture. 0: the network puts out all by itself.
    sampler : {"dpm-solver", "ddim", "ddpm"}
    num_steps : int
        Recommended number of steps for the first variant, the model's best guess.
    variant_steps : int
        Recommended number of steps for the other variants. One step gives the conditional mean, always the same;
        samples that differ need more.
    """

    network: UNetConfig = field(default_factory=UNetConfig)
    prediction: Prediction = "v"
    schedule: Kind = "sigmoid"
    schedule_shift: float = 1.0
    ab_scale: float = AB_SCALE
    residual: bool = True
    propagated: bool = True
    input_gate: float = 0.0
    matching_heads: int = 0
    sampler: Literal["dpm-solver", "ddim", "ddpm"] = "dpm-solver"
    num_steps: int = 4
    variant_steps: int = 4

    def __post_init__(self) -> None:
        if self.prediction not in PREDICTIONS:
            raise ConfigError(f"prediction {self.prediction!r} is not known; there are {', '.join(PREDICTIONS)}.")
        if self.residual and not self.propagated:
            raise ConfigError("residual diffusion needs the propagated hints: set propagated: true.")
        if self.matching_heads and not self.residual:
            raise ConfigError("matching needs residual diffusion: set residual: true, or matching_heads: 0.")
        if self.network.out_channels != 2 + self.mixed:
            raise ConfigError(
                f"out_channels is {self.network.out_channels}; {2 + self.mixed} are read with {self.matching_heads} "
                "matching_heads.", key="out_channels",
            )  # fmt: skip
        for name in ("num_steps", "variant_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; at least 1 is needed.", key=name)

    @property
    def noise(self) -> Schedule:
        """The noise schedule."""
        return Schedule(self.schedule, self.schedule_shift)

    @property
    def mixed(self) -> int:
        """Inks the network chooses from pixel by pixel: the prior and what `InkMixing` offers."""
        return 1 + InkMixing.CANDIDATES if self.matching_heads else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """Build from plain data, as stored beside weights."""
        values = dict(values)
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ConfigError(f"model configuration has unknown keys {sorted(unknown)}.")
        network = UNetConfig.from_dict(dict(values.pop("network", {})))
        return cls(network=network, **values)

    def with_network(self, **changes: Any) -> ModelConfig:
        """Copy with changes to the network's shape."""
        return replace(self, network=UNetConfig.from_dict(asdict(self.network) | changes))


GRID_CHANNELS = ("hint a", "hint b", "hint mask", "prior a", "prior b", "confidence", "near", "similar a", "similar b",
                 "likeness")  # fmt: skip
"""What the network is told on the patch grid; see `semcolorize.hints.propagate.Propagation`."""

PRESETS: dict[str, ModelConfig] = {
    "compact": ModelConfig(
        network=UNetConfig(
            pixel_channels=3,
            grid_channels=len(GRID_CHANNELS),
            flags=2,
            dim=64,
            multipliers=(1, 2, 3),
            attention=("none", "none", "full"),
            patch=4,
            stem_kernel=3,
            normalize_weights=False,
            zero_output=True,
            out_channels=5,
        ),
        schedule_shift=0.5,
        input_gate=4.0,
        matching_heads=4,
        num_steps=1,
        variant_steps=2,
    ),
    "thesis": ModelConfig(
        network=UNetConfig(),
        ab_scale=128.0,
        residual=False,
        propagated=False,
        sampler="ddpm",
        num_steps=1000,
        variant_steps=1000,
    ),
}


@dataclass(frozen=True)
class Condition:
    """The network's view of a batch of images.

    Attributes
    ----------
    pixels : Tensor of shape (B, C, H, W)
        Conditioning at full resolution, without the noisy a*b*.
    grid : Tensor of shape (B, 10, H/patch, W/patch) or None
        `GRID_CHANNELS`; inks in network units.
    flags : Tensor of shape (B, 2) or None
        ``fill`` is gray, ``spread`` is instance: 0 or 1.
    prior : Tensor of shape (B, 2, H, W)
        What the residual is added to, in network units; zeros without residual.
    ink : Tensor of shape (B, 1, H, W)
        What network units are multiplied by for a*b*; ones without residual.
    marks : int64 Tensor of shape (B, K) or None
        Places on the grid of the hinted cells that others are matched with, see `choose_marks`.
    """

    pixels: torch.Tensor
    grid: torch.Tensor | None
    flags: torch.Tensor | None
    prior: torch.Tensor
    ink: torch.Tensor
    marks: torch.Tensor | None = None

    def to(self, device: torch.device | str) -> Condition:
        """Copy on `device`."""
        return Condition.from_tensors([None if x is None else to_device(x, device) for x in self.tensors()])

    def repeat(self, count: int) -> Condition:
        """The batch `count` times over."""
        return Condition.from_tensors(
            [None if x is None else x.repeat(count, *[1] * (x.ndim - 1)) for x in self.tensors()]
        )

    def with_places(self, multiple: int) -> Condition:
        """The same with room for more marks, -1 where there is none: a multiple of so many."""
        if self.marks is None or not self.marks.shape[1] % multiple:
            return self
        return replace(self, marks=F.pad(self.marks, (0, -self.marks.shape[1] % multiple), value=-1))

    def mirrored(self, axes: Sequence[int]) -> Condition:
        """The batch as a mirror shows it: `axes` of -2 (upside down), -1 (left is right), both or none."""
        axes = tuple(axes)
        pixels, prior, ink = (plane.flip(axes) for plane in (self.pixels, self.prior, self.ink))
        grid, marks = None if self.grid is None else self.grid.flip(axes), self.marks
        if marks is not None and grid is not None:
            height, width = grid.shape[-2:]
            row, column = marks // width, marks % width
            row = height - 1 - row if -2 in axes else row
            column = width - 1 - column if -1 in axes else column
            marks = torch.where(marks >= 0, row * width + column, marks)
        return replace(self, pixels=pixels, grid=grid, prior=prior, ink=ink, marks=marks)

    @staticmethod
    def stack(conditions: Sequence[Condition]) -> Condition:
        """One batch out of several of equal image size."""
        most = max((c.marks.shape[1] for c in conditions if c.marks is not None), default=1)
        columns = zip(*(condition.with_places(most).tensors() for condition in conditions), strict=True)
        return Condition.from_tensors([None if column[0] is None else torch.cat(column) for column in columns])

    @staticmethod
    def from_tensors(tensors: Sequence[torch.Tensor | None]) -> Condition:
        """What `tensors` was taken from."""
        return Condition(*tensors)  # type: ignore[arg-type]

    def tensors(self) -> tuple[torch.Tensor | None, ...]:
        """All attributes, in order."""
        return self.pixels, self.grid, self.flags, self.prior, self.ink, self.marks


def condition_image(
    config: ModelConfig,
    lightness: np.ndarray,
    hint_ab: np.ndarray,
    hint_mask: np.ndarray,
    *,
    fill: Fill = "auto",
    spread: Spread = "alike",
    pool: HintPool | None = None,
) -> Condition:
    """Conditioning of one image.

    Parameters
    ----------
    config : ModelConfig
    lightness : ndarray of shape (H, W)
        CIE L*, 0 to 100. H and W: multiples of ``config.network.stride``.
    hint_ab : ndarray of shape (H, W, 2)
        CIELAB units, read where `hint_mask` is not 0.
    hint_mask : ndarray of shape (H, W)
        Bool, or strength 0 to 1.
    fill, spread : str
        Modes.
    pool : HintPool, optional
        Hints of all views, where the image is one of a series; see `condition_views`.

    Returns
    -------
    Condition
        A batch of one.
    """
    if fill not in FILLS:
        raise ConfigError(f"fill is {fill!r}; {' or '.join(FILLS)} is accepted.", key="fill")
    if spread not in SPREADS:
        raise ConfigError(f"spread is {spread!r}; {' or '.join(SPREADS)} is accepted.", key="spread")
    stride = config.network.stride
    if lightness.ndim != 2 or lightness.shape[0] % stride or lightness.shape[1] % stride:
        raise ShapeError(f"lightness of shape {lightness.shape} must have sides that are multiples of {stride}.")
    plane = _tensor(lightness)[None] / 50 - 1
    mask = _tensor(hint_mask)[None]
    colors = _tensor(hint_ab).movedim(-1, 1) * mask / config.ab_scale
    if not config.propagated:
        return Condition(
            torch.cat([plane, colors], dim=1), None, None, torch.zeros_like(colors), torch.ones_like(plane)
        )
    patch = config.network.patch
    walked = propagate(lightness, hint_ab, hint_mask, cell=patch, pool=pool, firm=fill == "gray")
    channels = (
        walked.hint_ink / config.ab_scale, walked.seeds, walked.ink / config.ab_scale, walked.confidence, walked.near,
        walked.similar / config.ab_scale, walked.likeness,
    )  # fmt: skip
    grid = torch.cat([_tensor(x).movedim(-1, 1) if x.ndim == 3 else _tensor(x)[None] for x in channels], dim=1)
    flags = torch.tensor([[float(fill == "gray"), float(spread == "instance")]])
    if not config.residual:
        return Condition(plane, grid, flags, torch.zeros_like(colors), torch.ones_like(plane))
    base = walked.ink / config.ab_scale
    if fill == "gray":
        base = base * membership(walked, cell_mean(lightness, patch), spread)[..., None]
    prior = F.interpolate(_tensor(base).movedim(-1, 1), scale_factor=patch, mode="bilinear", align_corners=False)
    ink = _tensor(ink_curve(lightness, walked.tint))[None]
    marks = torch.from_numpy(choose_marks(walked.seeds))[None] if config.matching_heads else None
    return Condition(plane, grid, flags, prior, ink, marks)


def condition_views(
    config: ModelConfig,
    views: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    fill: Fill = "auto",
    spread: Spread = "alike",
) -> Condition:
    """Conditioning of a series: the hints of every view color their like in all of them.

    Parameters
    ----------
    config : ModelConfig
    views : sequence of (lightness, hint_ab, hint_mask)
        Each as for `condition_image`, all of one size.
    fill, spread : str

    Returns
    -------
    Condition
        A batch of as many, to be run with ``views=len(views)``.
    """
    pool = None
    if config.propagated:
        pool = HintPool.join([pool_hints(*view, cell=config.network.patch) for view in views])
    return Condition.stack([condition_image(config, *view, fill=fill, spread=spread, pool=pool) for view in views])


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[None]
