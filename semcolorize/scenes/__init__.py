"""Procedural micrographs with exact truth: lightness, instances, classes, height, and color plans.

``make_scene(seed)`` makes geometry and micrograph, ``draw_plan(scene, rng)`` colors for it, ``paint(scene,
plan)`` the true a*b*. Needs numpy and scipy only.
"""

from semcolorize.scenes.mixture import make_mixture
from semcolorize.scenes.plan import PLAN_KINDS, ColorPlan, Tint, draw_class_colors, draw_plan, paint
from semcolorize.scenes.scene import FAMILIES, VALIDATION_SEEDS, Scene, make_figure, make_scene
from semcolorize.scenes.views import SceneViews, make_views

__all__ = [
    "FAMILIES",
    "PLAN_KINDS",
    "VALIDATION_SEEDS",
    "ColorPlan",
    "Scene",
    "SceneViews",
    "Tint",
    "draw_class_colors",
    "draw_plan",
    "make_figure",
    "make_mixture",
    "make_scene",
    "make_views",
    "paint",
]
