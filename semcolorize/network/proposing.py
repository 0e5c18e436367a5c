"""Proposals for a series of views, of which a single image is one: from hints to a*b* at working size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from semcolorize.diffusion.sampler import Step
from semcolorize.errors import ShapeError
from semcolorize.hints.pool import HintPool, fit_tint, pool_hints
from semcolorize.hints.swatch import on_pixels
from semcolorize.hints.walker import check_shapes
from semcolorize.network.conditioning import Condition, condition_image
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.guessing import best_guess, passes
from semcolorize.network.sampling import runs, sample_ab
from semcolorize.network.settling import asked_inks, reconcile, settle_hints
from semcolorize.parallel import each

__all__ = ["MOST_TOGETHER", "HintedView", "propose"]

MOST_TOGETHER = 4
"""Views that the network sees at once; of more, each sees the first two hinted ones."""


@dataclass(frozen=True, eq=False)
class HintedView:
    """A view and its hints.

    Attributes
    ----------
    lightness : ndarray of shape (H, W)
        CIE L*, 0 to 100.
    hint_ab : ndarray of shape (H, W, 2)
        Colors asked for, CIELAB units.
    hint_mask : ndarray of shape (H, W)
        Strength, 0 to 1.
    level : ndarray of shape (H, W), optional
        CIE L* of the colors asked for; None where they were measured at their pixels.
    given : ndarray of shape (H, W), optional
        Not 0 at those hints that the user gave, where others were added; None for all.
    """

    lightness: np.ndarray
    hint_ab: np.ndarray
    hint_mask: np.ndarray
    level: np.ndarray | None = None
    given: np.ndarray | None = None

    @classmethod
    def of(cls, lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray) -> HintedView:
        """Arrays that a caller gave, checked; ShapeError says what is wrong."""
        lightness, hint_ab, hint_mask = np.asarray(lightness), np.asarray(hint_ab), np.asarray(hint_mask, np.float32)
        check_shapes(lightness, hint_ab, hint_mask)
        if not (np.isfinite(lightness).all() and lightness.min() >= -1 and lightness.max() <= 101):
            raise ShapeError("lightness must be CIE L* from 0 to 100, without NaN; gray_to_lightness makes it of gray.")
        if not (np.isfinite(hint_mask).all() and np.isfinite(hint_ab[hint_mask > 0]).all()):
            raise ShapeError("hint_ab and hint_mask must be without NaN where there are hints.")
        return cls(lightness, hint_ab, hint_mask)

    @property
    def asked_for(self) -> np.ndarray:
        """Hints of the user's, (H, W), not 0 where there is one."""
        return self.hint_mask if self.given is None else self.given

    @cached_property
    def meant_ab(self) -> np.ndarray:
        """What the colors asked for mean on their pixels, (H, W, 2), see `semcolorize.hints.swatch.on_pixels`."""
        if self.level is None:
            return self.hint_ab
        return on_pixels(self.lightness, self.hint_ab, self.hint_mask, self.level)

    def padded(self, height: int, width: int) -> HintedView:
        """Continued at the lower and right border up to a size, without hints there."""
        padding = [(0, height - self.lightness.shape[0]), (0, width - self.lightness.shape[1])]
        return HintedView(
            np.pad(self.lightness, padding, mode="edge"),
            np.pad(self.hint_ab, [*padding, (0, 0)]),
            np.pad(self.hint_mask, padding),
            None if self.level is None else np.pad(self.level, padding),
            None if self.given is None else np.pad(self.given, padding),
        )


