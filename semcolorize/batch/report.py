"""The report over an output folder: HTML to look through, CSV to compute with, contact sheets to hang up."""

from __future__ import annotations

import base64
import csv
import io
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from semcolorize._version import __version__
from semcolorize.batch.job import Job
from semcolorize.batch.ledger import Entry, Ledger
from semcolorize.batch.plan import shown
from semcolorize.batch.report_files import write_replaceable
from semcolorize.batch.series import ReportedSeries, reported_series
from semcolorize.micrograph.lettering import typeface
from semcolorize.micrograph.own import png_signature

if TYPE_CHECKING:
    from semcolorize.batch.runner import Summary

__all__ = ["write_reports"]

_PAGE = 1000
"""Images on a page of the HTML report: some 25 MB."""
_SHEET = (10, 20)
"""Columns and rows of a contact sheet."""
_COLUMNS = (
    "input", "status", "reason", "result", "hints", "hint_count", "series", "colors_from", "seconds",
    "times_colored", "finished", "width", "height", "databar_row", "pixel_size_nm", "vendor", "model",
    "magnification", "voltage_kv", "working_distance_mm", "detector", "tilt_deg", "acquired", "legend",
    "input_sha256", "result_sha256", "weights_sha256", "same_content_as", "notes",
)  # fmt: skip


def write_reports(job: Job, ledger: Ledger, summary: Summary, there: Collection[str]) -> list[Path]:
    """Write ``report.html``, ``report.csv`` and ``contact_sheet.png`` over all that the ledger knows.

    Parameters
    ----------
    job : Job
    ledger : Ledger
        Held open.
    summary : Summary
        Of the run; told which reports had to take another name.
    there : collection of str
        Names in the input folder now: what failed and is no longer there is left out.

    Returns
    -------
    list of Path

    Notes
    -----
    Earlier reports of runs in this folder are replaced; anything else of these names is not: the report then takes
    another name. A thousand images make a page, two hundred a contact sheet.
    """
    reports = _Reports(job, ledger, summary, there)
    pages = reports.write_html()
    return [*pages, reports.write_csv(), *reports.write_sheets()]


