"""Propagation against scikit-image's random walker and what must hold for any hints."""

import numpy as np
import pytest
from skimage.segmentation import random_walker as oracle

from semcolorize.color.ink import ink_curve
from semcolorize.errors import ShapeError
from semcolorize.hints import walker
from semcolorize.hints.pool import HintPool, cell_mean, pool_hints
from semcolorize.hints.propagate import membership, propagate, spread_remainder
from semcolorize.hints.walker import lightness_edges, random_walker, walk


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
    assert result.ink.shape == (shape[0] // 4, shape[1] // 4, 2)
    for plane in (result.confidence, result.near, result.likeness):
        assert (plane >= 0).all() and (plane <= 1).all()
    assert (result.near <= result.confidence + 1e-6).all()
    inks = result.hint_ink[result.seeds > 0]
    for guess in (result.ink, result.similar):
        assert (guess.reshape(-1, 2) >= inks.min(axis=0) - 1e-3).all()
        assert (guess.reshape(-1, 2) <= inks.max(axis=0) + 1e-3).all()


def test_one_hint_colors_everything_alike_and_confidence_falls_with_distance():
    lightness = np.full((64, 64), 44.0)  # where the ink is the color
    mask, ab = np.zeros((64, 64), bool), np.zeros((64, 64, 2))
    mask[30:34, 2:6], ab[30:34, 2:6] = True, (25, 35)
    result = propagate(lightness, ab, mask)
    np.testing.assert_allclose(result.ink, np.broadcast_to([25, 35], result.ink.shape), atol=1e-3)
    row = result.confidence[8]
    assert row[1] > 0.9 and (np.diff(row[1:]) < 0).all()


def test_a_tint_is_recovered_at_every_lightness_from_one_hint():
    lightness = np.linspace(10, 95, 128) * np.ones((64, 1))
    truth = ink_curve(lightness)[..., None] * np.array([30.0, -20.0])
    mask = np.zeros(lightness.shape, bool)
    mask[32:36, 60:64] = True
    ink = propagate(lightness, truth, mask).ink
    np.testing.assert_allclose(ink, np.broadcast_to([30, -20], ink.shape), atol=0.1)


def test_beyond_reach_the_color_comes_from_hints_of_like_lightness():
    stripes = np.where(np.arange(128) // 16 % 2 == 0, 20.0, 80.0) * np.ones((64, 1))
    mask, ab = np.zeros(stripes.shape, bool), np.zeros((*stripes.shape, 2))
    mask[30:34, 6:10], ab[30:34, 6:10] = True, (20, 0)
    mask[30:34, 22:26], ab[30:34, 22:26] = True, (0, 20)
    result = propagate(stripes, ab, mask)
    dark, bright = result.ink[8, 26], result.ink[8, 30]  # two stripes each away from any hint
    assert dark[0] > 5 * abs(dark[1]) and bright[1] > 5 * abs(bright[0])
    assert result.likeness.min() > 0.99
    assert result.near[8, 30] < 0.2 < 0.9 < result.near[8, 2]


def test_a_view_without_hints_takes_them_from_the_others():
    lightness = np.where(np.arange(64) < 32, 30.0, 70.0) * np.ones((64, 1))
    mask, ab = np.zeros((64, 64), bool), np.zeros((64, 64, 2))
    mask[32:36, 8:12], ab[32:36, 8:12] = True, (50, 0)
    mask[32:36, 48:52], ab[32:36, 48:52] = True, (0, 50)
    other, nothing = lightness[:, ::-1], np.zeros((64, 64), bool)
    pool = HintPool.join([pool_hints(lightness, ab, mask), pool_hints(other, ab, nothing)])
    assert len(pool) == 2
    result = propagate(other, np.zeros_like(ab), nothing, pool=pool)
    assert (result.confidence == 0).all() and (result.seeds == 0).all()
    assert (result.ink[:, :7, 1] > 30).all() and (result.ink[:, 9:, 0] > 30).all()
    alone = propagate(lightness, ab, mask)
    np.testing.assert_array_equal(propagate(lightness, ab, mask, pool=pool).ink, alone.ink)


def test_a_remainder_stays_near_its_hint_and_behind_edges():
    lightness = np.where(np.arange(128) < 64, 30.0, 70.0) * np.ones((128, 1))
    mask, missing = np.zeros((128, 128), bool), np.zeros((128, 128, 2))
    mask[62:66, 30:34], missing[62:66, 30:34] = True, (10, -5)
    spread = spread_remainder(lightness, missing, mask, ink_curve(lightness))
    np.testing.assert_allclose(spread[16, 8], (10, -5), atol=0.5)
    assert np.abs(spread[:, 17:]).max() < 0.5 and np.abs(spread[0]).max() < 2


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
    result = propagate(lightness, ab, mask).ink
    assert (result[:, :7, 0] > 30).all() and (result[:, 9:, 1] > 30).all()


def test_without_hints_nothing_is_colored():
    lightness = np.zeros((8, 8))
    for result in (random_walker(lightness, np.ones((8, 8, 2)), np.zeros((8, 8), bool)),
                   propagate(lightness, np.ones((8, 8, 2)), np.zeros((8, 8))).ink):  # fmt: skip
        assert (result == 0).all()


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match="must be"):
        random_walker(np.zeros((4, 4)), np.zeros((4, 5, 2)), np.zeros((4, 4), bool))
    with pytest.raises(ShapeError, match="no multiple of the cell of 4"):
        propagate(np.zeros((6, 8)), np.zeros((6, 8, 2)), np.zeros((6, 8), bool))


def test_membership_is_the_touched_object_or_all_of_like_lightness():
    lightness = np.full((96, 96), 20.0)
    lightness[20:60, 8:40], lightness[20:60, 56:88] = 70, 70
    mask, ab = np.zeros((96, 96), bool), np.zeros((96, 96, 2))
    mask[38:42, 22:26], ab[38:42, 22:26] = True, (40, 30)
    walked = propagate(lightness, ab, mask)
    touched, other, ground = (slice(7, 14), slice(4, 8)), (slice(7, 14), slice(16, 20)), (slice(18, 22), slice(0, 24))
    grid = cell_mean(lightness, 4)
    instance, alike = membership(walked, grid, "instance"), membership(walked, grid, "alike")
    assert instance[touched].min() > 0.9 and instance[other].max() < 0.1 and instance[ground].max() < 0.1
    assert alike[touched].min() > 0.9 and alike[other].min() > 0.9 and alike[ground].max() < 0.1


def test_what_another_view_asked_for_is_weighed_too():
    lightness = np.where(np.arange(64) < 32, 30.0, 70.0) * np.ones((64, 1))
    mask, ab = np.zeros((64, 64), bool), np.zeros((64, 64, 2))
    mask[32:36, 8:12], ab[32:36, 8:12] = True, (30, 0)  # this view: the dark half
    there, orange = np.zeros((64, 64), bool), np.zeros((64, 64, 2))
    there[32:36, 48:52], orange[32:36, 48:52] = True, (0, 30)  # another view: what is bright
    pool = HintPool.join([pool_hints(lightness, ab, mask), pool_hints(lightness, orange, there)])
    ink = propagate(lightness, ab, mask, pool=pool, firm=True).ink
    assert (ink[:, :7, 0] > 3 * np.abs(ink[:, :7, 1])).all() and (ink[:, 9:, 1] > ink[:, 9:, 0]).all()


def test_kept_factors_are_of_the_same_system(monkeypatch):
    rng = np.random.default_rng(3)
    grids, strength = rng.uniform(0, 100, (2, 12, 17)), rng.uniform(0, 1, (2, 12, 17))
    fresh = []
    with monkeypatch.context() as patch:
        patch.setattr(walker, "_KEPT_CELLS", 0)
        for grid in grids:
            fresh += [walk(lightness_edges(grid, 400.0), s, None, 1.0)[1] for s in strength]
    kept = [walk(lightness_edges(grid, 400.0), s, None, 1.0)[1] for _ in range(2) for grid in grids for s in strength]
    np.testing.assert_array_equal(kept, [*fresh, *fresh])
    # Of one size, but all are different.
    assert len(np.unique(np.round(fresh, 6), axis=0)) == 4


@pytest.mark.parametrize("shape", [(64, 64), (61, 83)])
def test_large_grids_are_solved_nearly_alike_from_coarse_to_fine(shape):
    rng = np.random.default_rng(0)
    columns = np.arange(shape[1])[None]
    # Two halves with a sharp edge, mild noise, two hints.
    grid = 40.0 + 30 * (columns > 37) + rng.normal(0, 1, shape)
    strength, inks = np.zeros(shape), np.zeros((*shape, 2))
    strength[30, 10], inks[30, 10] = 100, (50, 0)
    strength[20:24, 50:54], inks[20:24, 50:54] = 100, (0, -40)
    exact, sure = walk(lightness_edges(grid, 400.0), strength, inks, 1.0)
    nearly, nearly_sure = walk(lightness_edges(grid, 400.0), strength, inks, 1.0, exact_cells=400)
    assert np.abs(sure - nearly_sure).mean() < 0.05
    exact, nearly = exact / sure[..., None], nearly / nearly_sure[..., None]
    assert np.abs(exact - nearly).mean() < 1.5
    # No color crosses the edge, not even by a cell.
    np.testing.assert_allclose(nearly[:, 30:38], exact[:, 30:38], atol=8)
    np.testing.assert_allclose(nearly[:, 38:46], exact[:, 38:46], atol=8)