def propose(
    model: ABDiffuser,
    views: Sequence[HintedView],
    *,
    variants: int = 1,
    seed: int = 0,
    num_steps: int | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Color views of one series together.

    Parameters
    ----------
    model : ABDiffuser
    views : sequence of HintedView
        Of any sizes.
    variants, seed, num_steps, on_step
        As for `semcolorize.pipeline.Colorizer.colorize`.

    Returns
    -------
    proposals : list of float32 ndarray of shape (variants, H, W, 2)
        CIELAB units, one a view.
    tint : float32 ndarray of shape (101,)
        How chroma follows lightness in them; ones where the model has no inks.
    """
    config = model.config
    stride, cell = config.network.stride, config.network.patch
    sides = [max(view.lightness.shape[axis] for view in views) for axis in (0, 1)]
    height, width = (side + -side % stride for side in sides)
    padded = [view.padded(height, width) for view in views]
    pool, tint = None, np.ones(101, np.float32)
    if config.propagated:
        pools = [pool_hints(v.lightness, v.meant_ab, v.hint_mask, cell=cell) for v in padded]
        pool = HintPool.join(pools)
        if config.residual:
            tint = fit_tint(pool)

    def told(view: HintedView) -> Condition:
        return condition_image(config, view.lightness, view.meant_ab, view.hint_mask, pool=pool)

    conditions = each(told, padded)
    first, others = num_steps or config.num_steps, num_steps or config.variant_steps
    # The first variant is the best guess; the others are samples, which takes more steps.
    keys = [(seed, variant) for variant in range(variants)]
    proposals: list[np.ndarray] = [np.empty(0)] * len(views)
    batches = [
        (Condition.stack([conditions[i] for i in group]), group, wanted)
        for group, wanted in _groups([bool(view.asked_for.any()) for view in views])
    ]
    guesses = sum(passes(model, together, num_steps=first) for together, _, _ in batches)
    samples = sum(others * runs(model, together, variants - 1) for together, _, _ in batches)
    on_step = _counted(on_step, guesses + samples)
    for together, group, wanted in batches:
        ab = best_guess(model, together, keys[0], num_steps=first, on_step=on_step)
        if variants > 1:
            ab = torch.cat([ab, sample_ab(model, together, keys[1:], num_steps=others, on_step=on_step)])
        for i in wanted:
            proposals[i] = ab[:, group.index(i)].movedim(1, -1).numpy()
    if config.propagated:
        curves = [condition.ink[0, 0].numpy() for condition in conditions]
        proposals = _settled(proposals, padded, curves, cell)
    sizes = [view.lightness.shape for view in views]
    return [p[:, : s[0], : s[1]].copy() for p, s in zip(proposals, sizes, strict=True)], tint


def _counted(on_step: Callable[[Step], None] | None, count: int) -> Callable[[Step], None] | None:
    """Steps counted over everything that is sampled, so that progress never runs backwards."""
    if on_step is None:
        return None
    told, done = on_step, iter(range(1, count + 1))
    return lambda step: told(dataclasses.replace(step, index=next(done), count=count))


def _groups(hinted: Sequence[bool]) -> list[tuple[list[int], list[int]]]:
    """Views to run together, and those of them whose color is taken from that run."""
    every = list(range(len(hinted)))
    if len(every) <= MOST_TOGETHER:
        return [(every, every)]
    references = [i for i in every if hinted[i]][: MOST_TOGETHER // 2] or every[:1]
    rest = [i for i in every if i not in references]
    room = MOST_TOGETHER - len(references)
    chunks = [rest[i : i + room] for i in range(0, len(rest), room)]
    return [(references + chunk, (references if k == 0 else []) + chunk) for k, chunk in enumerate(chunks)]


def _settled(
    proposals: Sequence[np.ndarray], views: Sequence[HintedView], curves: Sequence[np.ndarray], cell: int
) -> list[np.ndarray]:
    """Hints met in every view, and classes alike in all."""
    any_hint = any(v.hint_mask.any() for v in views)
    settled = []
    for variants, view, curve in zip(proposals, views, curves, strict=True):
        seen = (view.lightness, view.meant_ab, view.hint_mask, curve)

        def settle(proposal: np.ndarray, seen: tuple[np.ndarray, ...] = seen) -> np.ndarray:
            return settle_hints(proposal, *seen, cell=cell)

        settled.append(np.stack(each(settle, list(variants))))
    if any_hint and len(views) > 1:
        # A color asked for in one view is a class in all.
        asked = np.concatenate(
            [asked_inks(v.hint_ab, v.asked_for, c, v.meant_ab) for v, c in zip(views, curves, strict=True)]
        )
        for variant in range(len(settled[0])):
            inks = [s[variant] / c[..., None] for s, c in zip(settled, curves, strict=True)]
            for own, even, curve in zip(settled, reconcile(inks, asked), curves, strict=True):
                own[variant] = even * curve[..., None]
    return settled
