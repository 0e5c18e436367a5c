"""Views of one specimen: tilted, turned and magnified, with the pixels that show the same point; or rearranged.

A scene's surface is projected orthographically, as a scanning electron microscope sees it: every surface point moves
with the stage, and of those that fall on one pixel the one nearest to the gun is seen. Texture and yield are fixed to
the surface; shading, shadows and noise are each view's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from semcolorize.scenes.detector import Surface, draw_recording, expose, textured
from semcolorize.scenes.scene import Geometry, Scene, build_geometry

__all__ = ["SceneViews", "make_views"]

_MARGIN = 1.45
"""Side of the specimen over that of the field: what tilting and turning bring into view must be there."""

_SAMPLES = 3
"""Surface samples along a pixel's side: tilted faces must not have holes."""

_CLIFF = 5.0
"""Slope beyond which a height field's face is the gap between two objects."""

_STEEPEST = 0.15
"""Least cosine between a seen face and the beam."""


@dataclass(frozen=True)
class SceneViews:
    """Views of one specimen.

    Parameters
    ----------
    views : tuple of Scene
        Instances and classes are numbered alike in all of them; a view need not show every one.
    sources : tuple of (H, W, 2) float32 numpy.ndarray
        Row and column on the specimen that each pixel shows; nan where it lies beyond the specimen, and everywhere in
        rearranged views, whose pixels show no common points.
    """

    views: tuple[Scene, ...]
    sources: tuple[np.ndarray, ...]

    def correspondence(self, here: int, there: int, *, tolerance: float = 1.0) -> np.ndarray:
        """Where each pixel of view `here` is seen in view `there`.

        Parameters
        ----------
        here, there : int
        tolerance : float
            Pixels on the specimen by which the two may differ.

        Returns
        -------
        (H, W, 2) float32 numpy.ndarray
            Row and column in view `there`; nan where the point is hidden there or out of the field.
        """
        rows, cols = np.nonzero(np.isfinite(self.sources[there][..., 0]))
        found = np.full(self.sources[here].shape, np.nan, np.float32)
        seen = np.isfinite(self.sources[here][..., 0])
        if not len(rows) or not seen.any():
            return found
        from scipy.spatial import cKDTree

        tree = cKDTree(self.sources[there][rows, cols])
        distance, index = tree.query(self.sources[here][seen], distance_upper_bound=tolerance)
        hit = np.isfinite(distance)
        places = np.full((len(index), 2), np.nan, np.float32)
        places[hit] = np.stack([rows[index[hit]], cols[index[hit]]], axis=-1)
        found[seen] = places
        return found


def make_views(
    seed: int,
    size: int | tuple[int, int] = 128,
    number: int = 2,
    *,
    tilt: float = 30.0,
    turn: float = 15.0,
    zoom: float = 1.2,
    rearranged: bool = False,
    families: list[str] | None = None,
    substrate: str | None = None,
) -> SceneViews:
    """Views of a procedural specimen, the same for the same arguments.

    Parameters
    ----------
    seed : int
    size : int or tuple of int
        Side or (H, W) in pixels.
    number : int
        Views; the first is seen from above.
    tilt, turn : float
        Largest tilt about an axis in the stage's plane and largest turn in that plane, in degrees.
    zoom : float
        Largest ratio of magnifications, at least 1.
    rearranged : bool
        Other specimens of the same classes, as in fields of one sample, instead of one seen from elsewhere.
    families, substrate
        As for `semcolorize.scenes.make_scene`.

    Returns
    -------
    SceneViews
    """
    shape = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    if rearranged:
        return _rearranged(rng, shape, number, families, substrate)
    whole = (round(_MARGIN * shape[0]), round(_MARGIN * shape[1]))
    geometry = build_geometry(rng, whole, families, substrate)
    surface = textured(geometry.height, geometry.instances, geometry.class_of_instance, geometry.looks, rng)
    recording = draw_recording(rng)
    views, sources = [], []
    for index in range(number):
        if index == 0:
            stage = np.eye(3)
        else:
            angle = np.deg2rad(rng.uniform(-tilt, tilt))
            stage = _rotation(rng.uniform(0, np.pi), angle, np.deg2rad(rng.uniform(-turn, turn)))
            stage = stage * np.exp(rng.uniform(-1, 1) * np.log(zoom))
        scene, source = _seen(geometry, surface, stage, shape, recording, rng)
        views.append(scene)
        sources.append(source)
    return SceneViews(tuple(views), tuple(sources))


def _rotation(axis: float, tilt: float, turn: float) -> np.ndarray:
    """Turn in the (row, column) plane after a tilt about the axis (cos, sin, 0); radians, (3, 3)."""
    along = np.array([np.cos(axis), np.sin(axis), 0.0])
    cross = np.array([[0, -along[2], along[1]], [along[2], 0, -along[0]], [-along[1], along[0], 0]])
    tilted = np.eye(3) + np.sin(tilt) * cross + (1 - np.cos(tilt)) * cross @ cross
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    return spin @ tilted


