"""Scenes made in advance, kept in one file: a training run draws crops from them faster than it could make them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import numpy as np

from semcolorize.scenes import Scene, make_figure, make_mixture, make_scene

__all__ = ["ScenePool"]

_PLANES = 4
"""Bytes a pixel: gray, class, and two of the instance's number."""


class ScenePool:
    """Procedural scenes on disk, read through a memory map.

    Parameters
    ----------
    path : Path
        An ``.npy`` file of shape (N, size, size, 4), uint8.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._planes = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return len(self._planes)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lightness (float32, CIE L*), classes (int32) and instances (int32) of a scene, each (size, size)."""
        planes = np.asarray(self._planes[index])
        instances = planes[..., 2].astype(np.int32) + 256 * planes[..., 3].astype(np.int32)
        return planes[..., 0].astype(np.float32) / np.float32(2.55), planes[..., 1].astype(np.int32), instances

    @classmethod
    def make(
        cls,
        path: Path,
        count: int,
        size: int,
        *,
        seed: int = 0,
        workers: int = 1,
        figures: float = 0.2,
        mixtures: float = 0.0,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> ScenePool:
        """Make a pool, or open the one that is there if it holds as many scenes of that size.

        Parameters
        ----------
        path : Path
        count, size : int
            Scenes, and pixels a side.
        seed : int
            Equal seeds make equal pools.
        workers : int
            Processes.
        figures : float
            Share of scenes with one large object, see `semcolorize.scenes.make_figure`.
        mixtures : float
            Share of scenes with several classes in a crowd, see `semcolorize.scenes.make_mixture`.
        on_progress : callable, optional
            Told how many of how many scenes are done.
        """
        if path.exists() and np.load(path, mmap_mode="r").shape == (count, size, size, _PLANES):
            return cls(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        planes = np.lib.format.open_memmap(temporary, "w+", np.uint8, (count, size, size, _PLANES))
        jobs = [(seed, k, size, figures, mixtures) for k in range(count)]
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for k, made in enumerate(pool.imap(_planes_of, jobs, chunksize=8)):
                planes[k] = made
                if on_progress is not None:
                    on_progress(k + 1, count)
        planes.flush()
        temporary.replace(path)
        return cls(path)


def _planes_of(job: tuple[int, int, int, float, float]) -> np.ndarray:
    seed, k, size, figures, mixtures = job
    number = (seed * 1_000_003 + k) % 500_000_000
    kind = (k * 0.618034) % 1
    make = make_figure if kind < figures else make_mixture if kind < figures + mixtures else make_scene
    scene: Scene = make(number, size)
    planes = np.empty((size, size, _PLANES), np.uint8)
    planes[..., 0] = np.rint(2.55 * scene.lightness)
    planes[..., 1] = scene.classes
    planes[..., 2], planes[..., 3] = scene.instances % 256, scene.instances // 256
    return planes
