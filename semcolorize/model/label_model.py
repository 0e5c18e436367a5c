"""The label model: which pixel belongs to which of the user's labels, or to none.

An image encoder that never sees hints (`semcolorize.model.encoder`), a random walker over the outlines it learned and
similarities of its embeddings as the prior, and a decoder shared by all labels (`semcolorize.model.label_decoder`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from semcolorize.errors import ConfigError
from semcolorize.model.encoder import EncoderConfig, ImageEncoder, ImageFeatures
from semcolorize.model.label_decoder import DecoderConfig, LabelDecoder
from semcolorize.model.label_hints import ALIKE, INSTANCE, LabelHints, Tokens
from semcolorize.propagation.outline_walker import OutlineSystem, walk_over

__all__ = ["LabelLogits", "LabelModel", "LabelModelConfig"]

ABSENT = -30.0
"""Logit of padding: no chance."""


@dataclass(frozen=True)
class LabelModelConfig:
    """Everything that makes a checkpoint usable.

    Parameters
    ----------
    encoder : EncoderConfig
    decoder : DecoderConfig
    seed_strength : float
        Conductance between a wholly hinted cell and its label.
    most_cells : int
        Hinted cells of a label that are looked at; of a larger area so many, evenly.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    seed_strength: float = 20.0
    most_cells: int = 64

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LabelModelConfig:
        """Build from plain data, as stored beside weights."""
        try:
            parts = {k: tuple(v) if isinstance(v, list) else v for k, v in values.pop("encoder", {}).items()}
            other = {k: tuple(v) if isinstance(v, list) else v for k, v in values.pop("decoder", {}).items()}
            return cls(encoder=EncoderConfig(**parts), decoder=DecoderConfig(**other), **values)
        except (TypeError, AttributeError) as error:
            raise ConfigError(f"the configuration of a label model is not understood ({error}).") from error


@dataclass(frozen=True)
class LabelLogits:
    """What the model says of R rows with at most K labels.

    Attributes
    ----------
    logits : Tensor of shape (R, K, H/2, W/2)
        Against "none", whose logit is 0.
    prior : Tensor of shape (R, K, H/4, W/4)
        What the decoder started from.
    """

    logits: torch.Tensor
    prior: torch.Tensor

    def chances(self) -> torch.Tensor:
        """Softmax over none (first) and the labels, (R, K + 1, H/2, W/2)."""
        return F.pad(self.logits, (0, 0, 0, 0, 1, 0)).softmax(dim=1)


