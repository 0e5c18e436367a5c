"""One training sample: a micrograph with true color, hints drawn from it, and the mode in which they are to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semcolorize.color.gamut import compress_chroma
from semcolorize.hints.simulate import DrawnHints, cell_hints, draw_count, object_hints, patch_hints, thesis_hints
from semcolorize.network.conditioning import Fill, Spread
from semcolorize.scenes import Scene, draw_plan, paint
from semcolorize.training.crops import renumber

__all__ = ["Sample", "color_sample", "pair_sample", "scene_sample"]


@dataclass
class Sample:
    """One training sample: `lightness` (H, W), true `ab` (H, W, 2), hints, modes.

    `labels` (2, H, W) are classes and instances, where the truth knows them.
    """

    lightness: np.ndarray
    ab: np.ndarray
    hints: DrawnHints
    fill: Fill = "auto"
    spread: Spread = "alike"
    labels: np.ndarray | None = None

    @property
    def marked(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lightness, hint_ab, hint_mask: what conditioning takes."""
        return self.lightness, self.hints.ab, self.hints.mask


def scene_sample(scene: Scene, rng: np.random.Generator, *, gray: float = 0.35, instance: float = 0.35) -> Sample:
    """Color a scene anew and draw hints and a mode for it.

    Parameters
    ----------
    scene : Scene
    rng : numpy.random.Generator
    gray : float
        Probability of ``fill="gray"``: what was hinted is colored, the rest is gray in truth.
    instance : float
        Of these, the probability of ``spread="instance"``: only touched instances are colored.

    Returns
    -------
    Sample
    """
    if rng.random() < gray:
        return _highlight_sample(scene, rng, touched_only=rng.random() < instance)
    plan = draw_plan(scene, rng)
    ab = compress_chroma(scene.lightness, paint(scene, plan))
    shape = (ab.shape[0], ab.shape[1])
    kind = rng.random()
    count = draw_count(rng, shape)
    largest = max(2, round(min(shape) * 9 / 256))
    if kind < 0.55:
        hints = cell_hints(ab, rng, count)
    elif kind < 0.7:
        hints = patch_hints(ab, rng, count, largest=largest, centered=kind < 0.62)
    else:
        swatches = plan.instance_ab if rng.random() < 0.5 else None
        numbers = np.unique(scene.instances)
        chosen = rng.choice(numbers, size=min(max(count, 1), len(numbers)), replace=False)
        hints = object_hints(ab, scene.instances, chosen, rng, marks=1 + int(rng.random() < 0.2), colors=swatches)
    return Sample(scene.lightness, ab, hints, labels=_labels(scene))


def _labels(scene: Scene) -> np.ndarray:
    return np.stack([scene.classes, scene.instances]).astype(np.int32)


def _highlight_sample(scene: Scene, rng: np.random.Generator, *, touched_only: bool) -> Sample:
    """Some classes (or single instances) in color, everything else gray."""
    kind = ("class", "class", "one-hue", "instance")[int(rng.integers(4))]
    plan = draw_plan(scene, rng, "class" if touched_only else kind).painted_exactly()
    ab = compress_chroma(scene.lightness, paint(scene, plan))
    labels = scene.instances if touched_only else scene.classes
    numbers = np.unique(labels)
    objects = numbers[numbers > 0]
    # The background by itself is colored now and then; mostly objects are.
    pool = numbers if len(objects) == 0 or rng.random() < 0.1 else objects
    lit = rng.choice(pool, size=int(rng.integers(1, min(len(pool), 4) + 1)), replace=False)
    ab = ab * np.isin(labels, lit)[..., None]
    if touched_only:
        targets, marked = scene.instances, lit
    else:
        # One or a few instances of each lit class are touched, the others have to be found.
        targets = scene.instances
        marked = np.concatenate([_some_instances(scene, int(number), rng) for number in lit])
    marks = 1 + int(rng.random() < 0.3) + int(rng.random() < 0.15)
    swatches = plan.instance_ab if rng.random() < 0.6 else None
    hints = object_hints(ab, targets, marked, rng, marks=marks, colors=swatches)
    if rng.random() < 0.3:
        # Gray hints on what is to stay gray.
        rest = np.setdiff1d(np.unique(scene.instances[~np.isin(labels, lit)]), marked)
        if len(rest):
            neutral = np.zeros((int(scene.instances.max()) + 1, 2), np.float32)
            some = rng.choice(rest, size=min(len(rest), int(rng.integers(1, 4))), replace=False)
            object_hints(ab, scene.instances, some, rng, colors=neutral, drawn=hints)
    return Sample(scene.lightness, ab, hints, "gray", "instance" if touched_only else "alike", _labels(scene))


def _some_instances(scene: Scene, number: int, rng: np.random.Generator) -> np.ndarray:
    instances = np.unique(scene.instances[scene.classes == number])
    count = 1 if rng.random() < 0.6 else min(len(instances), int(rng.integers(1, 6)))
    return rng.choice(instances, size=count, replace=False)


def pair_sample(
    views: Sequence[Scene], rng: np.random.Generator, *, gray: float = 0.35, instance: float = 0.35
) -> list[Sample]:
    """Color views of one specimen alike; hints mostly in the first only.

    Parameters
    ----------
    views : sequence of Scene
        Of one size, numbered alike.
    rng, gray, instance
        As for `scene_sample`.

    Returns
    -------
    list of Sample
        One a view, in one mode.
    """
    instances = np.concatenate([v.instances for v in views], axis=1)
    classes = np.concatenate([v.classes for v in views], axis=1)
    joint = Scene(
        lightness=np.concatenate([v.lightness for v in views], axis=1),
        instances=renumber(instances),
        classes=classes,
        height=np.concatenate([v.height for v in views], axis=1),
        family_of_class=views[0].family_of_class,
    )
    whole = scene_sample(joint, rng, gray=gray, instance=instance)
    width = views[0].lightness.shape[1]
    first_only = rng.random() < 0.75 and bool(whole.hints.mask[:, :width].any())
    samples = []
    for i in range(len(views)):
        part = (slice(None), slice(i * width, (i + 1) * width))
        hints = DrawnHints(whole.hints.ab[part].copy(), whole.hints.mask[part].copy())
        if first_only and i > 0:
            hints = DrawnHints.empty((hints.mask.shape[0], hints.mask.shape[1]))
        lightness = np.ascontiguousarray(joint.lightness[part])
        labels = None if whole.labels is None else whole.labels[:, part[0], part[1]]
        ab = np.ascontiguousarray(whole.ab[part])
        samples.append(Sample(lightness, ab, hints, whole.fill, whole.spread, labels))
    return samples


def color_sample(lightness: np.ndarray, ab: np.ndarray, rng: np.random.Generator, *, thesis: bool = False) -> Sample:
    """A color image to be colored whole, with hints of every automatic kind or as in the thesis (section 4.3)."""
    shape = (ab.shape[0], ab.shape[1])
    if thesis:
        return Sample(lightness, ab, thesis_hints(ab, rng))
    count = draw_count(rng, shape)
    if rng.random() < 0.6:
        hints = cell_hints(ab, rng, count)
    else:
        hints = patch_hints(ab, rng, count, largest=max(2, round(min(shape) * 9 / 256)), centered=rng.random() < 0.5)
    return Sample(lightness, ab, hints)
