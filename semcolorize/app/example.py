"""A procedural micrograph, for whoever has none at hand."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from semcolorize.app.levels import gray_of
from semcolorize.micrograph.atomic import write_bytes_atomic

__all__ = ["write_example"]

_SEED = 12
_SHAPE = (768, 1024)


def write_example(folder: Path) -> Path:
    """Write a micrograph of pollen grains and spores on a folded surface into a folder, unless it is there."""
    import tifffile

    from semcolorize.scenes import make_scene

    path = folder / "example.tif"
    if not path.exists():
        scene = make_scene(_SEED, _SHAPE, families=["pollen", "spheres"], substrate="folds")
        buffer = io.BytesIO()
        gray = gray_of(np.asarray(scene.lightness))
        tifffile.imwrite(buffer, gray, imagej=True, resolution=(20.0, 20.0), metadata={"unit": "um"})
        write_bytes_atomic(path, buffer.getvalue())
    return path
