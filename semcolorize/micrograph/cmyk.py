"""CMYK pictures, which are made for printing, to sRGB."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

__all__ = ["rgb_of_cmyk"]


def rgb_of_cmyk(values: np.ndarray, profile: bytes | None = None) -> tuple[np.ndarray, str]:
    """Convert ink to sRGB, through the picture's color profile where there is one.

    Parameters
    ----------
    values : uint8 or uint16 ndarray of shape (H, W, 4)
        Cyan, magenta, yellow, black; 0 is no ink.
    profile : bytes, optional
        ICC profile; used for 8 bits.

    Returns
    -------
    rgb : ndarray of shape (H, W, 3)
        Of the type of `values`.
    note : str
    """
    converted = _through_profile(values, profile) if profile and values.dtype == np.uint8 else None
    if converted is not None:
        return converted, "The picture is CMYK: the lightness it has by its color profile is used."
    top = np.iinfo(values.dtype).max
    paper = (top - values).astype(np.float32) / top
    # What the inks let through, one over the other.
    rgb = np.rint(paper[..., :3] * paper[..., 3:] * top).astype(values.dtype)
    return rgb, "The picture is CMYK: the lightness of its inks is used, without a color profile."


def _through_profile(values: np.ndarray, profile: bytes) -> np.ndarray | None:
    """Pixels as the profile means them; None if Pillow has no color management or the profile is of no use."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        image = Image.frombytes("CMYK", (values.shape[1], values.shape[0]), np.ascontiguousarray(values).tobytes())
        # As printers' own programs show it: black ink is the screen's black.
        shown = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, ImportError, OSError, ValueError, TypeError):
        # ImportError: a Pillow that was built without color management.
        return None
    return None if shown is None else np.asarray(shown)
