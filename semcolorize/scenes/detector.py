"""From a surface to a micrograph: how electrons leave it, how a detector sees them, what a scan adds.

The model is deliberately simple, after Reimer, Scanning Electron Microscopy (1998), chapters 4 and 6: the
secondary yield grows with tilt about as 1/cos, the back-scattered yield with the material, side-mounted
detectors shade one side, and electrons do not get out of hollows.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from semcolorize.color.lab import gray_to_lightness
from semcolorize.scenes.fields import smooth_noise
from semcolorize.scenes.looks import Look, texture

__all__ = ["DETECTORS", "GRAY_TO_LIGHTNESS", "Recording", "Surface", "draw_recording", "expose", "record", "textured"]

#: Kinds of detector.
DETECTORS = ("secondary", "backscattered", "inlens")

#: CIE L* of each 8-bit sRGB gray, (256,) float32.
GRAY_TO_LIGHTNESS = np.asarray(gray_to_lightness(np.arange(256) / 255.0), np.float32)


@dataclass(frozen=True)
class Recording:
    """One acquisition: detector, optics and scan, as drawn by `draw_recording`.

    Parameters
    ----------
    detector : str
        One of `DETECTORS`.
    edge : float
        Strength of edge brightening, 1/n_z - 1.
    rim : float
        Strength of the wide brightening of tilted faces, 1 - n_z; negative as if lit from above.
    depth : float
        How much darker the lowest parts are than the highest.
    side : float
        Strength of the directional shading; `azimuth` says from where, radians.
    azimuth : float
    occlusion : float
        How dark hollows are.
    shadow : float
        Strength of cast shadows.
    blur : tuple of float
        Standard deviation along rows and columns in pixels.
    black, white : float
        Gray values, 0 to 1, of the darkest and the brightest percent of the field.
    gamma : float
        Above 1 darkens the middle.
    shot, read : float
        Noise standard deviation at white that grows with the signal's root, and that which does not.
    line : float
        Standard deviation of the line-to-line gain.
    charging : float
        Strength of streaks behind bright edges along the scan.
    glow : float
        Strength of slow brightness drifts over the field.
    soft_noise : bool
        Noise was smoothed, as in images that were resized or averaged.
    inverted : bool
        Contrast inverted.
    drift : float
        Standard deviation, in pixels, by which lines are shifted along themselves; applied to the geometry.
    defocus : float
        Standard deviation, in pixels, of the blur of what lies furthest from the plane in focus.
    jpeg : int
        Quality of the JPEG file it once was; 0 for none.
    """

    detector: str
    edge: float
    rim: float
    depth: float
    side: float
    azimuth: float
    occlusion: float
    shadow: float
    blur: tuple[float, float]
    black: float
    white: float
    gamma: float
    shot: float
    read: float
    line: float
    charging: float
    glow: float
    soft_noise: bool
    inverted: bool
    drift: float = 0.0
    defocus: float = 0.0
    jpeg: int = 0


def draw_recording(rng: np.random.Generator) -> Recording:
    """An acquisition as microscopes deliver them: mostly clean secondary-electron images."""
    detector = str(rng.choice(DETECTORS, p=[0.72, 0.13, 0.15]))
    edge = {
        "secondary": rng.uniform(0.1, 0.7),
        "backscattered": rng.uniform(0.0, 0.1),
        "inlens": rng.uniform(0.4, 1.1),
    }
    side = {"secondary": rng.uniform(0.0, 0.45), "backscattered": rng.uniform(0.2, 0.7), "inlens": 0.05}
    rim = {
        "secondary": rng.uniform(-0.5, 0.9),
        "backscattered": rng.uniform(-0.6, 0.1),
        "inlens": rng.uniform(0, 0.9),
    }
    # Never sharper than the beam and the pixel are wide: outlines have no stairs.
    focus = np.hypot(0.42, rng.normal(0, 0.5))
    astigmatism = rng.choice([0.0, rng.uniform(0.2, 0.8)], p=[0.85, 0.15])
    noisy = rng.choice([0.25, 1.0], p=[0.55, 0.45])
    return Recording(
        detector=detector,
        edge=float(edge[detector]),
        rim=float(rim[detector]),
        depth=float(rng.choice([0.0, rng.uniform(0.1, 0.7)], p=[0.3, 0.7])),
        side=float(side[detector]),
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        occlusion=float(rng.uniform(0.5, 2.0)),
        shadow=float(rng.choice([0.0, rng.uniform(0.1, 0.5)])),
        blur=(float(focus + astigmatism), float(focus)),
        black=float(0.006 + 0.13 * rng.random() ** 2),
        white=float(rng.uniform(0.72, 1.0)),
        gamma=float(np.exp(rng.normal(0.05, 0.22))),
        shot=float(noisy * rng.uniform(0.0, 0.09)),
        read=float(noisy * rng.uniform(0.0, 0.03)),
        line=float(rng.choice([0.0, rng.uniform(0.003, 0.02)], p=[0.7, 0.3])),
        charging=float(rng.choice([0.0, rng.uniform(0.05, 0.35)], p=[0.85, 0.15])),
        glow=float(rng.choice([0.0, rng.uniform(0.02, 0.12)])),
        soft_noise=bool(rng.random() < 0.6),
        inverted=bool(rng.random() < 0.03),
        drift=float(rng.choice([0.0, rng.uniform(0.5, 3.0)], p=[0.9, 0.1])),
        defocus=float(rng.choice([0.0, rng.uniform(0.8, 3.0)], p=[0.85, 0.15])),
        jpeg=int(rng.integers(30, 90)) if rng.random() < 0.3 else 0,
    )


def _slopes(height: np.ndarray, instances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope along rows and columns, without differences across objects' outlines.

    A plain gradient would draw a bright rim on the ground around every object; only the object's own edge is
    bright.
    """
    slopes = []
    for axis in (0, 1):
        same = np.diff(instances, axis=axis) == 0
        step = np.diff(height, axis=axis) * same
        pad_after = [(0, 1) if k == axis else (0, 0) for k in (0, 1)]
        pad_before = [(1, 0) if k == axis else (0, 0) for k in (0, 1)]
        total = np.pad(step, pad_after) + np.pad(step, pad_before)
        number = np.pad(same.astype(np.float32), pad_after) + np.pad(same.astype(np.float32), pad_before)
        slopes.append(total / np.maximum(number, 1))
    return slopes[0], slopes[1]


