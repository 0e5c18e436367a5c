"""Series in a batch: the sheet of one that was colored, and what the report says of each."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semcolorize.batch.ledger import Entry
from semcolorize.batch.messages import Failed, Outcome
from semcolorize.batch.plan import shown
from semcolorize.result import ColorResult, series_picture

__all__ = ["ReportedSeries", "reported_series", "sheet_of"]

_WIDTH = 1440
"""Pixels of a sheet in the report, at most."""


def sheet_of(colored: Sequence[tuple[Any, Any, ColorResult, float] | Outcome]) -> bytes | None:
    """Draw the sheet of a series as PNG, with a word on each view that failed; None if all did."""
    results = [each[2] for each in colored if isinstance(each, tuple)]
    if not results:
        return None
    missing = [f"{shown(Path(each.name).name)}: {each.error}" for each in colored if isinstance(each, Failed)]
    return series_picture(results, missing=missing)


@dataclass
class ReportedSeries:
    """A series as the report has it.

    Attributes
    ----------
    name : str
    views : list of dict
        Name, status, and where the colors came from or why there are none.
    sheet : str or None
        Its picture, below the output folder.
    """

    name: str
    views: list[dict[str, str]] = field(default_factory=list)
    sheet: str | None = None

    def picture(self, folder: Path) -> bytes | None:
        """Return the sheet as JPEG of a size for a page; None if it is gone."""
        from PIL import Image

        if self.sheet is None:
            return None
        try:
            with Image.open(folder / self.sheet) as sheet:
                picture = sheet.convert("RGB")
        except (OSError, ValueError, Image.DecompressionBombError):
            return None
        if picture.width > _WIDTH:
            picture = picture.resize((_WIDTH, round(picture.height * _WIDTH / picture.width)), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, format="jpeg", quality=86)
        return buffer.getvalue()


def reported_series(entries: Iterable[Entry]) -> dict[str, ReportedSeries]:
    """Return the series among inputs, by the name of the first view of each."""
    found: dict[str, ReportedSeries] = {}
    first: dict[str, str] = {}
    for entry in entries:
        name = entry.record.get("series")
        if not name:
            continue
        series = found.setdefault(first.setdefault(name, entry.name), ReportedSeries(name))
        done = entry.status == "done"
        why = entry.record.get("source") or "alone" if done else entry.error or ""
        series.views.append({"name": shown(Path(entry.name).name), "status": entry.status, "why": why})
        if done and entry.record.get("sheet"):
            series.sheet = entry.record["sheet"]
    return {name: series for name, series in found.items() if len(series.views) > 1 or series.sheet}
