"""A denoiser of the colors of a picture's classes: diffusion over one normalized chroma a class, all of them together.

People give a class one color, the ground a quiet one, and choose hues that go together. So what is sampled is a set: a
token a class, which knows what the encoder says of the class and, where the user named it, its color.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from semcolorize.diffusion.edm import edm_weights, noise_levels, sample_heun
from semcolorize.errors import ConfigError

__all__ = ["ColorDenoiser", "ColorDenoiserConfig"]


@dataclass(frozen=True)
class ColorDenoiserConfig:
    """Everything that makes a checkpoint usable.

    Parameters
    ----------
    features : int
        Numbers that describe a class, see `semcolorize.inference.class_colors.describe_classes`.
    dim, blocks, heads : int
        Of the transformer.
    chroma : float
        Chroma, in CIELAB units, of one unit of what is diffused.
    data : float
        Standard deviation of the colors in these units.
    steps : int
        Of the sampler.
    encoder_sha256 : str
        Of the tensors of the encoder that describes the classes.
    """

    features: int
    dim: int = 96
    blocks: int = 3
    heads: int = 4
    chroma: float = 43.75
    data: float = 0.55
    steps: int = 8
    encoder_sha256: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ColorDenoiserConfig:
        """Build from plain data, as stored beside weights."""
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"the configuration of a color denoiser is not understood ({error}).") from error


class _Block(nn.Module):
    """Attention among classes and a perceptron, both scaled and shifted after the noise (Peebles and Xie 2023)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(dim, elementwise_affine=False) for _ in range(2)])
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 3 * dim), nn.GELU(), nn.Linear(3 * dim, dim))
        self.modulate = nn.Linear(dim, 4 * dim)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: torch.Tensor, noise: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        scale, shift, scale2, shift2 = self.modulate(noise)[:, None].chunk(4, dim=-1)
        h = self.norms[0](x) * (1 + scale) + shift
        q, k, v = self.qkv(h).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None])
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norms[1](x) * (1 + scale2) + shift2)


class ColorDenoiser(nn.Module):
    """The network with its preconditioning.

    Parameters
    ----------
    config : ColorDenoiserConfig
    """

    def __init__(self, config: ColorDenoiserConfig) -> None:
        super().__init__()
        self.config = config
        # Colors seen through noise, colors that are known, and whether they are.
        self.embed = nn.Linear(2 + 2 + 1, config.dim)
        self.describe = nn.Sequential(
            nn.Linear(config.features, config.dim), nn.GELU(), nn.Linear(config.dim, config.dim)
        )
        self.noise = nn.Sequential(nn.Linear(16, config.dim), nn.GELU(), nn.Linear(config.dim, config.dim))
        self.blocks = nn.ModuleList([_Block(config.dim, config.heads) for _ in range(config.blocks)])
        self.last = nn.LayerNorm(config.dim)
        self.output = nn.Linear(config.dim, 2)
        # Of the features that it is trained on.
        self.center = nn.Buffer(torch.zeros(config.features))
        self.scale = nn.Buffer(torch.ones(config.features))

    def forward(
        self, x: torch.Tensor, sigma: torch.Tensor, features: torch.Tensor, known: torch.Tensor, given: torch.Tensor,
        there: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """Clean colors (B, K, 2) behind noisy ones, in units of `ColorDenoiserConfig.chroma`.

        Parameters
        ----------
        x : Tensor of shape (B, K, 2)
            Noisy colors.
        sigma : Tensor of shape (B,)
            Standard deviation of the noise.
        features : Tensor of shape (B, K, F)
        known : Tensor of shape (B, K, 2)
            Colors that are known; read where `given`.
        given, there : bool Tensor of shape (B, K)
            Classes whose color is known, and classes that there are.
        """
        skip, out, scaled, told, _ = (v[:, None, None] for v in edm_weights(sigma, self.config.data))
        angles = told[:, 0] * 2.0 ** torch.arange(-2, 6, device=x.device)
        noise = self.noise(torch.cat([angles.sin(), angles.cos()], dim=-1))
        flag = given[..., None].to(x.dtype)
        h = self.embed(torch.cat([scaled * x, known * flag, flag], dim=-1))
        h = h + self.describe((features - self.center) / self.scale)
        for block in self.blocks:
            h = block(h, noise, there)
        found = skip * x + out * self.output(self.last(h))
        return torch.where(given[..., None], known, found)

    @torch.inference_mode()
    def sample(
        self, features: torch.Tensor, known: torch.Tensor, given: torch.Tensor, *, variants: int, seed: int,
        steps: int | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Draw colors for the classes of one picture.

        Parameters
        ----------
        features : Tensor of shape (K, F)
        known : Tensor of shape (K, 2)
            Normalized chroma of classes whose color is known.
        given : bool Tensor of shape (K,)
        variants : int
        seed : int
            A variant's colors depend on the seed and its number, not on how many are drawn. The hues that variants
            start from go round the color circle by the golden angle: each is as random as any, together they differ.
        steps : int, optional

        Returns
        -------
        Tensor of shape (variants, K, 2)
            Normalized chroma.
        """
        noise = torch.stack([_noise(given, seed, v) for v in range(variants)]).to(features.device)

        def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            whole = (v.expand(variants, *v.shape) for v in (features, known / self.config.chroma, given))
            there = torch.ones((variants, len(features)), dtype=torch.bool, device=x.device)
            return self(x, sigma.to(x.device).expand(variants), *whole, there)

        found = sample_heun(denoise, noise, noise_levels(steps or self.config.steps))
        return torch.where(given[:, None], known, found * self.config.chroma)


def _noise(given: torch.Tensor, seed: int, variant: int) -> torch.Tensor:
    """Standard normal noise (K, 2); the first unknown class starts at the variant's place on the color circle."""
    rng = np.random.Generator(np.random.PCG64([seed, variant]))
    noise = rng.standard_normal((len(given), 2))
    free = np.flatnonzero(~given.cpu().numpy())
    if len(free):
        start = np.random.Generator(np.random.PCG64([seed])).uniform(0, 2 * np.pi)
        turn = start + variant * np.pi * (3 - np.sqrt(5)) - np.arctan2(noise[free[0], 1], noise[free[0], 0])
        noise = noise @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return torch.from_numpy(noise).float()