def _openness(height: np.ndarray, strength: float, reach: float) -> np.ndarray:
    """Share of electrons that get out, 0 to 1: low where the surroundings are higher."""
    depth = np.zeros_like(height)
    for radius in (0.02, 0.07):
        width = max(int(2 * radius * reach) | 1, 3)
        around = ndimage.uniform_filter(
            ndimage.uniform_filter(height, width, mode="nearest"), width, mode="nearest"
        )
        depth += np.maximum(around - height, 0) / np.float32(width)
    return np.exp(-np.float32(strength) * depth)


def _shadows(height: np.ndarray, azimuth: float, reach: float) -> np.ndarray:
    """How far below the line of sight to the detector each pixel lies, 0 to 1, soft-edged."""
    rows, cols = height.shape
    deficit = np.zeros_like(height)
    for share in (0.02, 0.045, 0.08):
        distance = max(share * reach, 1.0)
        down, right = round(distance * np.sin(azimuth)), round(distance * np.cos(azimuth))
        margin = ((abs(down), abs(down)), (abs(right), abs(right)))
        top, left = abs(down) - down, abs(right) - right
        moved = np.pad(height, margin, mode="edge")[top : top + rows, left : left + cols]
        np.maximum(deficit, (moved - height - distance) / np.float32(distance), out=deficit)
    return np.clip(ndimage.uniform_filter(deficit, 3), 0, 1)


@dataclass(frozen=True)
class Surface:
    """What the beam meets, on one pixel grid.

    Parameters
    ----------
    height : (H, W) float32 numpy.ndarray
        Pixels, without texture.
    slopes : tuple of (H, W) float32 numpy.ndarray
        Of the textured surface along rows and columns.
    yields : (H, W) float32 numpy.ndarray
        Signal of the level surface.
    """

    height: np.ndarray
    slopes: tuple[np.ndarray, np.ndarray]
    yields: np.ndarray


def textured(
    height: np.ndarray,
    instances: np.ndarray,
    class_of_instance: np.ndarray,
    looks: tuple[Look, ...],
    rng: np.random.Generator,
) -> Surface:
    """Give every object its look; arguments as for `record`."""
    shape = (height.shape[0], height.shape[1])
    classes = class_of_instance[instances]
    surface, mottle = height.copy(), np.ones(shape, np.float32)
    for class_id, look in enumerate(looks):
        bumps = texture(look, rng, shape)
        if bumps is not None:
            here = classes == class_id
            np.add(surface, bumps[0], out=surface, where=here)
            np.copyto(mottle, bumps[1], where=here)
    reflectance = np.array([look.reflectance for look in looks])[class_of_instance]
    reflectance *= np.exp(rng.normal(size=len(reflectance)) * [looks[c].variation for c in class_of_instance])
    return Surface(height, _slopes(surface, instances), reflectance.astype(np.float32)[instances] * mottle)


