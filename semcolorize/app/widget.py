"""The window's host in notebooks: JupyterLab, Notebook, VS Code, Colab, marimo."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from semcolorize.errors import ConfigError, SemColorizeError

try:
    import anywidget
    import traitlets
except ImportError as _error:
    raise ConfigError(
        f"The widget needs {_error.name}, which is not installed. Install it: pip install 'semcolorize[app]'."
    ) from None

from semcolorize.app.engine import Engine
from semcolorize.app.front_files import front_file, modules_in_order
from semcolorize.app.images import View, prepare
from semcolorize.app.session import Session
from semcolorize.app.worker import Worker
from semcolorize.color.palette import Palette
from semcolorize.hintfiles.yaml_hints import hints_from_entries, read_hints
from semcolorize.hintfiles.yaml_palettes import read_palette
from semcolorize.hints.model import Hint, HintSet
from semcolorize.micrograph.reading import Micrograph, micrograph_from_array

if TYPE_CHECKING:
    from semcolorize.pipeline import Colorizer
    from semcolorize.result import ColorResult

__all__ = ["ColorizeWidget", "widget"]

Image = Micrograph | np.ndarray | str | os.PathLike[str]

_LOADER = """
const sources = %s;
let module;
function load() {
  const addresses = {};
  for (const [name, text] of sources) {
    const linked = text.replace(/from "\\.\\/([\\w-]+\\.js)"/g, (_, needed) => `from "${addresses[needed]}"`);
    addresses[name] = URL.createObjectURL(new Blob([linked], { type: "text/javascript" }));
  }
  return import(addresses["widget.js"]);
}
export default {
  async render(context) {
    module ??= load();
    return (await module).render(context);
  },
};
"""


def _front_end() -> str:
    """The front end as one module: notebooks take no more."""
    return _LOADER % json.dumps(modules_in_order("widget.js"))


class ColorizeWidget(anywidget.AnyWidget):
    """The window in a notebook; made by `widget`.

    Attributes
    ----------
    hints : HintSet
        On the image that is shown; observable, and may be set to what `semcolorize.Colorizer.colorize` takes.
    result : ColorResult or None
        Of the image that is shown, at full size; observable. None as long as nothing gives it colors.
    height : int
        Of the window, in pixels of the page.
    """

    _esm = _front_end()
    _css = front_file("app.css").decode()

    height = traitlets.Int(640, min=300, max=4000).tag(sync=True)
    hints = traitlets.Any(HintSet())
    result = traitlets.Any(None, allow_none=True)

    def __init__(
        self, images: Sequence[tuple[str, Micrograph]], engine: Engine, *, hints: Any = None, palette: Any = None,
        **traits: Any,
    ) -> None:  # fmt: skip
        super().__init__(**traits)
        try:
            # Traits change where the notebook's own code runs, so that observers may do anything.
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._publishing = False
        self._settled = threading.Condition()
        self._made: tuple[Any, Any] = (None, None)
        self._latest: Any = None
        self._error: SemColorizeError | None = None
        self._prepared: dict[str, Any] = {}
        self._worker = Worker()
        self._session = Session(engine, self._tell, self._worker.wake, on_picture=self._picture_made)
        for name, micrograph in images:
            self._session.views.open_micrograph(micrograph, name)
        self._session.views.show(self._session.views.listed[0].id)
        if palette is not None:
            chosen = palette if isinstance(palette, Palette) else read_palette(palette)
            self._session.edit(self._session.history.document.with_palette(chosen), "the palette")
        if hints is not None:
            self._take_hints(hints)
        self._publish()
        self.on_msg(self._receive)
        self._worker.add(self._session)

    def wait(self, timeout: float = 120.0) -> ColorResult | None:
        """Wait until `result` is that of the hints as they are now, and return it.

        Parameters
        ----------
        timeout : float
            Seconds.

        Raises
        ------
        ConfigError
            If it takes longer.
        SemColorizeError
            What stood against it, where nothing could be made of the hints.
        """
        self._session.background.later(self._make_result)
        with self._settled:
            if not self._settled.wait_for(self._is_settled, timeout):
                raise ConfigError(f"There is no result after {timeout:g} s; wait longer, or look for an error above.")
        self._publish()
        if self._error is not None:
            raise self._error
        return self.result

    def close(self) -> None:
        """Let go of the images and the threads, too."""
        if hasattr(self, "_worker"):
            self._worker.remove(self._session)
            self._worker.close()
        super().close()

    def _tell(self, header: dict[str, Any], buffers: Sequence[bytes]) -> None:
        self.send(header, list(buffers))
        if header["type"] == "state":
            self._on_loop(self._publish)

    def _receive(self, _: Any, content: Any, buffers: Any) -> None:
        self._session.handle(content, [bytes(buffer) for buffer in buffers or ()])

    def _picture_made(self) -> None:
        self._session.background.later(self._make_result)

    def _wanted(self) -> tuple[Any, Any]:
        return self._session.history.document, self._session.views.active

    def _is_settled(self) -> bool:
        return self._made[0] is not None and all(
            made is wanted for made, wanted in zip(self._made, self._wanted(), strict=True)
        )

    def _make_result(self) -> None:
        """Color at full size, as `Colorizer.colorize` does; what was edited meanwhile is made again."""
        document, view = wanted = self._wanted()
        if view is None or self._is_settled():
            return
        made, error = None, None
        try:
            made = self._result_of(document, view)
        except SemColorizeError as raised:
            # The window tells it, too, when it makes its picture.
            error = raised
        with self._settled:
            self._made, self._latest, self._error = wanted, made, error
            self._settled.notify_all()
        self._on_loop(self._publish)

    def _result_of(self, document: Any, view: View) -> Any:
        session = self._session
        views = session.together(view)
        if not document.colors(own.id for own in views):
            return None
        for own in views:
            if own.id not in self._prepared:
                # Apart from what the window works with at the same time.
                self._prepared[own.id] = prepare(session.views.images.source(own))
        given = document.settings
        hints = [document.hints(own.id) if document.of(own.id) else None for own in views]
        colorizer = session.engine.colorizer
        if len(views) == 1:
            return colorizer.colorize(self._prepared[view.id], hints[0], **given)
        results = colorizer.colorize_views([self._prepared[own.id] for own in views], hints, **given)
        return results[[own.id for own in views].index(view.id)]

    def _on_loop(self, call: Any) -> None:
        if self._loop is None or self._loop.is_closed():
            call()
        else:
            self._loop.call_soon_threadsafe(call)

    def _publish(self) -> None:
        """Set the traits that changed."""
        document, view = self._wanted()
        now = HintSet() if view is None else document.hints(view.id)
        self._publishing = True
        try:
            if now != self.hints:
                self.hints = now
            if self._latest is not self.result:
                self.result = self._latest
        finally:
            self._publishing = False

    @traitlets.observe("hints")
    def _hints_set(self, change: Any) -> None:
        if not self._publishing and hasattr(self, "_session"):
            self._take_hints(change["new"])

    def _take_hints(self, hints: Any) -> None:
        session = self._session
        view = session.views.active
        if view is None:
            raise ConfigError("No image is open, so hints have no place.", key="hints")
        document = session.history.document
        if hints is None or (isinstance(hints, Sequence | HintSet) and not isinstance(hints, str) and not len(hints)):
            session.edit(document.clear(view.id), "the removal of all hints", view.id)
            return
        given = _hint_set(hints, document.palette).at((view.about["height"], view.about["width"]))
        session.edit(document.with_hints(view.id, given), "the hints from Python", view.id)


def widget(
    image: Image | Sequence[Image],
    hints: Any = None,
    *,
    palette: Palette | str | os.PathLike[str] | None = None,
    colorizer: Colorizer | None = None,
    weights: str = "default",
    device: str = "auto",
    height: int = 640,
) -> ColorizeWidget:
    """Open the window in a notebook.

    Parameters
    ----------
    image : Micrograph, ndarray of shape (H, W), path, or a sequence of them
        Several are tabs; they are colored as one specimen where that is ticked.
    hints : HintSet, path, or entries as in a hints file, optional
        On the (first) image.
    palette : Palette, name of a built-in one, or path, optional
        Classes to begin with.
    colorizer : Colorizer, optional
        A loaded model; else `weights` are loaded on `device`.
    weights, device : str
        As for `semcolorize.Colorizer.load`.
    height : int
        Of the window, in pixels of the page.

    Returns
    -------
    ColorizeWidget
        Its `hints` and `result` are those of the image that is shown, and observable.

    Raises
    ------
    ImageReadError, ConfigError, HintError

    Examples
    --------
    >>> window = widget("pollen.tif")                        # doctest: +SKIP
    >>> window.observe(lambda change: print(change["new"].legend), "result")     # doctest: +SKIP
    """
    several = isinstance(image, Sequence) and not isinstance(image, str)
    images = list(image) if several else [image]  # type: ignore[arg-type]
    if not images:
        raise ConfigError("There is no image; give one, or several.", key="image")
    opened = [(_name(own, i, len(images)), _micrograph(own)) for i, own in enumerate(images, start=1)]
    engine = Engine(weights, device, colorizer=colorizer)
    return ColorizeWidget(opened, engine, hints=hints, palette=palette, height=height)


def _micrograph(image: Any) -> Micrograph:
    if isinstance(image, np.ndarray):
        image = micrograph_from_array(image)
    return prepare(image).micrograph


def _name(image: Any, number: int, count: int) -> str:
    path = image.path if isinstance(image, Micrograph) else None if isinstance(image, np.ndarray) else os.fspath(image)
    if path:
        return os.path.basename(path)  # noqa: PTH119
    return "image" if count == 1 else f"image {number}"


def _hint_set(hints: Any, palette: Palette) -> HintSet:
    if isinstance(hints, HintSet):
        return hints
    if isinstance(hints, str | os.PathLike):
        return read_hints(hints, palette=palette)
    listed: Iterable[Any] = list(hints)
    if all(isinstance(own, Hint) for own in listed):
        return HintSet(hints=tuple(listed))
    if all(isinstance(own, Mapping) for own in listed):
        return hints_from_entries(listed, palette=palette)
    raise ConfigError("hints mixes Hint objects and plain entries; one kind is needed.", key="hints")
