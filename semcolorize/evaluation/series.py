"""Scores of series: whether one point, one class, keeps its color from view to view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from semcolorize.color.difference import ciede2000
from semcolorize.color.gamut import compress_chroma
from semcolorize.color.ink import ink_curve, ink_of
from semcolorize.errors import ConfigError, HintError, ImageReadError
from semcolorize.evaluation.metrics import bootstrap_interval, rgb_from_ab
from semcolorize.hints.swatch import on_pixels
from semcolorize.micrograph.registration import register
from semcolorize.scenes import VALIDATION_SEEDS, make_views

__all__ = ["Series", "SeriesRun", "SeriesScore", "color_distribution", "folder_series", "procedural_series",
           "score_series"]  # fmt: skip

View = tuple[np.ndarray, np.ndarray, np.ndarray]
"""lightness (H, W), hint_ab (H, W, 2), hint_mask (H, W)."""
SeriesMethod = Callable[["Series"], Sequence[np.ndarray]]

PALETTE = ((60.0, 40.0), (-50.0, 25.0), (10.0, -55.0), (0.0, 65.0), (50.0, -45.0), (-40.0, -10.0), (30.0, 10.0))
"""a*b* of the classes' hints; the ground's is gray."""

_LEVEL = 55.0
"""L* of the hints' colors."""

_SMALLEST_CLASS = 0.005


@dataclass(frozen=True)
class Series:
    """Views to be colored alike.

    Attributes
    ----------
    name : str
    views : tuple of (lightness, hint_ab, hint_mask)
        Hints on the first view, mostly.
    places : tuple of float32 ndarray of shape (H, W, 2) or None
        Of every view: row and column in the first view of what a pixel shows, nan where that is not known.
    classes : tuple of int ndarray of shape (H, W) or None
        Of every view, where the truth is known; only classes that were hinted count.
    colors : mapping of int to (a, b)
        What each class was hinted with.
    rearranged : bool
        The views show other fields, not the same places.
    """

    name: str
    views: tuple[View, ...]
    places: tuple[np.ndarray | None, ...]
    classes: tuple[np.ndarray, ...] | None = None
    colors: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    rearranged: bool = False

    def painted(self) -> np.ndarray:
        """a*b* (H, W, 2) of the first view as somebody would paint it who knows the truth."""
        assert self.classes is not None
        numbers = np.array(sorted(self.colors))
        inks = ink_of(np.array([self.colors[n] for n in numbers]), ink_curve(np.full(len(numbers), _LEVEL)))
        own = np.zeros((*self.classes[0].shape, 2), np.float32)
        for number, ink in zip(numbers, inks, strict=True):
            own[self.classes[0] == number] = ink
        return own * ink_curve(self.views[0][0])[..., None]

    def hinted_everywhere(self) -> Series:
        """The same with a hint a class on every view: what a user without a series would have to do."""
        known = zip(self.views, self.classes or (), strict=True)
        views = tuple((view[0], *_class_hints(view[0], labels, self.colors)) for view, labels in known)
        return Series(self.name, views, self.places, self.classes, self.colors, self.rearranged)


@dataclass(frozen=True)
class SeriesScore:
    """One method on one series.

    Attributes
    ----------
    ciede2000 : float
        Mean over pixels whose place in the first view is known, of their color against the ink of that place
        (`semcolorize.color.ink`) at the pixel's own lightness; nan without such pixels.
    class_share : float
        Share of the hinted classes' area in later views whose ink is nearest to its class'; nan without truth.
    palette_error : float
        CIEDE2000 of the classes' mean inks between the first view and the others; nan without truth.
    cdc : float
        Jensen-Shannon divergence of the color histograms of neighboring views (color distribution consistency, Liu et
        al. 2021), which misses color in the wrong place.
    """

    method: str
    series: str
    rearranged: bool
    ciede2000: float
    class_share: float
    palette_error: float
    cdc: float


@dataclass
class SeriesRun:
    """All scores of a run, and a picture of every series and method."""

    scores: list[SeriesScore] = field(default_factory=list)
    pictures: dict[tuple[str, str], list[np.ndarray]] = field(default_factory=dict, repr=False)

    def summary(self) -> list[dict[str, Any]]:
        """Means by method and kind of series, with a 95 % bootstrap interval of the first measure."""
        rows = []
        for key in sorted({(s.rearranged, s.method) for s in self.scores}):
            mine = [s for s in self.scores if (s.rearranged, s.method) == key]
            row: dict[str, Any] = {"kind": "rearranged" if key[0] else "tilted", "method": key[1], "series": len(mine)}
            for name in ("ciede2000", "class_share", "palette_error", "cdc"):
                values = np.array([getattr(s, name) for s in mine])
                values = values[np.isfinite(values)]
                row[name] = round(float(values.mean()), 4) if len(values) else None
                if name == "ciede2000" and len(values):
                    row["ciede2000_low"], row["ciede2000_high"] = (round(v, 4) for v in bootstrap_interval(values))
            rows.append(row)
        return rows


