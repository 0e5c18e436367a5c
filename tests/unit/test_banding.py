"""Bands: a network run in bands of rows says what it says of the whole image."""

import copy

import pytest
import torch

from semcolorize.network import banding
from semcolorize.network.conditioning import PRESETS
from semcolorize.network.unet import UNet, UNetConfig, _Attention


def network(config, seed=0):
    torch.manual_seed(seed)
    made = UNet(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim == 1 or not parameter.any():  # gains, offsets and the output, which start plain
                parameter.add_(0.2 * torch.randn_like(parameter))
    return made


def inputs(config, shape, batch=1):
    generator = torch.Generator().manual_seed(1)
    height, width = shape
    pixels = torch.randn(batch, config.pixel_channels, height, width, generator=generator)
    # Brightness that drifts: bands normalized by themselves would show.
    pixels = pixels + torch.linspace(-2, 2, height)[:, None]
    cells = (height // config.patch, width // config.patch)
    grid = torch.randn(batch, config.grid_channels, *cells, generator=generator) if config.grid_channels else None
    flags = torch.rand(batch, config.flags, generator=generator) if config.flags else None
    return pixels, torch.linspace(0.3, 1, batch), {"grid": grid, "flags": flags}


@pytest.mark.parametrize("cells", [64, 300, 1000])
@pytest.mark.parametrize(("batch", "views"), [(1, 1), (4, 2)])
def test_bands_equal_the_whole(monkeypatch, cells, batch, views):
    config = PRESETS["compact"].network
    monkeypatch.setattr(banding, "BAND_CELLS", cells)
    made = network(config)
    pixels, t, more = inputs(config, (208, 144), batch)
    with torch.inference_mode():
        whole, whole_features = made(pixels, t, **more, views=views)
        output, features = banding.forward_in_bands(made, pixels, t, **more, views=views)
    assert whole.std() > 0.1
    torch.testing.assert_close(output, whole, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(features, whole_features, rtol=1e-4, atol=1e-4)


def test_every_kind_of_network_can_be_run_in_bands(monkeypatch):
    monkeypatch.setattr(banding, "BAND_CELLS", 200)
    config = UNetConfig(dim=16, multipliers=(1, 2), attention=("linear", "full"), patch=1, stem_kernel=7)
    made = network(config)
    pixels, t, more = inputs(config, (48, 32))
    with torch.inference_mode():
        whole, _ = made(pixels, t, **more)
        output, _ = banding.forward_in_bands(made, pixels, t, **more)
    torch.testing.assert_close(output, whole, rtol=1e-4, atol=1e-4)


def test_attention_over_very_many_tokens_looks_at_means_of_them(monkeypatch):
    config = PRESETS["compact"].network
    torch.manual_seed(0)
    attention = _Attention(64, config).eval()
    x = torch.nn.functional.interpolate(torch.randn(2, 64, 6, 8), scale_factor=2, mode="nearest")
    coarse = copy.deepcopy(attention)
    with torch.inference_mode():
        every = attention(x, 2)
        monkeypatch.setattr("semcolorize.network.unet._MOST_KEYS", 2 * 6 * 8)
        means = coarse(x, 2)
    # Here means of 2 x 2 tokens lose nothing: the four are equal.
    torch.testing.assert_close(means, every, rtol=1e-5, atol=1e-5)
