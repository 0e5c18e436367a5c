"""The best guess: mirror images count alike, and few hints keep it near the propagated ones."""

import numpy as np
import pytest
import torch

from semcolorize.network import guessing
from semcolorize.network.conditioning import PRESETS, condition_image
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.guessing import best_guess, passes
from semcolorize.network.sampling import sample_ab

SMALL = PRESETS["compact"].with_network(dim=16, multipliers=(1, 2), attention=("none", "full"))
MIRRORS = ((), (-1,), (-2,), (-2, -1))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = ABDiffuser(SMALL).eval().requires_grad_(False)
    torch.nn.init.normal_(model.network.output.weight, std=0.05)
    return model


def hinted(count):
    rng = np.random.default_rng(3)
    lightness, ab, mask = rng.uniform(10, 90, (64, 96)), np.zeros((64, 96, 2)), np.zeros((64, 96))
    for row, column in 8 * rng.permutation(np.argwhere(np.ones((8, 12))))[:count]:
        ab[row, column], mask[row, column] = rng.normal(0, 25, 2), 1
    return condition_image(SMALL, lightness, ab, mask)


def guess(model, condition, **options):
    return best_guess(model, condition, (0, 0), **({"num_steps": 1} | options))[0]


def alone(model, condition, axes=(), steps=1):
    return sample_ab(model, condition.mirrored(axes), [(0, 0)], num_steps=steps)[0].flip(axes)


def test_a_mirrored_image_gets_the_mirrored_guess(model):
    condition = hinted(4)
    one = guess(model, condition)
    assert one.abs().max() > 5
    for axes in MIRRORS[1:]:
        other = guess(model, condition.mirrored(axes)).flip(axes)
        torch.testing.assert_close(other, one, atol=1e-3, rtol=0)
        # A single pass is not the same in the mirror.
        assert (alone(model, condition, axes) - alone(model, condition)).abs().mean() > 0.1


@pytest.mark.parametrize("count", [1, 4, 40])
def test_the_fewer_hints_the_nearer_to_the_propagated_ones(model, count):
    condition = hinted(count)
    prior = condition.prior * condition.ink * SMALL.ab_scale
    away = torch.stack([alone(model, condition, axes) for axes in MIRRORS]).mean(dim=0) - prior
    share = 0.6 * np.exp(-count / 8)
    torch.testing.assert_close(guess(model, condition), prior + (1 - share) * away, atol=1e-3, rtol=1e-4)


def test_without_hints_nothing_is_drawn_anywhere(model):
    condition = hinted(0)
    mean = torch.stack([alone(model, condition, axes) for axes in MIRRORS]).mean(dim=0)
    torch.testing.assert_close(guess(model, condition), mean, atol=1e-4, rtol=1e-4)


def test_samples_of_several_steps_are_single_passes(model):
    condition = hinted(90)
    torch.testing.assert_close(
        guess(model, condition, num_steps=3), alone(model, condition, steps=3), atol=1e-2, rtol=0
    )


@pytest.mark.parametrize(("options", "count"), [({}, 4), ({"num_steps": 3}, 3)])
def test_passes_are_counted(model, options, count):
    told = []
    options = {"num_steps": 1} | options
    assert passes(model, hinted(2), **options) == count
    best_guess(model, hinted(2), (0, 0), **options, on_step=told.append)
    assert len(told) == count


def test_very_large_images_take_one_pass(model, monkeypatch):
    monkeypatch.setattr(guessing, "_MOST_PIXELS", 64 * 96 - 1)
    assert passes(model, hinted(2), num_steps=1) == 1
