"""Inks: what tints have in common at every lightness."""

import colorsys

import numpy as np
import pytest

from semcolorize.color.ink import INK_FLOOR, STRONGEST_INK, TINTS, ink_curve, ink_of
from semcolorize.color.lab import rgb_to_lab


def test_the_curve_rises_to_one_peak_and_falls():
    curve = ink_curve(np.linspace(0, 100, 501))
    peak = curve.argmax()
    assert curve[0] == pytest.approx(INK_FLOOR) and curve.max() == pytest.approx(1, abs=1e-3)
    assert (np.diff(curve[: peak + 1]) >= 0).all() and (np.diff(curve[peak:]) <= 0).all()
    assert curve[-1] == pytest.approx(0.4)


def test_the_curve_is_linear_between_whole_lightnesses():
    lightness = np.random.default_rng(0).uniform(-1, 101, 1000)
    for table in TINTS:
        expected = np.interp(lightness, np.arange(101), table)
        np.testing.assert_allclose(ink_curve(lightness, table), expected, atol=1e-6)


def test_color_is_ink_times_curve():
    rng = np.random.default_rng(0)
    lightness, ab = rng.uniform(5, 100, 1000), rng.uniform(-20, 20, (1000, 2))
    curve = ink_curve(lightness)
    inks = ink_of(ab, curve)
    weaker = np.hypot(*inks.T) < STRONGEST_INK - 1e-3
    np.testing.assert_allclose((inks * curve[:, None])[weaker], ab[weaker], atol=1e-4)


def test_a_vivid_swatch_on_a_dark_pixel_is_not_made_more_vivid():
    assert ink_of(np.array([150.0, 0.0]), np.array(0.1)) == pytest.approx([150, 0])
    assert np.hypot(*ink_of(np.array([40.0, 30.0]), np.array(0.1))) == pytest.approx(STRONGEST_INK)


@pytest.mark.parametrize("blend", ["colorize", "overlay"])
def test_inks_vary_less_than_colors_over_a_tinted_gray_ramp(blend):
    gray, color = np.linspace(0.05, 0.95, 200)[:, None], np.array([0.15, 0.45, 0.7])
    if blend == "overlay":
        rgb = np.where(gray < 0.5, 2 * gray * color, 1 - 2 * (1 - gray) * (1 - color))
    else:
        rgb = np.array([colorsys.hls_to_rgb(0.55, float(level), 0.6) for level in gray[:, 0]])
    lab = rgb_to_lab(rgb)
    chroma, ink = np.hypot(*lab[:, 1:].T), np.hypot(*ink_of(lab[:, 1:], ink_curve(lab[:, 0])).T)
    assert ink.std() / ink.mean() < 0.7 * chroma.std() / chroma.mean()
