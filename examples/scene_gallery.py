"""Write a contact sheet of procedural micrographs: each gray, and beside it colored after a plan.

python examples/scene_gallery.py --seed 0 --count 24 --size 160 --out gallery.png
python examples/scene_gallery.py --families        # one row for every family
python examples/scene_gallery.py --views           # one specimen a row, seen from several sides
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import color, io

from semcolorize.scenes import FAMILIES, Scene, draw_plan, make_scene, make_views, paint


def picture(scene: Scene, ab: np.ndarray) -> np.ndarray:
    """(H, W, 3) sRGB 0-1; out-of-gamut colors are clipped, which is good enough for looking."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # out-of-gamut colors are expected
        return np.clip(color.lab2rgb(np.dstack([scene.lightness, ab])), 0, 1)


def pair(scene: Scene, seed: int) -> np.ndarray:
    """The micrograph and its colored version side by side."""
    plan = draw_plan(scene, np.random.default_rng(seed))
    gray = np.zeros((*scene.lightness.shape, 2), np.float32)
    both = np.concatenate([picture(scene, gray), picture(scene, paint(scene, plan))], axis=1)
    return np.pad(both, ((0, 2), (0, 2), (0, 0)), constant_values=1.0)


def titled(tile: np.ndarray, name: str) -> np.ndarray:
    """A tile with a name in its corner."""
    drawn = Image.fromarray((tile * 255).round().astype(np.uint8))
    ImageDraw.Draw(drawn).text((4, 4), name, fill="white", stroke_width=2, stroke_fill="black")
    return np.asarray(drawn) / 255


def views(seed: int, size: int, number: int) -> np.ndarray:
    """Views of one specimen in a row, each object in one color throughout."""
    series = make_views(seed, size, number).views
    joint = replace(
        series[0],
        lightness=np.concatenate([view.lightness for view in series], axis=1),
        instances=np.concatenate([view.instances for view in series], axis=1),
        classes=np.concatenate([view.classes for view in series], axis=1),
    )
    return picture(joint, paint(joint, draw_plan(joint, np.random.default_rng(seed))))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=24, help="number of scenes")
    parser.add_argument("--size", type=int, default=128, help="side in pixels")
    parser.add_argument("--columns", type=int, default=4, help="pairs a row")
    parser.add_argument("--families", action="store_true", help="each family alone instead of mixed scenes")
    parser.add_argument("--views", action="store_true", help="views of one specimen in each row")
    parser.add_argument("--out", type=Path, default=Path("scene_gallery.png"))
    args = parser.parse_args()
    if min(args.count, args.columns) < 1 or args.size < 32:
        parser.error("--count and --columns must be 1 or more, --size 32 or more")
    if args.out.exists():
        parser.error(f"{args.out} exists; choose another --out")

    tiles = []
    if args.views:
        tiles = [views(seed, args.size, args.columns) for seed in range(args.seed, args.seed + args.count)]
        args.columns = 1
    elif args.families:
        for name in FAMILIES:
            seeds = range(args.seed, args.seed + args.columns)
            row = [pair(make_scene(seed, args.size, [name]), seed) for seed in seeds]
            tiles += [titled(row[0], name), *row[1:]]
    else:
        tiles = [pair(make_scene(seed, args.size), seed) for seed in range(args.seed, args.seed + args.count)]
    drawn = len(tiles)
    tiles += [np.ones_like(tiles[0])] * (-len(tiles) % args.columns)
    rows = [np.concatenate(tiles[k : k + args.columns], axis=1) for k in range(0, len(tiles), args.columns)]
    io.imsave(args.out, (np.concatenate(rows) * 255).round().astype(np.uint8), check_contrast=False)
    print(f"{args.out}: {drawn} scenes of {args.size} x {args.size}")


if __name__ == "__main__":
    main()
