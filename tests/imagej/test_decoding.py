"""Image files as the real ImageJ opens them and as we do: the same values, the same way up, black at the same end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from semcolorize.micrograph.reading import read_micrograph

pytestmark = pytest.mark.imagej

RunMacro = Callable[..., Path]

# Text images have what getValue() gives: calibrated, so that signed values are signed.
REPORT = """
setBatchMode(true);
folder = getArgument();
files = getFileList(folder);
for (i = 0; i < files.length; i++) {
    open(folder + files[i]);
    text = "" + getWidth() + " " + getHeight() + " " + is("Inverting LUT") + "\\n";
    for (y = 0; y < getHeight(); y++) {
        row = "";
        for (x = 0; x < getWidth(); x++)
            row = row + " " + d2s(getValue(x, y), 4);
        text = text + row + "\\n";
    }
    File.saveString(text, files[i] + ".txt");
    close();
}
"""


def write_files(folder: Path) -> None:
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (12, 16)).astype(np.uint8)
    deep = rng.integers(0, 65536, (12, 16)).astype(np.uint16)
    signed, floating = (deep.astype(np.int32) - 32768).astype(np.int16), rng.normal(0, 9, (12, 16)).astype(np.float32)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(np.repeat(np.repeat(gray[:3, :4], 8, 0), 8, 1)).save(folder / "turned.jpg", exif=turned, quality=95)
    tifffile.imwrite(folder / "turned.tif", gray, extratags=[(274, 3, 1, 6, True)])
    for name, values in (("gray", gray), ("deep", deep), ("signed", signed), ("floating", floating)):
        for order, letter in (("<", "l"), (">", "b")):
            for compression in (None, "lzw"):
                for white in (False, True):
                    if values is signed and white:
                        continue
                    tifffile.imwrite(
                        folder / f"{name}_{letter}_{compression}_{white}.tif",
                        values,
                        byteorder=order,
                        compression=compression,
                        photometric="miniswhite" if white else "minisblack",
                    )
    for order in "<>":
        name = f"predicted_{'little' if order == '<' else 'big'}.tif"
        tifffile.imwrite(folder / name, deep, compression="lzw", predictor=2, byteorder=order, metadata=None)
    tifffile.imwrite(folder / "packed.tif", deep >> 4, bitspersample=12, metadata=None)
    tifffile.imwrite(folder / "packbits.tif", deep, compression="packbits")
    tifffile.imwrite(folder / "zip.tif", gray, compression="zlib")
    # No JPEG in TIFF: ImageJ 1.53t takes its bytes for pixels.
    tifffile.imwrite(folder / "bilevel.tif", gray > 99, photometric="miniswhite")


def test_files_are_read_as_imagej_reads_them(run_macro: RunMacro, tmp_path: Path) -> None:
    write_files(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    folder = run_macro(REPORT, f"{tmp_path}/")
    for name in names:
        head, *rows = (folder / f"{name}.txt").read_text().splitlines()
        width, height, inverted = (int(word) for word in head.split())
        theirs = np.array([[float(value) for value in row.split()] for row in rows])
        micrograph = read_micrograph(tmp_path / name)
        assert micrograph.shape == (height, width), name
        assert (micrograph.display_range[0] > micrograph.display_range[1]) == bool(inverted), name
        # Two JPEG decoders differ in rounding.
        tolerance = 2 if "jp" in name else 1e-3
        assert np.abs(micrograph.pixels - theirs).max() <= tolerance, name
    assert len(names) > 30
