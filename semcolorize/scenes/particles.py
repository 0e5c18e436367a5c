"""Round things: spheres, pollen, rods, cocci, blood cells, powder, blobs.

Every family is a function ``(canvas, rng, class_id, size, coverage)``: it adds instances of one class of the
typical diameter `size` (pixels) until they would cover `coverage` of the field. What one class has in common
(elongation, flatness, number of spines) is drawn once a call, what tells its instances apart is drawn for
each.
"""

from __future__ import annotations

import numpy as np

from semcolorize.scenes.canvas import Canvas, place
from semcolorize.scenes.fields import band_noise
from semcolorize.scenes.tubes import STEP, draw_tubes, paths, round_ends

__all__ = ["blobs", "cells", "chains", "disks", "dome", "pollen", "powder", "rods", "spheres", "spirals"]


def dome(
    canvas: Canvas,
    row: float,
    col: float,
    radii: tuple[float, float],
    angle: float,
    base: float,
    instance: int,
    squareness: float = 2.0,
    bend: float = 0.0,
    waist: float = 0.0,
) -> None:
    """Stamp a rounded body: ellipsoid (`squareness` 2) to pill (4), straight or bent, pinched at the waist.

    Parameters
    ----------
    radii : tuple of float
        Half axes along and across `angle`, in pixels; the vertical half axis equals the second.
    base : float
        Height of the body's equator in pixels.
    bend : float
        Sagitta over length: how far the ends fall off the axis.
    waist : float
        0 none, 0.5 deep: a dividing cell.
    """
    along, across = radii
    window = canvas.window(row, col, along + abs(bend) * along + 1)
    if window is None:
        return
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = (window.dc * cos + window.dr * sin) / np.float32(along)
    v = (window.dr * cos - window.dc * sin) / np.float32(across)
    if bend:
        v = v - np.float32(bend * along / across) * (u * u - np.float32(0.33))
    if waist:
        v = v * (1 + np.float32(waist) * np.exp(-((u / np.float32(0.22)) ** 2)))
    power = np.float32(squareness)
    inside = 1.0 - np.abs(u) ** power - v * v
    mask = inside > 0
    z = np.float32(base) + np.float32(across) * np.sqrt(np.maximum(inside, 0))
    canvas.stamp(window.where, z, mask, instance)


