"""Procedural scenes: exact truth, determinism, and colors that follow the plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from semcolorize.scenes import FAMILIES, PLAN_KINDS, ColorPlan, Scene, Tint, draw_plan, make_scene, paint
from semcolorize.scenes.detector import GRAY_TO_LIGHTNESS
from semcolorize.scenes.scene import _drifted, build_geometry
from semcolorize.scenes.substrates import SUBSTRATES

SEEDS = range(50)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(seed, 96) for seed in SEEDS]


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def test_same_seed_same_scene_other_seed_another() -> None:
    first, again, other = make_scene(7, 64), make_scene(7, 64), make_scene(8, 64)
    for name in ("lightness", "instances", "classes", "height"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert first.family_of_class == again.family_of_class
    assert not np.array_equal(first.lightness, other.lightness)


def test_making_a_scene_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is tested
    make_scene(3, 64)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("size", [64, (48, 96), (100, 71), 256])
def test_shapes_and_types(size: int | tuple[int, int]) -> None:
    scene = make_scene(11, size)
    shape = (size, size) if isinstance(size, int) else size
    types = {"lightness": np.float32, "instances": np.int32, "classes": np.int16, "height": np.float32}
    for name, dtype in types.items():
        assert getattr(scene, name).shape == shape
        assert getattr(scene, name).dtype == dtype
    assert paint(scene, draw_plan(scene, _rng())).shape == (*shape, 2)


def test_label_maps_agree(scenes: list[Scene]) -> None:
    for seed, scene in zip(SEEDS, scenes, strict=True):
        np.testing.assert_array_equal(scene.classes == 0, scene.instances == 0, err_msg=f"seed {seed}")
        numbers = np.unique(scene.instances)
        assert set(numbers) | {0} == set(range(numbers.max() + 1)), f"seed {seed}: numbers have gaps"
        pairs = np.unique(np.stack([scene.instances.ravel(), scene.classes.ravel()]), axis=1)
        assert pairs.shape[1] == len(numbers), f"seed {seed}: an instance has two classes"
        assert set(np.unique(scene.classes)) | {0} == set(range(len(scene.family_of_class))), f"seed {seed}"
        assert scene.family_of_class[0] in SUBSTRATES
        assert set(scene.family_of_class[1:]) <= {*FAMILIES, "overlay"}


def test_most_scenes_show_objects_and_background(scenes: list[Scene]) -> None:
    background = np.array([(scene.instances == 0).mean() for scene in scenes])
    assert np.mean(background < 0.99) > 0.9
    assert np.mean(background > 0.01) > 0.7
    assert 0.2 < background.mean() < 0.8


def test_lightness_is_that_of_a_well_exposed_8_bit_image(scenes: list[Scene]) -> None:
    for seed, scene in zip(SEEDS, scenes, strict=True):
        assert np.isfinite(scene.lightness).all() and np.isfinite(scene.height).all(), f"seed {seed}"
        assert np.isin(scene.lightness, GRAY_TO_LIGHTNESS).all(), f"seed {seed}"
        assert (scene.lightness >= 99.9).mean() < 0.2, f"seed {seed} is burnt out"
        assert np.ptp(np.percentile(scene.lightness, (1, 99))) > 15, f"seed {seed} has no contrast"
    assert np.mean([(scene.lightness <= 0.0).mean() for scene in scenes]) < 0.1


def test_gray_values_are_those_of_srgb() -> None:
    assert GRAY_TO_LIGHTNESS[0] == 0
    assert GRAY_TO_LIGHTNESS[255] == pytest.approx(100, abs=1e-4)
    assert GRAY_TO_LIGHTNESS[119] == pytest.approx(50.03, abs=0.05)
    assert (np.diff(GRAY_TO_LIGHTNESS) > 0).all()


def test_classes_of_a_scene_can_be_told_apart_by_eye(scenes: list[Scene]) -> None:
    """The edge between object and background is seen in the gray image: lightness differs across labels."""
    across, within = [], []
    for scene in scenes:
        step = np.abs(np.diff(scene.lightness, axis=1))
        border = np.diff(scene.instances, axis=1) != 0
        if border.sum() > 50:
            across.append(step[border].mean())
            within.append(step[~border].mean())
    assert np.mean(np.array(across) > np.array(within)) > 0.8


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_renders_alone(family: str) -> None:
    seen = 0
    for seed in range(6):
        scene = make_scene(seed, 64, families=[family])
        assert scene.family_of_class[1:] in ((), (family,))
        seen += (scene.classes == 1).any()
    assert seen >= 4


@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_every_substrate_renders(substrate: str) -> None:
    scene = make_scene(5, 64, families=["spheres"], substrate=substrate)
    assert scene.family_of_class[0] == substrate


def test_every_family_and_substrate_is_drawn() -> None:
    drawn: set[str] = set()
    for seed in range(500):
        drawn |= set(make_scene(seed, 32).family_of_class)
    assert drawn == {*FAMILIES, *SUBSTRATES, "overlay"}
    assert len(FAMILIES) >= 15


def test_spheres_are_as_high_as_the_model_says() -> None:
    """Height at the top and at 12 of 20 pixels from the center, and the area, are a sphere's."""
    from semcolorize.scenes.canvas import Canvas
    from semcolorize.scenes.particles import dome

    canvas = Canvas(np.zeros((81, 81), np.float32))
    dome(canvas, 40.0, 40.0, (20.0, 20.0), 0.3, 20.0, canvas.new_instance(1))
    assert canvas.height[40, 40] == pytest.approx(40.0)
    assert canvas.height[40, 52] == pytest.approx(20 + 16.0)
    assert (canvas.instances > 0).sum() == pytest.approx(np.pi * 400, rel=0.01)


