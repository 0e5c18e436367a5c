"""ROIs out of ``.roi``, ``RoiSet.zip`` and TIFF files, as objects of roifile; no file is trusted."""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import tifffile
from roifile import ImagejRoi

from semcolorize.errors import HintError
from semcolorize.micrograph.decoding import quiet_libraries

__all__ = ["ROI_SUFFIXES", "StoredRoi", "decode_roi", "has_rois", "stored_rois"]

StoredRoi = tuple[str, ImagejRoi | HintError]
"""Name of the entry (without ``.roi``; empty in a TIFF), and the ROI or what is wrong with it."""

ROI_SUFFIXES = (".roi", ".zip", ".tif", ".tiff")

_MAX_ENTRIES = 20_000
_MAX_ROI_BYTES = 16 * 1024 * 1024
_MAX_TOTAL_BYTES = 256 * 1024 * 1024

# What roifile lets through when bytes are missing or wrong.
_DAMAGE = (
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    struct.error,
    OverflowError,
    AssertionError,
    MemoryError,
)


def stored_rois(path: str | os.PathLike[str]) -> list[StoredRoi]:
    """Read all ROIs of a file.

    Parameters
    ----------
    path : str or path-like
        ``.roi``, ``.zip`` (a RoiSet) or ``.tif``/``.tiff`` (its overlay and active selection).

    Returns
    -------
    rois : list of (str, ImagejRoi)
        In file order.

    Raises
    ------
    HintError
        If the file is missing, damaged, hostile, or holds no ROI.
    """
    name = os.fspath(path)
    suffix = Path(path).suffix.lower()
    if suffix not in ROI_SUFFIXES:
        raise HintError(
            f"{f'{suffix} is' if suffix else 'Without a suffix, this is'} no kind of ROI file; accepted are .roi, "
            ".zip, .tif.",
            path=name,
        )
    try:
        if suffix == ".zip":
            return _from_zip(path)
        if suffix == ".roi":
            with Path(path).open("rb") as file:
                content = file.read(_MAX_ROI_BYTES + 1)
            if len(content) > _MAX_ROI_BYTES:
                raise HintError(f"The ROI is larger than {_MAX_ROI_BYTES >> 20} MiB.", path=name)
            return [(Path(path).stem, decode_roi(content, path=name))]
        return _from_tiff(path)
    except FileNotFoundError:
        raise HintError("There is no such file.", path=name) from None
    except OSError as error:
        if isinstance(error, HintError):
            raise
        raise HintError(f"The file cannot be read: {error.strerror or error}.", path=name) from None


def has_rois(path: str | os.PathLike[str]) -> bool:
    """Tell whether a TIFF carries an overlay or a selection; a file that cannot be read carries none."""
    try:
        with quiet_libraries(), tifffile.TiffFile(path) as tiff:
            metadata = tiff.imagej_metadata or {}
    except Exception:
        # Damaged TIFFs surface as nearly anything in tifffile; who reads the image says what is wrong.
        return False
    return bool(metadata.get("Overlays") or metadata.get("ROI"))


def decode_roi(content: bytes, *, path: str = "", entry: str = "") -> ImagejRoi:
    """Decode the bytes of one ROI; HintError, naming `path` and `entry`, if they are none."""
    where = f"{entry}: " if entry else ""
    if content[:4] != b"Iout":
        raise HintError(f"{where}This is not an ImageJ ROI: it does not begin with 'Iout'.", path=path)
    try:
        return ImagejRoi.frombytes(content)
    except _DAMAGE as error:
        raise HintError(f"{where}The ROI is damaged or truncated: {error}.", path=path) from None


