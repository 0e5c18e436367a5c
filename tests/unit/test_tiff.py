"""Writing: TIFFs that hold everything, and files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.errors import ImageReadError, OutputError, ShapeError
from semcolorize.micrograph import atomic
from semcolorize.micrograph.atomic import atomic_output, check_output, write_bytes_atomic
from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.reading import read_micrograph
from semcolorize.micrograph.tiff import write_color_tiff


def variants(dtype: type = np.uint8, count: int = 3) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.integers(0, np.iinfo(dtype).max + 1, (count, 30, 41, 3)).astype(dtype)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


# TIFF


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_everything_is_in_the_file(dtype: type, tmp_path: Path) -> None:
    rgb = variants(dtype)
    path = write_color_tiff(
        tmp_path / "a.tif",
        rgb,
        labels=["eins µ", "two", "three"],
        calibration=Calibration(0.0123, 0.02, "µm"),
        info="EHT = 5 kV",
        overlays=[b"Iout" + bytes(80), b"Iout" + bytes(90)],
        metadata='{"seed": 3}',
    )
    assert leftovers(tmp_path) == []
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_imagej
        about = tiff.imagej_metadata
        values = tiff.asarray()
        dates = [page.tags.get("DateTime") for page in tiff.pages]
    assert about is not None
    if dtype == np.uint16:
        values = np.moveaxis(values, 1, -1)
        assert about["mode"] == "composite"
        assert tuple(about["Ranges"]) == (0, 65535) * 3
    np.testing.assert_array_equal(values, rgb)
    assert about["Labels"][0].startswith("eins µ")
    assert about["unit"] == "um"
    assert about["Info"] == 'EHT = 5 kV\n\nsemcolorize provenance (JSON)\n{"seed": 3}'
    assert len(about["Overlays"]) == 2
    assert dates == [None] * len(dates)
    again = read_micrograph(path, allow_color=True)
    assert again.calibration == Calibration(pytest.approx(0.0123), pytest.approx(0.02), "µm")


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        write_color_tiff(tmp_path / name, variants(), info="x", metadata="{}")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize(("unit", "kept"), [("nm", "nm"), ("Å", "Å"), ("micron", "µm"), ("cm", "cm")])
def test_units(unit: str, kept: str, tmp_path: Path) -> None:
    size = 1e-5 if unit == "cm" else 2.5
    path = write_color_tiff(tmp_path / "a.tif", variants(), calibration=Calibration(size, size, unit))
    calibration = read_micrograph(path, allow_color=True).calibration
    assert calibration == Calibration(pytest.approx(size), pytest.approx(size), kept)


def test_wrong_arrays(tmp_path: Path) -> None:
    for rgb in (variants()[0], variants().astype(np.float32), variants()[:0], variants()[..., :2]):
        with pytest.raises(ShapeError, match="uint8 or uint16"):
            write_color_tiff(tmp_path / "a.tif", rgb)
    with pytest.raises(ShapeError, match="2 labels for 3 slices"):
        write_color_tiff(tmp_path / "a.tif", variants(), labels=["a", "b"])
    assert list(tmp_path.iterdir()) == []


def test_too_large_for_tiff(tmp_path: Path) -> None:
    huge = np.broadcast_to(np.zeros((1, 1, 1, 3), np.uint8), (20, 10000, 10000, 3))
    with pytest.raises(OutputError, match=r"6\.0 GB"):
        write_color_tiff(tmp_path / "a.tif", huge)


# Atomic writing


def refused(path: Path, match: str, **options: object) -> None:
    before = {item: item.read_bytes() for item in path.parent.glob("*") if item.is_file()}
    with pytest.raises(OutputError, match=match) as caught:
        write_color_tiff(path, variants(), **options)  # type: ignore[arg-type]
    assert caught.value.path == str(path)
    assert "\n" not in str(caught.value)
    after = {item: item.read_bytes() for item in path.parent.glob("*") if item.is_file()}
    assert after == before


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"precious")
    refused(path, "--overwrite")
    write_color_tiff(path, variants(), overwrite=True)
    assert path.read_bytes()[:2] == b"II"


def test_an_input_never(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"precious")
    (tmp_path / "link.tif").symlink_to(path)
    (tmp_path / "hard.tif").hardlink_to(path)
    for name in ("a.tif", "link.tif", "hard.tif"):
        refused(tmp_path / name, "input", overwrite=True, inputs=[path])
    assert check_output(tmp_path / "b.tif", inputs=[path, tmp_path / "missing"]) == tmp_path / "b.tif"


def test_places_where_nothing_can_be(tmp_path: Path) -> None:
    refused(tmp_path / "none" / "a.tif", "no folder")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "folder of this name", overwrite=True)
    refused(tmp_path / ("n" * 300), "too long")
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "a.tif", "no folder")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "dangling", "--overwrite")
    with pytest.raises(OutputError, match="no file name"):
        check_output("a\0b")
    with pytest.raises(OutputError, match="no file name"):
        check_output("")


@pytest.mark.parametrize(
    ("code", "match"),
    [
        (errno.EACCES, "no permission"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "disk is full"),
        (errno.EIO, "Nothing was written"),
    ],
)
def test_disks_that_refuse(code: int, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, whom no permission stops.
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(atomic.os, "fsync", fail)
    refused(tmp_path / "a.tif", match)
    assert leftovers(tmp_path) == []


@contextmanager
def small_files(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_FSIZE")
def test_a_write_that_stops_halfway(tmp_path: Path) -> None:
    rgb = np.zeros((3, 300, 400, 3), np.uint8)
    with small_files(200_000):
        # NumPy, which writes the pixels, hides the reason; it is found all the same.
        with pytest.raises(OutputError, match="too large for this disk"):
            write_color_tiff(tmp_path / "a.tif", rgb)
        with pytest.raises(OutputError, match="too large for this disk"):
            write_bytes_atomic(tmp_path / "a.json", bytes(500_000))
    assert list(tmp_path.iterdir()) == []


def test_what_fails_within_leaves_nothing(tmp_path: Path) -> None:
    for error in (KeyboardInterrupt(), RuntimeError("x"), ImageReadError("another file's fault")):
        with pytest.raises(type(error)), atomic_output(tmp_path / "a.bin") as handle:
            handle.write(b"half")
            raise error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_in_between_is_kept(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:

        def fail(*_: object) -> None:
            raise OSError(errno.EOPNOTSUPP, "no links here")

        monkeypatch.setattr(Path, "hardlink_to", fail)
    path = tmp_path / "a.bin"
    write_bytes_atomic(tmp_path / "plain.bin", b"works")
    assert (tmp_path / "plain.bin").read_bytes() == b"works"
    monkeypatch.setattr(atomic, "check_output", lambda *_, **__: path)
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists"):
        write_bytes_atomic(path, b"new")
    assert path.read_bytes() == b"precious"
    assert leftovers(tmp_path) == []


def test_one_of_many_writers_wins(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    outcomes: list[bytes | None] = []

    def write(data: bytes) -> None:
        try:
            write_bytes_atomic(path, data * 100_000)
            outcomes.append(data)
        except OutputError:
            outcomes.append(None)

    threads = [threading.Thread(target=write, args=(bytes([i]),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [data for data in outcomes if data is not None]
    assert len(winners) == 1
    assert path.read_bytes() == winners[0] * 100_000


def test_the_usual_permissions(tmp_path: Path) -> None:
    write_bytes_atomic(tmp_path / "a.bin", b"x")
    (tmp_path / "b.bin").write_bytes(b"x")
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "b.bin").stat().st_mode
