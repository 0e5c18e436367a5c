"""Outlines that ImageJ computes from what a ROI file stores: splines, curved composites, rounded rectangles.

All in ImageJ's (x, y) order; `semcolorize.hintfiles.rois` turns them.

References
----------
ImageJ 1.53t: a composite is flattened to 0.01 pixel before it is filled; a spline goes
through the vertices with the square root of their distance as its parameter. Rounded corners are those of
`java.awt.geom.RoundRectangle2D`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

__all__ = ["composite_rings", "on_one_line", "rounded_rectangle", "spline"]

_FLATNESS = 0.01
_MAX_HALVINGS = 10
_EXTENSION = 7
_SEGMENT_POINTS = {0: 1, 1: 1, 2: 2, 3: 3, 4: 0}


def on_one_line(points: npt.ArrayLike) -> bool:
    """Tell whether points (N, 2) enclose nothing whatever their order: they are one, or lie on one line."""
    away = np.asarray(points, np.float64).reshape(-1, 2)
    if not np.isfinite(away).all():
        return False
    away = away - away[0]
    # The farthest from the first gives the line; all others are measured against it.
    along = away[np.hypot(*away.T).argmax()]
    length = float(np.hypot(*along))
    return length == 0 or bool((np.abs(along[0] * away[:, 1] - along[1] * away[:, 0]) <= 1e-9 * length**2).all())


def composite_rings(path: np.ndarray) -> list[np.ndarray]:
    """Turn the stored path of a composite ROI into closed rings.

    Parameters
    ----------
    path : ndarray of shape (N,)
        Operations and their points: 0 move, 1 line, 2 quadratic, 3 cubic curve, 4 close.

    Returns
    -------
    rings : list of ndarray of shape (M, 2)
        (x, y) vertices, curves flattened.

    Raises
    ------
    ValueError
        If the path is damaged.
    """
    values = np.asarray(path, dtype=np.float64).tolist()
    rings: list[list[tuple[float, float]]] = []
    ring: list[tuple[float, float]] = []
    i = 0
    while i < len(values):
        operation = values[i]
        if operation not in _SEGMENT_POINTS:
            raise ValueError(f"path operation {operation:g} at position {i}, known are 0 to 4")
        count = _SEGMENT_POINTS[int(operation)]
        points = [
            (values[k], values[k + 1]) for k in range(i + 1, i + 1 + 2 * count, 2) if k + 1 < len(values)
        ]
        if len(points) < count or (operation != 0 and not ring):
            raise ValueError(f"path operation {operation:g} at position {i} lacks points")
        if operation == 0:
            ring = [points[0]]
            rings.append(ring)
        elif operation == 4:
            # After closing, a path may go on from where the ring began.
            ring = [ring[0]]
            rings.append(ring)
        else:
            ring += _flatten([ring[-1], *points], _MAX_HALVINGS)
        i += 1 + 2 * count
    return [np.array(ring) for ring in rings if len(ring) > 2]


def _flatten(control: list[tuple[float, float]], halvings: int) -> list[tuple[float, float]]:
    if len(control) == 2 or halvings == 0 or _is_flat(control):
        return [control[-1]]
    left, right = [control[0]], [control[-1]]
    while len(control) > 1:
        control = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairwise(control)]
        left.append(control[0])
        right.append(control[-1])
    return _flatten(left, halvings - 1) + _flatten(right[::-1], halvings - 1)


def _is_flat(control: list[tuple[float, float]]) -> bool:
    (x1, y1), (x2, y2) = control[0], control[-1]
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    for x, y in control[1:-1]:
        along = ((x - x1) * dx + (y - y1) * dy) / length if length else 0.0
        along = min(max(along, 0.0), 1.0)
        if (x - x1 - along * dx) ** 2 + (y - y1 - along * dy) ** 2 >= _FLATNESS**2:
            return False
    return True


def rounded_rectangle(x: float, y: float, width: float, height: float, diameter: float) -> np.ndarray:
    """Outline a rectangle with rounded corners.

    Parameters
    ----------
    x, y, width, height : float
        The box, in pixels.
    diameter : float
        Of the corners.

    Returns
    -------
    ring : ndarray of shape (N, 2)
        (x, y) vertices, corners flattened.
    """
    # Distance of a Bezier curve's control points that draws a quarter of a circle, as Java has it.
    bulge = 1 - math.cos(math.pi / 4)
    tangent = math.tan(math.pi / 4)
    handle = 4 / 3 * bulge * tangent / (math.sqrt(1 + tangent * tangent) - 1 + bulge)
    rx, ry = min(width, abs(diameter)) / 2, min(height, abs(diameter)) / 2
    hx, hy = rx * (1 - handle), ry * (1 - handle)
    right, bottom = x + width, y + height
    path: list[float] = [0, x, y + ry, 1, x, bottom - ry]
    path += [3, x, bottom - hy, x + hx, bottom, x + rx, bottom, 1, right - rx, bottom]
    path += [3, right - hx, bottom, right, bottom - hy, right, bottom - ry, 1, right, y + ry]
    path += [3, right, y + hy, right - hx, y, right - rx, y, 1, x + rx, y]
    path += [3, x + hx, y, x, y + hy, x, y + ry, 4]
    return composite_rings(np.array(path))[0]


def spline(vertices: np.ndarray, *, closed: bool) -> np.ndarray:
    """Run ImageJ's spline fit through vertices.

    Parameters
    ----------
    vertices : ndarray of shape (N, 2)
        (x, y), N at least 2.
    closed : bool
        Whether the last vertex is joined to the first.

    Returns
    -------
    points : ndarray of shape (M, 2)
        Points of the curve, M at least 100.
    """
    # ImageJ computes in single precision, relative to the bounding box; repeating that saves pixels at ties.
    xy = np.asarray(vertices, dtype=np.float32)
    corner = xy.min(axis=0)
    nodes = xy - corner
    if closed:
        nodes = np.concatenate([nodes, nodes[:1]])
    dx, dy = np.diff(nodes, axis=0).T
    square = dx * dx + dy * dy
    steps = np.maximum(np.sqrt(np.sqrt(square.astype(np.float64))).astype(np.float32), np.float32(0.001))
    position = np.concatenate([[np.float32(0)], np.cumsum(steps, dtype=np.float32)])
    count = max(int(np.sqrt(square.astype(np.float64)).sum() / 2), 100)
    at = np.arange(count) * (float(position[-1]) / (count - 1))
    if closed:
        # Continued over a few nodes, then a natural spline: nearly periodic, and what ImageJ does.
        n = min(_EXTENSION, len(nodes) - 1)
        last = position[-1]
        position = np.concatenate([position[-n - 1 : -1] - last, position, position[1 : n + 1] + last])
        nodes = np.concatenate([nodes[-n - 1 : -1], nodes, nodes[1 : n + 1]])
    if len(nodes) == 2:
        curve = np.stack([np.interp(at, position, nodes[:, i]) for i in (0, 1)], axis=1)
    else:
        curve = CubicSpline(position.astype(np.float64), nodes.astype(np.float64), bc_type="natural")(at)
    placed = np.asarray(curve, dtype=np.float32) + corner
    corner = placed.min(axis=0)
    return (placed - corner).astype(np.float64) + corner