def spheres(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Spheres and ellipsoids: colloids, seeds, yeast, eggs."""
    elongation = rng.choice([1.0, rng.uniform(1.1, 1.9)])
    spread = rng.choice([0.05, 0.3, 0.5])
    sunk = rng.uniform(0.0, 1.0)
    for row, col, diameter in place(canvas, rng, size, coverage, spread):
        radius = diameter / 2
        along = radius * elongation * rng.uniform(0.95, 1.05)
        base = canvas.ground(row, col) + radius * sunk
        dome(canvas, row, col, (along, radius), rng.uniform(0, np.pi), base, canvas.new_instance(class_id))


def rods(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Rod-shaped bacteria: straight or bent, some dividing, often lying side by side."""
    elongation = rng.uniform(1.8, 4.5)
    bend = rng.choice([0.0, rng.uniform(0.05, 0.3)])
    squareness = rng.uniform(2.5, 6.0)
    order, common = rng.choice([0.3, 3.0]), rng.uniform(0, np.pi)
    for row, col, length in place(canvas, rng, size, coverage * elongation / 1.3, 0.15):
        across = max(length / 2 / elongation, 1.2)
        base = canvas.ground(row, col) + across * rng.uniform(0.2, 0.9)
        waist = rng.uniform(0.1, 0.5) if rng.random() < 0.25 else 0.0
        dome(
            canvas, row, col, (length / 2, across), common + rng.normal(0, order), base,
            canvas.new_instance(class_id), squareness, bend * rng.uniform(-1, 1), waist,
        )  # fmt: skip


def chains(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Cocci in chains, pairs or grape-like clusters, each coccus an instance."""
    radius = max(0.5 * size * rng.uniform(0.3, 1.0), 2.0)
    links = int(rng.integers(2, 14))
    grapes = rng.random() < 0.35
    budget = int(np.clip(coverage * np.prod(canvas.shape) / (3.1 * radius * radius), 2, 140))
    while budget > 0:
        row, col = rng.uniform((0, 0), canvas.shape)
        heading = rng.uniform(0, 2 * np.pi)
        ground = canvas.ground(row, col)
        for _ in range(int(rng.integers(2, links + 1)) if links > 2 else 2):
            own = radius * rng.uniform(0.9, 1.08)
            base = ground + own * rng.uniform(0.4, 1.0)
            dome(
                canvas,
                row,
                col,
                (own * rng.uniform(1.0, 1.12), own),
                heading,
                base,
                canvas.new_instance(class_id),
            )
            heading += rng.normal(0, 1.6 if grapes else 0.35)
            row, col = row + 1.75 * own * np.sin(heading), col + 1.75 * own * np.cos(heading)
            budget -= 1


def disks(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Disks with a dimple and a rim, lying at all tilts: red blood cells, coins, platelets."""
    dimple = rng.uniform(0.0, 0.8)
    thickness = rng.uniform(0.12, 0.3)
    for row, col, diameter in place(canvas, rng, size, coverage, 0.1):
        radius = diameter / 2
        tilt, angle = rng.beta(1.2, 2.0) * 1.35, rng.uniform(0, 2 * np.pi)
        window = canvas.window(row, col, radius + 1)
        if window is None:
            continue
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        u = (window.dc * cos + window.dr * sin) / np.float32(radius)
        squeeze = max(np.cos(tilt), 1.3 * thickness)
        v = (window.dr * cos - window.dc * sin) / np.float32(radius * squeeze)
        rho = u * u + v * v
        rim = np.sqrt(np.maximum(1.0 - rho**2, 0)) * (1 - np.float32(dimple) * np.exp(-rho * np.float32(4.0)))
        lean = v * np.float32(squeeze * np.tan(min(tilt, 1.2)))  # the far side stands up
        z = np.float32(radius) * (np.float32(thickness) * rim + lean + np.float32(0.3 + 0.5 * np.sin(tilt)))
        base = canvas.ground(row, col)
        canvas.stamp(window.where, z + np.float32(base), rho < 1, canvas.new_instance(class_id))


def pollen(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Pollen grains: spiny, or sculptured with pores or a net; also spiny viruses and algae."""
    spiny = rng.random() < 0.6
    count = int(rng.integers(40, 160))
    length, base_width = rng.uniform(0.12, 0.4), rng.uniform(0.06, 0.16)
    elongation = 1.0 if spiny else rng.choice([1.0, rng.uniform(1.1, 1.7)])
    depth, netted = rng.uniform(0.03, 0.09) * rng.choice([-1, 1]), rng.random() < 0.5
    furrow = 0.0 if spiny else rng.choice([0.0, 0.12])
    for row, col, diameter in place(canvas, rng, size, coverage, 0.12, limit=40):
        instance = canvas.new_instance(class_id)
        radius = diameter / 2 / (1 + (0.5 * length if spiny else 0))
        base = canvas.ground(row, col) + radius * 0.7
        sites = _sphere_sites(rng, count)
        angle = rng.uniform(0, np.pi)
        if spiny:
            dome(canvas, row, col, (radius, radius), angle, base, instance)
            _spines(canvas, (row, col, base), sites, radius, length, base_width, instance)
            continue
        window = canvas.window(row, col, radius * elongation + 1)
        if window is None:
            continue
        cos, sin = np.cos(angle), np.sin(angle)
        u = ((window.dc * cos + window.dr * sin) / (radius * elongation)).astype(np.float32)
        v = ((window.dr * cos - window.dc * sin) / radius).astype(np.float32)
        inside = 1 - u * u - v * v
        w = np.sqrt(np.maximum(inside, 0))
        # Distance on the unit sphere to the nearest site makes pores and warts; a ripple of it makes a net.
        front = sites[sites[:, 2] > -0.2].astype(np.float32)
        cosine = np.full(inside.shape, np.float32(-1))
        for site in front:
            np.maximum(cosine, u * site[0] + v * site[1] + w * site[2], out=cosine)
        nearness = (1 - cosine) * np.float32(count / 2.2)
        relief = np.exp(-((nearness * 2) ** 2)) if not netted else np.minimum(nearness, 1.0) ** 2
        scale = w + np.float32(depth) * relief * np.minimum(3 * w, 1)
        if furrow:
            scale = scale - np.float32(furrow) * np.exp(-((v / np.float32(0.1)) ** 2)) * (np.abs(u) < 0.9)
        canvas.stamp(window.where, np.float32(base) + np.float32(radius) * scale, inside > 0, instance)


def _sphere_sites(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 3) points spread evenly over the unit sphere (golden spiral), turned at random."""
    index = np.arange(count) + 0.5
    polar = np.arccos(1 - 2 * index / count)
    around = np.pi * (1 + 5**0.5) * index
    sites = np.stack([np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return (sites + rng.normal(0, 0.25 / np.sqrt(count), sites.shape)) @ turn


def _spines(
    canvas: Canvas, center: tuple[float, float, float], sites: np.ndarray, radius: float, length: float,
    width: float, instance: int,
) -> None:  # fmt: skip
    """Cones standing on a sphere, all in one pass; those behind the silhouette show where they stick out."""
    sites = sites[sites[:, 2] > -0.35]
    along = np.linspace(0.0, 1.0, max(int(length * radius / STEP) + 2, 4))
    reach = radius * (0.96 + (length + 0.04) * along)
    points = np.array(center[:2]) + sites[:, None, :2] * reach[:, None]
    z = center[2] + sites[:, 2:] * reach
    thick = np.maximum(radius * width * (1.05 - along) ** 0.8, 0.45)
    draw_tubes(canvas, points, z, np.broadcast_to(thick, z.shape), np.full(len(sites), instance))


def powder(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Gas-atomized powder: spheres of widely different size, some with satellites and dents."""
    satellites = rng.uniform(0.0, 4.0)
    for row, col, diameter in place(canvas, rng, size, coverage, 0.55, limit=110):
        instance, radius = canvas.new_instance(class_id), diameter / 2
        base = canvas.ground(row, col) + radius * 0.6
        stretch = 1.0 if rng.random() < 0.8 else rng.uniform(1.1, 1.6)
        dome(canvas, row, col, (radius * stretch, radius), rng.uniform(0, np.pi), base, instance)
        for _ in range(rng.poisson(satellites) if radius > 3 else 0):
            angle, small = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.12, 0.4)
            away = radius * rng.uniform(0.5, 1.05)
            top = base + np.sqrt(max(radius**2 - away**2, 0))
            spot = (row + away * np.sin(angle), col + away * np.cos(angle))
            dome(canvas, *spot, (small, small), 0.0, top, instance)


def blobs(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Cauliflower: aggregates of many fused spherules, each aggregate an instance."""
    grain = rng.uniform(0.15, 0.35)
    shape = rng.uniform(0.5, 1.0)
    for row, col, diameter in place(canvas, rng, size, coverage, 0.3, limit=14):
        instance, radius = canvas.new_instance(class_id), diameter / 2
        ground, angle = canvas.ground(row, col), rng.uniform(0, np.pi)
        dome(canvas, row, col, (radius, radius * shape), angle, ground + 0.2 * radius, instance)
        number = int(np.clip(1.1 * shape / grain**2, 6, 45))
        away = np.sqrt(rng.uniform(0, 1, number)) * radius
        around = rng.uniform(0, 2 * np.pi, number)
        for distance, theta in zip(away, around, strict=True):
            along, across = distance * np.cos(theta), distance * np.sin(theta) * shape
            spot_row = row + along * np.sin(angle) + across * np.cos(angle)
            spot_col = col + along * np.cos(angle) - across * np.sin(angle)
            small = radius * grain * rng.uniform(0.7, 1.4)
            top = ground + 0.2 * radius + shape * np.sqrt(max(radius**2 - distance**2, 0)) * 0.9
            dome(canvas, spot_row, spot_col, (small, small), 0.0, top, instance)


def spirals(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Corkscrews: spirochetes and helical bacteria, each an instance."""
    turns, slim = rng.uniform(2, 6), rng.uniform(0.03, 0.07)
    count = int(np.clip(coverage * np.prod(canvas.shape) / (size * size * slim * 5), 1, 12))
    length = size * rng.uniform(1.0, 1.8)
    steps = np.linspace(-0.5, 0.5, max(int(length * 1.5 / STEP), 6))
    radius = max(slim * length, 1.2)
    spots = rng.uniform((0, 0), canvas.shape, (count, 2))
    angle = rng.uniform(0, 2 * np.pi, count)
    sway = 1.3 * radius * np.sin(2 * np.pi * turns * steps)[None, :]
    sin, cos = np.sin(angle)[:, None], np.cos(angle)[:, None]
    line = length * steps[None, :]
    centers = np.stack(
        [spots[:, :1] + line * sin + sway * cos, spots[:, 1:] + line * cos - sway * sin], axis=-1
    )
    lift = np.array([canvas.ground(row, col) for row, col in spots])[:, None]
    z = lift + radius * (1 + 0.8 * np.cos(2 * np.pi * turns * steps))[None, :]
    instance = np.array([canvas.new_instance(class_id) for _ in range(count)])
    draw_tubes(canvas, centers, z, round_ends(np.full(z.shape, radius)), instance)


def cells(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Animal cells: irregular flattened bodies with ruffles or villi and thin feet; each an instance."""
    flat, irregular = rng.uniform(0.25, 0.9), rng.uniform(0.03, 0.2)
    ruffle, folds = rng.uniform(0.0, 0.09), rng.random() < 0.6
    wavelength = max(size * rng.uniform(0.08, 0.25), 3.0)
    feet = int(rng.integers(4, 24)) if rng.random() < 0.5 else 0
    foot_length, foot_radius = size * rng.uniform(0.15, 0.6), max(size * rng.uniform(0.015, 0.04), 0.7)
    for row, col, diameter in place(canvas, rng, size, coverage, 0.2, limit=16):
        radius = diameter / 2
        window = canvas.window(row, col, 1.5 * radius)
        if window is None:
            continue
        instance, ground = canvas.new_instance(class_id), canvas.ground(row, col)
        if feet:
            heading = rng.uniform(0, 2 * np.pi, feet)
            root = np.array([row, col]) + 0.8 * radius * np.stack([np.sin(heading), np.cos(heading)], axis=1)
            lines = paths(rng, root, heading, foot_length, 0.25)
            drop = np.linspace(0.3 * flat * radius, 0.0, lines.shape[1])[None, :]
            z = ground + foot_radius + drop + np.zeros((feet, 1))
            draw_tubes(canvas, lines, z, np.full(z.shape, foot_radius), np.full(feet, instance))
        theta = np.arctan2(window.dr, window.dc)
        outline = np.ones_like(theta)
        for cycles in (2, 3, 4, 5):
            outline += np.float32(irregular * rng.normal() / cycles * 1.5) * np.cos(
                cycles * theta + rng.uniform(0, 6.28)
            )
        rho = np.hypot(window.dr, window.dc) / (np.float32(radius) * np.clip(outline, 0.6, 1.45))
        body = np.sqrt(np.maximum(1 - rho**2, 0))
        noise = band_noise(rng, rho.shape, wavelength, 0.5)
        relief = (0.7 - np.abs(noise)) if folds else np.clip(noise, 0, 2)
        z = np.float32(flat * radius) * body + np.float32(ruffle * radius) * relief * np.minimum(2 * body, 1)
        canvas.stamp(window.where, z + np.float32(ground + 0.1 * radius), rho < 1, instance)
