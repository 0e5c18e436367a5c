"""What the label model is trained on: labels, the prior, outlines and likeness."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from semcolorize.model.encoder import ImageFeatures
from semcolorize.model.label_hints import LabelHints
from semcolorize.model.label_model import LabelLogits, LabelModel
from semcolorize.propagation.grid_walker import GridOutlines
from semcolorize.training.label_data import LabelBatch
from semcolorize.training.simulated_user import next_clicks

__all__ = ["LossWeights", "dense_loss", "label_loss", "mean_iou", "simulate_and_label"]


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss.

    Parameters
    ----------
    overlap : float
        Of the soft intersection over union beside the cross-entropy.
    kept : float
        Of what a correction takes away from the chance of the truth: corrections are to correct, nothing else.
    prior, outlines, likeness : float
    """

    overlap: float = 0.5
    kept: float = 1.0
    prior: float = 0.4
    outlines: float = 0.5
    likeness: float = 0.3


def dense_loss(
    model: LabelModel, features: ImageFeatures, batch: LabelBatch, generator: torch.Generator, weights: LossWeights
) -> torch.Tensor:
    """Outlines between neighboring cells, and likeness of cells of one class: every cell is an example."""
    instances, classes = batch.instances, batch.classes
    of = 65536 * classes + instances
    loss = features.embedding.new_zeros(())
    for logits, same in (
        (features.across, of[:, :, 1:] == of[:, :, :-1]), (features.down, of[:, 1:] == of[:, :-1]),
    ):  # fmt: skip
        each = F.binary_cross_entropy_with_logits(logits, same.float(), reduction="none")
        # Few edges are outlines.
        loss = loss + weights.outlines * (torch.where(same, 1.0, 3.0) * each).mean()
    embedding = features.embedding[:, 0]
    flat = classes.flatten(1)
    drawn = torch.rand(flat.shape, generator=generator, device=flat.device)
    # As many anchors of small classes as of large ones.
    count = F.one_hot(flat, int(flat.max()) + 1).sum(dim=1).clamp(min=1)
    drawn = drawn.log() * count.gather(1, flat).float()
    anchors = drawn.topk(min(48, flat.shape[1]), dim=1).indices
    at = embedding.gather(2, anchors[:, None].expand(-1, embedding.shape[1], -1))
    logits = model.same_kind(torch.einsum("bdp,bdc->bpc", at, embedding))
    same = flat.gather(1, anchors)[..., None] == flat[:, None]
    each = F.binary_cross_entropy_with_logits(logits, same.float(), reduction="none")
    parts = [(each * m).sum(dim=2) / m.sum(dim=2).clamp(min=1) for m in (same.float(), (~same).float())]
    return loss + weights.likeness * (parts[0] + parts[1]).mean()


def label_loss(
    found: LabelLogits, batch: LabelBatch, weights: LossWeights, before: torch.Tensor | None = None
) -> torch.Tensor:
    """Cross-entropy with soft targets at outlines and soft intersection over union, of the labels and of the prior.

    `before` (R, H/2, W/2) is the chance of the truth before the last correction, 0 where there was none.
    """
    labels = found.logits.shape[1]
    soft = _soft_target(batch.target, labels, 2)
    loss = _entropy_and_overlap(found.logits, soft, batch.labels, weights.overlap)
    coarse = F.avg_pool2d(soft, 2)
    loss = loss + weights.prior * _entropy_and_overlap(found.prior, coarse, batch.labels, weights.overlap)
    if before is not None and weights.kept:
        lost = F.relu(before - _truth(found, batch)).mean(dim=(1, 2))
        loss = loss + weights.kept * lost.sum() / max(int((before.amax(dim=(1, 2)) > 0).sum()), 1)
    return loss


def _truth(found: LabelLogits, batch: LabelBatch) -> torch.Tensor:
    """Chance of what is true, (R, H/2, W/2)."""
    return found.chances().gather(1, batch.target[:, ::2, ::2].long()[:, None])[:, 0]


def _soft_target(target: torch.Tensor, labels: int, side: int) -> torch.Tensor:
    sharp = torch.stack([target == k for k in range(labels + 1)], dim=1).float()
    return F.avg_pool2d(sharp, side)


def _entropy_and_overlap(
    logits: torch.Tensor, soft: torch.Tensor, labels: torch.Tensor, overlap: float
) -> torch.Tensor:
    logs = F.pad(logits, (0, 0, 0, 0, 1, 0)).log_softmax(dim=1)
    entropy = -(soft * logs).sum(dim=1).mean()
    chances = logs.exp()[:, 1:]
    wanted = soft[:, 1:]
    both = (chances * wanted).sum(dim=(2, 3))
    either = (chances + wanted - chances * wanted).sum(dim=(2, 3))
    there = torch.arange(logits.shape[1], device=labels.device)[None] < labels[:, None]
    missed = 1 - (both + 1) / (either + 1)
    return entropy + overlap * missed[there].mean()


def simulate_and_label(
    model: LabelModel, features: ImageFeatures, batch: LabelBatch, rounds: torch.Tensor, generator: torch.Generator
) -> tuple[LabelLogits, torch.Tensor, torch.Tensor]:
    """Let the simulated user correct the model so many times, then label once more, with gradients.

    Parameters
    ----------
    model, features, batch
    rounds : int64 Tensor of shape (R,)
        Corrections of each row; the same in all rows of a group, which are views of one series.
    generator : Generator
        On the device of the images.

    Returns
    -------
    found : LabelLogits
    marks : Tensor
        With all hints.
    before : Tensor of shape (R, H/2, W/2)
        Chance of the truth before the last correction; 0 in rows without one.
    """
    shared = model.decoder.project(features)
    systems = model.systems(features)
    marks = batch.marks.clone()
    before = torch.zeros_like(batch.target[:, ::2, ::2], dtype=torch.float32)
    seen = _detached(features)
    held = tuple(x.detach() for x in shared)
    # Where the next click goes is known before the last digits are.
    rough = systems.with_steps(64) if isinstance(systems, GridOutlines) else systems
    for done in range(int(rounds.max()) if len(rounds) else 0):
        rows = torch.nonzero(rounds > done)[:, 0].to(marks.device)
        some = batch.rows(rows)
        with torch.no_grad():
            found = model(seen, held, rough, _hints(some, marks[rows]))
            target = some.target[:, ::2, ::2].long()
            marks[rows] = next_clicks(found.chances(), target, marks[rows], some.spread, some.labels, generator)
            before[rows] = _truth(found, some)
    return model(features, shared, systems, _hints(batch, marks)), marks, before


def _hints(batch: LabelBatch, marks: torch.Tensor) -> LabelHints:
    return LabelHints(marks.float() / 4, batch.image, batch.group, batch.labels, most=24)


def _detached(features: ImageFeatures) -> ImageFeatures:
    return ImageFeatures(**{k: v.detach() for k, v in features.__dict__.items()})


def mean_iou(found: LabelLogits, batch: LabelBatch) -> float:
    """Intersection over union of what has each label with what should, mean over labels."""
    labels = found.logits.shape[1]
    best, target = found.chances().argmax(dim=1), batch.target[:, ::2, ::2].long()
    own, wanted = (F.one_hot(x.flatten(1), labels + 1)[:, :, 1:].bool() for x in (best, target))
    both, either = (own & wanted).sum(dim=1), (own | wanted).sum(dim=1)
    return float((both / either)[either > 0].mean()) if (either > 0).any() else 0.0
