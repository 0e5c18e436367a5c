"""Where each pixel of one view is seen in another: features first, then dense flow, then only what both ways agree on.

Tilts and shifts of one specimen correspond; cross-sections and other fields of a sample do not, and must be told apart
from them. So a match has to earn its confidence three times: enough features agree on one affine map, following the
flow there and back leads home, and both places look alike.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from semcolorize.errors import ShapeError

__all__ = ["SMALLEST", "Registration", "register"]

SMALLEST = 32
"""Side of a view from which features can be looked for."""

_FEWEST = 12
"""Features that must agree, beyond the six coordinates of three that fit any map."""
_LEAST_SHARE = 0.2
"""Share of the matched features that must agree."""
_RESIDUAL = 0.012
"""Distance within which features agree, of the root of the image's area: tilted relief does not move as a plane."""
_STEPS_HOME = 1.5
"""Distance from home, in pixels, at which half of the trust is lost."""
_WINDOW = 11
_STEEPEST = 4.0
"""Largest change of area that an affine map between views may make."""


@dataclass(frozen=True)
class Registration:
    """Correspondence of a target view with a source view.

    Attributes
    ----------
    places : float32 ndarray of shape (H, W, 2)
        Row and column in the source of what each pixel of the target shows.
    confidence : float32 ndarray of shape (H, W)
        0 to 1; 0 everywhere where the views could not be registered.
    inliers : int
        Features that agree on one affine map.
    """

    places: np.ndarray
    confidence: np.ndarray
    inliers: int

    @property
    def found(self) -> bool:
        """Whether the views were registered at all."""
        return bool(self.confidence.any())

    def carry(self, values: np.ndarray) -> np.ndarray:
        """Values (h, w, ...) of the source as the target shows them, (H, W, ...), linearly interpolated."""
        planes = values.reshape(*values.shape[:2], -1)
        coordinates = np.moveaxis(self.places, -1, 0)
        carried = [
            ndimage.map_coordinates(planes[..., i].astype(np.float32), coordinates, order=1, mode="nearest")
            for i in range(planes.shape[-1])
        ]
        return np.stack(carried, axis=-1).reshape(*self.places.shape[:2], *values.shape[2:])


def register(source: np.ndarray, target: np.ndarray, *, seed: int = 0) -> Registration:
    """Find where each pixel of `target` is seen in `source`.

    Parameters
    ----------
    source, target : ndarray of shape (h, w) and (H, W)
        CIE L*, 0 to 100.
    seed : int
        Of the random draws by which features are tested.

    Returns
    -------
    Registration

    Notes
    -----
    SIFT features (Lowe 2004), an affine map by RANSAC (Fischler and Bolles 1981), then the iterative Lucas-Kanade flow
    of scikit-image (Le Besnerais and Champagnat 2005) over what the map leaves, both ways.
    """
    if source.ndim != 2 or target.ndim != 2 or min(*source.shape, *target.shape) < SMALLEST:
        raise ShapeError(f"views of {source.shape} and {target.shape}; (H, W) of at least {SMALLEST} a side is needed.")
    one, two = _flattened(source), _flattened(target)
    affine, inliers = _affine(one, two, seed)
    rows, columns = np.mgrid[: target.shape[0], : target.shape[1]].astype(np.float32)
    if affine is None:
        return Registration(np.stack([rows, columns], axis=-1), np.zeros(target.shape, np.float32), inliers)
    straight = _moved(affine, rows, columns)
    # The source as the affine map shows it, over the target's pixels: what is left is small.
    seen = ndimage.map_coordinates(one, straight, order=1, mode="nearest")
    there, back = _flow(two, seen), _flow(seen, two)
    at = np.stack([rows + there[0], columns + there[1]])
    home = at + np.stack([ndimage.map_coordinates(plane, at, order=1, mode="nearest") for plane in back])
    astray = np.hypot(home[0] - rows, home[1] - columns)
    alike = _correlation(two, ndimage.map_coordinates(seen, at, order=1, mode="nearest"))
    places = _moved(affine, at[0], at[1])
    inside = (places[0] >= 0) & (places[0] <= source.shape[0] - 1)
    inside &= (places[1] >= 0) & (places[1] <= source.shape[1] - 1)
    trust = inside / (1 + (astray / _STEPS_HOME) ** 2) * np.clip((alike - 0.2) / 0.5, 0, 1)
    # A lone pixel that agrees does so by chance.
    trust = np.minimum(trust, ndimage.uniform_filter(trust, 7) * 1.5)
    return Registration(np.moveaxis(places, 0, -1).astype(np.float32), np.clip(trust, 0, 1).astype(np.float32), inliers)


