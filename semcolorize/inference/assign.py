"""Which pixel belongs to which label: the label model on the views of a series, of which a single image is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from semcolorize.errors import ConfigError
from semcolorize.model.encoder import ImageFeatures
from semcolorize.model.label_hints import LabelHints
from semcolorize.model.label_model import ABSENT, LabelModel
from semcolorize.propagation.outline_walker import OutlineSystem

__all__ = ["MOST_LABELS", "EncodedView", "assign", "encode_view"]

MOST_LABELS = 64
"""Labels told apart at once."""

_MOST_PIXELS = 1 << 20
"""Pixels of a view that are looked at; of a larger one a smaller copy."""
_TOGETHER = 1 << 21
"""Pixels times labels that the decoder works on at once, for the memory's sake."""


@dataclass(frozen=True)
class EncodedView:
    """What the label model makes of a view before it knows of any hint.

    Attributes
    ----------
    features : ImageFeatures
        Of a batch of one.
    shared : tuple of Tensor
        From `LabelDecoder.project`.
    system : OutlineSystem
    shape : tuple of int
        (h, w) of the view.
    seen : tuple of int
        Rows and columns at which the model sees it, before padding.
    """

    features: ImageFeatures
    shared: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
    system: OutlineSystem
    shape: tuple[int, int]
    seen: tuple[int, int]


@torch.inference_mode()
def encode_view(model: LabelModel, lightness: np.ndarray) -> EncodedView:
    """Look at a view.

    Parameters
    ----------
    model : LabelModel
        Its device is used.
    lightness : ndarray of shape (h, w)
        CIE L*, 0 to 100.
    """
    shape = (int(lightness.shape[0]), int(lightness.shape[1]))
    device = next(model.parameters()).device
    plane = torch.from_numpy(np.ascontiguousarray(lightness, np.float32))[None, None].to(device)
    scale = min(1.0, (_MOST_PIXELS / (shape[0] * shape[1])) ** 0.5)
    seen = (max(1, round(scale * shape[0])), max(1, round(scale * shape[1])))
    if seen != shape:
        plane = F.interpolate(plane, seen, mode="bilinear", antialias=True, align_corners=False)
    stride = model.config.encoder.stride
    plane = F.pad(plane, (0, -seen[1] % stride, 0, -seen[0] % stride), mode="replicate")
    features = model.encoder(plane)
    # Columns of the sparse system are kept from edit to edit, which beats a GPU.
    (system,) = model.sparse_systems(features)
    return EncodedView(features, model.decoder.project(features), system, shape, seen)


@torch.inference_mode()
def assign(model: LabelModel, views: Sequence[EncodedView], marks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Label the views of a series: hints on any of them speak in all.

    Parameters
    ----------
    model : LabelModel
    views : sequence of EncodedView
    marks : sequence of ndarray of shape (K + 1, 2, h, w)
        Share of each pixel that is hinted, by label (the last is gray) and spread (alike, instance).

    Returns
    -------
    list of float32 ndarray of shape (K, h, w)
        Logits of every label against "none", at the size of each view; exchanging two labels exchanges two maps.

    Raises
    ------
    ConfigError
        For more than `MOST_LABELS` labels.
    """
    labels = marks[0].shape[0] - 1
    if labels > MOST_LABELS:
        raise ConfigError(
            f"the hints have {labels} different colors; at most {MOST_LABELS} are told apart. Use fewer colors, or "
            "fill: auto.",
            key="hints",
        )
    if not labels:
        return [np.zeros((0, *view.shape), np.float32) for view in views]
    there = np.flatnonzero(sum(own[:-1].sum(axis=(1, 2, 3)) for own in marks))
    if len(there) < labels:
        # What no pixel asks for is nowhere.
        found = [np.full((labels, *view.shape), ABSENT, np.float32) for view in views]
        kept = [*there.tolist(), labels]
        for plane, own in zip(found, assign(model, views, [own[kept] for own in marks]), strict=True):
            plane[there] = own
        return found
    hints = [_hints(model, own, view) for own, view in zip(marks, views, strict=True)]
    several = len(views) > 1
    tokens = [own.tokens(view.features) for own, view in zip(hints, views, strict=True)] if several else []
    seen: list[np.ndarray] = []
    for i, view in enumerate(views):
        elsewhere = [own.elsewhere() for k, own in enumerate(tokens) if k != i]
        together = max(1, _TOGETHER // (view.seen[0] * view.seen[1]))
        logits = model(view.features, view.shared, [view.system], hints[i], elsewhere, together=together).logits
        rows, columns = view.seen
        whole = F.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False)[:, :, :rows, :columns]
        if view.seen != view.shape:
            whole = F.interpolate(whole, view.shape, mode="bilinear", align_corners=False)
        seen.append(whole[0].float().cpu().numpy())
    return seen


def _hints(model: LabelModel, marks: np.ndarray, view: EncodedView) -> LabelHints:
    """Marks (K + 1, 2, h, w) on what the model sees, as a row."""
    device = view.features.fine.device
    plane = torch.from_numpy(np.ascontiguousarray(marks, np.float32)).to(device)
    if view.seen != view.shape:
        # A hint of one pixel survives.
        plane = F.adaptive_max_pool2d(plane, view.seen)
    height, width = (2 * side for side in view.features.fine.shape[-2:])
    plane = F.pad(plane, (0, width - plane.shape[-1], 0, height - plane.shape[-2]))
    one = torch.zeros(1, dtype=torch.int64, device=device)
    return LabelHints(F.avg_pool2d(plane, 2)[None], one, one, one + len(marks) - 1, most=model.config.most_cells)
