"""Mixtures: objects of several classes, about as large as one another, crowded together in one field."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from semcolorize.scenes.canvas import Canvas
from semcolorize.scenes.detector import draw_recording, record
from semcolorize.scenes.looks import draw_looks
from semcolorize.scenes.scene import FAMILIES, Scene, compact
from semcolorize.scenes.substrates import SUBSTRATES

__all__ = ["make_mixture"]

MIXED = (
    "spheres", "rods", "chains", "disks", "pollen", "powder", "blobs", "spirals", "cells", "worms", "fibers",
    "crystals", "plates", "lattice",
)  # fmt: skip
"""Families that lie among one another."""


def make_mixture(seed: int, size: int | tuple[int, int] = 128) -> Scene:
    """Two to four classes that touch and cover one another: a blend of powders, bacteria among cells, debris on fibers.

    Where one class ends and the next begins nothing but looks tells them apart, and those may be close.

    Parameters
    ----------
    seed : int
        Any non-negative number.
    size : int or tuple of int
        Side or (H, W) in pixels.
    """
    shape = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    rng = np.random.Generator(np.random.PCG64([seed, 2]))
    field = float(min(shape))
    substrate = str(rng.choice(list(SUBSTRATES)))
    families = [str(name) for name in rng.choice(MIXED, int(rng.choice([2, 3, 4], p=[0.5, 0.35, 0.15])))]
    common = field * float(np.exp(rng.uniform(np.log(0.05), np.log(0.35))))
    sizes = [max(common * float(np.exp(rng.normal(0, 0.4))), 5.0) for _ in families]
    canvas = Canvas(SUBSTRATES[substrate](rng, shape, float(np.clip(common, 0.05 * field, 0.3 * field))))
    total = float(np.exp(rng.uniform(np.log(0.25), np.log(1.6))))
    shares = rng.dirichlet(np.full(len(families), 3.0))
    for class_id, (family, own, share) in enumerate(zip(families, sizes, shares, strict=True), start=1):
        FAMILIES[family](canvas, rng, class_id, own, total * float(share))
    names = (substrate, *families)
    looks = list(draw_looks(rng, names, [common, *sizes]))
    if rng.random() < 0.5:
        # As bright as one another, more or less: form and texture tell them apart.
        common_yield, nearer = looks[1].reflectance, float(rng.uniform(0.3, 1.0))
        for k in range(2, len(looks)):
            drawn = looks[k].reflectance
            looks[k] = replace(looks[k], reflectance=drawn + nearer * (common_yield - drawn))
    geometry = compact(canvas, tuple(looks), names)
    class_of = geometry.class_of_instance
    lightness = record(geometry.height, geometry.instances, class_of, geometry.looks, draw_recording(rng), rng)
    return Scene(lightness, geometry.instances, class_of[geometry.instances], geometry.height, geometry.family_of_class)
