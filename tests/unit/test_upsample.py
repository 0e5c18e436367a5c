"""Lightness-guided upsampling of a*b*."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcolorize.errors import ShapeError
from semcolorize.micrograph import working
from semcolorize.micrograph.upsample import GuidedUpsampler, upsample_ab


def shrink(values: np.ndarray, size: int) -> np.ndarray:
    return working.shrink(values, working.working_shape(values.shape, size))


def shrink_ab(ab: np.ndarray, size: int) -> np.ndarray:
    return np.stack([shrink(ab[..., i], size) for i in range(2)], axis=-1)


def test_equal_sizes_change_nothing() -> None:
    rng = np.random.default_rng(0)
    lightness = rng.uniform(0, 100, (30, 40)).astype(np.float32)
    ab = rng.normal(0, 30, (30, 40, 2)).astype(np.float32)
    result = upsample_ab(ab, lightness, lightness)
    np.testing.assert_array_equal(result, ab)
    assert result is not ab


@pytest.mark.parametrize("shape", [(97, 131), (64, 64), (33, 200), (300, 17)])
def test_constant_color_stays_constant_in_any_noise(shape: tuple[int, int]) -> None:
    lightness = np.random.default_rng(0).uniform(0, 100, shape).astype(np.float32)
    ab = np.broadcast_to(np.float32([31.5, -12.25]), (16, 17, 2))
    low = np.random.default_rng(1).uniform(0, 100, (16, 17)).astype(np.float32)
    result = upsample_ab(ab, low, lightness)
    assert result.shape == (*shape, 2)
    np.testing.assert_allclose(result, np.broadcast_to(np.float32([31.5, -12.25]), result.shape), rtol=1e-5)


@pytest.mark.parametrize("shape", [(23, 31), (64, 48), (16, 90)])
def test_it_is_the_weighted_mean_it_says(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    import semcolorize.parallel as module

    monkeypatch.setattr(module, "STRIP_PIXELS", 150)  # seams, if there were any
    rng = np.random.default_rng(2)
    lightness = rng.uniform(0, 100, shape).astype(np.float32)
    low, ab = rng.uniform(0, 100, (9, 11)).astype(np.float32), rng.normal(0, 40, (9, 11, 2)).astype(np.float32)
    upsampler = GuidedUpsampler(low, lightness)
    result = upsampler(ab)
    for row, column in rng.integers(0, shape, (40, 2)):
        total, expected = 0.0, np.zeros(2)
        y, x = ((p + 0.5) * n / size - 0.5 for p, n, size in zip((row, column), low.shape, shape, strict=True))
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                cell = (np.clip(round(y) + i, 0, 8), np.clip(round(x) + j, 0, 10))
                fit = upsampler._smooth[row, column] - low[cell]
                weight = np.exp(-upsampler._sharpness[cell] * fit**2) * upsampler._purity[cell] + 1e-4
                for offset, at in ((i, y - round(y)), (j, x - round(x))):
                    weight *= (0.5 + offset * at) ** 2 / 2 if offset else 0.75 - at**2
                total, expected = total + weight, expected + weight * ab[cell]
        np.testing.assert_allclose(result[row, column], expected / total, atol=0.02)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_color_lies_between_its_neighbors(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    height = data.draw(st.integers(rows, 50))
    width = data.draw(st.integers(columns, 50))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    ab = rng.normal(0, 40, (rows, columns, 2)).astype(np.float32)
    low = rng.uniform(0, 100, (rows, columns)).astype(np.float32)
    lightness = rng.uniform(0, 100, (height, width)).astype(np.float32)
    result = upsample_ab(ab, low, lightness)
    assert np.isfinite(result).all()
    if (rows, columns) == (height, width):
        return
    padded = np.pad(ab, ((1, 1), (1, 1), (0, 0)), mode="edge")
    windows = np.stack([padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)])
    cell_rows = np.clip(np.rint((np.arange(height) + 0.5) * rows / height - 0.5).astype(int), 0, rows - 1)
    cell_columns = np.clip(np.rint((np.arange(width) + 0.5) * columns / width - 0.5).astype(int), 0, columns - 1)
    at = np.ix_(cell_rows, cell_columns)
    assert (result >= windows.min(axis=0)[at] - 1e-3).all()
    assert (result <= windows.max(axis=0)[at] + 1e-3).all()


@pytest.mark.parametrize("offset", [0, 1, 3, 5])
@pytest.mark.parametrize("noise", [0, 3])
def test_an_edge_lands_on_the_lightness_edge(offset: int, noise: float) -> None:
    size = 384
    edge = 190 + offset
    rng = np.random.default_rng(offset)
    right = np.zeros((size, size), bool)
    right[:, edge:] = True
    lightness = np.where(right, 65, 35) + rng.normal(0, noise, (size, size))
    ab = np.where(right[..., None], np.float32([40, 20]), np.float32([-20, -40])).astype(np.float32)
    # One working pixel is eight pixels: most offsets leave a column of mixed color.
    result = upsample_ab(shrink_ab(ab, 48), shrink(lightness, 48), lightness.astype(np.float32))
    # Nearest color per pixel; the edge is where it changes.
    is_right = result[..., 0] > 10
    found = size - is_right.sum(axis=1)
    assert np.abs(found - edge).max() <= (1 if noise == 0 else 3)
    assert abs(found.mean() - edge) <= 1
    # Two pixels beside the edge, the color is there.
    far = np.abs(np.arange(size) - edge + 0.5) > 2
    assert np.abs(result - ab)[:, far].mean() < 1
    if noise == 0:
        assert np.abs(result - ab)[:, far].max() < 6


def test_a_round_object_in_noise_beats_interpolation() -> None:
    from skimage.transform import resize

    y, x = np.mgrid[:512, :512]
    inside = np.hypot(y - 250, x - 260) < 150
    rng = np.random.default_rng(0)
    ab = np.where(inside[..., None], np.float32([40, 30]), np.float32([-10, -30])).astype(np.float32)
    for noise in (0, 4, 10):
        lightness = np.clip(40 + 25 * inside + rng.normal(0, noise, inside.shape), 0, 100).astype(np.float32)
        low_ab = shrink_ab(ab, 96)
        ours = np.abs(upsample_ab(low_ab, shrink(lightness, 96), lightness) - ab).mean()
        interpolated = np.abs(resize(low_ab, inside.shape, order=1, mode="edge") - ab).mean()
        assert ours < 0.4 * interpolated


def test_no_speckle_in_smooth_color() -> None:
    # A slow change of color over strong pixel noise must not become noise of color.
    rng = np.random.default_rng(0)
    lightness = np.clip(50 + rng.normal(0, 12, (512, 512)), 0, 100).astype(np.float32)
    ramp = np.linspace(-40, 40, 64, dtype=np.float32)
    ab = np.stack(np.meshgrid(ramp, ramp), axis=-1)
    result = upsample_ab(ab, shrink(lightness, 64), lightness)
    step = 80 / 64
    rough = np.abs(np.diff(result[..., 0], axis=1)).max()
    assert rough < step


def test_memory_is_bounded() -> None:
    lightness = np.random.default_rng(0).uniform(0, 100, (1536, 2048)).astype(np.float32)
    ab = np.zeros((192, 256, 2), np.float32)
    low = np.zeros((192, 256), np.float32)
    tracemalloc.start()
    upsample_ab(ab, low, lightness)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The result takes 8 bytes a pixel, the smoothed lightness 4.
    assert peak < 12 * lightness.size + 40e6


def test_wrong_shapes() -> None:
    lightness = np.zeros((20, 20), np.float32)
    for ab, low in (
        (np.zeros((5, 5, 3)), np.zeros((5, 5))),
        (np.zeros((5, 5, 2)), np.zeros((5, 6))),
        (np.zeros((30, 5, 2)), np.zeros((30, 5))),
    ):
        with pytest.raises(ShapeError, match="do not fit"):
            upsample_ab(ab, low, lightness)
