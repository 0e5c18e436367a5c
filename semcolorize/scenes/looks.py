"""Looks: what makes the instances of one class alike under the beam, besides their shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcolorize.scenes.fields import band_noise, fractal_noise

__all__ = ["TEXTURES", "Look", "draw_looks", "texture"]

#: Kinds of micro-texture.
TEXTURES = ("smooth", "grainy", "fuzzy", "wrinkled", "pitted", "granules", "striated", "rough")


@dataclass(frozen=True)
class Look:
    """One class's yield and micro-texture.

    Parameters
    ----------
    reflectance : float
        Signal of a level, untextured surface, 0 to 1.
    kind : str
        One of `TEXTURES`.
    wavelength : float
        Texture's scale in pixels.
    relief : float
        Slope of the texture's bumps, 0 to about 0.6.
    mottle : float
        Relative standard deviation of the yield that goes with the texture.
    variation : float
        Relative standard deviation of the yield from instance to instance.
    """

    reflectance: float
    kind: str
    wavelength: float
    relief: float
    mottle: float
    variation: float


def draw_looks(rng: np.random.Generator, families: tuple[str, ...], sizes: list[float]) -> tuple[Look, ...]:
    """A look for each class; index 0 is the background's, dark more often than not.

    Parameters
    ----------
    families : tuple of str
        Kind of the background, then the family of each class.
    sizes : list of float
        Typical size in pixels, same length.
    """
    looks: list[Look] = []
    contrast = rng.uniform(0.05, 0.3)
    for index, (family, size) in enumerate(zip(families, sizes, strict=True)):
        for _ in range(8):  # classes of one scene differ in yield where there is room
            if index == 0:
                yield_ = rng.uniform(0.02, 0.15) if family == "void" else rng.uniform(0.12, 0.75)
            else:
                yield_ = rng.uniform(0.35, 1.0)
            if all(abs(yield_ - look.reflectance) > contrast for look in looks):
                break
        kind = str(rng.choice(TEXTURES, p=[0.3, 0.12, 0.12, 0.1, 0.08, 0.1, 0.08, 0.1]))
        strength = 0.0 if kind == "smooth" else float(rng.beta(1.3, 2.5))
        if family == "void":
            kind, strength = "smooth", 0.0
        looks.append(
            Look(
                reflectance=yield_,
                kind=kind,
                wavelength=float(np.clip(size * rng.uniform(0.06, 0.35), 2.2, 14.0)),
                relief=0.5 * strength,
                mottle=0.25 * strength * rng.uniform(0.2, 1.0),
                variation=rng.choice([0.02, 0.06, 0.1]),
            )
        )
    return tuple(looks)


def texture(
    look: Look, rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray] | None:
    """A look's bumps over a whole field.

    Returns
    -------
    tuple of (H, W) float32 arrays or None
        Height to add in pixels, and the factor on the yield (mean 1); None for a smooth look.
    """
    if look.kind == "smooth":
        return None
    length = look.wavelength
    if look.kind == "rough":
        pattern = fractal_noise(rng, shape, 1.1, 4 * length)
    elif look.kind == "striated":
        pattern = band_noise(rng, shape, length, 0.4, 6.0, rng.uniform(0, np.pi))
    elif look.kind == "fuzzy":
        pattern = band_noise(rng, shape, 2.5, 0.5)
    elif look.kind == "wrinkled":
        pattern = 1 - 2 * np.abs(band_noise(rng, shape, 1.6 * length, 0.4))
    elif look.kind == "pitted":
        pattern = -2.5 * np.clip(band_noise(rng, shape, 1.5 * length, 0.35) - 0.8, 0, 1)
    elif look.kind == "granules":
        pattern = 2.5 * np.sqrt(np.clip(band_noise(rng, shape, 1.3 * length, 0.3) - 0.5, 0, 1))
    else:
        pattern = band_noise(rng, shape, length, 0.4)
    bump = pattern * np.float32(look.relief * length / 4)
    return bump.astype(np.float32), (1 + np.float32(look.mottle) * np.clip(pattern, -2, 2)).astype(np.float32)
