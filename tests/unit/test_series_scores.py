"""Scores of series: truth scores best, and each measure sees what it is for."""

import json

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from semcolorize.cli.main import cli
from semcolorize.color.ink import ink_curve, ink_of
from semcolorize.color.lab import lightness_to_gray
from semcolorize.errors import ConfigError, SemColorizeError
from semcolorize.evaluation.report import write_series_report
from semcolorize.evaluation.series import color_distribution, folder_series, procedural_series, score_series
from semcolorize.scenes import make_scene


@pytest.fixture(scope="module")
def series():
    return procedural_series(2, 96)


def painted(series, changed=lambda k, inks: inks):
    """Every class in the ink it was hinted with; `changed` per view."""
    result = []
    for k, (view, labels) in enumerate(zip(series.views, series.classes, strict=True)):
        inks = np.zeros((*labels.shape, 2))
        for number, color in series.colors.items():
            inks[labels == number] = ink_of(np.array([color]), ink_curve(np.array([55.0])))[0]
        result.append(changed(k, inks) * ink_curve(view[0])[..., None])
    return result


def test_one_hint_a_class_on_the_first_view_only(series):
    for one in series:
        numbers = set(one.colors)
        assert {int(one.classes[0][r, c]) for r, c in np.argwhere(one.views[0][2])} == numbers
        assert not any(view[2].any() for view in one.views[1:])
        everywhere = one.hinted_everywhere()
        seen = {n for n in numbers if (one.classes[1] == n).any()}
        assert {int(one.classes[1][r, c]) for r, c in np.argwhere(everywhere.views[1][2])} == seen


def test_truth_scores_best(series):
    def turned(one):
        return painted(one, lambda k, inks: inks if k == 0 else inks[..., ::-1] * [1, -1])

    run = score_series(series, {"truth": painted, "turned": turned})
    truth = [s for s in run.scores if s.method == "truth"]
    assert all(s.class_share == 1 and s.palette_error < 1e-6 for s in truth)
    tilted = [s for s in truth if not s.rearranged]
    assert all(s.ciede2000 < 0.01 for s in tilted) and all(np.isnan(s.ciede2000) for s in truth if s.rearranged)
    for right, wrong in zip(truth, (s for s in run.scores if s.method == "turned"), strict=True):
        assert wrong.palette_error > right.palette_error and wrong.class_share < 1
        assert right.rearranged or wrong.ciede2000 > right.ciede2000
    rows = {(r["kind"], r["method"]): r for r in run.summary()}
    assert rows["tilted", "truth"]["series"] == 2 and rows["rearranged", "truth"]["ciede2000"] is None


def test_color_distribution_is_a_divergence():
    rng = np.random.default_rng(0)
    one, two = rng.random((40, 40, 3)) * 0.4, 0.5 + rng.random((40, 40, 3)) * 0.4
    assert color_distribution(one, one) == 0
    assert color_distribution(one, two) == pytest.approx(np.log(2), abs=1e-4)
    # It misses color in the wrong place.
    assert color_distribution(one, one[::-1]) == pytest.approx(0)


def test_reports_are_whole(series, tmp_path):
    run = score_series(series, {"truth": painted})
    paths = write_series_report(run, tmp_path, extra={"seed": 0})
    assert [p.name for p in paths] == ["series.json", "series.csv", "series.png"]
    document = json.loads(paths[0].read_text())
    assert len(document["scores"]) == 4 and document["scores"][1]["ciede2000"] is None


def test_folders_of_views(tmp_path):
    lightness = make_scene(4, 200).lightness
    for k, offset in enumerate((0, 20)):
        part = lightness[offset : offset + 160, :160]
        tifffile.imwrite(tmp_path / f"tilt{k}.tif", np.rint(lightness_to_gray(part) * 255).astype(np.uint8))
    with pytest.raises(ConfigError, match=r"NAME\.hints\.yaml"):
        folder_series(tmp_path)
    (tmp_path / "tilt1.hints.yaml").write_text("hints:\n  - {point: [80, 80], size: 9, color: crimson}\n")
    (one,) = folder_series(tmp_path)
    assert one.views[0][2].any() and not one.views[1][2].any() and one.classes is None
    known = np.isfinite(one.places[1][..., 0])
    rows = np.mgrid[:160, :160][0]
    assert np.median((one.places[1][..., 0] - rows)[known]) == pytest.approx(-20, abs=1)
    # What cannot be read is an error, or told and left out.
    (tmp_path / "tilt2.tif").write_text("no image")
    (tmp_path / "tilt0.hints.yaml").write_text("hints:\n  - {point: [800, 80], color: crimson}\n")
    tifffile.imwrite(tmp_path / "tilt3.tif", np.rint(lightness_to_gray(lightness[:160, 20:180]) * 255).astype(np.uint8))
    with pytest.raises(SemColorizeError):
        folder_series(tmp_path)
    left_out = {}
    (one,) = folder_series(tmp_path, left_out=left_out)
    assert len(one.views) == 2 and set(left_out) == {"tilt0.tif", "tilt2.tif"}
    assert "outside the image" in left_out["tilt0.tif"]


def test_series_go_with_no_other_protocol():
    for extra in (["--modes"], ["--methods", "model"], ["--counts", "1"]):
        answer = CliRunner().invoke(cli, ["evaluate", "--series", *extra])
        assert isinstance(answer.exception, ConfigError) and "does not go with --series" in str(answer.exception)
