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
from semcolorize.parallel import STRIP_PIXELS, each, strips

__all__ = ["GuidedUpsampler", "upsample_ab"]

_FLOOR = 1e-4
"""Weight that distance alone keeps: where no lightness fits, the nearest colors are interpolated."""
_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16
_NOISE_KEPT = 70 / 256
"""Standard deviation of white noise that the 5 x 5 binomial leaves: the sum of its squared weights."""
_NOISE_PER_RESIDUAL = 1.4
"""Standard deviation of white noise from the mean absolute difference to the smoothed image:
sqrt(pi / 2) / sqrt(1 - 2 (6/16)^2 + (70/256)^2)."""


class GuidedUpsampler:
    """Upsampling onto one micrograph: what depends on its lightness alone is computed once.

    Parameters
    ----------
    lightness_low : ndarray of shape (h, w)
        CIE L* the colors belong to: `lightness`, area-averaged.
    lightness : ndarray of shape (H, W)
        CIE L* at full size; H >= h, W >= w.
    tolerance : float
        Difference in L* that still is the same thing, without noise.
    noise_factor : float
        How many standard deviations of the local (smoothed) noise are added to it, in quadrature.

    Raises
    ------
    ShapeError
    """

    def __init__(
        self, lightness_low: np.ndarray, lightness: np.ndarray, *, tolerance: float = 2.0, noise_factor: float = 2.0
    ) -> None:
        self.low, self.shape = lightness_low, (lightness.shape[0], lightness.shape[1])
        if lightness_low.ndim != 2 or any(a > b for a, b in zip(lightness_low.shape, self.shape, strict=True)):
            raise ShapeError(
                f"lightness_low {lightness_low.shape} and lightness {lightness.shape} do not fit; (h, w) and (H, W)"
                " with H >= h and W >= w are needed."
            )
        if lightness_low.shape == self.shape:
            return
        self._smooth, noise, mixture = _smooth_and_measure(lightness, lightness_low)
        spread = tolerance**2 + (noise_factor * noise) ** 2
        self._sharpness = 0.5 / spread
        # A working pixel on an edge varies more within than noise explains.
        self._purity = 1 / (1 + mixture / spread) ** 2
        self._rows = _taps(lightness_low.shape[0], self.shape[0])
        self._columns = _taps(lightness_low.shape[1], self.shape[1])

    def __call__(self, ab: np.ndarray) -> np.ndarray:
        """Upsample.

        Parameters
        ----------
        ab : ndarray of shape (h, w, 2)
            CIELAB units (or inks), at working size.

        Returns
        -------
        ab : float32 ndarray of shape (H, W, 2)
            Within the range of the 3 x 3 working pixels around each pixel. A copy of `ab` if the sizes are equal.

        Raises
        ------
        ShapeError
        """
        return self.window(ab, slice(0, self.shape[0]), slice(0, self.shape[1]))

    def window(self, ab: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        """Upsample what a window of the full image shows, for the cost of the window.

        Parameters
        ----------
        ab : ndarray of shape (h, w, 2)
            As for a call.
        rows, columns : slice
            From the first to the one after the last, in pixels of the full image.

        Returns
        -------
        ab : float32 ndarray of shape (rows, columns, 2)
            The very values that the whole has there.

        Raises
        ------
        ShapeError
        """
        if ab.shape != (*self.low.shape, 2):
            raise ShapeError(f"ab {ab.shape} and lightness_low {self.low.shape} do not fit; (h, w, 2) is needed.")
        if self.low.shape == self.shape:
            return ab[rows, columns].astype(np.float32)
        planes = np.stack([self.low, self._sharpness, self._purity, ab[..., 0], ab[..., 1]]).astype(np.float32)
        result = np.empty((rows.stop - rows.start, columns.stop - columns.start, 2), np.float32)

        def fill(part: slice) -> None:
            self._fill(planes, slice(rows.start + part.start, rows.start + part.stop), columns, result[part])

        each(fill, strips(*result.shape[:2]))
        return result

    def _fill(self, planes: np.ndarray, rows: slice, columns: slice, result: np.ndarray) -> None:
        """A window of the result; `planes` (5, h, w) are lightness, sharpness, purity and a*b*."""
        cells, row_weights = self._rows[0][:, rows], self._rows[1][:, rows, None]
        column_cells, column_weights = self._columns[0][:, columns], self._columns[1][:, columns]
        top = int(cells.min())
        near = planes[:, top : int(cells.max()) + 1]
        smooth = self._smooth[rows, columns]
        total = np.zeros_like(smooth)
        a, b, weight, taken = np.zeros_like(smooth), np.zeros_like(smooth), np.empty_like(smooth), np.empty_like(smooth)
        for j in range(3):
            # Columns are spread once a working row; below, rows are copied whole.
            spread = near[:, :, column_cells[j]]
            for i in range(3):

                def take(k: int, i: int = i, spread: np.ndarray = spread) -> np.ndarray:
                    return np.take(spread[k], cells[i] - top, axis=0, out=taken, mode="clip")

                np.subtract(smooth, take(0), out=weight)
                np.multiply(weight, weight, out=weight)
                weight *= take(1)
                np.negative(weight, out=weight)
                np.exp(weight, out=weight)
                weight *= take(2)
                weight += _FLOOR
                weight *= column_weights[j]
                weight *= row_weights[i]
                total += weight
                taken_a = take(3)
                taken_a *= weight
                a += taken_a
                taken_b = take(4)
                taken_b *= weight
                b += taken_b
        np.divide(a, total, out=result[..., 0])
        np.divide(b, total, out=result[..., 1])


def upsample_ab(ab: np.ndarray, lightness_low: np.ndarray, lightness: np.ndarray) -> np.ndarray:
    """Upsample a*b* (h, w, 2) once; see `GuidedUpsampler`."""
    return GuidedUpsampler(lightness_low, lightness)(ab)


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
    step = max(1, STRIP_PIXELS * rows // (width * height))

    def measure(start: int) -> None:
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

    each(measure, range(0, rows, step))
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
