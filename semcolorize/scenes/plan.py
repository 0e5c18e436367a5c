"""Color plans: how people color micrographs.

Published false-color images are saturated, mostly use one or two hues, and are tinted rather than painted: their
chroma follows lightness, from none at black over a peak to little at white. A plan assigns one a*b* to every instance
(the background is instance 0), says how it changes with lightness and place and how carefully it was painted; plans
are drawn anew for the same scene, so one scene gives many training samples.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from semcolorize.scenes.fields import smooth_noise
from semcolorize.scenes.overlays import OVERLAY_FAMILY
from semcolorize.scenes.scene import Scene

__all__ = ["PLAN_KINDS", "ColorPlan", "Tint", "draw_class_colors", "draw_plan", "paint"]

#: How a plan hands out colors, and how often each kind is drawn.
_SHARES = {
    "one-hue": 0.36,
    "two-hues": 0.22,
    "class": 0.18,
    "class-on-gray": 0.06,
    "instance": 0.04,
    "highlight-class": 0.04,
    "highlight-instance": 0.02,
    "lightness-map": 0.08,
}
PLAN_KINDS: tuple[str, ...] = tuple(_SHARES)


@dataclass(frozen=True)
class Tint:
    """Relative chroma against lightness: ``(L/peak)^rise`` up to the peak, then falling to `white` at L* = 100.

    Multiply peaks late, overlay and HSL colorize in the middle, soft light on gray early.
    """

    peak: float = 44.0
    rise: float = 0.75
    white: float = 0.4
    fall: float = 1.0

    def __call__(self, lightness: np.ndarray) -> np.ndarray:
        """Values in [0, 1], float32, of L* (any shape)."""
        rising = (np.minimum(lightness, self.peak) / np.float32(self.peak)) ** np.float32(self.rise)
        beyond = np.maximum(lightness - self.peak, 0) / np.float32(max(100 - self.peak, 1.0))
        return (rising * (1 - np.float32(1 - self.white) * beyond ** np.float32(self.fall))).astype(np.float32)


def _draw_tint(rng: np.random.Generator) -> Tint | None:
    kind = rng.random()
    if kind < 0.08:
        return None
    if kind < 0.70:
        peak = rng.normal(44, 8)
    elif kind < 0.88:
        peak = rng.uniform(55, 98)
    else:
        peak = rng.uniform(20, 35)
    return Tint(
        peak=float(np.clip(peak, 15, 98)),
        rise=float(np.exp(rng.normal(np.log(0.75), 0.35))),
        white=float(rng.choice([0.0, rng.uniform(0, 0.9)], p=[0.15, 0.85])),
        fall=float(np.exp(rng.normal(0, 0.3))),
    )


@dataclass(frozen=True)
class ColorPlan:
    """Colors for one scene.

    Parameters
    ----------
    kind : str
        One of `PLAN_KINDS`.
    instance_ab : (N + 1, 2) float32 numpy.ndarray
        Base a*b* of each instance in CIELAB units; [0] is the background's; (0, 0) stays gray exactly.
    tint : Tint or None
        How chroma follows lightness; None for the same everywhere.
    shadow_ab : (2,) float32 numpy.ndarray or None
        Color into which everything turns towards black, as a gradient map does.
    hue_slope : float
        Turn of the hue in radians from black to white.
    drift : float
        Relative standard deviation of the chroma over the field; the hue drifts by half as many radians.
    slip : float
        Standard deviation, in pixels, by which painted outlines miss the true ones.
    softness : float
        Standard deviation, in pixels, of the blur of painted outlines.
    seed : int
        Seeds drift and slip.
    """

    kind: str
    instance_ab: np.ndarray
    tint: Tint | None = None
    shadow_ab: np.ndarray | None = None
    hue_slope: float = 0.0
    drift: float = 0.0
    slip: float = 0.0
    softness: float = 0.0
    seed: int = 0

    def painted_exactly(self) -> ColorPlan:
        """Copy whose outlines are the true ones."""
        return replace(self, slip=0.0, softness=0.0)


def _polar(chroma: np.ndarray | float, hue: np.ndarray | float) -> np.ndarray:
    return np.stack([chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)


def _hues(rng: np.random.Generator, number: int) -> np.ndarray:
    """Hues (radians) one would tell apart: spread over the circle, complements and neighbors as they come."""
    first = rng.uniform(0, 2 * np.pi)
    if number == 1:
        return np.array([first])
    gap = min(rng.uniform(0.6, 1.2), 5.5 / number)
    hues = [first]
    for _ in range(number - 1):
        tries = rng.uniform(0, 2 * np.pi, 12)
        apart = np.abs((tries[:, None] - np.array(hues) + np.pi) % (2 * np.pi) - np.pi).min(axis=1)
        hues.append(float(tries[np.argmax(apart > gap)] if (apart > gap).any() else tries[np.argmax(apart)]))
    return np.array(hues)


def _chroma(rng: np.random.Generator, number: int) -> np.ndarray:
    """Chromas as published, at their peak: mostly 30 to 75, now and then a pale one."""
    return np.where(rng.random(number) < 0.15, rng.uniform(6, 24, number), rng.normal(50, 15, number).clip(20, 95))


def draw_plan(scene: Scene, rng: np.random.Generator, kind: str | None = None) -> ColorPlan:
    """Draw colors for a scene.

    Parameters
    ----------
    scene : Scene
    rng : numpy.random.Generator
    kind : str, optional
        One of `PLAN_KINDS`; drawn by default. Kinds that need several instances or classes do with what
        there is.
    """
    if kind is None:
        kind = str(rng.choice(PLAN_KINDS, p=list(_SHARES.values())))
    elif kind not in _SHARES:
        raise ValueError(f"kind is {kind!r}; accepted are {', '.join(PLAN_KINDS)}")
    class_of = _class_of_instance(scene)
    number, classes = len(class_of), len(scene.family_of_class)
    if kind in ("one-hue", "lightness-map"):
        base = _polar(_chroma(rng, 1), rng.uniform(0, 2 * np.pi, 1))
        if kind == "one-hue" and rng.random() < 0.5:  # small differences between classes
            turn, gain = rng.normal(0, 0.08, classes), np.exp(rng.normal(0, 0.15, classes))
            chroma, hue = np.hypot(*base[0]), np.arctan2(base[0, 1], base[0, 0])
            colors = _polar(chroma * gain, hue + turn)[class_of]
        else:
            colors = np.repeat(base, number, axis=0)
    elif kind == "two-hues":
        pair = _polar(_chroma(rng, 2), _hues(rng, 2))
        colors = pair[(class_of > 0).astype(int)]
    elif kind == "instance":
        palette = _polar(_chroma(rng, 7), _hues(rng, 7))[: int(rng.integers(2, 8))]
        colors = palette[rng.integers(0, len(palette), number)]
        colors[0] = _polar(_chroma(rng, 1), _hues(rng, 1))[0] if rng.random() < 0.5 else 0.0
    elif kind == "highlight-class":
        chosen = _prominent(rng, scene.classes, classes)
        colors = np.where((class_of == chosen)[:, None], _polar(_chroma(rng, 1), _hues(rng, 1)), 0.0)
    elif kind == "highlight-instance":
        chosen = _prominent(rng, scene.instances, number)
        colors = np.where((np.arange(number) == chosen)[:, None], _polar(_chroma(rng, 1), _hues(rng, 1)), 0.0)
    else:
        per_class = _polar(_chroma(rng, classes), _hues(rng, classes))
        if kind == "class-on-gray":
            per_class[0] = 0.0
        colors = per_class[class_of]
    burnt = [k for k, family in enumerate(scene.family_of_class) if family == OVERLAY_FAMILY]
    colors = np.where(np.isin(class_of, burnt)[:, None], 0.0, colors)  # nobody colors data bars
    tint = _draw_tint(rng)
    mapped = kind == "lightness-map"
    shadow = None
    if mapped or rng.random() < 0.08:
        shadow = _polar(_chroma(rng, 1), rng.uniform(0, 2 * np.pi, 1))[0].astype(np.float32)
    turned = mapped or (tint is not None and rng.random() < 0.6)
    return ColorPlan(
        kind=kind,
        instance_ab=np.ascontiguousarray(colors, np.float32),
        tint=tint,
        shadow_ab=shadow,
        hue_slope=float(rng.normal(0, 0.6 if mapped else 0.25)) if turned else 0.0,
        drift=float(rng.choice([0.0, rng.uniform(0.02, 0.12)], p=[0.6, 0.4])),
        slip=float(rng.choice([0.0, rng.uniform(0.3, 2.0)], p=[0.7, 0.3])),
        softness=float(rng.choice([0.0, rng.uniform(0.4, 1.2), rng.uniform(1.2, 4.0)], p=[0.4, 0.45, 0.15])),
        seed=int(rng.integers(2**31)),
    )


def draw_class_colors(rng: np.random.Generator, families: tuple[str, ...]) -> np.ndarray:
    """One color a class, as people choose them for a picture that is to explain itself: ground quiet, objects vivid.

    Parameters
    ----------
    rng : numpy.random.Generator
    families : tuple of str
        As of a `semcolorize.scenes.Scene`: the ground first; burnt-in bars stay gray.

    Returns
    -------
    (C, 2) float32 numpy.ndarray
        a*b* at the lightness where colors are strongest, in CIELAB units.
    """
    classes = len(families)
    hues, kind = _hues(rng, classes), rng.random()
    if kind < 0.12:
        # Neighbors on the color circle.
        hues[1:] = hues[1] + rng.normal(0, 0.35, classes - 1) if classes > 1 else hues[1:]
    elif kind < 0.3:
        # Ground and objects opposite each other.
        hues[0] = (hues[1] if classes > 1 else hues[0]) + np.pi + rng.normal(0, 0.25)
    chroma = rng.normal(42, 10.5, classes).clip(21, 70)
    chroma[0] = rng.choice([0.0, rng.uniform(7, 21), rng.uniform(21, 39.4)], p=[0.2, 0.55, 0.25])
    colors = _polar(chroma, hues)
    colors[[family == OVERLAY_FAMILY for family in families]] = 0.0
    return np.ascontiguousarray(colors, np.float32)


def _prominent(rng: np.random.Generator, labels: np.ndarray, number: int) -> int:
    """One of the labels 1 to `number` - 1, large areas more often; 0 where there is only the background."""
    weights = np.sqrt(np.bincount(labels.ravel(), minlength=number))
    # A crop may show nothing but background.
    weights[0] = 0.0 if weights[1:].any() else 1.0
    return int(rng.choice(number, p=weights / weights.sum()))


def _class_of_instance(scene: Scene) -> np.ndarray:
    """(N + 1,) class of each instance, [0] = 0."""
    class_of = np.zeros(int(scene.instances.max()) + 1, np.int64)
    class_of[scene.instances.ravel()] = scene.classes.ravel()
    return class_of


def paint(scene: Scene, plan: ColorPlan) -> np.ndarray:
    """The true color of every pixel.

    Returns
    -------
    (H, W, 2) float32 numpy.ndarray
        a*b* in CIELAB units before gamut mapping; exactly 0 where the plan leaves gray.
    """
    shape = (scene.lightness.shape[0], scene.lightness.shape[1])
    rng = np.random.Generator(np.random.PCG64(plan.seed))
    ab = plan.instance_ab[_slipped(scene.instances, plan.slip, rng) if plan.slip else scene.instances]
    if plan.softness:
        ab = ndimage.gaussian_filter(ab, (plan.softness, plan.softness, 0), truncate=2.5, mode="nearest")
    if plan.shadow_ab is not None:
        dark = (1 - scene.lightness / np.float32(100))[..., None] ** 2
        # What is gray stays gray.
        ab = np.where(ab.any(axis=-1, keepdims=True), (1 - dark) * ab + dark * plan.shadow_ab, ab)
    gain: np.ndarray | None = None
    turn: np.ndarray | None = None
    if plan.tint is not None:
        gain = plan.tint(scene.lightness)
    if plan.hue_slope:
        turn = np.float32(plan.hue_slope) * (scene.lightness / np.float32(100) - np.float32(0.5))
    if plan.drift:
        field = smooth_noise(rng, shape, 0.7 * min(shape)).clip(-2, 2)
        gain = (1 if gain is None else gain) * (1 + np.float32(plan.drift) * field)
        turn = (0 if turn is None else turn) + np.float32(0.5 * plan.drift) * field
    if turn is not None:
        cos, sin = np.cos(turn), np.sin(turn)
        ab = np.stack([cos * ab[..., 0] - sin * ab[..., 1], sin * ab[..., 0] + cos * ab[..., 1]], axis=-1)
    if gain is not None:
        ab = ab * gain[..., None]
    return np.ascontiguousarray(ab, np.float32)


def _slipped(instances: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Labels as a hurried hand paints them: every outline off by about `amount` pixels."""
    height, width = instances.shape
    scale = 0.08 * min(height, width)
    rows = np.arange(height)[:, None] + amount * smooth_noise(rng, (height, width), scale)
    columns = np.arange(width)[None, :] + amount * smooth_noise(rng, (height, width), scale)
    rows = np.clip(np.rint(rows), 0, height - 1).astype(np.intp)
    return instances[rows, np.clip(np.rint(columns), 0, width - 1).astype(np.intp)]
