"""What a TIFF holds is read the same however it is stored, or refused in so many words.

Files are written by tifffile and, independently, by libtiff (through Pillow); the truth is the array that was
written. `test_counts` prints how many files came back equal, were refused, or came back as something else.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from semcolorize.errors import ImageReadError
from semcolorize.micrograph.lightness import gray_to_lightness_plane
from semcolorize.micrograph.reading import read_micrograph

SHAPE = (23, 29)
"""No multiple of a byte, a strip or a tile."""

RIGHT_WORDS = re.compile(
    "predictor|bits a sample|is not read|old-style|read with JPEG only|does not say what each is|exact to 16"
)

ENCODERS: dict[int, Any] = {
    1: bytes,
    5: imagecodecs.lzw_encode,
    8: imagecodecs.zlib_encode,
    32946: imagecodecs.zlib_encode,
    32773: imagecodecs.packbits_encode,
    34925: imagecodecs.lzma_encode,
    50000: imagecodecs.zstd_encode,
}
KINDS = ["u1", "u2", "u4", "u8", "u16", "u32", "i8", "i16", "i32", "f16", "f32", "f64"]
COMPRESSIONS = ["none", "lzw", "adobe_deflate", "packbits", "lzma", "zstd", "jpeg2000"]
LAYOUTS: list[dict[str, Any]] = [{}, {"rowsperstrip": 5}, {"tile": (16, 32)}]
PREDICTORS = {"u": (None, 2), "i": (None, 2), "f": (None, 2, 3)}


def truth(kind: str, channels: int = 1) -> np.ndarray:
    """Values over all bits of a kind, no two rows or columns alike."""
    rng = np.random.default_rng(len(kind) + int(kind[1:]) + channels)
    bits = int(kind[1:])
    shape = SHAPE if channels == 1 else (*SHAPE, channels)
    if kind[0] == "f":
        return (rng.normal(0, 3, shape)).astype(f"f{bits // 8}")
    if kind == "u1":
        return rng.random(shape) > 0.5
    size = max(1, -(-bits // 8))
    low, high = (0, 1 << bits) if kind[0] == "u" else (-(1 << (bits - 1)), 1 << (bits - 1))
    return rng.integers(low, high, shape).astype(f"{kind[0]}{size}")


def gray_files(folder: Path, compression: str) -> Iterator[tuple[str, Path, np.ndarray, bool, int]]:
    turns = itertools.cycle([1, 6, 3, 8])
    for kind in KINDS:
        values = truth(kind)
        for order, white, predictor, layout in itertools.product(
            "<>", (False, True), PREDICTORS[kind[0]] if compression != "none" else (None,), LAYOUTS
        ):
            turn = next(turns)
            name = f"{compression} {kind} {order} {'white' if white else 'black'} {predictor} {layout} {turn}"
            path = folder / "a.tif"
            options: dict[str, Any] = dict(layout)
            if kind in ("u2", "u4"):
                options["bitspersample"] = int(kind[1:])
            if compression == "jpeg2000" and order == ">":
                # tifffile 2026.3 hands swapped bytes to this encoder.
                continue
            try:
                tifffile.imwrite(
                    path,
                    values,
                    byteorder=order,
                    compression=None if compression == "none" else compression,
                    predictor=predictor,
                    photometric="miniswhite" if white else "minisblack",
                    extratags=[(274, 3, 1, turn, True)],
                    metadata=None,
                    **options,
                )
            except (ValueError, TypeError, NotImplementedError, RuntimeError, KeyError):
                # tifffile does not write this combination.
                continue
            yield name, path, values, white, turn


def write_tiff(path: Path, data: bytes, *, order: str = "<", **tags: int | None) -> None:
    """Write a TIFF of one strip by hand: SHAPE and 8 bits unless `tags` (``t258=12``; None leaves one out) say else."""
    rows, columns = SHAPE
    entries: dict[int, int | None] = {
        256: columns, 257: rows, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: rows, 279: len(data)
    }  # fmt: skip
    entries |= {int(name[1:]): value for name, value in tags.items()}
    kept = sorted((tag, value) for tag, value in entries.items() if value is not None)
    data += bytes(len(data) % 2)
    content = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, 8 + len(data)) + data
    content += struct.pack(order + "H", len(kept))
    content += b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in kept)
    path.write_bytes(content + bytes(4))


def encoded_files(folder: Path) -> Iterator[tuple[str, Path, np.ndarray, bool, int]]:
    """What tifffile writes wrongly or not at all: packed bits in compressions, JPEG 2000 in big-endian files."""
    path = folder / "a.tif"
    for (compression, encode), kind, order, white, reverse in itertools.product(
        ENCODERS.items(), ("u1", "u2", "u4", "u10", "u12", "u14"), "<>", (False, True), (False, True)
    ):
        bits = int(kind[1:])
        data = encode(imagecodecs.packints_encode(truth(kind), bits, runlen=SHAPE[1]))
        if reverse:
            data = imagecodecs.bitorder_encode(data)
        write_tiff(path, data, order=order, t258=bits, t259=compression, t262=not white, t266=1 + reverse)
        yield f"{compression} {kind} {order} {white} reversed {reverse}", path, truth(kind), white, 1
    for (compression, encode), kind, order, reverse, surplus in itertools.product(
        ENCODERS.items(), ("u1", "u8", "u12", "u16", "f32"), "<>", (False, True), ("within", "behind")
    ):
        # As libtiff, nothing minds what lies beyond the pixels.
        raw = (
            imagecodecs.packints_encode(truth(kind), int(kind[1:]), runlen=SHAPE[1])
            if kind in ("u1", "u12")
            else truth(kind).astype(truth(kind).dtype.newbyteorder(order)).tobytes()
        )
        data = encode(raw + b"surplus!") if surplus == "within" else encode(raw) + b"surplus!"
        data = imagecodecs.bitorder_encode(data) if reverse else data
        tags = {"t258": int(kind[1:]), "t259": compression, "t266": 1 + reverse, "t339": 3 if kind == "f32" else 1}
        write_tiff(path, data, order=order, **tags)
        yield f"{compression} {kind} {order} reversed {reverse} surplus {surplus}", path, truth(kind), False, 1
    for kind, order in itertools.product(("u17", "u24"), "<>"):
        write_tiff(path, bytes(SHAPE[0] * SHAPE[1] * 3), order=order, t258=int(kind[1:]))
        yield f"{kind} {order}", path, truth("u32"), False, 1
    for kind, order in itertools.product(("u8", "u16", "i16", "u32"), "<>"):
        values = truth(kind)
        data = imagecodecs.jpeg2k_encode(values, level=0)
        write_tiff(path, data, order=order, t258=int(kind[1:]), t259=34712, t339={"u": 1, "i": 2}[kind[0]])
        yield f"jpeg2000 {kind} {order}", path, values, False, 1


def color_files(folder: Path, compression: str) -> Iterator[tuple[str, Path, np.ndarray, bool, int]]:
    """Gray stored as RGB, as RGB with opacity, and as palette."""
    for kind, order, planar, alpha, predictor, layout in itertools.product(
        ("u8", "u16", "f32"),
        "<>",
        ("contig", "separate"),
        (False, True),
        (None, 2) if compression != "none" else (None,),
        LAYOUTS,
    ):
        if compression == "jpeg2000" and order == ">":
            continue
        values = truth(kind) if kind != "f32" else np.random.default_rng(4).random(SHAPE, np.float32)
        opaque = np.full_like(values, 1 if kind == "f32" else np.iinfo(values.dtype).max)
        channels = [values] * 3 + [opaque] * alpha
        path = folder / "a.tif"
        try:
            tifffile.imwrite(
                path,
                np.stack(channels, -1 if planar == "contig" else 0),
                byteorder=order,
                compression=None if compression == "none" else compression,
                predictor=predictor,
                photometric="rgb",
                planarconfig=planar,
                extrasamples=["unassalpha"] if alpha else None,
                metadata=None,
                **layout,
            )
        except (ValueError, TypeError, NotImplementedError, RuntimeError, KeyError):
            continue
        yield f"{compression} rgb {kind} {order} {planar} {alpha} {predictor} {layout}", path, values, False, 1
    ramp = np.repeat(np.arange(255, -1, -1, dtype=np.uint16)[None] * 257, 3, axis=0)
    for order, layout in itertools.product("<>", LAYOUTS):
        path = folder / "a.tif"
        if compression == "jpeg2000":
            break
        values = truth("u8")
        tifffile.imwrite(
            path,
            255 - values,
            byteorder=order,
            compression=None if compression == "none" else compression,
            photometric="palette",
            colormap=ramp,
            **layout,
        )
        yield f"{compression} palette {order} {layout}", path, values, False, 1


LIBTIFF = ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"]


def libtiff_files(folder: Path) -> Iterator[tuple[str, Path, np.ndarray, bool, int]]:
    """What libtiff writes, through Pillow: another hand than tifffile's."""
    path = folder / "a.tif"
    for compression, kind, predictor, turn in itertools.product(
        LIBTIFF, ("u1", "u8", "u16", "i32", "f32"), (None, 2), (1, 6)
    ):
        values = truth(kind)
        if predictor and (compression in ("raw", "packbits") or kind == "u1"):
            continue
        tags = {274: turn} | ({317: predictor} if predictor else {})
        Image.fromarray(values).save(path, compression=compression, tiffinfo=tags)
        yield f"libtiff {compression} {kind} {predictor} {turn}", path, values, False, turn
    for compression in (*LIBTIFF, "jpeg"):
        smooth = np.repeat(np.arange(SHAPE[0], dtype=np.uint8)[:, None] * 8 + 20, SHAPE[1], axis=1)
        for mode in ("L", "RGB", "RGBA", "LA", "CMYK", "P"):
            if (compression == "jpeg" and mode in ("P", "LA", "RGBA")) or (compression != "jpeg" and mode == "L"):
                continue
            image = Image.fromarray(smooth).convert(mode)
            image.save(path, compression=compression, **({"quality": 100} if compression == "jpeg" else {}))
            yield f"libtiff {compression} {mode}", path, smooth, False, 1
    bits = truth("u1")
    for compression, white in itertools.product(("tiff_ccitt", "group3", "group4"), (0, 1)):
        Image.fromarray(bits).save(path, compression=compression, tiffinfo={262: white})
        # Pillow turns the pixels over with the tag: what is seen is the same.
        yield f"libtiff {compression} photometric {white}", path, bits, False, 1


