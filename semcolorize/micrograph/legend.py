"""What the colors of an image mean, and how much of it each covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from semcolorize.color.gamut import compress_chroma
from semcolorize.color.palette import NamedColor
from semcolorize.errors import ShapeError
from semcolorize.hints.labels import Label, label_key
from semcolorize.hints.model import Hint, HintSet
from semcolorize.micrograph.lettering import typeface
from semcolorize.parallel import each, strips

__all__ = ["LegendEntry", "legend", "legend_of_labels", "legend_picture", "legend_text"]

GRAY_NAME = "gray (no hint)"
REST_NAME = "rest (no hint)"
OTHER_NAME = "other colors (no hint)"

_GRAY_HINT_CHROMA = 3.0
"""Hints below this chroma cannot be told from what stays gray, and share its entry."""


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One line of the legend.

    Parameters
    ----------
    name : str
        Class name; the color's hex where the hint has none.
    color : str
        Swatch, ``#rrggbb``.
    share : float
        Share (0 to 1) of the image's area in this color.
    hints : int
        How many hints ask for it.
    """

    name: str
    color: str
    share: float
    hints: int


def legend(
    hints: HintSet | Iterable[Hint],
    ab: np.ndarray,
    lightness: np.ndarray,
    *,
    others: Iterable[Hint] = (),
    other_distance: float | None = None,
) -> tuple[LegendEntry, ...]:
    """Measure how much of an image has the color of each hint.

    Parameters
    ----------
    hints : HintSet or iterable of Hint
        Hints of one name and color are one entry.
    ab : ndarray of shape (H, W, 2)
        CIELAB units: the result, without the rows of the data bar.
    lightness : ndarray of shape (H, W)
        CIE L*.
    others : iterable of Hint
        Of other views of a series: their colors are looked for here too.
    other_distance : float, optional
        Colors farther than this (in a*b*) from all hints and from gray are counted as "other colors", which a
        model that invents colors makes. By default each pixel counts to what is nearest.

    Returns
    -------
    entries : tuple of LegendEntry
        In order of the hints, then gray (unless a gray hint has that entry), then other colors if there are
        any. Shares sum to 1.

    Notes
    -----
    A pixel is compared with what its lightness lets the hint's color be: near black and white no color can be
    shown, and such pixels count as gray.
    """
    if lightness.ndim != 2 or ab.shape != (*lightness.shape, 2) or not lightness.size:
        raise ShapeError(f"ab {ab.shape} and lightness {lightness.shape} do not fit; (H, W, 2) and (H, W) are needed.")
    groups = _groups(hints, others)
    targets = np.array([(0.0, 0.0), *(members[0][1].ab for members in groups.values())], np.float32)
    shares = _count_nearest(ab, lightness, targets, other_distance) / lightness.size
    entries = _entries(groups, shares)
    if other_distance is not None and shares[-1] > 0:
        entries.append(LegendEntry(OTHER_NAME, "#ffffff", float(shares[-1]), 0))
    return tuple(entries)


def legend_of_labels(
    hints: HintSet | Iterable[Hint],
    labels: Sequence[Label],
    shares: np.ndarray,
    *,
    others: Iterable[Hint] = (),
    rest: str | None = None,
) -> tuple[LegendEntry, ...]:
    """The legend of an image whose labels are known: their areas, dark and bright places included.

    Parameters
    ----------
    hints, others
        As for `legend`.
    labels : sequence of Label
    shares : ndarray of shape (K + 1,)
        Of the image's area: of none, and of every label.
    rest : str, optional
        Swatch, ``#rrggbb``, of what has no label; gray by default.

    Returns
    -------
    entries : tuple of LegendEntry
        In order of the hints; names that share a color are one label, whose area the first of them has.
    """
    groups = _groups(hints, others)
    if rest is not None:
        # Gray hints say what has no label, and that is not gray here.
        groups = {k: own for k, own in groups.items() if np.hypot(*own[0][1].ab) >= _GRAY_HINT_CHROMA}
    area = {label_key(label.lab): float(share) for label, share in zip(labels, shares[1:], strict=True)}
    found = [area.pop(label_key(members[0][1].lab), 0.0) for members in groups.values()]
    *colored, last = _entries(groups, np.array([shares[0], *found]))
    return (*colored, last if rest is None else replace(last, name=REST_NAME, color=rest))


def _groups(
    hints: Iterable[Hint], others: Iterable[Hint]
) -> dict[tuple[str, str], list[tuple[bool, Hint]]]:
    """Hints by name and swatch, and whether each lies on this image."""
    groups: dict[tuple[str, str], list[tuple[bool, Hint]]] = {}
    for own, given in ((True, hints), (False, others)):
        for hint in given:
            swatch = NamedColor(hint.name or "", hint.lab).hex
            groups.setdefault((hint.name or swatch, swatch), []).append((own, hint))
    return groups


