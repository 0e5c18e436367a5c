"""From hints to labels, from labels to colors, files and advice."""

import io
import zipfile

import numpy as np
import pytest
import roifile
import tifffile

from semcolorize.color.ink import ink_curve
from semcolorize.color.lab import gray_to_lightness
from semcolorize.color.palette import Palette
from semcolorize.errors import ConfigError, HintError, OutputError
from semcolorize.hintfiles.rois import read_rois
from semcolorize.hints.labels import Label, label_set
from semcolorize.hints.model import LineHint, PointHint
from semcolorize.hints.rasterize import hint_area
from semcolorize.inference.assignment import Assignment, label_chroma
from semcolorize.micrograph.provenance import methods_sentence
from semcolorize.pipeline import Colorizer
from semcolorize.results.labels import label_rois, label_tiff
from semcolorize.scenes import VALIDATION_SEEDS, make_figure

RED, BLUE, GRAY = (53.0, 60.0, 40.0), (45.0, 5.0, -50.0), (50.0, 0.0, 0.0)


def point(lab, **more):
    return PointHint(row=5, column=5, lab=lab, **more)


def test_a_color_is_a_label_and_gray_is_none():
    found = label_set([point(RED), point(GRAY), point(BLUE, name="b"), point(RED, name="cell")], "alike")
    assert [label.name for label in found.labels] == ["cell", "b"]
    np.testing.assert_array_equal(found.of_hint, [0, -1, 1, 0])


def test_hints_say_themselves_how_far_they_speak():
    hints = [point(RED), point(RED, spread="instance"), point(BLUE, spread="alike")]
    np.testing.assert_array_equal(label_set(hints, "alike").instance, [False, True, False])
    np.testing.assert_array_equal(label_set(hints, "instance").instance, [True, True, False])


@pytest.mark.parametrize("lab", [RED, BLUE, (85.0, -20.0, 30.0), (20.0, 30.0, -40.0)])
def test_a_label_looks_like_its_swatch_where_a_pixel_is_as_bright_and_never_more_vivid_in_the_shade(lab):
    chroma = Label("", lab).normalized_chroma
    shown = chroma * ink_curve(np.array(lab[0]))
    if lab[0] >= 44:
        np.testing.assert_allclose(shown, lab[1:], rtol=1e-5)
    else:
        np.testing.assert_allclose(chroma, lab[1:], rtol=1e-5)


def test_labels_meet_in_a_rim_and_not_in_a_third_hue():
    logits = np.linspace(-8, 8, 161)[None, None] * np.array([1.0, -1.0])[:, None, None] + 6
    colors = np.array([[60.0, 0.0], [-60.0, 0.0]], np.float32)
    mixed = label_chroma(logits.astype(np.float32), colors, 4.0)[0, :, 0]
    assert (np.diff(mixed) >= 0).all()
    assert (np.abs(mixed) > 55).mean() > 0.9


def assignment(logits, shape=None, pixels=((), (), ())):
    logits = np.asarray(logits, np.float32)
    shape = shape or logits.shape[1:]
    rows, columns, label = (np.array(x, int) for x in pixels)
    labels = tuple(Label(f"l{k}", lab) for k, lab in zip(range(len(logits)), (RED, BLUE), strict=False))
    return Assignment(labels, logits, shape, logits.shape[1], lambda plane: plane, rows, columns, label)


