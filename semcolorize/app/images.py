"""The micrographs that a window has open; large arrays are kept of the latest ones only."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from semcolorize.app.levels import Level, base_level, levels_of
from semcolorize.errors import ImageReadError
from semcolorize.micrograph.memory import check_memory
from semcolorize.micrograph.own import OWN_RESULT, is_own_result
from semcolorize.micrograph.reading import Micrograph, read_micrograph
from semcolorize.micrograph.scalebar import scale_bar_length
from semcolorize.micrograph.working import DEFAULT_WORKING_SIZE, PreparedMicrograph, at_one_scale

__all__ = ["Images", "Opened", "View"]

_KEPT = 4
"""Micrographs whose arrays are kept beside those of a series."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A micrograph, prepared and at all sizes."""

    prepared: PreparedMicrograph

    @cached_property
    def levels(self) -> list[Level]:
        """Sizes, the full one first."""
        return levels_of(self.prepared)

    @cached_property
    def base(self) -> int:
        """Number of the level that is sent in one piece."""
        return base_level(self.levels)


@dataclass(frozen=True)
class View:
    """One micrograph in a window, and what is known of it without its pixels.

    Attributes
    ----------
    id : str
    name : str
    path : Path or None
        File; None for what came from Python.
    beside : bool
        Whether results may be written beside it: it is a file of the folder that was opened.
    sha256 : str or None
    about : mapping
        For the front end: size, data bar, pixel size, range, notes.
    """

    id: str
    name: str
    path: Path | None = None
    beside: bool = False
    sha256: str | None = None
    about: dict[str, Any] = field(default_factory=dict, hash=False)


class Images:
    """Opened micrographs by view."""

    def __init__(self) -> None:
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._given: dict[str, Micrograph] = {}
        self._series: tuple[tuple[int, ...], dict[str, Opened], list[Opened]] = ((), {}, [])

    def give(self, view: str, micrograph: Micrograph) -> None:
        """Keep a micrograph that came from Python and cannot be read again."""
        self._given[view] = micrograph

    def opened(self, view: View, *, kept: int = _KEPT) -> Opened:
        """A view's micrograph, read again where its arrays were let go.

        Raises
        ------
        ImageReadError
        """
        found = self._opened.get(view.id)
        if found is None:
            found = Opened(prepare(self.source(view)))
            self._opened[view.id] = found
        self._opened.move_to_end(view.id)
        while len(self._opened) > max(kept, 1):
            self._opened.popitem(last=False)
        return found

    def together(self, views: Sequence[View]) -> dict[str, Opened]:
        """The micrographs of a series, with working copies of one pixel size where it is known."""
        own = [self.opened(view, kept=max(_KEPT, len(views))) for view in views]
        key = tuple(id(opened) for opened in own)
        if key != self._series[0]:
            scaled = at_one_scale([opened.prepared for opened in own])
            made = [
                opened if opened.prepared is prepared else Opened(prepared)
                for opened, prepared in zip(own, scaled, strict=True)
            ]
            # The micrographs themselves are kept, too, or another could come to have the number of one.
            self._series = (key, dict(zip((view.id for view in views), made, strict=True)), own)
        return self._series[1]

    def source(self, view: View) -> Micrograph | Path:
        """What a view is read from."""
        given = self._given.get(view.id)
        if given is not None:
            return given
        assert view.path is not None
        return view.path

    def drop(self, view: str) -> None:
        """Let go of everything of a view."""
        self._opened.pop(view, None)
        self._given.pop(view, None)
        self._series = ((), {}, [])


def prepare(source: Micrograph | str | os.PathLike[str]) -> PreparedMicrograph:
    """Read a micrograph as the command line does, and make it ready; ImageReadError says what is wrong."""
    micrograph = source if isinstance(source, Micrograph) else read_source(source)
    # Said when it is opened, not after the first click.
    check_memory(micrograph.shape, path=micrograph.path)
    return PreparedMicrograph.of(micrograph, databar="auto", working_size=DEFAULT_WORKING_SIZE)


def read_source(path: str | os.PathLike[str]) -> Micrograph:
    """Read a file; a colored micrograph is taken for its lightness, but none that was colored here."""
    if is_own_result(path):
        raise ImageReadError(OWN_RESULT + " Open the micrograph it was made of.", path=path)
    return read_micrograph(path, allow_color=True)


def about(opened: Opened) -> dict[str, Any]:
    """What the front end shows of a micrograph beside its pixels."""
    prepared, micrograph = opened.prepared, opened.prepared.micrograph
    height, width = micrograph.shape
    nanometers = micrograph.pixel_size_nm
    scale = None
    if nanometers:
        length, label = scale_bar_length(width, nanometers)
        scale = {"pixels": length / nanometers, "label": label}
    return {
        "width": width,
        "height": height,
        "bar": prepared.bar if prepared.bar < height else None,
        "nanometers": nanometers,
        "scaleBar": scale,
        "depth": str(micrograph.pixels.dtype),
        "range": micrograph.range_statement,
        "instrument": micrograph.instrument.vendor if micrograph.instrument else None,
        "notes": list(micrograph.notes),
        "levels": [[level.shape[1], level.shape[0]] for level in opened.levels],
        "base": opened.base,
        # A patch that a click covers: about what five pixels are to the model, and odd, so that it has a middle.
        "hintSize": max(7, round(7 * max(height, width) / 1024) // 2 * 2 + 1),
    }
