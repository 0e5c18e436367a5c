"""The benchmark: its peers are what they are called, its cases run, its files are whole."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from semcolorize.cli.benchmark import command
from semcolorize.errors import ConfigError
from semcolorize.evaluation.smoother import _smooth_columns, fast_global_smoother
from semcolorize.evaluation.speed import CASES, Timing, sample_hints, sample_micrograph
from semcolorize.evaluation.speed_report import draw_timings


def test_columns_are_solved_like_a_dense_system():
    rng = np.random.default_rng(0)
    planes, weights = rng.normal(size=(9, 3, 2)), rng.uniform(0, 50, (8, 3))
    solved = _smooth_columns(planes, weights)
    for column in range(3):
        step = np.diff(np.eye(9), axis=0)
        system = np.eye(9) + step.T @ np.diag(weights[:, column]) @ step
        np.testing.assert_allclose(solved[:, column], np.linalg.solve(system, planes[:, column]))


def test_the_smoother_spreads_hints_up_to_edges():
    lightness = np.where(np.arange(60)[None] < 30, 20.0, 80.0) + np.zeros((40, 1))
    mask = np.zeros(lightness.shape, bool)
    mask[20, 10], mask[5, 50] = True, True
    ab = np.where(mask[..., None], np.where(np.arange(60)[None, :, None] < 30, [40.0, 0], [0, -30.0]), 0)
    result = fast_global_smoother(lightness, ab, mask)
    np.testing.assert_allclose(result[:, :29], np.broadcast_to([40, 0], (40, 29, 2)), atol=2)
    np.testing.assert_allclose(result[:, 31:], np.broadcast_to([0, -30], (40, 29, 2)), atol=2)
    assert not fast_global_smoother(lightness, ab, np.zeros_like(mask)).any()


@pytest.mark.parametrize(("shape", "bits"), [((256, 312), 8), ((1500, 1100), 16)])
def test_sample_micrographs_have_their_size_and_hints_inside(shape, bits):
    image = sample_micrograph(*shape, bits=bits)
    assert image.shape == shape and image.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert image.std() > 0.05 * (2**bits - 1)
    assert all(0 <= h.row < shape[0] and 0 <= h.column < shape[1] for h in sample_hints(*shape))


def test_a_run_leaves_its_figures_and_never_replaces_them(tmp_path):
    arguments = ["--only", "cold 1024", "--repeats", "1", "--device", "cpu", "--out", str(tmp_path / "speed"), "--json"]
    answer = CliRunner().invoke(command, arguments, catch_exceptions=False)
    document = json.loads(answer.stdout)
    (timing,) = document["timings"]
    assert timing["runs"] == 1 and timing["seconds"] > 0 and 200 < timing["peak_mib"] < 2500
    assert document["machine"]["cores"] >= 1
    assert json.loads((tmp_path / "speed" / "benchmark.json").read_text())["timings"] == document["timings"]
    assert Image.open(tmp_path / "speed" / "benchmark.png").width > 500
    again = CliRunner().invoke(command, arguments)
    assert again.exit_code != 0 and "exists" in str(again.exception)


def test_unknown_cases_are_named():
    with pytest.raises(ConfigError, match="fits no case; there are nine 312x256"):
        CliRunner().invoke(command, ["--only", "nothing"], catch_exceptions=False)


def test_every_case_is_drawn():
    timings = [Timing(c.name, "cpu", 10.0**i / 100, 0, 0, 5, 100.0 if i % 2 else None) for i, c in enumerate(CASES)]
    assert draw_timings(timings, {"processor": "a machine", "cores": 2, "threads": 1}).startswith(b"\x89PNG")
