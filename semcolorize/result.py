"""A colored micrograph, with what belongs beside it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from semcolorize.errors import ConfigError
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hints.model import Hint, HintSet, LineHint, PointHint
from semcolorize.hints.rasterize import RasterizedHints, hint_window
from semcolorize.inference.assignment import Assignment
from semcolorize.micrograph.atomic import all_or_none, write_bytes_atomic
from semcolorize.micrograph.legend import LegendEntry, legend, legend_of_labels, legend_picture, legend_text
from semcolorize.micrograph.notes import result_notes
from semcolorize.micrograph.own import png_signature
from semcolorize.micrograph.provenance import Provenance, provenance_of
from semcolorize.micrograph.reading import Micrograph
from semcolorize.micrograph.scalebar import draw_scale_bar
from semcolorize.micrograph.sheet import SHEET_WIDTH, SheetView, series_sheet
from semcolorize.micrograph.tiff import write_color_tiff
from semcolorize.model.checkpoint import LoadedLabelWeights
from semcolorize.network.weights import BUNDLED, LoadedWeights
from semcolorize.results.labels import label_rois, label_tiff
from semcolorize.results.paths import OutputPaths, output_paths

__all__ = ["ColorResult", "OutputPaths", "output_paths", "series_picture"]


_VISIBLE = 1.0
"""Largest a* or b* from which anything is colored at all."""
_OTHER_COLORS = 12.0
"""Distance in a*b* from every hint and from gray beyond which the legend counts a pixel as another color."""


@dataclass(frozen=True)
class ColorResult:
    """Colored variants of one micrograph.

    Attributes
    ----------
    rgb : uint8 or uint16 ndarray of shape (N, H, W, 3)
        sRGB; its lightness is the micrograph's at every pixel.
    ab : float32 ndarray of shape (N, H, W, 2)
        CIELAB a*b* as asked for, before chroma was compressed into the sRGB gamut.
    micrograph : Micrograph
        The input.
    hints : HintSet
        As used, in pixels.
    legend : tuple of LegendEntry
        Of the first variant.
    provenance : Provenance
    seconds : mapping of str to float
        Time by stage.
    notes : tuple of str
        What a user should know: overlaps, clipped gray values, hints that were skipped.
    assignment : Assignment or None
        What the label model said; None where colors were invented (``fill="auto"``).
    """

    rgb: np.ndarray
    ab: np.ndarray
    micrograph: Micrograph
    hints: HintSet
    legend: tuple[LegendEntry, ...]
    provenance: Provenance
    seconds: Mapping[str, float]
    notes: tuple[str, ...]
    assignment: Assignment | None = None

    @classmethod
    def of(
        cls,
        micrograph: Micrograph,
        ab: np.ndarray,
        rgb: np.ndarray,
        hints: HintSet,
        drawn: RasterizedHints,
        *,
        settings: Mapping[str, Any],
        weights: LoadedWeights | LoadedLabelWeights,
        device: str,
        seconds: Mapping[str, float],
        others: Iterable[Hint] = (),
        assignment: Assignment | None = None,
    ) -> ColorResult:
        """Measure the legend, collect provenance and notes; `others` are hints on other views of the series."""
        bar = settings["databar_row"]
        # Where the model may invent colors, what is near no hint is no hint's.
        apart, others = _OTHER_COLORS if settings["fill"] == "auto" else None, list(others)
        if assignment is None:
            shown, level = ab[0, :bar], micrograph.lightness[:bar]
            if micrograph.missing is not None and not micrograph.missing[:bar].all():
                held = ~micrograph.missing[:bar]
                shown, level = shown[held][None], level[held][None]
            entries = legend(hints, shown, level, others=others, other_distance=apart)
        else:
            rest = settings.get("rest")
            entries = legend_of_labels(hints, assignment.labels, assignment.shares, others=others, rest=rest)
        provenance = provenance_of(
            micrograph,
            hints,
            weights_name=weights.name if weights.name in BUNDLED else Path(weights.name).name,
            weights_sha256=weights.sha256,
            device=device,
            seed=settings["seed"],
            settings=settings,
            databar_row=bar,
            legend=entries,
        )
        hinted = bool(len(hints) or others)
        # What rounding hides is no color.
        colored = bool(ab.size and np.abs(ab).max() >= _VISIBLE)
        notes = result_notes(
            micrograph, hints, drawn, bar=bar, colored=colored, hinted=hinted, fill=settings.get("fill", "auto")
        )
        return cls(rgb, ab, micrograph, hints, entries, provenance, dict(seconds), notes, assignment)

    def __repr__(self) -> str:
        count, rows, columns, _ = self.rgb.shape
        of = os.path.basename(self.micrograph.path) if self.micrograph.path else "array"  # noqa: PTH119
        return (
            f"ColorResult({of}, {columns} x {rows} pixels, {len(self.hints)} hint{'s' * (len(self.hints) != 1)}, "
            f"{count} variant{'s' * (count != 1)}, {len(self.legend)} legend entries)"
        )

    def _repr_png_(self) -> bytes:
        return self.comparison_png(width=1000)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the labels, the k-th of `labels` first; empty where colors were invented."""
        return () if self.assignment is None else tuple(label.name for label in self.assignment.labels)

    @property
    def labels(self) -> np.ndarray:
        """Label of every pixel, (H, W) uint8: 0 none, k the k-th of `names`."""
        return self._assigned().map[: self.rgb.shape[1]]

    @property
    def chances(self) -> np.ndarray:
        """Chances of none (first) and of every label, (K + 1, H, W) float32."""
        return self._assigned().chances[:, : self.rgb.shape[1]]

    @property
    def uncertainty(self) -> np.ndarray:
        """How near the second likeliest label comes to the likeliest, (H, W) float32, 0 (sure) to 1."""
        return self._assigned().uncertainty[: self.rgb.shape[1]]

    @property
    def next_hint(self) -> tuple[int, int] | None:
        """(x, y) where one more hint would help most; None where nothing is in doubt, or colors were invented."""
        return None if self.assignment is None else self.assignment.next_hint

    def _assigned(self) -> Assignment:
        if self.assignment is None:
            raise ConfigError(
                "colors were invented (fill: auto), not assigned, so there are no labels; use fill: gray.", key="fill"
            )
        return self.assignment

    def save_labels(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write `labels` as a TIFF that ImageJ shows in the labels' colors, with their names in its Info.

        Raises
        ------
        ConfigError, OutputError
        """
        write_bytes_atomic(path, self._label_image(), overwrite=overwrite, inputs=self._inputs())
        return Path(path)

    def _label_image(self) -> bytes:
        return label_tiff(self._assigned().labels, self.labels, self.micrograph.calibration)

    def save_rois(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a RoiSet.zip: a ROI for every connected part of a label, named and colored.

        Raises
        ------
        ConfigError, OutputError
        """
        content = label_rois(self._assigned().labels, self.labels)
        write_bytes_atomic(path, content, overwrite=overwrite, inputs=self._inputs())
        return Path(path)

    def legend_rows(self) -> list[dict[str, Any]]:
        """Legend as plain data: name, color, share, hints."""
        return [asdict(entry) for entry in self.legend]

    def save(
        self, path: str | os.PathLike[str], *, legend: bool = True, png: bool = False, overwrite: bool = False
    ) -> list[Path]:
        """Write the TIFF, ``NAME.json`` and, as asked, ``NAME_legend.png`` and PNG files.

        Parameters
        ----------
        path : path-like
            The TIFF.
        legend, png : bool
        overwrite : bool
            Existing results may be replaced; the input never is.

        Returns
        -------
        list of Path

        Raises
        ------
        ConfigError, OutputError
        """
        paths = output_paths(
            path, variants=len(self.rgb), legend=legend, png=png, overwrite=overwrite, inputs=self._inputs()
        )
        return self.save_to(paths, overwrite=overwrite)

    def _inputs(self) -> list[str]:
        """Files this result was made from."""
        read = [] if self.micrograph.path is None else [self.micrograph.path]
        return read + [path for path, _ in self.hints.files]

    def without_databar(self) -> ColorResult:
        """Return the same result without the rows of the instrument's data bar."""
        bar = self.provenance.databar_row
        if bar is None:
            return self
        missing = self.micrograph.missing
        held = None if missing is None else missing[:bar]
        cut = replace(self.micrograph, pixels=self.micrograph.pixels[:bar], missing=held)
        settings = {**self.provenance.settings, "crop_databar": True}
        return replace(
            self, rgb=self.rgb[:, :bar], ab=self.ab[:, :bar], micrograph=cut,
            provenance=replace(self.provenance, settings=settings),
        )  # fmt: skip

    def save_to(self, paths: OutputPaths, *, overwrite: bool = False, scale_bar: bool = False) -> list[Path]:
        """Write to named files, each whole or not at all; what was written is taken back if a later file fails.

        With `scale_bar`, PNG files get a scale bar; the TIFF carries its calibration.
        """
        record = self.provenance.to_json()
        text = "\n\n".join(part for part in (self.micrograph.info, legend_text(self.legend)) if part)
        # A name from a disk with another encoding cannot be written as UTF-8: its odd bytes are spelled out.
        text = text.encode("utf-8", "backslashreplace").decode()
        inputs: list[str | os.PathLike[str]] = [*paths.inputs, *self._inputs()]
        with all_or_none(paths.all) as written:
            write_color_tiff(
                paths.tiff,
                self.rgb,
                labels=[self._label(i) for i in range(len(self.rgb))],
                calibration=self.micrograph.calibration,
                info=text,
                overlays=[roi.tobytes() for roi in hints_to_rois(self.hints)] or None,
                metadata=record,
                overwrite=overwrite,
                inputs=inputs,
            )
            written.append(paths.tiff)
            contents = [(paths.json, record.encode() + b"\n")]
            if paths.legend is not None:
                contents.append((paths.legend, _png(legend_picture(self.legend))))
            contents += [(path, _png(self._picture(i, scale_bar))) for i, path in enumerate(paths.pngs)]
            if paths.labels is not None:
                contents.append((paths.labels, self._label_image()))
            if paths.rois is not None:
                contents.append((paths.rois, label_rois(self._assigned().labels, self.labels)))
            for path, content in contents:
                write_bytes_atomic(path, content, overwrite=overwrite, inputs=inputs)
                written.append(path)
        return written

    def comparison_png(self, variant: int = 0, *, width: int = 1600) -> bytes:
        """Gray with the hints marked, colored, legend below: one picture, as PNG."""
        from PIL import Image, ImageDraw

        height, full = self.micrograph.shape
        side = width // 2
        size = (side, round(height * side / full))
        left = Image.fromarray(self._marked_gray()).resize(size, Image.Resampling.LANCZOS)
        right = Image.fromarray(_eight_bit(self.rgb[variant])).resize(size, Image.Resampling.LANCZOS)
        pen = ImageDraw.Draw(left)
        for x, y, color in self._marks(side):
            x, y, radius = x * side / full, y * side / full, max(6, side // 90)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color, outline="white", width=2)
        key = Image.fromarray(legend_picture(self.legend, font_size=22))
        sheet = Image.new("RGB", (2 * side + 8, size[1] + key.height), "white")
        sheet.paste(left, (0, 0))
        sheet.paste(right, (side + 8, 0))
        sheet.paste(key, (side + 8, size[1]))
        buffer = io.BytesIO()
        sheet.save(buffer, format="png")
        return buffer.getvalue()

    def sheet_view(self, variant: int = 0) -> SheetView:
        """One view of a series' sheet."""
        about = self.provenance.settings.get("series") or {}
        match = about.get("registered")
        if len(self.hints):
            source = f"{len(self.hints)} hint{'s' if len(self.hints) != 1 else ''} here"
        elif match:
            name = about["names"][match["with_view"] - 1] or f"view {match['with_view']}"
            source = f"carried from {name} ({match['share']:.0%}), then look-alikes"
        else:
            source = "look-alikes of hints in other views" if about.get("hints_on") else "no hints in this series"
        title = f"{about['view']}. {self.provenance.input_name or ''}" if about else self.provenance.input_name or ""
        marks = self._marks(SHEET_WIDTH)
        return SheetView(self._marked_gray(), _eight_bit(self.rgb[variant]), marks, title, source)

    def _picture(self, variant: int, scale_bar: bool) -> np.ndarray:
        picture = _eight_bit(self.rgb[variant])
        if not scale_bar:
            return picture
        bar = self.provenance.databar_row
        rows = None if bar is None else min(bar, len(picture))
        return draw_scale_bar(picture, self.micrograph.pixel_size_nm, rows=rows)

    def _marked_gray(self) -> np.ndarray:
        """The micrograph (H, W, 3) with strokes and areas where they were drawn, bordered white."""
        from scipy import ndimage

        from semcolorize.color.lab import lab_to_rgb

        picture = np.repeat(_gray(self.micrograph)[..., None], 3, axis=2)
        border = max(1, max(self.micrograph.shape) // 800)
        for hint in self.hints:
            if isinstance(hint, PointHint):
                continue
            rows, columns, mask = hint_window(hint, self.micrograph.shape)
            inner = ndimage.binary_erosion(np.pad(mask, 1), iterations=border)[1:-1, 1:-1]
            part = picture[rows, columns]
            color = np.rint(255 * np.clip(lab_to_rgb(np.array(hint.lab)), 0, 1))
            # What is too thin for a border is all color; areas let the micrograph through.
            part[mask & ~inner] = 255 if inner.any() else color
            part[inner] = color if isinstance(hint, LineHint) else np.rint(0.5 * part[inner] + 0.5 * color)
        return picture

    def _marks(self, shown: int) -> list[tuple[float, float, str]]:
        """Dots (x, y, hex) for what would not be seen in a picture `shown` pixels wide: points, fine strokes."""
        from semcolorize.color.palette import NamedColor

        marks = []
        fine = 2 * self.micrograph.shape[1] / shown
        for hint in self.hints:
            rows, columns, mask = hint_window(hint, self.micrograph.shape)
            size = hint.width if isinstance(hint, LineHint) else max(mask.shape) / 3
            if not isinstance(hint, PointHint) and size >= fine:
                continue
            inside = np.argwhere(mask)
            row, column = inside[np.abs(inside - inside.mean(axis=0)).sum(axis=1).argmin()]
            marks.append((columns.start + float(column), rows.start + float(row), NamedColor("", hint.lab).hex))
        return marks

    def _label(self, variant: int) -> str:
        return f"variant {variant + 1}, seed {self.provenance.seed}"


def _is_gray(swatch: str) -> bool:
    red, green, blue = (int(swatch[i : i + 2], 16) for i in (1, 3, 5))
    return red == green == blue and swatch != "#ffffff"


def _gray(micrograph: Micrograph) -> np.ndarray:
    from semcolorize.color.lab import lightness_to_gray

    return np.rint(lightness_to_gray(micrograph.lightness) * 255).astype(np.uint8)


def _eight_bit(rgb: np.ndarray) -> np.ndarray:
    return rgb if rgb.dtype == np.uint8 else np.rint(rgb / 257).astype(np.uint8)


def _png(rgb: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="png", pnginfo=png_signature())
    return buffer.getvalue()


def series_picture(results: Sequence[ColorResult], *, missing: Sequence[str] = ()) -> bytes:
    """Views of a series side by side, with one legend and a line on each view that is missing: PNG."""
    entries: dict[tuple[str, str], LegendEntry] = {}
    # Gray that one view asks for is what other views leave gray.
    gray = next((e for r in results for e in r.legend if e.hints and _is_gray(e.color)), None)
    for result in results:
        for entry in result.legend:
            if gray is not None and not entry.hints and _is_gray(entry.color):
                entry = replace(entry, name=gray.name, color=gray.color)
            before = entries.get((entry.name, entry.color))
            share = entry.share / len(results) + (before.share if before else 0.0)
            hints = entry.hints + (before.hints if before else 0)
            entries[entry.name, entry.color] = LegendEntry(entry.name, entry.color, share, hints)
    key = legend_picture(tuple(entries.values()), font_size=18)
    return series_sheet([result.sheet_view() for result in results], key, missing=missing)
