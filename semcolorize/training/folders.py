"""Training images in folders: color images, and gray micrographs with instance masks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from semcolorize.errors import ConfigError, ImageReadError

__all__ = ["IMAGE_SUFFIXES", "ImageFolder", "color_folder", "masked_folder"]

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"}
_LONGEST_SIDE = 768
_KEPT_BYTES = 1 << 30


class ImageFolder:
    """Images of a folder, decoded once each and kept as bytes while they fit into a gigabyte."""

    def __init__(self, paths: Sequence[Path], read: Callable[[Path], tuple[np.ndarray, ...]]) -> None:
        self.paths, self._read = list(paths), read
        self._cache: OrderedDict[int, tuple[np.ndarray, ...]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        if index not in self._cache:
            image = self._cache[index] = self._read(self.paths[index])
            self._bytes += sum(plane.nbytes for plane in image)
            while self._bytes > _KEPT_BYTES and len(self._cache) > 1:
                _, gone = self._cache.popitem(last=False)
                self._bytes -= sum(plane.nbytes for plane in gone)
        return self._cache[index]


def color_folder(name: str | None, kind: str) -> ImageFolder:
    """Color images of a folder and below.

    Raises
    ------
    ConfigError
        If there is no such folder or it holds none; `kind` is the recipe's key.
    """
    paths = _images(_folder(name, kind), recursive=True)
    if not paths:
        raise ConfigError(f"data.{kind}_folder {name!r} holds no image.", key=f"data.{kind}_folder")
    if bad := [path.name for path in paths if not _is_image(path)]:
        # All at once, and none left out in silence: what a model was trained on must be known.
        listed = ", ".join(bad[:10]) + (f" and {len(bad) - 10} more" if len(bad) > 10 else "")
        raise ConfigError(
            f"data.{kind}_folder {name!r} holds files that are no readable images: {listed}. Move them elsewhere.",
            key=f"data.{kind}_folder",
        )
    return ImageFolder(paths, _read_color)


def masked_folder(name: str | None) -> ImageFolder:
    """Gray micrographs in ``images/`` with label images of the same name in ``masks/``.

    Raises
    ------
    ConfigError
        If there is no such folder or an image has no mask.
    """
    folder = _folder(name, "masks")
    images = folder / "images"
    paths = _images(images, recursive=False) if images.is_dir() else []
    masks = {path.stem for path in (folder / "masks").glob("*")}
    missing = [path.name for path in paths if path.stem not in masks]
    if not paths or missing:
        fault = f"has no mask for {missing[0]}" if missing else "holds no images/"
        raise ConfigError(
            f"data.masks_folder {name!r} {fault}; images/NAME.* beside masks/NAME.* is needed.", key="data.masks_folder"
        )
    return ImageFolder(paths, _read_masked)


def _is_image(path: Path) -> bool:
    """Whether its head is that of an image; it is decoded when its turn comes."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path):
            return True
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return False


def _images(folder: Path, *, recursive: bool) -> list[Path]:
    found = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(p for p in found if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())


def _folder(name: str | None, kind: str) -> Path:
    if name is None:
        raise ConfigError(
            f"the recipe mixes in {kind} but names no folder; set data.{kind}_folder.", key=f"data.{kind}"
        )
    path = Path(name).expanduser()
    if not path.is_dir():
        raise ConfigError(
            f"data.{kind}_folder {name!r} is no folder; --data says where data folders are looked for.",
            key=f"data.{kind}_folder",
        )
    return path


def _read_color(path: Path) -> tuple[np.ndarray, ...]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            return (np.asarray(image.convert("RGB")),)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageReadError(f"this is no readable image ({error}).", path=path) from error


def _read_masked(path: Path) -> tuple[np.ndarray, ...]:
    from PIL import Image, UnidentifiedImageError

    mask = next((path.parents[1] / "masks").glob(f"{path.stem}.*"))
    try:
        with Image.open(path) as image, Image.open(mask) as labels:
            return np.asarray(image.convert("L")), np.asarray(labels).astype(np.int32)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageReadError(f"this or its mask is no readable image ({error}).", path=path) from error
