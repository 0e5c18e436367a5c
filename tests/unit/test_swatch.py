"""Colors asked for and what they mean on bright and dark pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcolorize.color.ink import ink_curve, ink_of
from semcolorize.hints.model import PointHint
from semcolorize.hints.swatch import on_pixels
from semcolorize.pipeline import Colorizer

RED = (53.0, 70.0, 50.0)


def meant(lightness: float, ab: tuple[float, float], level: float) -> np.ndarray:
    plane = np.full((1, 1), lightness)
    return on_pixels(plane, np.array([[ab]]), np.ones((1, 1)), np.full((1, 1), level))[0, 0]


@given(st.floats(0, 100), st.floats(0, 100), st.floats(-80, 80), st.floats(-80, 80))
def test_a_swatch_keeps_its_hue_and_is_never_stronger_than_it_is(lightness, level, a, b):
    ab = meant(lightness, (a, b), level)
    share = ink_curve(np.array([lightness]))[0] / ink_curve(np.array([level]))[0]
    np.testing.assert_allclose(ab, np.array([a, b]) * min(1, share), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lightness", [3.0, 12.0, 25.0, 70.0, 88.0, 97.0])
def test_a_swatch_has_one_ink_on_dark_and_bright_pixels(lightness):
    ink = ink_of(meant(lightness, RED[1:], RED[0]), ink_curve(np.array(lightness)))
    expected = np.array(RED[1:]) / ink_curve(np.array(RED[0]))
    np.testing.assert_allclose(ink, expected, rtol=1e-4)


def test_unhinted_pixels_stay_without_color():
    mask = np.eye(4)
    ab = on_pixels(np.full((4, 4), 50.0), np.full((4, 4, 2), 30.0), mask, np.full((4, 4), 50.0))
    assert (ab[mask == 0] == 0).all() and (ab[mask > 0] == 30).all()


def test_one_swatch_colors_an_object_alike_wherever_it_is_dropped():
    # A disk with a bright rim and a dark spot; the color of its mid-tones is what people look at.
    row, column = np.mgrid[:96, :96] - 47.5
    radius = np.hypot(row, column)
    image = np.full((96, 96), 20, np.uint8)
    image[radius < 40], image[(radius < 40) & (radius > 33)] = 120, 235
    image[np.hypot(row, column + 12) < 5] = 50
    inside = (radius < 30) & (np.hypot(row, column + 12) > 9)
    colorizer = Colorizer.load("compact", device="cpu")
    chroma = []
    for place in ((47, 60), (11, 47), (47, 35)):
        hint = PointHint(row=place[0], column=place[1], size=3, lab=RED)
        ab = colorizer.colorize(image, [hint], fill="auto").ab[0]
        chroma.append(np.hypot(ab[..., 0], ab[..., 1])[inside].mean())
    assert min(chroma) > 45
    assert max(chroma) < 1.35 * min(chroma)
