"""Gray to L* and back."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2lab

from semcolorize.errors import ShapeError
from semcolorize.micrograph.lightness import gray_to_lightness_plane, render_rgb, shares_outside


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (16, np.uint16)])
def test_every_gray_value_comes_back(bits: int, dtype: type) -> None:
    gray = np.arange(1 << bits).astype(dtype).reshape(1 << bits // 2, -1)
    lightness = gray_to_lightness_plane(gray, (0, (1 << bits) - 1))
    rgb = render_rgb(lightness, np.zeros((*gray.shape, 2), np.float32), bits=bits)
    assert rgb.dtype == dtype
    for channel in range(3):
        np.testing.assert_array_equal(rgb[..., channel], gray)


def test_lightness_is_cielab() -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = rgb2lab(np.dstack([gray] * 3))[..., 0]
    np.testing.assert_allclose(gray_to_lightness_plane(gray, (0, 255)), expected, atol=2e-3)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4", "f8"])
def test_all_types_agree(dtype: str) -> None:
    values = np.arange(0, 120, dtype=dtype).reshape(10, 12)
    expected = gray_to_lightness_plane(values.astype(np.float64), (20, 90))
    np.testing.assert_allclose(gray_to_lightness_plane(values, (20, 90)), expected, atol=1e-5)
    assert expected[0, 0] == 0
    assert expected[-1, -1] == pytest.approx(100, abs=1e-4)


def test_inverted_range() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(
        gray_to_lightness_plane(values, (255, 0)), gray_to_lightness_plane(values, (0, 255))[::-1, ::-1]
    )
    assert shares_outside(values, (200, 100)) == (55 / 256, 100 / 256)
    assert shares_outside(values, (100, 200)) == (100 / 256, 55 / 256)
    assert shares_outside(values, (255, 0)) == (0, 0)


def test_variants_are_rendered_one_by_one() -> None:
    rng = np.random.default_rng(0)
    lightness = rng.uniform(0, 100, (40, 30)).astype(np.float32)
    ab = rng.normal(0, 40, (3, 40, 30, 2)).astype(np.float32)
    rgb = render_rgb(lightness, ab)
    assert rgb.shape == (3, 40, 30, 3)
    np.testing.assert_array_equal(rgb[1], render_rgb(lightness, ab[1]))


def test_strips_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    import semcolorize.parallel as module

    rng = np.random.default_rng(0)
    lightness = rng.uniform(0, 100, (100, 30)).astype(np.float32)
    ab = rng.normal(0, 40, (100, 30, 2)).astype(np.float32)
    whole = render_rgb(lightness, ab)
    monkeypatch.setattr(module, "STRIP_PIXELS", 70)
    np.testing.assert_array_equal(render_rgb(lightness, ab), whole)


def test_wrong_arrays() -> None:
    lightness = np.zeros((4, 5), np.float32)
    with pytest.raises(ShapeError, match="do not belong together"):
        render_rgb(lightness, np.zeros((5, 4, 2), np.float32))
    with pytest.raises(ShapeError, match="NaN"):
        render_rgb(lightness, np.full((4, 5, 2), np.nan, np.float32))
    with pytest.raises(ShapeError, match="bits"):
        render_rgb(lightness, np.zeros((4, 5, 2), np.float32), bits=12)
