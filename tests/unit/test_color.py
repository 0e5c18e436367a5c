"""Color science against scikit-image, published values and the promise about lightness."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import color as oracle

from semcolorize.color.difference import ciede2000
from semcolorize.color.gamut import compress_chroma, in_gamut, lightness_and_ab_to_lab
from semcolorize.color.lab import gray_to_lightness, lab_to_rgb, lightness_to_gray, rgb_to_lab, scale_ab, unscale_ab
from semcolorize.errors import ShapeError

unit = hnp.arrays(np.float64, (3, 5, 3), elements=st.floats(0, 1))

# G. Sharma, W. Wu, E. N. Dalal (2005), table 1: L1 a1 b1 L2 a2 b2 dE00.
SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.49 -0.001 50 -2.49 0.0009 7.1792
50 2.49 -0.001 50 -2.49 0.0010 7.1792
50 2.49 -0.001 50 -2.49 0.0011 7.2195
50 2.49 -0.001 50 -2.49 0.0012 7.2195
50 -0.001 2.49 50 0.0009 -2.49 4.8045
50 -0.001 2.49 50 0.0010 -2.49 4.8045
50 -0.001 2.49 50 0.0011 -2.49 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def test_ciede2000_gives_sharmas_table():
    table = np.array([[float(x) for x in line.split()] for line in SHARMA.split("\n") if line])
    assert table.shape == (34, 7)
    np.testing.assert_allclose(ciede2000(table[:, :3], table[:, 3:6]), table[:, 6], atol=5e-5)


def test_ciede2000_is_the_same_on_tensors():
    rng = np.random.default_rng(0)
    lab1, lab2 = (np.stack([rng.uniform(0, 100, (4, 6)), *rng.normal(0, 40, (2, 4, 6))], axis=-1) for _ in range(2))
    tensors = (torch.from_numpy(lab).movedim(-1, 0) for lab in (lab1, lab2))
    np.testing.assert_allclose(ciede2000(*tensors).numpy(), ciede2000(lab1, lab2), atol=1e-9)
    np.testing.assert_allclose(ciede2000(lab1, lab2), ciede2000(lab2, lab1), atol=1e-9)


@given(unit)
def test_lab_agrees_with_scikit_image(rgb):
    # scikit-image rounds its white point, so its gray is off by up to 0.005.
    np.testing.assert_allclose(rgb_to_lab(rgb), oracle.rgb2lab(rgb), atol=6e-3)


@given(unit)
def test_lab_round_trip(rgb):
    # The standard's two branches meet only to 1e-7 at the knee.
    np.testing.assert_allclose(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=2e-7)


def test_tensors_and_arrays_agree():
    rgb = np.random.default_rng(1).random((7, 9, 3))
    tensor = torch.from_numpy(rgb).movedim(-1, 0)[None]
    lab = rgb_to_lab(tensor)
    np.testing.assert_allclose(lab[0].movedim(0, -1).numpy(), rgb_to_lab(rgb), atol=1e-12)
    np.testing.assert_allclose(lab_to_rgb(lab).numpy(), tensor.numpy(), atol=1e-9)


@pytest.mark.parametrize(("top", "dtype"), [(255, np.float32), (65535, np.float32), (65535, np.float64)])
def test_gray_is_exactly_gray_and_comes_back_exactly(top, dtype):
    gray = (np.arange(top + 1) / top).astype(dtype)
    lab = rgb_to_lab(np.repeat(gray[:, None], 3, axis=1))
    assert (lab[:, 1:] == 0).all()
    rgb = lab_to_rgb(lab)
    assert (rgb[:, 0] == rgb[:, 1]).all() and (rgb[:, 1] == rgb[:, 2]).all()
    np.testing.assert_array_equal(np.rint(rgb[:, 0] * top), np.arange(top + 1))
    np.testing.assert_array_equal(np.rint(lightness_to_gray(gray_to_lightness(gray)) * top), np.arange(top + 1))
    np.testing.assert_allclose(gray_to_lightness(gray), lab[:, 0], atol=1e-4)


def test_gradients_are_finite_at_black():
    rgb = torch.zeros(1, 3, 2, 2, requires_grad=True)
    rgb_to_lab(rgb).sum().backward()
    assert torch.isfinite(rgb.grad).all()


lightness_arrays = hnp.arrays(np.float32, (6, 5), elements=st.floats(0, 100, width=32))
ab_arrays = hnp.arrays(np.float32, (6, 5, 2), elements=st.floats(-128, 128, width=32))


@given(lightness_arrays, ab_arrays)
def test_compression_is_displayable_keeps_hue_and_is_idempotent(lightness, ab):
    result = compress_chroma(lightness, ab)
    assert in_gamut(lightness_and_ab_to_lab(lightness, result)).all()
    np.testing.assert_array_equal(compress_chroma(lightness, result), result)
    # Hue: the result lies on the ray from gray.
    cross = result[..., 0] * ab[..., 1] - result[..., 1] * ab[..., 0]
    assert np.abs(cross).max() < 1e-2
    assert (np.hypot(*np.moveaxis(result, -1, 0)) <= np.hypot(*np.moveaxis(ab, -1, 0)) + 1e-4).all()


@given(unit)
def test_colors_inside_are_untouched_bit_for_bit(rgb):
    lab = rgb_to_lab(rgb)
    np.testing.assert_array_equal(compress_chroma(lab[..., 0], lab[..., 1:]), lab[..., 1:])


def test_srgb_yellow_survives_though_the_path_to_it_leaves_the_gamut():
    lab = rgb_to_lab(np.array([[[1.0, 1.0, 0.0]]]))
    half = lightness_and_ab_to_lab(lab[..., 0], 0.9 * lab[..., 1:])
    assert not in_gamut(half).all()
    np.testing.assert_array_equal(compress_chroma(lab[..., 0], lab[..., 1:]), lab[..., 1:])


@pytest.mark.parametrize(("top", "promise"), [(255, 0.5), (65535, 0.01)])
def test_a_million_random_colors_keep_their_lightness(top, promise):
    rng = np.random.default_rng(2)
    lightness = (100 * rng.random((1000, 1000))).astype(np.float32)
    lightness[0, :10] = 0
    lightness[0, 10:20] = 100
    ab = rng.uniform(-160, 160, (1000, 1000, 2)).astype(np.float32)
    rgb = lab_to_rgb(lightness_and_ab_to_lab(lightness, compress_chroma(lightness, ab)))
    stored = np.rint(np.clip(rgb, 0, 1) * top) / top
    assert np.abs(rgb_to_lab(stored.astype(np.float64))[..., 0] - lightness).max() <= promise


def test_shapes_are_checked_and_named():
    with pytest.raises(ShapeError, match=r"\(4, 5, 2\).*\(\.\.\., 3\)"):
        lab_to_rgb(np.zeros((4, 5, 2)))
    with pytest.raises(ShapeError, match="do not belong to one image"):
        compress_chroma(np.zeros((4, 4)), np.zeros((5, 5, 2)))


def test_ab_scale_round_trip():
    ab = np.array([[-90.0, 55.5]])
    np.testing.assert_allclose(unscale_ab(scale_ab(ab)), ab)
