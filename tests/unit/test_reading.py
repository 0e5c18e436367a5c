"""Reading micrographs: every kind that is accepted, and every kind that is refused with a reason."""

from __future__ import annotations

import errno
import io
import logging
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from semcolorize.color.lab import gray_to_lightness
from semcolorize.errors import ConfigError, ImageReadError, ShapeError
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.reading import Micrograph, micrograph_from_array, read_micrograph


@pytest.fixture
def gray() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (40, 50)).astype(np.uint8)


@pytest.fixture
def deep() -> np.ndarray:
    return np.random.default_rng(2).integers(3000, 21000, (40, 50)).astype(np.uint16)


# What is read


@pytest.mark.parametrize("suffix", ["tif", "png", "bmp", "gif"])
def test_eight_bit_is_untouched(gray: np.ndarray, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(gray).save(path)
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.pixels, gray)
    assert micrograph.display_range == (0, 255)
    assert micrograph.range_source == "8 bit"
    assert micrograph.clipped == (0, 0)
    assert micrograph.shape == (40, 50)
    np.testing.assert_allclose(micrograph.lightness, gray_to_lightness(gray / 255), atol=1e-5)
    assert micrograph.lightness.dtype == np.float32


def test_jpeg(gray: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(gray).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_micrograph(tmp_path / "a.jpg").pixels.astype(int) - gray).mean() < 5
    Image.fromarray(gray).convert("RGB").save(tmp_path / "rgb.jpg")
    assert read_micrograph(tmp_path / "rgb.jpg").pixels.ndim == 2


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u2", "i2", "f4", "f8", "i4", "u4"])
def test_types_and_byte_orders(byteorder: str, dtype: str, deep: np.ndarray, tmp_path: Path) -> None:
    values = (deep.astype(np.int64) - (8000 if dtype[0] in "if" else 0)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, byteorder=byteorder)
    micrograph = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.pixels, values)
    assert micrograph.pixels.dtype == np.dtype(dtype)
    assert micrograph.range_source == "0.1-99.9 percentiles"
    assert micrograph.display_range == pytest.approx(np.percentile(values, [0.1, 99.9]))
    assert 0 < sum(micrograph.clipped) < 0.005
    assert "beyond black" in micrograph.range_statement
    assert micrograph.lightness.min() == 0
    assert micrograph.lightness.max() == pytest.approx(100, abs=1e-4)


def test_sixteen_bit_png(deep: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(deep).save(tmp_path / "a.png")
    micrograph = read_micrograph(tmp_path / "a.png")
    np.testing.assert_array_equal(micrograph.pixels, deep)
    assert micrograph.pixels.dtype == np.uint16


@pytest.mark.parametrize("compression", ["zlib", "lzma"])
def test_tiff_compressions(compression: str, deep: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", deep, compression=compression, rowsperstrip=7)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").pixels, deep)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_of_pillow(compression: str, gray: np.ndarray, deep: np.ndarray, tmp_path: Path) -> None:
    for values in (gray, deep):
        Image.fromarray(values).save(tmp_path / "a.tif", compression=compression)
        micrograph = read_micrograph(tmp_path / "a.tif")
        np.testing.assert_array_equal(micrograph.pixels, values)
        assert micrograph.pixels.dtype == values.dtype


def test_tiles_and_planes(gray: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "tiled.tif", gray, tile=(16, 32))
    np.testing.assert_array_equal(read_micrograph(tmp_path / "tiled.tif").pixels, gray)
    rgb = np.stack([gray] * 3)
    tifffile.imwrite(tmp_path / "planes.tif", rgb, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "planes.tif").pixels, gray)


def test_white_is_zero(gray: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", gray, photometric="miniswhite")
    micrograph = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.pixels, gray)
    assert micrograph.display_range == (255, 0)
    np.testing.assert_allclose(micrograph.lightness, gray_to_lightness(1 - gray / 255), atol=1e-4)


def test_imagej_range_calibration_and_info(deep: np.ndarray, tmp_path: Path) -> None:
    about = {"min": 5000.0, "max": 18000.0, "unit": "micron", "Info": "HV = 5 kV", "axes": "ZYX"}
    tifffile.imwrite(tmp_path / "a.tif", np.stack([deep, deep[::-1]]), imagej=True, resolution=(40, 20), metadata=about)
    micrograph = read_micrograph(tmp_path / "a.tif", page=2)
    np.testing.assert_array_equal(micrograph.pixels, deep[::-1])
    assert micrograph.display_range == (5000, 18000)
    assert micrograph.range_source == "ImageJ display range"
    assert micrograph.clipped == pytest.approx(((deep < 5000).mean(), (deep > 18000).mean()))
    assert micrograph.calibration == Calibration(0.025, 0.05, "µm")
    assert micrograph.pixel_size_nm == pytest.approx(25)
    assert micrograph.info == "HV = 5 kV"
    assert micrograph.notes == ("Page 2 of 2 is used.",)


