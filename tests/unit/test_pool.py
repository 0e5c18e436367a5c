"""Hints as a list, and the tint read off them."""

import numpy as np
import pytest

from semcolorize.color.ink import TINTS, ink_curve
from semcolorize.hints.pool import HintPool, fit_tint, pool_hints


def pool(count, table, seed=0, noise=0.5, ink=(45.0, -25.0)):
    rng = np.random.default_rng(seed)
    levels = rng.uniform(5, 95, count)
    ab = ink_curve(levels, table)[:, None] * np.array(ink) + rng.normal(0, noise, (count, 2))
    return HintPool(levels, ab, np.ones(count), rng.random((count, 2)), np.zeros(count, int))


@pytest.mark.parametrize("number", range(len(TINTS)))
def test_the_tint_is_read_off_many_hints(number):
    fitted = fit_tint(pool(60, TINTS[number]))
    # Only the shape counts: a factor goes into the inks.
    alike = TINTS[number][10:95] / np.linalg.norm(TINTS[number][10:95])
    ours = fitted[10:95] / np.linalg.norm(fitted[10:95])
    usual = TINTS[0][10:95] / np.linalg.norm(TINTS[0][10:95])
    assert np.abs(ours - alike).max() < max(0.4 * np.abs(usual - alike).max(), 0.01)


def test_few_hints_say_nothing_and_noise_little():
    np.testing.assert_array_equal(fit_tint(pool(2, TINTS[-1])), TINTS[0])
    rng = np.random.default_rng(0)
    levels, places = rng.uniform(5, 95, 4), rng.random((4, 2))
    random = HintPool(levels, rng.normal(0, 30, (4, 2)), np.ones(4), places, np.zeros(4, int))
    assert np.abs(fit_tint(random) - TINTS[0]).max() < 0.5


def test_a_color_picked_from_a_palette_says_nothing_of_the_tint():
    rng = np.random.default_rng(0)
    swatches = np.array([[40.0, 20.0], [-30.0, 10.0]])[rng.integers(0, 2, 50)]
    picked = HintPool(rng.uniform(5, 95, 50), swatches, np.ones(50), rng.random((50, 2)), np.zeros(50, int))
    np.testing.assert_array_equal(fit_tint(picked), TINTS[0])


def test_hints_of_several_views_are_fitted_within_views():
    one, two = pool(20, TINTS[3], seed=1), pool(20, TINTS[3], seed=2)
    joined = HintPool.join([one, two])
    assert len(joined) == 40 and (joined.view == np.repeat([0, 1], 20)).all()
    assert fit_tint(joined).shape == (101,)


def test_cells_pool_their_hinted_pixels_only():
    lightness, ab, mask = np.zeros((8, 8)), np.zeros((8, 8, 2)), np.zeros((8, 8))
    lightness[4:, 4:] = 50
    mask[5, 5], ab[5, 5] = 1, (20, 10)
    mask[0, 0], ab[0, 0] = 0.5, (0, 0)
    cells = pool_hints(lightness, ab, mask)
    np.testing.assert_allclose(cells.lightness, [0, 50])
    np.testing.assert_allclose(cells.ab, [[0, 0], [20, 10]], atol=1e-6)
    np.testing.assert_allclose(cells.strength, [0.125, 0.25])
    np.testing.assert_allclose(cells.place, [[0, 0], [0.5, 0.5]])


def test_thousands_of_hints_are_fitted_in_bounded_memory():
    assert fit_tint(pool(20000, TINTS[5])).shape == (101,)
