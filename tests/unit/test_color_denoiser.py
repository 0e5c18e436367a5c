"""Diffusion over colors of classes: the sampler against Gaussian data, known colors, seeds, and weights in files."""

import numpy as np
import pytest
import torch

from semcolorize.diffusion.edm import edm_weights, noise_levels, sample_heun
from semcolorize.errors import WeightsError
from semcolorize.model.checkpoint import load_color_weights, load_label_weights, save_color_weights
from semcolorize.model.color_denoiser import ColorDenoiser, ColorDenoiserConfig
from semcolorize.network.weights import tensors_digest
from semcolorize.scenes import draw_class_colors


def gaussian(mean, deviation):
    """The best denoiser there is for data of a normal distribution."""

    def denoise(x, sigma):
        share = deviation**2 / (deviation**2 + sigma**2)
        return mean + share * (x - mean)

    return denoise


def test_levels_fall_from_most_to_nothing():
    levels = noise_levels(8, least=0.02, most=8.0)
    assert len(levels) == 9 and levels[0] == pytest.approx(8) and levels[-2] == pytest.approx(0.02) and levels[-1] == 0
    assert (levels.diff() < 0).all()


@pytest.mark.parametrize(("steps", "within"), [(8, 0.12), (50, 0.01)])
def test_samples_of_a_normal_distribution_have_its_mean_and_deviation(steps, within):
    noise = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    found = sample_heun(gaussian(0.7, 0.3), noise, noise_levels(steps))
    # It starts around zero, which the largest level of noise hides but for so much.
    assert float(found.mean()) == pytest.approx(0.7, abs=0.7 * 0.3 / 8 + 0.01)
    assert float(found.std()) == pytest.approx(0.3, rel=within)


def test_scales_are_those_of_the_paper():
    sigma = torch.tensor([0.1, 1.0, 5.0])
    skip, out, given, told, weight = edm_weights(sigma, 0.5)
    # Inputs and targets of the network have variance 1 (Karras et al. 2022, appendix B.6).
    torch.testing.assert_close(given**2 * (sigma**2 + 0.25), torch.ones(3))
    torch.testing.assert_close(((1 - skip) ** 2 * 0.25 + skip**2 * sigma**2) / out**2, torch.ones(3))
    torch.testing.assert_close(weight * out**2, torch.ones(3))
    torch.testing.assert_close(told, sigma.log() / 4)


def small(features=5):
    torch.manual_seed(0)
    model = ColorDenoiser(ColorDenoiserConfig(features=features, dim=16, blocks=2, heads=2)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def test_classes_are_a_set():
    model = small()
    features, noise = torch.randn(2, 4, 5), torch.randn(2, 4, 2)
    known, given = torch.randn(2, 4, 2), torch.tensor([[True, False, False, True]] * 2)
    there, order = torch.ones(2, 4, dtype=torch.bool), torch.tensor([2, 0, 3, 1])
    sigma = torch.tensor([0.3, 2.0])
    whole = model(noise, sigma, features, known, given, there)
    turned = model(noise[:, order], sigma, features[:, order], known[:, order], given[:, order], there)
    torch.testing.assert_close(turned, whole[:, order], atol=1e-5, rtol=1e-4)
    # What is known stays, and what is not there says nothing.
    torch.testing.assert_close(whole[given], known[given])
    there[:, 2] = False
    without = model(noise[:, [0, 1, 3]], sigma, features[:, [0, 1, 3]], known[:, [0, 1, 3]], given[:, [0, 1, 3]],
                    there[:, [0, 1, 3]])  # fmt: skip
    masked = model(noise, sigma, features, known, given, there)[:, [0, 1, 3]]
    torch.testing.assert_close(masked, without, atol=1e-5, rtol=1e-4)


def test_a_variant_is_the_same_however_many_are_drawn_and_known_colors_stay():
    model = small()
    features, known = torch.randn(3, 5), torch.tensor([[30.0, -10.0], [0.0, 0.0], [0.0, 0.0]])
    given = torch.tensor([True, False, False])
    many = model.sample(features, known, given, variants=5, seed=4)
    torch.testing.assert_close(model.sample(features, known, given, variants=2, seed=4), many[:2])
    assert (many[:, 0] == known[0]).all() and (many[0, 1:] != many[1, 1:]).all()
    assert not torch.equal(model.sample(features, known, given, variants=1, seed=5)[0], many[0])


def test_bundled_weights_belong_to_the_bundled_encoder():
    loaded, labels = load_color_weights(), load_label_weights()
    assert loaded.path.stat().st_size < 2e6
    assert loaded.model.config.encoder_sha256 == tensors_digest(labels.model.encoder.state_dict())


def test_weights_round_trip_and_other_kinds_are_refused(tmp_path):
    model = small()
    sha256 = save_color_weights(tmp_path / "colors.safetensors", model, metadata={"a": 1})
    loaded = load_color_weights(tmp_path / "colors.safetensors")
    assert loaded.sha256 == sha256 and loaded.metadata == {"a": 1} and loaded.model.config == model.config
    with pytest.raises(WeightsError, match="semcolorize-colors-1"):
        load_color_weights(load_label_weights().path)


def test_people_leave_grounds_quiet_and_bars_gray():
    rng = np.random.default_rng(0)
    drawn = np.array([draw_class_colors(rng, ("plain", "spheres", "rods", "overlay")) for _ in range(400)])
    chroma = np.hypot(drawn[..., 0], drawn[..., 1])
    assert not chroma[:, 3].any() and np.median(chroma[:, 0]) < 0.5 * np.median(chroma[:, 1:3])
    hues = np.arctan2(drawn[..., 1], drawn[..., 0])
    apart = np.abs((hues[:, 1] - hues[:, 2] + np.pi) % (2 * np.pi) - np.pi)
    assert np.median(apart) > 0.6