def test_chances_are_a_softmax_with_none_and_a_hint_has_its_label():
    found = assignment(np.stack([np.full((4, 6), np.log(3.0)), np.zeros((4, 6))]), pixels=([1, 2], [1, 2], [1, -1]))
    np.testing.assert_allclose(found.chances[:, 0, 0], [0.2, 0.6, 0.2], rtol=1e-5)
    np.testing.assert_allclose(found.chances[:, 1, 1], [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(found.chances[:, 2, 2], [1, 0, 0], atol=1e-6)
    assert found.map[0, 0] == 1 and found.map[1, 1] == 2 and found.map[2, 2] == 0
    assert found.uncertainty[0, 0] == pytest.approx(1 / 3, rel=1e-4) and found.uncertainty[1, 1] == 0


def test_rows_of_the_data_bar_belong_to_none():
    found = assignment(np.full((1, 4, 6), 9.0), shape=(6, 6))
    assert (found.map[:4] == 1).all() and (found.map[4:] == 0).all()


def test_the_next_hint_lies_in_the_middle_of_the_largest_doubt():
    logits = np.full((1, 60, 80), 6.0)
    logits[0, 10:14, 5:9] = 0.2
    logits[0, 30:50, 40:70] = -0.1
    x, y = assignment(logits).next_hint
    assert 45 <= x <= 64 and 36 <= y <= 44
    assert assignment(np.full((1, 60, 80), 6.0)).next_hint is None
    assert assignment(np.zeros((0, 60, 80))).next_hint is None


def plane():
    labels = np.zeros((20, 30), np.uint8)
    labels[2:8, 3:9] = 1
    labels[4:6, 5:7] = 0  # a hole
    labels[12:18, 20:28] = 1
    labels[10:15, 2:12] = 2
    labels[0, 29] = 2  # too small for an object
    return labels


def test_a_label_image_has_numbers_colors_and_names():
    content = label_tiff([Label("cell", RED), Label("wall", BLUE)], plane(), None)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        np.testing.assert_array_equal(file.asarray(), plane())
        about = file.imagej_metadata
    assert about["Info"] == "0: none\n1: cell\n2: wall"
    table = np.asarray(about["LUTs"]).reshape(3, 256)
    assert tuple(table[:, 0]) == (0, 0, 0) and table[0, 1] > 150 and table[2, 2] > 100


def test_every_object_becomes_a_roi_that_covers_it(tmp_path):
    path = tmp_path / "objects.zip"
    path.write_bytes(label_rois([Label("cell", RED), Label("wall", BLUE)], plane()))
    hints, skipped = read_rois(path)
    assert not skipped and [hint.name for hint in hints] == ["cell 1", "cell 2", "wall 1"]
    covered = np.zeros((20, 30), int)
    for hint in hints:
        covered += hint_area(hint, (20, 30)) * (1 if hint.name.startswith("cell") else 2)
    expected = plane()
    expected[0, 29] = 0
    np.testing.assert_array_equal(covered, expected)


@pytest.mark.parametrize("seed", range(4))
def test_outlines_of_any_mask_cover_exactly_it(tmp_path, seed):
    mask = np.random.default_rng(seed).random((12, 14)) < 0.6
    path = tmp_path / "objects.zip"
    path.write_bytes(label_rois([Label("x", RED)], mask.astype(np.uint8), least=1))
    covered = sum(hint_area(hint, mask.shape).astype(int) for hint in read_rois(path)[0])
    np.testing.assert_array_equal(covered, mask)


def test_a_roi_set_is_the_same_every_time():
    labels = [Label("cell", RED), Label("wall", BLUE)]
    assert label_rois(labels, plane()) == label_rois(labels, plane())
    with zipfile.ZipFile(io.BytesIO(label_rois(labels, plane()))) as archive:
        roi = roifile.ImagejRoi.frombytes(archive.read("0001.roi"))
    assert roi.name == "cell 1"


@pytest.fixture(scope="module")
def result():
    rows, columns = np.mgrid[:120, :160]
    pixels = np.full((120, 160), 40, np.uint8)
    for row, column in ((35, 40), (80, 110), (30, 120)):
        pixels[np.hypot(rows - row, columns - column) < 20] = 170
    pixels = np.clip(pixels + np.random.default_rng(0).normal(0, 5, pixels.shape), 0, 255).astype(np.uint8)
    hints = [
        PointHint(row=35, column=40, lab=RED, name="cell"),
        PointHint(row=80, column=110, lab=BLUE, name="this one", spread="instance"),
        LineHint(path=((110, 10), (112, 60)), width=3, lab=GRAY, name="ground"),
    ]
    return Colorizer.load().colorize(pixels, hints)


def test_all_particles_red_and_this_one_blue(result):
    assert result.names == ("cell", "this one")
    labels = result.labels
    assert (labels[70:90, 100:120] == 2).mean() > 0.95
    for row, column in ((35, 40), (30, 120)):
        assert (labels[row - 12 : row + 12, column - 12 : column + 12] == 1).mean() > 0.95
    assert (labels[60:, :60] == 0).mean() > 0.95
    assert result.chances.shape == (3, 120, 160) and result.uncertainty.shape == (120, 160)
    np.testing.assert_allclose(result.chances.sum(axis=0), 1, atol=1e-4)


def test_a_hints_pixels_have_its_label(result):
    assert (result.labels[33:38, 38:43] == 1).all()
    assert (result.labels[78:83, 108:113] == 2).all()
    assert (result.labels[110, 12:50] == 0).all()
    assert not result.ab[0, 110, 12:50].any()


def test_the_methods_sentence_says_that_nothing_was_generated(result):
    text = result.provenance.to_dict()["methods"]
    assert "no generative step was used" in text and "diffusion" not in text
    assert result.provenance.weights_name == "labels"


def test_labels_and_rois_are_saved_and_never_overwritten(result, tmp_path):
    result.save_labels(tmp_path / "labels.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), result.labels)
    result.save_rois(tmp_path / "objects.zip")
    assert {hint.name for hint in read_rois(tmp_path / "objects.zip")[0]} >= {"cell 1", "cell 2", "this one 1"}
    with pytest.raises(OutputError):
        result.save_labels(tmp_path / "labels.tif")


def test_invented_colors_have_no_labels():
    result = Colorizer.load().colorize(np.full((64, 64), 90, np.uint8), fill="auto")
    assert result.names == () and result.next_hint is None
    with pytest.raises(ConfigError, match="invented"):
        result.labels  # noqa: B018


def test_one_more_hint_of_a_label_changes_little_far_from_it(result):
    rows, columns = np.mgrid[:120, :160]
    more = [*result.hints, PointHint(row=40, column=45, lab=RED)]
    after = Colorizer.load().colorize(result.micrograph.pixels, more)
    far = np.hypot(rows - 40, columns - 45) > 40
    assert np.abs(after.chances - result.chances)[:, far].mean() < 0.02


def test_legend_counts_the_labels_dark_places_included():
    from semcolorize.micrograph.legend import legend_of_labels

    logits = np.full((2, 4, 10), -5.0)
    logits[0, :, :3], logits[1, :, 3:5] = 5.0, 5.0
    found = assignment(logits)
    np.testing.assert_allclose(found.shares, [0.5, 0.3, 0.2])
    hints = [point(RED, name="cell"), point(GRAY, name="keep"), point(BLUE)]
    hints += [point(RED, name="the same"), point(RED, name="cell")]
    entries = legend_of_labels(hints, label_set(hints, "alike").labels, found.shares)
    assert [(entry.name, round(entry.share, 9), entry.hints) for entry in entries] == [
        ("cell", 0.3, 2), ("keep", 0.5, 1), (entries[2].color, 0.2, 1), ("the same", 0.0, 1),
    ]  # fmt: skip
    assert sum(entry.share for entry in entries) == pytest.approx(1)


def test_what_is_masked_has_no_label_and_no_area():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:96, :128]
    gray = 90 + 60 * (np.hypot(columns - 80, rows - 48) < 30) + rng.normal(0, 4, rows.shape)
    image = np.ma.array(np.clip(gray, 0, 255).astype(np.uint8), mask=columns < 40)
    colorizer = Colorizer.load()
    assert len(repr(colorizer)) < 120
    hints = [{"point": [80, 48], "color": "red"}, {"point": [10, 10], "color": "blue"}]
    result = colorizer.colorize(image, hints)
    assert not result.labels[:, :40].any() and result.labels[48, 80] == 1
    assert len(result.hints) == 1 and any("covers no pixel with data" in note for note in result.notes)
    share = {entry.name: entry.share for entry in result.legend}["red"]
    assert share == pytest.approx((result.labels[:, 40:] == 1).mean(), abs=0.03)
    assert "1 hint, 1 variant" in repr(result) and len(repr(result)) < 120
    assert result._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(HintError, match="pixel with data"):
        colorizer.colorize(image, hints[1:])


def disk_with_a_hint():
    """A bright disk, marked red in its middle; lightness, hint_ab, hint_mask and the disk."""
    rows, columns = np.mgrid[:96, :128]
    disk = np.hypot(columns - 64, rows - 48) < 30
    noise = np.random.default_rng(0).normal(0, 1.5, rows.shape)
    lightness = np.where(disk, 70.0, 35.0).astype(np.float32) + noise.astype(np.float32)
    hint_ab, mask = np.zeros((96, 128, 2), np.float32), np.zeros((96, 128), np.float32)
    hint_ab[46:51, 62:67], mask[46:51, 62:67] = (40.0, 20.0), 1
    return lightness, hint_ab, mask, disk


def test_automatic_color_is_left_what_labels_leave_open():
    colorizer = Colorizer.load(device="cpu")
    lightness, hint_ab, mask, disk = disk_with_a_hint()
    made = colorizer.predict_ab(lightness, hint_ab, mask, variants=4, fill="auto", spread="instance")
    ground = ~disk
    ground[16:80, 32:96] = False
    for own in made:
        # The disk has the hint's hue in every variant, and the hint its color as light as it lies there.
        assert np.median(own[disk][:, 0]) > 20
        np.testing.assert_allclose(own[mask > 0], hint_ab[mask > 0], atol=4.0)
    # What nobody hinted has one color in each drawn variant, another in each.
    colors = np.array([np.median(own[ground], axis=0) for own in made[1:]])
    assert np.linalg.norm(np.diff(colors, axis=0), axis=1).max() > 8
    assert max(np.std(own[ground], axis=0).max() for own in made[1:]) < 6
    # The best guess does not depend on how many are asked for.
    (alone,) = colorizer.predict_ab(lightness, hint_ab, mask, fill="auto", spread="instance")
    np.testing.assert_allclose(alone, made[0], atol=1e-3)


def test_without_hints_classes_get_colors_of_their_own_and_variants_others():
    colorizer = Colorizer.load(device="cpu")
    lightness, hint_ab, mask, disk = disk_with_a_hint()
    nothing = np.zeros_like(mask)
    made = colorizer.predict_ab(lightness, hint_ab, nothing, variants=6, seed=3)
    inner, outer = np.hypot(*(np.mgrid[:96, :128] - np.array([48, 64])[:, None, None])) < 24, ~disk
    outer[8:88, 24:104] = False
    means = np.array([[own[part].mean(axis=0) for part in (inner, outer)] for own in made])
    within = np.array([[own[part].std(axis=0).max() for part in (inner, outer)] for own in made])
    assert np.median(np.linalg.norm(means[:, 0] - means[:, 1], axis=1)) > 20 and within.max() < 12
    assert np.linalg.norm(np.diff(means[:, 0], axis=0), axis=1).mean() > 15
    again = colorizer.predict_ab(lightness, hint_ab, nothing, variants=2, seed=3)
    np.testing.assert_allclose(again, made[:2], atol=1e-4)


def lab_of(gray):
    return np.asarray(gray_to_lightness(gray / np.float32(255)), np.float32)


def test_ground_is_quieter_than_what_lies_on_it():
    colorizer, louder = Colorizer.load(device="cpu"), []
    for k in range(3):
        scene = make_figure(VALIDATION_SEEDS + k, 192)
        nothing = np.zeros(scene.lightness.shape, np.float32)
        made = colorizer.predict_ab(scene.lightness, np.zeros((192, 192, 2), np.float32), nothing, variants=8)
        strength = np.hypot(made[..., 0], made[..., 1]) / np.maximum(ink_curve(scene.lightness), 0.1)
        louder += [np.median(own[scene.classes > 0]) - np.median(own[scene.classes == 0]) for own in strength]
    assert np.mean(louder) > 8


def test_classes_and_palette_bound_automatic_color():
    colorizer = Colorizer.load(device="cpu")
    lightness, *_, disk = disk_with_a_hint()
    gray = np.clip(lightness * 2.2, 0, 255).astype(np.uint8)
    palette = Palette({"rust": "#b7410e", "teal": "#1a7f8e"})
    result = colorizer.colorize(gray, palette=palette, classes=2, variants=3)
    hues = {round(float(np.degrees(np.arctan2(c.ab[1], c.ab[0])))) % 360 for c in palette.values()}
    for ab in result.ab:
        for part in (disk, ~disk):
            a, b = np.median(ab[part], axis=0)
            assert min(abs((np.degrees(np.arctan2(b, a)) - hue + 180) % 360 - 180) for hue in hues) < 12
    assert list(result.provenance.settings["palette"]) == ["rust", "teal"]
    assert "drew a color of a palette" in methods_sentence(result.provenance)
    (one,) = colorizer.colorize(gray, classes=1).ab
    even = one / ink_curve(lab_of(gray))[..., None]
    assert np.std(even, axis=(0, 1)).max() < 1
    with pytest.raises(ConfigError, match="classes is 0"):
        colorizer.colorize(gray, classes=0)


def test_the_rest_contrasts_with_what_was_hinted():
    colorizer = Colorizer.load(device="cpu")
    lightness, *_, disk = disk_with_a_hint()
    gray = np.clip(lightness * 2.2, 0, 255).astype(np.uint8)
    hints = [{"point": [64, 48], "color": "#c03020"}]
    result = colorizer.colorize(gray, hints, fill="contrast", spread="instance")
    ab = result.ab[0]
    thing, rest = np.median(ab[disk], axis=0), np.median(ab[:12], axis=(0, 1))
    turn = np.degrees(np.arctan2(thing[1], thing[0]) - np.arctan2(rest[1], rest[0])) % 360
    assert abs(turn - 180) < 25 and 2 < np.hypot(*rest) < 0.6 * np.hypot(*thing)
    assert result.labels[48, 64] == 1 and result.labels[2, 2] == 0
    told = methods_sentence(result.provenance)
    assert "no generative step" in told and "contrasting color" in told
    # The legend names the rest after its own color, gray hints or not.
    assert [entry.name for entry in result.legend][1:] == ["rest (no hint)"]
    assert result.legend[1].color == result.provenance.settings["rest"] and result.legend[1].share > 0.5
    keep = {"point": [10, 80], "color": "gray", "name": "keep"}
    kept = colorizer.colorize(gray, [*hints, keep], fill="contrast", spread="instance")
    assert [entry.name for entry in kept.legend][1:] == ["rest (no hint)"]
    assert any("gray hints (1) mark what has no class" in note for note in kept.notes)
    assert "rest" not in colorizer.colorize(gray, fill="contrast").provenance.settings
    # Hints of two colors leave a gap for the rest.
    two = [*hints, {"point": [10, 10], "color": "#2080c0"}]
    assert np.isfinite(colorizer.colorize(gray, two, fill="contrast").ab).all()
