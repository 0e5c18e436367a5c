"""Random fields: the clay that surfaces, textures and warps are made of.

Everything is filtered white noise in the Fourier domain: one forward and one inverse real transform a field,
whatever its spectrum, so a field costs under a millisecond at 128 x 128. Fields are periodic; scenes never
tile them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

__all__ = ["band_noise", "fractal_noise", "normalize", "smooth_noise", "voronoi"]


@lru_cache(maxsize=64)
def _wave_vectors(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies along rows and columns of a half spectrum, in cycles per pixel."""
    rows = np.fft.fftfreq(shape[0]).astype(np.float32)[:, None]
    cols = np.fft.rfftfreq(shape[1]).astype(np.float32)[None, :]
    return rows, cols


def _frequency(shape: tuple[int, int], stretch: float, angle: float) -> np.ndarray:
    """Radial frequency, made elliptic so that structures are `stretch` times longer along `angle`."""
    rows, cols = _wave_vectors(shape)
    if stretch == 1.0:
        return np.hypot(rows, cols)
    along = (cols * np.cos(angle) + rows * np.sin(angle)) * np.float32(np.sqrt(stretch))
    across = (rows * np.cos(angle) - cols * np.sin(angle)) / np.float32(np.sqrt(stretch))
    return np.hypot(along, across)


def _filtered(rng: np.random.Generator, shape: tuple[int, int], gain: np.ndarray) -> np.ndarray:
    """White noise with the spectrum `gain`, zero mean and unit standard deviation."""
    padded = (fft.next_fast_len(shape[0], real=True), fft.next_fast_len(shape[1], real=True))
    spectrum = fft.rfft2(rng.standard_normal(padded, dtype=np.float32)) * gain
    field = fft.irfft2(spectrum, s=padded)[: shape[0], : shape[1]]
    return normalize(field)


def _padded(shape: tuple[int, int]) -> tuple[int, int]:
    return fft.next_fast_len(shape[0], real=True), fft.next_fast_len(shape[1], real=True)


def normalize(field: np.ndarray) -> np.ndarray:
    """Shift and scale to zero mean and unit standard deviation (float32); a constant field becomes zero."""
    field = field - field.mean()
    return (field / max(float(field.std()), 1e-6)).astype(np.float32)


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, int], exponent: float = 1.7, wavelength: float | None = None
) -> np.ndarray:
    """Self-affine noise, amplitude proportional to frequency to the power of minus `exponent`.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        (H, W).
    exponent : float
        1 is rough as sand paper, 1.7 as fractured rock, 2.5 as dunes.
    wavelength : float, optional
        Longest structure in pixels; nothing coarser is added. Default is the whole field.

    Returns
    -------
    numpy.ndarray
        (H, W) float32, zero mean, unit standard deviation.
    """
    frequency = _frequency(_padded(shape), 1.0, 0.0)
    longest = 1.0 / wavelength if wavelength else 1.0 / max(shape)
    gain = np.maximum(frequency, longest) ** np.float32(-exponent)
    gain[0, 0] = 0.0
    return _filtered(rng, shape, gain)


def smooth_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    wavelength: float,
    stretch: float = 1.0,
    angle: float = 0.0,
) -> np.ndarray:
    """Noise without structure below about `wavelength` pixels; (H, W) float32, unit standard deviation."""
    frequency = _frequency(_padded(shape), stretch, angle)
    gain = np.exp(-((frequency * np.float32(wavelength)) ** 2) * np.float32(2.0))
    gain[0, 0] = 0.0
    return _filtered(rng, shape, gain)


def band_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    wavelength: float,
    width: float = 0.35,
    stretch: float = 1.0,
    angle: float = 0.0,
) -> np.ndarray:
    """Noise of one spatial scale: grains of `wavelength` pixels; (H, W) float32, unit standard deviation.

    Parameters
    ----------
    width : float
        Relative width of the pass band; small is regular, 1 is irregular.
    stretch, angle : float
        Grains are `stretch` times longer along `angle` (radians from the column axis towards higher rows).
    """
    frequency = _frequency(_padded(shape), stretch, angle) * np.float32(wavelength)
    gain = np.exp(-0.5 * ((frequency - 1.0) / np.float32(width)) ** 2)
    gain[0, 0] = 0.0
    return _filtered(rng, shape, gain)


def voronoi(
    shape: tuple[int, int],
    seeds: np.ndarray,
    warp: tuple[np.ndarray, np.ndarray] | None = None,
    aspect: float = 1.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest seed of every pixel, with the distances to the nearest and to the second nearest.

    A loop over seeds with running minima beats a k-d tree at these sizes and needs no (seeds, H, W) memory.

    Parameters
    ----------
    shape : tuple of int
        (H, W).
    seeds : numpy.ndarray
        (N, 2) rows and columns in pixels.
    warp : tuple of (H, W) arrays, optional
        Added to the pixel coordinates, so that cell borders wander.
    aspect : float
        Columns count `aspect` times as far as rows: cells are elongated along the rows' axis above 1.

    Returns
    -------
    label : (H, W) int32 numpy.ndarray
        0 to N - 1.
    nearest, second : (H, W) float32 numpy.ndarray
        Distances in pixels.
    """
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    cols = np.arange(shape[1], dtype=np.float32)[None, :]
    if warp is not None:
        rows, cols = rows + warp[0], cols + warp[1]
    label = np.zeros(shape, np.int32)
    nearest = np.full(shape, np.float32(1e12))
    second = np.full(shape, np.float32(1e12))
    for index, (row, col) in enumerate(np.asarray(seeds, np.float32)):
        squared = (rows - row) ** 2 + ((cols - col) * np.float32(aspect)) ** 2
        closer = squared < nearest
        np.minimum(second, np.maximum(squared, nearest), out=second)
        np.copyto(label, index, where=closer)
        np.minimum(nearest, squared, out=nearest)
    return label, np.sqrt(nearest), np.sqrt(second)
