"""Long things: fibers, meshes, hairs, setae, networks of filaments, slime strands."""

from __future__ import annotations

import numpy as np

from semcolorize.scenes.canvas import Canvas
from semcolorize.scenes.tubes import STEP, draw_tubes, paths, round_ends

__all__ = ["fibers", "filaments", "hairs", "mesh", "worms"]


def _instances(canvas: Canvas, class_id: int, count: int) -> np.ndarray:
    return np.array([canvas.new_instance(class_id) for _ in range(count)])


def _count(canvas: Canvas, coverage: float, length: float, radius: float, limit: int) -> int:
    area = canvas.shape[0] * canvas.shape[1]
    return int(np.clip(coverage * area / (2 * radius * length), 1, limit))


def fibers(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Fibers crossing the whole field: electrospun mats, paper, asbestos, hyphae; each an instance."""
    radius = float(np.clip(0.12 * size, 1.0, 0.09 * canvas.field))
    length = 1.7 * float(np.hypot(*canvas.shape))
    count = _count(canvas, coverage, 0.6 * length, radius, 24)
    heading = rng.uniform(0, 2 * np.pi) + rng.normal(0, rng.choice([0.15, 0.6, 3.0]), count)
    through = rng.uniform((0, 0), canvas.shape, (count, 2))
    start = through - 0.5 * length * np.stack([np.sin(heading), np.cos(heading)], axis=1)
    centers = paths(rng, start, heading, length, rng.choice([0.03, 0.15, 0.3]))
    along = np.linspace(0, 1, centers.shape[1])[None, :]
    level = canvas.ground(*through[0]) + radius * (1 + 1.2 * np.arange(count))[:, None]
    level = level + 2 * radius * np.sin(2 * np.pi * (2 * along + rng.random((count, 1))))
    own = radius * np.exp(rng.normal(0, rng.choice([0.05, 0.35]), (count, 1)))
    beads = rng.choice([0.0, 0.0, 0.25])
    width = own * (1 + beads * np.sin(2 * np.pi * along * length / (8 * own)))
    draw_tubes(canvas, centers, level, width, _instances(canvas, class_id, count), rng.uniform(0.5, 1.0))


def worms(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """A few thick curved bodies with round or pointed ends: worms, larvae, filamentous cells."""
    radius = float(np.clip(rng.uniform(0.08, 0.2) * size, 1.5, 0.12 * canvas.field))
    length = size * rng.uniform(1.3, 3.0)
    count = _count(canvas, coverage, length, radius, 9)
    start = rng.uniform((0, 0), canvas.shape, (count, 2))
    heading = rng.uniform(0, 2 * np.pi, count)
    start = start - 0.5 * length * np.stack([np.sin(heading), np.cos(heading)], axis=1)
    centers = paths(rng, start, heading, length, rng.uniform(0.2, 0.9))
    along = np.linspace(0, 1, centers.shape[1])[None, :]
    rings = rng.choice([0.0, 0.05, 0.1])
    width = radius * (1 + rings * np.abs(np.sin(np.pi * along * length / (0.6 * radius))))
    if rng.random() < 0.4:
        width = width * np.minimum(1.15 - along, 1.0) ** 0.6
    lift = np.array([canvas.ground(*center) for center in centers[:, centers.shape[1] // 2]])[:, None]
    z = lift + radius * (0.6 + 0.5 * np.arange(count))[:, None] + 0 * along
    draw_tubes(canvas, centers, z, round_ends(width + 0 * z), _instances(canvas, class_id, count))


def mesh(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Woven cloth or sieve: warp and weft pass over and under one another; one instance."""
    pitch = float(np.clip(0.5 * size, 6.0, 0.5 * canvas.field))
    radius = pitch * float(np.clip(0.25 + 0.2 * coverage, 0.25, 0.46))
    turn = rng.uniform(0, np.pi)
    length = 1.5 * float(np.hypot(*canvas.shape))
    steps = np.arange(-length / 2, length / 2, STEP)
    lines = np.arange(-int(length / 2 / pitch), int(length / 2 / pitch) + 1)
    parity = np.where(lines % 2, -1.0, 1.0)
    middle = np.array(canvas.shape) / 2
    instance = canvas.new_instance(class_id)
    phase = rng.uniform(0, pitch)
    level = canvas.ground(*middle) + 2.2 * radius
    for angle, sign in ((turn, 1.0), (turn + np.pi / 2, -1.0)):
        along, across = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
        shift = lines * pitch + rng.normal(0, 0.03 * pitch, len(lines))
        near = np.abs(shift) < 0.75 * float(np.hypot(*canvas.shape))
        centers = middle + (shift[near, None, None] + phase * 0) * across + steps[None, :, None] * along
        wave = np.cos(np.pi * steps / pitch)[None, :] * parity[near, None] * sign
        z = level + 0.9 * radius * wave
        draw_tubes(canvas, centers, z, np.full(z.shape, radius), np.full(int(near.sum()), instance), 0.9)


def hairs(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """Hairs and setae: tapering, combed one way, from a line or all over; one instance or many."""
    radius = float(np.clip(rng.uniform(0.03, 0.08) * size, 0.9, 0.05 * canvas.field))
    length = size * rng.uniform(0.8, 1.8)
    count = _count(canvas, coverage, 0.6 * length, radius, 70)
    combed = rng.uniform(0, 2 * np.pi)
    heading = combed + rng.normal(0, rng.choice([0.12, 0.35]), count)
    if rng.random() < 0.4:  # a fringe along a line
        line = np.array([np.cos(combed), -np.sin(combed)])
        across = rng.uniform(-0.7, 0.7, (count, 1)) * canvas.field
        root = rng.uniform(0.25, 0.75, 2) * canvas.shape + across * line
    else:
        root = rng.uniform(-0.15, 1.0, (count, 2)) * canvas.shape
    centers = paths(rng, root, heading, length, rng.uniform(0.05, 0.3))
    along = np.linspace(0, 1, centers.shape[1])[None, :]
    width = radius * (1 - along) ** rng.uniform(0.3, 0.8) + 0 * root[:, :1]
    lift = np.array([canvas.ground(*spot) for spot in root])[:, None]
    z = lift + radius * (1 + 2 * rng.random((count, 1))) + 0.5 * length * along * rng.uniform(0.1, 1.0)
    together = rng.random() < 0.3
    instance = (
        np.full(count, canvas.new_instance(class_id)) if together else _instances(canvas, class_id, count)
    )
    draw_tubes(canvas, centers, z, np.maximum(width, 0.55), instance)


def filaments(canvas: Canvas, rng: np.random.Generator, class_id: int, size: float, coverage: float) -> None:
    """A branching network of thin strands: hyphae, dendrites, fibrin, collagen; one instance."""
    radius = float(np.clip(rng.uniform(0.04, 0.09) * size, 0.9, 0.06 * canvas.field))
    nodes = int(np.clip(coverage * np.prod(canvas.shape) / (2 * radius * 0.8 * size) / 1.4, 4, 40))
    spots = rng.uniform(-0.1, 1.1, (nodes, 2)) * canvas.shape
    apart = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1)) + 1e9 * np.eye(nodes)
    nearest = np.argsort(apart, axis=1)[:, : min(3, nodes - 1)]
    pairs = np.array(sorted({tuple(sorted((int(a), int(b)))) for a in range(nodes) for b in nearest[a]}))
    begin, end = spots[pairs[:, 0]], spots[pairs[:, 1]]
    count = max(int(np.hypot(*(end - begin).T).max() / STEP), 4)
    along = np.linspace(0, 1, count)[None, :, None]
    normal = np.stack([-(end - begin)[:, 1], (end - begin)[:, 0]], axis=1)[:, None, :]
    sag = rng.normal(0, 0.15, (len(pairs), 1, 1))
    wave = np.sin(np.pi * along) * sag + np.sin(3 * np.pi * along) * rng.normal(0, 0.05, (len(pairs), 1, 1))
    centers = begin[:, None] * (1 - along) + end[:, None] * along + wave * normal
    level = rng.uniform(1, 6, nodes) * radius + canvas.ground(*spots[0])
    z = level[pairs[:, 0], None] * (1 - along[..., 0]) + level[pairs[:, 1], None] * along[..., 0]
    thick = radius * np.exp(rng.normal(0, 0.3, (len(pairs), 1))) * (1 + 0.5 * (2 * along[..., 0] - 1) ** 4)
    instance = np.full(len(pairs), canvas.new_instance(class_id))
    draw_tubes(canvas, centers, z, thick, instance)
