"""One variant of a result out of ImageJ to files: TIFF, PNG, legend and provenance."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from semcolorize.errors import BridgeError, ImageReadError
from semcolorize.micrograph.atomic import all_or_none, check_output, write_bytes_atomic
from semcolorize.micrograph.decoding import decode
from semcolorize.micrograph.legend import LegendEntry, legend_picture
from semcolorize.micrograph.own import PROVENANCE_LINE
from semcolorize.micrograph.tiff import write_color_tiff

__all__ = ["save_variant"]

_PROVENANCE = f"{PROVENANCE_LINE}\n"


def save_variant(source: Path, target: Path, *, label: str = "", overwrite: bool = False) -> list[Path]:
    """Write a colored image that ImageJ holds, with everything a paper needs.

    Parameters
    ----------
    source : Path
        RGB TIFF as ImageJ saved it, with the Info of a result.
    target : Path
        TIFF to write; PNG, legend and JSON stand beside it under its stem.
    label : str
        Of the slice: which variant it is.
    overwrite : bool

    Returns
    -------
    written : list of Path
        The TIFF, JSON, legend and PNG.

    Raises
    ------
    BridgeError
        If the image is no result of semcolorize.
    OutputError
        If a file exists or cannot be written; what was written is taken back.
    """
    target = target if target.suffix.lower() in (".tif", ".tiff") else target.with_name(target.name + ".tif")
    stem = target.with_suffix("")
    paths = [target, Path(f"{stem}.json"), Path(f"{stem}_legend.png"), Path(f"{stem}.png")]
    for path in paths:
        check_output(path, overwrite=overwrite)
    with source.open("rb") as handle:
        decoded = decode(handle, str(source))
    rgb = np.asarray(decoded.values)
    if rgb.ndim != 3 or rgb.shape[-1] != 3 or rgb.dtype != np.uint8:
        raise ImageReadError("This is no RGB image; save a result of Colorize SEM.")
    label, overlays = label or "variant 1", _overlays(source)
    info = decoded.info or ""
    record = _record(info)
    record |= {"variant": label}
    entries = [
        LegendEntry(str(row["name"]), str(row["color"]), float(row["share"]), int(row["hints"]))
        for row in record.get("legend", ())
    ]
    text = json.dumps(record, indent=2, ensure_ascii=False)
    contents = [
        (paths[1], text.encode("utf-8", "backslashreplace") + b"\n"),
        (paths[2], _png(legend_picture(entries))),
        (paths[3], _png(rgb)),
    ]
    with all_or_none(paths) as written:
        write_color_tiff(
            target,
            rgb[None],
            labels=[label],
            calibration=decoded.calibration,
            info=info.partition(_PROVENANCE)[0].rstrip() or None,
            overlays=overlays or None,
            metadata=text,
            overwrite=overwrite,
        )
        written.append(target)
        for path, content in contents:
            write_bytes_atomic(path, content, overwrite=overwrite)
            written.append(path)
    return written


def _record(info: str) -> dict[str, Any]:
    _, found, text = info.partition(_PROVENANCE)
    if found:
        try:
            record, _ = json.JSONDecoder().raw_decode(text)
        except ValueError:
            record = None
        if isinstance(record, dict):
            return record
    raise BridgeError(
        "This image does not say how it was colored (Image > Show Info has no provenance): it is no result of "
        "Colorize SEM, or its Info was lost. Choose the window of a result."
    )


def _overlays(source: Path) -> list[bytes]:
    with tifffile.TiffFile(source) as tiff:
        overlays = (tiff.imagej_metadata or {}).get("Overlays") or []
    return [overlays] if isinstance(overlays, bytes) else list(overlays)


def _png(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="png")
    return buffer.getvalue()