def test_imagej_ranges_a_channel(deep: np.ndarray, tmp_path: Path) -> None:
    about = {"axes": "CYX", "Ranges": (4000.0, 9000.0, 5000.0, 12000.0), "min": 0.0, "max": 1.0}
    tifffile.imwrite(tmp_path / "a.tif", np.stack([deep] * 2), imagej=True, metadata=about)
    assert read_micrograph(tmp_path / "a.tif").display_range == (4000, 9000)
    assert read_micrograph(tmp_path / "a.tif", page=2).display_range == (5000, 12000)


def test_stack_with_a_single_page(deep: np.ndarray, tmp_path: Path) -> None:
    # As ImageJ stores stacks of more than 4 GB: one page, all slices behind it.
    stack = np.stack([deep, deep + 1, deep + 2])
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        first = tiff.pages[0]
        end = first.offset + 2 + 12 * len(first.tags)
    data[end : end + 4] = bytes(4)
    (tmp_path / "b.tif").write_bytes(data)
    micrograph = read_micrograph(tmp_path / "b.tif", page=3)
    assert micrograph.pages == 3
    np.testing.assert_array_equal(micrograph.pixels, deep + 2)


def test_print_resolution_is_no_calibration(gray: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", gray, resolution=(300, 300), resolutionunit="inch")
    assert read_micrograph(tmp_path / "a.tif").calibration is None
    tifffile.imwrite(tmp_path / "b.tif", gray, resolution=(1e6, 1e6), resolutionunit="centimeter")
    calibrated = read_micrograph(tmp_path / "b.tif")
    assert calibrated.calibration is not None
    assert calibrated.calibration.unit == "cm"
    assert calibrated.pixel_size_nm == pytest.approx(10)


def test_given_range_wins(deep: np.ndarray) -> None:
    micrograph = micrograph_from_array(deep, display_range=(0, 65535))
    assert micrograph.range_source == "given"
    np.testing.assert_allclose(micrograph.lightness, gray_to_lightness(deep / 65535), atol=1e-4)
    for wrong in ((1, 1), (0, float("nan"))):
        with pytest.raises(ConfigError, match="display_range"):
            micrograph_from_array(deep, display_range=wrong)


def test_palettes(gray: np.ndarray, tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(255, -1, -1, dtype=np.uint16)[None] * 257, 3, axis=0)
    tifffile.imwrite(tmp_path / "a.tif", gray, photometric="palette", colormap=ramp)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").pixels, 255 - gray)
    image = Image.fromarray(gray).convert("P")
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.png").pixels, gray)
    fire = ramp.copy()
    fire[2] = 0
    tifffile.imwrite(tmp_path / "fire.tif", gray, photometric="palette", colormap=fire)
    with pytest.raises(ImageReadError, match="color image"):
        read_micrograph(tmp_path / "fire.tif")


def test_rgb_and_opaque_alpha(gray: np.ndarray, tmp_path: Path) -> None:
    rgba = np.dstack([gray, gray, gray, np.full_like(gray, 255)])
    for name in ("a.png", "a.tif"):
        Image.fromarray(rgba).save(tmp_path / name)
        np.testing.assert_array_equal(read_micrograph(tmp_path / name).pixels, gray)
    Image.fromarray(gray).convert("LA").save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "la.png").pixels, gray)
    np.testing.assert_array_equal(micrograph_from_array(rgba).pixels, gray)
    np.testing.assert_array_equal(micrograph_from_array(gray[..., None]).pixels, gray)


def test_rgb_sixteen_bit_and_float(deep: np.ndarray) -> None:
    np.testing.assert_array_equal(micrograph_from_array(np.dstack([deep] * 3)).pixels, deep)
    floating = np.dstack([deep / 65535] * 3)
    micrograph = micrograph_from_array(floating)
    assert micrograph.display_range == (0, 1)
    np.testing.assert_array_equal(micrograph.pixels, floating[..., 0])


def test_one_colored_scale_bar_is_accepted_and_told(gray: np.ndarray) -> None:
    rgb = np.dstack([gray] * 3)
    rgb[1, 1:6] = (0, 255, 0)
    micrograph = micrograph_from_array(rgb)
    assert "5 pixels are colored" in micrograph.notes[0]
    unchanged = np.ones(gray.shape, bool)
    unchanged[1, 1:6] = False
    np.testing.assert_array_equal(micrograph.pixels[unchanged], gray[unchanged])
    # The gray that looks as bright as pure green.
    assert micrograph.lightness[1, 1] == pytest.approx(87.7, abs=0.3)