def _entries(groups: dict[tuple[str, str], list[tuple[bool, Hint]]], shares: np.ndarray) -> list[LegendEntry]:
    gray_share = float(shares[0])
    entries = []
    gray_hinted = False
    for share, ((name, swatch), members) in zip(shares[1:].tolist(), groups.items(), strict=False):
        if np.hypot(*members[0][1].ab) < _GRAY_HINT_CHROMA and not gray_hinted:
            share, gray_hinted = share + gray_share, True
        entries.append(LegendEntry(name, swatch, share, sum(own for own, _ in members)))
    if not gray_hinted:
        entries.append(LegendEntry(GRAY_NAME, "#808080", gray_share, 0))
    return entries


def _count_nearest(
    ab: np.ndarray, lightness: np.ndarray, targets: np.ndarray, other_distance: float | None
) -> np.ndarray:
    """Pixels nearest to each of the (K, 2) targets, then those far from all."""
    levels = np.repeat(np.arange(101, dtype=np.float32)[:, None], len(targets), axis=1)
    shown = compress_chroma(levels, np.repeat(targets[None], 101, axis=0)).astype(np.float32)
    limit = np.inf if other_distance is None else other_distance**2

    def count(rows: slice) -> np.ndarray:
        level = np.clip(np.rint(lightness[rows]), 0, 100).astype(np.intp)
        a, b = (np.ascontiguousarray(ab[rows, :, i], np.float32) for i in range(2))
        nearest = np.zeros(level.shape, np.uint16)
        least = a * a + b * b
        for k in range(1, len(targets)):
            distance = (a - shown[:, k, 0].take(level)) ** 2 + (b - shown[:, k, 1].take(level)) ** 2
            # The caller's a*b* may be from before the gamut was respected.
            distance = np.minimum(distance, (a - targets[k, 0]) ** 2 + (b - targets[k, 1]) ** 2)
            np.copyto(nearest, k, where=distance < least)
            np.minimum(least, distance, out=least)
        np.copyto(nearest, len(targets), where=least > limit)
        return np.bincount(nearest.ravel(), minlength=len(targets) + 1)

    return np.stack(each(count, strips(*lightness.shape))).sum(axis=0)


def legend_text(entries: Sequence[LegendEntry]) -> str:
    """Return the legend as lines of text, for ImageJ's Info."""
    lines = ["Color legend (share of the image's area)"]
    for entry in entries:
        hints = f", {entry.hints} hint{'s' if entry.hints != 1 else ''}" if entry.hints else ""
        lines.append(f"{entry.color}  {entry.name}: {entry.share:.1%}{hints}")
    return "\n".join(lines)


def legend_picture(entries: Sequence[LegendEntry], *, font_size: int = 28) -> np.ndarray:
    """Draw the legend: a swatch, the name and the area share of each entry; of very many, those of the largest area.

    Parameters
    ----------
    entries : sequence of LegendEntry
    font_size : int
        In pixels.

    Returns
    -------
    rgb : uint8 ndarray of shape (H, W, 3)
        On white.
    """
    from PIL import Image, ImageDraw

    font = typeface(font_size)
    longest = 48
    if (rest := len(entries) - _MOST_DRAWN) > 0:
        least = sorted((entry.share for entry in entries), reverse=True)[_MOST_DRAWN - 1]
        drawn = [entry for entry in entries if entry.share >= least][:_MOST_DRAWN]
        left = sum(entry.share for entry in entries) - sum(entry.share for entry in drawn)
        entries = [*drawn, LegendEntry(f"{rest} more colors", "#ffffff", max(left, 0.0), 0)]
    names = [name if len(name) <= longest else name[: longest - 1] + "…" for name in (e.name for e in entries)]
    shares = [_percent(entry.share) for entry in entries]
    unit = font_size
    swatch = round(1.5 * unit)
    line = round(2.1 * unit)
    name_width = max((font.getlength(name) for name in names), default=0)
    share_width = max((font.getlength(share) for share in shares), default=0)
    width = round(unit + swatch + 0.7 * unit + name_width + 1.5 * unit + share_width + unit)
    height = line * len(entries) + unit
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    for i, (entry, name, share) in enumerate(zip(entries, names, shares, strict=True)):
        top = unit // 2 + i * line + (line - swatch) // 2
        box = (unit, top, unit + swatch, top + swatch)
        draw.rounded_rectangle(box, radius=unit // 5, fill=entry.color, outline="#404040", width=max(1, unit // 14))
        if entry.name == OTHER_NAME:
            _hatch(draw, box, unit)
        middle = top + swatch / 2
        draw.text((unit + swatch + 0.7 * unit, middle), name, font=font, fill="#101010", anchor="lm")
        draw.text((width - unit, middle), share, font=font, fill="#505050", anchor="rm")
    return np.asarray(picture).copy()


_MOST_DRAWN = 40


def _hatch(draw: object, box: tuple[int, int, int, int], unit: int) -> None:
    left, top, right, bottom = box
    bars = ("#c0504d", "#d8a03c", "#5a9e6f", "#4a7fb5", "#8a62a8")
    inner = max(2, unit // 7)
    size = (right - left - 2 * inner) / len(bars)
    for i, color in enumerate(bars):
        x = left + inner + i * size
        draw.rectangle((x, top + inner, x + size, bottom - inner), fill=color)  # type: ignore[attr-defined]


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"
