"""Evaluation protocols: which pixels of a color image a method is told, and what it must make of the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semcolorize.color.lab import rgb_to_lab
from semcolorize.errors import ConfigError, ImageReadError
from semcolorize.hints.simulate import DrawnHints, cell_hints
from semcolorize.training.folders import IMAGE_SUFFIXES

__all__ = ["PROTOCOLS", "ColorImage", "Protocol", "draw_hints", "list_images", "read_color_image"]


@dataclass(frozen=True)
class Protocol:
    """How images and hints are prepared.

    Attributes
    ----------
    size : int
        Images are resized to size x size, whatever their aspect.
    description : str
    """

    name: str
    size: int
    description: str

    @property
    def most_hints(self) -> int | None:
        """Cells that there are; None where hints may lie on one another."""
        return (self.size // 2) ** 2 if self.name == "icolorit" else None


PROTOCOLS = {
    "icolorit": Protocol(
        "icolorit",
        224,
        "224 x 224, grid-aligned 2 x 2 cells drawn uniformly, value = cell mean (Yun et al. 2023, iColoriT)",
    ),
    "zhang": Protocol(
        "zhang",
        256,
        "256 x 256, patches of 6 x 6, centers drawn from N(center, (size/4)^2), value = mean (Zhang et al. 2017)",
    ),
}


@dataclass(frozen=True)
class ColorImage:
    """A reference: `name`, `rgb` (H, W, 3) in [0, 1], `lab` (H, W, 3)."""

    name: str
    rgb: np.ndarray
    lab: np.ndarray

    @property
    def lightness(self) -> np.ndarray:
        """CIE L* (H, W), what every method is given."""
        return self.lab[..., 0]


def list_images(folder: Path) -> list[Path]:
    """Color images of a folder, by name.

    Raises
    ------
    ConfigError
        If it is no folder or holds none.
    """
    if not folder.is_dir():
        raise ConfigError(f"--data {folder} is no folder.", key="data")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if not paths:
        raise ConfigError(f"--data {folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}).", key="data")
    return paths


def read_color_image(path: Path, protocol: Protocol) -> ColorImage:
    """Read a reference image at the protocol's size (bicubic, as iColoriT's loader)."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            # Palettes with transparency first, or PIL warns of it.
            whole = image.convert("RGBA") if image.mode == "P" else image
            small = whole.convert("RGB").resize((protocol.size, protocol.size), Image.Resampling.BICUBIC)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageReadError(f"this is no readable image ({error}).", path=path) from error
    rgb = np.asarray(small, dtype=np.float64) / 255
    return ColorImage(path.name, rgb, rgb_to_lab(rgb))


def draw_hints(image: ColorImage, protocol: Protocol, count: int, *, seed: int = 0) -> DrawnHints:
    """Draw the hints for one image and count: the same for every method and machine.

    They depend on the image's name, the count and `seed` only, not on which other images are in the folder.
    """
    digest = hashlib.sha256(image.name.encode()).digest()
    rng = np.random.Generator(np.random.PCG64([seed, count, int.from_bytes(digest[:8], "little")]))
    ab = image.lab[..., 1:].astype(np.float32)
    if protocol.name == "icolorit":
        return cell_hints(ab, rng, count)
    return _six_pixel_patches(ab, rng, count)


def _six_pixel_patches(ab: np.ndarray, rng: np.random.Generator, count: int) -> DrawnHints:
    drawn = DrawnHints.empty((ab.shape[0], ab.shape[1]))
    for top, left in _zhang_corners(rng, ab.shape[0], ab.shape[1], count):
        area = (slice(top, top + 6), slice(left, left + 6))
        drawn.mark(area, ab[area].mean(axis=(0, 1)))
    return drawn


def _zhang_corners(rng: np.random.Generator, height: int, width: int, count: int) -> Iterator[tuple[int, int]]:
    for _ in range(count):
        row, column = rng.normal((height / 2, width / 2), (height / 4, width / 4))
        yield int(np.clip(row - 3, 0, height - 6)), int(np.clip(column - 3, 0, width - 6))
