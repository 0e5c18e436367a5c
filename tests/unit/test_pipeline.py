"""The whole flow, with a small untrained network: what must hold whatever the model proposes."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from semcolorize.color.difference import ciede2000
from semcolorize.color.gamut import compress_chroma, lightness_and_ab_to_lab
from semcolorize.color.ink import ink_curve
from semcolorize.color.lab import gray_to_lightness, rgb_to_lab
from semcolorize.errors import ConfigError, HintError, ShapeError
from semcolorize.hints.labels import Label
from semcolorize.hints.model import LineHint, Oval, PointHint, Rectangle, RegionHint
from semcolorize.hints.rasterize import hint_area, rasterize
from semcolorize.micrograph.reading import micrograph_from_array, read_micrograph
from semcolorize.micrograph.working import HintedPixels, shrink
from semcolorize.network.conditioning import PRESETS
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.weights import LoadedWeights, load_weights
from semcolorize.pipeline import Colorizer

RED, TEAL, GRAY = (50.0, 70.0, 40.0), (60.0, -40.0, -10.0), (50.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def colorizer():
    torch.manual_seed(0)
    config = PRESETS["compact"].with_network(dim=16, multipliers=(1, 2), attention=("none", "full"))
    model = ABDiffuser(config).eval().requires_grad_(False)
    torch.nn.init.normal_(model.network.output.weight, std=0.2)
    return Colorizer(LoadedWeights(model, "small", Path("small"), "0" * 64, {}), torch.device("cpu"))


def micrograph(shape=(96, 132), dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    field = 0.3 + 0.4 * ((rows - 40) ** 2 + (columns - 60) ** 2 < 900) + 0.08 * rng.normal(size=shape)
    field[:4], field[:, :3] = 0, 1
    top = np.iinfo(dtype).max
    return np.rint(np.clip(field, 0, 1) * top).astype(dtype)


HINTS = [
    PointHint(row=40, column=60, size=9, lab=RED, name="disk"),
    RegionHint(shape=Oval(70, 90, 12, 20), lab=TEAL, name="ground"),
    LineHint(path=((85.0, 10.0), (60.0, 30.0)), width=3, lab=GRAY, name="keep"),
    PointHint(row=2, column=100, size=3, lab=RED, name="disk"),
]


def lightness_error(rgb, lightness):
    top = np.iinfo(rgb.dtype).max
    return np.abs(rgb_to_lab(rgb.astype(np.float64) / top)[..., 0] - lightness).max()


@pytest.mark.parametrize(("bits", "promise"), [(8, 0.5), (16, 0.01)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("fill", ["auto", "gray"])
def test_lightness_is_the_micrographs_at_every_pixel(colorizer, dtype, bits, promise, fill):
    image = micrograph_from_array(micrograph(dtype=dtype))
    result = colorizer.colorize(image, HINTS, bits=bits, fill=fill, variants=2, num_steps=2, databar="none")
    assert result.rgb.shape == (2, 96, 132, 3) and result.rgb.dtype == (np.uint8 if bits == 8 else np.uint16)
    for rgb in result.rgb:
        assert lightness_error(rgb, image.lightness) <= promise


def test_hint_colors_are_exact_where_hints_lie(colorizer):
    image = micrograph_from_array(micrograph())
    result = colorizer.colorize(image, HINTS, bits=16, databar="none")
    drawn = rasterize(HINTS, image.shape)
    asked = compress_chroma(image.lightness, drawn.hint_ab)
    lab = rgb_to_lab(result.rgb[0] / 65535)
    difference = ciede2000(lab, lightness_and_ab_to_lab(image.lightness, asked).astype(np.float64))
    assert difference[drawn.hint_mask].mean() < 0.1
    gray = drawn.index == 2
    assert (result.rgb[0][gray] == result.rgb[0][gray][:, :1]).all()


def test_without_color_the_gray_values_come_back_exactly(colorizer):
    image = micrograph()
    result = colorizer.colorize(image, [PointHint(row=9, column=9, lab=GRAY, limit=True)], databar="none")
    np.testing.assert_array_equal(result.rgb[0], np.repeat(image[..., None], 3, axis=2))


def test_gray_hints_alone_leave_everything_exactly_gray(colorizer):
    gray = np.random.default_rng(0).integers(0, 255, (64, 80), dtype=np.uint8)
    result = colorizer.colorize(gray, [PointHint(row=30, column=40, size=5, lab=(50.0, 0.0, 0.0))], variants=2)
    assert not result.ab.any() and (result.rgb == gray[..., None]).all()
    assert result.legend[0].share == 1


def test_nothing_asked_and_nothing_colored_is_said(colorizer):
    from semcolorize.color.palette import Palette

    # A palette of gray leaves nothing to color with.
    gray = colorizer.colorize(np.full((64, 80), 90, np.uint8), palette=Palette({"gray": "#808080"}))
    assert not gray.ab.any() and any("nothing was colored" in note for note in gray.notes)
    assert len(gray.legend) == 1
    even = colorizer.colorize(np.full((64, 80), 90, np.uint8))
    assert np.ptp(even.ab, axis=(1, 2)).max() < 1e-3
    flat = np.full((64, 80), 90, np.uint8)
    asked = colorizer.colorize(flat, [PointHint(row=30, column=40, size=5, lab=(50.0, 40.0, 0.0))])
    assert not any("nothing was colored" in note for note in asked.notes)


def test_many_overlaps_are_summed_up(colorizer):
    hints = [PointHint(row=32, column=20 + i, size=3, lab=(50.0, 4.0 * i, 0.0)) for i in range(20)]
    notes = [note for note in colorizer.colorize(np.full((64, 80), 90, np.uint8), hints).notes if "cover" in note]
    assert len(notes) == 6 and "more times" in notes[-1]


def test_a_limited_hint_colors_its_area_and_nothing_else(colorizer):
    limited = RegionHint(shape=Rectangle(20, 30, 15, 18), lab=TEAL, limit=True)
    result = colorizer.colorize(micrograph(), [limited], databar="none")
    colored = np.abs(result.ab[0]).sum(axis=-1) > 0
    expected = np.zeros_like(colored)
    expected[20:35, 30:48] = True
    np.testing.assert_array_equal(colored, expected)
    both = colorizer.colorize(micrograph(), [*HINTS, limited], databar="none").ab[0]
    without = colorizer.colorize(micrograph(), HINTS, databar="none").ab[0]
    np.testing.assert_array_equal(both[~expected], without[~expected])
    # The label's color, shaded as everywhere.
    shown = Label("", TEAL).normalized_chroma * ink_curve(result.micrograph.lightness)[expected][:, None]
    np.testing.assert_allclose(both[expected], shown, atol=1e-3)


def test_strength_blends_hint_and_proposal(colorizer):
    def at_hint(strength):
        hint = PointHint(row=40, column=60, size=5, lab=RED, strength=strength, limit=True)
        return colorizer.colorize(micrograph(), [hint], fill="auto", databar="none").ab[0, 40, 60]

    whole, half = at_hint(1.0), at_hint(0.5)
    np.testing.assert_allclose(whole, RED[1:], atol=1e-4)
    base = colorizer.colorize(micrograph(), [], fill="auto", databar="none").ab[0, 40, 60]
    np.testing.assert_allclose(half, (base + np.array(RED[1:])) / 2, atol=1e-3)


def test_later_hints_win_and_it_is_said(colorizer):
    over = RegionHint(shape=Rectangle(36, 56, 9, 9), lab=TEAL, name="window")
    result = colorizer.colorize(micrograph(), [*HINTS, over], databar="none")
    shown = Label("", TEAL).normalized_chroma * ink_curve(result.micrograph.lightness[40, 60])
    np.testing.assert_allclose(result.ab[0, 40, 60], shown, atol=1e-3)
    assert any('hint 5 ("window") covers 81 pixels of hint 1 ("disk")' in note for note in result.notes)


def test_same_seed_same_bytes_and_variants_do_not_depend_on_their_number(colorizer, tmp_path):
    image = micrograph()
    nine = colorizer.colorize(image, HINTS, variants=9, seed=3, num_steps=2)
    again = colorizer.colorize(image, HINTS, variants=9, seed=3, num_steps=2)
    np.testing.assert_array_equal(nine.rgb, again.rgb)
    np.testing.assert_array_equal(colorizer.colorize(image, HINTS, variants=1, seed=3, num_steps=2).rgb[0], nine.rgb[0])
    three = colorizer.colorize(image, HINTS, variants=3, seed=3, num_steps=2)
    np.testing.assert_array_equal(three.rgb, nine.rgb[:3])
    for name, result in (("a", nine), ("b", again)):
        result.save(tmp_path / f"{name}.tif")
    for suffix in (".tif", ".json", "_legend.png"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    # Hints alone decide; what is invented differs.
    assert any("all variants are equal" in note for note in nine.notes)
    two, other = (colorizer.colorize(image, HINTS, variants=2, seed=s, num_steps=2, fill="auto") for s in (3, 4))
    assert not np.array_equal(two.ab[1], other.ab[1]) and not np.array_equal(two.ab[0], two.ab[1])


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (17, 31), (530, 70)])
def test_every_size_works(colorizer, shape):
    image = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    result = colorizer.colorize(image, [PointHint(row=0, column=0, size=3, lab=RED)], databar="none", working_size=64)
    assert result.rgb.shape == (1, *shape, 3)
    assert lightness_error(result.rgb[0], gray_to_lightness(image / 255)) <= 0.5


def test_the_data_bar_stays_gray_and_hints_in_it_are_reported(colorizer):
    image = micrograph()
    hint = PointHint(row=90, column=10, size=5, lab=RED, name="lost")
    result = colorizer.colorize(image, [*HINTS, hint], databar=12, fill="auto")
    np.testing.assert_array_equal(result.rgb[0, -12:], np.repeat(image[-12:, :, None], 3, axis=2))
    assert any("hint 5 lies in the data bar" in note for note in result.notes)
    assert result.provenance.databar_row == 84


def test_the_comparison_shows_strokes_and_areas_where_they_were_drawn(colorizer):
    image = micrograph()
    result = colorizer.colorize(image, HINTS, fill="auto")
    drawn = np.asarray(Image.open(io.BytesIO(result.comparison_png(width=2 * image.shape[1]))))
    left, gray = drawn[: image.shape[0], : image.shape[1]].astype(int), image.astype(int)
    changed = np.abs(left - gray[..., None]).max(axis=-1) > 12
    for hint in HINTS:
        area = hint_area(hint, image.shape)
        assert changed[area].mean() > 0.5, hint.name
    near = ndimage.binary_dilation(rasterize(HINTS, image.shape).hint_mask, iterations=8)
    assert not changed[~near].any()


def test_a_tiny_hint_on_a_large_image_reaches_the_model():
    hints = [PointHint(row=1234, column=777, size=1, lab=RED)]
    drawn = rasterize(hints, (3000, 2000))
    hint_ab, hint_mask, level = HintedPixels.of(drawn, hints, 3000).on((3000, 2000), (512, 341))
    assert hint_mask.shape == (512, 341) and (hint_mask > 0).sum() == 1
    np.testing.assert_allclose(hint_ab[hint_mask > 0], [RED[1:]])
    np.testing.assert_allclose(level[hint_mask > 0], RED[0])


def test_a_limited_hint_never_reaches_the_model():
    hints = [PointHint(row=5, column=7, size=3, lab=RED), PointHint(row=20, column=7, size=3, lab=TEAL, limit=True)]
    hinted = HintedPixels.of(rasterize(hints, (30, 30)), hints, 30)
    hint_ab, hint_mask, _ = hinted.on((30, 30), (30, 30))
    assert hint_mask[5, 7] == 1 and not hint_mask[15:].any() and not hint_ab[15:].any()
    ab = np.zeros((30, 30, 2), np.float32)
    hinted.enforce(ab)
    np.testing.assert_allclose(ab[20, 7], TEAL[1:])


@given(st.integers(1, 90), st.integers(1, 90), st.floats(0.02, 1), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_shrinking_takes_means_over_areas(height, width, factor, seed):
    values = np.random.default_rng(seed).uniform(0, 100, (height, width)).astype(np.float32)
    shape = max(1, round(height * factor)), max(1, round(width * factor))
    small = shrink(values, shape)
    assert small.shape == shape and small.mean() == pytest.approx(values.mean(), abs=1e-3)
    # The oracle: repeat every pixel so often that areas are whole numbers.
    fine = np.repeat(np.repeat(values, shape[0], axis=0), shape[1], axis=1).astype(np.float64)
    means = fine.reshape(shape[0], height, shape[1], width).mean(axis=(1, 3))
    np.testing.assert_allclose(small, means, atol=2e-3)


@pytest.mark.parametrize("size", ["huge", 0, 15, 512.0, True])
def test_a_wrong_working_size_is_named(colorizer, size):
    with pytest.raises(ConfigError, match="working_size"):
        colorizer.colorize(micrograph(), HINTS, working_size=size)


def test_a_prepared_micrograph_is_colored_like_the_image(colorizer):
    prepared = colorizer.prepare(micrograph(), databar=12, working_size=64)
    first = colorizer.colorize(prepared, HINTS[:1])
    again = colorizer.colorize(prepared, HINTS)
    once = colorizer.colorize(micrograph(), HINTS, databar=12, working_size=64)
    np.testing.assert_array_equal(again.rgb, once.rgb)
    assert again.provenance.settings == once.provenance.settings
    assert (first.rgb != again.rgb).any()
    # What it was prepared with may be said again; anything else is no longer to be had.
    same = colorizer.colorize(prepared, HINTS, databar=12, working_size=64)
    np.testing.assert_array_equal(same.rgb, again.rgb)
    for other in ({"working_size": "full"}, {"working_size": 100}, {"databar": 20}, {"databar": "none"}):
        with pytest.raises(ConfigError, match=r"give it to prepare\(\)"):
            colorizer.colorize(prepared, HINTS, **other)
        with pytest.raises(ConfigError, match=r"give it to prepare\(\)"):
            colorizer.colorize_views([prepared], [HINTS], **other)


def test_fill_is_gray_with_hints_and_auto_without(colorizer):
    assert colorizer.colorize(micrograph(), HINTS).provenance.settings["fill"] == "gray"
    assert colorizer.colorize(micrograph()).provenance.settings["fill"] == "auto"


def test_files_hold_what_the_result_says(colorizer, tmp_path):
    source = tmp_path / "in.tif"
    tifffile.imwrite(source, micrograph(dtype=np.uint16), imagej=True, resolution=(25.0, 25.0), metadata={"unit": "um"})
    result = colorizer.colorize(read_micrograph(source), HINTS, variants=2)
    paths = result.save(tmp_path / "out.tif", png=True)
    assert [p.name for p in paths] == ["out.tif", "out.json", "out_legend.png", "out_1.png", "out_2.png"]
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        np.testing.assert_array_equal(file.asarray(), result.rgb)
        about = file.imagej_metadata
        assert about["unit"] in ("um", "µm") and len(about["Overlays"]) == len(HINTS)
        assert file.pages[0].resolution == (25.0, 25.0)
        assert result.provenance.input_sha256 in about["Info"] and "disk" in about["Info"]
    assert sum(row["share"] for row in result.legend_rows()) == pytest.approx(1)


def test_wrong_arguments_are_named(colorizer):
    with pytest.raises(ConfigError, match="variants is 0; at least 1"):
        colorizer.colorize(micrograph(), variants=0)
    with pytest.raises(ConfigError, match="fill is 'red'"):
        colorizer.colorize(micrograph(), HINTS, fill="red")
    with pytest.raises(HintError, match="outside the image: row 500"):
        colorizer.colorize(micrograph(), [PointHint(row=500, column=3, lab=RED)])
    with pytest.raises(ConfigError, match="variants is 1.5; a whole number"):
        colorizer.colorize(micrograph(), variants=1.5)
    with pytest.raises(ConfigError, match="at most 100"):
        colorizer.colorize(micrograph(), variants=100000)
    with pytest.raises(ShapeError, match=r"hint_ab \(8, 8\)"):
        colorizer.predict_ab(np.zeros((8, 8)), np.zeros((8, 8)), np.zeros((8, 8)))
    with pytest.raises(ShapeError, match="CIE L"):
        colorizer.predict_ab(np.full((8, 8), 50000.0), np.zeros((8, 8, 2)), np.zeros((8, 8)))


def test_paths_are_taken_as_they_are(colorizer, tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", micrograph())
    (tmp_path / "h.yaml").write_text("hints:\n  - {point: [60, 40], size: 9, color: teal}\n")
    result = colorizer.colorize(tmp_path / "m.tif", str(tmp_path / "h.yaml"))
    assert result.micrograph.path.endswith("m.tif") and len(result.hints) == 1


def test_the_data_bar_stays_out_of_the_display_range(tmp_path):
    image = (1000 + 500 * (micrograph(dtype=np.uint16) / 65535)).astype(np.uint16)
    image[-12:] = 65535
    tifffile.imwrite(tmp_path / "m.tif", image)
    assert read_micrograph(tmp_path / "m.tif", databar=12).display_range[1] < 1600
    assert read_micrograph(tmp_path / "m.tif", databar="none").display_range[1] == 65535


def test_the_model_card_is_that_of_the_weights_that_ship():
    card = (Path(__file__).parents[2] / "semcolorize" / "weights" / "README.md").read_text(encoding="utf-8")
    assert load_weights("default").sha256 in card
