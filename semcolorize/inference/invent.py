"""Color where nothing was hinted (``fill="auto"``): classes and their colors, or the AB-diffuser's proposals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from semcolorize.color.ink import TINTS, ink_curve
from semcolorize.diffusion.sampler import Step
from semcolorize.inference.assign import EncodedView, assign
from semcolorize.inference.assignment import label_chroma, softmax_with_none
from semcolorize.inference.class_colors import describe_classes, draw_colors
from semcolorize.inference.discover import discover_classes
from semcolorize.inference.highlight import encoded, inks_of, marks_of
from semcolorize.inference.settings import Settings
from semcolorize.micrograph.working import PreparedMicrograph
from semcolorize.model.checkpoint import LoadedModels
from semcolorize.model.label_model import LabelModel
from semcolorize.network.carrying import carry_colors
from semcolorize.network.proposing import HintedView, propose

__all__ = ["TAUGHT_LABELS", "carried", "invent"]

TAUGHT_LABELS = 6
"""Labels at once that training asked for at most, see `semcolorize.training.simulated_user`."""


def invent(
    models: LoadedModels,
    views: Sequence[HintedView],
    settings: Settings,
    *,
    images: Sequence[PreparedMicrograph] = (),
    palette: np.ndarray | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Color the views of a series, inventing what hints leave open.

    Without hints, the encoder's classes get colors that the color denoiser draws. With hints of a few colors, places
    get the colors of their labels; what the labels leave open gets the AB-diffuser's best guess in the first variant,
    and drawn colors of classes in the others. Hints of more colors than `TAUGHT_LABELS` are measured colors rather than
    labels: the AB-diffuser alone knows what to make of them.

    Parameters
    ----------
    models : LoadedModels
    views : sequence of HintedView
        At working size.
    settings : Settings
    images : sequence of PreparedMicrograph, optional
        What the views are of, where they keep what the model saw in them for the next time.
    palette : ndarray of shape (C, 2), optional
        Normalized chroma of the colors that classes may have.
    on_step : callable, optional
        Told of each sampling step of the AB-diffuser.

    Returns
    -------
    ab : list of float32 ndarray of shape (variants, H, W, 2)
        CIELAB units, one a view.
    tint : float32 ndarray of shape (101,)
        How chroma follows lightness in them.
    """
    labels = models.labels.model
    inks, of_pixel, curves = inks_of(views)
    if not len(inks):
        return _classes(models, views, settings, images, palette), TINTS[0]
    few = len(inks) <= TAUGHT_LABELS
    proposals, tint = propose(
        models.diffuser.model, views, variants=1 if few else settings.variants, seed=settings.seed,
        num_steps=settings.asked_steps, on_step=on_step,
    )  # fmt: skip
    if not few:
        return proposals, tint
    marks = marks_of(views, of_pixel, len(inks), settings.spread)
    seen = _encoded(labels, views, images)
    chances = [softmax_with_none(logits) for logits in assign(labels, seen, marks)]
    open_to_all, named = [], []
    for view, chance, curve, proposal in zip(views, chances, curves, proposals, strict=True):
        said = np.where(view.hint_mask > 0, np.float32(0), chance[1:])
        named.append(np.einsum("khw,kc->hwc", said, inks.astype(np.float32)) * curve[..., None])
        open_to_all.append((1 - said.sum(axis=0))[..., None])
        proposal[0] = named[-1] + open_to_all[-1] * proposal[0]
    others = settings.variants - 1
    if not others:
        return [p.astype(np.float32) for p in proposals], tint
    drawn = _rest(models, views, settings, seen, marks, chances, inks, palette)
    made = []
    for i, (view, proposal, curve) in enumerate(zip(views, proposals, curves, strict=True)):
        rest = drawn[i] * curve[..., None]
        # Where there is a hint the best guess has its color exactly.
        several = np.where(view.hint_mask[..., None] > 0, proposal[:1], named[i] + open_to_all[i] * rest)
        made.append(np.concatenate([proposal[:1], several]).astype(np.float32))
    return made, tint