def jpeg_files(folder: Path) -> Iterator[tuple[str, Path, np.ndarray, bool, int]]:
    """JPEG in TIFF: gray, RGB and YCbCr, with and without subsampling; what it loses of a smooth picture is little."""
    path = folder / "a.tif"
    smooth = np.repeat(np.arange(SHAPE[0], dtype=np.uint8)[:, None] * 8 + 20, SHAPE[1], axis=1)
    for order, white, layout in itertools.product("<>", (False, True), [{}, {"rowsperstrip": 8}, {"tile": (16, 32)}]):
        photometric = "miniswhite" if white else "minisblack"
        args = {"byteorder": order, "compression": "jpeg", "compressionargs": {"level": 100}, "metadata": None}
        tifffile.imwrite(path, smooth, photometric=photometric, **args, **layout)
        yield f"jpeg gray {order} {white} {layout}", path, smooth, white, 1
    for order, subsampling, layout in itertools.product(
        "<>", (None, (1, 1), (2, 2)), [{}, {"rowsperstrip": 16}, {"tile": (16, 32)}]
    ):
        args = {"byteorder": order, "compression": "jpeg", "compressionargs": {"level": 100}, "metadata": None}
        tifffile.imwrite(path, np.dstack([smooth] * 3), photometric="rgb", subsampling=subsampling, **args, **layout)
        yield f"jpeg rgb {order} {subsampling} {layout}", path, smooth, False, 1
    for planar in ("contig", "separate"):
        rgb = np.stack([smooth] * 3, -1 if planar == "contig" else 0)
        for kind in ("rgb", "ycbcr"):
            args = {"compressionargs": {"level": 100, "outcolorspace": kind}}
            tifffile.imwrite(path, rgb, photometric="rgb", planarconfig=planar, compression="jpeg", **args)
            yield f"jpeg {planar} {kind}", path, smooth, False, 1


