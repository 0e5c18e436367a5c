"""ImageJ inside Python. One Java machine a process, so each scenario is a process of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.imagej

JAR = Path("/usr/share/java/ij.jar")

START = """
import numpy as np
from semcolorize import Colorizer
from semcolorize.imagej import convert, gateway
import sys
ij = gateway.start(sys.argv[1] if sys.argv[1] else None, mode=sys.argv[2])
from scyjava import jimport
IJ, Roi, OvalRoi, PointRoi, Color, Overlay, ImagePlus, ByteProcessor = (
    jimport(n) for n in ("ij.IJ", "ij.gui.Roi", "ij.gui.OvalRoi", "ij.gui.PointRoi", "java.awt.Color",
                         "ij.gui.Overlay", "ij.ImagePlus", "ij.process.ByteProcessor"))
def colored(roi, name, rgb):
    roi.setName(name); roi.setStrokeColor(Color(*rgb)); return roi
def rois():
    return [colored(OvalRoi(100, 38, 20, 20), "grain ä", (209, 73, 91)),
            colored(PointRoi(20, 90), "ground", (42, 157, 143))]
def open_image(kind="8-bit ramp"):
    imp = IJ.createImage("grains.tif", kind, 160, 120, 1)
    cal = imp.getCalibration(); cal.pixelWidth = cal.pixelHeight = 12.5; cal.setUnit("nm")
    return imp
def rgb_of(imp):
    stack = imp.getStack()
    planes = [np.frombuffer(memoryview(stack.getPixels(i + 1)), np.uint32).reshape(imp.getHeight(), imp.getWidth())
              for i in range(imp.getStackSize())]
    return np.stack([np.stack([(p >> s & 255).astype(np.uint8) for s in (16, 8, 0)], -1) for p in planes])
"""

PIXELS = """
imp = open_image()
out = gateway.colorize(ij, imp, rois(), variants=2, seed=3)
image = convert.micrograph_from_imageplus(imp)
assert image.calibration.unit == "nm" and image.calibration.x_size == 12.5 and image.path == "grains.tif"
own = Colorizer.load().colorize(image, convert.hints_from_java(rois()), variants=2, seed=3)
assert (rgb_of(out) == own.rgb).all() and out.getStackSize() == 2
assert str(out.getTitle()) == "grains colored" and str(out.getStack().getSliceLabel(2)) == "variant 2, seed 3"
assert out.getCalibration().pixelWidth == 12.5 and str(out.getCalibration().getUnit()) == "nm"
assert out.getOverlay().size() == 2 and "provenance" in str(out.getProperty("Info"))
imp.setOverlay(Overlay(rois()[0]))
assert gateway.colorize(ij, imp).getOverlay().size() == 1
imp.setOverlay(None); imp.setRoi(rois()[0])
assert gateway.colorize(ij, imp).getOverlay().size() == 1
assert imp.getBitDepth() == 8 and imp.getRoi() is not None
"""

DEPTHS = """
for kind, dtype in (("8-bit ramp", np.uint8), ("16-bit ramp", np.uint16), ("32-bit ramp", np.float32),
                    ("RGB ramp", np.uint8)):
    imp = open_image(kind)
    if kind.startswith("16"): imp.setDisplayRange(1000, 50000)
    image = convert.micrograph_from_imageplus(imp)
    assert image.shape == (120, 160) and image.pixels.dtype == dtype, kind
    ip = imp.getProcessor()
    for x, y in ((0, 0), (159, 119), (80, 7)):
        value = ip.getPixelValue(x, y)
        assert abs(float(image.pixels[y, x]) - value) < 1e-6, (kind, x, y)
    if kind.startswith("16"): assert image.display_range == (1000, 50000)
"""

ROUND_TRIP = """
from semcolorize.color.palette import NamedColor
hints = convert.hints_from_java(rois())
back = convert.hints_to_java(hints)
for one, two in zip(rois(), back):
    assert str(one.getName()) == str(two.getName()) and one.getTypeAsString() == two.getTypeAsString()
    assert one.getStrokeColor().getRGB() == two.getStrokeColor().getRGB()
    assert str(one.getFloatBounds()) == str(two.getFloatBounds())
    again = convert.hints_from_java([two])
    a, b = hints.hints[[r.getName() for r in rois()].index(one.getName())], again.hints[0]
    assert type(a) is type(b) and a.name == b.name and NamedColor("", a.lab).hex == NamedColor("", b.lab).hex
