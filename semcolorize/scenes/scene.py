"""A scene: several classes of objects on a substrate, seen by a detector, with exact truth for every pixel.

Geometry and recording are separate steps, so that another view of the same specimen is another recording of
the same (moved) geometry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from semcolorize.scenes import fibers, particles, solids
from semcolorize.scenes.canvas import Canvas
from semcolorize.scenes.detector import draw_recording, record
from semcolorize.scenes.looks import Look, draw_looks
from semcolorize.scenes.overlays import burn_in
from semcolorize.scenes.substrates import SUBSTRATES

__all__ = [
    "FAMILIES", "VALIDATION_SEEDS", "Geometry", "Scene", "build_geometry", "compact", "make_figure", "make_scene",
]  # fmt: skip

VALIDATION_SEEDS = 10**9
"""Seeds from here on are kept for validation: nothing is trained on their scenes."""

Family = Callable[[Canvas, np.random.Generator, int, float, float], None]

#: Every family of objects: ``(canvas, rng, class_id, size, coverage)`` adds instances of one class.
FAMILIES: dict[str, Family] = {
    "spheres": particles.spheres,
    "rods": particles.rods,
    "chains": particles.chains,
    "disks": particles.disks,
    "pollen": particles.pollen,
    "powder": particles.powder,
    "blobs": particles.blobs,
    "spirals": particles.spirals,
    "cells": particles.cells,
    "fibers": fibers.fibers,
    "worms": fibers.worms,
    "mesh": fibers.mesh,
    "hairs": fibers.hairs,
    "filaments": fibers.filaments,
    "crystals": solids.crystals,
    "plates": solids.plates,
    "lattice": solids.lattice,
    "porous": solids.porous,
    "cracked": solids.cracked,
    "carpet": solids.carpet,
    "layers": solids.layers,
    "tracks": solids.tracks,
    "film": solids.film,
}

#: Families that fill much of the field and that other objects lie on.
GROUNDS = ("porous", "cracked", "carpet", "layers", "tracks", "mesh")
#: How often the others are drawn: what people color most is drawn most.
WEIGHTS = {
    "spheres": 1.3, "rods": 1.5, "chains": 1.3, "disks": 1.0, "pollen": 1.2, "powder": 1.0, "blobs": 0.8,
    "spirals": 0.4, "cells": 1.0, "fibers": 1.0, "worms": 1.0, "hairs": 0.7, "filaments": 0.8, "crystals":
    1.1, "plates": 0.9, "lattice": 0.8, "film": 0.6,
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A micrograph and what is where in it.

    Parameters
    ----------
    lightness : (H, W) float32 numpy.ndarray
        CIE L*, 0 to 100, of the 8-bit gray micrograph.
    instances : (H, W) int32 numpy.ndarray
        0 = background, 1 to N = objects; every number occurs.
    classes : (H, W) int16 numpy.ndarray
        0 = background, then classes; instances of one look share a class; every number occurs but perhaps 0.
    height : (H, W) float32 numpy.ndarray
        In pixels.
    family_of_class : tuple of str
        Index = class; [0] = kind of background; ``overlay`` is a burnt-in data or scale bar.
    """

    lightness: np.ndarray
    instances: np.ndarray
    classes: np.ndarray
    height: np.ndarray
    family_of_class: tuple[str, ...]


@dataclass(frozen=True)
class Geometry:
    """A scene before it is recorded; fields as in `Scene`, with the looks the detector needs.

    Parameters
    ----------
    class_of_instance : (N + 1,) int16 numpy.ndarray
        [0] = 0.
    looks : tuple of Look
        One a class.
    """

    height: np.ndarray
    instances: np.ndarray
    class_of_instance: np.ndarray
    looks: tuple[Look, ...]
    family_of_class: tuple[str, ...]


