"""Protocols, metrics and the classical peers."""

import numpy as np
import pytest
from PIL import Image

from semcolorize.color.lab import rgb_to_lab
from semcolorize.errors import ConfigError, ImageReadError
from semcolorize.evaluation.baselines import BASELINES, levin, levin_system
from semcolorize.evaluation.metrics import bootstrap_interval, chroma_ratio, psnr, rgb_from_ab
from semcolorize.evaluation.protocol import PROTOCOLS, ColorImage, draw_hints, list_images, read_color_image

ICOLORIT = PROTOCOLS["icolorit"]


def image(seed=0, side=224, name="a.png"):
    rgb = np.random.default_rng(seed).random((side, side, 3))
    return ColorImage(name, rgb, rgb_to_lab(rgb))


@pytest.mark.parametrize("count", [0, 1, 5, 200])
def test_icolorit_hints_are_distinct_aligned_cells_with_their_mean(count):
    picture = image()
    hints = draw_hints(picture, ICOLORIT, count)
    cells = hints.mask.reshape(112, 2, 112, 2)
    assert (cells.all(axis=(1, 3)) == cells.any(axis=(1, 3))).all()
    assert hints.mask.sum() == 4 * count
    mean = picture.lab[..., 1:].reshape(112, 2, 112, 2, 2).mean(axis=(1, 3)).repeat(2, 0).repeat(2, 1)
    np.testing.assert_allclose(hints.ab[hints.mask], mean[hints.mask], atol=1e-4)
    assert (hints.ab[~hints.mask] == 0).all()


def test_hints_depend_on_name_count_and_seed_only():
    first = draw_hints(image(), ICOLORIT, 5)
    assert (draw_hints(image(seed=1), ICOLORIT, 5).mask == first.mask).all()
    for other in (draw_hints(image(name="b.png"), ICOLORIT, 5), draw_hints(image(), ICOLORIT, 5, seed=1)):
        assert (other.mask != first.mask).any()


def test_zhang_hints_are_six_pixels_wide_around_the_center():
    hints = [draw_hints(image(side=256, name=str(i)), PROTOCOLS["zhang"], 1) for i in range(200)]
    centers = np.array([np.argwhere(h.mask).mean(axis=0) for h in hints])
    assert all(h.mask.sum() == 36 for h in hints)
    assert centers.mean(axis=0) == pytest.approx([127.5, 127.5], abs=15)
    assert 40 < centers.std() < 70


def small(seed=0, shape=(12, 14)):
    rng = np.random.default_rng(seed)
    lightness = rng.uniform(20, 80, shape)
    mask, ab = np.zeros(shape, bool), np.zeros((*shape, 2))
    for row, column in [(2, 3), (9, 11), (6, 0)]:
        mask[row, column], ab[row, column] = True, rng.uniform(-50, 50, 2)
    return lightness, ab, mask


@pytest.mark.parametrize("seed", range(3))
def test_levin_equals_a_dense_solve_of_its_equations(seed):
    lightness, ab, mask = small(seed)
    y = lightness / 100
    height, width = y.shape
    dense = np.eye(y.size)
    for r in range(height):
        for c in range(width):
            if mask[r, c]:
                continue
            near = [
                (i, j)
                for i in range(max(r - 1, 0), min(r + 2, height))
                for j in range(max(c - 1, 0), min(c + 2, width))
            ]
            window = np.array([y[p] for p in near])
            around = [p for p in near if p != (r, c)]
            square = np.array([(y[p] - y[r, c]) ** 2 for p in around])
            variance = max(0.6 * window.var(), square.min() / -np.log(0.01), 2e-6)
            weights = np.exp(-square / variance)
            for p, w in zip(around, weights / weights.sum(), strict=True):
                dense[r * width + c, p[0] * width + p[1]] -= w
    np.testing.assert_allclose(levin_system(lightness, mask).toarray(), dense, atol=1e-12)
    expected = np.linalg.solve(dense, (ab * mask[..., None]).reshape(-1, 2)).reshape(ab.shape)
    np.testing.assert_allclose(levin(lightness, ab, mask), expected, atol=1e-8)


@pytest.mark.parametrize("name", BASELINES)
def test_peers_hold_hints_and_do_nothing_without(name):
    lightness, ab, mask = small()
    assert (BASELINES[name](lightness, ab, np.zeros_like(mask)) == 0).all()
    result = BASELINES[name](lightness, ab, mask)
    assert result.shape == ab.shape
    if name in {"levin", "random-walker"}:
        np.testing.assert_allclose(result[mask], ab[mask], atol=1e-3)
    if name == "mean-color":
        np.testing.assert_allclose(result, np.broadcast_to(ab[mask].mean(axis=0), ab.shape))


def test_psnr_has_its_floor_and_its_scale():
    reference = np.full((4, 4, 3), 0.5)
    assert psnr(reference, reference) == pytest.approx(50)
    assert psnr(reference + 0.1, reference) == pytest.approx(20)


def test_true_color_scores_perfectly_and_gray_has_no_chroma():
    picture = image()
    assert psnr(rgb_from_ab(picture.lightness, picture.lab[..., 1:]), picture.rgb) == pytest.approx(50)
    assert chroma_ratio(np.zeros((224, 224, 2)), picture.lab[..., 1:]) == 0


def test_bootstrap_covers_the_mean():
    values = np.random.default_rng(0).normal(20, 2, 50)
    low, high = bootstrap_interval(values)
    assert low < values.mean() < high and high - low == pytest.approx(4 * 2 / np.sqrt(50), rel=0.3)


def test_folders_and_files_are_checked(tmp_path):
    with pytest.raises(ConfigError, match="is no folder"):
        list_images(tmp_path / "none")
    with pytest.raises(ConfigError, match="holds no image"):
        list_images(tmp_path)
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises(ImageReadError, match=r"x\.png.*no readable image"):
        read_color_image(tmp_path / "x.png", ICOLORIT)
    Image.new("RGB", (30, 50), (200, 10, 10)).save(tmp_path / "y.png")
    assert read_color_image(tmp_path / "y.png", ICOLORIT).rgb.shape == (224, 224, 3)
