"""Facets and grounds: crystals, plates, lattices, porous and cracked solids, layers, tracks, films."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from semcolorize.scenes.canvas import Canvas, place
from semcolorize.scenes.fields import band_noise, fractal_noise, smooth_noise, voronoi

__all__ = ["carpet", "cracked", "crystals", "film", "lattice", "layers", "plates", "porous", "tracks"]


def _rotation(rng: np.random.Generator, tilt: float) -> np.ndarray:
    """(3, 3) turn about the vertical by anything and away from it by about `tilt` radians."""
    lean, spin, where = rng.normal(0, tilt), rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    turn_z = np.array([[np.cos(spin), -np.sin(spin), 0], [np.sin(spin), np.cos(spin), 0], [0, 0, 1]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    back = np.array([[np.cos(where), -np.sin(where), 0], [np.sin(where), np.cos(where), 0], [0, 0, 1]])
    return back @ turn_x @ turn_z


def _polyhedron(
    canvas: Canvas,
    row: float,
    col: float,
    reach: float,
    normals: np.ndarray,
    offsets: np.ndarray,
    instance: int,
) -> None:
    """Stamp the intersection of half spaces ``n . (row, col, z) <= offset``, resting on the ground."""
    window = canvas.window(row, col, reach)
    if window is None:
        return
    upper = np.full(np.broadcast_shapes(window.dr.shape, window.dc.shape), np.float32(1e6))
    lower = -upper
    for (n_row, n_col, n_z), offset in zip(
        normals.astype(np.float32), offsets.astype(np.float32), strict=True
    ):
        n_z = n_z if abs(n_z) > 0.02 else np.copysign(np.float32(0.02), n_z)
        plane = (offset - n_row * window.dr - n_col * window.dc) / n_z
        if n_z > 0:
            np.minimum(upper, plane, out=upper)
        else:
            np.maximum(lower, plane, out=lower)
    mask = upper > lower
    base = np.float32(canvas.ground(row, col) + 0.5 * reach)
    canvas.stamp(window.where, base + upper, mask, instance)


def crystals(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Faceted crystals: cubes, octahedra, prisms and needles, or irregular grains with plane faces."""
    habit = rng.choice(["cube", "octahedron", "prism", "grain"])
    tilt = rng.choice([0.3, 1.5])
    slender = rng.uniform(0.35, 1.0)
    axes = np.vstack([np.eye(3), -np.eye(3)])
    for row, col, diameter in place(canvas, rng, size, coverage, 0.3, limit=70):
        radius = diameter / 2
        if habit == "cube":
            normals, offsets = (
                axes,
                radius * np.tile([0.62, 0.62 * slender, 0.62], 2) * rng.uniform(0.9, 1.1, 6),
            )
        elif habit == "octahedron":
            corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / np.sqrt(3)
            normals = np.vstack([corners, axes])
            offsets = radius * np.r_[np.full(8, 0.62), np.full(6, 0.95)] * rng.uniform(0.92, 1.08, 14)
        elif habit == "prism":
            around = np.arange(6) * np.pi / 3
            sides = np.stack([np.zeros(6), np.cos(around), np.sin(around)], axis=1)
            normals = np.vstack([sides, axes[[0, 3]]])
            offsets = radius * np.r_[np.full(6, 0.42 * slender), 0.9, 0.9] * rng.uniform(0.9, 1.1, 8)
        else:
            normals = rng.normal(size=(14, 3))
            normals /= np.linalg.norm(normals, axis=1, keepdims=True)
            offsets = radius * rng.uniform(0.55, 0.85, 14)
        instance = canvas.new_instance(class_id)
        _polyhedron(canvas, row, col, 1.15 * radius, normals @ _rotation(rng, tilt).T, offsets, instance)


