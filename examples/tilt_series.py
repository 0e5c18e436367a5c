"""Make a series to try `semcolorize views` on: one procedural specimen at several tilts, with hints on the first view.

python examples/tilt_series.py --out tilts
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

from semcolorize.color.lab import lightness_to_gray
from semcolorize.scenes import make_views

COLORS = ("#e1812c", "#2f9e8f", "#d1495b", "#5b7fd1")


def hints_of(classes: np.ndarray) -> str:
    """A hint at the innermost place of every class, as YAML; class 0, the ground, stays gray."""
    lines = ["hints:"]
    for number in np.unique(classes):
        depth = ndimage.distance_transform_edt(np.pad(classes == number, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        name, color = (f"kind {number}", COLORS[(number - 1) % len(COLORS)]) if number else ("ground", "gray")
        lines.append(f'  - {{point: [{column}, {row}], size: 7, name: {name}, color: "{color}"}}')
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--size", type=int, default=448, help="side in pixels")
    parser.add_argument("--number", type=int, default=3, help="views")
    parser.add_argument("--other-fields", action="store_true", help="other fields of the sample instead of tilts")
    parser.add_argument("--out", type=Path, default=Path("tilts"))
    args = parser.parse_args()

    if args.out.exists():
        parser.error(f"{args.out} exists; give another folder with --out.")
    args.out.mkdir(parents=True)
    series = make_views(args.seed, args.size, args.number, tilt=40, rearranged=args.other_fields).views
    names = [args.out / f"view{k}.tif" for k in range(len(series))]
    for name, view in zip(names, series, strict=True):
        gray = np.rint(255 * lightness_to_gray(np.clip(view.lightness, 0, 100))).astype(np.uint8)
        tifffile.imwrite(name, gray, compression="zlib")
    hints = args.out / "view0.hints.yaml"
    text = hints_of(series[0].classes)
    if (args.seed, args.size) == (16, 448):
        # The object that touches the fiber came out as one with it: a correction, as a person makes it.
        text += f'  - {{point: [222, 285], size: 7, name: kind 3, color: "{COLORS[2]}"}}\n'
    hints.write_text(text, encoding="utf-8")
    words = ["semcolorize", "views", *names, "--hints", f"{names[0]}={hints}", "-o", args.out / "colored"]
    print(shlex.join(map(str, words)))


if __name__ == "__main__":
    main()