def carried(
    models: LoadedModels, views: Sequence[HintedView], settings: Settings
) -> tuple[list[HintedView], list[dict[str, Any] | None]]:
    """Views to which registration has carried the colors of hinted ones, and what was found of each."""
    config = models.diffuser.model.config
    if not config.propagated:
        return list(views), [None] * len(views)
    first = replace(settings, variants=1)
    return carry_colors(views, lambda hinted: invent(models, hinted, first)[0], cell=config.network.patch)


def _encoded(
    model: LabelModel, views: Sequence[HintedView], images: Sequence[PreparedMicrograph]
) -> list[EncodedView]:
    return [encoded(model, image) for image in images] or [encoded(model, view.lightness) for view in views]


def _classes(
    models: LoadedModels, views: Sequence[HintedView], settings: Settings, images: Sequence[PreparedMicrograph],
    palette: np.ndarray | None,
) -> list[np.ndarray]:  # fmt: skip
    """Views without any hint: every class that is found gets a color."""
    labels = models.labels.model
    seen = _encoded(labels, views, images)
    marks = discover_classes(labels, seen, count=settings.classes)
    if len(marks[0]) == 1:
        # Too small to tell anything apart.
        return [np.zeros((settings.variants, *view.lightness.shape, 2), np.float32) for view in views]
    found = assign(labels, seen, marks)
    features = describe_classes(
        seen, [view.lightness for view in views], [softmax_with_none(logits)[1:] for logits in found]
    )
    nothing = np.zeros((len(features), 2), np.float32)
    colors = draw_colors(
        models.colors.model, features, nothing, np.zeros(len(features), bool), variants=settings.variants,
        seed=settings.seed, palette=palette, num_steps=settings.asked_steps,
    )  # fmt: skip
    crispness = labels.config.crispness
    made = []
    for view, logits in zip(views, found, strict=True):
        curve = ink_curve(view.lightness, TINTS[0])[..., None]
        made.append(np.stack([label_chroma(logits, own, crispness) * curve for own in colors]))
    return made


def _rest(
    models: LoadedModels, views: Sequence[HintedView], settings: Settings, seen: Sequence[EncodedView],
    marks: Sequence[np.ndarray], chances: Sequence[np.ndarray], inks: np.ndarray, palette: np.ndarray | None,
) -> list[np.ndarray]:  # fmt: skip
    """Normalized chroma (variants - 1, h, w, 2) of what labels leave open, class by class."""
    labels, crispness = models.labels.model, models.labels.model.config.crispness
    free = [chance[0] > 0.5 for chance in chances]
    found = discover_classes(labels, seen, count=settings.classes, free=free)
    count = len(found[0]) - 1
    if not count:
        return [np.zeros((settings.variants - 1, *view.lightness.shape, 2), np.float32) for view in views]
    together = [np.concatenate([own[:-1], more[:-1], own[-1:]]) for own, more in zip(marks, found, strict=True)]
    logits = [own[len(inks) :] for own in assign(labels, seen, together)]
    rest = [chance[:1] * softmax_with_none(own)[1:] for chance, own in zip(chances, logits, strict=True)]
    features = describe_classes(
        seen, [view.lightness for view in views],
        [np.concatenate([chance[1:], own]) for chance, own in zip(chances, rest, strict=True)],
    )  # fmt: skip
    given = np.arange(len(features)) < len(inks)
    known = np.concatenate([inks, np.zeros((count, 2))]).astype(np.float32)
    colors = draw_colors(
        models.colors.model, features, known, given, variants=settings.variants - 1, seed=settings.seed + 1,
        palette=palette, num_steps=settings.asked_steps,
    )  # fmt: skip
    return [np.stack([label_chroma(own, c[len(inks) :], crispness) for c in colors]) for own in logits]
