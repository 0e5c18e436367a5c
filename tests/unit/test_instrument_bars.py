"""Pixel sizes of real instruments' files against the scale bars in the pictures, and against another reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.micrograph.reading import read_micrograph

# File, rows and columns that hold the marks of the bar alone, whether they are bright, and the length between the
# first mark and the last: read off the pictures.
BARS = {
    "test_tiff_Zeiss_SEM_512pix.tif": (slice(369, 372), slice(8, 40), False, 200),
    "fei-sem-rbc.tif": (slice(1052, 1056), slice(900, 1536), True, 4_000),
    "FEI-Helios-Ebeam-16bits.tif": (slice(448, 451), slice(325, 505), True, 500_000),
    "sample-１_600倍(x600).tif": (slice(902, 905), slice(930, 1270), True, 50_000),
}


def measured(path: Path) -> float:
    rows, columns, bright, length = BARS[path.name]
    with tifffile.TiffFile(path) as tiff:
        strip = tiff.pages[0].asarray()[rows, columns].astype(float)
    strip = strip / strip.max()
    marks = np.flatnonzero(((strip > 0.6) if bright else (strip < 0.4)).all(axis=0))
    ends = [np.split(marks, np.flatnonzero(np.diff(marks) > 1) + 1)[i] for i in (0, -1)]
    left, right = ends[0], ends[-1]
    # Marks are counted from middle to middle, an arrow from tip to tip.
    span = right[-1] - left[0] + 1 if len(left) > 20 else right.mean() - left.mean()
    return length / float(span)


@pytest.mark.parametrize("name", BARS)
def test_pixel_size_is_that_of_the_bar(name: str, shared_data: Path) -> None:
    path = shared_data / "instruments" / name
    micrograph = read_micrograph(path)
    assert micrograph.pixel_size_nm == pytest.approx(measured(path), rel=0.02)
    assert micrograph.calibration is not None and micrograph.calibration.source
    assert not [note for note in micrograph.notes if "size of a pixel" in note or "resized" in note]


@pytest.mark.parametrize(
    "name",
    [
        "FEI-Helios-Ebeam-16bits.tif",
        "fei-sem-rbc.tif",
        "test_tiff_Zeiss_SEM_512pix.tif",
        "zeiss_merlin_test.tif",
    ],
)
def test_pixel_size_is_that_of_rosettasciio(name: str, shared_data: Path) -> None:
    reader = pytest.importorskip("rsciio.tiff", reason="rosettasciio is not installed (extra test)")
    path = shared_data / "instruments" / name
    axis = reader.file_reader(str(path))[0]["axes"][-1]
    assert axis["units"] == "m"
    assert read_micrograph(path).pixel_size_nm == pytest.approx(axis["scale"] * 1e9, rel=1e-3)


def test_the_product_does_not_import_it() -> None:
    # Its licence is the GPL.
    import semcolorize

    for path in Path(semcolorize.__file__).parent.rglob("*.py"):
        assert "rsciio" not in path.read_text(encoding="utf-8")
