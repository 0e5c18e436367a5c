"""Our masks against the real ImageJ's, pixel for pixel, for selections of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import RunMacro

from semcolorize.errors import HintError
from semcolorize.hintfiles.rois import RoiDefaults, read_rois
from semcolorize.hints.rasterize import hint_area

pytestmark = pytest.mark.imagej

WIDTH, HEIGHT = 160, 120

# Each selection is named after its kind. Numbers are drawn, so that no case is chosen to fit.
SELECTIONS = r"""
function r(low, high) { return low + (high - low) * random(); }
function half(low, high) { return round(2 * r(low, high)) / 2; }
function coordinate(kind, low, high) {
    if (kind == 0) return round(r(low, high));
    if (kind == 1) return half(low, high);
    return r(low, high);
}
function vertices(kind, n, low, high) {
    values = newArray(n);
    for (v = 0; v < n; v++) values[v] = coordinate(kind, low, high);
    return values;
}
function add(name) {
    Roi.setName(name);
    Roi.setStrokeColor("#ff" + "c83264");
    roiManager("add");
}
random("seed", 7);
setBatchMode(false);
newImage("canvas", "8-bit black", WIDTH, HEIGHT, 1);
for (i = 0; i < 12; i++) {
    kind = i % 3;
    makeRectangle(coordinate(kind, -10, 140), coordinate(kind, -10, 100), coordinate(kind, 1, 60), coordinate(kind, 1, 50));
    add("rectangle" + i);
    makeOval(coordinate(kind, -10, 140), coordinate(kind, -10, 100), coordinate(kind, 1, 60), coordinate(kind, 1, 50));
    add("oval" + i);
    makeRotatedRectangle(coordinate(kind, 10, 140), coordinate(kind, 10, 100), coordinate(kind, 10, 140), coordinate(kind, 10, 100), coordinate(kind, 3, 30));
    add("rotated" + i);
    makeEllipse(coordinate(kind, 10, 140), coordinate(kind, 10, 100), coordinate(kind, 10, 140), coordinate(kind, 10, 100), r(0.2, 1));
    add("ellipse" + i);
    n = 3 + i;
    makeSelection("polygon", vertices(kind, n, -10, 170), vertices(kind, n, -10, 130));
    add("polygon" + i);
    makeSelection("freehand", vertices(kind, 20 + i, 20, 140), vertices(kind, 20 + i, 20, 100));
    add("freehand" + i);
    makeSelection("polygon", vertices(kind, 4 + i % 5, 10, 150), vertices(kind, 4 + i % 5, 10, 110));
    run("Fit Spline");
    add("spline" + i);
    makeLine(coordinate(kind, 10, 150), coordinate(kind, 10, 110), coordinate(kind, 10, 150), coordinate(kind, 10, 110));
    Roi.setStrokeWidth(coordinate(kind, 1, 12));
    add("line" + i);
    makeSelection("polyline", vertices(kind, 3 + i % 4, 15, 145), vertices(kind, 3 + i % 4, 15, 105));
    Roi.setStrokeWidth(coordinate(kind, 1, 12));
    add("polyline" + i);
    makeSelection("freeline", vertices(kind, 10, 15, 145), vertices(kind, 10, 15, 105));
    Roi.setStrokeWidth(coordinate(kind, 1, 6));
    add("freeline" + i);
    makeRectangle(round(r(0, 60)), round(r(0, 50)), round(r(10, 90)), round(r(10, 60)), round(r(3, 40)));
    add("rounded" + i);
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
makeSelection("polygon", newArray(10.5, 90.25, 50.5), newArray(10.5, 20.5, 90.75)); setKeyDown("shift");
makeSelection("polygon", newArray(60.5, 140.5, 100.5), newArray(50.5, 40.25, 110.5)); setKeyDown("none");
add("composite_subpixel");
makeEllipse(20, 30, 100, 80, 0.5); setKeyDown("shift"); makeEllipse(30, 90, 120, 20, 0.3); setKeyDown("none");
add("composite_ellipses");
makeOval(30, 20, 70, 71); run("Make Inverse");
add("composite_inverse");
makeOval(30, 20, 70, 71); run("Make Band...", "band=7");
add("composite_band");
makeOval(30, 20, 70, 71); run("Enlarge...", "enlarge=6");
add("enlarged");
makeSelection("polygon", newArray(20, 80, 50), newArray(20, 30, 90)); run("Rotate...", "rotate angle=17");
add("turned");
makeSelection("polygon", newArray(20, 80, 50), newArray(20, 30, 90)); run("Scale... ", "x=1.33 y=0.71 centered");
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
for (i = 0; i < count; i++) {
    setSlice(i + 1);
    roiManager("select", i);
    setSlice(i + 1);
    if (Roi.getType == "line" || Roi.getType == "polyline" || Roi.getType == "freeline") run("Line to Area");
    run("Set...", "value=255 slice");
    run("Select None");
}
saveAs("tiff", FOLDER + "masks.tif");
"""


def _macro(*parts: str) -> str:
    head = f'WIDTH = {WIDTH}; HEIGHT = {HEIGHT};\nFOLDER = getArgument() + "/";\n'
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