def _from_zip(path: str | os.PathLike[str]) -> list[StoredRoi]:
    name = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(entries, name)
            rois = []
            for entry in entries:
                if not _is_roi(entry.filename):
                    continue
                with archive.open(entry) as file:
                    # One byte more than declared tells a lying header.
                    content = file.read(entry.file_size + 1)
                if len(content) != entry.file_size:
                    raise HintError(f"{entry.filename}: the size in the archive is wrong.", path=name)
                rois.append((_stem(entry.filename), _decoded(content, name, entry.filename)))
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        struct.error,
    ) as error:
        raise HintError(f"The zip file is damaged or truncated: {error}.", path=name) from None
    if not rois:
        raise HintError(
            "The zip file holds no .roi entry. In ImageJ: ROI Manager > More > Save with several ROIs.",
            path=name,
        )
    return rois


def _decoded(content: bytes, path: str, entry: str) -> ImagejRoi | HintError:
    """A ROI, or what is wrong with it: one of hundreds does not stop the others."""
    try:
        return decode_roi(content, path=path, entry=entry)
    except HintError as error:
        return error


def _check_entries(entries: list[zipfile.ZipInfo], name: str) -> None:
    if len(entries) > _MAX_ENTRIES:
        raise HintError(
            f"The zip file has {len(entries)} entries; at most {_MAX_ENTRIES} are accepted.", path=name
        )
    total = 0
    for entry in entries:
        if _escapes(entry.filename):
            raise HintError(
                f"The zip file has an entry that points outside of it, {entry.filename!r}. "
                "It was not made by ImageJ; nothing was read.",
                path=name,
            )
        if not _is_roi(entry.filename):
            continue
        if entry.flag_bits & 1:
            raise HintError(f"{entry.filename} is encrypted; save the ROIs without a password.", path=name)
        total += entry.file_size
        if entry.file_size > _MAX_ROI_BYTES or total > _MAX_TOTAL_BYTES:
            raise HintError(
                f"The zip file unpacks to too much: {entry.filename} alone to {entry.file_size:,} bytes; "
                f"accepted are {_MAX_ROI_BYTES >> 20} MiB an entry and {_MAX_TOTAL_BYTES >> 20} MiB in all.",
                path=name,
            )


def _is_roi(entry: str) -> bool:
    # macOS adds ._name.roi files that hold no ROI.
    last = PurePosixPath(entry).name
    return last.lower().endswith(".roi") and not last.startswith("._")


def _stem(entry: str) -> str:
    return PurePosixPath(entry).name[: -len(".roi")]


def _escapes(entry: str) -> bool:
    plain = entry.replace("\\", "/")
    return plain.startswith("/") or bool(re.match(r"[A-Za-z]:", plain)) or ".." in plain.split("/")


def _from_tiff(path: str | os.PathLike[str]) -> list[StoredRoi]:
    name = os.fspath(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            metadata = tiff.imagej_metadata or {}
    except OSError:
        raise
    except Exception as error:
        # Damaged TIFFs surface as nearly anything in tifffile.
        raise HintError(f"The TIFF is damaged or truncated: {error}.", path=name) from None
    overlay, selection = (_as_list(metadata.get(key)) for key in ("Overlays", "ROI"))
    # The active selection is stored once more, also if it is in the overlay.
    stored = [decode_roi(content, path=name) for content in overlay]
    known = {_geometry(roi) for roi in stored}
    stored += [roi for content in selection if _geometry(roi := decode_roi(content, path=name)) not in known]
    if not stored:
        raise HintError("The TIFF has neither an ImageJ overlay nor a selection.", path=name)
    return [("", roi) for roi in stored]


def _as_list(value: bytes | list[bytes] | tuple[bytes, ...] | None) -> list[bytes]:
    if value is None:
        return []
    return [value] if isinstance(value, bytes) else list(value)


def _geometry(roi: ImagejRoi) -> tuple[object, ...]:
    arrays = (roi.integer_coordinates, roi.subpixel_coordinates, roi.multi_coordinates)
    box = (roi.left, roi.top, roi.right, roi.bottom, roi.xd, roi.yd, roi.widthd, roi.heightd)
    line = (roi.x1, roi.y1, roi.x2, roi.y2)
    return (roi.roitype, roi.subtype, box, line, *(None if a is None else a.tobytes() for a in arrays))