def test_color_only_if_allowed(gray: np.ndarray, tmp_path: Path) -> None:
    rgb = np.dstack([gray, gray // 2, 255 - gray])
    Image.fromarray(rgb).save(tmp_path / "a.png")
    with pytest.raises(ImageReadError, match="allow_color=True"):
        read_micrograph(tmp_path / "a.png")
    from skimage.color import rgb2lab

    micrograph = read_micrograph(tmp_path / "a.png", allow_color=True)
    np.testing.assert_allclose(micrograph.lightness, rgb2lab(rgb)[..., 0], atol=0.01)
    assert "lightness is used" in micrograph.notes[0]


def test_constant_images() -> None:
    white = micrograph_from_array(np.full((9, 9), 255, np.uint8))
    assert white.lightness.min() == 100
    for value in (np.float32(3.5), np.uint16(0), np.uint16(65535), np.float32(-1e30)):
        flat = micrograph_from_array(np.full((9, 9), value))
        assert flat.range_source == "constant image"
        assert 40 < flat.lightness[0, 0] < 60
        assert "same gray value" in flat.notes[0]


def test_a_databar_does_not_set_the_range() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(20000, 2000, (400, 512)).clip(0, 65535).astype(np.uint16)
    bar = np.zeros((40, 512), np.uint16)
    bar[15:25] = np.where(np.arange(512) % 6 < 2, 65535, 0)
    low, high = micrograph_from_array(np.concatenate([image, bar])).display_range
    assert (low, high) == pytest.approx(np.percentile(image, [0.1, 99.9]))


def test_micrograph_is_hashed_and_small_to_print(gray: np.ndarray, tmp_path: Path) -> None:
    import hashlib

    Image.fromarray(gray).save(tmp_path / "a.png")
    micrograph = read_micrograph(tmp_path / "a.png")
    assert micrograph.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert len(repr(micrograph)) < 500


# What is refused


def refused(path: Path, *, match: str, **options: object) -> None:
    with pytest.raises(ImageReadError, match=match) as caught:
        read_micrograph(path, **options)  # type: ignore[arg-type]
    assert caught.value.path == str(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, OSError)


def test_not_there_a_folder_empty_not_regular(tmp_path: Path) -> None:
    refused(tmp_path / "none.tif", match="no such file")
    refused(tmp_path, match="a folder")
    (tmp_path / "empty.tif").touch()
    refused(tmp_path / "empty.tif", match="empty")
    refused(Path("/dev/null"), match="regular file")
    refused(Path("a\0b"), match="no such file")


def test_no_permission(gray: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(gray).save(tmp_path / "a.png")

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "denied")

    # The tests may run as root, whom nothing is forbidden.
    monkeypatch.setattr(Path, "open", deny)
    refused(tmp_path / "a.png", match="no permission")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"PK\x03\x04" + bytes(99), "ZIP"),
        (b"%PDF-1.7" + bytes(99), "PDF"),
        (b"hello there", "no image that can be read"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5"),
        (b"II*\0" + b"\xff" * 60, "damaged"),
        (b"II*\0", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "damaged"),
        (b"\xff\xd8\xff" + bytes(20), "damaged"),
    ],
)
def test_wrong_content_under_a_good_name(content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(content)
    refused(path, match=match)


def test_content_counts_not_the_suffix(gray: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(gray).save(tmp_path / "a.png")
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.png").read_bytes())
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").pixels, gray)


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg", "bmp", "gif", "webp"])
def test_truncated(suffix: str, gray: np.ndarray, tmp_path: Path) -> None:
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(gray).save(whole)
    data = whole.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path = tmp_path / f"part.{suffix}"
        path.write_bytes(data[: int(len(data) * share)])
        refused(path, match="damaged|incomplete|truncated")


def test_missing_strips_are_not_black(gray: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", gray, rowsperstrip=4)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "b.tif").write_bytes(data[: len(data) - 300])
    refused(tmp_path / "b.tif", match="truncated")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity(value: float, tmp_path: Path) -> None:
    image = np.zeros((8, 9), np.float32)
    image[3, 5] = value
    tifffile.imwrite(tmp_path / "a.tif", image)
    refused(tmp_path / "a.tif", match="1 of 72 values are NaN or infinite, the first at x 5, y 3")
    with pytest.raises(ImageReadError, match="NaN"):
        micrograph_from_array(image)


def test_largest_floats_are_no_infinity() -> None:
    image = np.full((8, 8), np.finfo(np.float64).max)
    image[0] = -image[0]
    image[1] = 0
    lightness = micrograph_from_array(image).lightness
    assert np.isfinite(lightness).all()
    assert lightness.min() == 0


def test_zero_size() -> None:
    with pytest.raises(ImageReadError, match="no pixels"):
        micrograph_from_array(np.zeros((0, 5), np.uint8))


@pytest.mark.parametrize("shape", [(5,), (2, 5, 5), (5, 5, 2), (1, 5, 5, 3)])
def test_arrays_that_are_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="shape"):
        micrograph_from_array(np.zeros(shape, np.uint8))
    with pytest.raises(ShapeError, match="complex"):
        micrograph_from_array(np.zeros((4, 4), complex))


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    body = b"IDAT" + zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", len(body) - 4) + body + bytes(4)


def test_huge_dimensions_are_refused_by_the_header(gray: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_header(60000, 60000))
    refused(tmp_path / "bomb.png", match="3,600 megapixels")
    tifffile.imwrite(tmp_path / "a.tif", gray)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        places = [tiff.pages[0].tags[name].valueoffset for name in ("ImageWidth", "ImageLength")]
    for place in places:
        data[place : place + 2] = b"\xff\xff"
    (tmp_path / "bomb.tif").write_bytes(data)
    refused(tmp_path / "bomb.tif", match="megapixels")
    refused(tmp_path / "a.tif", match="max_pixels", max_pixels=100)


def test_pages_are_counted_from_one(gray: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([gray] * 3), photometric="minisblack")
    assert read_micrograph(tmp_path / "a.tif").pages == 3
    for page in (0, 4, -1):
        refused(tmp_path / "a.tif", match="the file has 3, counted from 1", page=page)


def test_transparency_and_deep_color(gray: np.ndarray, tmp_path: Path) -> None:
    rgba = np.dstack([gray, gray, gray, np.where(gray > 9, 255, 0).astype(np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "alpha.png")
    refused(tmp_path / "alpha.png", match="transparent")
    data = bytearray(png_header(4, 4))
    data[24:26] = b"\x10\x02"
    (tmp_path / "deep.png").write_bytes(data)
    refused(tmp_path / "deep.png", match="16-bit PNG in color")


def test_libraries_stay_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    data = io.BytesIO()
    tifffile.imwrite(data, np.zeros((20, 20), np.uint8))
    damaged = bytearray(data.getvalue())
    damaged[10:60] = bytes(range(200, 250))
    (tmp_path / "a.tif").write_bytes(damaged)
    with caplog.at_level(logging.DEBUG), pytest.raises(ImageReadError):
        read_micrograph(tmp_path / "a.tif")
    assert caplog.records == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("seed", range(3))
def test_damage_never_shows_a_library_error(seed: int, gray: np.ndarray, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    for suffix in ("tif", "png", "jpg", "bmp", "gif", "webp"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(gray).save(path)
        whole = path.read_bytes()
        for _ in range(25):
            data = bytearray(whole)
            for place in rng.integers(0, min(len(data), 300), 4):
                data[place] = rng.integers(256)
            path.write_bytes(data)
            try:
                micrograph = read_micrograph(path, max_pixels=1_000_000)
            except ImageReadError as error:
                assert "\n" not in str(error)
            else:
                assert isinstance(micrograph, Micrograph)


# Instruments' own files


@pytest.mark.parametrize(
    ("name", "dtype", "size"),
    [
        ("FEI-Helios-Ebeam-16bits.tif", np.uint16, 3372.4),
        ("fei-sem-rbc.tif", np.uint8, 7.70833),
        ("zeiss_merlin_test.tif", np.uint8, 55.82),
        ("test_tiff_Zeiss_SEM_512pix.tif", np.uint8, 11.65),
        ("salt0002.tiff", np.uint8, None),
        ("sample-１_600倍(x600).tif", np.uint8, 165.3646),
    ],
)
def test_instruments(name: str, dtype: type, size: float | None, shared_data: Path) -> None:
    micrograph = read_micrograph(shared_data / "instruments" / name)
    assert micrograph.pixels.dtype == dtype
    assert micrograph.pixel_size_nm == (None if size is None else pytest.approx(size, rel=1e-4))
    if size is not None:
        assert len(micrograph.info or "") > 200
    assert micrograph.lightness.max() > 90


def test_a_truncated_instrument_file(shared_data: Path) -> None:
    refused(shared_data / "instruments" / "quad1image_001_no_beam_scan_or_system_meta.tif", match="truncated")


def test_one_bit_images_are_whole(tmp_path):
    values = np.random.default_rng(0).random((40, 61)) > 0.5
    tifffile.imwrite(tmp_path / "b.tif", values)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "b.tif").pixels > 0, values)
