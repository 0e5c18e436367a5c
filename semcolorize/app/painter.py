"""What a window still has to be sent of the view it shows: the base picture, the tiles it asks for, the rest.

Work is done in small steps, so that an edit never waits for more than one of them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from semcolorize.app import encode
from semcolorize.app.images import Opened
from semcolorize.app.levels import Level
from semcolorize.app.messages import WantTiles
from semcolorize.app.picture import Picture, doubt_of

__all__ = ["Painter", "Send"]

Send = Callable[[dict[str, Any], Sequence[bytes]], None]
"""Takes a header of JSON values and buffers."""

Tile = tuple[int, int, int]

_GALLERY_SIDE = 320


class Painter:
    """Sends pictures of one view at a time.

    Parameters
    ----------
    send : callable
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._gray: deque[Tile] = deque()
        self._color: deque[Tile] = deque()
        self._wanted: tuple[str, int, int] = ("", 0, 0)
        self._sent: set[tuple[Any, ...]] = set()
        self.variant = 0
        self.uncertainty = False

    def want(self, message: WantTiles) -> None:
        """Tiles that the front end lacks."""
        with self._lock:
            self._wanted = (message.view, message.version, message.variant)
            self._gray = deque((level, row, column) for level, row, column in message.gray)
            self._color = deque((level, row, column) for level, row, column in message.color)

    def again(self) -> None:
        """A front end is there that has nothing yet."""
        with self._lock:
            self._sent.clear()

    def begin(self, view: str, opened: Opened, about: dict[str, Any]) -> None:
        """Send what a view is, and its gray base picture."""
        level = opened.levels[opened.base]
        gray = level.gray(slice(0, level.shape[0]), slice(0, level.shape[1]))
        data = encode.exact(gray) if level.exact else encode.quick(gray)
        self._send({"type": "opened", "view": view, **about}, [data])

    def step(self, view: str, opened: Opened, version: int, picture: Picture) -> bool:
        """Send the most urgent thing that is lacking; False if nothing is."""
        variant = min(self.variant, len(picture.chroma) - 1)
        if self._once("base", view, version, variant):
            # The smallest size first: over the sharp gray picture it is nearly all that is to be seen.
            level = opened.levels[-1]
            self._send(_told(view, version, variant, picture, level), [_shown(picture, level, variant)])
            return True
        tile = self._pop(self._gray, view)
        if tile is not None:
            self._send_gray(view, opened, tile)
            return True
        if self.uncertainty and self._once("doubt", view, version):
            self._send({"type": "uncertainty", "view": view, "version": version}, [_doubt(picture)])
            return True
        tile = self._pop(self._color, view) if self._wanted[1:] == (version, variant) else None
        if tile is not None:
            self._send_color(view, opened, tile, version, variant, picture)
            return True
        if len(picture.chroma) > 1 and self._once("gallery", view, version):
            small = opened.levels[-1]
            thumbs = [encode.thumbnail(picture.whole(small, i), _GALLERY_SIDE) for i in range(len(picture.chroma))]
            self._send({"type": "gallery", "view": view, "version": version}, thumbs)
            return True
        return False

    def gray_step(self, view: str, opened: Opened) -> bool:
        """Send a gray tile while there is no picture yet."""
        tile = self._pop(self._gray, view)
        if tile is None:
            return False
        self._send_gray(view, opened, tile)
        return True

    def _once(self, *what: Any) -> bool:
        with self._lock:
            if what in self._sent:
                return False
            if len(self._sent) > 4000:
                self._sent.clear()
            self._sent.add(what)
            return True

    def _pop(self, tiles: deque[Tile], view: str) -> Tile | None:
        with self._lock:
            return tiles.popleft() if tiles and self._wanted[0] == view else None

    def _send_gray(self, view: str, opened: Opened, tile: Tile) -> None:
        level = _level(opened, tile)
        if level is not None:
            picture = level.gray(*level.window(*tile[1:]))
            data = encode.exact(picture) if level.exact else encode.quick(picture)
            self._send({"type": "tile", "layer": "gray", "view": view, "tile": list(tile)}, [data])

    def _send_color(
        self, view: str, opened: Opened, tile: Tile, version: int, variant: int, picture: Picture
    ) -> None:
        level = _level(opened, tile)
        if level is not None:
            window = picture.window(level, *level.window(*tile[1:]), variant)
            data = encode.exact(window) if level.exact else encode.quick(window)
            header = {"type": "tile", "layer": "color", "view": view, "tile": list(tile), "version": version}
            self._send({**header, "variant": variant}, [data])


def _level(opened: Opened, tile: Tile) -> Level | None:
    """The level of a tile that exists; None for others, which nobody needs to be told of."""
    number, row, column = tile
    if number >= len(opened.levels):
        return None
    level = opened.levels[number]
    return level if row < level.grid[0] and column < level.grid[1] else None


def _told(view: str, version: int, variant: int, picture: Picture, level: Level) -> dict[str, Any]:
    return {
        "type": "picture",
        "view": view,
        "version": version,
        "variant": variant,
        "variants": len(picture.chroma),
        "colorless": picture.colorless,
        "exact": level.exact,
        "labeled": picture.assignment is not None,
        "legend": [
            {"name": entry.name, "color": entry.color, "share": entry.share, "hints": entry.hints}
            for entry in picture.legend
        ],
        "nextHint": picture.next_hint,
        "notes": list(picture.notes),
    }


def _shown(picture: Picture, level: Level, variant: int) -> bytes:
    if picture.colorless:
        # The front end has the gray one.
        return b""
    whole = picture.whole(level, variant)
    return encode.exact(whole) if level.exact else encode.quick(whole)


def _doubt(picture: Picture) -> bytes:
    """Doubt as a veil, (h, w, 4): yellow where labels are as likely as each other, clear where one is sure."""
    if picture.assignment is None or not len(picture.assignment.labels):
        return encode.exact(np.zeros((1, 1, 4), np.uint8))
    doubt = doubt_of(picture.assignment)
    veil = np.empty((*doubt.shape, 4), np.uint8)
    veil[..., :3] = (255, 225, 64)
    veil[..., 3] = np.rint(200 * np.clip(doubt, 0, 1))
    return encode.exact(veil)
