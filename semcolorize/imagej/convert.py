"""Between ImageJ's objects and ours: images, results, ROIs.

Works with any running Java machine that has ImageJ's classes: pyimagej with Fiji, or scyjava with ``ij.jar`` alone.
The turn from (x, y) to (row, column) is that of `semcolorize.hintfiles`, since ROIs pass as the bytes of ROI files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from semcolorize.errors import BridgeError, HintError, SemColorizeError
from semcolorize.hintfiles.roi_archive import decode_roi
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hintfiles.rois import RoiDefaults, hints_from_rois
from semcolorize.hints.model import Hint, HintSet, SkippedHint
from semcolorize.hints.planes import Plane
from semcolorize.micrograph.calibration import Calibration, imagej_calibration
from semcolorize.micrograph.own import PROVENANCE_LINE
from semcolorize.micrograph.reading import Micrograph, micrograph_from_array, read_micrograph
from semcolorize.result import ColorResult

__all__ = [
    "hints_from_imageplus",
    "hints_from_java",
    "hints_to_java",
    "micrograph_from_imageplus",
    "plane_of",
    "result_to_imageplus",
]

_COMPOSITE = 1
"""ij.CompositeImage.COMPOSITE: all channels at once."""


def micrograph_from_imageplus(imp: Any, *, allow_color: bool = False) -> Micrograph:
    """Take the slice that an ImagePlus shows, with its display range and calibration.

    Parameters
    ----------
    imp : ij.ImagePlus
        8, 16 or 32 bit, or RGB that is gray. It is not changed.
    allow_color : bool
        Take a colored image too, for its L*.

    Raises
    ------
    BridgeError
        If there is no image.
    ImageReadError
        If what it holds cannot be used.
    """
    if imp is None:
        raise BridgeError("There is no image open in ImageJ: open one, or pass an ImagePlus.")
    processor = imp.getProcessor()
    width, height, depth = int(processor.getWidth()), int(processor.getHeight()), int(imp.getBitDepth())
    kinds = {8: np.uint8, 16: np.uint16, 32: np.float32, 24: np.uint32}
    # Java's numbers are signed, their bits are the same.
    pixels = np.frombuffer(memoryview(processor.getPixels()), kinds[depth]).reshape(height, width)
    if depth == 24:
        values = np.stack([(pixels >> shift).astype(np.uint8) for shift in (16, 8, 0)], axis=-1)
    else:
        values = pixels.copy()
    shown: tuple[float, float] | None = None
    if depth in (16, 32):
        low, high = float(processor.getMin()), float(processor.getMax())
        shown = (low, high) if low < high else None
    inverted = bool(imp.isInvertedLut()) and depth != 24
    if inverted:
        shown = shown or (0.0, 255.0)
        shown = (shown[1], shown[0])
    info = imp.getInfoProperty() if hasattr(imp, "getInfoProperty") else imp.getProperty("Info")
    micrograph = micrograph_from_array(
        values,
        display_range=shown,
        allow_color=allow_color,
        calibration=_calibration(imp),
        info=None if info is None else str(info),
    )
    source = "ImageJ display range" if shown else micrograph.range_source
    named = replace(micrograph, path=str(imp.getTitle()), range_source=source)
    return _with_instrument(named, imp, allow_color)


def result_to_imageplus(result: ColorResult, *, title: str = "colored") -> Any:
    """Make an RGB stack of a result: a slice a variant, labels, calibration, hints as overlay, Info.

    Parameters
    ----------
    result : ColorResult
        Of 8 bits a channel.
    title : str

    Returns
    -------
    imp : ij.ImagePlus
        Not shown yet.
    """
    if result.rgb.dtype != np.uint8:
        raise BridgeError("ImageJ has RGB images of 8 bits only; color with bits=8, or save the result as TIFF.")
    java = _java("ij.ImagePlus", "ij.ImageStack", "ij.process.ColorProcessor", "ij.gui.Overlay")
    array = _array_maker()
    height, width = result.rgb.shape[1:3]
    stack = java["ij.ImageStack"](width, height)
    for i, rgb in enumerate(result.rgb):
        red, green, blue = (rgb[..., c].astype(np.uint32) for c in range(3))
        packed = (0xFF000000 | red << 16 | green << 8 | blue).view(np.int32).ravel()
        label = f"variant {i + 1}, seed {result.provenance.seed}"
        stack.addSlice(label, java["ij.process.ColorProcessor"](width, height, array(packed)))
    imp = java["ij.ImagePlus"](title, stack)
    known = result.micrograph.calibration
    if known is not None:
        calibration = imp.getCalibration()
        calibration.pixelWidth, calibration.pixelHeight = float(known.x_size), float(known.y_size)
        calibration.setUnit(known.unit)
    overlay = java["ij.gui.Overlay"]()
    for roi in hints_to_java(result.hints):
        overlay.add(roi)
    imp.setOverlay(overlay)
    left_out = "\n".join(f"Left out: {skipped}" for skipped in result.hints.skipped)
    text = "\n\n".join(part for part in (result.micrograph.info, left_out, _provenance(result)) if part)
    imp.setProperty("Info", text)
    return imp


def _provenance(result: ColorResult) -> str:
    from semcolorize.micrograph.legend import legend_text

    return f"{legend_text(result.legend)}\n\n{PROVENANCE_LINE}\n{result.provenance.to_json()}"


def hints_to_java(hints: Iterable[Hint] | HintSet) -> list[Any]:
    """Make ij.gui.Roi objects of hints: geometry, name and color."""
    decoder = _java("ij.io.RoiDecoder")["ij.io.RoiDecoder"]
    return [decoder(_bytes(roi.tobytes()), roi.name or "").getRoi() for roi in hints_to_rois(hints)]


def plane_of(imp: Any) -> Plane:
    """Say which plane an ImagePlus shows."""
    return Plane(
        index=int(imp.getCurrentSlice()),
        count=int(imp.getStackSize()),
        position=(int(imp.getC()), int(imp.getZ()), int(imp.getT())),
        size=(int(imp.getNChannels()), int(imp.getNSlices()), int(imp.getNFrames())),
        hyperstack=bool(imp.isHyperStack()),
        merged=bool(imp.isComposite()) and int(imp.getMode()) == _COMPOSITE,
    )


def hints_from_java(
    rois: Iterable[Any], *, plane: Plane | None = None, defaults: RoiDefaults | None = None
) -> HintSet:
    """Read ij.gui.Roi objects as hints.

    Parameters
    ----------
    rois : iterable of ij.gui.Roi, or ij.plugin.frame.RoiManager
    plane : Plane, optional
        Leave out what belongs to other planes of a stack; see `plane_of`. By default all are taken.
    defaults : RoiDefaults, optional

    Raises
    ------
    HintError
        If there are ROIs and none is a hint.
    """
    if hasattr(rois, "getRoisAsArray"):
        rois = rois.getRoisAsArray()
    encoder = _java("ij.io.RoiEncoder")["ij.io.RoiEncoder"]
    stored = []
    skipped: tuple[SkippedHint, ...] = ()
    total = 0
    for roi in rois:
        total += 1
        name = "" if roi.getName() is None else str(roi.getName())
        content = encoder.saveAsByteArray(roi)
        if content is None:
            skipped += (SkippedHint(name or f"ROI {total}", "of a kind that ImageJ cannot save"),)
            continue
        decoded = decode_roi(bytes(memoryview(content)), entry=name)
        stored.append((name, decoded))
    hints, others = hints_from_rois(stored, defaults=defaults)
    skipped += others
    if total and not hints:
        reasons = "; ".join(str(skip) for skip in skipped)
        raise HintError(f"None of the {total} ROIs is a hint ({reasons}).")
    found = HintSet(hints=hints, skipped=skipped)
    return found if plane is None else found.on(plane)


def hints_from_imageplus(imp: Any) -> HintSet:
    """Read the overlay of an ImagePlus, or else its selection, as hints."""
    overlay = imp.getOverlay()
    rois = list(overlay.toArray()) if overlay is not None else []
    if not rois and imp.getRoi() is not None:
        rois = [imp.getRoi()]
    return hints_from_java(rois, plane=plane_of(imp))


def _calibration(imp: Any) -> Calibration | None:
    known = imp.getCalibration()
    if known is None or not bool(known.scaled()):
        return None
    return imagej_calibration(float(known.pixelWidth), float(known.pixelHeight), str(known.getUnit()))


def _with_instrument(micrograph: Micrograph, imp: Any, allow_color: bool) -> Micrograph:
    """Add what the instrument wrote into the file of a window that has no scale but a print's."""
    file = imp.getOriginalFileInfo()
    if micrograph.calibration is not None or file is None or not file.directory or not file.fileName:
        return micrograph
    try:
        path = os.path.join(str(file.directory), str(file.fileName))  # noqa: PTH118
        original = read_micrograph(path, page=int(imp.getCurrentSlice()), allow_color=allow_color)
    except (SemColorizeError, ValueError, OSError):
        return micrograph
    if not np.array_equal(original.pixels, micrograph.pixels):
        return micrograph
    return replace(micrograph, calibration=original.calibration, instrument=original.instrument, notes=original.notes)


def _java(*names: str) -> dict[str, Any]:
    import scyjava

    if not scyjava.jvm_started():
        raise BridgeError("No Java machine is running: start one with semcolorize.imagej.gateway.start().")
    try:
        return {name: scyjava.jimport(name) for name in names}
    except TypeError as error:
        raise BridgeError(f"The Java machine has no ImageJ in it: {error}.") from None


def _array_maker() -> Any:
    import jpype

    return jpype.JArray.of


def _bytes(content: bytes) -> Any:
    import jpype

    return jpype.JArray.of(np.frombuffer(content, np.int8))
