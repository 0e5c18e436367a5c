"""The bare models on arrays, at the resolution given: as evaluation calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from semcolorize.diffusion.sampler import Step
from semcolorize.errors import ShapeError
from semcolorize.hints.model import Spread
from semcolorize.inference.highlight import highlight_views
from semcolorize.inference.invent import carried, invent
from semcolorize.inference.settings import Fill, Settings
from semcolorize.model.checkpoint import LoadedModels
from semcolorize.network.proposing import HintedView

__all__ = ["ArrayView", "predict_ab", "predict_views"]

ArrayView = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Lightness (H, W), CIE L* from 0 to 100; colors of hints (H, W, 2), CIELAB units, read where the mask is not 0: as
they are at their pixels (of colors picked from a palette `semcolorize.hints.swatch.on_pixels` makes such); and the mask
(H, W), bool or strength from 0 to 1."""


def predict_views(
    models: LoadedModels,
    views: Sequence[ArrayView],
    *,
    seed: int = 0,
    num_steps: int | None = None,
    fill: Fill = "gray",
    spread: Spread = "alike",
    register_views: bool = True,
) -> list[np.ndarray]:
    """Predict a*b* of the views of a series.

    Parameters
    ----------
    models : LoadedModels
    views : sequence of ArrayView
    seed, num_steps, fill, spread, register_views
        As for `semcolorize.pipeline.Colorizer.colorize_views`.

    Returns
    -------
    list of float32 ndarray of shape (H, W, 2)
    """
    settings = Settings.resolve(
        models.diffuser.model.config, seed=seed, fill=fill, spread=spread, num_steps=num_steps
    )
    if not len(views) or any(len(view) != 3 for view in views):
        raise ShapeError("views must be one or more of (lightness, hint_ab, hint_mask).")
    given = [HintedView.of(*view) for view in views]
    if fill != "auto":
        return highlight_views(models.labels.model, given, spread, register_views=register_views)
    if register_views:
        given, _ = carried(models, given, settings)
    return [proposal[0] for proposal in invent(models, given, settings)[0]]


def predict_ab(
    models: LoadedModels,
    view: ArrayView,
    *,
    variants: int = 1,
    seed: int = 0,
    num_steps: int | None = None,
    fill: Fill = "auto",
    spread: Spread = "alike",
    on_step: Callable[[Step], None] | None = None,
) -> np.ndarray:
    """Predict a*b* of one image.

    Parameters
    ----------
    models : LoadedModels
    view : ArrayView
    variants, seed, num_steps, fill, spread, on_step
        As for `semcolorize.pipeline.Colorizer.colorize`.

    Returns
    -------
    float32 ndarray of shape (variants, H, W, 2)
    """
    settings = Settings.resolve(
        models.diffuser.model.config, variants=variants, seed=seed, fill=fill, spread=spread, num_steps=num_steps
    )
    given = HintedView.of(*view)
    if fill != "auto":
        (one,) = highlight_views(models.labels.model, [given], spread)
        return np.repeat(one[None], variants, axis=0)
    return invent(models, [given], settings, on_step=on_step)[0][0]
