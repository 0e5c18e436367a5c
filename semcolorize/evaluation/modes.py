"""Scores of the modes: whether one hint colors its object, all objects alike, and nothing else.

A few instances are clicked with one vivid color; ``fill`` is gray. *Colored* is what has at least half of the hint's
ink (`semcolorize.color.ink`), so that shading decides nothing. ``alike`` must color every instance of the clicked
class, ``instance`` the clicked ones only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from semcolorize.color.ink import ink_curve
from semcolorize.errors import ConfigError
from semcolorize.evaluation.masks import MaskedImage
from semcolorize.evaluation.metrics import bootstrap_interval, rgb_from_ab
from semcolorize.hints.swatch import on_pixels

__all__ = ["HINT_AB", "ModeScore", "ModesRun", "click_instances", "edge_share", "score_modes"]

Mode = Literal["alike", "instance"]
ModeMethod = Callable[[np.ndarray, np.ndarray, np.ndarray, Mode], np.ndarray]

HINT_AB = (48.0, 40.0)
"""a*b* of the clicks: a vivid orange."""

_HINT_LEVEL = 65.0
"""Its L*."""

_EDGE_PIXELS = 2


@dataclass(frozen=True)
class ModeScore:
    """One method in one mode on one image with one set of clicks.

    Attributes
    ----------
    iou : float
        Intersection over union of what is colored with what should be.
    leak : float
        Mean chroma where everything should be gray.
    edge_share : float
        Share of the colored outline that lies within 2 pixels of an outline of any object.
    """

    method: str
    mode: str
    hints: int
    image: str
    trial: int
    iou: float
    leak: float
    edge_share: float


@dataclass
class ModesRun:
    """All scores of a run, and the pictures of each image's first trial."""

    scores: list[ModeScore] = field(default_factory=list)
    pictures: dict[tuple[str, int, str, str], np.ndarray] = field(default_factory=dict, repr=False)

    def summary(self) -> list[dict[str, Any]]:
        """One row a method, mode and number of hints: means, with a 95 % bootstrap interval over images for IoU."""
        rows = []
        for key in sorted({(s.mode, s.hints, s.method) for s in self.scores}):
            mine = [s for s in self.scores if (s.mode, s.hints, s.method) == key]
            names = sorted({s.image for s in mine})
            by_image = np.array([np.mean([s.iou for s in mine if s.image == name]) for name in names])
            low, high = bootstrap_interval(by_image)
            edges = [s.edge_share for s in mine if np.isfinite(s.edge_share)]
            rows.append(
                {
                    "mode": key[0],
                    "hints": key[1],
                    "method": key[2],
                    "iou": round(float(by_image.mean()), 4),
                    "iou_low": round(low, 4),
                    "iou_high": round(high, 4),
                    "leak": round(float(np.mean([s.leak for s in mine])), 4),
                    "edge_share": round(float(np.mean(edges)), 4) if edges else None,
                }
            )
        return rows