def _seen(
    geometry: Geometry,
    surface: Surface,
    stage: np.ndarray,
    shape: tuple[int, int],
    recording: object,
    rng: np.random.Generator,
) -> tuple[Scene, np.ndarray]:
    """One view, and the specimen's (row, column) at each of its pixels."""
    source, height, known = _project(geometry.height, stage, shape)
    places = np.moveaxis(source, -1, 0)
    zoom = np.cbrt(np.linalg.det(stage))
    slopes = [ndimage.map_coordinates(s, places, order=1, mode="nearest") for s in surface.slopes]
    normal = np.stack([-slopes[0], -slopes[1], np.ones_like(slopes[0])])
    normal /= np.linalg.norm(normal, axis=0)
    turned = np.tensordot(stage / zoom, normal, axes=1)
    upward = np.maximum(turned[2], _STEEPEST)
    seen = Surface(
        height=height,
        slopes=((-turned[0] / upward).astype(np.float32), (-turned[1] / upward).astype(np.float32)),
        yields=ndimage.map_coordinates(surface.yields, places, order=1, mode="nearest"),
    )
    rows, cols = (
        np.clip(np.rint(p), 0, n - 1).astype(np.intp) for p, n in zip(places, geometry.height.shape, strict=True)
    )
    instances = geometry.instances[rows, cols]
    scene = Scene(
        lightness=expose(seen, recording, rng),  # type: ignore[arg-type]
        instances=instances,
        classes=geometry.class_of_instance[instances],
        height=height,
        family_of_class=geometry.family_of_class,
    )
    return scene, np.where(known[..., None], source, np.float32(np.nan))


def _project(
    height: np.ndarray, stage: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Project a height field: source (H, W, 2), height (H, W), and where the specimen is seen at all."""
    middle = (np.array(height.shape) - 1) / 2
    rows, cols = (np.arange((n - 1) * _SAMPLES + 1, dtype=np.float32) / np.float32(_SAMPLES) for n in height.shape)
    grid = np.stack(np.meshgrid(rows, cols, indexing="ij"))
    z = ndimage.map_coordinates(height, grid, order=1)
    level = float(np.median(height))
    points = np.stack([grid[0] - middle[0], grid[1] - middle[1], z - level]).reshape(3, -1)
    moved = stage.astype(np.float32) @ points.astype(np.float32)
    row = np.rint(moved[0] + (shape[0] - 1) / 2).astype(np.intp)
    col = np.rint(moved[1] + (shape[1] - 1) / 2).astype(np.intp)
    inside = np.flatnonzero((row >= 0) & (row < shape[0]) & (col >= 0) & (col < shape[1]))
    # Samples on the cliff between an object and what lies far below it are no surface anyone modeled, and too few.
    cliff = np.hypot(*np.gradient(z, 1 / _SAMPLES)).ravel() > _CLIFF
    inside = inside[~cliff[inside]]
    # The highest sample on a pixel is written last.
    inside = inside[np.argsort(moved[2, inside], kind="stable")]
    winner = np.full(shape, -1, np.intp)
    winner[row[inside], col[inside]] = inside
    far, nearest = ndimage.distance_transform_edt(winner < 0, return_indices=True)
    winner = winner[tuple(nearest)]
    source = np.moveaxis(grid.reshape(2, -1)[:, winner], 0, -1).astype(np.float32)
    return source, moved[2][winner].astype(np.float32), far <= 2


def _rearranged(
    rng: np.random.Generator,
    shape: tuple[int, int],
    number: int,
    families: list[str] | None,
    substrate: str | None,
) -> SceneViews:
    """Fields of one sample: parts of one large specimen, so that classes, looks and sizes are shared."""
    whole = (2 * shape[0], 2 * shape[1])
    geometry = build_geometry(rng, whole, families, substrate)
    surface = textured(geometry.height, geometry.instances, geometry.class_of_instance, geometry.looks, rng)
    recording = draw_recording(rng)
    corners = [(0, 0), (shape[0], shape[1]), (0, shape[1]), (shape[0], 0)]
    views = []
    for index in range(number):
        top, left = corners[index % 4]
        part = (slice(top, top + shape[0]), slice(left, left + shape[1]))
        cut = Surface(surface.height[part], (surface.slopes[0][part], surface.slopes[1][part]), surface.yields[part])
        instances = geometry.instances[part]
        views.append(
            Scene(
                lightness=expose(cut, recording, rng),
                instances=np.ascontiguousarray(instances),
                classes=geometry.class_of_instance[instances],
                height=geometry.height[part],
                family_of_class=geometry.family_of_class,
            )
        )
    nowhere = np.full((*shape, 2), np.nan, np.float32)
    return SceneViews(tuple(views), (nowhere,) * number)
