"""Bring a*b* from the working size to the full size, its edges on the lightness edges of the full image.

Joint bilateral upsampling: each pixel takes the mean of the 3 x 3 working pixels around it, weighted by
distance (quadratic B-spline) and by how well their lightness fits its own. The result is a weighted mean, so
that no color appears that was not there, and in even colors noise changes nothing.

Reference: J. Kopf et al., "Joint bilateral upsampling", ACM Trans. Graph. 26 (2007). Added here: the
tolerance follows the noise of each place, and working pixels across an edge, whose color is a mixture, count
less.
"""

from __future__ import annotations

import numpy as np

from semcolorize.errors import ShapeError

__all__ = ["upsample_ab"]

_FLOOR = 1e-4
"""Weight that distance alone keeps: where no lightness fits, the nearest colors are interpolated."""
_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16
_NOISE_KEPT = 70 / 256
"""Standard deviation of white noise that the 5 x 5 binomial leaves: the sum of its squared weights."""
_NOISE_PER_RESIDUAL = 1.4
"""Standard deviation of white noise from the mean absolute difference to the smoothed image:
sqrt(pi / 2) / sqrt(1 - 2 (6/16)^2 + (70/256)^2)."""


def upsample_ab(
    ab: np.ndarray,
    lightness_low: np.ndarray,
    lightness: np.ndarray,
    *,
    tolerance: float = 2.0,
    noise_factor: float = 2.0,
) -> np.ndarray:
    """Upsample a*b* guided by lightness.

    Parameters
    ----------
    ab : ndarray of shape (h, w, 2)
        CIELAB units, at working size.
    lightness_low : ndarray of shape (h, w)
        CIE L* the colors belong to: `lightness`, area-averaged.
    lightness : ndarray of shape (H, W)
        CIE L* at full size; H >= h, W >= w.
    tolerance : float
        Difference in L* that still is the same thing, without noise.
    noise_factor : float
        How many standard deviations of the local (smoothed) noise are added to it, in quadrature.

    Returns
    -------
    ab : float32 ndarray of shape (H, W, 2)
        Within the range of the 3 x 3 working pixels around each pixel. Equal to `ab` if the sizes are equal.

    Raises
    ------
    ShapeError
    """
    height, width = lightness.shape
    rows, columns = lightness_low.shape
    if ab.shape != (rows, columns, 2) or rows > height or columns > width:
        raise ShapeError(
            f"ab {ab.shape}, lightness_low {lightness_low.shape} and lightness {lightness.shape} do not fit;"
            " (h, w, 2), (h, w) and (H, W) with H >= h and W >= w are needed."
        )
    if (rows, columns) == (height, width):
        return ab.astype(np.float32)
    smooth, noise, mixture = _smooth_and_measure(lightness, lightness_low)
    spread = tolerance**2 + (noise_factor * noise) ** 2
    sharpness = 0.5 / spread
    # A working pixel on an edge varies more within than noise explains.
    purity = 1 / (1 + mixture / spread) ** 2

    row_cells, row_weights = _taps(rows, height)
    column_cells, column_weights = _taps(columns, width)
    # (h, 3 taps, 5 quantities, W): columns are spread once; below only rows are.
    planes = np.stack([lightness_low, sharpness, purity, ab[..., 0], ab[..., 1]], axis=1).astype(np.float32)
    result = np.empty((height, width, 2), np.float32)
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(row_cells[1])) + 1, [height]])
    spread_rows: dict[int, np.ndarray] = {}
    for first, last in zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True):
        # All rows over one working row share their taps.
        cells = row_cells[:, first].tolist()
        spread_rows = {
            cell: spread_rows[cell] if cell in spread_rows else planes[cell][:, column_cells] for cell in set(cells)
        }
        total = np.zeros((last - first, width), np.float32)
        a, b = np.zeros_like(total), np.zeros_like(total)
        for i, cell in enumerate(cells):
            row_weight = row_weights[i, first:last, None]
            for j in range(3):
                low, sharp, pure, low_a, low_b = spread_rows[cell][:, j]
                weight = smooth[first:last] - low
                weight *= weight
                weight *= -sharp
                np.exp(weight, out=weight)
                weight *= pure
                weight += _FLOOR
                weight *= column_weights[j]
                weight *= row_weight
                total += weight
                a += weight * low_a
                b += weight * low_b
        np.divide(a, total, out=result[first:last, :, 0])
        np.divide(b, total, out=result[first:last, :, 1])
    return result


def _taps(count: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Working pixels (3, length) under each full pixel and their quadratic B-spline weights (3, length)."""
    position = (np.arange(length) + 0.5) * (count / length) - 0.5
    center = np.rint(position).astype(np.intp)
    t = (position - center).astype(np.float32)
    cells = np.clip(np.stack([center - 1, center, center + 1]), 0, count - 1)
    return cells, np.stack([(0.5 - t) ** 2 / 2, 0.75 - t**2, (0.5 + t) ** 2 / 2])


def _smooth_and_measure(lightness: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lightness (H, W) without its pixel noise, that noise and the variance within working pixels (h, w)."""
    height, width = lightness.shape
    rows, columns = low.shape
    row_starts = np.arange(rows) * height // rows
    column_starts = np.arange(columns) * width // columns
    area = np.diff(np.append(row_starts, height))[:, None] * np.diff(np.append(column_starts, width))[None]

    smooth = np.empty((height, width), np.float32)
    residual = np.empty((rows, columns), np.float32)
    sums = np.empty((2, rows, columns), np.float32)
    step = max(1, (1 << 18) * rows // (width * height))
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        first = int(row_starts[start])
        last = int(row_starts[stop]) if stop < rows else height
        above, below = min(2, first), min(2, height - last)
        part = lightness[first - above : last + below].astype(np.float32)
        padded = np.pad(part, ((2 - above, 2 - below), (2, 2)), mode="edge")
        part = part[above : above + last - first]
        vertical = sum(weight * padded[i : i + last - first] for i, weight in enumerate(_BINOMIAL))
        block = smooth[first:last]
        block[:] = 0
        for i, weight in enumerate(_BINOMIAL):
            block += weight * vertical[:, i : i + width]
        difference = np.abs(part - block)
        local = row_starts[start:stop] - first
        for target, values in ((residual, difference), (sums[0], block), (sums[1], block * block)):
            target[start:stop] = np.add.reduceat(np.add.reduceat(values, local, axis=0), column_starts, axis=1)
    noise = _box_mean(residual / area) * (_NOISE_PER_RESIDUAL * _NOISE_KEPT)
    mean = sums[0] / area
    variance = np.maximum(sums[1] / area - mean * mean - noise * noise, 0)
    return smooth, noise, variance


def _box_mean(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, 1, mode="edge")
    rows, columns = values.shape
    total = np.zeros_like(values)
    for i in range(3):
        for j in range(3):
            total += padded[i : i + rows, j : j + columns]
    return total / 9
