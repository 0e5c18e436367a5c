"""Which ROIs belong to the plane of a stack or hyperstack that is colored, as ImageJ itself shows them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

from roifile import ImagejRoi

from semcolorize.hintfiles.roi_archive import StoredRoi
from semcolorize.hints.model import SkippedHint

__all__ = ["Plane"]


@dataclass(frozen=True, kw_only=True)
class Plane:
    """One plane of an image; all numbers count from 1.

    Parameters
    ----------
    index : int
        In the stack.
    count : int
        Of planes. A ROI's position says nothing about an image that has only one.
    position : tuple of int
        Channel, slice and frame.
    size : tuple of int
        Numbers of channels, slices and frames.
    hyperstack : bool
        Whether ImageJ has sliders for channels, slices and frames.
    merged : bool
        Whether all channels are shown at once (a composite): then ImageJ shows the ROIs of all, too.
    """

    index: int = 1
    count: int = 1
    position: tuple[int, int, int] = (1, 1, 1)
    size: tuple[int, int, int] = (1, 1, 1)
    hyperstack: bool = False
    merged: bool = False

    def __str__(self) -> str:
        if not self.hyperstack:
            return f"slice {self.index}"
        axes = zip(("channel", "slice", "frame"), self.position, self.size, strict=True)
        return ", ".join(f"{name} {at}" for name, at, size in axes if size > 1) or f"slice {self.index}"

    def select(self, rois: Iterable[StoredRoi]) -> tuple[list[StoredRoi], tuple[SkippedHint, ...]]:
        """Sort out what belongs to other planes.

        Parameters
        ----------
        rois : iterable of (str, ImagejRoi)

        Returns
        -------
        here : list of (str, ImagejRoi)
            Multi-points lose the points that lie on other planes.
        skipped : tuple of SkippedHint
            One, if anything was left out: how much.
        """
        here: list[StoredRoi] = []
        others = points = 0
        for name, roi in rois:
            if not self._holds(roi):
                others += 1
                continue
            kept, gone = self._points(roi)
            if gone and kept is None:
                others += 1
            else:
                points += gone
                here.append((name, kept or roi))
        parts = [f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((others, "ROI"), (points, "point")) if n]
        reason = f"on other planes than the one that is colored ({self})"
        return here, (SkippedHint(" and ".join(parts), reason),) if parts else ()

    def _holds(self, roi: ImagejRoi) -> bool:
        if self.count <= 1:
            return True
        channel, z, frame = roi.c_position, roi.z_position, roi.t_position
        if roi.position > 0:
            if self.merged and self.size[1:] == (1, 1):
                return True
            if not self.hyperstack:
                return bool(roi.position == self.index)
            # As ImageJ's canvas reads a plain position in a hyperstack.
            if z == 0 and self.size[1] > 1:
                z = roi.position
            elif frame == 0:
                frame = roi.position
        wanted = (0 if self.merged else channel, z, frame)
        return all(want in (0, at) for want, at in zip(wanted, self.position, strict=True))

    def _points(self, roi: ImagejRoi) -> tuple[ImagejRoi | None, int]:
        """Leave out a multi-point's points of other planes; None if nothing is left or nothing changes."""
        planes = roi.counter_positions
        if self.count <= 1 or planes is None or not len(planes):
            return None, 0
        keep = (planes == 0) | (planes == self.index)
        gone = int((~keep).sum())
        if not gone or not keep.any():
            return None, gone
        fewer = copy.copy(roi)
        for name in ("integer_coordinates", "subpixel_coordinates", "counters", "counter_positions"):
            values = getattr(roi, name)
            if values is not None and len(values) == len(keep):
                setattr(fewer, name, values[keep])
        fewer.n_coordinates = int(keep.sum())
        return fewer, gone