def expose(surface: Surface, recording: Recording, rng: np.random.Generator) -> np.ndarray:
    """Lightness of the micrograph of a surface, (H, W) float32."""
    height, (slope_row, slope_col) = surface.height, surface.slopes
    shape = (height.shape[0], height.shape[1])
    reach = float(min(shape))
    secant = np.sqrt(1 + slope_row**2 + slope_col**2)  # 1 / n_z
    edge = 1 + np.float32(recording.edge) * (np.minimum(secant, 5) - 1)
    edge += np.float32(recording.rim) * (1 - 1 / secant)
    facing = -slope_row * np.float32(np.sin(recording.azimuth)) - slope_col * np.float32(
        np.cos(recording.azimuth)
    )
    signal = surface.yields * edge * (1 + np.float32(recording.side) * facing / secant)
    signal *= _openness(height, recording.occlusion, reach)
    if recording.shadow:
        signal *= 1 - np.float32(recording.shadow) * _shadows(height, recording.azimuth + np.pi, reach)
    if recording.depth:
        bottom, top = np.percentile(height[::4, ::4], (2, 98))
        low = np.clip((top - height) / max(float(top - bottom), 0.05 * reach), 0, 1)
        signal *= 1 - np.float32(recording.depth) * low.astype(np.float32)
    if recording.glow:
        signal *= 1 + np.float32(recording.glow) * smooth_noise(rng, shape, reach)
    if recording.defocus:
        signal = _defocused(signal, height, recording.defocus, rng)
    return _scan(np.maximum(signal, 0), recording, rng)


def record(
    height: np.ndarray,
    instances: np.ndarray,
    class_of_instance: np.ndarray,
    looks: tuple[Look, ...],
    recording: Recording,
    rng: np.random.Generator,
) -> np.ndarray:
    """Lightness of the micrograph of a geometry, seen from above.

    Parameters
    ----------
    height : (H, W) float32 numpy.ndarray
        Pixels.
    instances : (H, W) int32 numpy.ndarray
    class_of_instance : (N + 1,) int numpy.ndarray
        Class of each instance, [0] = 0.
    looks : tuple of Look
        One a class.
    recording : Recording
    rng : numpy.random.Generator
        Draws textures and noise.

    Returns
    -------
    (H, W) float32 numpy.ndarray
        CIE L*, 0 to 100, of an 8-bit gray image.
    """
    return expose(textured(height, instances, class_of_instance, looks, rng), recording, rng)


def _defocused(signal: np.ndarray, height: np.ndarray, blur: float, rng: np.random.Generator) -> np.ndarray:
    """Blur that grows with the distance from the plane in focus: a low magnification's limited depth of field."""
    bottom, top = np.percentile(height[::4, ::4], (2, 98))
    plane = rng.uniform(bottom, top)
    away = np.clip(np.abs(height - plane) / max(float(top - bottom), 1.0), 0, 1).astype(np.float32)
    blurred = ndimage.gaussian_filter(signal, blur, truncate=2.5)
    return signal + away * (blurred - signal)


def _through_jpeg(gray: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    with io.BytesIO() as file:
        Image.fromarray(gray).save(file, "jpeg", quality=quality)
        return np.asarray(Image.open(file))


def _scan(signal: np.ndarray, recording: Recording, rng: np.random.Generator) -> np.ndarray:
    """Optics, contrast, noise and quantization; (H, W) float32 signal to (H, W) float32 L*."""
    if max(recording.blur) > 0.2:
        signal = ndimage.gaussian_filter(signal, recording.blur, truncate=2.5)
    low, high = np.percentile(signal[::2, ::2], (1.0, 99.0))
    # Microscopists set black to the darkest thing, but not to a level far above no signal.
    low = min(float(low), 0.35 * float(high))
    level = np.clip((signal - low) / max(float(high) - low, 1e-3), 0, 1.4).astype(np.float32)
    # A soft shoulder keeps edges from burning out in white plateaus.
    level = np.where(level > 0.85, 0.85 + 0.2 * np.tanh((level - 0.85) / np.float32(0.2)), level)
    level = level ** np.float32(recording.gamma)
    if recording.charging:
        bright = np.maximum(level - 0.75, 0)
        tail = ndimage.uniform_filter1d(
            bright, max(signal.shape[1] // 3, 3), axis=1, origin=-(signal.shape[1] // 7)
        )
        level = level - np.float32(3 * recording.charging) * tail
    if recording.line:
        level = level * (
            1 + np.float32(recording.line) * rng.standard_normal((len(level), 1), dtype=np.float32)
        )
    gray = np.float32(recording.black) + np.float32(recording.white - recording.black) * level
    if recording.shot or recording.read:
        noise = rng.standard_normal(gray.shape, dtype=np.float32)
        if recording.soft_noise:
            noise = ndimage.uniform_filter(noise, 2) * np.float32(1.6)
        gray += noise * np.sqrt(
            np.maximum(gray, 0) * np.float32(recording.shot**2) + np.float32(recording.read**2)
        )
    if recording.inverted:
        gray = 1 - gray
    levels = np.clip(np.rint(gray * 255), 0, 255).astype(np.uint8)
    return GRAY_TO_LIGHTNESS[_through_jpeg(levels, recording.jpeg) if recording.jpeg else levels]