def _draw_families(rng: np.random.Generator) -> list[str]:
    """Families of the classes in the order in which they are laid down."""
    number = int(rng.choice([1, 2, 3, 4], p=[0.42, 0.33, 0.17, 0.08]))
    chosen: list[str] = []
    if rng.random() < 0.25:
        chosen.append(str(rng.choice(GROUNDS)))
    names, weights = list(WEIGHTS), np.array(list(WEIGHTS.values()))
    while len(chosen) < number:
        chosen.append(str(rng.choice(names, p=weights / weights.sum())))
    return chosen


def build_geometry(
    rng: np.random.Generator,
    shape: tuple[int, int],
    families: list[str] | None = None,
    substrate: str | None = None,
) -> Geometry:
    """Lay a scene's objects on its substrate.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        (H, W) in pixels.
    families : list of str, optional
        Keys of `FAMILIES`, one a class; drawn by default.
    substrate : str, optional
        Key of `SUBSTRATES`; drawn by default.
    """
    field = float(min(shape))
    families = families or _draw_families(rng)
    if substrate is None:
        kinds = list(SUBSTRATES)
        weights = np.array([6.0 if kind == "void" else 1.0 for kind in kinds])
        substrate = str(rng.choice(kinds, p=weights / weights.sum()))
    # Object sizes from 3 % to 60 % of the field, the first class neither tiny nor huge more often than not.
    sizes = [float(np.exp(rng.uniform(np.log(0.03), np.log(0.6)))) for _ in families]
    sizes[0] = float(np.exp(rng.uniform(np.log(0.08), np.log(0.6))))
    pixels = [max(share * field, 4.0) for share in sizes]
    ground_size = float(np.clip(np.mean(pixels), 0.08 * field, 0.4 * field))
    canvas = Canvas(SUBSTRATES[substrate](rng, shape, ground_size))
    for class_id, (family, size) in enumerate(zip(families, pixels, strict=True), start=1):
        crowd = 1.0 if len(families) == 1 else 0.6
        coverage = crowd * float(np.exp(rng.uniform(np.log(0.08), np.log(2.5))))
        FAMILIES[family](canvas, rng, class_id, size, coverage)
    names = (substrate, *families)
    return compact(canvas, draw_looks(rng, names, [ground_size, *pixels]), names)


def compact(canvas: Canvas, looks: tuple[Look, ...], names: tuple[str, ...]) -> Geometry:
    """Renumber what is visible, so that every instance and class that is counted can also be seen."""
    instances, class_of, kept = _visible(canvas.instances, np.array(canvas.class_of_instance, np.int16), len(names))
    return Geometry(canvas.height, instances, class_of, tuple(looks[k] for k in kept), tuple(names[k] for k in kept))


