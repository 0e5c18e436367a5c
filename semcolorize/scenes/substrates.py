"""What objects lie on: the background, class 0. A kind is ``(rng, shape, size) -> (H, W)`` float32 height."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from semcolorize.scenes.fields import band_noise, fractal_noise, smooth_noise, voronoi

__all__ = ["SUBSTRATES", "Substrate"]

Substrate = Callable[[np.random.Generator, tuple[int, int], float], np.ndarray]


def _void(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Empty depth: far below, dark and out of focus."""
    return smooth_noise(rng, shape, 0.8 * min(shape)) * np.float32(0.02 * size)


def _flat(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """A polished stub or a wafer with a little tilt."""
    slope = rng.normal(0, 0.05, 2)
    rows, cols = np.indices(shape, np.float32)
    return (slope[0] * rows + slope[1] * cols).astype(np.float32)


def _rough(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Fractured rock, sputtered metal."""
    return fractal_noise(rng, shape, rng.uniform(1.3, 2.0), size * 2) * np.float32(0.14 * size)


def _folds(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Wrinkled tissue, a cell membrane: rounded ridges between sharp valleys."""
    ridges = np.abs(band_noise(rng, shape, 0.9 * size + 4, 0.6, rng.uniform(1, 4), rng.uniform(0, np.pi)))
    return (np.sqrt(ridges) * np.float32(0.22 * size) + _rough(rng, shape, size) * np.float32(0.3)).astype(
        np.float32
    )


def _filter(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """A polycarbonate membrane: flat, with round holes anywhere."""
    radius = float(np.clip(rng.uniform(0.06, 0.25) * size, 1.5, 0.08 * min(shape)))
    number = int(np.clip(rng.uniform(0.03, 0.2) * shape[0] * shape[1] / (3.1 * radius**2), 3, 120))
    height = smooth_noise(rng, shape, 0.7 * min(shape)) * np.float32(0.04 * size)
    reach = int(radius * 1.2) + 2
    for row, col in rng.uniform((0, 0), shape, (number, 2)):
        top, left = max(int(row) - reach, 0), max(int(col) - reach, 0)
        part = height[top : int(row) + reach + 1, left : int(col) + reach + 1]
        down = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] - np.float32(row)
        right = np.arange(left, left + part.shape[1], dtype=np.float32)[None, :] - np.float32(col)
        inside = np.float32(radius) - np.hypot(down, right)
        np.minimum(part, np.float32(0.3 * radius) - np.float32(2.0) * inside, out=part, where=inside > 0)
    return height


def _cracks(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """A crazed coating: fine cracks in a flat ground."""
    cell = max(rng.uniform(0.3, 1.2) * size, 8.0)
    number = int(np.clip(shape[0] * shape[1] / cell**2, 4, 50))
    seeds = rng.uniform(-0.05, 1.05, (number, 2)) * shape
    warp = 0.2 * cell * np.stack([smooth_noise(rng, shape, 0.6 * cell) for _ in range(2)])
    _, nearest, second = voronoi(shape, seeds, (warp[0], warp[1]))
    gap = np.clip(1 - (second - nearest) / np.float32(2.5), 0, 1)
    return (_flat(rng, shape, size) - gap * np.float32(0.1 * cell)).astype(np.float32)


def _cells(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """A carpet of cells, colored as one."""
    cell = max(rng.uniform(0.4, 1.5) * size, 8.0)
    number = int(np.clip(shape[0] * shape[1] / cell**2, 4, 50))
    seeds = rng.uniform(-0.1, 1.1, (number, 2)) * shape
    warp = 0.1 * cell * np.stack([smooth_noise(rng, shape, 0.5 * cell) for _ in range(2)])
    _, nearest, second = voronoi(shape, seeds, (warp[0], warp[1]))
    return (np.sqrt(np.minimum((second - nearest) / cell, 1)) * np.float32(0.3 * cell)).astype(np.float32)


def _fibrous(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Paper, a felt: ridges crossing at two or three directions."""
    height = np.zeros(shape, np.float32)
    for _ in range(3):
        strand = band_noise(rng, shape, max(0.35 * size, 4.0), 0.7, 9.0, rng.uniform(0, np.pi))
        np.maximum(height, strand * np.float32(0.1 * size), out=height)
    return height


def _scratched(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Ground or rolled metal."""
    scratches = band_noise(rng, shape, max(0.15 * size, 3.0), 1.0, 20.0, rng.uniform(0, np.pi))
    return (scratches * np.float32(0.04 * size) + _flat(rng, shape, size)).astype(np.float32)


def _pebbles(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Sintered grains, a cobbled surface much finer than the objects."""
    grain = max(0.3 * size, 5.0)
    return np.sqrt(np.abs(band_noise(rng, shape, grain, 0.4))) * np.float32(0.25 * grain)


SUBSTRATES: dict[str, Substrate] = {
    "void": _void,
    "flat": _flat,
    "rough": _rough,
    "folds": _folds,
    "filter": _filter,
    "cracks": _cracks,
    "cells": _cells,
    "fibrous": _fibrous,
    "scratched": _scratched,
    "pebbles": _pebbles,
}
