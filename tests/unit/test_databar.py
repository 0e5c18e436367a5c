"""Data bars: found where there is one, at the right row, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semcolorize.errors import ConfigError
from semcolorize.micrograph.databar import databar_first_row, find_databar, parse_databar
from semcolorize.micrograph.reading import read_micrograph

# First rows, read off the pictures.
BARS = {
    "instruments/FEI-Helios-Ebeam-16bits.tif": 442,
    "instruments/fei-sem-rbc.tif": 1024,
    "instruments/salt0002.tiff": 2048,
    "instruments/sample-１_600倍(x600).tif": 901,
    "instruments/test_tiff_Zeiss_SEM_512pix.tif": 350,
    "instruments/zeiss_merlin_test.tif": None,
    "gray_sem/PolenHibisco_300X-2_rgb.png": 1920,
    "gray_sem/PolenHibisco_850X_rgb.png": 1920,
    "gray_sem/Polen_1062_550X_rgb.png": 1920,
}


@pytest.mark.parametrize(("name", "row"), BARS.items())
def test_real_bars(name: str, row: int | None, shared_data: Path) -> None:
    micrograph = read_micrograph(shared_data / name)
    assert find_databar(micrograph.pixels) == row
    assert find_databar(micrograph.lightness) == row


@pytest.mark.parametrize(
    "pattern", ["color_sem/*.png", "views/*/*.png", "masks/ampis/*/images*/*.png", "natural/*.jpg"]
)
def test_none_where_there_is_none(pattern: str, shared_data: Path) -> None:
    paths = sorted(shared_data.glob(pattern))
    assert paths
    found = {path.name: find_databar(read_micrograph(path, allow_color=True).pixels) for path in paths}
    assert {name: row for name, row in found.items() if row is not None} == {}


def scene(height: int = 480, width: int = 640, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    blobs = 60 + 90 * (np.sin(x / 37) * np.cos(y / 23) > 0.2)
    return np.clip(blobs + rng.normal(0, 8, (height, width)), 0, 255)


def with_bar(image: np.ndarray, rows: int, background: float, ink: float, *, line: bool = False) -> np.ndarray:
    rng = np.random.default_rng(3)
    bar = np.full((rows, image.shape[1]), background)
    letters = rng.random((rows // 4, image.shape[1] // 3)) < 0.4
    letters = np.repeat(letters, 3, axis=1)
    top = rows // 3
    bar[top : top + letters.shape[0], : letters.shape[1]] = np.where(letters, ink, background)
    if line:
        bar[0] = ink
    return np.concatenate([image, bar])


@pytest.mark.parametrize(("background", "ink"), [(0, 255), (255, 0), (40, 250)])
@pytest.mark.parametrize("scale", [1, 257])
def test_synthetic_bars_of_any_depth(background: float, ink: float, scale: int) -> None:
    image = with_bar(scene(), 36, background, ink)
    for dtype in (np.uint8 if scale == 1 else np.uint16, np.float32):
        assert find_databar((image * scale).astype(dtype)) == 480


@pytest.mark.parametrize(("background", "ink"), [(0, 255), (255, 0)])
def test_a_logo_as_high_as_the_bar_hides_it_not(background: float, ink: float) -> None:
    image = with_bar(scene(), 36, background, ink)
    image[480:, -32:] = ink
    image[484:512, -28:-4] = 128
    assert find_databar(image.astype(np.uint8)) == 480


@pytest.mark.parametrize("factor", [2, 4])
def test_real_bars_are_found_in_reduced_copies(factor: int, shared_data: Path) -> None:
    for name in ("PolenHibisco_300X-2_rgb.png", "Polen_1062_550X_rgb.png"):
        lightness = read_micrograph(shared_data / "gray_sem" / name).lightness
        rows, columns = (side // factor for side in lightness.shape)
        reduced = lightness.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
        assert find_databar(np.rint(reduced * 2.55)) == 1920 // factor, name


def test_a_blanked_image_has_its_bar_below_the_line() -> None:
    image = with_bar(np.zeros((480, 640)), 36, 0, 255, line=True).astype(np.uint8)
    assert find_databar(image) == 480


def test_a_dark_image_has_its_bar_below_the_step() -> None:
    rng = np.random.default_rng(2)
    image = np.where(rng.random((480, 640)) < 0.3, scene(), 0)
    assert (image == 0).mean(axis=1).min() > 0.5 and (image == 0).mean(axis=1).max() < 0.85
    assert find_databar(with_bar(image, 36, 0, 255).astype(np.uint8)) == 480
    assert find_databar(image.astype(np.uint8)) is None


def test_black_ground_below_particles_is_no_bar() -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:480, :640]
    image = np.zeros((480, 640))
    for _ in range(60):
        cy, cx, r = rng.uniform(0, 480), rng.uniform(0, 640), rng.uniform(5, 25)
        image = np.maximum(image, np.clip(r - np.hypot(y - cy, x - cx), 0, 5) * 40)
    assert find_databar(image.astype(np.uint8)) is None


@pytest.mark.parametrize(
    "image", [np.zeros((400, 400), np.uint8), np.zeros((5, 5)), scene(), np.eye(300) * 255, np.ones((1, 900))]
)
def test_no_bar(image: np.ndarray) -> None:
    assert find_databar(image) is None


def test_option() -> None:
    assert parse_databar("auto") == "auto"
    assert parse_databar(" NONE ") == "none"
    assert parse_databar("64") == 64
    assert parse_databar(0) == 0
    for wrong in ("bottom", "-3", "", -1, "1.5", True):
        with pytest.raises(ConfigError, match="auto, none, or a number of rows"):
            parse_databar(wrong)


def test_first_row() -> None:
    image = with_bar(scene(), 36, 0, 255).astype(np.uint8)
    assert databar_first_row("auto", image) == 480
    assert databar_first_row("none", image) == 516
    assert databar_first_row("16", image) == 500
    assert databar_first_row(0, image) == 516
    assert databar_first_row("auto", scene()) == 480
    with pytest.raises(ConfigError, match="below the image's 516"):
        databar_first_row(516, image)
