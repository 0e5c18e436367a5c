"""Files of a result: as one archive, or beside the image, all of them or none, and nothing replaced."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcolorize.app.document import Document
from semcolorize.app.engine import Engine
from semcolorize.app.images import View
from semcolorize.color.palette import Palette
from semcolorize.errors import HintError
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hintfiles.yaml_palettes import read_palette
from semcolorize.hintfiles.yaml_writing import hints_to_yaml
from semcolorize.hints.model import HintSet
from semcolorize.micrograph.atomic import all_or_none, check_output, write_bytes_atomic

if TYPE_CHECKING:
    from semcolorize.result import ColorResult

__all__ = ["Exporter", "hints_text", "roi_set"]


def hints_text(document: Document, view: View) -> str:
    """The text of ``hints.yaml`` for a view."""
    return hints_to_yaml(document.hints(view.id), document.palette, comment=f"Hints on {view.name}")


def roi_set(hints: HintSet) -> bytes:
    """A RoiSet.zip as ImageJ's ROI Manager saves it: colored ROIs that are read back as the same hints."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, roi in enumerate(hints_to_rois(hints), start=1):
            name = re.sub(r'[\x00-\x1f/\\<>:"|?*]', "_", roi.name or "hint")[:60]
            # A fixed time, so that equal hints give equal bytes.
            archive.writestr(zipfile.ZipInfo(f"{i:04d}-{name}.roi", (1980, 1, 1, 0, 0, 0)), roi.tobytes())
    return buffer.getvalue()


@dataclass
class Exporter:
    """Writes what a window shows.

    Attributes
    ----------
    engine : Engine
    document : Document
    views : sequence of View
        Those that are colored together.
    sources : mapping of str to anything `Colorizer.colorize` takes
        By view.
    bits : int
    scale_bar : bool
        Draw one into PNG files.
    """

    engine: Engine
    document: Document
    views: Sequence[View]
    sources: Mapping[str, Any]
    bits: int = 8
    scale_bar: bool = False

    def archive(self, view: View) -> tuple[str, bytes]:
        """Name and bytes of a zip file of everything: hints, TIFF, PNG, legend, labels, provenance, methods."""
        with tempfile.TemporaryDirectory(prefix="semcolorize-") as folder:
            files = self._write(view, Path(folder))
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for path in files:
                    archive.write(path, path.name)
        return f"{Path(view.name).stem}_color.zip", buffer.getvalue()

    def beside(self, view: View) -> list[Path]:
        """Write the files beside the image, under names that are free.

        Raises
        ------
        OutputError
        """
        assert view.path is not None
        return self._write(view, view.path.parent)

    def _write(self, view: View, folder: Path) -> list[Path]:
        if not self.document.colors(own.id for own in self.views):
            raise HintError(
                "There is nothing to be saved yet: put a hint on the image, give a picture whose colors"
                " are taken, or let colors be invented (Automatic)."
            )
        stem = _free_stem(folder, Path(view.name).stem)
        hints_file, roi_file = folder / f"{stem}.hints.yaml", folder / f"{stem}_RoiSet.zip"
        methods_file = folder / f"{stem}_methods.txt"
        palette_file = folder / f"{stem}.palette.yaml"
        targets = [hints_file, roi_file, methods_file, palette_file]
        for path in targets:
            check_output(path)
        with all_or_none(targets) as written:
            own: Any = None
            if self.document.of(view.id):
                write_bytes_atomic(hints_file, hints_text(self.document, view).encode())
                written.append(hints_file)
                # What is written is made from what was written: whoever colors with this file gets this picture.
                own = read_hints(hints_file)
                write_bytes_atomic(roi_file, roi_set(own))
                written.append(roi_file)
            palette = self.document.allowed
            if palette is not None:
                text = hints_to_yaml((), palette, comment=f"Colors that automatic color of {view.name} may have")
                write_bytes_atomic(palette_file, text.encode())
                written.append(palette_file)
                palette = read_palette(palette_file)
            # Late, for it brings torch, and the window opens without.
            from semcolorize.result import output_paths

            result = self._result(view, own, palette)
            # Labels as an image and as ROIs are worth their time where they are areas of something.
            labeled = bool(result.names)
            paths = output_paths(
                folder / f"{stem}_color.tif", variants=len(result.rgb), legend=True, png=True, labels=labeled,
                rois=labeled,
            )  # fmt: skip
            names = (hints_file.name if own is not None else None, palette_file.name if palette is not None else None)
            methods = self._methods(view, result, *names)
            write_bytes_atomic(methods_file, methods.encode("utf-8", "backslashreplace"))
            written.append(methods_file)
            written += result.save_to(paths, scale_bar=self.scale_bar and result.micrograph.pixel_size_nm is not None)
        return written

    def _result(self, view: View, own: HintSet | None, palette: Palette | None) -> ColorResult:
        given = {**self.document.settings, "palette": palette, "bits": self.bits}
        if len(self.views) == 1:
            return self.engine.colorizer.colorize(self.sources[view.id], own, **given)
        hints = [
            own if other.id == view.id else self.document.hints(other.id) if self.document.of(other.id) else None
            for other in self.views
        ]
        results = self.engine.colorizer.colorize_views([self.sources[other.id] for other in self.views], hints, **given)
        return results[[other.id for other in self.views].index(view.id)]

    def _methods(self, view: View, result: ColorResult, hints_name: str | None, palette_name: str | None) -> str:
        options = self.document.options
        lines = ["For the methods section:", "", str(result.provenance.to_dict()["methods"]), ""]
        if len(self.views) == 1:
            words = ["semcolorize", "colorize", _quoted(view.name)]
            if hints_name:
                words += ["--hints", _quoted(hints_name)]
            words += ["--fill", options.fill, "--spread", options.spread, "--seed", str(options.seed)]
            if options.fill == "auto":
                words += ["--variants", str(options.variants)]
                words += ["--classes", str(options.classes)] if options.classes else []
            if self.document.reference:
                words += ["--like", _quoted(Path(self.document.reference).name)]
            if palette_name:
                words += ["--palette", _quoted(palette_name)]
            if result.micrograph.range_source == "full scale":
                words.append("--allow-color")
            if self.bits != 8:
                words += ["--bits", str(self.bits)]
            lines += ["To make it again:", "", "    " + " ".join(words), ""]
        hidden = [own.name for own in self.document.classes if not own.visible]
        if hidden:
            lines += [f"Hidden in the window, and yet in these files: {', '.join(hidden)}.", ""]
        lines += [f"Note: {note}" for note in result.notes]
        return "\n".join(lines).rstrip() + "\n"


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)


def _free_stem(folder: Path, stem: str) -> str:
    """The image's stem, with a number where one of the files exists already."""
    taken = {path.name.casefold() for path in folder.iterdir()} if folder.is_dir() else set()
    for number in range(1, 10_000):
        tried = stem if number == 1 else f"{stem}_{number}"
        mine = (f"{tried}_color", f"{tried}.hints.yaml", f"{tried}_RoiSet.zip", f"{tried}_methods.txt",
                f"{tried}.palette.yaml")  # fmt: skip
        if not any(name.startswith(one.casefold()) for name in taken for one in mine):
            return tried
    return stem
