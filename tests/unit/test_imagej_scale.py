"""Windows of ImageJ whose only scale is the resolution of a print: the instrument's is taken from their file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from semcolorize.imagej import convert, jobs
from semcolorize.imagej.requests import ColorizeJob
from semcolorize.micrograph.reading import micrograph_from_array

TEXT = "[System]\r\nSystemType=Synthetic\r\n[Scan]\r\nPixelWidth=2.5e-9\r\nPixelHeight=2.5e-9\r\n"


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (60, 80)).astype(np.uint8)


@pytest.fixture
def original(tmp_path: Path, pixels: np.ndarray) -> Path:
    path = tmp_path / "sem.tif"
    tifffile.imwrite(path, pixels, metadata=None, resolution=(96, 96), extratags=[(34682, "s", 0, TEXT, True)])
    return path


def window(path: Path, size: float, unit: str) -> SimpleNamespace:
    scale = SimpleNamespace(scaled=lambda: True, pixelWidth=size, pixelHeight=size, getUnit=lambda: unit)
    file = SimpleNamespace(directory=f"{path.parent}/", fileName=path.name)
    return SimpleNamespace(
        getCalibration=lambda: scale, getOriginalFileInfo=lambda: file, getCurrentSlice=lambda: 1
    )  # fmt: skip


@pytest.mark.parametrize(
    ("size", "unit", "expected"),
    [(1 / 96, "inch", 2.5), (1 / 96, "inches", 2.5), (1 / 67, "cm", 2.5), (7.0, "nm", 7.0), (0.025, "mm", 25_000)],
)
def test_in_python(size: float, unit: str, expected: float, original: Path, pixels: np.ndarray) -> None:
    imp = window(original, size, unit)
    shown = micrograph_from_array(pixels, calibration=convert._calibration(imp))
    found = convert._with_instrument(shown, imp, False)
    assert found.pixel_size_nm == pytest.approx(expected)
    # Changed since it was opened: its file no longer describes it.
    other = micrograph_from_array(pixels[:, ::-1], calibration=convert._calibration(imp))
    known = convert._with_instrument(other, imp, False).pixel_size_nm
    assert known == (None if expected == 2.5 else pytest.approx(expected))
    imp.getOriginalFileInfo = lambda: None
    assert convert._with_instrument(shown, imp, False) is shown


@pytest.mark.parametrize(("resolution", "unit", "expected"), [(96, "inch", 2.5), (1 / 7, "nm", 7.0)])
def test_in_macros(
    resolution: float, unit: str, expected: float, original: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "image.tif", pixels, imagej=True, resolution=(resolution, resolution),
                     metadata={"unit": unit})  # fmt: skip
    job = ColorizeJob(kind="colorize", image="image.tif", title="sem.tif", original=str(original))
    micrograph, _ = jobs._read(job, job, tmp_path)
    assert micrograph.pixel_size_nm == pytest.approx(expected)
    assert micrograph.instrument is not None and micrograph.instrument.model == "Synthetic"