"""

REAL_ROIS = """
import collections, os, pathlib
from semcolorize.errors import HintError
from semcolorize.hintfiles.roi_archive import stored_rois
from semcolorize.hints.model import scale_hint
from semcolorize.hints.rasterize import hint_window
from jpype import JArray
Decoder = jimport("ij.io.RoiDecoder")
counts = collections.Counter()
for path in sorted(pathlib.Path(os.environ["ROIS"]).rglob("*")):
    if path.suffix.lower() not in (".roi", ".zip"): continue
    for name, stored in stored_rois(path):
        roi = Decoder(JArray.of(np.frombuffer(stored.tobytes(), np.int8)), name).getRoi()
        if roi is None: counts["unreadable for ImageJ"] += 1; continue
        if roi.getFillColor() is None and roi.getStrokeColor() is None: roi.setStrokeColor(Color(46, 139, 87))
        try: first = convert.hints_from_java([roi])
        except HintError as error:
            assert any(kind in str(error) for kind in ("an arrow", "an angle", "a text label")), (path, error)
            counts["refused"] += 1; continue
        second = convert.hints_from_java(convert.hints_to_java(first))
        assert [h.name for h in first] == [h.name for h in second], path
        assert len(first) == len(second), path
        for a, b in zip(first, second):
            assert NamedColor("", a.lab).hex == NamedColor("", b.lab).hex and abs(a.strength - b.strength) < 0.003, path
            try: one = hint_window(a, (4000, 4000))
            except HintError: counts["outside"] += 1; continue
            two = hint_window(b, (4000, 4000))
            assert one[:2] == two[:2] and (one[2] == two[2]).all(), (path, a, b)
            counts[type(a).__name__] += 1
print(dict(counts))
assert sum(counts.values()) > 60 and counts["RegionHint"] > 30, counts
"""

PLANES = """
# Whether a ROI belongs to a plane is what ImageJ itself draws on it.
CompositeImage, Encoder = jimport("ij.CompositeImage"), jimport("ij.io.RoiEncoder")
from semcolorize.hintfiles.roi_archive import decode_roi
def black(*sizes): return IJ.createImage("planes", "8-bit black", 12, 12, *sizes)
images = {"stack": black(5), "hyperstack": black(2, 3, 2), "no slices": black(2, 1, 3),
          "composite": CompositeImage(black(2, 3, 2), 1), "channel by channel": CompositeImage(black(2, 3, 2), 2)}
places = [(n,) for n in range(6)]
places += [(c, z, t) for c in range(3) for z in range(4) for t in range(3) if c or z or t]
seen = {True: 0, False: 0}
for kind, imp in images.items():
    for index in range(1, imp.getStackSize() + 1):
        imp.setSlice(index)
        plane = convert.plane_of(imp)
        for place in places:
            if kind == "stack" and len(place) == 3: continue  # ImageJ shows those nowhere
            roi = Roi(3, 3, 6, 6); roi.setPosition(*place); roi.setFillColor(Color.red)
            imp.setOverlay(Overlay(roi))
            drawn = int(imp.flatten().getProcessor().getPixel(5, 5)) & 0xffffff == 0xff0000
            (hint,) = convert.hints_from_java([roi]).hints
            assert plane.shows(hint.position) == drawn, (kind, index, place, plane)
            seen[drawn] += 1
assert min(seen.values()) > 100, seen

# The plane's own pixels and hints; what is left out is said.
imp = CompositeImage(IJ.createImage("planes", "16-bit black", 160, 120, 2, 3, 2), 1)
for i in range(1, 13): imp.getStack().getProcessor(i).add(100 * i)
imp.setPosition(2, 3, 1)
image = convert.micrograph_from_imageplus(imp)
assert (image.pixels == 100 * imp.getCurrentSlice()).all() and imp.getCurrentSlice() == 6
here, away = rois()
here.setPosition(0, 3, 1); away.setPosition(0, 2, 1)
imp.getStack().setProcessor(open_image("16-bit ramp").getProcessor(), 6)
imp.setOverlay(Overlay()); imp.getOverlay().add(here); imp.getOverlay().add(away)
for out in (gateway.colorize(ij, imp), gateway.colorize(ij, imp, [here, away])):
    assert [str(roi.getName()) for roi in out.getOverlay().toArray()] == ["grain ä"]
    assert "on other planes" in str(out.getProperty("Info"))
hints = convert.hints_from_java([here, away], plane=convert.plane_of(imp))
said = str(hints.skipped[0])
assert said.startswith("1 hint: on other planes") and "slice 3, frame 1" in said, said

