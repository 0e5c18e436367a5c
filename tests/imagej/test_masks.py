"""Our masks against the real ImageJ's, pixel for pixel, for selections of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.color.palette import parse_color
from semcolorize.errors import HintError
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hintfiles.rois import RoiDefaults, read_rois
from semcolorize.hints.rasterize import hint_area

pytestmark = pytest.mark.imagej

RunMacro = Callable[..., Path]

WIDTH, HEIGHT = 160, 120

# Each selection is named after its kind. Numbers are drawn, so that no case is chosen to fit: whole, halves
# (as at 200 % zoom, full of ties) and any. None lies outside the image, where the ROI Manager would move it.
SELECTIONS = r"""
function r(low, high) { return low + (high - low) * random(); }
function half(low, high) { return round(2 * r(low, high)) / 2; }
function c(kind, low, high) {
    if (kind == 0) return round(r(low, high));
    if (kind == 1) return half(low, high);
    return r(low, high);
}
function vertices(kind, n, low, high) {
    values = newArray(n);
    for (v = 0; v < n; v++) values[v] = c(kind, low, high);
    return values;
}
function add(name) {
    Roi.setName(name);
    Roi.setStrokeColor("#ffc83264");
    roiManager("add");
}
random("seed", SEED);
setBatchMode(false);
newImage("canvas", "8-bit black", WIDTH, HEIGHT, 1);
for (i = 0; i < ROUNDS; i++) {
    kind = i % 3;
    makeRectangle(c(kind, -10, 140), c(kind, -10, 100), c(kind, 12, 60), c(kind, 12, 50));
    add("rectangle" + i);
    makeOval(c(kind, -10, 140), c(kind, -10, 100), c(kind, 12, 60), c(kind, 12, 50));
    add("oval" + i);
    makeRotatedRectangle(c(kind, 10, 140), c(kind, 10, 100),
        c(kind, 10, 140), c(kind, 10, 100), c(kind, 3, 30));
    add("rotated" + i);
    makeEllipse(c(kind, 10, 140), c(kind, 10, 100), c(kind, 10, 140), c(kind, 10, 100), r(0.2, 1));
    add("ellipse" + i);
    n = 3 + i;
    xs = vertices(kind, n, -10, 170); ys = vertices(kind, n, -10, 130);
    makeSelection("polygon", xs, ys);
    add("polygon" + i);
    xs = vertices(kind, 20 + i, 20, 140); ys = vertices(kind, 20 + i, 20, 100);
    makeSelection("freehand", xs, ys);
    add("freehand" + i);
    xs = vertices(kind, 4 + i % 5, 10, 150); ys = vertices(kind, 4 + i % 5, 10, 110);
    makeSelection("polygon", xs, ys);
    run("Fit Spline");
    add("spline" + i);
    makeLine(c(kind, 10, 150), c(kind, 10, 110), c(kind, 10, 150), c(kind, 10, 110));
    Roi.setStrokeWidth(c(kind, 1, 12));
    add("line" + i);
    xs = vertices(kind, 3 + i % 4, 15, 145); ys = vertices(kind, 3 + i % 4, 15, 105);
    makeSelection("polyline", xs, ys);
    Roi.setStrokeWidth(c(kind, 1, 12));
    add("polyline" + i);
    xs = vertices(kind, 10, 15, 145); ys = vertices(kind, 10, 15, 105);
    makeSelection("freeline", xs, ys);
    Roi.setStrokeWidth(c(kind, 1, 6));
    add("freeline" + i);
    makeRectangle(round(r(0, 60)), round(r(0, 50)), round(r(10, 90)), round(r(10, 60)), round(r(3, 40)));
    add("rounded" + i);
    makePoint(c(kind, 5, 150), c(kind, 5, 110));
    add("point" + i);
}
makeLine(20, 30, 120, 30, 1);
add("line_horizontal");
makeLine(20.5, 30, 20.5, 90, 4);
add("line_vertical");
makeSelection("polyline", newArray(20, 60, 60), newArray(20, 20, 90));
add("polyline_thin");

