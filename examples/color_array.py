"""Color a NumPy array from two hints, three variants, and save what a paper needs.

python examples/color_array.py --out array_color.tif
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from semcolorize import Colorizer, PointHint, RegionHint
from semcolorize.color.palette import parse_color
from semcolorize.hints.model import Oval
from semcolorize.scenes import make_scene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("array_color.tif"))
    parser.add_argument("--overwrite", action="store_true")
    arguments = parser.parse_args()

    # Any (H, W) array will do: 8 or 16 bit, or floating point.
    scene = make_scene(3, (256, 320), families=["spheres", "rods"], substrate="rough")
    image = np.rint(scene.lightness * 655.35).astype(np.uint16)

    places = {}
    for name in ("spheres", "rods"):
        rows, columns = np.nonzero(scene.classes == scene.family_of_class.index(name))
        middle = len(rows) // 2
        places[name] = (float(rows[middle]), float(columns[middle]))
    hints = [
        PointHint(
            row=places["spheres"][0], column=places["spheres"][1], size=7, lab=parse_color("#d1495b"), name="sphere"
        ),
        RegionHint(shape=Oval(places["rods"][0] - 4, places["rods"][1] - 4, 8, 8), lab=parse_color("teal"), name="rod"),
    ]
    colorizer = Colorizer.load("default", device="auto")
    result = colorizer.colorize(image, hints, variants=3, seed=0)
    print(result.rgb.shape, result.rgb.dtype, "on", result.provenance.device)
    for row in result.legend_rows():
        print(row)
    for path in result.save(arguments.out, overwrite=arguments.overwrite):
        print(path)


if __name__ == "__main__":
    main()