class LabelModel(nn.Module):
    """Encoder, prior and decoder.

    Parameters
    ----------
    config : LabelModelConfig
    """

    def __init__(self, config: LabelModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ImageEncoder(config.encoder)
        self.decoder = LabelDecoder(config.decoder, config.encoder.widths, config.encoder.heads)
        # All but the networks that decides anything is learned as well.
        self.sharpness = nn.Parameter(torch.tensor(3.0).log())
        self.log_leak = nn.Parameter(torch.tensor(2e-3).log())
        self.like = nn.Parameter(torch.tensor([8.0, 0.6]))
        self.mix = nn.Parameter(torch.tensor([1.0, 0.3, 1.0, 0.0]))

    def weights(self, logits: torch.Tensor) -> torch.Tensor:
        """Walker's weights of edges whose ends belong together with the odds of `logits`."""
        return 1e-4 + (self.sharpness.exp() * F.logsigmoid(logits)).exp()

    def systems(self, features: ImageFeatures) -> list[OutlineSystem]:
        """The walker's systems, one an image."""
        across, down = (self.weights(x).detach().double().cpu().numpy() for x in (features.across, features.down))
        leak = float(self.log_leak.detach().exp())
        return [OutlineSystem(a, d, leak) for a, d in zip(across, down, strict=True)]

    def likeness(self, cosine: torch.Tensor) -> torch.Tensor:
        """Logit of two cells being of one kind."""
        return self.like[0] * (cosine - self.like[1])

    def forward(
        self,
        features: ImageFeatures,
        shared: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor],
        systems: Sequence[OutlineSystem],
        hints: LabelHints,
    ) -> LabelLogits:
        """Label images.

        Parameters
        ----------
        features, shared, systems
            Of the images: from the encoder, `LabelDecoder.project` and `systems`.
        hints : LabelHints
        """
        rows, kinds = hints.marks.shape[:2]
        labels = kinds - 1
        coverage = hints.coverage
        height, width = coverage.shape[-2:]
        cells = hints.chosen()
        walk = self._walk(features, systems, hints, cells).transpose(1, 2).unflatten(2, (height, width))
        tokens = hints.tokens(cells)
        seen = self._similarity(features, hints.image, tokens, 2 * kinds).unflatten(-1, (height, width))
        near = _distance(tokens, kinds, height, width)
        item_row, item_label = torch.nonzero(
            torch.arange(labels, device=hints.labels.device)[None] < hints.labels[:, None], as_tuple=True
        )
        said = torch.stack([(tokens.kind == k).any(dim=1) for k in range(2 * kinds)], dim=1).unflatten(1, (kinds, 2))
        channels, prior = self._channels(item_row, item_label, coverage, walk, seen, near, said)
        marks = hints.marks.float().sum(dim=2)
        own = marks[item_row, item_label]
        fine = torch.stack([own, marks[item_row].sum(dim=1) - own], dim=1)
        with torch.autocast(channels.device.type, dtype=torch.bfloat16, enabled=torch.is_autocast_enabled(channels.device.type)):
            added = self.decoder(shared, hints.image[item_row], channels, fine).float()
        start = F.interpolate(prior[:, None], scale_factor=2.0, mode="bilinear", align_corners=False)
        logits = torch.full((rows, labels, *added.shape[-2:]), ABSENT, device=added.device)
        whole = torch.full((rows, labels, height, width), ABSENT, device=added.device)
        return LabelLogits(
            logits.index_put((item_row, item_label), (start + added)[:, 0]), whole.index_put((item_row, item_label), prior)
        )

    def _walk(
        self, features: ImageFeatures, systems: Sequence[OutlineSystem], hints: LabelHints, cells: list[Any]
    ) -> torch.Tensor:
        """(R, h * w, K + 1)"""
        seeds = hints.seeds(cells, self.config.seed_strength)
        image = hints.image.tolist()
        across, down, leak = self.weights(features.across), self.weights(features.down), self.log_leak.exp()
        walked: list[torch.Tensor | None] = [None] * len(image)
        for i in sorted(set(image)):
            mine = [r for r, j in enumerate(image) if j == i]
            for r, one in zip(mine, walk_over(across[i], down[i], leak, systems[i], [seeds[r] for r in mine]), strict=True):
                walked[r] = one
        return torch.stack([w for w in walked if w is not None]).clamp(0, 1)

    @staticmethod
    def _similarity(features: ImageFeatures, image: torch.Tensor, tokens: Tokens, kinds: int) -> torch.Tensor:
        """Largest cosine to a token of each kind, -1 without one: (R, heads, kinds, h * w)."""
        embedding = features.embedding
        found = embedding.new_full((len(image), embedding.shape[1], kinds, embedding.shape[-1]), -1.0)
        for r, i in enumerate(image.tolist()):
            own = tokens.kind[r]
            listed = own.tolist()
            count = sum(k >= 0 for k in listed)
            if not count:
                continue
            at = embedding[tokens.image[r, :count], :, :, tokens.cell[r, :count]]
            cosine = torch.einsum("phd,hdc->hpc", at, embedding[i])
            for kind in sorted(set(listed[:count])):
                which = [p for p in range(count) if listed[p] == kind]
                found[r, :, kind] = cosine[:, which].amax(dim=1)
        return found

    def _channels(
        self, row: torch.Tensor, label: torch.Tensor, coverage: torch.Tensor, walk: torch.Tensor, seen: torch.Tensor,
        near: torch.Tensor, said: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """What the decoder is given of each label (N, C, h, w), and its prior (N, h, w)."""
        count, kinds = len(row), coverage.shape[1]
        place = torch.arange(count, device=row.device)
        others = torch.ones((count, kinds), dtype=torch.bool, device=row.device)
        others[place, label] = False
        others[:, -1] = False
        marks = (4 * coverage[row]).clamp(max=1)
        own = marks[place, label]
        other = (marks.sum(dim=2) * others[:, :, None, None]).sum(dim=1)
        chance = walk[row]
        walks = torch.stack(
            [chance[place, label], (chance * others[:, :, None, None]).sum(dim=1), chance[:, -1]], dim=1
        )
        like = seen[row].unflatten(2, (kinds, 2))
        like_own, like_gray = like[place, :, label], like[:, :, -1]
        like_other = like.amax(dim=3).masked_fill(~others[:, None, :, None, None], -1.0).amax(dim=2)
        speaks, any_of = said[row], said[row].any(dim=2)
        flags = torch.stack(
            [speaks[place, label, INSTANCE], speaks[place, label, ALIKE], (any_of & others).any(dim=1), any_of[:, -1]], dim=1
        ).float()
        distance = near[row]
        elsewhere = distance.masked_fill(~others[:, :, None, None], FAR)
        elsewhere = torch.minimum(elsewhere[:, :-1].amin(dim=1), distance[:, -1])
        prior = self._prior(like_own, like_gray, walks[:, 0], flags)
        plane = flags[:, :, None, None].expand(-1, -1, *prior.shape[-2:])
        channels = torch.cat(
            [
                own[:, INSTANCE, None], own[:, ALIKE, None], other[:, None], marks[:, -1, INSTANCE, None], marks[:, -1, ALIKE, None],
                walks, 1 + torch.log10(walks + 1e-3) / 3, plane,
                distance[place, label][:, None], elsewhere[:, None], prior.detach()[:, None] / 5,
                like_own[:, :, ALIKE], like_own[:, :, INSTANCE], like_other, like_gray[:, :, ALIKE], like_gray[:, :, INSTANCE],
            ],
            dim=1,
        )  # fmt: skip
        return channels, prior

    def _prior(
        self, like_own: torch.Tensor, like_gray: torch.Tensor, walk: torch.Tensor, flags: torch.Tensor
    ) -> torch.Tensor:
        """Logits (N, h, w) from outlines and likeness alone."""
        walked = torch.logit(walk, eps=1e-2)
        alike = self.likeness(like_own[:, 0, ALIKE]) - F.softplus(self.likeness(like_gray[:, 0, ALIKE]))
        alike = self.mix[0] * alike + self.mix[1] * walked
        instance = self.mix[2] * walked + self.mix[3]
        speaks = flags[:, :2, None, None] > 0
        nothing = torch.full_like(walked, -8.0)
        return torch.maximum(
            torch.where(speaks[:, 1], alike, nothing), torch.where(speaks[:, 0], instance, nothing)
        ).clamp(-12, 12)


FAR = 1.5
"""Distance of what has no hint; others are log(1 + cells) / 4."""


def _distance(tokens: Tokens, kinds: int, height: int, width: int) -> torch.Tensor:
    """How far each cell is from the nearest hinted cell of each label on its image, (R, K + 1, h, w)."""
    device = tokens.cell.device
    rows = torch.arange(height, device=device)[:, None].float()
    columns = torch.arange(width, device=device)[None].float()
    at = torch.stack([tokens.cell // width, tokens.cell % width], dim=-1).float()
    squared = (at[..., 0, None, None] - rows) ** 2 + (at[..., 1, None, None] - columns) ** 2
    found = []
    for label in range(kinds):
        mine = (tokens.kind.div(2, rounding_mode="floor") == label) & (tokens.kind >= 0) & tokens.own
        nearest = squared.masked_fill(~mine[..., None, None], 1e9).amin(dim=1)
        found.append(torch.where(nearest < 1e8, torch.log1p(nearest.sqrt()) / 4, torch.full_like(nearest, FAR)))
    return torch.stack(found, dim=1)
