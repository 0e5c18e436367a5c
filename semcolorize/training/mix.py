"""What a training run is fed: stages and the mix of sources, as recipes say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["FOLDERS", "HINT_STYLES", "MixConfig", "Stage"]

FOLDERS = ("masks_folder", "photographs_folder", "colored_folder")
"""Keys of `MixConfig` that name folders."""

HINT_STYLES = ("mixed", "thesis")


@dataclass(frozen=True)
class Stage:
    """Part of a training run: `steps` batches of `batch` crops of `size` pixels.

    Parameters
    ----------
    steps, size, batch : int
    learning_rate : float
        Of this stage; 0 for the optimizer's.
    offset_noise : float
        Share of noise that is one color for the whole image, so that the mean color is learned too.
    data : dict
        What differs from the recipe's mix, under the same keys.
    """

    steps: int
    size: int = 64
    batch: int = 64
    learning_rate: float = 0.0
    offset_noise: float = 0.0
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MixConfig:
    """Where samples come from.

    Parameters
    ----------
    scenes, masks, photographs, recolored, colored : float
        Shares of procedural scenes; gray micrographs with instance masks; color photographs with their hues turned;
        photographs colored like micrographs; colored micrographs as they are. All but scenes need the folder.
    masks_folder, photographs_folder, colored_folder : str or None
        Folder with ``images/`` and ``masks/``; folders of color images.
    hints : {"mixed", "thesis"}
        How color images are hinted: in every way of use, or as the thesis did (section 4.3).
    reuse : int
        Samples drawn from each scene, with a new crop, plan and hints each.
    window : int
        Scenes kept at hand, from which a batch draws.
    views : float
        Share of the batches that hold pairs of views, most with hints in the first view only.
    gray, instance : float
        Shares of the scene samples in which the rest stays gray, and of these, in which only touched instances are
        colored.
    uneven : float
        Share of the scene samples in which objects of one class differ in brightness, see
        `semcolorize.training.crops.shade_instances`.
    """

    scenes: float = 0.7
    masks: float = 0.15
    photographs: float = 0.15
    recolored: float = 0.0
    colored: float = 0.0
    masks_folder: str | None = None
    photographs_folder: str | None = None
    colored_folder: str | None = None
    hints: str = "mixed"
    reuse: int = 4
    window: int = 64
    views: float = 0.0
    gray: float = 0.35
    instance: float = 0.35
    uneven: float = 0.0
