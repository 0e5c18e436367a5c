"""Kinds of pixels and pages that are read with a note, or refused for what they are."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from semcolorize.errors import ImageReadError
from semcolorize.micrograph import decoded, memory, tiff_pixels
from semcolorize.micrograph.opening import image_shape
from semcolorize.micrograph.reading import Micrograph, micrograph_from_array, read_micrograph

ROWS, COLUMNS = 24, 32


@pytest.fixture
def gray() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.tif"


def refused(path: Path, *words: str, **options: Any) -> str:
    with pytest.raises(ImageReadError) as caught:
        read_micrograph(path, **options)
    for word in words:
        assert word in caught.value.message
    return caught.value.message


def by_hand(path: Path, data: bytes, *, order: str = "<", **tags: int | None) -> None:
    """A TIFF of one strip, little-endian and 8 bits unless ``t258=12`` and the like say else; None leaves a tag out."""
    entries: dict[int, int | None] = {
        256: COLUMNS, 257: ROWS, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: ROWS, 279: len(data)
    }  # fmt: skip
    entries |= {int(name[1:]): value for name, value in tags.items()}
    kept = sorted((tag, value) for tag, value in entries.items() if value is not None)
    data += bytes(len(data) % 2)
    content = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data)) + data
    content += struct.pack(order + "H", len(kept))
    path.write_bytes(
        content + b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in kept) + bytes(4)
    )


# Tags that are missing or odd


def test_without_photometric_zero_is_black(gray: np.ndarray, path: Path) -> None:
    by_hand(path, gray.tobytes(), t262=None)
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.pixels, gray)
    assert micrograph.display_range == (0, 255)


def test_a_predictor_without_compression_is_not_applied(gray: np.ndarray, path: Path) -> None:
    by_hand(path, gray.tobytes(), t317=2)
    np.testing.assert_array_equal(read_micrograph(path).pixels, gray)


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ({"t259": 6}, "old-style JPEG"),
        ({"t259": 34661}, "JBIG"),
        ({"t259": 12345}, "12345"),
        ({"t262": 8}, "CIELAB"),
        ({"t262": 99}, "stores 99"),
        ({"t262": 3}, "palette"),
        ({"t262": 6}, "YCbCr"),
        ({"t339": 5}, "SampleFormat"),
        ({"t258": 7, "t339": 2}, "SampleFormat"),
        ({"t259": 32773, "t317": 2}, "predictor"),
        ({"t259": 5, "t317": 3}, "predictor"),
        ({"t259": 5, "t317": 77}, "predictor 77"),
    ],
)
def test_what_is_not_read_is_named(tags: dict[str, int], word: str, gray: np.ndarray, path: Path) -> None:
    by_hand(path, gray.tobytes(), **tags)
    assert "damaged" not in refused(path, word, "Save the micrograph uncompressed")


# Compressions


def test_without_imagecodecs_the_package_is_named(
    gray: np.ndarray, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_pixels, "IMAGECODECS_FAULT", "No module named 'imagecodecs'")
    tifffile.imwrite(path, gray)
    np.testing.assert_array_equal(read_micrograph(path).pixels, gray)
    words = ("needs the Python package imagecodecs", "install it, or save the micrograph uncompressed")
    for options in ({"compression": "lzw"}, {"bitspersample": 4}, {"compression": "zlib", "predictor": True}):
        tifffile.imwrite(path, gray & 15, **options)
        assert "damaged" not in refused(path, *words)


@pytest.mark.parametrize(
    ("compression", "encode"),
    [
        (5, imagecodecs.lzw_encode),
        (8, imagecodecs.zlib_encode),
        (32773, imagecodecs.packbits_encode),
        (34925, imagecodecs.lzma_encode),
        (50000, imagecodecs.zstd_encode),
        (7, lambda data: imagecodecs.jpeg8_encode(np.frombuffer(data, np.uint8).reshape(ROWS, COLUMNS))),
        (34712, lambda data: imagecodecs.jpeg2k_encode(np.frombuffer(data, np.uint8).reshape(ROWS, COLUMNS), level=0)),
    ],
)
def test_strips_that_end_early_are_not_filled_up(compression: int, encode: Any, gray: np.ndarray, path: Path) -> None:
    data = encode(gray.tobytes())
    by_hand(path, data, t259=compression)
    read_micrograph(path)
    for share in (0.3, 0.7, 0.9):
        by_hand(path, data[: int(share * len(data))], t259=compression)
        refused(path, "damaged")


@pytest.mark.parametrize(("compression", "encode"), [(7, imagecodecs.jpeg8_encode), (34712, imagecodecs.jpeg2k_encode)])
def test_a_strip_that_claims_to_be_huge_is_not_decoded(compression: int, encode: Any, path: Path) -> None:
    by_hand(path, encode(np.zeros((2000, 3000), np.uint8)), t259=compression)
    refused(path, "damaged", "3000 x 2000", f"{COLUMNS} x {ROWS}")


def test_compressed_data_of_another_type_are_no_gray_values(path: Path) -> None:
    by_hand(path, imagecodecs.jpeg2k_encode(np.full((ROWS, COLUMNS), 300, np.uint16), level=0), t259=34712)
    refused(path, "uint16", "uint8")


def test_a_compressed_page_is_no_stack(gray: np.ndarray, path: Path) -> None:
    # ImageJ's single page for all slices: its pixels lie behind one another only where they are not compressed.
    description = "ImageJ=1.53t\nimages=3\nslices=3\n"
    tifffile.imwrite(path, gray, compression="zlib", description=description, metadata=None)
    assert read_micrograph(path).pages == 1


def bits_in_a_row(values: np.ndarray, bits: int) -> bytes:
    """Rows of samples from their highest bit on, padded to whole bytes, as TIFF 6.0 packs them."""
    rows = ("".join(f"{value:0{bits}b}" for value in row) for row in values.tolist())
    return b"".join(int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big") for row in rows)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [2, 3, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15])
def test_packed_bits_are_read_in_both_byte_orders(bits: int, order: str, path: Path) -> None:
    values = np.random.default_rng(bits).integers(0, 1 << bits, (ROWS, COLUMNS - 1))
    for encode, compression in ((bytes, 1), (imagecodecs.zlib_encode, 8)):
        data = encode(bits_in_a_row(values, bits))
        by_hand(path, data, order=order, t256=COLUMNS - 1, t258=bits, t259=compression)
        shown = values if bits > 8 else np.rint(values * (255 / ((1 << bits) - 1)))
        np.testing.assert_array_equal(read_micrograph(path).pixels, shown)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [17, 20, 24, 31, 48])
def test_widths_that_programs_read_differently_are_refused(bits: int, order: str, path: Path) -> None:
    # Of 24 bits, libtiff takes the bytes in the order of the file, and others from the highest on.
    values = np.random.default_rng(bits).integers(0, 1 << bits, (ROWS, COLUMNS))
    by_hand(path, bits_in_a_row(values, bits), order=order, t258=bits)
    assert "damaged" not in refused(path, f"{bits} bits a sample")


@pytest.mark.parametrize("order", ["<", ">"])
def test_floating_point_numbers_of_24_bits(order: str, path: Path) -> None:
    # A sign, seven bits of exponent (63 is 1) and sixteen of fraction: Adobe's TIFF technical note 3.
    exponents = np.arange(-8, ROWS - 8)[:, None]
    fractions = np.random.default_rng(24).integers(0, 1 << 16, (ROWS, COLUMNS))
    words = (exponents + 63 << 16) + fractions
    little = words.astype("<u4").tobytes()
    data = np.frombuffer(little, np.uint8).reshape(-1, 4)[:, [2, 1, 0] if order == ">" else [0, 1, 2]]
    by_hand(path, data.tobytes(), order=order, t258=24, t339=3)
    expected = (1 + fractions / 65536) * 2.0**exponents
    np.testing.assert_allclose(read_micrograph(path).pixels, expected, rtol=1e-7)


# Opacity and further channels


@pytest.mark.parametrize(("kind", "word"), [("unassalpha", "straight"), ("assocalpha", "multiplied into the colors")])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_shares_of_see_through_pixels_are_told(
    kind: str, word: str, channels: int, gray: np.ndarray, path: Path
) -> None:
    alpha = np.full_like(gray, 255)
    alpha[0] = 0
    alpha[1:3] = 254
    photometric = "minisblack" if channels == 1 else "rgb"
    values = np.dstack([gray] * channels + [alpha])
    tifffile.imwrite(path, values, photometric=photometric, extrasamples=[kind], planarconfig="contig")
    refused(path, word, "4.17% of the pixels are fully transparent", "8.33% of the pixels are partly transparent")
    values[..., -1] = 255
    tifffile.imwrite(path, values, photometric=photometric, extrasamples=[kind], planarconfig="contig")
    np.testing.assert_array_equal(read_micrograph(path).pixels, gray)


def test_opacity_of_twelve_bits(path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 4096, (ROWS, COLUMNS)).astype(np.uint16)
    packed = imagecodecs.packints_encode(np.dstack([gray, np.full_like(gray, 4095)]), 12, runlen=2 * COLUMNS)
    by_hand(path, packed, t258=12, t277=2, t338=2)
    np.testing.assert_array_equal(read_micrograph(path).pixels, np.rint(gray * (65535 / 4095)))


def test_a_channel_that_is_no_opacity(gray: np.ndarray, path: Path) -> None:
    tifffile.imwrite(path, np.dstack([gray] * 3 + [255 - gray]), photometric="rgb", extrasamples=["unspecified"])
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.pixels, gray)
    assert "1 more channel" in micrograph.notes[0]
    for planar in ("contig", "separate"):
        pair = np.stack([gray, 255 - gray], -1 if planar == "contig" else 0)
        tifffile.imwrite(path, pair, photometric="minisblack", planarconfig=planar, extrasamples=["unspecified"])
        refused(path, "2 channels", "Save one channel")


def test_one_gray_value_of_a_deep_png_that_is_transparent(tmp_path: Path) -> None:
    values = np.arange(ROWS * COLUMNS, dtype=np.uint16).reshape(ROWS, COLUMNS)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=5)
    refused(tmp_path / "a.png", "0.13% of the pixels are fully transparent")
    Image.fromarray(values).save(tmp_path / "a.png", transparency=50000)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.png").pixels, values)


# Orientation, as ImageJ shows it (tests/imagej compares with the real one)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_orientation_is_not_followed_and_told(suffix: str, gray: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    options: dict[str, Any] = {"tiffinfo": {274: 6}} if suffix == "tif" else {"exif": exif}
    Image.fromarray(gray).convert("RGB").save(tmp_path / f"a.{suffix}", **options)
    micrograph = read_micrograph(tmp_path / f"a.{suffix}")
    assert micrograph.shape == gray.shape
    assert ["orientation 6" in note for note in micrograph.notes] == [True]


def test_damaged_exif_does_not_spoil_the_pixels(gray: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(gray).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(9), quality=100)
    assert np.abs(read_micrograph(tmp_path / "a.jpg").pixels.astype(int) - gray).max() < 6


# CMYK and WebP


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_is_read_for_its_lightness(suffix: str, tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None], ROWS, axis=0)
    for ink in ("black", "all"):
        cmyk = np.zeros((*ramp.shape, 4), np.uint8)
        cmyk[..., 3 if ink == "black" else slice(0, 3)] = (255 - ramp)[..., None] if ink == "all" else 255 - ramp
        Image.fromarray(cmyk, "CMYK").save(tmp_path / f"a.{suffix}", **({"quality": 100} if suffix == "jpg" else {}))
        micrograph = read_micrograph(tmp_path / f"a.{suffix}")
        assert np.abs(micrograph.pixels.astype(int) - ramp).max() <= (3 if suffix == "jpg" else 0)
        assert "CMYK" in micrograph.notes[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_tiff_of_tifffile(dtype: type, path: Path) -> None:
    top = np.iinfo(dtype).max
    black = np.random.default_rng(3).integers(0, top + 1, (ROWS, COLUMNS)).astype(dtype)
    cmyk = np.zeros((ROWS, COLUMNS, 4), dtype)
    cmyk[..., 3] = black
    for planar in ("contig", "separate"):
        values = cmyk if planar == "contig" else np.moveaxis(cmyk, -1, 0)
        tifffile.imwrite(path, values, photometric="separated", planarconfig=planar, compression="lzw")
        np.testing.assert_array_equal(read_micrograph(path).pixels, top - black)


def test_a_color_profile_that_is_none_is_told(gray: np.ndarray, tmp_path: Path) -> None:
    for profile in (b"no profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()):
        Image.fromarray(gray).convert("CMYK").save(tmp_path / "a.tif", icc_profile=profile)
        micrograph = read_micrograph(tmp_path / "a.tif")
        np.testing.assert_array_equal(micrograph.pixels, gray)
        assert "without a color profile" in micrograph.notes[0]


def test_webp(gray: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    Image.fromarray(gray).save(path, lossless=True)
    np.testing.assert_array_equal(read_micrograph(path).pixels, gray)
    assert image_shape(path) == gray.shape
    smooth = np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None], ROWS, axis=0)
    Image.fromarray(smooth).save(path, quality=95)
    assert np.abs(read_micrograph(path).pixels.astype(int) - smooth).max() < 8
    data = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(data[: int(share * len(data))])
        refused(path, "damaged")
    path.write_bytes(b"RIFF" + struct.pack("<I", 99) + b"AVI " + bytes(99))
    refused(path, "an AVI or WAV file")


# Pages


def test_a_preview_in_color_on_page_one(gray: np.ndarray, path: Path) -> None:
    deep = gray.astype(np.uint16) * 200
    colored = np.dstack([gray, gray // 2, 255 - gray])
    for preview, words in ((np.dstack([gray] * 3)[::2, ::2], "16 x 12 RGB of 8 bits"), (colored, "RGB of 8 bits")):
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(np.ascontiguousarray(preview), photometric="rgb")
            tiff.write(deep)
        told = ("Page 1 is", words, "page 2 is 32 x 24 gray of 16 bits", "--page 2")
        if preview is colored:
            refused(path, "color image", *told)
        else:
            note = read_micrograph(path).notes[-1]
            assert all(word in note for word in told)
        np.testing.assert_array_equal(read_micrograph(path, page=2).pixels, deep)
        # Whoever asks for a page is not told about others.
        assert not any("preview" in note for note in read_micrograph(path, page=1, allow_color=True).notes)


def test_pages_that_are_alike_or_less_are_not_told(gray: np.ndarray, path: Path) -> None:
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(gray)
        tiff.write(gray)
        tiff.write(np.dstack([gray] * 3), photometric="rgb")
        tiff.write(np.ascontiguousarray(gray[::2, ::2]), subfiletype=1)
    assert read_micrograph(path).notes == ("Page 1 of 4 is used.",)


def test_data_in_a_subifd_are_told(gray: np.ndarray, path: Path) -> None:
    deep = gray.astype(np.uint16) * 200
    thumb = np.ascontiguousarray(gray[::4, ::4])
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(thumb, subifds=1)
        tiff.write(deep)
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.pixels, thumb)
    words = ("Page 1 is 8 x 6 gray", "page 1 holds another image, 32 x 24 gray of 16 bits", "SubIFD", "export it")
    assert all(word in micrograph.notes[-1] for word in words)
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.dstack([thumb, thumb // 2, 255 - thumb]), photometric="rgb", subifds=1)
        tiff.write(deep)
    refused(path, "color image", "RGB of 8 bits", *words[1:])
    # Smaller versions of a page, as pyramids keep them, are no data of their own.
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(gray, subifds=1)
        tiff.write(thumb, subfiletype=1)
    assert not read_micrograph(path).notes


def test_every_page_is_compared(gray: np.ndarray, path: Path) -> None:
    with tifffile.TiffWriter(path) as tiff:
        for _ in range(20):
            tiff.write(np.dstack([gray] * 3), photometric="rgb", contiguous=False, metadata=None)
        tiff.write(gray.astype(np.uint16))
    assert "page 21 is 32 x 24 gray of 16 bits" in read_micrograph(path).notes[-1]


def test_a_damaged_page_does_not_stop_the_others(gray: np.ndarray, path: Path) -> None:
    with tifffile.TiffWriter(path) as tiff:
        for _ in range(3):
            tiff.write(gray, contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as whole:
        entry = whole.pages[2].offset + 2
    data = bytearray(path.read_bytes())
    data[entry : entry + 60] = b"\xff" * 60
    path.write_bytes(data)
    np.testing.assert_array_equal(read_micrograph(path).pixels, gray)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_of_an_animated_png(dtype: type, gray: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pictures = [gray.astype(dtype), (255 - gray).astype(dtype)]
    images = [Image.fromarray(picture) for picture in pictures]
    images[0].save(path, save_all=True, append_images=images[1:])
    np.testing.assert_array_equal(read_micrograph(path).pixels, pictures[0])
    if dtype == np.uint8:
        np.testing.assert_array_equal(read_micrograph(path, page=2).pixels, pictures[1])
    else:
        assert "damaged" not in refused(path, "animated PNG of 16 bits", "only its first picture", page=2)
    refused(path, "the file has 2", page=3)


def with_an_empty_page(path: Path, first: bool, gray: np.ndarray) -> None:
    """A TIFF of two pages, one of which has no tag at all, as some ion-beam microscopes write."""
    tifffile.imwrite(path, gray, metadata=None)
    data = bytearray(path.read_bytes())
    data += bytes(len(data) % 2)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        offset, count = page.offset, len(page.tags)
    if first:
        empty = struct.pack("<HI", 0, offset)
        data[4:8] = struct.pack("<I", len(data))
    else:
        empty = struct.pack("<HI", 0, 0)
        data[offset + 2 + 12 * count : offset + 6 + 12 * count] = struct.pack("<I", len(data))
    path.write_bytes(bytes(data) + empty)


@pytest.mark.parametrize("first", [True, False])
def test_an_empty_page_does_not_stop_the_others(first: bool, gray: np.ndarray, path: Path) -> None:
    with_an_empty_page(path, first, gray)
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.pixels, gray)
    assert (micrograph.page, micrograph.pages) == ((2, 2) if first else (1, 2))
    assert ("Page 1 is empty." in micrograph.notes) == first
    assert image_shape(path) == gray.shape
    refused(path, "is empty", page=1 if first else 2)


def test_a_file_of_empty_pages(path: Path) -> None:
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + struct.pack("<HI", 0, 14) + struct.pack("<HI", 0, 0))
    refused(path, "no pixels")


# Masked arrays


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_masked_pixels_are_black_and_count_for_nothing(dtype: type, gray: np.ndarray) -> None:
    values = (gray.astype(dtype) if dtype == np.uint8 else gray.astype(dtype) * 50 + 1000).astype(dtype)
    holes = np.zeros(gray.shape, bool)
    holes[3:9, 5:20] = True
    spoiled = values.copy()
    spoiled[holes] = np.nan if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    kept = spoiled.copy()
    micrograph = micrograph_from_array(np.ma.array(spoiled, mask=holes))
    np.testing.assert_array_equal(spoiled, kept)
    assert not isinstance(micrograph.pixels, np.ma.MaskedArray)
    np.testing.assert_array_equal(micrograph.pixels[~holes], values[~holes])
    assert (micrograph.lightness[holes] == 0).all()
    if dtype != np.uint8:
        assert micrograph.display_range == pytest.approx(np.percentile(values[~holes], [0.1, 99.9]))
    assert sum(micrograph.clipped) < 0.005
    assert "90 pixels (11.72%) are masked" in micrograph.notes[0]
    assert micrograph.missing is not None and micrograph.missing.dtype == bool
    np.testing.assert_array_equal(micrograph.missing, holes)
    assert not np.shares_memory(micrograph.missing, holes)


def test_masked_arrays_at_the_ends() -> None:
    image = np.arange(48, dtype=np.uint16).reshape(6, 8)
    plain = micrograph_from_array(image)
    for mask in (False, np.zeros_like(image, bool)):
        whole = micrograph_from_array(np.ma.array(image, mask=mask))
        np.testing.assert_array_equal(whole.pixels, image)
        assert whole.notes == plain.notes
        assert whole.missing is None
    with pytest.raises(ImageReadError, match="All pixels are masked"):
        micrograph_from_array(np.ma.array(image, mask=True))
    negative = micrograph_from_array(np.ma.array(image, mask=image < 9), display_range=(40, 3))
    assert (negative.lightness[image < 9] == 0).all()
    rgb = np.ma.array(np.dstack([image] * 3), mask=False)
    rgb[2, 3, 1] = np.ma.masked
    colored = micrograph_from_array(rgb)
    assert colored.lightness[2, 3] == 0
    assert colored.missing is not None and np.argwhere(colored.missing).tolist() == [[2, 3]]
    with pytest.raises(ImageReadError, match="NaN"):
        micrograph_from_array(np.ma.array(np.array([[np.nan, 1.0], [2.0, 3.0]]), mask=[[0, 0], [0, 1]]))


# Memory


def test_an_image_too_large_for_the_memory_is_refused_before_it_is_decoded(
    gray: np.ndarray, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(path, gray)
    monkeypatch.setattr(memory, "available_bytes", lambda: 20_000)
    monkeypatch.setattr(tiff_pixels, "decode_tiff_pixels", None)
    refused(path, "Coloring 32 x 24 pixels takes some", "are free here", "Crop or bin")
    with pytest.raises(ImageReadError, match="free here"):
        image_shape(path)
    with pytest.raises(ImageReadError, match="free here"):
        micrograph_from_array(gray)
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**6)
    decoded.check_size(32, 24, 1000, "a.tif")


def test_the_memory_of_a_container_counts(tmp_path: Path) -> None:
    machine = memory.available_bytes(root=tmp_path, own=tmp_path / "none")
    assert machine > 10**8
    own = tmp_path / "cgroup"
    own.write_text("12:cpu:/x\n0::/a/b\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner / "memory.current").write_text("1000\n")
    assert memory.available_bytes(root=tmp_path, own=own) > 10**8
    (tmp_path / "a" / "memory.max").write_text("5000\n")
    (tmp_path / "a" / "memory.current").write_text("4000\n")
    (tmp_path / "a" / "memory.stat").write_text("anon 1\ninactive_file 700\n")
    assert memory.available_bytes(root=tmp_path, own=own) == 1700
    own.write_text("4:memory:/outside/container\n")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("900\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("950\n")
    assert memory.available_bytes(root=tmp_path, own=own) == 0


# Damage


@pytest.mark.parametrize("compression", ["lzw", "jpeg", "jpeg2000", "zstd", "packbits", "lzma"])
def test_damaged_tags_and_strips_never_show_a_library_error(compression: str, gray: np.ndarray, path: Path) -> None:
    content = io.BytesIO()
    tifffile.imwrite(content, gray, compression=compression, rowsperstrip=16, metadata=None)
    whole = content.getvalue()
    rng = np.random.default_rng(len(compression))
    for _ in range(40):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), 300), 3):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        try:
            micrograph = read_micrograph(path, max_pixels=1_000_000)
        except ImageReadError as error:
            assert "\n" not in str(error)
        else:
            assert isinstance(micrograph, Micrograph)
