"""Color plans: how people color micrographs.

Published false-color images are saturated, mostly use one or two hues, and often darken and gray the
shadows. A plan assigns one a*b* to every instance (the background is instance 0) and says how it changes
with lightness and place; plans are drawn anew for the same scene, so one scene gives many training samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcolorize.scenes.fields import smooth_noise
from semcolorize.scenes.scene import Scene

__all__ = ["PLAN_KINDS", "ColorPlan", "draw_plan", "paint"]

#: How a plan hands out colors, and how often each kind is drawn.
_SHARES = {
    "one-hue": 0.28,
    "two-hues": 0.22,
    "class": 0.22,
    "class-on-gray": 0.08,
    "instance": 0.06,
    "highlight-class": 0.06,
    "highlight-instance": 0.04,
    "lightness-map": 0.04,
}
PLAN_KINDS: tuple[str, ...] = tuple(_SHARES)


@dataclass(frozen=True)
class ColorPlan:
    """Colors for one scene.

    Parameters
    ----------
    kind : str
        One of `PLAN_KINDS`.
    instance_ab : (N + 1, 2) float32 numpy.ndarray
        Base a*b* of each instance in CIELAB units; [0] is the background's; (0, 0) stays gray exactly.
    shade : float
        How much chroma falls towards black and white: 0 flat, 1 to nothing.
    hue_slope : float
        Turn of the hue in radians from black to white.
    drift : float
        Relative standard deviation of the chroma over the field; the hue drifts by half as many radians.
    drift_seed : int
        Seeds the drift.
    """

    kind: str
    instance_ab: np.ndarray
    shade: float = 0.0
    hue_slope: float = 0.0
    drift: float = 0.0
    drift_seed: int = 0


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
    """Chromas as published: mostly 25 to 65, now and then a pale one."""
    return np.where(
        rng.random(number) < 0.1, rng.uniform(8, 22, number), rng.normal(45, 13, number).clip(20, 75)
    )


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
    flat = rng.random() < 0.3
    return ColorPlan(
        kind=kind,
        instance_ab=np.ascontiguousarray(colors, np.float32),
        shade=0.0 if flat else float(rng.uniform(0.1, 0.7)),
        hue_slope=float(rng.normal(0, 0.9 if kind == "lightness-map" else 0.0 if flat else 0.2)),
        drift=float(rng.choice([0.0, rng.uniform(0.02, 0.12)], p=[0.7, 0.3])),
        drift_seed=int(rng.integers(2**31)),
    )


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
    ab = plan.instance_ab[scene.instances]
    lightness = scene.lightness / np.float32(100)
    gain: np.ndarray | None = None
    turn: np.ndarray | None = None
    if plan.shade:
        # Highest a little above the middle, as inks and the sRGB gamut have it.
        gain = 1 - np.float32(plan.shade) * np.minimum(np.abs(lightness - 0.55) / np.float32(0.55), 1) ** 2
    if plan.hue_slope:
        turn = np.float32(plan.hue_slope) * (lightness - np.float32(0.5))
    if plan.drift:
        rng = np.random.Generator(np.random.PCG64(plan.drift_seed))
        shape = (ab.shape[0], ab.shape[1])
        field = smooth_noise(rng, shape, 0.7 * min(shape)).clip(-2, 2)
        gain = (1 if gain is None else gain) * (1 + np.float32(plan.drift) * field)
        turn = (0 if turn is None else turn) + np.float32(0.5 * plan.drift) * field
    if turn is not None:
        cos, sin = np.cos(turn), np.sin(turn)
        ab = np.stack([cos * ab[..., 0] - sin * ab[..., 1], sin * ab[..., 0] + cos * ab[..., 1]], axis=-1)
    if gain is not None:
        ab = ab * gain[..., None]
    return np.ascontiguousarray(ab, np.float32)
