"""A series on one sheet: views side by side, gray above, colored below, one legend, and where each color came from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semcolorize.errors import ShapeError
from semcolorize.micrograph.lettering import typeface
from semcolorize.micrograph.own import png_signature

__all__ = ["SHEET_WIDTH", "SheetView", "series_sheet"]

SHEET_WIDTH = 420
"""Pixels of a view on a sheet."""
_GAP, _LINE, _BETWEEN = 12, 22, 4


@dataclass(frozen=True)
class SheetView:
    """One view on a sheet.

    Attributes
    ----------
    gray : uint8 ndarray of shape (H, W) or (H, W, 3)
        With strokes and areas drawn into it.
    rgb : uint8 ndarray of shape (H, W, 3)
    marks : sequence of (x, y, hex)
        Points, in pixels.
    title, source : str
        Name of the view, and where its colors came from.
    """

    gray: np.ndarray
    rgb: np.ndarray
    marks: Sequence[tuple[float, float, str]]
    title: str
    source: str


def series_sheet(
    views: Sequence[SheetView],
    key: np.ndarray,
    *,
    missing: Sequence[str] = (),
    width: int = SHEET_WIDTH,
    across: int = 5,
) -> bytes:
    """Draw a sheet.

    Parameters
    ----------
    views : sequence of SheetView
    key : uint8 ndarray of shape (h, w, 3)
        Picture of the legend.
    missing : sequence of str
        Views that could not be colored, and why: a line each.
    width : int
        Pixels of a view.
    across : int
        Views in a row, at most.

    Returns
    -------
    bytes
        PNG.

    Raises
    ------
    ShapeError
        If there is no view.
    """
    from PIL import Image, ImageDraw

    if not views:
        raise ShapeError("a sheet needs at least one view.")
    font = typeface(14)
    # Rows of like length.
    columns = -(-len(views) // -(-len(views) // across))
    pairs = [_pair(view, width) for view in views]
    # Gray stands beside gray and colored beside colored, however high the views are.
    high = [max(gray.height for gray, _ in pairs[i : i + columns]) for i in range(0, len(pairs), columns)]
    heights = [2 * each + _BETWEEN + 2 * _LINE for each in high]
    legend = Image.fromarray(key)
    across_all = max(columns * (width + _GAP) + _GAP, legend.width + 2 * _GAP)
    lines = [line for text in missing for line in _wrapped(text, across_all - 2 * _GAP, font)]
    below = sum(heights) + len(heights) * _GAP
    size = (across_all, below + len(lines) * _LINE + legend.height + 2 * _GAP)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for i, (view, (gray, colored)) in enumerate(zip(views, pairs, strict=True)):
        row, column = divmod(i, columns)
        left, top = _GAP + column * (width + _GAP), _GAP + sum(heights[:row]) + row * _GAP
        pen.text((left, top), _fitted(view.title, width, font), fill="black", font=font)
        sheet.paste(gray, (left, top + _LINE))
        sheet.paste(colored, (left, top + _LINE + high[row] + _BETWEEN))
        under = top + _LINE + 2 * high[row] + _BETWEEN + 3
        pen.text((left, under), _fitted(view.source, width, font), fill="#555555", font=font)
    for i, line in enumerate(lines):
        pen.text((_GAP, below + _GAP + i * _LINE), line, fill="#a02818", font=font)
    sheet.paste(legend, (0, size[1] - legend.height))
    buffer = io.BytesIO()
    sheet.save(buffer, format="png", pnginfo=png_signature())
    return buffer.getvalue()


def _wrapped(text: str, width: int, font) -> list[str]:  # type: ignore[no-untyped-def]
    """Text in lines that fit, two at most."""
    words, line = text.split(), ""
    while words and font.getlength(f"{line} {words[0]}") <= width:
        line = f"{line} {words.pop(0)}".strip()
    if not words:
        return [line]
    return [line, _fitted(" ".join(words), width, font)] if line else [_fitted(text, width, font)]


def _pair(view: SheetView, width: int):  # type: ignore[no-untyped-def]
    """Gray with its hints, and colored, `width` pixels wide."""
    from PIL import Image, ImageDraw

    full = view.gray.shape[1]
    size = (width, max(1, round(view.gray.shape[0] * width / full)))
    above = Image.fromarray(view.gray).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    below = Image.fromarray(view.rgb).resize(size, Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(above)
    for x, y, color in view.marks:
        x, y, radius = x * width / full, y * width / full, 6
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color, outline="white", width=2)
    return above, below


def _fitted(text: str, width: int, font) -> str:  # type: ignore[no-untyped-def]
    """Text shortened in the middle until it fits."""
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 4, -1):
        short = text[: kept // 2] + "…" + text[len(text) - kept // 2 :]
        if font.getlength(short) <= width:
            return short
    return text[:4]
