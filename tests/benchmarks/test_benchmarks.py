"""Speed of what users wait for:  pytest tests/benchmarks --benchmark-only  (skipped in the test run)."""

import pytest

from semcolorize.evaluation.smoother import fast_global_smoother
from semcolorize.evaluation.speed import sample_hints, sample_micrograph
from semcolorize.hints.propagate import propagate
from semcolorize.hints.rasterize import rasterize
from semcolorize.hints.walker import forget_factors, random_walker
from semcolorize.micrograph.lightness import gray_to_lightness_plane, render_rgb
from semcolorize.micrograph.upsample import upsample_ab
from semcolorize.micrograph.working import shrink, working_shape
from semcolorize.pipeline import Colorizer

SHAPE = (768, 1024)


@pytest.fixture(scope="module")
def colorizer():
    return Colorizer.load()


@pytest.fixture(scope="module")
def scene():
    image = sample_micrograph(*SHAPE)
    drawn = rasterize(sample_hints(*SHAPE), SHAPE)
    return image, gray_to_lightness_plane(image, (0, 255)), drawn


def fresh(benchmark, work, *args, **settings):
    """Time `work` without the factors that the round before left."""
    return benchmark.pedantic(work, args, settings, setup=forget_factors, rounds=5, warmup_rounds=1)


def test_nine_small_outputs(benchmark, colorizer):
    image, hints = sample_micrograph(256, 312), sample_hints(256, 312)
    assert fresh(benchmark, colorizer.colorize, image, hints, variants=9).rgb.shape[0] == 9


def test_one_output(benchmark, colorizer, scene):
    assert fresh(benchmark, colorizer.colorize, scene[0], sample_hints(*SHAPE)).rgb.shape == (1, *SHAPE, 3)


def test_an_edited_hint(benchmark, colorizer, scene):
    prepared = colorizer.prepare(scene[0])
    assert fresh(benchmark, colorizer.colorize, prepared, sample_hints(*SHAPE)).rgb.shape == (1, *SHAPE, 3)


@pytest.mark.parametrize("method", [random_walker, fast_global_smoother])
def test_classical_methods(benchmark, scene, method):
    _, lightness, drawn = scene
    result = benchmark.pedantic(method, (lightness, drawn.hint_ab, drawn.hint_mask), rounds=1)
    assert result.shape == (*SHAPE, 2)


def test_propagation(benchmark, scene):
    _, lightness, drawn = scene
    assert fresh(benchmark, propagate, lightness, drawn.hint_ab, drawn.hint_mask).ink.shape == (192, 256, 2)


def test_upsampling(benchmark, scene):
    lightness = scene[1]
    small = shrink(lightness, working_shape(SHAPE, 512))
    ab = sample_micrograph(*small.shape).astype(float)[..., None].repeat(2, axis=2)
    assert benchmark(upsample_ab, ab, small, lightness).shape == (*SHAPE, 2)


def test_rendering(benchmark, scene):
    assert benchmark(render_rgb, scene[1], scene[2].hint_ab).shape == (*SHAPE, 3)
