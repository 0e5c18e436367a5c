"""Crops and variations: windows of images and label maps at the size of training, turned, with other contrast."""

from __future__ import annotations

import numpy as np
import torch

from semcolorize.color.lab import gray_to_lightness
from semcolorize.scenes import Scene

__all__ = [
    "crop_scene",
    "draw_window",
    "masked_scene",
    "renumber",
    "resample",
    "shade_instances",
    "turn",
    "vary_lightness",
]


def resample(values: np.ndarray, window: tuple[int, int, int], size: int, *, labels: bool) -> np.ndarray:
    """Square window (top, left, side) of an image at `size` pixels; labels by nearest neighbor."""
    top, left, side = window
    part = values[top : top + side, left : left + side]
    if side == size:
        return part
    if labels:
        index = np.minimum(((np.arange(size) + 0.5) * side / size).astype(int), side - 1)
        return part[np.ix_(index, index)]
    tensor = torch.from_numpy(np.ascontiguousarray(part, np.float32))
    planes = tensor[None, None] if tensor.ndim == 2 else tensor.movedim(-1, 0)[None]
    small = torch.nn.functional.interpolate(planes, (size, size), mode="bilinear", antialias=True, align_corners=False)
    return small[0, 0].numpy() if tensor.ndim == 2 else small[0].movedim(0, -1).numpy()


def draw_window(rng: np.random.Generator, shape: tuple[int, int], size: int) -> tuple[int, int, int]:
    """Draw a square window (top, left, side) of at least `size` pixels, where the image has them."""
    largest = min(shape)
    side = largest if largest <= size else int(rng.integers(size, largest + 1))
    return int(rng.integers(shape[0] - side + 1)), int(rng.integers(shape[1] - side + 1)), side


def turn(values: np.ndarray, quarter_turns: int, flip: bool) -> np.ndarray:
    """Turn by quarters and mirror."""
    values = np.rot90(values, quarter_turns)
    return np.ascontiguousarray(values[:, ::-1] if flip else values)


def vary_lightness(lightness: np.ndarray, rng: np.random.Generator, *, inverted: float = 0.04) -> np.ndarray:
    """Contrast, brightness and gamma as different detectors and operators set them; `inverted` now and then."""
    scaled = np.clip(lightness / 100, 0, 1)
    if rng.random() < 0.5:
        scaled = scaled ** np.exp(rng.normal(0, 0.25))
        scaled = np.clip((scaled - 0.5) * np.exp(rng.normal(0, 0.15)) + 0.5 + rng.normal(0, 0.05), 0, 1)
    if rng.random() < inverted:
        scaled = 1 - scaled
    return (100 * scaled).astype(np.float32)


def shade_instances(lightness: np.ndarray, instances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Objects brighter and darker than their like: lit from elsewhere, charged, or buried under others.

    Within a class, brightness tells little in real piles and thickets; in procedural ones it tells nearly all.

    Parameters
    ----------
    lightness : ndarray of shape (H, W)
    instances : int ndarray of shape (H, W)
        0 is the background, which stays as it is; later objects lie on earlier ones.
    rng : numpy.random.Generator
    """
    number = int(instances.max()) + 1
    if rng.random() < 0.5:
        factor = np.exp(rng.uniform(0.1, 0.45) * rng.normal(size=number))
    else:
        covered = 1 - np.arange(number) / max(number - 1, 1)
        factor = 1 - rng.uniform(0.2, 0.75) * covered ** rng.uniform(0.5, 2.0)
        factor *= np.exp(0.1 * rng.normal(size=number))
    factor[0] = 1.0
    return np.clip(lightness * np.clip(factor, 0.2, 1.5).astype(np.float32)[instances], 0, 100)


def renumber(labels: np.ndarray) -> np.ndarray:
    """Labels without gaps, (H, W) int32."""
    values, inverse = np.unique(labels, return_inverse=True)
    inverse = inverse.reshape(labels.shape)
    # 0 stays the background even where a crop shows none of it.
    return (inverse if values[0] == 0 else inverse + 1).astype(np.int32)


def crop_scene(scene: Scene, rng: np.random.Generator, size: int) -> Scene:
    """Cut a random window of a scene, with all its maps, at `size` pixels."""
    window = draw_window(rng, scene.lightness.shape, size)
    instances = resample(scene.instances, window, size, labels=True)
    return Scene(
        lightness=resample(scene.lightness, window, size, labels=False),
        instances=renumber(instances),
        classes=resample(scene.classes, window, size, labels=True),
        height=scene.height,
        family_of_class=scene.family_of_class,
    )


def masked_scene(gray: np.ndarray, labels: np.ndarray, window: tuple[int, int, int], size: int) -> Scene:
    """A real micrograph with instance masks as a scene of one class."""
    values = resample(gray, window, size, labels=False).astype(np.float32) / 255
    instances = renumber(resample(labels, window, size, labels=True))
    return Scene(
        lightness=gray_to_lightness(values).astype(np.float32),
        instances=instances,
        classes=(instances > 0).astype(np.int16),
        height=np.zeros((size, size), np.float32),
        family_of_class=("background", "particles"),
    )