def _visible(instances: np.ndarray, class_of: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Renumber instances and classes by what can be seen; also the old numbers of the kept classes."""
    seen = np.union1d(np.flatnonzero(np.bincount(instances.ravel(), minlength=len(class_of))), [0])
    renumber = np.zeros(len(class_of), np.int32)
    renumber[seen] = np.arange(len(seen))
    kept = np.unique(class_of[seen])
    reclass = np.zeros(classes, np.int16)
    reclass[kept] = np.arange(len(kept))
    return renumber[instances], reclass[class_of[seen]], kept


def make_scene(
    seed: int,
    size: int | tuple[int, int] = 128,
    families: list[str] | None = None,
    substrate: str | None = None,
) -> Scene:
    """A procedural micrograph, the same for the same arguments.

    Parameters
    ----------
    seed : int
        Any non-negative number.
    size : int or tuple of int
        Side or (H, W) in pixels, from about 32.
    families : list of str, optional
        Keys of `FAMILIES`, one a class, to ask for particular objects; drawn by default.
    substrate : str, optional
        Key of `SUBSTRATES`; drawn by default.

    Returns
    -------
    Scene
    """
    shape = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    rng = np.random.Generator(np.random.PCG64(seed))
    geometry = build_geometry(rng, shape, families, substrate)
    recording = draw_recording(rng)
    if recording.drift:
        geometry = _drifted(geometry, recording.drift, rng)
    class_of, names = geometry.class_of_instance, geometry.family_of_class
    instances = geometry.instances
    lightness = record(geometry.height, instances, class_of, geometry.looks, recording, rng)
    if families is None and rng.random() < _OVERLAYS:
        lightness, instances, class_of, names = burn_in(lightness, instances, class_of, names, rng)
        instances, class_of, kept = _visible(instances, class_of, len(names))
        names = tuple(names[k] for k in kept)
    return Scene(lightness, instances, class_of[instances], geometry.height, names)


_OVERLAYS = 0.08


def _drifted(geometry: Geometry, amount: float, rng: np.random.Generator) -> Geometry:
    """The stage creeps during the scan, and lines tremble: every row is shifted along itself."""
    rows, cols = geometry.height.shape
    walk = np.cumsum(rng.normal(size=rows)) / np.sqrt(rows)
    shift = amount * (walk - walk.mean()) + 0.15 * amount * rng.normal(size=rows)
    columns = np.clip(np.arange(cols)[None] + np.rint(shift)[:, None], 0, cols - 1).astype(np.intp)
    height, instances = (np.take_along_axis(x, columns, axis=1) for x in (geometry.height, geometry.instances))
    instances, class_of, kept = _visible(instances, geometry.class_of_instance, len(geometry.looks))
    looks, names = (tuple(x[k] for k in kept) for x in (geometry.looks, geometry.family_of_class))
    return Geometry(height, instances, class_of, looks, names)


FIGURES = ("spheres", "pollen", "powder", "blobs", "disks", "cells", "crystals", "plates", "worms", "rods")
"""Families that make a figure: one object that fills half of the field and more."""


def make_figure(seed: int, size: int | tuple[int, int] = 128) -> Scene:
    """One large object, now and then two, on ground that may be as bright: a microfossil, a pollen grain, a stone.

    Parameters
    ----------
    seed : int
        Any non-negative number.
    size : int or tuple of int
        Side or (H, W) in pixels.

    Returns
    -------
    Scene
    """
    shape = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    field = float(min(shape))
    substrate = str(rng.choice(list(SUBSTRATES)))
    family = str(rng.choice(FIGURES))
    diameter = field * float(rng.uniform(0.45, 1.05))
    ground_size = field * float(np.exp(rng.uniform(np.log(0.04), np.log(0.4))))
    canvas = Canvas(SUBSTRATES[substrate](rng, shape, ground_size))
    names, sizes = [substrate], [ground_size]
    if rng.random() < 0.4:
        # Dust and debris around it.
        names.append(str(rng.choice(list(WEIGHTS))))
        sizes.append(field * float(np.exp(rng.uniform(np.log(0.02), np.log(0.08)))))
        FAMILIES[names[-1]](canvas, rng, len(names) - 1, max(sizes[-1], 4.0), float(rng.uniform(0.03, 0.2)))
    names.append(family)
    sizes.append(diameter)
    FAMILIES[family](canvas, rng, len(names) - 1, diameter, 0.3 if rng.random() < 0.75 else 1.0)
    looks = list(draw_looks(rng, tuple(names), sizes))
    # Figure and ground as bright as each other, more or less: texture, rim and shade tell them apart.
    share = float(rng.uniform(0, 1))
    ground, figure = looks[0].reflectance, looks[-1].reflectance
    looks[0] = replace(looks[0], reflectance=ground + share * (figure - ground))
    geometry = compact(canvas, tuple(looks), tuple(names))
    class_of = geometry.class_of_instance
    lightness = record(geometry.height, geometry.instances, class_of, geometry.looks, draw_recording(rng), rng)
    return Scene(lightness, geometry.instances, class_of[geometry.instances], geometry.height, geometry.family_of_class)
