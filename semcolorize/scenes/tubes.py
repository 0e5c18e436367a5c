"""Tubes along curves: fibers, hairs, spines, threads. Whole bundles are drawn in one vectorized pass."""

from __future__ import annotations

import numpy as np

from semcolorize.scenes.canvas import Canvas

__all__ = ["STEP", "draw_tubes", "paths", "round_ends"]

#: Distance of samples in pixels: on the outside of a bend of twice the tube's radius it is still only 0.75.
STEP = 0.5


def paths(
    rng: np.random.Generator, start: np.ndarray, heading: np.ndarray, length: float, wiggle: float
) -> np.ndarray:
    """Smoothly bending curves.

    Parameters
    ----------
    start : numpy.ndarray
        (B, 2) rows and columns.
    heading : numpy.ndarray
        (B,) initial directions, radians from the column axis towards higher rows.
    length : float
        Length in pixels of every curve.
    wiggle : float
        How far the heading strays, in radians (standard deviation): 0 straight, 1 curly.

    Returns
    -------
    numpy.ndarray
        (B, K, 2) rows and columns, `STEP` pixels apart.
    """
    count = max(int(length / STEP), 4)
    along = np.linspace(0.0, 1.0, count)
    turns = np.zeros((len(start), count))
    for cycles in (0.5, 1.0, 2.0):
        phase = rng.uniform(0, 2 * np.pi, (len(start), 1))
        wave = np.sin(2 * np.pi * cycles * along + phase) - np.sin(phase)
        turns += rng.normal(0, wiggle / cycles, (len(start), 1)) * wave
    angle = heading[:, None] + turns
    steps = np.stack([np.sin(angle), np.cos(angle)], axis=-1) * STEP
    return start[:, None, :] + np.cumsum(steps, axis=1)


def round_ends(radius: np.ndarray) -> np.ndarray:
    """Let (B, K) radii fall to zero as a hemisphere at both ends."""
    count = radius.shape[1]
    index = np.arange(count)
    to_end = np.minimum(index, count - 1 - index)[None, :] * STEP
    inward = np.clip((radius - to_end) / np.maximum(radius, 1e-3), 0.0, 1.0)
    return radius * np.sqrt(1.0 - inward**2)


def draw_tubes(
    canvas: Canvas,
    centers: np.ndarray,
    z: np.ndarray,
    radius: np.ndarray,
    instance: np.ndarray,
    flatness: float = 1.0,
) -> None:
    """Draw tubes of circular or flattened section, the highest surface on top.

    Samples of the surface are rounded to pixels, then the remainder is moved back along the curve's normal,
    so that the height at the pixel's center is exact to first order and tubes are smooth.

    Parameters
    ----------
    centers : numpy.ndarray
        (B, K, 2) rows and columns, about `STEP` apart.
    z : numpy.ndarray
        (B, K) height of the axis in pixels.
    radius : numpy.ndarray
        (B, K) in pixels.
    instance : numpy.ndarray
        (B,) int, one number a tube.
    flatness : float
        Vertical over horizontal half-axis.
    """
    rows, cols = canvas.shape
    tangent = np.gradient(centers, axis=1)
    tangent /= np.maximum(np.hypot(tangent[..., 0], tangent[..., 1])[..., None], 1e-6)
    reach = np.maximum(radius, 0.35)
    inside = (
        (centers[..., 0] > -reach)
        & (centers[..., 0] < rows + reach)
        & (centers[..., 1] > -reach)
        & (centers[..., 1] < cols + reach)
        & (radius > 0.15)
    )
    if not inside.any():
        return
    owner = np.broadcast_to(np.asarray(instance)[:, None], radius.shape)[inside]
    center, direction = centers[inside].astype(np.float32), tangent[inside].astype(np.float32)
    axis_z, r = z[inside].astype(np.float32), reach[inside].astype(np.float32)
    across = np.linspace(-1, 1, max(int(np.ceil(2 * float(r.max()) / STEP)), 3), dtype=np.float32)
    offset = across[None, :] * (r[:, None] + 0.5)
    normal_row, normal_col = -direction[:, 1:2], direction[:, 0:1]
    row, col = center[:, 0:1] + offset * normal_row, center[:, 1:2] + offset * normal_col
    at_row, at_col = np.rint(row), np.rint(col)
    true_offset = offset + (at_row - row) * normal_row + (at_col - col) * normal_col
    keep = np.abs(true_offset) <= r[:, None]
    keep &= (at_row >= 0) & (at_row < rows) & (at_col >= 0) & (at_col < cols)
    sample = np.nonzero(keep)[0]
    rise = np.sqrt(np.maximum(r[sample] ** 2 - true_offset[keep] ** 2, 0.0)) * np.float32(flatness)
    pixel_row, pixel_col = at_row[keep].astype(np.int64), at_col[keep].astype(np.int64)
    canvas.scatter(pixel_row, pixel_col, axis_z[sample] + rise, owner[sample])
