"""Series: registration against known correspondences, colors carried, views of any size colored alike."""

import json

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from semcolorize.cli.views import _distinct, command
from semcolorize.color.lab import lightness_to_gray
from semcolorize.errors import ConfigError, ImageReadError, SemColorizeError, ShapeError
from semcolorize.hints.model import LineHint, PointHint, Rectangle, RegionHint
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.reading import micrograph_from_array
from semcolorize.micrograph.registration import Registration, register
from semcolorize.micrograph.sheet import SheetView, series_sheet
from semcolorize.micrograph.working import PreparedMicrograph, at_one_scale
from semcolorize.network.carrying import with_carried
from semcolorize.network.proposing import MOST_TOGETHER, HintedView, _groups
from semcolorize.pipeline import Colorizer
from semcolorize.result import series_picture
from semcolorize.scenes import VALIDATION_SEEDS, make_scene, make_views


def gray(lightness):
    return np.rint(lightness_to_gray(np.clip(lightness, 0, 100)) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def tilted():
    return make_views(VALIDATION_SEEDS + 1, 256, 3, tilt=40)


def test_registration_finds_what_the_scene_knows(tilted):
    found = register(tilted.views[0].lightness, tilted.views[2].lightness)
    truth = tilted.correspondence(2, 0)
    known = np.isfinite(truth[..., 0])
    sure = known & (found.confidence > 0.5)
    assert found.found and sure.sum() > 0.6 * known.sum()
    error = np.hypot(*np.moveaxis(found.places - truth, -1, 0))[sure]
    assert np.median(error) < 1.5 and np.quantile(error, 0.9) < 4
    # Where a point is hidden in the other view, confidence is lower.
    assert found.confidence[~known].mean() < 0.6 * found.confidence[known].mean()


def test_a_shift_is_found_to_the_pixel():
    lightness = make_scene(4, 300).lightness
    found = register(lightness[10:266, 20:276], lightness[30:286, 8:264])
    sure = found.confidence > 0.6
    assert sure.mean() > 0.5
    rows, columns = np.mgrid[:256, :256]
    np.testing.assert_allclose(np.median((found.places[..., 0] - rows)[sure]), 20, atol=0.5)
    np.testing.assert_allclose(np.median((found.places[..., 1] - columns)[sure]), -12, atol=0.5)


@pytest.mark.parametrize("seed", [0, 2])
def test_other_fields_of_the_sample_are_not_registered(seed):
    views = make_views(VALIDATION_SEEDS + seed, 192, 2, rearranged=True).views
    assert not register(views[0].lightness, views[1].lightness).found


def test_views_without_features_are_not_registered():
    flat, other = np.full((64, 80), 40.0), make_scene(3, 96).lightness
    assert not register(flat, other).found and not register(other, flat).found
    with pytest.raises(ShapeError, match="at least 32"):
        register(np.zeros((8, 8)), other)


def test_carried_colors_keep_off_outlines_and_hints():
    shape = (64, 96)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    registration = Registration(
        np.stack([rows, columns], axis=-1), (columns < 72).astype(np.float32), 50
    )
    ab = np.where(columns[..., None] < 40, [40.0, 0.0], [0.0, -30.0]).astype(np.float32)
    mask = np.zeros(shape, np.float32)
    mask[8:12, 8:12] = 1
    view = HintedView(np.full(shape, 50.0), np.zeros((*shape, 2), np.float32), mask)
    carried = with_carried(view, registration, view.lightness, ab)
    soft = (carried.hint_mask > 0) & (mask == 0)
    assert soft.any() and carried.hint_mask[soft].max() < 0.5
    assert not soft[:, 72:].any() and not soft[:, 37:43].any()
    np.testing.assert_allclose(carried.hint_ab[soft], ab[soft], rtol=1e-5)
    assert (carried.hint_mask[8:12, 8:12] == 1).all() and not carried.hint_ab[8:12, 8:12].any()
    # What the user asked for is still known.
    np.testing.assert_array_equal(carried.asked_for, mask)
    nothing = Registration(registration.places, 0 * registration.confidence, 3)
    assert with_carried(view, nothing, view.lightness, ab) is view


@given(st.lists(st.booleans(), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_every_view_is_colored_once_and_groups_stay_small(hinted):
    groups = _groups(hinted)
    assert sorted(i for _, wanted in groups for i in wanted) == list(range(len(hinted)))
    for group, wanted in groups:
        assert len(group) <= MOST_TOGETHER and set(wanted) <= set(group) and len(set(group)) == len(group)
        # Whoever has no hints sees someone who has.
        assert any(hinted[i] for i in group) or not any(hinted)


def test_views_of_known_pixel_sizes_get_one_scale():
    def view(side, nanometers):
        calibration = Calibration(nanometers, nanometers, "nm") if nanometers else None
        micrograph = micrograph_from_array(gray(np.zeros((side, side))), calibration=calibration)
        return PreparedMicrograph(micrograph, side, 512)

    near, far, tiny = view(1024, 5.0), view(1024, 10.0), view(1024, 0.5)
    sides = [max(v.small.shape) for v in at_one_scale([near, far, tiny])]
    assert sides == [256, 512, 160]
    unknown = [near, view(1024, None)]
    assert at_one_scale(unknown) == unknown and at_one_scale([near]) == [near]


@pytest.fixture(scope="module")
def colorizer():
    return Colorizer.load(device="cpu")


HINTS = [
    PointHint(row=100, column=100, size=9, lab=(55.0, 60.0, 40.0), name="grain"),
    PointHint(row=10, column=10, size=9, lab=(55.0, 0.0, 0.0), name="ground"),
]


def test_a_series_of_one_is_the_single_image(colorizer, tilted):
    image = gray(tilted.views[0].lightness)
    (one,) = colorizer.colorize_views([image], [HINTS], databar="none")
    np.testing.assert_array_equal(one.rgb, colorizer.colorize(image, HINTS, databar="none").rgb)


def test_hints_on_one_view_color_the_others(colorizer, tilted):
    images = [gray(view.lightness) for view in tilted.views]
    images[1] = images[1][:200, :230]
    results = colorizer.colorize_views(images, [HINTS, None, None], databar="none")
    assert [r.rgb.shape[1:3] for r in results] == [image.shape for image in images]
    assert all(np.hypot(*r.ab[0].T).max() > 10 for r in results[::2])
    about = [r.provenance.settings["series"] for r in results]
    assert about[0]["registered"] is None and about[2]["registered"]["with_view"] == 1
    assert [a["view"] for a in about] == [1, 2, 3]
    again = colorizer.colorize_views(images, [HINTS, None, None], databar="none")
    assert all((a.rgb == b.rgb).all() for a, b in zip(results, again, strict=True))
    # Colors agree where the scene knows that both views show one point.
    truth = tilted.correspondence(2, 0)
    known = np.isfinite(truth[..., 0])
    there = results[0].ab[0][tuple(truth[known].astype(int).T)]
    apart = np.hypot(*(results[2].ab[0][known] - there).T)
    alone = colorizer.colorize_views(images[2:], [None], databar="none", fill="auto")[0]
    assert apart.mean() < np.hypot(*(alone.ab[0][known] - there).T).mean()


def test_wrong_series_are_named(colorizer):
    with pytest.raises(ConfigError, match="2 views and 1 entries of hints"):
        colorizer.colorize_views([np.zeros((64, 64), np.uint8)] * 2, [None])
    with pytest.raises(ConfigError, match="0 views"):
        colorizer.colorize_views([], [])


def test_the_sheet_says_where_colors_came_from(colorizer, tilted):
    images = [gray(view.lightness) for view in tilted.views[::2]]
    results = colorizer.colorize_views(images, [HINTS, None], databar="none")
    views = [r.sheet_view() for r in results]
    assert views[0].source == "2 hints here" and views[1].source.startswith("carried from view 1 (")
    picture = Image.open(io_of(series_picture(results)))
    assert picture.width > 2 * 420
    with pytest.raises(ShapeError):
        series_sheet([], np.zeros((4, 4, 3), np.uint8))
    # Six are three and three; what differs in height is aligned.
    low = SheetView(np.full((40, 100), 90, np.uint8), np.zeros((40, 100, 3), np.uint8), (), "low", "")
    high = SheetView(np.full((120, 100), 90, np.uint8), np.zeros((120, 100, 3), np.uint8), (), "high", "")
    six = np.asarray(Image.open(io_of(series_sheet([low, high] * 3, np.zeros((4, 4, 3), np.uint8)))))
    assert six.shape[1] == 3 * (420 + 12) + 12
    tops = [int((six[:, 12 + k * 432 + 200] == 0).all(axis=-1).argmax()) for k in range(2)]
    assert tops[0] == tops[1]
    many = [SheetView(images[0], results[0].rgb[0], (), "a very long name " * 20, "there")] * 7
    assert Image.open(io_of(series_sheet(many, np.zeros((4, 4, 3), np.uint8)))).width < 5 * 440


def test_the_sheet_shows_strokes_and_areas_as_drawn_and_dots_for_what_is_too_fine(colorizer, tilted):
    image = gray(tilted.views[0].lightness)
    across = {"path": ((30.0, 10.0), (30.0, 90.0)), "lab": (50.0, 60.0, 40.0), "name": "stroke"}
    hints = [
        LineHint(width=6, **across),
        RegionHint(name="area", lab=(50.0, -40.0, 20.0), shape=Rectangle(top=60, left=60, height=20, width=30)),
        PointHint(name="point", lab=(60.0, 0.0, 60.0), row=8, column=8),
    ]
    seen = colorizer.colorize_views([image], [hints], databar="none")[0].sheet_view()
    assert [mark[:2] for mark in seen.marks] == [(8, 8)]
    saturated = np.ptp(seen.gray.astype(int), axis=-1) > 40
    assert saturated[28:32, 12:88].all() and saturated[62:78, 62:88].all()
    assert not saturated[45:55].any() and not saturated[85:].any()
    thin = [LineHint(width=0.1, **across), RegionHint(lab=(50.0, 0, 0), shape=Rectangle(9, 9, 2, 2))]
    assert len(colorizer.colorize_views([image], [thin], databar="none")[0].sheet_view().marks) == 2


def io_of(png):
    import io

    return io.BytesIO(png)


def test_the_command_colors_what_it_can(tmp_path, tilted):
    for k, view in enumerate(tilted.views):
        tifffile.imwrite(tmp_path / f"tilt={k}.tif", gray(view.lightness))
    (tmp_path / "tilt=1.tif").write_bytes(b"II*\0broken")
    (tmp_path / "h.yaml").write_text("hints:\n  - {point: [100, 100], size: 9, color: crimson}\n")
    images = [str(tmp_path / f"tilt={k}.tif") for k in range(3)]
    arguments = [*images, "--hints", f"{images[0]}={tmp_path / 'h.yaml'}", "-o", str(tmp_path / "out"), "--json"]
    answer = CliRunner().invoke(command, arguments)
    assert answer.exit_code == 3
    document = json.loads(answer.stdout)
    assert [view["name"] for view in document["views"]] == ["tilt=0.tif", "tilt=2.tif"]
    assert document["failed"][0]["path"] == images[1] and "tilt=1.tif" in document["failed"][0]["error"]
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        f"tilt={k}_color{end}" for k in (0, 2) for end in (".tif", ".json", "_legend.png")
    } | {"series.png"}
    again = CliRunner().invoke(command, arguments)
    assert "exists" in str(again.exception)
    # Nothing is left behind where nothing can be colored.
    arguments = [images[1], images[2], "--hints", f"{images[1]}={tmp_path / 'h.yaml'}", "-o", str(tmp_path / "none")]
    lost = CliRunner().invoke(command, arguments)
    assert "no hints are left" in str(lost.exception) and "tilt=1.tif" in lost.stderr
    assert not (tmp_path / "none").exists()


def test_a_view_that_cannot_be_read_is_told_and_the_others_are_colored(colorizer, tilted, tmp_path):
    paths = [tmp_path / f"tilt{k}.tif" for k in range(3)]
    for path, view in zip(paths, tilted.views, strict=True):
        tifffile.imwrite(path, gray(view.lightness))
    # As an instrument leaves it that is switched off: the pixels end before the file says.
    paths[1].write_bytes(paths[1].read_bytes()[:5000])
    with pytest.raises(ImageReadError, match="tilt1.tif.*truncated"):
        colorizer.colorize_views(paths, [HINTS, None, None])
    told = {}
    results = colorizer.colorize_views(paths, [HINTS, None, None], on_failure=told.__setitem__)
    assert list(told) == [1] and "truncated" in str(told[1])
    assert [r.provenance.input_name for r in results] == ["tilt0.tif", "tilt2.tif"]
    assert all(np.hypot(*r.ab[0].T).max() > 10 for r in results)
    # The one with the hints: no color is made up for the rest.
    with pytest.raises(ConfigError, match="nothing says how to color"):
        colorizer.colorize_views(paths, [None, HINTS, None], on_failure=told.__setitem__)
    with pytest.raises(ConfigError, match="No view can be read"):
        colorizer.colorize_views(paths[1:2], [HINTS], on_failure=told.__setitem__)
    lines = [f"{paths[i].name}: {error}" for i, error in told.items()]
    # A hint that lies on no pixel, and a hint file that is none, cost their view, too.
    far = [PointHint(row=9000, column=9, lab=(50.0, 0.0, 0.0))]
    (tmp_path / "none.yaml").write_text("hints: 3")
    for wrong in (far, tmp_path / "none.yaml"):
        missed = {}
        kept = colorizer.colorize_views(paths[::2], [HINTS, wrong], on_failure=missed.__setitem__)
        assert len(kept) == 1 and list(missed) == [1]
        with pytest.raises(SemColorizeError):
            colorizer.colorize_views(paths[::2], [HINTS, wrong])
    with_note = Image.open(io_of(series_picture(results, missing=lines)))
    assert with_note.height > Image.open(io_of(series_picture(results))).height
    # A view without hints of its own has the legend of the series: what is colored in it has a name.
    names = [{line["name"]: line for line in r.legend_rows()} for r in results]
    assert set(names[0]) == set(names[1]) == {"grain", "ground"}
    assert names[1]["grain"]["share"] > 0 and names[1]["grain"]["hints"] == 0 and names[0]["grain"]["hints"] == 1


def two_disks(shift):
    rows, columns = np.mgrid[:160, :200]
    picture = np.random.default_rng(shift).normal(50, 3, rows.shape)
    for row, column in ((60, 60), (100, 130)):
        picture[np.hypot(rows - row, columns - column - shift) < 20] += 120
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_what_cannot_be_registered_is_colored_all_the_same(colorizer, monkeypatch):
    views = [two_disks(0), two_disks(12)]
    hints = [PointHint(row=60, column=60, lab=(60.0, 50.0, 30.0)), PointHint(row=8, column=8, lab=(50.0, 0.0, 0.0))]
    results = colorizer.colorize_views(views, [hints, None], databar="none")
    assert all(np.hypot(*r.ab[0].T).max() > 10 for r in results)

    class FailedEstimation:
        """As scikit-image from 0.26 on has it."""

        def __bool__(self):
            return False

        @property
        def params(self):
            raise AttributeError("FailedEstimation has no attribute 'params'.")

    monkeypatch.setattr("skimage.measure.ransac", lambda *given, **more: (FailedEstimation(), None))
    scene = make_scene(VALIDATION_SEEDS, 256).lightness
    assert not register(scene, scene).found


def test_provenance_says_which_hints_colored_a_view_without_any(colorizer, tilted, tmp_path):
    paths = [tmp_path / f"tilt{k}.tif" for k in range(2)]
    for path, view in zip(paths, tilted.views[::2], strict=True):
        tifffile.imwrite(path, gray(view.lightness))
    (tmp_path / "h.yaml").write_text("hints:\n  - {point: [128, 128], color: '#d1495b', name: grain}\n")
    first, second = colorizer.colorize_views(paths, [tmp_path / "h.yaml", None], databar="none")
    record = second.provenance.to_dict()
    assert "guided by 1 color hint set by the authors on tilt0.tif of the same series" in record["methods"]
    assert "carried by registration" in record["methods"] and "without color hints" not in record["methods"]
    (other,) = record["settings"]["series"]["hints_on"]
    assert other["name"] == "tilt0.tif" and other["sha256"] == first.provenance.input_sha256
    assert other["hint_files"] == [["h.yaml", first.provenance.hint_files[0][1]]] and len(other["hints"]) == 1
    assert second.sheet_view().source.startswith("carried from tilt0.tif (")
    both = colorizer.colorize_views(paths, [tmp_path / "h.yaml", tmp_path / "h.yaml"], databar="none")[0].provenance
    said = both.to_dict()["methods"]
    assert "guided by 1 color hint set by the authors and 1 color hint set by the authors on tilt1.tif of the" in said
    assert "leaving what resembles no hint gray" in said
    alone = colorizer.colorize_views(paths, [None, None], databar="none")
    assert {r.sheet_view().source for r in alone} == {"no hints in this series"}
    assert all("without color hints" in r.provenance.to_dict()["methods"] for r in alone)


def test_one_name_with_two_colors_is_noted_where_it_differs(colorizer, tilted):
    images = [gray(view.lightness) for view in tilted.views[::2]]
    hints = [
        [PointHint(row=128, column=128, lab=lab, name="grain"), PointHint(row=8, column=8, lab=(50.0, 0, 0), name="bg")]
        for lab in ((60.0, 50.0, 30.0), (60.0, 10.0, -40.0))
    ]
    first, second = colorizer.colorize_views(images, hints, databar="none")
    assert not first.notes
    (note,) = second.notes
    assert note.startswith("'grain' is #") and "on view 1" in note


def test_hints_beside_one_view_leave_the_others_colored(tmp_path, tilted):
    images = [tmp_path / f"tilt{k}.tif" for k in range(2)]
    for path, view in zip(images, tilted.views[::2], strict=True):
        tifffile.imwrite(path, gray(view.lightness))
    (tmp_path / "good.yaml").write_text("hints:\n  - {point: [128, 128], color: '#d1495b'}\n")
    (tmp_path / "far.yaml").write_text("hints:\n  - {point: [5000, 128], color: '#d1495b'}\n")
    given = ["--hints", f"tilt0.tif={tmp_path / 'good.yaml'}", "--hints", f"tilt1.tif={tmp_path / 'far.yaml'}"]
    answer = CliRunner().invoke(command, [*map(str, images), *given, "-o", str(tmp_path / "out")])
    assert answer.exit_code == 3 and "error: tilt1.tif: " in answer.stderr and "lies outside" in answer.stderr
    assert (tmp_path / "out" / "tilt0_color.tif").exists() and not (tmp_path / "out" / "tilt1_color.tif").exists()
    twice = [str(images[0]), str(images[0]), *given[:2], "-o", str(tmp_path / "twice")]
    assert "one is given twice" in str(CliRunner().invoke(command, twice).exception)


def test_a_folder_into_which_nothing_was_written_is_gone(tmp_path, tilted):
    tifffile.imwrite(tmp_path / "a.tif", gray(tilted.views[0].lightness))
    arguments = [str(tmp_path / "a.tif"), "-o", str(tmp_path / "out"), "--weights", str(tmp_path / "none.safetensors")]
    assert CliRunner().invoke(command, arguments).exit_code == 1
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    CliRunner().invoke(command, arguments)
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize("spoil", ["lightness", "hint_ab", "shape", "none"])
def test_wrong_arrays_of_views_are_named(colorizer, spoil):
    lightness, hint_ab, mask = np.full((64, 64), 50.0), np.zeros((64, 64, 2)), np.zeros((64, 64))
    mask[4, 4] = 1
    {"lightness": lightness, "hint_ab": hint_ab}.get(spoil, np.zeros((8, 8)))[4, 4] = np.nan
    view = (lightness, hint_ab, mask)
    views = {"shape": [view[:2]], "none": []}.get(spoil, [view])
    with pytest.raises(ShapeError):
        colorizer.predict_views(views)


def test_the_command_names_wrong_hints(tmp_path):
    image = str(tmp_path / "a.tif")
    tifffile.imwrite(image, np.zeros((64, 64), np.uint8))
    for hints, words in (("b.tif=h.yaml", "names none of the views"), ("a.tif=", "names no file")):
        with pytest.raises(ConfigError, match=words):
            CliRunner().invoke(command, [image, "--hints", hints, "-o", str(tmp_path / "o")], catch_exceptions=False)
    (tmp_path / "b.tif").write_bytes(b"nothing")
    with pytest.raises(SemColorizeError, match="none of the views can be colored"):
        CliRunner().invoke(command, [str(tmp_path / "b.tif"), "-o", str(tmp_path / "o")], catch_exceptions=False)


@given(st.lists(st.sampled_from(["a", "b", "a_2", "a_2_2"]), min_size=1, max_size=8))
def test_names_of_results_are_distinct(stems):
    names = _distinct(stems)
    assert len(set(names)) == len(stems)
    assert all(name.startswith(stem) for name, stem in zip(names, stems, strict=True))
