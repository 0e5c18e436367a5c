"""The label model: which pixel belongs to which of the user's labels, or to none.

An image encoder that never sees hints (`semcolorize.model.encoder`), a random walker over the outlines it learned and
similarities of its embeddings as the prior, and a decoder shared by all labels (`semcolorize.model.label_decoder`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from semcolorize.errors import ConfigError
from semcolorize.model.encoder import EncoderConfig, ImageEncoder, ImageFeatures, fold_normalization
from semcolorize.model.hint_attention import HintAttention
from semcolorize.model.label_decoder import DecoderConfig, LabelDecoder
from semcolorize.model.label_hints import ALIKE, INSTANCE, LabelHints, Tokens
from semcolorize.propagation.grid_walker import GridOutlines
from semcolorize.propagation.outline_walker import OutlineSystem, walk_over

__all__ = ["LabelLogits", "LabelModel", "LabelModelConfig"]

Shared = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""What all labels of an image share, see `LabelDecoder.project`."""

Systems = Sequence[OutlineSystem] | GridOutlines

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
    walk_floor : float
        Least chance that a walker is said to have.
    crispness : float
        Power that chances are raised to before labels' colors are mixed.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    seed_strength: float = 20.0
    most_cells: int = 64
    walk_floor: float = 1e-3
    crispness: float = 4.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LabelModelConfig:
        """Build from plain data, as stored beside weights."""
        try:
            rest = dict(values)
            encoder, decoder = (_plain(rest.pop(name, {})) for name in ("encoder", "decoder"))
            return cls(encoder=EncoderConfig(**encoder), decoder=DecoderConfig(**decoder), **rest)
        except (TypeError, AttributeError) as error:
            raise ConfigError(f"the configuration of a label model is not understood ({error}).") from error


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


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
        self.attention = HintAttention(config.encoder.widths[1], config.encoder.heads * config.encoder.head_dim)
        # All but the networks that decides anything is learned as well.
        self.sharpness = nn.Parameter(torch.tensor(math.log(3.0)))
        self.log_leak = nn.Parameter(torch.tensor(math.log(2e-3)))
        self.like = nn.Parameter(torch.tensor([8.0, 0.6]))
        # The odds of two cells being of one kind, whatever hints make of it.
        self.kindred = nn.Parameter(torch.tensor([8.0, 0.6]))
        self.mix = nn.Parameter(torch.tensor([1.0, 0.3, 1.0, 0.0]))
        # A cell that a hint only touches may be of something else.
        self.touched = nn.Parameter(torch.tensor(0.3))

    def fold_normalization(self) -> None:
        """Multiply all normalization into convolutions, in place: the same to rounding, and faster; for inference only.

        Weights saved afterwards do not fit the configuration any more.
        """
        fold_normalization(self)
        self.decoder.fold_normalization()

    def weights(self, logits: torch.Tensor) -> torch.Tensor:
        """Walker's weights of edges whose ends belong together with the odds of `logits`."""
        return 1e-4 + (self.sharpness.exp() * F.logsigmoid(logits)).exp()

    def systems(self, features: ImageFeatures) -> Systems:
        """The walker's systems: factorized one by one on the processor, all at once on a GPU."""
        return self.grid_systems(features) if features.across.is_cuda else self.sparse_systems(features)

    def sparse_systems(self, features: ImageFeatures) -> list[OutlineSystem]:
        """The systems on the processor, one an image."""
        across, down = (self.weights(x).detach().double().cpu().numpy() for x in (features.across, features.down))
        leak = float(self.log_leak.detach().exp())
        return [OutlineSystem(a, d, leak) for a, d in zip(across, down, strict=True)]

    def grid_systems(self, features: ImageFeatures) -> GridOutlines:
        """The systems of all images at once, which are solved anew for every set of hints."""
        return GridOutlines(self.weights(features.across), self.weights(features.down), self.log_leak.exp())

    def likeness(self, cosine: torch.Tensor) -> torch.Tensor:
        """Logit of a cell being of the kind that a hint on another one names."""
        return self.like[0] * (cosine - self.like[1])

    def same_kind(self, cosine: torch.Tensor) -> torch.Tensor:
        """Logit of two cells being of one kind."""
        return self.kindred[0] * (cosine - self.kindred[1])

    def forward(
        self,
        features: ImageFeatures,
        shared: Shared,
        systems: Systems,
        hints: LabelHints,
        elsewhere: Sequence[Tokens] = (),
        *,
        together: int | None = None,
    ) -> LabelLogits:
        """Label images.

        Parameters
        ----------
        features, shared, systems
            Of the images: from the encoder, `LabelDecoder.project` and `systems`.
        hints : LabelHints
        elsewhere : sequence of Tokens
            Hints on views of other sizes, for all rows.
        together : int, optional
            Labels that the decoder works on at once; all by default.
        """
        rows, kinds = hints.marks.shape[:2]
        labels = kinds - 1
        coverage = hints.coverage
        height, width = coverage.shape[-2:]
        here = hints.tokens(features)
        walk = self._walk(features, systems, hints, here).unflatten(2, (height, width))
        others = hints.among(here)
        told = Tokens.join([here, *([] if others is None else [others]), *elsewhere])
        seen = self._similarity(features.embedding, hints, told, width).unflatten(-1, (height, width))
        near = _distance(here, rows, kinds, height, width)
        said = torch.zeros((rows, 2 * kinds), dtype=torch.bool, device=coverage.device)
        said[told.row, told.kind] = True
        said = said.unflatten(1, (kinds, 2))
        item_row, item_label = torch.nonzero(
            torch.arange(labels, device=hints.labels.device)[None] < hints.labels[:, None], as_tuple=True
        )
        marks = hints.marks.float().sum(dim=2)
        parts = []
        for chosen in torch.arange(len(item_row), device=item_row.device).split(together or len(item_row)):
            row, label = item_row[chosen], item_label[chosen]
            channels, prior = self._channels(row, label, coverage, walk, seen, near, said)
            own = marks[row, label]
            fine = torch.stack([own, marks[row].sum(dim=1) - own], dim=1)
            added = self.decoder(shared, hints.image[row], channels, fine).float()
            start = F.interpolate(prior[:, None], scale_factor=2.0, mode="bilinear", align_corners=False)
            parts.append(((start + added)[:, 0], prior))
        logits = torch.full((rows, labels, 2 * height, 2 * width), ABSENT, device=coverage.device)
        whole = torch.full((rows, labels, height, width), ABSENT, device=coverage.device)
        place = (item_row, item_label)
        return LabelLogits(
            logits.index_put(place, torch.cat([own for own, _ in parts])),
            whole.index_put(place, torch.cat([prior for _, prior in parts])),
        )

    def _walk(
        self, features: ImageFeatures, systems: Systems, hints: LabelHints, tokens: Tokens
    ) -> torch.Tensor:
        """Chances of reaching hints of each label, gray last: (R, K + 1, h * w)."""
        if isinstance(systems, GridOutlines):
            with torch.autocast(features.across.device.type, enabled=False):
                strength, values = hints.seed_maps(self.config.seed_strength)
                return systems.walk(hints.image, strength, values).clamp(0, 1).flatten(2)
        seeds = hints.seeds(tokens, self.config.seed_strength)
        image = hints.image.tolist()
        across, down, leak = self.weights(features.across), self.weights(features.down), self.log_leak.exp()
        walked: list[torch.Tensor | None] = [None] * len(image)
        for i in sorted(set(image)):
            mine = [r for r, j in enumerate(image) if j == i]
            found = walk_over(across[i], down[i], leak, systems[i], [seeds[r] for r in mine])
            for r, one in zip(mine, found, strict=True):
                walked[r] = one
        return torch.stack([w for w in walked if w is not None]).clamp(0, 1).transpose(1, 2)

    def _similarity(
        self, embedding: torch.Tensor, hints: LabelHints, tokens: Tokens, width: int
    ) -> torch.Tensor:
        """Largest cosine of each cell to a token of each kind, -1 without one: (R, heads, 2 * kinds, h * w)."""
        rows, kinds = hints.marks.shape[:2]
        found = embedding.new_full((rows * 2 * kinds, embedding.shape[1], embedding.shape[-1]), -1.0)
        if len(tokens.row):
            less = self.touched * (1 - tokens.share) + self.attention(tokens, rows, kinds, width) + 4.0 * ~tokens.there
            whose = hints.image[tokens.row].tolist()
            order = sorted(range(len(whose)), key=whose.__getitem__)
            found_by = []
            for image, entries in groupby(order, key=whose.__getitem__):
                own = torch.tensor(list(entries), device=embedding.device)
                cosine = torch.einsum("phmd,hdc->phmc", tokens.vector[own], embedding[image])
                found_by.append((cosine - less[own][:, None, :, None]).amax(dim=2))
            best = torch.cat(found_by)[torch.tensor(order, device=embedding.device).argsort()]
            place = (tokens.row * 2 * kinds + tokens.kind)[:, None, None].expand_as(best)
            found = found.scatter_reduce(0, place, best.to(found), "amax")
        return found.unflatten(0, (rows, 2 * kinds)).transpose(1, 2)

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
        own_speaks = speaks[place, label]
        flags = torch.stack(
            [own_speaks[:, INSTANCE], own_speaks[:, ALIKE], (any_of & others).any(dim=1), any_of[:, -1]], dim=1
        ).float()
        distance = near[row]
        elsewhere = distance.masked_fill(~others[:, :, None, None], FAR)
        elsewhere = torch.minimum(elsewhere[:, :-1].amin(dim=1), distance[:, -1])
        walked = torch.logit(walks[:, 0], eps=self.config.walk_floor)
        alike = self.likeness(like_own[:, 0, ALIKE]) - F.softplus(self.likeness(like_gray[:, 0, ALIKE]))
        prior = self._prior(alike, walked, flags)
        # The decoder is told no more of a walk than odds of 99 to 1, but what it says is added to all of them: where no
        # walker ever comes, what merely looks like a single object stays out of it.
        told = self._prior(alike.detach(), walked.detach().clamp(-TOLD, TOLD), flags).detach()
        plane = flags[:, :, None, None].expand(-1, -1, *prior.shape[-2:])
        channels = torch.cat(
            [
                own[:, INSTANCE, None], own[:, ALIKE, None], other[:, None],
                marks[:, -1, INSTANCE, None], marks[:, -1, ALIKE, None],
                walks, 1 + torch.log10(walks + 1e-3) / 3, plane,
                distance[place, label][:, None], elsewhere[:, None], told[:, None] / 5,
                like_own[:, :, ALIKE], like_own[:, :, INSTANCE], like_other,
                like_gray[:, :, ALIKE], like_gray[:, :, INSTANCE],
            ],
            dim=1,
        )  # fmt: skip
        return channels, prior

    def _prior(self, alike: torch.Tensor, walked: torch.Tensor, flags: torch.Tensor) -> torch.Tensor:
        """Logits (N, h, w) from outlines and likeness alone; `alike` is likeness, `walked` the log-odds of a walk."""
        alike = self.mix[0] * alike + self.mix[1] * walked.clamp(-TOLD, TOLD)
        instance = self.mix[2] * walked + self.mix[3]
        speaks = flags[:, :2, None, None] > 0
        nothing = torch.full_like(walked, -8.0)
        return torch.maximum(
            torch.where(speaks[:, 1], alike, nothing), torch.where(speaks[:, 0], instance, nothing)
        ).clamp(-14, 14)


TOLD = math.log(99)
"""Largest log-odds of a walk that the decoder is told."""

FAR = 1.5
"""Distance of what has no hint; others are log(1 + cells) / 4."""


def _distance(tokens: Tokens, rows: int, kinds: int, height: int, width: int) -> torch.Tensor:
    """How far each cell is from the nearest hinted cell of each label on its image, (R, K + 1, h, w)."""
    device = tokens.cell.device
    found = torch.full((rows * kinds, height, width), FAR, device=device)
    if len(tokens.row):
        down = (torch.arange(height, device=device) - tokens.cell[..., None].div(width, rounding_mode="floor")) ** 2
        aside = (torch.arange(width, device=device) - tokens.cell[..., None] % width) ** 2
        squared = (down[..., None] + aside[:, :, None]).float()
        squared = squared.masked_fill(~tokens.there[:, :, None, None], torch.inf).amin(dim=1)
        near = (1 + squared.sqrt()).log() / 4
        label = tokens.row * kinds + tokens.kind.div(2, rounding_mode="floor")
        found = found.scatter_reduce(0, label[:, None, None].expand_as(near), near, "amin")
    return found.unflatten(0, (rows, kinds))
