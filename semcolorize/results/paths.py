"""Files that a result is written to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from semcolorize.errors import ConfigError, OutputError
from semcolorize.micrograph.atomic import check_output

__all__ = ["OutputPaths", "output_paths"]


@dataclass(frozen=True)
class OutputPaths:
    """Files a result is written to: `tiff`, `json`, optionally `legend`, a `png` a variant, `labels`, `rois`.

    `inputs` are files that are never replaced.
    """

    tiff: Path
    json: Path
    legend: Path | None = None
    pngs: tuple[Path, ...] = ()
    inputs: tuple[Path, ...] = ()
    labels: Path | None = None
    rois: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file, the TIFF first."""
        more = (self.legend, *self.pngs, self.labels, self.rois)
        return (self.tiff, self.json, *(path for path in more if path is not None))


def output_paths(
    target: str | os.PathLike[str],
    *,
    variants: int = 1,
    legend: bool = True,
    png: bool = False,
    labels: bool = False,
    rois: bool = False,
    overwrite: bool = False,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> OutputPaths:
    """Name the files of a result and see that all of them may be written, before any work is done.

    Parameters
    ----------
    target : path-like
        The TIFF; the others stand beside it under its stem.
    variants : int
    legend, png, labels, rois : bool
        Also a legend picture, a PNG a variant, ``NAME_labels.tif``, ``NAME_rois.zip``.
    overwrite : bool
    inputs : iterable of path-like
        Image and hint files, which are never replaced.

    Raises
    ------
    ConfigError
        If the target is no TIFF.
    OutputError
        If a file exists, is the input, or its folder is missing.
    """
    tiff = Path(target)
    if os.fspath(target).endswith(("/", os.sep)):
        raise OutputError(f"There is no folder {os.fspath(target)!r}; create it first.", path=tiff)
    if tiff.suffix.lower() not in {".tif", ".tiff"}:
        raise ConfigError(
            f"-o {tiff}: results are TIFF; .tif or .tiff is accepted. For PNG files beside it add --png.", key="out"
        )
    stem = tiff.with_suffix("")
    names = [f"{stem}.png"] if variants == 1 else [f"{stem}_{i + 1}.png" for i in range(variants)]
    paths = OutputPaths(
        tiff,
        Path(f"{stem}.json"),
        Path(f"{stem}_legend.png") if legend else None,
        tuple(Path(name) for name in names) if png else (),
        tuple(Path(path) for path in inputs),
        Path(f"{stem}_labels.tif") if labels else None,
        Path(f"{stem}_rois.zip") if rois else None,
    )
    for path in paths.all:
        check_output(path, overwrite=overwrite, inputs=paths.inputs)
    return paths
