"""How much memory coloring an image takes, and how much there is."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from semcolorize.errors import ImageReadError

__all__ = ["available_bytes", "check_memory", "needed_bytes"]

BYTES_A_PIXEL, BYTES_A_VARIANT = 15, 19
"""Measured: 20000 x 20000 pixels took 13.4 GB; 7000 x 7000 in one variant and in three lay 37 bytes a pixel apart."""

_CGROUPS = Path("/sys/fs/cgroup")


def needed_bytes(
    shape: tuple[int, int],
    *,
    variants: int = 1,
    bytes_a_pixel: float = BYTES_A_PIXEL,
    bytes_a_variant: float = BYTES_A_VARIANT,
) -> int:
    """Memory that coloring (rows, columns) takes at least, the model and the interpreter left out."""
    return int(shape[0] * shape[1] * (bytes_a_pixel + variants * bytes_a_variant))


def available_bytes(*, root: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Memory that this process can still get, swap included: the machine's, or its container's where that is less.

    Parameters
    ----------
    root, own : Path
        Where Linux shows control groups, and which of them the process is in.
    """
    free = psutil.virtual_memory().available + psutil.swap_memory().free
    return max(0, min([free, *_cgroup_rests(root, own)]))


def check_memory(shape: tuple[int, int], *, variants: int = 1, path: str | os.PathLike[str] | None = None) -> None:
    """Refuse an image that there is not the memory to color.

    Parameters
    ----------
    shape : tuple of 2 int
        Rows and columns.
    variants : int
        Known where an image is colored; where it is read, one is asked for at least.
    path : str or path-like, optional
        For the message.

    Raises
    ------
    ImageReadError
    """
    needed, available = needed_bytes(shape, variants=variants), available_bytes()
    if needed > available:
        fewer = ", ask for fewer variants" if variants > 1 else ""
        raise ImageReadError(
            f"Coloring {shape[1]} x {shape[0]} pixels takes some {needed / 1e9:.1f} GB of memory, and"
            f" {available / 1e9:.1f} GB are free here. Crop or bin the image{fewer}, close other"
            " programs, or use a machine with more memory.",
            path=path,
        )


def _cgroup_rests(root: Path, own: Path) -> list[int]:
    """What the process's control groups, and those around them, leave free; empty where there is no limit."""
    try:
        lines = own.read_text().splitlines()
    except (OSError, ValueError):
        return []
    rests = []
    for line in lines:
        _, _, kinds_and_path = line.partition(":")
        kinds, _, path = kinds_and_path.partition(":")
        if kinds == "":
            folder, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            folder = root / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # In a container the path may be that of the machine outside, of which only the top is to be seen.
        inner = folder / path.lstrip("/")
        for place in (inner, *inner.parents):
            if place == folder or folder in place.parents:
                rests += _cgroup_rest(place, *names)
    return rests


def _cgroup_rest(folder: Path, limit_name: str, used_name: str, cache_name: str) -> list[int]:
    try:
        limit, used = int((folder / limit_name).read_text()), int((folder / used_name).read_text())
    except (OSError, ValueError):
        # "max", or no such control group.
        return []
    try:
        rows = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        # Cached files count as used and are given up when memory is asked for.
        cached = next((int(row[1]) for row in rows if row[0] == cache_name), 0)
    except (OSError, ValueError, IndexError):
        cached = 0
    return [limit - used + cached]
