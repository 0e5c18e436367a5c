"""Protocols, metrics and the classical peers."""

import numpy as np
import pytest
from PIL import Image

from semcolorize.color.lab import rgb_to_lab
from semcolorize.errors import ConfigError, ImageReadError
from semcolorize.evaluation.baselines import BASELINES, levin, levin_system
from semcolorize.evaluation.metrics import (
    bootstrap_interval,
    boundary_psnr,
    chroma_ratio,
    colorfulness,
    hint_fidelity,
    psnr,
    rgb_from_ab,
    ssim,
)
from semcolorize.evaluation.perceptual import find_lpips
from semcolorize.evaluation.protocol import PROTOCOLS, ColorImage, draw_hints, list_images, read_color_image
from semcolorize.evaluation.run import evaluate

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


def test_structural_similarity_is_one_for_equal_images_and_falls_with_noise():
    rgb = image(side=64).rgb
    noisy = np.clip(rgb + np.random.default_rng(1).normal(0, 0.1, rgb.shape), 0, 1)
    assert ssim(rgb, rgb) == pytest.approx(1)
    assert ssim(noisy, rgb) < 0.97


def test_colorfulness_is_none_for_gray_and_grows_with_saturation():
    gray = np.random.default_rng(0).random((32, 32, 1)) * np.ones(3)
    assert colorfulness(gray) == pytest.approx(0, abs=1e-9)
    halves = np.zeros((32, 32, 3))
    halves[:, :16, 0], halves[:, 16:, 2] = 1, 1  # red and blue
    # By hand: rg is 255 and 0, yb is 127.5 and -255.
    spread, mean = np.hypot(127.5, 191.25), np.hypot(127.5, -63.75)
    assert colorfulness(halves) == pytest.approx(spread + 0.3 * mean)


def test_errors_at_color_edges_count_and_elsewhere_do_not():
    ab = np.zeros((32, 32, 2))
    ab[:, 16:] = 40
    reference = np.full((32, 32, 3), 0.5)
    away, near = reference.copy(), reference.copy()
    away[:, :8] += 0.2
    near[:, 15:17] += 0.2
    assert boundary_psnr(away, reference, ab) == pytest.approx(50)
    assert boundary_psnr(near, reference, ab) < 25
    assert np.isnan(boundary_psnr(away, reference, 0 * ab))


def test_hint_fidelity_is_the_difference_where_hinted():
    lightness, ab, mask = small()
    assert hint_fidelity(ab, ab, mask, lightness) == pytest.approx(0, abs=1e-9)
    assert hint_fidelity(0 * ab, ab, mask, lightness) > 5
    assert np.isnan(hint_fidelity(ab, ab, 0 * mask > 1, lightness))


def test_gains_over_the_walker_are_paired_by_image():
    def worse(lightness, hint_ab, hint_mask):
        return BASELINES["random-walker"](lightness, hint_ab, hint_mask) + 60

    rgb = [np.random.default_rng(k).random((28, 28, 1)) * [1, 0.5, 0.2 * k] for k in range(4)]
    images = [ColorImage(str(k), x, rgb_to_lab(x)) for k, x in enumerate(rgb)]
    run = evaluate(images, {"random-walker": BASELINES["random-walker"], "worse": worse}, ICOLORIT, [0, 3])
    rows = {(row["method"], row["hints"]): row for row in run.summary()}
    assert rows["random-walker", 3]["gain"] == 0 == rows["random-walker", 3]["gain_high"]
    assert rows["worse", 3]["gain_high"] < 0
    assert rows["worse", 0]["hint_fidelity"] is None and rows["worse", 3]["hint_fidelity"] > 0


def test_lpips_is_left_out_with_a_reason_where_it_is_not_installed():
    distance, remark = find_lpips()
    if distance is None:
        assert "LPIPS left out" in remark
    else:
        rgb = image(side=64).rgb
        assert distance(rgb, rgb) == pytest.approx(0, abs=1e-6) and "alex" in remark
