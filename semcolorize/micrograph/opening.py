"""Image files opened, or what stands against it in words; and what their headers alone say."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.decoding import MAX_PIXELS, decode_header

__all__ = ["image_shape", "opened_image"]


@contextmanager
def opened_image(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    """Open an image file; what goes wrong while it is read becomes an ImageReadError."""
    name = os.fspath(path)
    try:
        if not Path(name).exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not Path(name).is_file():
            kind = "a folder" if Path(name).is_dir() else "not a regular file"
            raise ImageReadError(f"This is {kind}; an image file is needed.", path=name)
        with Path(name).open("rb") as handle:
            yield handle
    except ImageReadError:
        raise
    except FileNotFoundError:
        raise ImageReadError("There is no such file.", path=name) from None
    except PermissionError:
        raise ImageReadError("The file may not be read (no permission); check its access rights.", path=name) from None
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the name.
        reason = getattr(error, "strerror", None) or error
        raise ImageReadError(f"The file cannot be read: {reason}.", path=name) from None


def image_shape(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Rows and columns of an image file, from its header: no pixel is decoded.

    Parameters
    ----------
    path : str or path-like
    max_pixels : int
        Larger images are refused.

    Returns
    -------
    tuple of 2 int

    Raises
    ------
    ImageReadError
        As `semcolorize.micrograph.reading.read_micrograph`, as far as the header tells: no image, too large, its
        pixels missing at the end.
    """
    with opened_image(path) as handle:
        return decode_header(handle, os.fspath(path), max_pixels=max_pixels)
