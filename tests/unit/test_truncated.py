"""Data that end early are refused even where they are closed neatly; whole ones with something behind are read."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.reading import read_micrograph

ROWS, COLUMNS = 61, 83
END = b"\xff\xd9"

WAVES = np.rint((np.sin(np.mgrid[:ROWS, :COLUMNS].sum(0) / 9) + 1) * 120).astype(np.uint8)
NOISE = np.random.default_rng(6).integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8)


def jpeg(picture: np.ndarray, mode: str | None = None, **options: Any) -> bytes:
    content = io.BytesIO()
    image = Image.fromarray(picture, mode) if mode else Image.fromarray(picture)
    image.save(content, "JPEG", **{"quality": 95, **options})
    return content.getvalue()


def tiff(path: Path, strips: list[bytes], *, counts: list[int] | None = None, **tags: int) -> None:
    """Write a little-endian TIFF of 8 bits by hand, its strips one behind the other; ``t278`` is RowsPerStrip."""
    places = [8]
    for strip in strips:
        places.append(places[-1] + len(strip))
    values: dict[int, list[int]] = {
        256: [COLUMNS], 257: [ROWS], 258: [8], 259: [1], 262: [1], 273: places[:-1], 277: [1], 278: [ROWS],
        279: counts or [len(strip) for strip in strips],
    }  # fmt: skip
    values |= {int(name[1:]): [value] for name, value in tags.items()}
    start = places[-1] + places[-1] % 2
    behind = start + 2 + 12 * len(values) + 4
    entries, tail = struct.pack("<H", len(values)), b""
    for tag, numbers in sorted(values.items()):
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        if len(packed) > 4:
            tail, packed = tail + packed, struct.pack("<I", behind + len(tail))
        entries += struct.pack("<HHI", tag, 4, len(numbers)) + packed
    data = b"".join(strips).ljust(start - 8, b"\0")
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + data + entries + bytes(4) + tail)


def refused(path: Path, *words: str) -> None:
    with pytest.raises(ImageReadError) as caught:
        read_micrograph(path, allow_color=True)
    for word in words:
        assert word in caught.value.message


# JPEG: libjpeg makes gray of what is missing

KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "baseline": jpeg,
    "baseline of few": lambda picture: jpeg(picture, restart_marker_blocks=4),
    "baseline of rows": lambda picture: jpeg(picture, restart_marker_rows=1),
    "subsampled": lambda picture: jpeg(np.dstack([picture, picture, 255 - picture]), subsampling=2),
    "progressive": lambda picture: jpeg(picture, progressive=True),
    "progressive color": lambda picture: jpeg(np.dstack([picture, picture, 255 - picture]), progressive=True),
    "cmyk": lambda picture: jpeg(np.dstack([picture] * 4), mode="CMYK"),
    "twelve bits": lambda picture: imagecodecs.jpeg_encode(picture.astype(np.uint16) * 16, bitspersample=12, level=95),
    "lossless": imagecodecs.ljpeg_encode,
    "jpeg-ls": imagecodecs.jpegls_encode,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("picture", [WAVES, NOISE], ids=["waves", "noise"])
def test_a_cut_jpeg_that_is_closed_is_refused(kind: str, picture: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    data = KINDS[kind](picture)
    # Something behind the end is no part of the picture.
    for behind in (b"", bytes(9), b"maker's own" + END):
        path.write_bytes(data + behind)
        read_micrograph(path, allow_color=True)
    scan = data.index(b"\xff\xda") + 14
    for cut in np.linspace(scan, len(data) - 8, 25).astype(int):
        path.write_bytes(data[:cut] + END)
        refused(path)
    path.write_bytes(data[: len(data) // 2] + END)
    refused(path, "damaged" if kind == "jpeg-ls" else "truncated")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_scans_or_restart_intervals_is_refused(progressive: bool, tmp_path: Path) -> None:
    """Cut just between two of them, nothing is left half done."""
    data = jpeg(WAVES, progressive=True) if progressive else jpeg(WAVES, restart_marker_rows=2)
    if progressive:
        places = [i for i in range(len(data)) if data[i : i + 2] in (b"\xff\xda", b"\xff\xc4")][3:]
    else:
        places = [i for i in range(len(data)) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
    assert len(places) > 2
    for place in places:
        (tmp_path / "a.jpg").write_bytes(data[:place] + END)
        refused(tmp_path / "a.jpg", "truncated", "scans" if progressive else "restart markers")


@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 16}, {"tile": (32, 32)}], ids=["whole", "strips", "tiles"])
def test_a_cut_jpeg_strip_that_is_closed_is_refused(layout: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    options = {"compression": "jpeg", "compressionargs": {"level": 100}, "metadata": None, **layout}
    tifffile.imwrite(path, WAVES, **options)
    assert np.abs(read_micrograph(path).pixels.astype(int) - WAVES).max() < 3
    with tifffile.TiffFile(path) as whole:
        page = whole.pages[0]
        place, count = page.dataoffsets[-1], page.databytecounts[-1]
    data = bytearray(path.read_bytes())
    middle = data.index(b"\xff\xda", place) + (place + count - data.index(b"\xff\xda", place)) * 2 // 3
    data[middle : place + count] = END + bytes(place + count - middle - 2)
    path.write_bytes(data)
    refused(path, "damaged", "JPEG data is truncated: they stop before the last pixel")


# Fax: what is missing would come out white


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_cut_fax_strips_are_refused(compression: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    bits = WAVES > 120
    Image.fromarray(bits).save(path, compression=compression)
    np.testing.assert_array_equal(read_micrograph(path).pixels, bits * 255)
    with tifffile.TiffFile(path) as whole:
        page: Any = whole.pages[0]
        tags = {f"t{tag}": page.tags.valueof(tag) for tag in (259, 262, 266, 292) if tag in page.tags}
        place, count = page.dataoffsets[0], page.databytecounts[0]
    data = path.read_bytes()[place : place + count]
    tiff(path, [data], t258=1, **tags)
    np.testing.assert_array_equal(read_micrograph(path).pixels, bits * 255)
    for share in np.linspace(0.02, 0.95, 60):
        tiff(path, [data[: int(share * len(data))]], t258=1, **tags)
        refused(path, "damaged")


# Something behind the pixels, which libtiff passes over

ENCODERS: list[tuple[int, Callable[[bytes], Any]]] = [
    (1, bytes),
    (5, imagecodecs.lzw_encode),
    (8, zlib.compress),
    (32946, zlib.compress),
    (32773, imagecodecs.packbits_encode),
    (34925, imagecodecs.lzma_encode),
    (50000, imagecodecs.zstd_encode),
    (50000, lambda data: imagecodecs.zstd_encode(data, level=9)),
]


@pytest.mark.parametrize(("compression", "encode"), ENCODERS)
@pytest.mark.parametrize("picture", [WAVES, NOISE, np.full_like(WAVES, 7)], ids=["waves", "noise", "flat"])
def test_surplus_behind_the_pixels_is_passed_over(
    compression: int, encode: Callable[[bytes], Any], picture: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    full = np.full((64, COLUMNS), 99, np.uint8)
    full[:ROWS] = picture
    raw = picture.tobytes()
    # A last strip of full size; surplus within the compressed data; padding behind them.
    files = (
        ([encode(full[i : i + 16].tobytes()) for i in range(0, 64, 16)], 16),
        ([encode(raw + b"surplus!")], ROWS),
        ([encode(raw) + bytes(8)], ROWS),
        ([encode(raw) + b"surplus!"], ROWS),
    )
    for strips, rows in files:
        tiff(path, strips, t259=compression, t278=rows)
        np.testing.assert_array_equal(read_micrograph(path).pixels, picture)
        assert np.array_equal(np.asarray(Image.open(path)), picture), "libtiff reads it so, too"
        reverse = [bytes(imagecodecs.bitorder_encode(strip)) for strip in strips]
        tiff(path, reverse, t259=compression, t266=2, t278=rows)
        np.testing.assert_array_equal(read_micrograph(path).pixels, picture)
    for short in (encode(raw[:-1]), encode(raw[:-COLUMNS]), encode(raw[: len(raw) // 2])):
        tiff(path, [short], t259=compression)
        refused(path, "damaged")


def test_surplus_hides_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    stored = bytearray(zlib.compress(NOISE.tobytes() + b"surplus!", 0))
    stored[2000] ^= 1
    tiff(path, [bytes(stored)], t259=8)
    refused(path, "damaged")
    # A strip that claims to be huge is not unpacked to its end.
    tiff(path, [zlib.compress(bytes(1 << 24))], t259=8)
    refused(path, "damaged", "more than")


def test_a_predictor_and_a_last_strip_of_full_size(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    deep = NOISE.astype(np.uint16) * 257 + 3
    full = np.zeros((64, COLUMNS), np.uint16)
    full[:ROWS] = np.diff(deep, axis=1, prepend=np.uint16(0))
    strips = [zlib.compress(full[i : i + 16].tobytes()) for i in range(0, 64, 16)]
    tiff(path, strips, t258=16, t259=8, t278=16, t317=2)
    np.testing.assert_array_equal(read_micrograph(path).pixels, deep)


# Sizes of strips that the file does not state


@pytest.mark.parametrize("rows", [ROWS, 16])
def test_uncompressed_strips_of_unstated_size(rows: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    strips = [NOISE[i : i + rows].tobytes() for i in range(0, ROWS, rows)]
    tiff(path, strips, counts=[0] * len(strips), t278=rows)
    np.testing.assert_array_equal(read_micrograph(path).pixels, NOISE)
    strips[-1] = strips[-1][:-1000]
    tiff(path, strips, counts=[0] * len(strips), t278=rows)
    refused(path, "its 83 x 61 pixels should reach to byte 5,071")


def test_what_is_missing_is_told_without_contradiction(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tiff(path, [NOISE.tobytes()], counts=[4000])
    refused(path, "83 x 61 pixels take 5,063 bytes, its strips hold 4,000")
    tiff(path, [zlib.compress(NOISE[:32].tobytes()), b""], t259=8, t278=32)
    refused(path, "2 strips or tiles, of which 1 are there")


# Kinds of JPEG that Pillow does not read


@pytest.mark.parametrize("kind", ["jpeg-ls", "jpeg-ls of 12 bits", "jpeg-ls in color", "12 bits", "lossless, 16 bits"])
def test_deep_jpeg_and_jpeg_ls(kind: str, tmp_path: Path) -> None:
    from semcolorize.micrograph.opening import image_shape

    deep = WAVES.astype(np.uint16) * 16
    picture, data = {
        "jpeg-ls": (NOISE, imagecodecs.jpegls_encode(NOISE)),
        "jpeg-ls of 12 bits": (deep, imagecodecs.jpegls_encode(deep)),
        "jpeg-ls in color": (WAVES, imagecodecs.jpegls_encode(np.dstack([WAVES] * 3))),
        "12 bits": (deep, imagecodecs.jpeg_encode(deep, bitspersample=12, level=100)),
        "lossless, 16 bits": (deep * 16, imagecodecs.ljpeg_encode(deep * 16)),
    }[kind]
    (tmp_path / "a.jpg").write_bytes(data)
    micrograph = read_micrograph(tmp_path / "a.jpg")
    assert np.abs(micrograph.pixels.astype(int) - picture).max() <= (4 if kind == "12 bits" else 0)
    assert image_shape(tmp_path / "a.jpg") == (ROWS, COLUMNS)
    with pytest.raises(ImageReadError, match="megapixels"):
        read_micrograph(tmp_path / "a.jpg", max_pixels=1000)
    with pytest.raises(ImageReadError, match="the file has 1"):
        read_micrograph(tmp_path / "a.jpg", page=2)


def test_color_of_twelve_bits(tmp_path: Path) -> None:
    deep = WAVES.astype(np.uint16) * 16
    data = imagecodecs.jpeg_encode(np.dstack([deep] * 3), bitspersample=12, level=100)
    (tmp_path / "a.jpg").write_bytes(data)
    pixels = read_micrograph(tmp_path / "a.jpg").pixels
    assert np.abs(pixels.astype(float) - deep * (65535 / 4095)).max() < 70