def test_tubes_have_round_sections_without_holes() -> None:
    from semcolorize.scenes.canvas import Canvas
    from semcolorize.scenes.tubes import STEP, draw_tubes

    canvas = Canvas(np.full((64, 64), -1.0, np.float32))
    angle = np.arange(0, np.pi / 2, STEP / 50)
    arc = np.stack([50 * np.sin(angle), 50 * np.cos(angle)], axis=1)[None]
    draw_tubes(canvas, arc, np.zeros(arc.shape[:2]), np.full(arc.shape[:2], 6.0), np.array([1]))
    rows, cols = np.indices((64, 64))
    away = np.abs(np.hypot(rows, cols) - 50)
    assert (canvas.instances[away < 5.5] == 1).all()
    assert (canvas.instances[away > 6.5] == 0).all()
    inside = away < 5
    np.testing.assert_allclose(canvas.height[inside], np.sqrt(36 - away[inside] ** 2), atol=0.15)


def test_the_nearest_surface_wins() -> None:
    from semcolorize.scenes.canvas import Canvas
    from semcolorize.scenes.particles import dome

    canvas = Canvas(np.zeros((40, 40), np.float32))
    low, high = canvas.new_instance(1), canvas.new_instance(1)
    dome(canvas, 20, 20, (10, 10), 0, 30, high)
    dome(canvas, 20, 20, (15, 15), 0, 5, low)
    assert canvas.instances[20, 20] == high
    assert canvas.instances[20, 33] == low


@pytest.mark.parametrize("kind", PLAN_KINDS)
def test_plans_paint_finite_colors_of_sensible_chroma(kind: str, scenes: list[Scene]) -> None:
    for seed, scene in enumerate(scenes[:15]):
        plan = draw_plan(scene, _rng(seed), kind)
        ab = paint(scene, plan)
        assert plan.kind == kind
        assert ab.dtype == np.float32 and np.isfinite(ab).all()
        assert np.hypot(ab[..., 0], ab[..., 1]).max() < 130
        assert np.hypot(*plan.instance_ab.T).max() > 5


@pytest.mark.parametrize("kind", ["class-on-gray", "highlight-class", "highlight-instance"])
def test_gray_background_is_exactly_gray(kind: str, scenes: list[Scene]) -> None:
    for seed, scene in enumerate(scenes):
        if len(scene.family_of_class) == 1:
            continue
        ab = paint(scene, draw_plan(scene, _rng(seed), kind).painted_exactly())
        assert (ab[scene.instances == 0] == 0).all()


def test_highlight_colors_one_class_and_nothing_else(scenes: list[Scene]) -> None:
    for seed, scene in enumerate(scenes):
        ab = paint(scene, draw_plan(scene, _rng(seed), "highlight-class").painted_exactly())
        assert len(np.unique(scene.classes[np.any(ab != 0, axis=-1)])) == 1
        ab = paint(scene, draw_plan(scene, _rng(seed), "highlight-instance").painted_exactly())
        assert len(np.unique(scene.instances[np.any(ab != 0, axis=-1)])) == 1