// Composites: of straight edges, of curves, of sub-pixel outlines, with holes, and what is left outside.
makeRectangle(20, 20, 80, 60); setKeyDown("alt"); makeRectangle(40, 30, 20, 20); setKeyDown("none");
add("composite_hole");
makeOval(20, 20, 81, 60); setKeyDown("alt"); makeOval(40, 33, 22, 21); setKeyDown("none");
add("composite_ring");
makeRectangle(10, 10, 90, 80, 30); setKeyDown("alt"); makeRectangle(33, 30, 40, 31, 17); setKeyDown("none");
add("composite_rounded");
first = roiManager("count");
makeSelection("polygon", newArray(10.5, 90.25, 50.5), newArray(10.5, 20.5, 90.75)); roiManager("add");
makeSelection("polygon", newArray(60.5, 140.5, 100.5), newArray(50.5, 40.25, 110.5)); roiManager("add");
makeEllipse(20, 30, 100, 80, 0.5); roiManager("add");
makeEllipse(30, 90, 120, 20, 0.3); roiManager("add");
roiManager("select", newArray(first, first + 1)); roiManager("xor");
Roi.setName("composite_subpixel"); Roi.setStrokeColor("#ffc83264"); roiManager("add");
roiManager("select", newArray(first + 2, first + 3)); roiManager("xor");
Roi.setName("composite_ellipses"); Roi.setStrokeColor("#ffc83264"); roiManager("add");
roiManager("select", newArray(first, first + 3)); roiManager("combine");
Roi.setName("composite_union"); Roi.setStrokeColor("#ffc83264"); roiManager("add");
roiManager("select", newArray(first, first + 1, first + 2, first + 3)); roiManager("delete");
makeOval(30, 20, 70, 71); run("Make Inverse");
add("composite_inverse");
makeOval(30, 20, 70, 71); run("Make Band...", "band=7");
add("composite_band");
makeOval(30, 20, 70, 71); run("Enlarge...", "enlarge=6");
add("enlarged");
makeSelection("polygon", newArray(20, 80, 50), newArray(20, 30, 90)); run("Rotate...", "rotate angle=17");
add("turned");
makeSelection("polygon", newArray(20, 80, 50), newArray(20, 30, 90));
run("Scale... ", "x=1.33 y=0.71 centered");
add("scaled");
makeSelection("freehand", newArray(20, 80, 50, 30), newArray(20, 30, 90, 60)); run("Convex Hull");
add("hull");
makeOval(30, 20, 70, 71); setColor(255); fill(); makeRectangle(60, 50, 20, 10); setColor(0); fill();
run("Select None"); doWand(35, 55);
add("traced");
setThreshold(128, 255); run("Create Selection"); resetThreshold();
add("composite_threshold");
roiManager("deselect");
roiManager("save", FOLDER + "RoiSet.zip");
"""

MASKS = r"""
roiManager("reset");
roiManager("open", FOLDER + "RoiSet.zip");
count = roiManager("count");
newImage("masks", "8-bit black", WIDTH, HEIGHT, count);
setForegroundColor(255, 255, 255);
for (i = 0; i < count; i++) {
    setSlice(i + 1);
    roiManager("select", i);
    setSlice(i + 1);
    if (Roi.getType == "line" || Roi.getType == "polyline" || Roi.getType == "freeline") run("Line to Area");
    if (Roi.getType == "point")
        // Draw and Measure take this pixel; Roi.getContainedPoints, oddly, often its neighbor.
        run("Draw", "slice");
    else
        run("Set...", "value=255 slice");
    run("Select None");
}
saveAs("tiff", FOLDER + "masks.tif");
"""


def _macro(*parts: str) -> str:
    head = f'SEED = 7; ROUNDS = 12; WIDTH = {WIDTH}; HEIGHT = {HEIGHT};\nFOLDER = getArgument() + "/";\n'
    # Macro functions see no variables of the macro unless they are declared with var; none needs them.
    return head + "\n".join(parts)


@pytest.fixture(scope="module")
def drawn(run_macro: RunMacro, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    folder = tmp_path_factory.mktemp("masks with spaces")
    run_macro(_macro(SELECTIONS, MASKS), str(folder))
    return folder / "RoiSet.zip", tifffile.imread(folder / "masks.tif") > 0


def test_masks_equal_imagejs(drawn: tuple[Path, np.ndarray]) -> None:
    archive, masks = drawn
    hints, skipped = read_rois(archive, defaults=RoiDefaults(size=1))
    assert not skipped
    assert len(hints) == len(masks)
    wrong = {}
    for hint, mask in zip(hints, masks, strict=True):
        try:
            ours = hint_area(hint, (HEIGHT, WIDTH))
        except HintError:
            ours = np.zeros_like(mask)
        if (ours != mask).any():
            wrong[hint.name] = (int((ours & ~mask).sum()), int((mask & ~ours).sum()))
    assert not wrong, f"{len(wrong)} of {len(masks)} differ (pixels too many, too few): {wrong}"


def test_every_kind_was_compared(drawn: tuple[Path, np.ndarray]) -> None:
    hints, _ = read_rois(drawn[0])
    kinds = {(hint.name or "").rstrip("0123456789") for hint in hints}
    assert {
        "rectangle",
        "oval",
        "rotated",
        "ellipse",
        "polygon",
        "freehand",
        "spline",
        "line",
        "polyline",
        "freeline",
        "rounded",
        "point",
        "traced",
        "composite_hole",
        "composite_rounded",
        "composite_subpixel",
    } <= kinds


def test_what_we_write_is_read_by_imagej(
    drawn: tuple[Path, np.ndarray], run_macro: RunMacro, tmp_path: Path
) -> None:
    """Hints as a TIFF overlay, opened by ImageJ and saved again: the same areas, names and colors."""
    hints, _ = read_rois(drawn[0])
    hints = tuple(replace(hint, strength=0.5, limit=i % 2 == 0) for i, hint in enumerate(hints))
    overlay = [roi.tobytes() for roi in hints_to_rois(hints)]
    tifffile.imwrite(
        tmp_path / "ours.tif",
        np.zeros((HEIGHT, WIDTH), np.uint8),
        imagej=True,
        metadata={"Overlays": overlay},
    )
    macro = 'open(getArgument() + "/ours.tif"); Overlay.activateSelection(0);'
    run_macro(macro + ' saveAs("tiff", getArgument() + "/theirs.tif");', str(tmp_path))
    again, skipped = read_rois(tmp_path / "theirs.tif")
    assert not skipped
    # One selection is active and so stored twice; it counts once.
    assert len(again) == len(hints)
    for before, after in zip(hints, again, strict=True):
        assert after.name == before.name
        assert after.limit == before.limit
        np.testing.assert_allclose(after.lab, before.lab, atol=1e-6)
        assert after.strength == pytest.approx(0.5, abs=1 / 255)
        ours, theirs = (hint_area(hint, (HEIGHT, WIDTH)) for hint in (before, after))
        np.testing.assert_array_equal(theirs, ours, err_msg=str(before.name))


def test_colors_and_groups_of_imagej(run_macro: RunMacro, tmp_path: Path) -> None:
    run_macro(
        r"""
