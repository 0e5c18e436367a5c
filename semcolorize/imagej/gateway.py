"""ImageJ or Fiji inside Python: start one, color what is open in it.

Two kinds serve: a whole Fiji through pyimagej, and a plain ``ij.jar`` through scyjava alone, which needs no network
and no Maven.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from semcolorize.errors import BridgeError
from semcolorize.imagej.convert import (
    hints_from_imageplus,
    hints_from_java,
    micrograph_from_imageplus,
    plane_of,
    result_to_imageplus,
)

if TYPE_CHECKING:
    from semcolorize.pipeline import Colorizer

__all__ = ["ImageJ", "colorize", "colorize_active", "start"]

Mode = Literal["headless", "gui", "interactive"]

_JARS = ("/usr/share/java/ij.jar",)
_models: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True)
class ImageJ:
    """A running ImageJ.

    Parameters
    ----------
    ij : object or None
        pyimagej's gateway; None for a plain ImageJ.
    version : str
        Of ImageJ 1.
    home : str
        Where it was loaded from.
    """

    ij: Any
    version: str
    home: str


def start(path_or_version: str | os.PathLike[str] | None = None, mode: Mode = "headless") -> ImageJ:
    """Start ImageJ in this process; there is one Java machine a process, so a second call returns the first.

    Parameters
    ----------
    path_or_version : path-like or str, optional
        A Fiji folder (``Fiji.app``), an ImageJ folder or its ``ij.jar``, or a version for `imagej.init` such as
        ``sc.fiji:fiji:2.14.0`` (which Maven downloads). By default the folder in SEMCOLORIZE_FIJI, else Debian's
        ``ij.jar``.
    mode : {"headless", "gui", "interactive"}
        As for `imagej.init`. A ROI Manager needs ``interactive`` and a display (xvfb-run serves).

    Returns
    -------
    ImageJ

    Raises
    ------
    BridgeError
        If there is none, or it does not start.
    """
    if mode not in ("headless", "gui", "interactive"):
        raise BridgeError(f"mode is {mode!r}; headless, gui and interactive are accepted.", key="mode")
    try:
        import scyjava
    except ImportError as error:
        raise BridgeError(f"{error}. Install the bridge with: pip install 'semcolorize[imagej]'") from None
    chosen = path_or_version or os.environ.get("SEMCOLORIZE_FIJI") or next(filter(os.path.exists, _JARS), None)
    if chosen is None:
        raise BridgeError("No ImageJ was found: give the folder of a Fiji or ImageJ, or set SEMCOLORIZE_FIJI.")
    if scyjava.jvm_started():
        return _running(str(chosen))
    place = Path(chosen)
    if not place.exists():
        if path_or_version is None or os.sep in str(chosen):
            raise BridgeError("There is no such file or folder; a Fiji folder or ij.jar is wanted.", path=place)
        return _through_pyimagej(str(chosen), mode)
    if place.is_file():
        return _plain(place, mode)
    if (place / "jars").is_dir():
        return _through_pyimagej(str(place.absolute()), mode, offline=True)
    if (place / "ij.jar").is_file():
        return _plain(place / "ij.jar", mode)
    raise BridgeError("The folder holds neither jars (a Fiji) nor ij.jar (an ImageJ).", path=place)


def _plain(jar: Path, mode: Mode) -> ImageJ:
    """Load ij.jar alone: scyjava is kept from looking for a Java or for jars on the network."""
    import scyjava

    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise BridgeError("There is no Java: install one (Debian: openjdk-17-jre) or set JAVA_HOME.")
    scyjava.config.set_java_constraints(fetch="never")
    scyjava.config.endpoints.clear()
    scyjava.config.add_classpath(str(jar))
    if mode == "headless":
        scyjava.config.add_option("-Djava.awt.headless=true")
    _start_java()
    version = str(scyjava.jimport("ij.IJ").getVersion())
    if mode != "headless":
        # Embedded: it does not end Python with itself.
        java = scyjava.jimport("ij.ImageJ")
        java(java.NO_SHOW if mode == "interactive" else java.EMBEDDED)
        scyjava.when_jvm_stops(_close_images)
    return ImageJ(None, version, str(jar))


def _close_images() -> None:
    """Close all windows of images: a stack's has a thread that Java waits for at the end, and nothing else ends it."""
    import scyjava

    windows = scyjava.jimport("ij.WindowManager")
    for number in list(windows.getIDList() or ()):
        image = windows.getImage(number)
        # Nobody is there any more to be asked whether it is to be saved.
        image.changes = False
        image.close()


