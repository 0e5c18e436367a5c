"""Propagation against scikit-image's random walker and what must hold for any hints."""

import numpy as np
import pytest
from skimage.segmentation import random_walker as oracle

from semcolorize.errors import ShapeError
from semcolorize.hints.propagate import propagate, random_walker


def scene(seed=0, shape=(24, 28)):
    rng = np.random.default_rng(seed)
    lightness = 40 + 25 * (np.add.outer(np.arange(shape[0]), np.arange(shape[1])) > 25) + rng.normal(0, 3, shape)
    mask = np.zeros(shape, bool)
    ab = np.zeros((*shape, 2))
    for row, column, color in [(3, 4, (30, 10)), (20, 22, (-40, 20)), (12, 14, (5, -60))]:
        mask[row, column], ab[row, column] = True, color
    return lightness, ab, mask


@pytest.mark.parametrize("beta", [50.0, 500.0])
def test_random_walker_equals_scikit_image_at_equal_beta(beta):
    lightness, ab, mask = scene()
    labels = np.zeros(lightness.shape, int)
    labels[mask] = np.arange(1, 4)
    # scikit-image divides beta by 10 times the data's standard deviation and adds 1e-10 to the weights.
    data = lightness / 100
    probabilities = oracle(data, labels, beta=beta * 10 * data.std(), mode="bf", return_full_prob=True)
    colors = ab[mask][np.argsort(labels[mask])]
    expected = np.einsum("khw,kc->hwc", probabilities, colors)
    result = random_walker(lightness, ab, mask, beta=beta, seed_strength=1e9, weight_floor=1e-10)
    np.testing.assert_allclose(result, expected, atol=2e-3)


def test_result_is_convex_and_holds_the_hints():
    lightness, ab, mask = scene(1)
    result = random_walker(lightness, ab, mask)
    np.testing.assert_allclose(result[mask], ab[mask], atol=1e-3)
    for channel in range(2):
        assert result[..., channel].min() >= ab[mask][:, channel].min() - 1e-6
        assert result[..., channel].max() <= ab[mask][:, channel].max() + 1e-6


@pytest.mark.parametrize("shape", [(4, 4), (4, 40), (40, 4), (64, 48)])
def test_cells_are_convex_and_certain_at_the_hint(shape):
    rng = np.random.default_rng(2)
    lightness = rng.uniform(20, 80, shape)
    mask, ab = np.zeros(shape, bool), np.zeros((*shape, 2))
    mask[1, 2], ab[1, 2] = True, (20, -30)
    mask[-2, -1], ab[-2, -1] = True, (-10, 50)
    result = propagate(lightness, ab, mask)
    assert result.ab.shape == (shape[0] // 4, shape[1] // 4, 2)
    assert (result.confidence >= 0).all() and (result.confidence <= 1).all()
    assert result.ab[..., 0].min() >= -10 - 1e-3 and result.ab[..., 0].max() <= 20 + 1e-3


def test_one_hint_colors_everything_alike_and_confidence_falls_with_distance():
    lightness = np.full((64, 64), 50.0)
    mask, ab = np.zeros((64, 64), bool), np.zeros((64, 64, 2))
    mask[30:34, 2:6], ab[30:34, 2:6] = True, (25, 35)
    result = propagate(lightness, ab, mask)
    np.testing.assert_allclose(result.ab, np.broadcast_to([25, 35], result.ab.shape), atol=1e-3)
    row = result.confidence[8]
    assert row[1] > 0.9 and (np.diff(row[1:]) < 0).all()


def test_confidence_means_the_same_at_every_size():
    confidences = []
    for side in (64, 128, 256):
        mask, ab = np.zeros((side, side), bool), np.zeros((side, side, 2))
        part = slice(side // 4, side // 2)
        mask[part, part], ab[part, part] = True, (25, 35)
        confidences.append(propagate(np.full((side, side), 50.0), ab, mask).confidence[-1, -1])
    assert max(confidences) - min(confidences) < 0.05


def test_a_hint_stops_at_an_edge():
    lightness = np.where(np.arange(64) < 32, 30.0, 70.0) * np.ones((64, 1))
    mask, ab = np.zeros((64, 64), bool), np.zeros((64, 64, 2))
    mask[32, 10], ab[32, 10] = True, (50, 0)
    mask[32, 50], ab[32, 50] = True, (0, 50)
    result = propagate(lightness, ab, mask).ab
    assert (result[:, :7, 0] > 30).all() and (result[:, 9:, 1] > 30).all()


def test_without_hints_nothing_is_colored():
    lightness = np.zeros((8, 8))
    for result in (random_walker(lightness, np.ones((8, 8, 2)), np.zeros((8, 8), bool)),
                   propagate(lightness, np.ones((8, 8, 2)), np.zeros((8, 8))).ab):  # fmt: skip
        assert (result == 0).all()


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match="must be"):
        random_walker(np.zeros((4, 4)), np.zeros((4, 5, 2)), np.zeros((4, 4), bool))
    with pytest.raises(ShapeError, match="no multiple of the cell of 4"):
        propagate(np.zeros((6, 8)), np.zeros((6, 8, 2)), np.zeros((6, 8), bool))