newImage("canvas", "8-bit black", 80, 60, 1);
makeRectangle(1, 2, 10, 12); Roi.setName("plain"); roiManager("add");
makeRectangle(11, 2, 10, 12); Roi.setName("stroked"); Roi.setStrokeColor("#80ff0000"); roiManager("add");
makeRectangle(21, 2, 10, 12); Roi.setName("filled"); Roi.setFillColor("#4000ff00"); roiManager("add");
makeRectangle(31, 2, 10, 12); Roi.setName("grouped"); Roi.setGroup(7); roiManager("add");
makeText("scale bar", 5, 30); Roi.setStrokeColor("red"); Roi.setName("label"); roiManager("add");
makeArrow(5, 50, 30, 50); Roi.setStrokeColor("red"); Roi.setName("arrow"); roiManager("add");
makePoint(60, 40); Roi.setStrokeColor("black"); Roi.setName("black"); roiManager("add");
roiManager("save", getArgument() + "/RoiSet.zip");
""",
        str(tmp_path),
    )
    hints, skipped = read_rois(tmp_path / "RoiSet.zip")
    found = {hint.name: hint for hint in hints}
    assert list(found) == ["stroked", "filled", "grouped", "black"]
    np.testing.assert_allclose(found["stroked"].lab, parse_color("#f00"))
    assert found["stroked"].strength == pytest.approx(128 / 255)
    np.testing.assert_allclose(found["filled"].lab, parse_color("#0f0"))
    assert found["filled"].strength == pytest.approx(64 / 255)
    np.testing.assert_allclose(found["black"].lab, (0, 0, 0), atol=1e-9)
    reasons = {skip.origin.removeprefix("RoiSet.zip: "): skip.reason for skip in skipped}
    assert reasons["plain"].startswith("without a color")
    assert (reasons["label"], reasons["arrow"]) == ("a text label", "an arrow")

    hints, _ = read_rois(tmp_path / "RoiSet.zip", colors={"7": "blue", "pl*": "lime"})
    found = {hint.name: hint for hint in hints}
    np.testing.assert_allclose(found["group 7"].lab, parse_color("blue"))
    np.testing.assert_allclose(found["pl"].lab, parse_color("lime"))
