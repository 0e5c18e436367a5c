"""From ROIs drawn in the real ImageJ to a colored stack that the real ImageJ opens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from semcolorize.color.lab import rgb_to_lab
from semcolorize.micrograph.reading import read_micrograph

DRAW = """
setBatchMode(true);
open(getArgument());
run("ROI Manager...");
makeOval(1200, 820, 300, 260); Roi.setStrokeColor("#e2a33a"); Roi.setName("pollen"); roiManager("add");
makePoint(700, 800); Roi.setStrokeColor("#e2a33a"); Roi.setName("pollen left"); roiManager("add");
makePolygon(2400, 900, 2520, 950, 2450, 1150); Roi.setFillColor("#805a9e4b"); Roi.setName("stigma"); roiManager("add");
makePoint(120, 500); Roi.setStrokeColor("gray"); Roi.setName("ground"); roiManager("add");
makeRectangle(10, 10, 30, 30); Roi.setName("without a color"); roiManager("add");
roiManager("save", "{zip}");
"""

LOOK = """
setBatchMode(true);
open(getArgument());
run("Select None");
text = "" + nSlices + "\\n" + bitDepth() + "\\n" + Overlay.size + "\\n" + getInfo("slice.label") + "\\n";
setSlice(2); text += getInfo("slice.label") + "\\n" + getPixel(1350, 960);
File.saveString(text, "{out}");
"""


@pytest.mark.imagej
def test_rois_drawn_in_imagej_color_a_micrograph(run_macro, shared_data, tmp_path):
    source = shared_data / "gray_sem" / "PolenHibisco_850X_rgb.png"
    rois = tmp_path / "RoiSet.zip"
    run_macro(DRAW.replace("{zip}", str(rois)), str(source))
    words = ["colorize", str(source), "--hints", str(rois), "--variants", "3", "-o", "out.tif", "--json"]
    answer = subprocess.run(
        [sys.executable, "-m", "semcolorize", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    assert "without a color" in answer.stderr
    legend = {entry["name"]: entry for entry in json.loads(answer.stdout)["legend"]}
    assert {"pollen", "pollen left", "stigma", "ground"} <= set(legend)

    image = read_micrograph(source)
    stack = tifffile.imread(tmp_path / "out.tif")
    assert stack.shape == (3, 2048, 2560, 3)
    for rgb in stack:
        assert np.abs(rgb_to_lab(rgb / 255)[..., 0] - image.lightness).max() <= 0.5
    bar = json.loads((tmp_path / "out.json").read_text())["databar_row"]
    gray = np.asarray(Image.open(source).convert("L"))
    np.testing.assert_array_equal(stack[0, bar:], np.repeat(gray[bar:, :, None], 3, axis=2))

    seen = tmp_path / "seen.txt"
    run_macro(LOOK.replace("{out}", str(seen)), str(tmp_path / "out.tif"))
    slices, depth, overlays, first, second, pixel = Path(seen).read_text().splitlines()
    assert (slices, depth, overlays) == ("3", "24", "4")
    assert first.startswith("variant 1") and second.startswith("variant 2")
    red, green, blue = stack[1, 960, 1350].tolist()
    assert int(float(pixel)) & 0xFFFFFF == (red << 16) + (green << 8) + blue
