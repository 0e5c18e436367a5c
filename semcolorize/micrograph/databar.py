"""Find the bar that the instrument burns in below the image: magnification, voltage, scale bar.

A bar is a strip at the bottom whose background is one even value over the full width, with rows of nothing
but background (or a separating line), and rows of crisp text on it. Images are noisy; bars are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcolorize.errors import ConfigError

__all__ = ["databar_first_row", "find_databar", "parse_databar"]

_LEVELS = 256
_EVEN = 6
"""Distance, in 256 levels, that still counts as the same value: what JPEG leaves around letters."""
_LARGEST_SHARE = 0.25
"""Bars are at most a quarter of the image high."""
_SMALLEST_ROWS = 8
_GAP = 2
"""Consecutive rows within a bar that may look like no bar: a dense line of text or ticks."""


@dataclass(frozen=True)
class _Rows:
    """What each row of the bottom strip looks like, the first row on top."""

    background: np.ndarray  # share of the bar's background value
    even: np.ndarray  # share of the row's own most frequent value
    level: np.ndarray  # that value
    letters: np.ndarray  # crossings between background and strong contrast


def find_databar(pixels: np.ndarray) -> int | None:
    """Find the instrument's data bar at the bottom of a micrograph.

    Parameters
    ----------
    pixels : ndarray of shape (H, W)
        Gray values or lightness, of any type and range.

    Returns
    -------
    row : int or None
        First row of the bar, which reaches to the bottom; None where there is none.
    """
    height, width = pixels.shape
    count = int(height * _LARGEST_SHARE) + 1
    if count < _SMALLEST_ROWS + 1 or width < 64:
        return None
    strip = _levels(pixels[-count:])
    rows = _describe(strip)
    like = (rows.background >= 0.45) | (rows.even >= 0.97)
    blank = (rows.even >= 0.97) | (rows.background >= 0.97)
    run = _run_from_bottom(like)
    if run == 0:
        # The bar's background goes on into the image: only a line can tell where it begins.
        lines = np.flatnonzero((rows.even >= 0.97) & (np.abs(rows.level - _background(strip)) > 64))
        inside = lines[lines < count - _SMALLEST_ROWS]
        # Or a sharp step: a dark image has much of the bar's black in every row, but no row that is all black.
        steps = np.flatnonzero(rows.background >= 0.97)
        if inside.size:
            run = int(inside[0])
        elif steps.size and steps[0] >= 4 and rows.background[steps[0] - 4 : steps[0]].max() <= 0.85:
            run = int(steps[0])
        else:
            return None
    # A logo stands beside the text over all rows: then the barest row of the bar is what blank means in it.
    blank |= rows.background >= max(0.9, float(rows.background[run:].max(initial=0)) - 0.02)
    # Ticks of a scale bar may hang from the bar's upper edge, so that its first row need not be quite blank.
    starts = np.flatnonzero(blank[run:] | (rows.background[run:] >= 0.9))
    if starts.size == 0:
        return None
    top = run + int(starts[0])
    if not _begins_sharply(rows, top) or not _looks_like_bar(
        rows, top, blank, max(_SMALLEST_ROWS, round(0.015 * height))
    ):
        return None
    return height - count + top


def _levels(strip: np.ndarray) -> np.ndarray:
    """Scale to 256 levels between the smallest and the largest value."""
    values = strip.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if not low < high:
        return np.zeros(strip.shape, np.int32)
    return np.rint((values - low) * ((_LEVELS - 1) / (high - low))).astype(np.int32)


def _background(strip: np.ndarray) -> int:
    rows = max(_SMALLEST_ROWS, strip.shape[0] // 8)
    counts = np.bincount(strip[-rows:].ravel(), minlength=_LEVELS)
    return int(np.convolve(counts, np.ones(2 * _EVEN + 1, int), "same").argmax())


def _describe(strip: np.ndarray) -> _Rows:
    background = _background(strip)
    rows, width = strip.shape
    keys = strip + np.arange(rows, dtype=np.int32)[:, None] * _LEVELS
    counts = np.bincount(keys.ravel(), minlength=rows * _LEVELS).reshape(rows, _LEVELS)
    sums = np.cumsum(np.pad(counts, ((0, 0), (_EVEN + 1, _EVEN))), axis=1)
    near = sums[:, 2 * _EVEN + 1 :] - sums[:, : -2 * _EVEN - 1]
    # Strong: half of the way to what is farthest from the background.
    farthest = _LEVELS - 1 if background < _LEVELS // 2 else 0
    strong = np.abs(strip - background) > abs(farthest - background) // 2
    letters = np.count_nonzero(strong[:, 1:] != strong[:, :-1], axis=1)
    return _Rows(near[:, background] / width, near.max(axis=1) / width, near.argmax(axis=1), letters)


def _run_from_bottom(like: np.ndarray) -> int:
    """First row of the run of bar-like rows that reaches the bottom, small gaps allowed."""
    gap = 0
    first = like.size
    for row in range(like.size - 1, -1, -1):
        if like[row]:
            first, gap = row, 0
        else:
            gap += 1
            if gap > _GAP:
                break
    return first


def _begins_sharply(rows: _Rows, top: int) -> bool:
    """A bar has an upper edge; text written over a smooth image has none."""
    above = rows.background[max(top - 4, 0) : top]
    if above.size == 0:
        return False
    line = rows.even[top] >= 0.97 and rows.background[top] < 0.5
    return bool(line or rows.background[top] - above.min() >= 0.15)


def _looks_like_bar(rows: _Rows, top: int, blank: np.ndarray, smallest: int) -> bool:
    height = blank.size - top
    if height < smallest:
        return False
    text = ~blank[top:]
    if text.sum() < 5 or text.mean() < 0.1 or (~text).sum() < 2:
        return False
    # A letter has some four edges a row; particles on black have few and blurred ones.
    return float(np.median(rows.letters[top:][text])) >= 12


def parse_databar(text: str | int) -> str | int:
    """Read the option `databar`: ``auto``, ``none``, or the number of rows the bar takes at the bottom.

    Raises
    ------
    ConfigError
    """
    if isinstance(text, str) and text.strip().lower() in ("auto", "none"):
        return text.strip().lower()
    try:
        rows = int(text)
    except ValueError:
        rows = -1
    if isinstance(text, bool) or rows < 0:
        raise ConfigError(
            f"databar is {text!r}; auto, none, or a number of rows at the bottom is accepted.", key="databar"
        )
    return rows


def databar_first_row(databar: str | int, pixels: np.ndarray, *, stated: int | None = None) -> int:
    """First row of the data bar of an image; the number of its rows where there is no bar.

    Parameters
    ----------
    databar : "auto", "none" or int
        As `parse_databar` takes it.
    pixels : ndarray of shape (H, W)
    stated : int, optional
        Rows above the bar as the instrument's metadata state them, which ``auto`` takes before it looks.

    Raises
    ------
    ConfigError
        If the bar would leave nothing of the image.
    """
    height = pixels.shape[0]
    choice = parse_databar(databar)
    if choice == "none":
        return height
    if choice == "auto":
        if stated is not None and 0 < stated <= height:
            return stated
        found = find_databar(pixels)
        return height if found is None else found
    if int(choice) >= height:
        raise ConfigError(
            f"databar is {databar!r}; auto, none, or a number of rows below the image's {height} is accepted.",
            key="databar",
        )
    return height - int(choice)