def _flattened(lightness: np.ndarray) -> np.ndarray:
    """Local contrast, so that shading and the detector's settings do not count: mean 0, deviation 1 locally."""
    values = lightness.astype(np.float32)
    width = max(values.shape) / 24
    values = values - ndimage.gaussian_filter(values, width)
    deviation = np.sqrt(ndimage.gaussian_filter(values**2, width))
    return np.clip(values / (deviation + 1.0), -3, 3) / 6 + 0.5


def _affine(source: np.ndarray, target: np.ndarray, seed: int) -> tuple[np.ndarray | None, int]:
    """Matrix (2, 3) from target (row, column, 1) to source (row, column), None without one; how many features agree."""
    from skimage.feature import match_descriptors
    from skimage.measure import ransac
    from skimage.transform import AffineTransform

    found = [_features(image.tobytes(), image.shape) for image in (source, target)]
    if found[0] is None or found[1] is None:
        return None, 0
    (places, signs), (places_target, signs_target) = found[0], found[1]
    pairs = match_descriptors(signs, signs_target, max_ratio=0.85, cross_check=True)
    if len(pairs) < _FEWEST:
        return None, len(pairs)
    limit = max(2.0, _RESIDUAL * np.sqrt(target.size))
    # Warnings are switched off for all threads; drawing and testing is Python's own work anyway.
    with _one_at_a_time, warnings.catch_warnings():
        # Degenerate triples are drawn and thrown away.
        warnings.simplefilter("ignore")
        model, good = ransac(
            (places_target[pairs[:, 1]].astype(float), places[pairs[:, 0]].astype(float)),
            AffineTransform, min_samples=3, residual_threshold=limit, max_trials=1000, rng=seed,
        )  # fmt: skip
    agree = 0 if good is None else int(np.sum(good))
    # What cannot be estimated is None, or, in later versions, an object that says why and is false.
    if not model or agree < max(_FEWEST, _LEAST_SHARE * len(pairs)):
        return None, agree
    matrix = np.asarray(model.params)[:2]
    size = abs(np.linalg.det(matrix[:, :2]))
    return (matrix, agree) if 1 / _STEEPEST < size < _STEEPEST else (None, agree)


_one_at_a_time = threading.Lock()


@lru_cache(maxsize=4)
def _features(values: bytes, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Places and descriptors of SIFT features; None without any. A reference view is asked for once a target."""
    from skimage.feature import SIFT

    features = SIFT(upsampling=1, n_octaves=5)
    try:
        features.detect_and_extract(np.frombuffer(values, np.float32).reshape(shape))
    except RuntimeError:  # no features at all
        return None
    return np.asarray(features.keypoints), np.asarray(features.descriptors)


def _moved(affine: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Rows and columns under an affine map, (2, H, W)."""
    return np.stack([a * rows + b * columns + c for a, b, c in affine])


def _flow(reference: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Displacement (2, H, W) with which `moving` shows what `reference` shows."""
    from skimage.registration import optical_flow_ilk

    radius = max(5, round(np.sqrt(reference.size) / 48))
    return np.asarray(optical_flow_ilk(reference, moving, radius=radius, num_warp=8), dtype=np.float32)


def _correlation(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Normalized cross-correlation over small windows, -1 to 1."""
    means = [ndimage.uniform_filter(x, _WINDOW) for x in (one, two, one * one, two * two, one * two)]
    spread = np.sqrt(np.maximum(means[2] - means[0] ** 2, 1e-6) * np.maximum(means[3] - means[1] ** 2, 1e-6))
    return np.asarray((means[4] - means[0] * means[1]) / spread)