def outcome(path: Path, values: np.ndarray, white_is_zero: bool, turn: int, *, tolerance: int = 0) -> str:
    """``equal``, or what a refusal says, or ``WRONG`` and what came back."""
    try:
        micrograph = read_micrograph(path)
    except ImageReadError as error:
        return f"refused: {error.message}"
    expected = values.astype(np.uint8) * 255 if values.dtype == bool else values
    if values.dtype == np.uint8 and values.max() < 16:
        # Gray of 2 or 4 bits is brought to 8.
        expected = values * (85 if values.max() < 4 else 17)
    pixels = micrograph.pixels
    if (
        expected.shape == pixels.shape
        and micrograph.display_range[0] > micrograph.display_range[1]
        and not white_is_zero
    ):
        # Another hand chose to store white as zero: what is seen counts.
        pixels = 255 - pixels
    if pixels.shape != expected.shape or np.abs(pixels.astype(float) - expected).max() > tolerance:
        return f"WRONG pixels: {pixels.ravel()[:5]}, {expected.ravel()[:5]} were written"
    low, high = sorted(micrograph.display_range)
    shown = gray_to_lightness_plane(expected, (high, low) if white_is_zero else (low, high))
    if np.abs(micrograph.lightness - shown).max() > (3 if tolerance else 1e-3):
        return "WRONG lightness"
    if (turn != 1) != any("orientation" in note for note in micrograph.notes):
        return f"WRONG: orientation {turn} is not told, or one that is not there is"
    return "equal"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Outcome of each file, by compression and name."""
    folder = tmp_path_factory.mktemp("sweep")
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for compression in COMPRESSIONS:
        files = itertools.chain(gray_files(folder, compression), color_files(folder, compression))
        for name, path, values, white, turn in files:
            found[compression][name] = outcome(path, values, white, turn)
    for name, path, values, white, turn in encoded_files(folder):
        found["encoded"][name] = outcome(path, values, white, turn)
    for name, path, values, white, turn in libtiff_files(folder):
        found["libtiff"][name] = outcome(path, values, white, turn, tolerance=2 * ("jpeg" in name))
    for name, path, values, white, turn in jpeg_files(folder):
        found["jpeg"][name] = outcome(path, values, white, turn, tolerance=3)
    return found


@pytest.mark.parametrize("compression", [*COMPRESSIONS, "encoded", "libtiff", "jpeg"])
def test_equal_or_refused_with_the_right_word(compression: str, outcomes: dict[str, dict[str, str]]) -> None:
    files = outcomes[compression]
    wrong = {name: told for name, told in files.items() if told != "equal" and not RIGHT_WORDS.search(told)}
    assert not wrong
    # Whatever a compression is good for comes back, and not only a refusal.
    assert Counter(files.values())["equal"] > len(files) / 2


def test_counts(outcomes: dict[str, dict[str, str]]) -> None:
    told = [text.split(":")[0] for files in outcomes.values() for text in files.values()]
    counts = Counter(told)
    print(f"\n{len(told)} files: {counts['equal']} equal, {counts['refused']} refused,"
          f" {len(told) - counts['equal'] - counts['refused']} silently wrong")  # fmt: skip
    assert counts["equal"] + counts["refused"] == len(told) > 1000
