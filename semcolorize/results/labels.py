"""Labels as files that ImageJ reads: an indexed TIFF with its colors and names, and a ROI an object."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from semcolorize.color.palette import NamedColor
from semcolorize.hints.labels import Label
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.own import SOFTWARE
from semcolorize.micrograph.tiff import imagej_scale

__all__ = ["label_rois", "label_tiff"]


def label_tiff(labels: Sequence[Label], plane: np.ndarray, calibration: Calibration | None) -> bytes:
    """An 8-bit TIFF of label numbers with a lookup table of their colors, for ImageJ.

    Parameters
    ----------
    labels : sequence of Label
    plane : uint8 ndarray of shape (H, W)
        0 none, k the k-th label.
    calibration : Calibration, optional

    Returns
    -------
    bytes
        The names are in ImageJ's Info, a line each.
    """
    import tifffile

    table = np.zeros((3, 256), np.uint8)
    for k, label in enumerate(labels, start=1):
        table[:, k] = NamedColor("", label.lab).rgb
    names = "\n".join(["0: none", *(f"{k}: {label.name}" for k, label in enumerate(labels, start=1))])
    resolution, unit = imagej_scale(calibration)
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer, plane, imagej=True, resolution=resolution, software=SOFTWARE,
        metadata={"LUTs": [table], "Info": names, "mode": "color", **({"unit": unit} if unit else {})},
    )  # fmt: skip
    return buffer.getvalue()


def label_rois(labels: Sequence[Label], plane: np.ndarray, *, least: int = 16) -> bytes:
    """A RoiSet.zip with a ROI for every connected part of a label, named and colored.

    Parameters
    ----------
    labels : sequence of Label
    plane : uint8 ndarray of shape (H, W)
    least : int
        Parts of fewer pixels are left out.
    """
    from semcolorize.hintfiles.roi_writing import hints_to_rois
    from semcolorize.hints.model import Polygons, RegionHint

    hints = []
    for k, label in enumerate(labels, start=1):
        parts, _ = ndimage.label(plane == k)
        number = 0
        for n, window in enumerate(ndimage.find_objects(parts), start=1):
            mask = parts[window] == n
            if mask.sum() < least:
                continue
            number += 1
            top, left = window[0].start, window[1].start
            rings = tuple(tuple((row + top, column + left) for row, column in ring) for ring in _outlines(mask))
            hints.append(RegionHint(lab=label.lab, name=f"{label.name} {number}", shape=Polygons(rings)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, roi in enumerate(hints_to_rois(hints, numbered=False), start=1):
            # A fixed time, so that equal labels give equal bytes.
            archive.writestr(zipfile.ZipInfo(f"{i:04d}.roi", (1980, 1, 1, 0, 0, 0)), roi.tobytes())
        archive.comment = SOFTWARE.encode()
    return buffer.getvalue()


def _outlines(mask: np.ndarray) -> list[list[tuple[float, float]]]:
    """Outlines of a mask along the edges of its pixels, holes included: closed rings of (row, column) corners."""
    padded = np.pad(mask, 1).astype(np.int8)
    # Directed edges with the mask on the right: each corner leads to the next.
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    down, across = np.diff(padded, axis=0), np.diff(padded, axis=1)
    for row, column in np.argwhere(down == 1):
        following.setdefault((int(row), int(column) - 1), []).append((int(row), int(column)))
    for row, column in np.argwhere(down == -1):
        following.setdefault((int(row), int(column)), []).append((int(row), int(column) - 1))
    for row, column in np.argwhere(across == 1):
        following.setdefault((int(row), int(column)), []).append((int(row) - 1, int(column)))
    for row, column in np.argwhere(across == -1):
        following.setdefault((int(row) - 1, int(column)), []).append((int(row), int(column)))
    rings = []
    while following:
        start = place = next(iter(following))
        ring: list[tuple[float, float]] = []
        before: tuple[int, int] | None = None
        while True:
            ways = following[place]
            way = ways[0] if len(ways) == 1 or before is None else _right_turn(before, place, ways)
            ways.remove(way)
            if not ways:
                del following[place]
            heading = (way[0] - place[0], way[1] - place[1])
            if before is None or heading != (place[0] - before[0], place[1] - before[1]):
                ring.append(place)
            before, place = place, way
            if place == start:
                break
        rings.append(ring)
    return rings


def _right_turn(before: tuple[int, int], place: tuple[int, int], ways: list[tuple[int, int]]) -> tuple[int, int]:
    """Where two pixels meet in a corner the outline stays with its own pixel."""
    row, column = place[0] - before[0], place[1] - before[1]
    for turn in ((column, -row), (row, column), (-column, row)):
        if (found := (place[0] + turn[0], place[1] + turn[1])) in ways:
            return found
    return ways[0]