def test_one_color_a_class_is_the_same_for_its_instances(scenes: list[Scene]) -> None:
    for seed, scene in enumerate(scenes):
        plan = draw_plan(scene, _rng(seed), "class")
        flat = ColorPlan(plan.kind, plan.instance_ab)
        ab = paint(scene, flat)
        for class_id in np.unique(scene.classes):
            colors = ab[scene.classes == class_id]
            np.testing.assert_array_equal(colors, np.broadcast_to(colors[0], colors.shape))


def test_two_hues_are_object_and_background(scenes: list[Scene]) -> None:
    scene = next(s for s in scenes if len(s.family_of_class) > 2 and (s.instances == 0).any())
    plan = draw_plan(scene, _rng(1), "two-hues")
    assert len(np.unique(plan.instance_ab, axis=0)) == 2
    assert (plan.instance_ab[1:] == plan.instance_ab[1]).all()


def test_plans_are_drawn_anew_and_repeat_by_seed(scenes: list[Scene]) -> None:
    rng = _rng(2)
    first, second = draw_plan(scenes[0], rng), draw_plan(scenes[0], rng)
    assert not np.array_equal(paint(scenes[0], first), paint(scenes[0], second))
    again = draw_plan(scenes[0], _rng(2))
    np.testing.assert_array_equal(paint(scenes[0], first), paint(scenes[0], again))


def test_colors_are_saturated_as_in_published_micrographs(scenes: list[Scene]) -> None:
    rng = _rng(3)
    chroma = [np.hypot(*paint(s, draw_plan(s, rng, "class")).reshape(-1, 2).T).mean() for s in scenes]
    assert 25 < np.mean(chroma) < 60


def test_unknown_plan_is_refused_with_the_accepted_ones(scenes: list[Scene]) -> None:
    with pytest.raises(ValueError, match=r"'rainbow'.*one-hue"):
        draw_plan(scenes[0], _rng(), "rainbow")


def test_a_tint_follows_lightness_from_nothing_over_a_peak() -> None:
    tint = Tint(peak=50, rise=1.0, white=0.5, fall=1.0)
    np.testing.assert_allclose(tint(np.array([0.0, 25, 50, 75, 100])), [0, 0.5, 1, 0.75, 0.5], atol=1e-6)


def test_hurried_painting_misses_outlines_by_little(scenes: list[Scene]) -> None:
    for seed, scene in enumerate(scenes[:10]):
        plan = replace(draw_plan(scene, _rng(seed), "two-hues").painted_exactly(), tint=None, shadow_ab=None)
        plan = replace(plan, hue_slope=0.0, drift=0.0)
        exact = paint(scene, plan)
        slipped = paint(scene, replace(plan, slip=1.0, softness=0.5))
        wrong = np.linalg.norm(slipped - exact, axis=-1) > 5
        edges = np.linalg.norm(np.gradient(exact, axis=(0, 1)), axis=(0, -1)) > 0
        far = ndimage.distance_transform_edt(~edges) if edges.any() else np.full(wrong.shape, np.inf)
        assert not wrong[far > 6].any()


def test_overlays_are_burnt_in_as_a_class_that_no_plan_colors() -> None:
    found = [scene for scene in (make_scene(seed, 64) for seed in range(120)) if "overlay" in scene.family_of_class]
    assert 3 <= len(found) <= 25
    for seed, scene in enumerate(found):
        burnt = scene.classes == scene.family_of_class.index("overlay")
        assert np.isin(np.arange(scene.instances.max() + 1), scene.instances[scene.instances > 0]).sum() >= 1
        for kind in ("one-hue", "class", "lightness-map"):
            assert (paint(scene, draw_plan(scene, _rng(seed), kind).painted_exactly())[burnt] == 0).all()


def test_drift_shifts_lines_and_their_labels_alike() -> None:
    rng = _rng(4)
    geometry = build_geometry(rng, (96, 96), ["rods"], "plain" if "plain" in SUBSTRATES else None)
    drifted = _drifted(geometry, 3.0, _rng(1))
    assert drifted.height.shape == geometry.height.shape
    for row in (5, 50, 90):
        shifts = [
            s
            for s in range(-15, 16)
            if np.array_equal(np.roll(geometry.height[row], -s)[20:-20], drifted.height[row][20:-20])
        ]
        assert shifts
        objects = np.roll(geometry.instances[row] > 0, -shifts[0])[20:-20]
        np.testing.assert_array_equal(objects, drifted.instances[row][20:-20] > 0)