def procedural_series(count: int, size: int = 256, *, views: int = 3, tilt: float = 40.0) -> list[Series]:
    """Series never trained on, their truth exact: half tilted, half rearranged, one hint a class on the first view."""
    made = []
    for k in range(count):
        for rearranged in (False, True):
            truth = make_views(VALIDATION_SEEDS + k, size, views, tilt=tilt, rearranged=rearranged)
            labels = tuple(view.classes for view in truth.views)
            present = [int(c) for c in np.unique(labels[0]) if (labels[0] == c).mean() >= _SMALLEST_CLASS]
            colors = {c: (0.0, 0.0) if c == 0 else PALETTE[(c - 1) % len(PALETTE)] for c in present}
            blank = (np.zeros((size, size, 2), np.float32), np.zeros((size, size), bool))
            hinted = [_class_hints(truth.views[0].lightness, labels[0], colors), *[blank] * (views - 1)]
            places = (None, *(None if rearranged else truth.correspondence(i, 0) for i in range(1, views)))
            name = f"{'rearranged' if rearranged else 'tilted'} {k}"
            given = tuple((view.lightness, *hints) for view, hints in zip(truth.views, hinted, strict=True))
            made.append(Series(name, given, places, labels, colors, rearranged))
    return made


def _class_hints(
    lightness: np.ndarray, labels: np.ndarray, colors: Mapping[int, tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """A patch of 5 x 5 pixels at the innermost place of every class."""
    hint_ab, hint_mask = np.zeros((*labels.shape, 2), np.float32), np.zeros(labels.shape, bool)
    for number, color in colors.items():
        inside = labels == number
        if not inside.any():
            continue
        depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        part = (slice(max(row - 2, 0), row + 3), slice(max(column - 2, 0), column + 3))
        chosen = inside[part]
        hint_ab[part][chosen], hint_mask[part] = color, hint_mask[part] | chosen
    return on_pixels(lightness, hint_ab, hint_mask, np.full(labels.shape, _LEVEL)), hint_mask


def folder_series(folder: Path, *, size: int = 512, left_out: dict[str, str] | None = None) -> list[Series]:
    """Real series: every folder (or the one given) with images, hints beside some of them as ``NAME.hints.yaml``.

    Places are what registration is sure of, so they say nothing where it fails.

    Parameters
    ----------
    folder : Path
    size : int
        Pixels of the longer side of the views.
    left_out : dict, optional
        Takes the views that cannot be read, or whose hints cannot, and why; without it that is an error.

    Raises
    ------
    ConfigError
        If there is no series of two views with hints.
    """
    from semcolorize.evaluation.protocol import list_images
    from semcolorize.hintfiles.yaml_hints import read_hints
    from semcolorize.hints.rasterize import rasterize
    from semcolorize.micrograph.reading import read_micrograph
    from semcolorize.micrograph.working import HintedPixels, shrink, working_shape

    series = []
    for part in [folder, *sorted(p for p in folder.iterdir() if p.is_dir())] if folder.is_dir() else []:
        images = [path for path in (list_images(part) if any(part.iterdir()) else []) if path.parent == part]
        views = []
        for path in images:
            try:
                lightness = read_micrograph(path, allow_color=True).lightness
                file = path.with_name(f"{path.stem}.hints.yaml")
                hints = read_hints(file).at(lightness.shape).hints if file.exists() else ()
                drawn = rasterize(hints, lightness.shape)
            except (ImageReadError, HintError) as error:
                if left_out is None:
                    raise
                left_out[path.name] = error.message
                continue
            small = shrink(lightness, working_shape(lightness.shape, size))
            pixels = HintedPixels.of(drawn, hints, lightness.shape[0])
            hint_ab, hint_mask, level = pixels.on(lightness.shape, small.shape)
            views.append((small, on_pixels(small, hint_ab, hint_mask, level), hint_mask))
        hinted = [i for i, view in enumerate(views) if view[2].any()]
        if len(views) < 2 or not hinted:
            continue
        views = [views[hinted[0]], *(view for i, view in enumerate(views) if i != hinted[0])]
        places: list[np.ndarray | None] = [None]
        for view in views[1:]:
            found = register(views[0][0], view[0])
            places.append(np.where(found.confidence[..., None] > 0.5, found.places, np.nan) if found.found else None)
        series.append(Series(part.name, tuple(views), tuple(places)))
    if not series:
        raise ConfigError(
            "no series here: folders of two or more images are needed, with NAME.hints.yaml beside at least one.",
            path=folder, key="data",
        )  # fmt: skip
    return series


def score_series(
    series: Sequence[Series],
    methods: Mapping[str, SeriesMethod],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> SeriesRun:
    """Score methods on series; each gets the same views and hints and returns a*b* (H, W, 2) for every view."""
    run = SeriesRun()
    for i, one in enumerate(series):
        for j, (name, method) in enumerate(methods.items()):
            if name == "hinted" and one.classes is None:
                continue
            colored = list(method(one))
            run.scores.append(_score(name, one, colored))
            run.pictures[one.name, name] = [
                (rgb_from_ab(view[0], ab) * 255 + 0.5).astype(np.uint8)
                for view, ab in zip(one.views, colored, strict=True)
            ]
            if on_progress is not None:
                on_progress(i * len(methods) + j + 1, len(series) * len(methods))
    return run


def _score(method: str, series: Series, colored: Sequence[np.ndarray]) -> SeriesScore:
    differences, shares, errors = [], [], []
    for k in range(1, len(series.views)):
        known, at = _known_places(series, k)
        if known.any():
            lightness, first = series.views[k][0][known], series.views[0][0][at]
            # A thing in light and in shade is one color: its ink counts.
            expected = ink_of(colored[0][at], ink_curve(first)) * ink_curve(lightness)[:, None]
            differences.append(_difference(lightness, colored[k][known], expected))
        if series.classes is not None:
            share, error = _class_scores(series, colored, k)
            shares.append(share)
            errors.append(error)
    rgb = [rgb_from_ab(view[0], ab) for view, ab in zip(series.views, colored, strict=True)]
    cdc = [color_distribution(one, two) for one, two in pairwise(rgb)]
    means = [float(np.mean(x)) if x else float("nan") for x in (differences, shares, errors, cdc)]
    return SeriesScore(method, series.name, series.rearranged, *means)


def _known_places(series: Series, k: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Pixels (H, W) of view `k` whose place in the first view is known, and those places."""
    places = series.places[k]
    if places is None:
        return np.zeros(series.views[k][0].shape, bool), ()
    known = np.isfinite(places[..., 0])
    last = np.array(series.views[0][0].shape) - 1
    rows, columns = (np.clip(np.rint(np.nan_to_num(places[..., i])).astype(int), 0, last[i]) for i in (0, 1))
    if series.classes is not None:
        # Within a pixel of an outline the place may lie on what is beside it.
        known &= series.classes[0][rows, columns] == series.classes[k]
    return known, (rows[known], columns[known])


def _difference(lightness: np.ndarray, one: np.ndarray, two: np.ndarray) -> float:
    """Mean CIEDE2000 of colors (N, 2) at one lightness (N,), as sRGB can show them."""
    labs = [
        np.concatenate([lightness[:, None], compress_chroma(lightness[None], ab[None].astype(np.float32))[0]], axis=1)
        for ab in (one, two)
    ]
    return float(ciede2000(labs[0], labs[1]).mean())


def _class_scores(series: Series, colored: Sequence[np.ndarray], k: int) -> tuple[float, float]:
    assert series.classes is not None
    numbers = np.array(sorted(series.colors))
    asked = ink_of(np.array([series.colors[n] for n in numbers]), ink_curve(np.full(len(numbers), _LEVEL)))
    inks = [ab / ink_curve(view[0])[..., None] for view, ab in zip(series.views, colored, strict=True)]
    nearest = numbers[((inks[k][:, :, None] - asked) ** 2).sum(axis=-1).argmin(axis=-1)]
    counted = np.isin(series.classes[k], numbers)
    share = float((nearest == series.classes[k])[counted].mean()) if counted.any() else float("nan")
    apart = []
    for number in numbers:
        here, there = series.classes[0] == number, series.classes[k] == number
        if here.any() and there.any():
            means = [plane[mask].mean(axis=0) for plane, mask in ((inks[0], here), (inks[k], there))]
            shade = float(ink_curve(np.array([60.0]))[0])
            apart.append(float(ciede2000(*(np.array([60.0, *(shade * mean)]) for mean in means))))
    return share, float(np.mean(apart)) if apart else float("nan")


def color_distribution(one: np.ndarray, two: np.ndarray) -> float:
    """Jensen-Shannon divergence of two images' histograms, mean over the channels (natural logarithm).

    Parameters
    ----------
    one, two : ndarray of shape (H, W, 3)
        sRGB, 0 to 1.
    """
    total = 0.0
    for channel in range(3):
        counts = [np.histogram(image[..., channel], bins=256, range=(0, 1))[0] + 1e-9 for image in (one, two)]
        p, q = (c / c.sum() for c in counts)
        middle = (p + q) / 2
        total += float(0.5 * (p * np.log(p / middle)).sum() + 0.5 * (q * np.log(q / middle)).sum())
    return total / 3