class _Reports:
    def __init__(self, job: Job, ledger: Ledger, summary: Summary, there: Collection[str]) -> None:
        self._job, self._ledger, self._summary, self._there = job, ledger, summary, there

    def _entries(self) -> Iterator[Entry]:
        for entry in self._ledger.entries():
            if entry.status == "done" or entry.name in self._there:
                yield entry

    def write_html(self) -> list[Path]:
        import jinja2

        source = Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8")
        template = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(source)
        counts = dict.fromkeys(("done", "failed", "skipped"), 0)
        failures = []
        series = reported_series(self._entries())
        legend: dict[tuple[str, str], list[float]] = {}
        for entry in self._entries():
            counts[entry.status] = counts.get(entry.status, 0) + 1
            if entry.status == "failed":
                failures.append((shown(entry.name), entry.error))
            for line in entry.record.get("legend", []) if entry.status == "done" else []:
                legend.setdefault((line["name"], line["color"]), []).append(line["share"])
        pages = max(1, -(-sum(counts.values()) // _PAGE))
        shared = {
            "title": f"{self._job.path.stem}: {self._job.input_folder.name}",
            "counts": counts, "rate": self._summary.rate, "version": __version__,
            "created": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
            "weights": self._summary.weights_sha256, "pages": pages, "page_name": _page_name,
            "legend": [
                {"name": name, "color": color, "images": len(shares), "share": sum(shares) / len(shares)}
                for (name, color), shares in sorted(legend.items(), key=lambda item: -len(item[1]))
            ],
        }  # fmt: skip
        written = []
        for page, entries in enumerate(_batches(self._entries(), _PAGE), start=1):
            first = {"failures": failures, "notes": self._summary.notes} if page == 1 else {}
            # A series stands on the page of its first view.
            here = [series[entry.name] for entry in entries if entry.name in series]
            text = template.render(
                **shared, **first, page=page, cards=[_card(entry) for entry in entries],
                series=[self._series(each) for each in here],
            )  # fmt: skip
            written.append(self._write(_page_name(page), text.encode("utf-8", "backslashreplace")))
        return written

    def _series(self, series: ReportedSeries) -> dict[str, Any]:
        return {
            "name": shown(series.name),
            "views": series.views,
            "link": quote(os.fsencode(series.sheet or "")),
            "picture": _embedded(series.picture(self._job.output_folder)),
        }

    def write_csv(self) -> Path:
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, _COLUMNS)
        writer.writeheader()
        first: dict[str, str] = {}
        for entry in self._entries():
            row = _row(entry)
            if entry.sha256:
                twin = first.setdefault(entry.sha256, row["input"])
                row["same_content_as"] = "" if twin == row["input"] else twin
            writer.writerow(row)
        # With a byte order mark, or spreadsheets take it for an older encoding.
        return self._write("report.csv", buffer.getvalue().encode("utf-8-sig", "backslashreplace"))

    def write_sheets(self) -> list[Path]:
        columns, rows = _SHEET
        done = (entry for entry in self._entries() if entry.after_jpeg is not None)
        written = []
        for number, entries in enumerate(_batches(done, columns * rows), start=1):
            if entries:
                name = "contact_sheet.png" if number == 1 else f"contact_sheet-{number}.png"
                written.append(self._write(name, _sheet(entries, columns)))
        return written

    def _write(self, name: str, content: bytes) -> Path:
        """Write a report under its name, or the next free one if that holds something that is not ours."""
        target, note = write_replaceable(self._ledger, name, content)
        self._summary.notes += [note] if note else []
        return target


def _page_name(page: int) -> str:
    return "report.html" if page == 1 else f"report-{page}.html"


def _batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Yield lists of at most `size`; one empty list where there is nothing."""
    iterator = iter(entries)
    batch = list(islice(iterator, size))
    yield batch
    while batch := list(islice(iterator, size)):
        yield batch


def _embedded(picture: bytes | None) -> str:
    return base64.b64encode(picture).decode() if picture else ""


def _card(entry: Entry) -> dict[str, Any]:
    record = entry.record if entry.status == "done" else {}
    known = entry.status == "done"
    return {
        "name": shown(entry.name),
        "status": entry.status,
        "error": entry.error or "",
        # Relative, so that the folder can be moved.
        "link": quote(os.fsencode(entry.outputs[0].name)) if known and entry.outputs else "",
        "before": _embedded(entry.before_jpeg) if known else "",
        "after": _embedded(entry.after_jpeg) if known else "",
        "legend": record.get("legend", []),
        "facts": _facts(entry, record),
        "notes": record.get("notes", []),
    }


def _facts(entry: Entry, record: dict[str, Any]) -> str:
    instrument = record.get("instrument", {})
    parts = []
    if record.get("shape"):
        height, width = record["shape"]
        parts.append(f"{width} x {height}")
    if record.get("pixel_size_nm"):
        parts.append(f"{record['pixel_size_nm']:.4g} nm/pixel")
    for key, form in (("vendor", "{}"), ("magnification", "{:g} x"), ("voltage_kv", "{:g} kV"), ("detector", "{}")):
        if key in instrument:
            parts.append(form.format(instrument[key]))
    if record.get("origin"):
        count = record.get("hint_count", 0)
        hints = f"{count} hint{'' if count == 1 else 's'} ({record['origin']})"
        parts.append(hints if count or not record.get("series") else f"hints of the series {shown(record['series'])}")
    if entry.seconds is not None:
        parts.append(f"{entry.seconds:.1f} s")
    return ", ".join(parts)


def _row(entry: Entry) -> dict[str, Any]:
    record = entry.record if entry.status == "done" else {}
    instrument = record.get("instrument", {})
    shape = record.get("shape") or ("", "")
    result = entry.outputs[0] if entry.status == "done" and entry.outputs else None
    row = {
        "input": _cell(shown(entry.name)), "status": entry.status, "reason": _cell(entry.error or ""),
        "result": _cell(shown(result.name)) if result else "", "hints": _cell(record.get("origin", "")),
        "series": _cell(shown(entry.record.get("series") or "")), "colors_from": _cell(record.get("source", "")),
        "hint_count": record.get("hint_count", ""), "times_colored": entry.colored, "finished": entry.finished or "",
        "seconds": "" if entry.seconds is None else f"{entry.seconds:.3f}", "width": shape[1], "height": shape[0],
        "databar_row": record.get("databar_row"), "pixel_size_nm": record.get("pixel_size_nm"),
        "legend": "; ".join(f"{line['name']} {line['color']} {line['share']:.4f}" for line in record.get("legend", [])),
        "input_sha256": entry.sha256 or "", "result_sha256": result.sha256 if result else "",
        "weights_sha256": entry.weights or "", "notes": _cell(" ".join(_sentences(record.get("notes", [])))),
    }  # fmt: skip
    row |= {key: _cell(value) if isinstance(value, str) else value for key, value in instrument.items()}
    return {key: row.get(key, "") for key in _COLUMNS}


def _cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula: ``=x.tif`` is ``./=x.tif``."""
    return f"./{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _sheet(entries: list[Entry], columns: int) -> bytes:
    from PIL import Image, ImageDraw

    font = typeface(11)
    columns = min(columns, len(entries))
    pictures = [Image.open(io.BytesIO(entry.after_jpeg or b"")) for entry in entries]
    width, height = 208, max(picture.height for picture in pictures) + 24
    sheet = Image.new("RGB", (columns * width + 8, -(-len(entries) // columns) * height + 8), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (entry, picture) in enumerate(zip(entries, pictures, strict=True)):
        left, top = 8 + i % columns * width, 8 + i // columns * height
        sheet.paste(picture, (left + (width - 8 - picture.width) // 2, top))
        name = shown(entry.name)
        while font.getlength(name) > width - 12 and len(name) > 4:
            # The end tells more than the beginning.
            name = "…" + name[2:]
        draw.text((left, top + height - 20), name, font=font, fill="#202020")
    buffer = io.BytesIO()
    sheet.save(buffer, format="png", pnginfo=png_signature())
    return buffer.getvalue()


def _sentences(notes: Sequence[str]) -> list[str]:
    return [note if note.endswith((".", "!", "?")) else f"{note}." for note in notes]
