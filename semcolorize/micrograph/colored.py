"""Reading a colored micrograph for its colors, which may be by anyone: a paper's figure, an earlier result."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from semcolorize.color.lab import rgb_to_lab
from semcolorize.errors import ImageReadError
from semcolorize.hints.labels import Label
from semcolorize.hints.model import Hint, PointHint
from semcolorize.micrograph.decoding import decode
from semcolorize.micrograph.gray_values import without_alpha
from semcolorize.micrograph.reading import MAX_PIXELS, opened_image
from semcolorize.micrograph.working import shrink, working_shape

__all__ = ["ColoredReference", "Reference", "read_colored"]

Reference = str | os.PathLike[str] | np.ndarray
"""A colored micrograph: a file, or an array of shape (H, W, 3)."""


@dataclass(frozen=True, eq=False)
class ColoredReference:
    """A colored micrograph at working size.

    Attributes
    ----------
    lightness : float32 ndarray of shape (h, w)
        CIE L*.
    ab : float32 ndarray of shape (h, w, 2)
        CIE a*, b*.
    name, sha256 : str
        Of the file; empty for an array.
    memory : dict
        What models saw in it, for the next time.
    """

    lightness: np.ndarray
    ab: np.ndarray
    name: str = ""
    sha256: str = ""
    memory: dict[Any, Any] = field(default_factory=dict, repr=False)

    @staticmethod
    def swatches(labels: Iterable[Label]) -> list[Hint]:
        """Labels as hints that lie elsewhere, for the legend."""
        return [PointHint(lab=label.lab, name=label.name, row=0.5, column=0.5) for label in labels]


def read_colored(
    image: Reference, *, size: int, max_pixels: int = MAX_PIXELS
) -> ColoredReference:
    """Read a colored micrograph.

    Parameters
    ----------
    image : path or ndarray of shape (H, W, 3)
        Integers over their whole range, or floating-point numbers from 0 to 1.
    size : int
        Longest side, in pixels, to which it is reduced.
    max_pixels : int
        Larger files are refused before they are decoded.

    Raises
    ------
    ImageReadError
        If it cannot be read, or is gray.
    """
    name = sha256 = ""
    if isinstance(image, np.ndarray):
        values, premultiplied = image, False
    else:
        path = os.fspath(image)
        with opened_image(path) as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
            handle.seek(0)
            decoded = decode(handle, path, page=None, max_pixels=max_pixels)
        values, premultiplied, name = decoded.values, decoded.premultiplied, path
    if values.ndim != 3 or values.shape[2] not in (3, 4) or not values.size:
        raise ImageReadError(
            f"The reference has the shape {values.shape}; a colored image (height, width, 3) is needed, whose colors"
            " are to be taken.",
            path=name or None,
        )
    rgb = without_alpha(values, name or None, premultiplied=premultiplied)
    scale = 1.0 if rgb.dtype.kind == "f" else float(np.iinfo(rgb.dtype).max)
    shape = working_shape((rgb.shape[0], rgb.shape[1]), size)
    small = np.stack([shrink(rgb[..., i], shape) for i in range(3)], axis=-1) / np.float32(scale)
    lab = np.asarray(rgb_to_lab(np.clip(small, 0, 1)), np.float32)
    if not np.hypot(lab[..., 1], lab[..., 2]).max() > _COLORED:
        raise ImageReadError(
            "The reference is gray: it has no color to take. Give the colored micrograph.", path=name or None
        )
    return ColoredReference(lab[..., 0], lab[..., 1:], os.path.basename(name), sha256)  # noqa: PTH119


_COLORED = 4.0
"""Chroma that something in a colored image has at least: half of it is hardly seen (Mahy et al. 1994)."""
