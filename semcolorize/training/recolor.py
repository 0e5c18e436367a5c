"""Photographs as scenes: their textures and outlines are real, their colors are drawn anew as for micrographs.

A photograph's own colors say where its objects end. Each cluster of them becomes a class, each connected piece of a
cluster an instance, to be colored by a plan like any procedural scene.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.cluster.vq import kmeans2

from semcolorize.scenes import Scene

__all__ = ["photograph_scene"]

_LIGHTNESS_WEIGHT = 0.4
_TRAINED_ON = 500
_SMALLEST = 24


def photograph_scene(lab: np.ndarray, rng: np.random.Generator) -> Scene:
    """Split a color image into classes and instances by its colors.

    Parameters
    ----------
    lab : ndarray of shape (H, W, 3)
        CIELAB.
    rng : numpy.random.Generator
        Draws the number of classes, 2 to 5, and starts the clustering.

    Returns
    -------
    Scene
        With the image's lightness; class 0 is the one that holds most of the border. Height is 0 everywhere.
    """
    height, width = lab.shape[:2]
    smooth = ndimage.gaussian_filter(lab.astype(np.float32), (1.2, 1.2, 0), truncate=2.0)
    smooth[..., 0] *= _LIGHTNESS_WEIGHT
    points = smooth.reshape(-1, 3)
    number = int(rng.integers(2, 6))
    some = points[rng.integers(0, len(points), _TRAINED_ON)]
    centers, _ = kmeans2(some + rng.normal(0, 0.1, some.shape), number, iter=6, minit="++", seed=rng, missing="warn")
    nearest = ((points[:, None] - centers[None]) ** 2).sum(axis=-1).argmin(axis=1).reshape(height, width)
    # The majority around a pixel: no confetti.
    votes = [ndimage.uniform_filter((nearest == k).astype(np.float32), 5) for k in range(number)]
    classes = np.argmax(np.stack(votes), axis=0)
    border = np.concatenate([classes[0], classes[-1], classes[:, 0], classes[:, -1]])
    ground = int(np.bincount(border, minlength=number).argmax())
    order = np.full(number, 0)
    kept = [k for k in range(number) if k != ground and (classes == k).any()]
    order[kept] = np.arange(1, len(kept) + 1)
    classes = order[classes].astype(np.int16)
    instances = np.zeros((height, width), np.int32)
    for k in range(1, len(kept) + 1):
        pieces, found = ndimage.label(classes == k)
        small = np.flatnonzero(np.bincount(pieces.ravel(), minlength=found + 1) < _SMALLEST)
        instances = np.where(pieces > 0, pieces + instances.max(), instances)
        # Specks go to the ground.
        gone = np.isin(pieces, small[small > 0])
        instances[gone], classes[gone] = 0, 0
    return _numbered(lab[..., 0], instances, classes)


def _numbered(lightness: np.ndarray, instances: np.ndarray, classes: np.ndarray) -> Scene:
    """Renumber so that every instance and class but perhaps 0 occurs."""
    maps = []
    for labels in (instances, classes):
        values, inverse = np.unique(labels, return_inverse=True)
        maps.append(inverse.reshape(labels.shape) + (0 if values[0] == 0 else 1))
    names = ("ground", *(f"color {k}" for k in range(1, int(maps[1].max()) + 1)))
    return Scene(
        lightness=np.ascontiguousarray(lightness, np.float32),
        instances=maps[0].astype(np.int32),
        classes=maps[1].astype(np.int16),
        height=np.zeros(lightness.shape, np.float32),
        family_of_class=names,
    )
