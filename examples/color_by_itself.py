"""Color micrographs that nobody hinted, in several ways, and one like another: makes the picture docs/automatic.png.

python examples/color_by_itself.py --out by_itself
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from semcolorize import Colorizer
from semcolorize.color.lab import lightness_to_gray
from semcolorize.color.palette import Palette
from semcolorize.scenes import make_mixture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="side in pixels")
    parser.add_argument("--out", type=Path, default=Path("by_itself"))
    args = parser.parse_args()
    if args.out.exists():
        parser.error(f"{args.out} exists; give another folder with --out.")
    args.out.mkdir(parents=True)

    def gray(scene) -> np.ndarray:
        return np.rint(255 * lightness_to_gray(np.clip(scene.lightness, 0, 100))).astype(np.uint8)

    first, second = gray(make_mixture(213, args.size)), gray(make_mixture(224, args.size))
    grain = gray(make_mixture(201, args.size))
    colorizer = Colorizer.load()

    # Without hints: every kind of structure gets a color, other ones in every variant.
    variants = colorizer.colorize(first, variants=3, seed=2)
    # Colors of a palette only.
    house = colorizer.colorize(grain, palette=Palette.builtin("micrograph"))
    # The first one's colors for another sample.
    like = colorizer.colorize(second, like=variants.rgb[0])
    # Two hints, and a quiet contrasting color for everything else.
    places = ([int(x * args.size), int(y * args.size)] for x, y in ((0.36, 0.66), (0.54, 0.43)))
    hints = [{"point": place, "color": c} for place, c in zip(places, ("#c8553d", "#e0b040"), strict=True)]
    contrast = colorizer.colorize(grain, hints, fill="contrast")

    def shown(plane: np.ndarray) -> np.ndarray:
        return np.repeat(plane[..., None], 3, axis=-1)

    top = [shown(first), *variants.rgb]
    bottom = [shown(second), like.rgb[0], house.rgb[0], contrast.rgb[0]]
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in (top, bottom)])
    Image.fromarray(sheet).save(args.out / "automatic.png")
    print(args.out / "automatic.png")


if __name__ == "__main__":
    main()
