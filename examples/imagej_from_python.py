"""Color an image that is open in ImageJ, from Python. Works like a notebook: run it cell by cell, or as a whole.

    python examples/imagej_from_python.py --imagej /path/to/Fiji.app --out colored.tif

Without --imagej it takes the Fiji in SEMCOLORIZE_FIJI, else Debian's ij.jar. No network and no screen are needed.
"""

# %% Start ImageJ; there is one a process.
import argparse

from semcolorize.imagej import convert, gateway

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("--imagej", help="Fiji folder or ij.jar")
parser.add_argument("--out", default="imagej_colored.tif")
options = parser.parse_args()

ij = gateway.start(options.imagej)
print("ImageJ", ij.version, "from", ij.home)

# %% An image with two colored ROIs. With one of your own: imp = IJ.openImage("grains.tif")
from scyjava import jimport  # noqa: E402

IJ, OvalRoi, PointRoi, Color = (
    jimport(name) for name in ("ij.IJ", "ij.gui.OvalRoi", "ij.gui.PointRoi", "java.awt.Color")
)
imp = IJ.createImage("ramp", "8-bit ramp", 320, 240, 1)
grain, ground = OvalRoi(240, 80, 40, 40), PointRoi(60, 200)
for roi, name, color in ((grain, "grain", Color(209, 73, 91)), (ground, "ground", Color(42, 157, 143))):
    roi.setName(name)
    roi.setStrokeColor(color)

# %% Color it: an RGB stack, a slice a variant.
colored = gateway.colorize(ij, imp, [grain, ground], variants=2, seed=0)
print(colored.getTitle(), colored.getStackSize(), "variants")

# %% ROIs and hints pass in both directions.
hints = convert.hints_from_java([grain, ground])
print([(hint.name, type(hint).__name__) for hint in hints], "->", convert.hints_to_java(hints))

# %% Save it as ImageJ does.
IJ.saveAsTiff(colored, options.out)
print("wrote", options.out)
