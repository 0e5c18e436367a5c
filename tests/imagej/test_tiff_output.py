"""Our TIFFs as the real ImageJ opens them, and ImageJ's TIFFs as we read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from roifile import ImagejRoi

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.reading import read_micrograph
from semcolorize.micrograph.tiff import write_color_tiff

pytestmark = pytest.mark.imagej

RunMacro = Callable[..., Path]

# Writes what ImageJ knows of the image, then the red, green and blue it shows of each slice as raw files.
REPORT = """
path = getArgument();
open(path);
Stack.getDimensions(width, height, channels, slices, frames);
getVoxelSize(x, y, z, unit);
text = "" + width + " " + height + " " + channels + " " + slices + " " + frames + " " + nSlices + "\\n";
text = text + d2s(x, 12) + "|" + d2s(y, 12) + "|" + replace(unit, fromCharCode(181), "u") + "\\n";
text = text + "overlay " + Overlay.size + "\\n";
text = text + "bits " + bitDepth() + " hyperstack " + Stack.isHyperstack + "\\n";
for (i = 1; i <= nSlices; i++) {
    setSlice(i);
    text = text + "label " + getInfo("slice.label") + "\\n";
}
text = text + getMetadata("Info");
File.saveString(text, "report.txt");
"""

SHOWN = """
saved = getTitle();
for (i = 1; i <= slices; i++) {
    selectImage(saved);
    if (channels == 3) {
        Stack.setSlice(i);
        Overlay.hide;
        run("Duplicate...", "title=slice duplicate channels=1-3 slices=" + i);
        run("RGB Color");
    } else {
        setSlice(i);
        Overlay.hide;
        run("Duplicate...", "title=slice");
    }
    run("Remove Overlay");
    saveAs("Tiff", "shown" + i + ".tif");
    close();
}
"""


def rois() -> list[bytes]:
    """A polygon and a point with names and colors, as an overlay holds them."""
    area = ImagejRoi.frompoints(np.array([[3, 4], [20, 4], [12, 22]], np.float32))
    area.name, area.stroke_color = "grain", b"\xff\xd1\x49\x5b"
    point = ImagejRoi.frompoints(np.array([[10, 10]], np.float32))
    point.name, point.stroke_color = "wall", b"\xff\x2e\x8b\x57"
    return [area.tobytes(), point.tobytes()]


def variants(dtype: type) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.integers(0, np.iinfo(dtype).max + 1, (3, 30, 41, 3)).astype(dtype)


def report_of(folder: Path) -> tuple[list[str], str]:
    text = (folder / "report.txt").read_text(encoding="utf-8", errors="replace")
    return text.splitlines(), text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_imagej_opens_what_we_write(dtype: type, run_macro: RunMacro, tmp_path: Path) -> None:
    rgb = variants(dtype)
    path = write_color_tiff(
        tmp_path / "färbung 1.tif" if dtype == np.uint8 else tmp_path / "sixteen.tif",
        rgb,
        labels=["variant 1", "variant 2", "variant 3"],
        calibration=Calibration(0.0123456789, 0.0223, "µm"),
        info="EHT = 5.00 kV\nWD = 3.9 mm",
        overlays=rois(),
        metadata='{"seed": 3}',
    )
    folder = run_macro(REPORT + SHOWN, str(path))
    lines, text = report_of(folder)
    channels = 1 if dtype == np.uint8 else 3
    assert lines[0] == f"41 30 {channels} 3 1 {3 * channels}"
    x_size, y_size, unit = lines[1].split("|")
    assert float(x_size) == pytest.approx(0.0123456789, rel=1e-6)
    assert float(y_size) == pytest.approx(0.0223, rel=1e-6)
    assert unit in ("um", "microns")
    assert lines[2] == "overlay 2"
    assert lines[3] == ("bits 24 hyperstack 0" if dtype == np.uint8 else "bits 16 hyperstack 1")
    labels = [line.removeprefix("label ") for line in lines if line.startswith("label ")]
    if dtype == np.uint8:
        assert labels == ["variant 1", "variant 2", "variant 3"]
    else:
        assert labels[:4] == [
            "variant 1 (red)",
            "variant 1 (green)",
            "variant 1 (blue)",
            "variant 2 (red)",
        ]
    for part in ("EHT = 5.00 kV", "semcolorize provenance (JSON)", '{"seed": 3}'):
        assert part in text
    for i, expected in enumerate(rgb, start=1):
        shown = tifffile.imread(folder / f"shown{i}.tif")
        if dtype == np.uint8:
            np.testing.assert_array_equal(shown, expected)
        else:
            # ImageJ brings 16 bits to 8 in 256 steps of 256, not 255 of 257.
            assert np.abs(shown.astype(float) - expected / 257).max() <= 1.5


def test_sixteen_bit_values_are_whole(run_macro: RunMacro, tmp_path: Path) -> None:
    rgb = variants(np.uint16)
    path = write_color_tiff(tmp_path / "a.tif", rgb)
    folder = run_macro('open(getArgument()); saveAs("Tiff", "again.tif");', str(path))
    again = tifffile.imread(folder / "again.tif")
    np.testing.assert_array_equal(np.moveaxis(again, -3, -1), rgb)


def test_a_single_variant_is_a_plain_image(run_macro: RunMacro, tmp_path: Path) -> None:
    path = write_color_tiff(tmp_path / "one.tif", variants(np.uint8)[:1], labels=["variant 1"])
    lines, _ = report_of(run_macro(REPORT, str(path)))
    assert lines[0] == "41 30 1 1 1 1"


def test_other_units_survive(run_macro: RunMacro, tmp_path: Path) -> None:
    path = write_color_tiff(
        tmp_path / "nm.tif", variants(np.uint8)[:1], calibration=Calibration(7.70833, 7.70833, "nm")
    )
    lines, _ = report_of(run_macro(REPORT, str(path)))
    assert lines[1].split("|")[2] == "nm"
    assert float(lines[1].split("|")[0]) == pytest.approx(7.70833, rel=1e-6)


def test_we_read_what_imagej_saves(run_macro: RunMacro) -> None:
    source = """
    newImage("s", "16-bit ramp", 64, 40, 3);
    run("Properties...", "unit=um pixel_width=0.025 pixel_height=0.05 voxel_depth=1");
    setMinAndMax(1000, 30000);
    setMetadata("Info", "an instrument's words");
    saveAs("Tiff", "sixteen.tif");
    close();
    newImage("f", "32-bit ramp", 64, 40, 1);
    setMinAndMax(0.25, 0.5);
    saveAs("Tiff", "float.tif");
    close();
    newImage("b", "8-bit ramp", 64, 40, 1);
    run("Invert LUT");
    saveAs("Tiff", "inverted.tif");
    close();
    newImage("c", "8-bit ramp", 64, 40, 1);
    run("Fire");
    saveAs("Tiff", "fire.tif");
    close();
    newImage("r", "8-bit ramp", 64, 40, 1);
    run("RGB Color");
    saveAs("Tiff", "rgb.tif");
    close();
    """
    folder = run_macro(source)
    sixteen = read_micrograph(folder / "sixteen.tif", page=2)
    assert (sixteen.page, sixteen.pages) == (2, 3)
    assert sixteen.pixels.dtype == np.uint16
    assert sixteen.display_range == (1000, 30000)
    assert sixteen.range_source == "ImageJ display range"
    assert sixteen.calibration == Calibration(pytest.approx(0.025), pytest.approx(0.05), "µm")
    assert sixteen.pixel_size_nm == pytest.approx(25)
    assert "an instrument's words" in (sixteen.info or "")
    assert sixteen.clipped[0] > 0
    floating = read_micrograph(folder / "float.tif")
    assert floating.pixels.dtype == np.float32
    assert floating.display_range == (0.25, 0.5)
    inverted = read_micrograph(folder / "inverted.tif")
    assert inverted.lightness[0, 0] > 95
    assert inverted.lightness[0, -1] < 5
    rgb = read_micrograph(folder / "rgb.tif")
    assert rgb.pixels.dtype == np.uint8
    assert rgb.notes == ()
    with pytest.raises(ImageReadError, match="color image"):
        read_micrograph(folder / "fire.tif")
