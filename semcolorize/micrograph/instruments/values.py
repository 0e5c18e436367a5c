"""Texts of instruments to numbers, in nm, mm, kV and ISO time. All input is untrusted: what is no value is None."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from semcolorize.micrograph.calibration import unit_nanometers
from semcolorize.micrograph.instruments.encodings import with_newlines

__all__ = [
    "ASSIGNED", "agreed", "entries", "iso_time", "kilovolts", "magnification", "millimeters", "nanometers", "number",
    "pair", "positive", "rounded", "scaled", "word", "xml_root",
]  # fmt: skip

_MAX_TEXT = 1_000_000
"""Instruments write some 10,000 characters."""
ASSIGNED = re.compile(r"^[^\w\n]*(\w+)[ \t]*=([^\n]{0,2000})", re.MULTILINE)
"""``key=value``, for `entries`."""
_VOLTS = {"v": 1e-3, "volt": 1e-3, "volts": 1e-3, "kv": 1.0}
_DATES = ("%Y/%m/%d", "%Y-%m-%d", "%m/%d/%Y", "%d %b %Y", "%d.%m.%Y")
_TIMES = ("%H:%M:%S", "%I:%M:%S %p", "%H:%M")
_QUANTITY = re.compile(r"\s*([-+]?[\d.,]{1,40}(?:[eE][-+]?\d{1,3})?)\s*([^\d\s.,+-]\S{0,20}|)\s*")
_COMMAS_GROUP = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_POINTS_GROUP = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+,\d*(?:[eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}")


def entries(text: str, pattern: re.Pattern[str]) -> dict[str, str]:
    """Values by key, of a pattern with both as its groups; the first of equal keys counts."""
    found: dict[str, str] = {}
    for match in pattern.finditer(with_newlines(text[:_MAX_TEXT])):
        if value := match[2].strip():
            found.setdefault(match[1], value)
    return found


def number(value: Any) -> float | None:
    """Read a finite number; a comma is the decimal point, unless there is a point too or another comma."""
    try:
        found = float(_with_point(value) if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _with_point(text: str) -> str:
    text = text.strip()
    if "," not in text:
        return text
    if text.count(",") > 1 or "." in text[text.index(",") :]:
        # What is no number stays none.
        return text.replace(",", "") if _COMMAS_GROUP.fullmatch(text) else text
    if "." in text:
        return text.replace(".", "").replace(",", ".") if _POINTS_GROUP.fullmatch(text) else text
    return text.replace(",", ".")


def positive(value: Any) -> float | None:
    """Read a number above zero."""
    found = number(value)
    return found if found is not None and found > 0 else None


def rounded(value: float) -> float:
    """Without the dust that changing the unit leaves: nine digits, more than any instrument has."""
    return float(f"{value:.9g}")


def scaled(value: Any, factor: float) -> float | None:
    """Size of a number, in another unit."""
    found = number(value)
    return None if found is None else number(rounded(abs(found) * factor))


def _split(text: Any) -> tuple[float | None, str]:
    match = _QUANTITY.fullmatch(str(text)[:100]) if text is not None else None
    return (None, "") if match is None else (number(match[1]), match[2])


def nanometers(text: Any, unit: str = "") -> float | None:
    """Read a positive length with its unit, ``7892.3 um`` or ``5,965 µm``; `unit` is that of a bare number."""
    value, own = _split(text)
    factor = unit_nanometers(own or unit)
    return None if value is None or factor is None or value <= 0 else value * factor


def millimeters(text: Any, unit: str = "") -> float | None:
    """Read a length with its unit, in mm."""
    value, own = _split(text)
    factor = unit_nanometers(own or unit)
    return None if factor is None else scaled(value, factor * 1e-6)


def kilovolts(text: Any, unit: str = "") -> float | None:
    """Read a voltage with its unit, such as ``15000 Volt``, in kV and without its sign."""
    value, own = _split(text)
    factor = _VOLTS.get((own or unit).lower())
    return None if factor is None else scaled(value, factor)


def magnification(value: Any) -> float | None:
    """Read ``50.00 K X``, ``600 X``, ``x600``, ``x1,000`` or a number.

    A comma before the last three digits of whole ones groups thousands; any other is the decimal point.
    """
    match = re.fullmatch(r"\s*[xX]?\s*([0-9.,]{1,30}(?:[eE]\+?\d{1,2})?)\s*([kK]?)\s*[xX]?\s*", str(value)[:100])
    if match is None:
        return None
    grouped = not match[2] and _THOUSANDS.fullmatch(match[1])
    found = positive(match[1].replace(",", "") if grouped else match[1])
    return None if found is None else rounded(found * (1000 if match[2] else 1))


def agreed(
    what: str, value: float | None, second: float | None, *, tolerance: float = 0.05
) -> tuple[float | None, tuple[str, ...]]:
    """Return a value that no second statement contradicts, or else none and a note with both.

    Parameters
    ----------
    what : str
        The quantity in the plural, with its unit: ``voltages in kV``.
    value, second : float or None
        What is stated in two places; one of them will do.
    tolerance : float
        Relative difference that rounding makes.
    """
    if value is None or second is None:
        return (second if value is None else value), ()
    if math.isclose(value, second, rel_tol=tolerance, abs_tol=1e-9):
        return value, ()
    return None, (f"The metadata state two {what}, {value:.4g} and {second:.4g}; neither is kept.",)


def pair(rows: Any, columns: Any) -> tuple[int, int] | None:
    """Rows and columns as whole numbers."""
    height, width = positive(rows), positive(columns)
    if height is None or width is None or not 1 <= min(height, width) <= max(height, width) < 2**31:
        return None
    return int(height), int(width)


def word(value: Any) -> str | None:
    """Read a name, without quotes and runs of blanks."""
    text = " ".join(str(value)[:1000].split()).strip("\"'") if value is not None else ""
    return text.replace('"', "")[:200] or None


def _read(text: Any, forms: tuple[str, ...]) -> Iterator[datetime]:
    for form in forms:
        with contextlib.suppress(ValueError):
            yield datetime.strptime(str(text)[:50].strip(), form)


def iso_time(date: Any, time: Any) -> str | None:
    """Read date and time of day in the forms instruments have; the date alone where the time is unreadable."""
    day = next(_read(date, _DATES), None)
    clock = next(_read(time, _TIMES), None)
    if day is None:
        return None
    return datetime.combine(day.date(), clock.time()).isoformat() if clock else day.date().isoformat()


def xml_root(text: str) -> ElementTree.Element | None:
    """Parse XML; None if it is none, longer than any instrument writes, or defines entities, as none does."""
    if len(text) > _MAX_TEXT or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    with contextlib.suppress(ElementTree.ParseError, ValueError):
        return ElementTree.fromstring(text)
    return None
