"""The reference picture of a window: a colored micrograph, by anyone, whose colors like structures get."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from semcolorize.app import encode
from semcolorize.color.lab import lab_to_rgb
from semcolorize.micrograph.colored import read_colored

if TYPE_CHECKING:
    from semcolorize.app.session import Session

__all__ = ["ReferencePicture"]

_SIDE = 320


class ReferencePicture:
    """What front ends see of the reference that the document names.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: str | None = None

    def use(self, path: Path) -> None:
        """Take the colors of a file; what cannot be read, or is gray, is refused before anything changes."""
        read_colored(path, size=_SIDE)
        document = self._session.history.document
        # Automatic color looks at no reference.
        fill = "gray" if document.options.fill == "auto" else document.options.fill
        options = replace(document.options, like=str(path), fill=fill)
        self._session.edit(replace(document, options=options), f"the reference {path.name}")

    def again(self) -> None:
        """A front end is there that has no picture yet."""
        self._told = None

    def tell(self) -> None:
        """Send the picture, if it is another one than before."""
        like = self._session.history.document.options.like
        if like == self._told or not like:
            self._told = like
            return
        self._told = like

        def task() -> None:
            shown = read_colored(like, size=_SIDE)
            lab = np.concatenate([shown.lightness[..., None], shown.ab], axis=-1)
            rgb = np.rint(255 * np.clip(np.asarray(lab_to_rgb(lab)), 0, 1)).astype(np.uint8)
            self._session.send({"type": "reference", "name": Path(like).name}, [encode.quick(rgb)])

        self._session.later(task)
