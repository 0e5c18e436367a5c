"""Which hints belong to the plane of a stack or hyperstack that is colored, as ImageJ itself shows ROIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Plane", "Position"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where in a stack a hint lies; all numbers count from 1, and 0 is on all.

    Parameters
    ----------
    stack : int
        A ROI's plain position: the slice of a stack; in a hyperstack, where ImageJ takes it for the slice or frame.
    index : int
        The plane's place in the stack, whatever its axes: what points of a multi-point have.
    channel, slice, frame : int
    """

    stack: int = 0
    index: int = 0
    channel: int = 0
    slice: int = 0
    frame: int = 0


@dataclass(frozen=True, kw_only=True)
class Plane:
    """One plane of an image; all numbers count from 1.

    Parameters
    ----------
    index : int
        In the stack.
    count : int
        Of planes. A hint's position says nothing about an image that has only one.
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

    @classmethod
    def of_page(cls, page: int, pages: int, imagej: Mapping[str, Any] | None = None) -> Plane:
        """Plane that a page of a file shows.

        Parameters
        ----------
        page, pages : int
            Which page of how many, from 1.
        imagej : mapping, optional
            ImageJ's own description of the file: its axes, channels turning fastest. One that does not fit the number
            of pages is not believed.
        """
        said = imagej or {}
        try:
            size = tuple(max(int(said.get(name, 1)), 1) for name in ("channels", "slices", "frames"))
        except (TypeError, ValueError):
            size = (1, 1, 1)
        if pages <= 1 or size[0] * size[1] * size[2] != pages:
            return cls(index=page, count=pages)
        at = page - 1
        position = (at % size[0] + 1, at // size[0] % size[1] + 1, at // (size[0] * size[1]) + 1)
        return cls(
            index=page, count=pages, position=position, size=(size[0], size[1], size[2]),
            hyperstack=bool(said.get("hyperstack", False)),
            merged=said.get("mode") == "composite",
        )  # fmt: skip

    def shows(self, position: Position | None) -> bool:
        """Whether ImageJ shows on this plane what has a position."""
        if self.count <= 1 or position is None:
            return True
        if position.index:
            return position.index == self.index
        slice_, frame = position.slice, position.frame
        if position.stack:
            if self.merged and self.size[1:] == (1, 1):
                return True
            if not self.hyperstack:
                return position.stack == self.index
            # As ImageJ's canvas reads a plain position in a hyperstack.
            if slice_ == 0 and self.size[1] > 1:
                slice_ = position.stack
            elif frame == 0:
                frame = position.stack
        wanted = (0 if self.merged else position.channel, slice_, frame)
        return all(want in (0, at) for want, at in zip(wanted, self.position, strict=True))
