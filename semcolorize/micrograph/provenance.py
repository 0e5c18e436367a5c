"""What made this file: the record inside it, and the sentence for the paper."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

from semcolorize._version import __version__
from semcolorize.color.palette import NamedColor
from semcolorize.hints.model import Hint, HintSet, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint
from semcolorize.micrograph.legend import LegendEntry
from semcolorize.micrograph.reading import Micrograph

__all__ = ["Provenance", "hint_record", "methods_sentence", "provenance_of"]

_LIBRARIES = ("torch", "numpy", "scipy", "scikit-image", "tifffile", "roifile")


@cache
def _versions() -> Mapping[str, str]:
    # Asked of the installation, not of the modules: nothing is imported for it.
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Everything needed to say how a colored image came about, and to make it again.

    Attributes
    ----------
    weights_name, weights_sha256 : str
        The model as asked for, and its file.
    device : str
        What it ran on (``cpu``, ``cuda:0``): results of different devices differ in the last bits.
    seed : int
    settings : mapping
        Options of the run, JSON values.
    hints : sequence of mapping
        `hint_record` of each.
    hint_files : sequence of (path, SHA-256)
    input_name : str or None
        File name without its folder.
    input_sha256 : str or None
    input_shape : tuple of 2 ints
        Rows and columns.
    page : int
        Of the input, counted from 1.
    display_range : tuple of 2 floats
        Gray values shown black and white.
    range_source : str
    clipped : tuple of 2 floats
        Share of the pixels (0 to 1) beyond black and beyond white.
    databar_row : int or None
        First row of the data bar, which was left gray.
    instrument : mapping
        Acquisition metadata (`semcolorize.micrograph.instrument.Instrument.record`).
    pixel_size_nm : float or None
        Width of a pixel.
    pixel_size_source : str or None
        What states it, such as ``Zeiss AP_WIDTH over columns``.
    notes : sequence of str
    legend : sequence of LegendEntry
        Of the first variant.
    version : str
        Of semcolorize.
    versions : mapping
        Of Python and the libraries.
    system : str
    created : str or None
        Time in ISO 8601. None in files, so that equal seeds give equal bytes.
    """

    weights_name: str
    weights_sha256: str
    device: str
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    hints: Sequence[Mapping[str, Any]] = ()
    hint_files: Sequence[tuple[str, str]] = ()
    input_name: str | None = None
    input_sha256: str | None = None
    input_shape: tuple[int, int] = (0, 0)
    page: int = 1
    display_range: tuple[float, float] = (0.0, 255.0)
    range_source: str = "8 bit"
    clipped: tuple[float, float] = (0.0, 0.0)
    databar_row: int | None = None
    instrument: Mapping[str, Any] = field(default_factory=dict)
    pixel_size_nm: float | None = None
    pixel_size_source: str | None = None
    notes: Sequence[str] = ()
    legend: Sequence[LegendEntry] = ()
    version: str = __version__
    versions: Mapping[str, str] = field(default_factory=lambda: dict(_versions()))
    system: str = field(default_factory=lambda: f"{platform.system()} {platform.machine()}")
    created: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, with the methods sentence under ``methods``."""
        record = {"software": "semcolorize", **asdict(self), "methods": methods_sentence(self)}
        if self.created is None:
            del record["created"]
        return record

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return `to_dict` as JSON text. Equal provenance gives equal text."""
        text = json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False, default=str)
        # File names with bytes that are no UTF-8 come as lone surrogates; JSON spells them as escapes.
        return text.encode("utf-8", "backslashreplace").decode()


def provenance_of(
    micrograph: Micrograph,
    hints: HintSet | Iterable[Hint] = (),
    *,
    weights_name: str,
    weights_sha256: str,
    device: str,
    seed: int,
    settings: Mapping[str, Any] | None = None,
    databar_row: int | None = None,
    legend: Sequence[LegendEntry] = (),
    created: str | None = None,
) -> Provenance:
    """Collect the provenance of a result.

    Parameters
    ----------
    micrograph : Micrograph
        The input.
    hints : HintSet or iterable of Hint
        As used, in pixels.
    weights_name, weights_sha256, device, seed, settings, databar_row, legend, created
        As in `Provenance`.
    """
    files = hints.files if isinstance(hints, HintSet) else ()
    return Provenance(
        weights_name=weights_name,
        weights_sha256=weights_sha256,
        device=device,
        seed=seed,
        settings=dict(settings or {}),
        hints=tuple(hint_record(hint) for hint in hints),
        # Names only: folders tell of people and machines.
        hint_files=tuple((os.path.basename(path), sha256) for path, sha256 in files),  # noqa: PTH119
        input_name=None if micrograph.path is None else os.path.basename(micrograph.path),  # noqa: PTH119
        input_sha256=micrograph.sha256,
        input_shape=micrograph.shape,
        page=micrograph.page,
        display_range=micrograph.display_range,
        range_source=micrograph.range_source,
        clipped=micrograph.clipped,
        databar_row=databar_row,
        instrument=micrograph.instrument.record() if micrograph.instrument else {},
        pixel_size_nm=micrograph.pixel_size_nm,
        pixel_size_source=(micrograph.calibration.source or None) if micrograph.calibration else None,
        notes=micrograph.notes,
        legend=tuple(legend),
        created=created,
    )