def plates(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Thin plates, alone or in stacks of slipped sheets: clays, MXenes, graphite; a stack is one instance."""
    thin = rng.uniform(0.03, 0.12)
    sides = int(rng.choice([4, 6, 8]))
    stacked = int(rng.choice([1, 1, 3, 6]))
    for row, col, diameter in place(canvas, rng, size, coverage, 0.25, limit=60 // stacked):
        instance, radius = canvas.new_instance(class_id), diameter / 2
        turn = _rotation(rng, rng.choice([0.25, 0.8]))
        around = (np.arange(sides) + rng.uniform(-0.15, 0.15, sides)) * 2 * np.pi / sides
        rim = np.stack([np.cos(around), np.sin(around), np.zeros(sides)], axis=1)
        normals = np.vstack([rim, [[0, 0, 1], [0, 0, -1]]])
        offsets = radius * np.r_[rng.uniform(0.75, 0.95, sides), thin, thin]
        for sheet in range(stacked):
            slip = np.array([*rng.normal(0, 0.06, 2), 2.4 * thin * (sheet - stacked / 2)]) * radius
            shifted = offsets * np.r_[rng.uniform(0.93, 1.07, sides), 1, 1] + normals @ slip
            _polyhedron(canvas, row, col, 1.2 * radius, normals @ turn.T, shifted, instance)


def _patch(canvas: Canvas, rng: np.random.Generator, coverage: float) -> np.ndarray:
    """(H, W) bool: a part of the field of the area `coverage` with a natural outline; all above 0.85."""
    if coverage > 0.85:
        return np.ones(canvas.shape, bool)
    kind = rng.choice(["side", "islands"])
    field = smooth_noise(rng, canvas.shape, rng.uniform(0.3, 0.8) * canvas.field)
    if kind == "side":
        rows, cols = np.indices(canvas.shape, np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        ramp = (rows * np.sin(angle) + cols * np.cos(angle)) / canvas.field
        field = 0.12 * field + ramp
    field = field + 0.03 * fractal_noise(rng, canvas.shape, 1.6)
    return field > np.quantile(field, 1 - coverage)


def _surface(canvas: Canvas, rng: np.random.Generator, size: float) -> np.ndarray:
    """A gently rolling (H, W) height above what is on the canvas already."""
    roll = smooth_noise(rng, canvas.shape, 2 * size) * np.float32(0.1 * size)
    return roll + np.float32(canvas.height.mean() + 0.3 * size)


def _cover(canvas: Canvas, z: np.ndarray, mask: np.ndarray, class_id: int) -> None:
    whole = (slice(None), slice(None))
    canvas.stamp(whole, z.astype(np.float32), mask, canvas.new_instance(class_id))


def porous(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Sponge, foam, bone, aerogel: a solid with pores through which the depth is seen; one instance."""
    pore = float(np.clip(0.5 * size, 4.0, 0.35 * canvas.field))
    field = band_noise(rng, canvas.shape, 1.6 * pore, rng.uniform(0.25, 0.7))
    solid = rng.uniform(0.5, 0.8)
    level = np.quantile(field, 1 - solid)
    wall = np.maximum(field - level, 0)
    rise = pore * np.float32(rng.uniform(0.25, 0.6)) * np.sqrt(wall)
    z = _surface(canvas, rng, size) + rise + 0.5 * pore
    _cover(canvas, z, (wall > 0) & _patch(canvas, rng, max(coverage, 0.6) * 1.3), class_id)
    canvas.height -= np.where(canvas.instances == 0, np.float32(0.5 * pore), np.float32(0))


def cracked(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Dried mud, a brittle coating: islands parted by cracks, curled at the rims; one instance."""
    number = int(np.clip(np.prod(canvas.shape) / (0.7 * size) ** 2, 4, 60))
    seeds = rng.uniform(-0.05, 1.05, (number, 2)) * canvas.shape
    warp = 0.12 * size * np.stack([smooth_noise(rng, canvas.shape, 0.6 * size) for _ in range(2)])
    _, nearest, second = voronoi(canvas.shape, seeds, (warp[0], warp[1]))
    to_edge = 0.5 * (second - nearest)
    width = rng.uniform(0.01, 0.05) * size + 0.6
    inside = to_edge - width
    curl = np.float32(rng.uniform(-0.06, 0.1) * size) * np.exp(
        -np.maximum(inside, 0) / np.float32(0.12 * size)
    )
    z = _surface(canvas, rng, size) + curl
    _cover(canvas, z, (inside > 0) & _patch(canvas, rng, max(coverage, 0.5) * 1.4), class_id)


def carpet(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Cells or scales side by side: epithelium, leaf, butterfly wing, polycrystal; each an instance."""
    number = int(np.clip(np.prod(canvas.shape) / (0.8 * size * size), 4, 70))
    aspect = rng.choice([1.0, rng.uniform(1.5, 3.0)])
    seeds = rng.uniform(-0.1, 1.1, (number, 2)) * canvas.shape
    warp = 0.1 * size * np.stack([smooth_noise(rng, canvas.shape, 0.5 * size) for _ in range(2)])
    label, nearest, second = voronoi(canvas.shape, seeds, (warp[0], warp[1]), float(aspect))
    to_edge = 0.5 * (second - nearest)
    bulge = np.float32(rng.uniform(0.05, 0.35) * size)
    puff = bulge * np.sqrt(np.minimum(to_edge / np.float32(0.35 * size), 1.0))
    step = rng.normal(0, 0.05 * size, number).astype(np.float32)
    z = _surface(canvas, rng, size) + puff + step[label]
    region = _patch(canvas, rng, max(coverage, 0.5) * 1.3)
    numbers = np.array([canvas.new_instance(class_id) for _ in range(number)], np.int32)
    visible = region & (z > canvas.height)
    np.copyto(canvas.height, z, where=visible, casting="same_kind")
    np.copyto(canvas.instances, numbers[label], where=visible)


def lattice(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Diatom-like shells: round or boat-shaped, with a regular net of pores and a rim; each an instance."""
    elongation = rng.choice([1.0, rng.uniform(1.8, 4.0)])
    cells = rng.uniform(5, 14)
    radial, flat = rng.random() < 0.4, rng.uniform(0.15, 0.5)
    depth = rng.uniform(0.4, 1.0)
    for row, col, diameter in place(canvas, rng, size, coverage, 0.15, limit=20):
        radius = diameter / 2
        along, across = radius, radius / elongation
        window = canvas.window(row, col, along + 1)
        if window is None:
            continue
        angle = rng.uniform(0, np.pi)
        u = (window.dc * np.float32(np.cos(angle)) + window.dr * np.float32(np.sin(angle))) / np.float32(
            along
        )
        v = (window.dr * np.float32(np.cos(angle)) - window.dc * np.float32(np.sin(angle))) / np.float32(
            across
        )
        rho = np.sqrt(u * u + v * v)
        pitch = max(2 * across / cells, 3.5)
        if radial:
            spokes = max(int(2 * np.pi * across * 0.7 / pitch), 6)
            pattern = np.cos(np.arctan2(v, u) * spokes) * np.cos(rho * np.float32(np.pi * 2 * across / pitch))
        else:
            wave = np.float32(2 * np.pi / pitch)
            x, y = u * np.float32(along) * wave, v * np.float32(across) * wave
            pattern = (np.cos(x) + np.cos(0.5 * x + 0.866 * y) + np.cos(0.5 * x - 0.866 * y)) / 3
        pores = np.clip(pattern * 1.6 - 0.1, 0, 1) * (rho < 0.88)
        spine = np.exp(-((v / np.float32(0.09)) ** 2)) if elongation > 1.5 else 0.0
        body = np.sqrt(np.maximum(1 - rho**2, 0)) * np.float32(flat * across)
        rim = np.exp(-(((rho - np.float32(0.93)) / np.float32(0.05)) ** 2)) * np.float32(0.08 * across)
        z = (
            body
            + rim
            + np.float32(0.15 * across) * spine
            - np.float32(depth * 0.5 * pitch) * pores * (1 - spine)
        )
        base = canvas.ground(row, col) + 0.35 * across
        canvas.stamp(
            window.where, (z + np.float32(base)).astype(np.float32), rho < 1, canvas.new_instance(class_id)
        )


def layers(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """A cross-section: bands with wavy borders, of which this class is every second or one alone."""
    angle = rng.choice([np.pi / 2, rng.uniform(0, np.pi)])
    rows, cols = np.indices(canvas.shape, np.float32)
    depth = (rows - canvas.shape[0] / 2) * np.float32(np.sin(angle)) + (
        cols - canvas.shape[1] / 2
    ) * np.float32(np.cos(angle))
    depth += smooth_noise(rng, canvas.shape, 0.5 * canvas.field) * np.float32(
        rng.uniform(0.005, 0.05) * canvas.field
    )
    depth += fractal_noise(rng, canvas.shape, 1.2) * np.float32(rng.uniform(0, 0.01) * canvas.field)
    thickness = float(np.clip(size * 0.6, 5.0, 0.5 * canvas.field))
    edges = np.cumsum(rng.uniform(0.4, 1.2, 40) * thickness) - 0.75 * canvas.field
    band = np.searchsorted(edges, depth)
    step = rng.normal(0, 0.08 * thickness, 42).astype(np.float32)
    z = np.float32(canvas.height.mean() + 0.2 * thickness) + step[band]
    chosen = (band % 2 == 0) if coverage > 0.35 else band == np.median(band)
    first = len(canvas.class_of_instance)
    shown = np.unique(band[chosen])
    for _ in shown:
        canvas.new_instance(class_id)
    visible = chosen & (z > canvas.height)
    np.copyto(canvas.height, z, where=visible)
    np.copyto(canvas.instances, (first + np.searchsorted(shown, band)).astype(np.int32), where=visible)


def tracks(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Wear tracks: bands of parallel scratches with ploughed shoulders; each track an instance."""
    angle = rng.uniform(0, np.pi)
    rows, cols = np.indices(canvas.shape, np.float32)
    across = (rows - canvas.shape[0] / 2) * np.float32(np.cos(angle)) - (
        cols - canvas.shape[1] / 2
    ) * np.float32(np.sin(angle))
    across += smooth_noise(rng, canvas.shape, canvas.field, 4.0, angle) * np.float32(0.02 * canvas.field)
    width = float(np.clip(0.5 * size, 4.0, 0.5 * canvas.field))
    scratches = band_noise(rng, canvas.shape, max(0.12 * width, 2.5), 0.8, 12.0, angle)
    ragged = 0.12 * band_noise(rng, canvas.shape, max(0.5 * width, 4.0), 0.8, 3.0, angle)
    for center in (
        rng.uniform(-0.45, 0.45, int(np.clip(coverage * canvas.field / width, 1, 5))) * canvas.field
    ):
        inward = np.abs(across - np.float32(center)) / np.float32(width / 2)
        z = canvas.height + np.float32(0.03 * width) * scratches - np.float32(0.1 * width) * (1 - inward**2)
        z += np.float32(0.1 * width) * np.exp(-(((inward - 0.95) / np.float32(0.1)) ** 2))
        mask = inward + ragged < 1
        instance = canvas.new_instance(class_id)
        # A track lies below the surface it was worn into, so it replaces heights instead of covering them.
        np.copyto(canvas.height, z, where=mask, casting="same_kind")
        np.copyto(canvas.instances, instance, where=mask)


def film(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Slime, mucus, a torn coating: a sheet that fills hollows and smooths what it covers; one instance."""
    sag = smooth_noise(rng, canvas.shape, 0.8 * size + 6) * np.float32(0.3 * size)
    strands = band_noise(rng, canvas.shape, max(0.7 * size, 6.0), 0.7, 2.5, rng.uniform(0, np.pi))
    # Its level is that of a liquid: whatever sticks out of the sheet stays visible.
    sunk = ndimage.gaussian_filter(canvas.height, 0.15 * size)
    level = np.quantile(sag - sunk, 1 - np.clip(coverage, 0.15, 0.75))
    wet = sag - sunk > level
    z = np.maximum(sag - level, canvas.height + 0.5) + np.float32(0.05 * size) * (1 - np.abs(strands))
    _cover(canvas, z, wet & (canvas.height < sag - level + 0.35 * size), class_id)
