"""Our own results, known by what stands in them, so that nobody colors what is colored already."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import tifffile

__all__ = ["OWN_RESULT", "PROVENANCE_LINE", "SOFTWARE", "is_own_result", "png_signature"]

PROVENANCE_LINE = "semcolorize provenance (JSON)"
"""What stands above the provenance in ImageJ's Info."""

SOFTWARE = "semcolorize"
"""How the Software field of files begins that carry no provenance: previews, legends, labels."""

OWN_RESULT = "It is a result of semcolorize (its provenance says so), and no micrograph: left alone."

_PNG = b"\x89PNG\r\n\x1a\n"


def is_own_result(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file was written by semcolorize; a file that cannot be read was not.

    Parameters
    ----------
    path : str or path-like
        TIFF, PNG, or a zip file of ROIs; of others nobody knows.
    """
    from semcolorize.micrograph.decoding import quiet_libraries

    try:
        with Path(path).open("rb") as handle:
            start = handle.read(8)
            if start == _PNG:
                return _made_by_us(_png_software(handle.read(4096)))
            if start[:4] == b"PK\3\4":
                with zipfile.ZipFile(handle) as archive:
                    return _made_by_us(archive.comment.decode("latin-1"))
            if start[:2] not in (b"II", b"MM"):
                return False
            handle.seek(0)
            with quiet_libraries(), tifffile.TiffFile(handle) as tiff:
                page = tiff.pages[0]
                software = page.tags.get("Software")  # type: ignore[union-attr]
                info = (tiff.imagej_metadata or {}).get("Info") or ""
                return _made_by_us(str(software.value) if software else "") or PROVENANCE_LINE in str(info)
    except Exception:
        # Damaged files surface as nearly anything; who reads the image says what is wrong.
        return False


def png_signature() -> Any:
    """Text chunks by which PNG files of ours are known."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Software", SOFTWARE)
    return info


def _made_by_us(software: str) -> bool:
    return software.split(" ")[0] == SOFTWARE


def _png_software(chunks: bytes) -> str:
    """Value of the text chunk Software, which stands before the pixels."""
    at = 0
    while at + 8 <= len(chunks):
        length, kind = int.from_bytes(chunks[at : at + 4], "big"), chunks[at + 4 : at + 8]
        if kind in (b"IDAT", b"IEND"):
            break
        if kind == b"tEXt":
            key, _, value = chunks[at + 8 : at + 8 + length].partition(b"\0")
            if key == b"Software":
                return value.decode("latin-1")
        at += 12 + length
    return ""
