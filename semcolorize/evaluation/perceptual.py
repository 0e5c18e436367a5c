"""LPIPS, where the lpips package and the weights of its backbone are installed; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

__all__ = ["find_lpips"]

_BACKBONE = "alex"
_WEIGHTS = "alexnet-*.pth"


def find_lpips() -> tuple[Callable[[np.ndarray, np.ndarray], float] | None, str]:
    """Learned perceptual distance (Zhang et al. 2018) with the AlexNet backbone, if it is here.

    Returns
    -------
    function or None
        ``distance(rgb, reference)`` of two (H, W, 3) images in [0, 1]; 0 is equal.
    remark : str
        Name of the backbone, or why there is none. Scores with other backbones do not compare.
    """
    from pathlib import Path

    try:
        import lpips
    except ImportError:
        return None, "LPIPS left out: the lpips package is not installed"
    if not list(Path(torch.hub.get_dir(), "checkpoints").glob(_WEIGHTS)):
        return None, f"LPIPS left out: the weights of its backbone ({_WEIGHTS}) are not in torch's hub folder"
    network = lpips.LPIPS(net=_BACKBONE, verbose=False).eval()

    @torch.inference_mode()
    def distance(rgb: np.ndarray, reference: np.ndarray) -> float:
        pair = [torch.from_numpy(2 * x - 1).movedim(-1, 0)[None].float() for x in (rgb, reference)]
        return float(network(*pair))

    return distance, f"LPIPS with the {_BACKBONE} backbone"
