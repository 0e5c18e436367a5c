"""The promise: L* of every output pixel is L* of the input, to what rounding costs; gray stays gray."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcolorize.color.lab import rgb_to_lab
from semcolorize.micrograph.lightness import gray_to_lightness_plane, render_rgb

PROMISE = {8: 0.5, 16: 0.01}
bits_of_output = st.sampled_from([8, 16])
lightness_values = st.one_of(st.floats(0, 100, width=32), st.sampled_from([0.0, 1e-6, 8.0, 50.0, 99.999, 100.0]))
chroma_values = st.one_of(st.floats(-200, 200, width=32), st.sampled_from([0.0, -0.0, 1e-7, 127.0, -128.0, 1e6]))


def deviation(lightness: np.ndarray, ab: np.ndarray, bits: int) -> np.ndarray:
    rgb = render_rgb(lightness, ab, bits=bits)
    shown = rgb_to_lab(rgb.astype(np.float64) / ((1 << bits) - 1))[..., 0]
    return np.abs(shown - lightness.astype(np.float64))


@settings(max_examples=300, deadline=None)
@given(lightness_values, chroma_values, chroma_values, bits_of_output)
def test_any_color(lightness: float, a: float, b: float, bits: int) -> None:
    plane = np.full((1, 1), lightness, np.float32)
    ab = np.array([[[a, b]]], np.float32)
    assert deviation(plane, ab, bits).max() <= PROMISE[bits]


@pytest.mark.parametrize("bits", [8, 16])
def test_a_million_random_colors_and_the_extremes(bits: int) -> None:
    rng = np.random.default_rng(20)
    lightness = rng.uniform(0, 100, (1000, 1000)).astype(np.float32)
    ab = rng.uniform(-130, 130, (1000, 1000, 2)).astype(np.float32)
    # Corners, gray, almost gray, far out of gamut, and gray values of 8 and 16 bit.
    lightness[0] = np.linspace(0, 100, 1000)
    lightness[1:4, ::2] = 0
    lightness[1:4, 1::2] = 100
    ab[4:10] = 0
    ab[10:12] *= 1e-6
    ab[12:14] *= 1e3
    lightness[14:500] = gray_to_lightness_plane(rng.integers(0, 256, (486, 1000)).astype(np.uint8), (0, 255))
    worst = deviation(lightness, ab, bits).max()
    assert worst <= PROMISE[bits], worst


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535))
def test_gray_stays_exactly_gray(black: int, white: int, value: int) -> None:
    if black == white:
        return
    lightness = gray_to_lightness_plane(np.array([[value]], np.uint16), (black, white))
    for bits in (8, 16):
        rgb = render_rgb(lightness, np.zeros((1, 1, 2), np.float32), bits=bits)
        assert rgb[0, 0, 0] == rgb[0, 0, 1] == rgb[0, 0, 2]
        share = np.clip((value - black) / (white - black), 0, 1)
        assert int(rgb[0, 0, 0]) == pytest.approx(share * ((1 << bits) - 1), abs=0.5 + 1e-2)