def click_instances(
    image: MaskedImage, count: int, trial: int, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Click `count` instances of one class at their innermost pixels.

    Instances are drawn with a chance in proportion to the root of their area, from those of at least 5 pixels' inner
    radius where there are any: people click what they can hit. The draw depends on image, count, trial and seed only.

    Returns
    -------
    hint_ab : float32 ndarray of shape (H, W, 2)
        `HINT_AB` as it is meant on its pixels, see `semcolorize.hints.swatch.on_pixels`.
    hint_mask : bool ndarray of shape (H, W)
        A patch of 5 x 5 pixels a click.
    clicked : int ndarray of shape (count,) or shorter
        Numbers of the instances.

    Raises
    ------
    ConfigError
        If the image has no instance.
    """
    digest = hashlib.sha256(image.name.encode()).digest()
    rng = np.random.Generator(np.random.PCG64([seed, count, trial, int.from_bytes(digest[:8], "little")]))
    numbers = np.unique(image.instances[image.instances > 0])
    if not len(numbers):
        raise ConfigError(f"{image.name} has no instance to click.", key="data")
    depth = _depth(image.instances)
    innermost = ndimage.maximum_position(depth, image.instances, numbers)
    radius = np.array([depth[place] for place in innermost])
    area = np.bincount(image.instances.ravel())[numbers]
    class_of = np.array([image.classes[place] for place in innermost])
    weights = np.sqrt(area) * (radius >= min(5.0, float(radius.max())))
    first = int(rng.choice(len(numbers), p=weights / weights.sum()))
    weights = weights * (class_of == class_of[first])
    chosen = rng.choice(
        len(numbers), size=min(count, int((weights > 0).sum())), replace=False, p=weights / weights.sum()
    )
    hint_ab = np.zeros((*image.instances.shape, 2), np.float32)
    hint_mask = np.zeros(image.instances.shape, bool)
    for k in chosen:
        row, column = innermost[k]
        area_ = (slice(max(row - 2, 0), row + 3), slice(max(column - 2, 0), column + 3))
        inside = image.instances[area_] == numbers[k]
        hint_mask[area_] |= inside
        hint_ab[area_][inside] = HINT_AB
    meant = on_pixels(image.lightness, hint_ab, hint_mask, np.full(hint_mask.shape, _HINT_LEVEL))
    return meant, hint_mask, numbers[chosen]


def _depth(instances: np.ndarray) -> np.ndarray:
    """Distance to the nearest pixel of something else; neighboring instances separate."""
    edge = np.zeros(instances.shape, bool)
    for axis in (0, 1):
        differs = np.diff(instances, axis=axis) != 0
        edge |= np.pad(differs, [(0, 1) if a == axis else (0, 0) for a in (0, 1)])
        edge |= np.pad(differs, [(1, 0) if a == axis else (0, 0) for a in (0, 1)])
    return np.asarray(ndimage.distance_transform_edt(~edge))


def edge_share(colored: np.ndarray, labels: np.ndarray) -> float:
    """Share of the outline of `colored` (bool, (H, W)) within 2 pixels of an outline of `labels`; nan without one."""
    outline = colored & ~ndimage.binary_erosion(colored, border_value=1)
    if not outline.any():
        return float("nan")
    return float((_depth(labels)[outline] <= _EDGE_PIXELS).mean())


def score_modes(
    images: Sequence[MaskedImage],
    methods: Mapping[str, ModeMethod],
    *,
    counts: Sequence[int] = (1, 5),
    trials: int = 3,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> ModesRun:
    """Score methods in both modes; all see the same clicks.

    Parameters
    ----------
    images : sequence of MaskedImage
    methods : mapping of str to callable
        ``method(lightness, hint_ab, hint_mask, mode) -> ab``.
    counts : sequence of int
        Numbers of instances clicked.
    trials : int
        Sets of clicks an image.
    """
    run = ModesRun()
    images = [image for image in images if (image.instances > 0).any()]
    total, done = len(images) * len(counts) * trials * 2 * len(methods), 0
    for image in images:
        curve = ink_curve(image.lightness)
        for count in counts:
            for trial in range(trials):
                hint_ab, hint_mask, clicked = click_instances(image, count, trial, seed=seed)
                least = 0.5 * np.median(np.hypot(*hint_ab[hint_mask].T) / curve[hint_mask])
                class_id = image.classes[image.instances == clicked[0]][0]
                wanted = {"alike": image.classes == class_id, "instance": np.isin(image.instances, clicked)}
                for mode in ("alike", "instance"):
                    for name, method in methods.items():
                        ab = method(image.lightness, hint_ab, hint_mask, mode)
                        run.scores.append(_score(name, mode, count, image, trial, ab, curve, least, wanted[mode]))
                        if trial == 0:
                            rgb = rgb_from_ab(image.lightness, ab)
                            run.pictures[image.name, count, mode, name] = (rgb * 255 + 0.5).astype(np.uint8)
                        done += 1
                        if on_progress is not None:
                            on_progress(done, total)
    return run


def _score(
    name: str,
    mode: str,
    count: int,
    image: MaskedImage,
    trial: int,
    ab: np.ndarray,
    curve: np.ndarray,
    least: float,
    wanted: np.ndarray,
) -> ModeScore:
    chroma = np.hypot(ab[..., 0], ab[..., 1])
    colored = chroma >= least * curve
    union = (colored | wanted).sum()
    outside = chroma[~wanted]
    return ModeScore(
        name,
        mode,
        count,
        image.name,
        trial,
        iou=float((colored & wanted).sum() / union) if union else 1.0,
        leak=float(outside.mean()) if outside.size else 0.0,
        edge_share=edge_share(colored, image.instances),
    )