def hint_record(hint: Hint) -> dict[str, Any]:
    """Return a hint as JSON values: kind, geometry in (row, column) pixels, name, color, strength, origin."""
    record: dict[str, Any]
    match hint:
        case PointHint():
            record = {"kind": "point", "row": hint.row, "column": hint.column, "size": hint.size}
        case LineHint():
            record = {"kind": "line", "path": [list(vertex) for vertex in hint.path], "width": hint.width}
        case RegionHint(shape=Polygons(rings=rings)):
            record = {"kind": "polygon", "rings": [[list(vertex) for vertex in ring] for ring in rings]}
        case RegionHint(shape=Rectangle() | Oval() as box):
            record = {"kind": type(box).__name__.lower(), **asdict(box)}
        case _:
            record = {"kind": type(hint).__name__}
    return {
        **record,
        "name": hint.name,
        "color": NamedColor(hint.name or "", hint.lab).hex,
        "lab": [round(value, 4) for value in hint.lab],
        "strength": hint.strength,
        "limit": hint.limit,
        "spread": hint.spread,
        "origin": hint.origin,
    }


def _guidance(own: int, series: Mapping[str, Any], like: Mapping[str, Any] | None) -> str:
    """Which hints colored the micrograph: its own, those on other views of its series, and a reference's colors."""
    parts = [f"{_hints(own)} set by the authors"] if own else []
    if like:
        source = like["name"] or "a colored micrograph"
        parts.append(f"the colors of {source}" + (f" (SHA-256 {like['sha256'][:12]})" if like["sha256"] else ""))
    others = series.get("hints_on") or ()
    count = sum(len(other["hints"]) for other in others)
    if count:
        where = " and ".join(other["name"] or f"view {other['view']}" for other in others)
        parts.append(f"{_hints(count)} set by the authors on {where} of the same series")
    if not parts:
        return "without color hints"
    match = series.get("registered")
    carried = f", carried by registration to {match['share']:.0%} of the image" if match else ""
    return f"guided by {' and '.join(parts)}{carried}"


def _hints(count: int) -> str:
    return f"{count} color hint{'s' if count != 1 else ''}"


def methods_sentence(provenance: Provenance) -> str:
    """Return two or three sentences for the methods section of a paper."""
    p = provenance
    guided = _guidance(len(p.hints), p.settings.get("series") or {}, p.settings.get("like"))
    fill = p.settings.get("fill")
    like = p.settings.get("like")
    if guided.startswith("guided") and fill == "gray":
        guided += f", leaving what resembles {'none of them' if like else 'no hint'} gray"
    elif guided.startswith("guided") and fill == "contrast":
        guided += ", with one contrasting color for what resembles no hint"
    black, white = p.display_range
    shown = f"Gray values from {black:g} to {white:g} were displayed from black to white ({p.range_source})"
    if any(p.clipped):
        shown += f", with {p.clipped[0]:.2%} of the pixels beyond black and {p.clipped[1]:.2%} beyond white"
    fate = "cut off" if p.settings.get("crop_databar") else "left unchanged"
    bar = f" The instrument's data bar was {fate}." if p.databar_row is not None else ""
    if fill != "auto":
        seed = ""
        made = (
            "A neural network assigned each pixel to one of these colors or to none; the assigned color was given"
            " to the CIELAB components a* and b*, and no generative step was used"
        )
    else:
        seed = f"; seed {p.seed}"
        made = "Only the CIELAB components a* and b* were generated, by a diffusion model"
        if not guided.startswith("guided"):
            chosen = " of a palette" if p.settings.get("palette") else ""
            made = (
                f"A neural network told classes of structures apart and a diffusion model drew a color{chosen} for"
                " each, of which only the CIELAB components a* and b* were used"
            )
    return (
        f"The micrograph was colored with semcolorize {p.version} (weights {p.weights_name}, SHA-256"
        f" {p.weights_sha256[:12]}{seed}), {guided}. {made}; the lightness L* of every pixel is that of the original"
        f" image. {shown}. The colors carry no measured information.{bar}"
    )