# A multi-point has a slice for each of its points.
stack = black(3)
stack.setSlice(1); points = PointRoi(2, 2); points.addPoint(stack, 3, 3)
stack.setSlice(3); points.addPoint(stack, 7, 8)
stack.setSlice(3); colored(points, "p", (209, 73, 91))
hints = convert.hints_from_java([points], plane=convert.plane_of(stack))
assert 1 <= len(hints) <= 2 and (round(hints.hints[-1].column), round(hints.hints[-1].row)) in ((7, 8), (8, 8)), hints
assert "hint: on other planes" in str(hints.skipped[0]) or "hints: on other planes" in str(hints.skipped[0])
"""

MANAGER = r"""
imp = open_image(); imp.show()
Manager = jimport("ij.plugin.frame.RoiManager")
manager = Manager.getRoiManager()
for roi in rois(): manager.addRoi(roi)
out = gateway.colorize_active(ij, variants=1)
assert out.getOverlay().size() == 2 and out.isVisible()
assert [h.name for h in convert.hints_from_java(manager)] == ["grain ä", "ground"]
manager.reset()
for roi in convert.hints_to_java(convert.hints_from_java(rois())): manager.addRoi(roi)
assert manager.getCount() == 2 and str(manager.getRoi(0).getName()) == "grain ä"

# The script for Fiji's Python mode, with what Fiji would give for its parameters.
import os, pathlib, re
script = pathlib.Path(os.environ["SCRIPT"]).read_text(encoding="utf-8")
asked = re.findall(r"^#@ +\w+ +(?:\(.*\) +)?(\w+)$", script, re.MULTILINE)
given = {"ij": ij, "variants": 2, "seed": 5, "fill": "gray", "spread": "alike"}
assert asked == list(given), asked
jimport("ij.WindowManager").setTempCurrentImage(imp)
exec(compile(script, "fiji_python_mode.py", "exec"), given)
shown = given["colored"]
assert shown.isVisible() and shown.getStackSize() == 2 and shown.getOverlay().size() == 2
assert str(shown.getStack().getSliceLabel(1)) == "variant 1, seed 5"
"""

REFUSED = """
from semcolorize.errors import BridgeError, HintError
for call, said in ((lambda: gateway.colorize_active(ij), "no image open"),
                   (lambda: gateway.colorize(ij, None), "no image open"),
                   (lambda: gateway.colorize(ij, open_image(), [Roi(1, 1, 5, 5)]), "without a color")):
    try: call()
    except (BridgeError, HintError) as error: assert said in str(error), error
    else: raise AssertionError(said)
"""


def process(code, where="", mode="headless", *, screen=False):
    words = [sys.executable, "-c", START + code, str(where), mode]
    if screen:
        words = ["xvfb-run", "-a", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
    answer = subprocess.run(words, capture_output=True, text=True, timeout=240, env=environment)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.fixture
def bridge():
    missing = None
    if importlib.util.find_spec("scyjava") is None:
        missing = "the extra [imagej] is not installed"
    elif not JAR.exists() or shutil.which("java") is None:
        missing = "ImageJ is not installed (Debian packages libij-java, openjdk-17-jre)"
    if missing and os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{missing}; with CI=true this must run")
    if missing:
        pytest.skip(missing)


@pytest.mark.parametrize(
    "code", [PIXELS, DEPTHS + ROUND_TRIP + REFUSED, PLANES], ids=["pixels", "conversions", "planes"]
)
def test_plain_imagej_without_network_or_screen(bridge, code):
    process(code, JAR)


def test_roi_manager_windows_and_the_script_for_python_mode(bridge, imagej_command, monkeypatch):
    monkeypatch.setenv("SCRIPT", str(Path(__file__).resolve().parents[2] / "examples" / "fiji_python_mode.py"))
    process(MANAGER, JAR, "interactive", screen=True)


def test_real_rois_keep_geometry_name_and_color_both_ways(bridge, shared_data, monkeypatch):
    monkeypatch.setenv("ROIS", str(shared_data / "rois"))
    process("from semcolorize.color.palette import NamedColor\n" + REAL_ROIS, JAR)


def test_the_example_runs(bridge, tmp_path):
    import tifffile

    example = Path(__file__).resolve().parents[2] / "examples" / "imagej_from_python.py"
    words = [sys.executable, str(example), "--imagej", str(JAR), "--out", str(tmp_path / "o.tif")]
    subprocess.run(words, check=True, timeout=240, capture_output=True)
    assert tifffile.imread(tmp_path / "o.tif").shape == (2, 240, 320, 3)


def test_a_wrong_folder_is_refused(bridge, tmp_path):
    from semcolorize.errors import BridgeError
    from semcolorize.imagej import gateway

    for where, said in ((tmp_path, "neither jars"), (tmp_path / "none", "no such file")):
        with pytest.raises(BridgeError, match=said):
            gateway.start(where)
    with pytest.raises(BridgeError, match="headless, gui"):
        gateway.start(tmp_path, mode="quiet")


@pytest.mark.skipif(not os.environ.get("SEMCOLORIZE_FIJI"), reason="SEMCOLORIZE_FIJI names no Fiji.app to test with")
def test_a_whole_fiji():
    process(PIXELS + DEPTHS + ROUND_TRIP + PLANES, os.environ["SEMCOLORIZE_FIJI"])
