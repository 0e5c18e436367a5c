"""What microscopes do to a field's looks while what is where stays the same: augmentation of micrographs with masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from semcolorize.scenes.fields import smooth_noise
from semcolorize.training.crops import shade_instances

__all__ = ["Appearance", "vary_appearance"]


@dataclass(frozen=True)
class Appearance:
    """How often each variation is drawn, 0 to 1.

    Parameters
    ----------
    equalize : float
        Classes are brought to nearly one brightness: texture, rim and shade have to tell them apart.
    texture : float
        A photograph's texture on one class.
    shadow : float
        Objects cast a shadow on the ground.
    halo : float
        The ground around objects glows, or is dark, from charging.
    rim : float
        Objects have bright rims.
    uneven : float
        Objects of one class differ in brightness.
    gradient : float
        Brightness drifts over the field.
    tone : float
        Gamma, contrast, brightness.
    invert : float
        Back-scattered against secondary electrons.
    blur, noise : float
    """

    equalize: float = 0.3
    texture: float = 0.2
    shadow: float = 0.25
    halo: float = 0.25
    rim: float = 0.2
    uneven: float = 0.25
    gradient: float = 0.3
    tone: float = 0.7
    invert: float = 0.12
    blur: float = 0.25
    noise: float = 0.4


def vary_appearance(
    lightness: np.ndarray,
    classes: np.ndarray,
    instances: np.ndarray,
    rng: np.random.Generator,
    shares: Appearance,
    *,
    texture: np.ndarray | None = None,
) -> np.ndarray:
    """Draw another look of a field.

    Parameters
    ----------
    lightness : float32 ndarray of shape (H, W)
        CIE L*, 0 to 100.
    classes, instances : int ndarray of shape (H, W)
        0 is the ground.
    rng : numpy.random.Generator
    shares : Appearance
    texture : ndarray of shape (H, W), optional
        Gray values of a photograph.

    Returns
    -------
    float32 ndarray of shape (H, W)
        CIE L*, 0 to 100.
    """
    made = lightness.astype(np.float32)
    if rng.random() < shares.equalize:
        made = _equalized(made, classes, float(rng.uniform(0.3, 1.0)))
    if texture is not None and rng.random() < shares.texture:
        made = _textured(made, classes, texture, rng)
    if rng.random() < shares.uneven:
        made = shade_instances(made, instances, rng)
    ground = (classes == 0).astype(np.float32)
    if 0.05 < ground.mean() < 0.98:
        if rng.random() < shares.rim:
            made = _rimmed(made, instances, rng)
        if rng.random() < shares.shadow:
            made = _shadowed(made, ground, rng)
        if rng.random() < shares.halo:
            made = _haloed(made, ground, rng)
    scaled = np.clip(made / 100, 0, 1)
    if rng.random() < shares.gradient:
        scaled = scaled * (1 + float(rng.uniform(0.05, 0.3)) * smooth_noise(rng, scaled.shape, 0.9 * min(scaled.shape)))
    if rng.random() < shares.invert:
        scaled = 1 - scaled
    if rng.random() < shares.tone:
        scaled = np.clip(scaled, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.35)))
        contrast = np.float32(np.exp(rng.normal(-0.1, 0.35)))
        scaled = (scaled - scaled.mean()) * contrast + np.float32(np.clip(scaled.mean() + rng.normal(0, 0.1), 0.1, 0.9))
    if rng.random() < shares.blur:
        scaled = ndimage.gaussian_filter(scaled, float(rng.uniform(0.4, 1.6)))
    if rng.random() < shares.noise:
        grain = rng.standard_normal(scaled.shape, dtype=np.float32)
        if rng.random() < 0.5:
            grain = 2 * ndimage.uniform_filter(grain, 2)
        scaled = scaled + np.float32(rng.uniform(0.01, 0.08)) * grain
    return (100 * np.clip(scaled, 0, 1)).astype(np.float32)


def _equalized(lightness: np.ndarray, classes: np.ndarray, share: float) -> np.ndarray:
    count = np.bincount(classes.ravel())
    means = np.bincount(classes.ravel(), lightness.ravel()) / np.maximum(count, 1)
    common = float(means[count > 0].mean())
    offset = (share * (common - means)).astype(np.float32)[classes]
    return lightness + ndimage.gaussian_filter(offset, 0.7)


def _textured(lightness: np.ndarray, classes: np.ndarray, texture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    present = np.unique(classes)
    chosen = 0 if 0 in present and rng.random() < 0.5 else int(rng.choice(present))
    pattern = texture - texture.mean()
    pattern *= np.float32(rng.uniform(3, 16) / max(float(pattern.std()), 1e-3))
    here = ndimage.gaussian_filter((classes == chosen).astype(np.float32), 0.7)
    level = np.clip(lightness, 8, None) if rng.random() < 0.5 else lightness + np.float32(rng.uniform(0, 25))
    return lightness + here * (level + pattern - lightness)


def _rimmed(lightness: np.ndarray, instances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    edge = np.zeros(instances.shape, np.float32)
    for axis in (0, 1):
        differs = (np.diff(instances, axis=axis) != 0).astype(np.float32)
        edge += np.pad(differs, [(0, 1) if a == axis else (0, 0) for a in (0, 1)])
        edge += np.pad(differs, [(1, 0) if a == axis else (0, 0) for a in (0, 1)])
    width = float(rng.uniform(0.8, 3.0))
    glow = ndimage.gaussian_filter(np.minimum(edge, 1), width) * width * 2.5
    return lightness + np.float32(rng.uniform(10, 45)) * np.minimum(glow, 1) * (instances > 0)


def _shadowed(lightness: np.ndarray, ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle, length = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(2, 26))
    # A shadow reaches from the object to its end.
    shade = np.zeros_like(ground)
    for step in (0.35, 0.7, 1.0):
        shift = (step * length * np.sin(angle), step * length * np.cos(angle))
        shade = np.maximum(shade, ndimage.shift(1 - ground, shift, order=0, mode="nearest"))
    shade = ndimage.gaussian_filter(shade, float(rng.uniform(0.8, 5)))
    return lightness * (1 - np.float32(rng.uniform(0.25, 0.8)) * shade * ground)


def _haloed(lightness: np.ndarray, ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    glow = ndimage.gaussian_filter(1 - ground, float(rng.uniform(3, 22))) * ground
    if rng.random() < 0.6:
        return lightness + np.float32(rng.uniform(15, 70)) * glow
    return lightness * (1 - np.float32(rng.uniform(0.4, 1.2)) * glow).clip(0.1)
