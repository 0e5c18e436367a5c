"""Micrographs with instance masks, on which the modes are scored: label images, VIA polygons, procedural scenes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from scipy import ndimage

from semcolorize.color.lab import gray_to_lightness
from semcolorize.errors import ConfigError, ImageReadError
from semcolorize.training.folders import IMAGE_SUFFIXES

__all__ = ["MaskedImage", "procedural_images", "read_masked_images"]


@dataclass(frozen=True)
class MaskedImage:
    """A gray micrograph and what is where in it.

    Attributes
    ----------
    name : str
    lightness : float32 ndarray of shape (H, W)
        CIE L*, 0 to 100.
    instances : int32 ndarray of shape (H, W)
        0 = background.
    classes : int ndarray of shape (H, W)
        0 = background; instances of one class look alike.
    group : str
        Set that it belongs to: the first folder below the one that was read.
    numbered : bool
        Instances are single objects; else they are the connected parts of classes.
    """

    name: str
    lightness: np.ndarray
    instances: np.ndarray
    classes: np.ndarray
    group: str = ""
    numbered: bool = True


def read_masked_images(folder: Path, size: int, *, projects: str = "*") -> list[MaskedImage]:
    """Read every micrograph with masks below a folder, its longest side brought to `size` pixels.

    Two layouts are known: ``images/NAME.*`` beside ``masks/NAME.*`` (masks of 16 bit and more number objects, those of
    8 bit name classes, whose connected parts are taken for objects), and VGG Image Annotator projects
    (``*.json``) with polygons, whose images are looked for by name anywhere below the folder. Where several projects
    annotate one image, the one with the larger annotated area counts.

    Parameters
    ----------
    folder : Path
    size : int
    projects : str
        Glob for the names of the VIA projects to read.

    Raises
    ------
    ConfigError
        If the folder holds neither.
    ImageReadError
        If an image or a project is damaged.
    """
    if not folder.is_dir():
        raise ConfigError(f"--data {folder} is no folder.", key="data")
    found: dict[str, MaskedImage] = {}
    for image in [*_labeled(folder, size), *_annotated(folder, size, projects)]:
        before = found.get(image.name)
        if before is None or (image.instances > 0).sum() > (before.instances > 0).sum():
            found[image.name] = image
    if not found:
        raise ConfigError(
            f"--data {folder} holds no masks; images/ beside masks/ or VIA projects (.json) with polygons are read.",
            key="data",
        )
    return [found[name] for name in sorted(found)]


def procedural_images(count: int, size: int = 256) -> list[MaskedImage]:
    """Procedural scenes that training never sees."""
    from semcolorize.scenes import VALIDATION_SEEDS, make_scene

    scenes = [make_scene(VALIDATION_SEEDS + 7919 * (i + 1), size) for i in range(count)]
    return [MaskedImage(f"scene {i}", s.lightness, s.instances, s.classes, "scenes") for i, s in enumerate(scenes)]


def _labeled(folder: Path, size: int) -> Iterator[MaskedImage]:
    for masks in sorted(p for p in folder.rglob("masks") if p.is_dir() and (p.parent / "images").is_dir()):
        for path in sorted(p for p in (masks.parent / "images").iterdir() if p.suffix.lower() in IMAGE_SUFFIXES):
            mask = next((m for m in sorted(masks.iterdir()) if m.stem == path.stem), None)
            if mask is not None:
                opened = _open(mask)
                labels = np.asarray(opened).astype(np.int32)
                if labels.ndim != 2:
                    raise ImageReadError(f"a mask must be a label image, not {labels.ndim}-dimensional.", path=mask)
                numbered = opened.mode not in ("L", "P", "1")
                yield _prepared(path, labels, size, _group(folder, path), numbered=numbered)


def _annotated(folder: Path, size: int, projects: str) -> Iterator[MaskedImage]:
    from PIL import Image, ImageDraw

    images = {path.name: path for path in sorted(folder.rglob("*")) if path.suffix.lower() in IMAGE_SUFFIXES}
    for project in sorted(p for p in folder.rglob("*.json") if fnmatch(p.name, projects)):
        try:
            entries = json.loads(project.read_text(encoding="utf-8"))["_via_img_metadata"].values()
            annotated = [(str(entry["filename"]), _polygons(entry["regions"])) for entry in entries]
        except (KeyError, TypeError, AttributeError):
            continue  # some other JSON file
        except (OSError, ValueError) as error:
            raise ImageReadError(f"this is no readable JSON ({error}).", path=project) from error
        for name, polygons in annotated:
            path = images.get(Path(name).name)
            if path is None or not polygons:
                continue
            canvas = Image.new("I", _open(path).size)
            pen = ImageDraw.Draw(canvas)
            for number, polygon in enumerate(polygons, start=1):
                pen.polygon(polygon, fill=number)
            yield _prepared(path, np.asarray(canvas).astype(np.int32), size, _group(folder, project), numbered=True)


def _polygons(regions: object) -> list[list[tuple[float, float]]]:
    shapes = [region["shape_attributes"] for region in regions]  # type: ignore[attr-defined]
    outlines = [(s["all_points_x"], s["all_points_y"]) for s in shapes if s.get("name") == "polygon"]
    return [list(zip(map(float, x), map(float, y), strict=True)) for x, y in outlines if len(x) > 2]


def _open(path: Path):  # type: ignore[no-untyped-def]  # PIL is imported where it is used
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(path)
        image.load()
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageReadError(f"this is no readable image ({error}).", path=path) from error
    return image


def _prepared(path: Path, labels: np.ndarray, size: int, group: str, *, numbered: bool) -> MaskedImage:
    from PIL import Image

    image = _open(path).convert("L")
    if labels.shape != (image.height, image.width):
        raise ImageReadError(f"the mask is {labels.shape}, the image {(image.height, image.width)} pixels.", path=path)
    scale = size / max(image.size)
    width, height = (max(round(side * scale), 16) for side in image.size)
    small = np.asarray(image.resize((width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC))
    rows = np.minimum(((np.arange(height) + 0.5) / scale).astype(int), labels.shape[0] - 1)
    columns = np.minimum(((np.arange(width) + 0.5) / scale).astype(int), labels.shape[1] - 1)
    instances = labels[np.ix_(rows, columns)]
    lightness = np.asarray(gray_to_lightness(small / 255.0), np.float32)
    if numbered:
        return MaskedImage(path.name, lightness, instances, (instances > 0).astype(np.int16), group)
    classes = np.searchsorted(np.unique(np.append(labels, 0)), instances).astype(np.int16)
    return MaskedImage(path.name, lightness, _parts(classes), classes, group, numbered=False)


def _group(folder: Path, path: Path) -> str:
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 2 else folder.name


def _parts(classes: np.ndarray) -> np.ndarray:
    """Connected parts of every class but the background, numbered."""
    parts, count = np.zeros(classes.shape, np.int32), 0
    for own in np.unique(classes[classes > 0]):
        labeled, number = ndimage.label(classes == own)
        parts = np.where(labeled > 0, labeled + count, parts)
        count += number
    return parts
