"""Images that are colored click by click: their folders, and what the worker answers to each edit.

::

    image.json       what the image is (`LiveImage`), with the image file it names
    hint_7.roi       a hint; a file never changes under its name
    edit_12.json     all hints after the twelfth edit (`LiveEdit`); the newest counts, older ones are overtaken
    answer_12.txt    what came of it: lines of key=value, see `semcolorize.imagej.jobfolder`
    picture_12.tif   the picture, until the macro took it

The image file goes as soon as the worker holds it: no copy is left behind. A worker that does not hold the image, since
it was started later or had to make room, answers ``state=image``, and the macro saves it again.
"""

from __future__ import annotations

import contextlib
import re
import time
import traceback
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from semcolorize.color.palette import parse_color
from semcolorize.errors import HintError, SemColorizeError
from semcolorize.hintfiles.roi_archive import StoredRoi, stored_rois
from semcolorize.hintfiles.rois import hints_from_rois
from semcolorize.hints.model import HintSet, SkippedHint
from semcolorize.imagej.home import Home
from semcolorize.imagej.jobfolder import write_answer
from semcolorize.imagej.jobs import Models, read_view
from semcolorize.imagej.requests import LiveEdit, LiveImage, read_request
from semcolorize.micrograph.tiff import write_color_tiff

if TYPE_CHECKING:
    from semcolorize.imagej.recoloring import LivePicture
    from semcolorize.result import ColorResult

__all__ = ["LiveImages"]

_MOST_IMAGES = 4
"""Images held ready at once; of a fifth, the one that was not edited for longest has to be saved again."""
_AWAKE_SECONDS = 120.0
_POLL_SECONDS = 0.01
_EDIT = re.compile(r"edit_(\d{1,9})\.json")


class LiveImages:
    """All live images of a user's private folder.

    Parameters
    ----------
    home : Home
    models : Models
    """

    def __init__(self, home: Home, models: Models) -> None:
        self._home, self._models = home, models
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._last = -_AWAKE_SECONDS

    def pause(self, otherwise: float) -> float:
        """How long to sleep until looking again: little while somebody clicks."""
        return _POLL_SECONDS if time.monotonic() - self._last < _AWAKE_SECONDS else otherwise

    def work(self) -> bool:
        """Answer the newest edit of every image that has one; returns whether there was any."""
        worked = False
        for folder in list(self._home.live.iterdir()):
            number = _newest_edit(folder)
            if number:
                self._answer(folder, number)
                self._last, worked = time.monotonic(), True
        return worked

    def _answer(self, folder: Path, number: int) -> None:
        started = time.perf_counter()
        try:
            edit = read_request(folder / f"edit_{number}.json", LiveEdit)
            held = self._hold(folder)
            if held is None:
                answer = {"state": "image"}
            else:
                answer = held.answer(edit)
        except SemColorizeError as error:
            answer = {"state": "failed", "error": str(error)}
        except MemoryError as error:
            answer = {"state": "failed", "error": f"There is not enough memory for this image.\n\n{error}"}
        except Exception as error:
            traceback.print_exc()
            told = f"This should not happen; please report it. {type(error).__name__}: {error}"
            answer = {"state": "failed", "error": f"{told}\n\n{traceback.format_exc()}"}
        answer |= {"edit": str(number), "seconds": f"{time.perf_counter() - started:.2f}"}
        with contextlib.suppress(OSError, SemColorizeError):
            for path in folder.glob("edit_*.json"):
                match = _EDIT.fullmatch(path.name)
                if match and int(match[1]) <= number:
                    path.unlink(missing_ok=True)
            write_answer(folder / f"answer_{number}.txt", answer)

    def _hold(self, folder: Path) -> _Held | None:
        """The image of a folder, read if its file is there; None if it must be saved again."""
        about = folder / "image.json"
        if about.exists():
            image = read_request(about, LiveImage)
            about.unlink()
            self._held.pop(folder.name, None)
            try:
                self._held[folder.name] = _Held(folder, image, self._models)
            finally:
                (folder / image.image).unlink(missing_ok=True)
            while len(self._held) > _MOST_IMAGES:
                self._held.popitem(last=False)
        if folder.name in self._held:
            self._held.move_to_end(folder.name)
        return self._held.get(folder.name)


class _Held:
    """One image, ready."""

    def __init__(self, folder: Path, image: LiveImage, models: Models) -> None:
        from semcolorize.imagej.recoloring import LivePicture

        self._folder, self._image = folder, image
        colorizer = models.get(image.weights, image.device)
        self._picture: LivePicture = LivePicture(colorizer, read_view(image, image, folder), image.databar)
        self._rois: dict[str, list[StoredRoi]] = {}

    def answer(self, edit: LiveEdit) -> dict[str, str]:
        """Color after an edit; the picture lies in the folder then."""
        for path in self._folder.glob("picture_*.tif"):
            path.unlink(missing_ok=True)
        hints = self._hints(edit)
        opacities = {entry.name: entry.opacity * entry.shown for entry in edit.classes}
        result = self._picture.draw(hints, spread=edit.spread, opacities=opacities)
        name = f"picture_{edit.edit}.tif"
        _write_picture(self._folder / name, result)
        bar = result.provenance.databar_row
        place = result.next_hint if len(hints) else None
        return {
            "state": "done",
            "picture": name,
            "device": str(self._picture.colorizer.device),
            "shares": "\n".join(f"{row.name}={100 * row.share:.1f}" for row in result.legend),
            "next": "" if place is None else f"{place[0]},{place[1]}",
            "bar": "" if bar is None else str(bar),
            "notes": "\n".join(result.notes),
        }

    def _hints(self, edit: LiveEdit) -> HintSet:
        self._rois = {name: self._rois.get(name) or stored_rois(self._folder / name) for name in edit.hints}
        hints, skipped = hints_from_rois([roi for name in edit.hints for roi in self._rois[name]])
        colors = {entry.name: parse_color(entry.color) for entry in edit.classes}
        hints = tuple(replace(hint, lab=colors.get(hint.name or "", hint.lab)) for hint in hints)
        found = HintSet(hints=hints, skipped=skipped)
        try:
            return found.on(self._image.plane)
        except HintError:
            # On another slice than the one that is shown: this one stays gray.
            reason = f"on other planes than the one that is shown ({self._image.plane})"
            return HintSet(skipped=(*skipped, SkippedHint(f"{len(hints)} hints", reason)))


def _newest_edit(folder: Path) -> int:
    try:
        return max((int(match[1]) for path in folder.iterdir() if (match := _EDIT.fullmatch(path.name))), default=0)
    except OSError:
        return 0


def _write_picture(path: Path, result: ColorResult) -> None:
    from semcolorize.micrograph.legend import legend_text

    text = "\n\n".join(part for part in (result.micrograph.info, legend_text(result.legend)) if part)
    write_color_tiff(
        path, result.rgb, calibration=result.micrograph.calibration,
        info=text.encode("utf-8", "backslashreplace").decode(), metadata=result.provenance.to_json(), overwrite=True,
        sync=False,
    )  # fmt: skip
