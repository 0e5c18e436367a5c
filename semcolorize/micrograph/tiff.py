"""Color images as ImageJ opens them: a TIFF stack, a slice a variant, calibration, labels, overlay, Info.

8 bit is an RGB stack. ImageJ has no 16-bit RGB stacks: 16 bit is a composite of three channels, shown over
the whole range in red, green and blue, which looks the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from semcolorize.errors import OutputError, ShapeError
from semcolorize.micrograph.atomic import PathLike, atomic_output
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.own import PROVENANCE_LINE, SOFTWARE

__all__ = ["imagej_scale", "write_color_tiff"]

_LARGEST = 4_294_967_295 - 64_000_000
"""TIFF counts bytes in 32 bits; room is left for metadata."""

_CHANNELS = ("red", "green", "blue")


def write_color_tiff(
    path: PathLike,
    rgb: np.ndarray,
    *,
    labels: Sequence[str] | None = None,
    calibration: Calibration | None = None,
    info: str | None = None,
    overlays: Sequence[bytes] | None = None,
    metadata: str | None = None,
    overwrite: bool = False,
    inputs: Iterable[PathLike] = (),
    sync: bool = True,
) -> Path:
    """Write variants as one ImageJ TIFF, whole or not at all.

    Parameters
    ----------
    path : str or path-like
    rgb : uint8 or uint16 ndarray of shape (N, H, W, 3)
        sRGB; one slice a variant.
    labels : sequence of N str, optional
        Slice labels.
    calibration : Calibration, optional
        Size of a pixel; kept with its unit.
    info : str, optional
        What Image > Show Info shows: the input's own metadata and the legend.
    overlays : sequence of bytes, optional
        ImageJ ROIs (``ImagejRoi.tobytes()``), shown over every slice.
    metadata : str, optional
        Provenance as JSON; appended to `info` after a line ``semcolorize provenance (JSON)``.
    overwrite : bool
        An existing file may be replaced.
    inputs : iterable of str or path-like
        Files that may not be replaced even so.
    sync : bool
        As for `semcolorize.micrograph.atomic.atomic_output`.

    Returns
    -------
    path : Path

    Raises
    ------
    ShapeError
        If `rgb` or `labels` is not as described.
    OutputError
        If the file exists, is an input, is too large for TIFF, or cannot be written there.

    Notes
    -----
    Equal arguments give equal bytes: no time is recorded.
    """
    if rgb.ndim != 4 or rgb.shape[-1] != 3 or rgb.dtype not in (np.uint8, np.uint16) or rgb.size == 0:
        raise ShapeError(f"rgb is {rgb.dtype} of shape {rgb.shape}; uint8 or uint16 of (N, H, W, 3) is needed.")
    names = list(labels) if labels is not None else [f"variant {i + 1}" for i in range(len(rgb))]
    if len(names) != len(rgb):
        raise ShapeError(f"There are {len(names)} labels for {len(rgb)} slices; one a slice is needed.")
    if rgb.nbytes > _LARGEST:
        raise OutputError(
            f"The stack would have {rgb.nbytes / 1e9:.1f} GB; ImageJ's TIFF holds 4 GB. Write fewer variants"
            " a file, or 8 bits.",
            path=os.fspath(path),
        )
    about = _imagej_metadata(rgb, names, info, overlays, metadata)
    options: dict[str, Any] = {"imagej": True, "metadata": about, "software": SOFTWARE}
    options["resolution"], unit = imagej_scale(calibration)
    if unit is not None:
        about["unit"] = unit
    if rgb.dtype == np.uint8:
        about["axes"] = "ZYXS"
        options["photometric"] = "rgb"
        values = rgb
    else:
        about |= {
            "axes": "ZCYX",
            "mode": "composite",
            "Ranges": (0.0, 65535.0) * 3,
            "LUTs": _primary_tables(),
        }
        options["photometric"] = "minisblack"
        values = np.ascontiguousarray(np.moveaxis(rgb, -1, 1))
    with atomic_output(path, overwrite=overwrite, inputs=inputs, sync=sync) as handle:
        tifffile.imwrite(handle, values, **options)
    return Path(path)


def imagej_scale(calibration: Calibration | None) -> tuple[tuple[float, float] | None, str | None]:
    """Pixels per unit along x and y, and the unit as ImageJ spells it; None where nothing is known."""
    if calibration is None:
        return None, None
    return (1 / calibration.x_size, 1 / calibration.y_size), _ascii_unit(calibration.unit)


def _imagej_metadata(
    rgb: np.ndarray,
    names: list[str],
    info: str | None,
    overlays: Sequence[bytes] | None,
    metadata: str | None,
) -> dict[str, Any]:
    if rgb.dtype == np.uint16:
        names = [f"{name} ({channel})" for name in names for channel in _CHANNELS]
    about: dict[str, Any] = {"Labels": names, "loop": False}
    text = "\n\n".join(
        part for part in (info, f"{PROVENANCE_LINE}\n{metadata}" if metadata else None) if part
    )
    if text:
        about["Info"] = text
    if overlays:
        about["Overlays"] = list(overlays)
    return about


def _primary_tables() -> list[np.ndarray]:
    """Red, green and blue lookup tables, as ImageJ stores them."""
    ramp = np.arange(256, dtype=np.uint8)
    tables = []
    for channel in range(3):
        table = np.zeros((3, 256), np.uint8)
        table[channel] = ramp
        tables.append(table)
    return tables


def _ascii_unit(unit: str) -> str:
    r"""ImageJ reads ``um`` as µm, and what else is not ASCII as ``\u00C5``."""
    if unit.strip() in ("µm", "μm", "um", "micron"):
        return "um"
    return "".join(letter if letter.isascii() else f"\\u{ord(letter):04X}" for letter in unit)