def _through_pyimagej(where: str, mode: Mode, *, offline: bool = False) -> ImageJ:
    try:
        import imagej
        import scyjava

        if offline:
            # imglyb adds a Maven endpoint when it is imported, and a local Fiji would ask the network for it.
            import imglyb  # noqa: F401

            scyjava.config.endpoints.clear()
            if shutil.which("java") or "JAVA_HOME" in os.environ:
                # fetch="never" makes imagej.init stumble (pyimagej 1.8.0); auto finds the Java that is there.
                scyjava.config.set_java_constraints(fetch="auto", version="17")
        ij = imagej.init(where, mode=mode)
    except ImportError as error:
        raise BridgeError(f"{error}. Install the bridge with: pip install 'semcolorize[imagej]'") from None
    except Exception as error:
        # Java's own exceptions, and pyimagej's of many types.
        raise BridgeError(f"ImageJ does not start from {where!r}: {type(error).__name__}: {error}") from error
    return ImageJ(ij, str(scyjava.jimport("ij.IJ").getVersion()), where)


def _start_java() -> None:
    import scyjava

    try:
        scyjava.start_jvm()
    except Exception as error:
        raise BridgeError(f"Java does not start: {type(error).__name__}: {error}") from error


def _running(where: str) -> ImageJ:
    import scyjava

    try:
        version = str(scyjava.jimport("ij.IJ").getVersion())
    except TypeError:
        raise BridgeError(
            "A Java machine without ImageJ runs in this process already; start ImageJ first, in a fresh Python."
        ) from None
    return ImageJ(None, version, where)


def colorize(
    ij: Any, imageplus: Any, rois: Iterable[Any] | None = None, *, weights: str = "default", device: str = "auto",
    allow_color: bool = False, **options: Any,
) -> Any:  # fmt: skip
    """Color an ImagePlus.

    Parameters
    ----------
    ij : ImageJ, or pyimagej's gateway
        As started; only to say that one runs.
    imageplus : ij.ImagePlus
        The slice it shows is colored. It is not changed.
    rois : iterable of ij.gui.Roi, or ij.plugin.frame.RoiManager, optional
        Hints; by default the image's overlay, else its selection.
    weights, device : str
        As for `Colorizer.load`; the model stays loaded.
    allow_color : bool
        Take a colored image too, for its L*.
    **options
        Of `Colorizer.colorize`: variants, seed, fill, spread, num_steps, databar.

    Returns
    -------
    imp : ij.ImagePlus
        RGB stack, not shown yet.
    """
    micrograph = micrograph_from_imageplus(imageplus, allow_color=allow_color)
    if rois is None:
        hints = hints_from_imageplus(imageplus)
    else:
        hints = hints_from_java(rois, plane=plane_of(imageplus))
    result = _model(weights, device).colorize(micrograph, hints, **options)
    return result_to_imageplus(result, title=f"{Path(str(imageplus.getTitle())).stem} colored")


def colorize_active(ij: Any, **options: Any) -> Any:
    """Color the active image from the ROI Manager, else its overlay, else its selection, and show the result.

    Parameters and result are those of `colorize`.
    """
    import scyjava

    imp = scyjava.jimport("ij.WindowManager").getCurrentImage()
    if imp is None:
        raise BridgeError("There is no image open in ImageJ: open one, or pass an ImagePlus to colorize().")
    manager = scyjava.jimport("ij.plugin.frame.RoiManager").getInstance()
    rois = manager if manager is not None and manager.getCount() else None
    colored = colorize(ij, imp, rois, **options)
    if not bool(scyjava.jimport("java.awt.GraphicsEnvironment").isHeadless()):
        colored.show()
    return colored


def _model(weights: str, device: str) -> Colorizer:
    from semcolorize.pipeline import Colorizer

    key = (weights, device)
    if key not in _models:
        _models.clear()
        _models[key] = Colorizer.load(weights, device=device)
    colorizer: Colorizer = _models[key]
    return colorizer
