"""Text files of instruments in every encoding their computers had: the units in them must come out right."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.micrograph.instruments.encodings import decoded
from semcolorize.micrograph.reading import read_micrograph

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac_roman", "cp932", "gbk", "gb18030"]
GREEK = {"cp932", "gbk", "gb18030"}
"""Encodings that have the Greek letter only."""

JEOL = """$CM_FORMAT JEOL/EO
$CM_INSTRUMENT JSM-IT800
$CM_TITLE {title}
$CM_MAG 5556
$CM_FULL_SIZE 1280 960
$CM_FIELD_OF_VIEW 23.04{micro}m 17.28{micro}m
$CM_STAGE_POSITION X=1.0mm, Y=2.0mm, R=0.0{degree}, Z=10.0mm, T=30.0{degree}
"""


TITLES = ["grains", "Körner, Probe 3", "試料 3", "样品 3", "テスト"]


def jeol(encoding: str, title: str, degree: str) -> bytes | None:
    """The text as an instrument writes it; None in an encoding that has not its letters."""
    try:
        return JEOL.format(title=title, micro="μ" if encoding in GREEK else "µ", degree=degree).encode(encoding)
    except UnicodeEncodeError:
        return None


WRITABLE = [case for case in itertools.product(ENCODINGS, TITLES, ["", "°"]) if jeol(*case) is not None]


@pytest.mark.parametrize(("encoding", "title", "degree"), WRITABLE)
def test_units_survive(encoding: str, title: str, degree: str, tmp_path: Path) -> None:
    content = jeol(encoding, title, degree)
    assert content is not None
    tifffile.imwrite(tmp_path / "a.tif", np.full((960, 1280), 90, np.uint8), metadata=None)
    (tmp_path / "a.txt").write_bytes(content)
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.pixel_size_nm == pytest.approx(18)
    assert micrograph.calibration is not None and "FIELD_OF_VIEW" in micrograph.calibration.source
    assert micrograph.instrument is not None and micrograph.instrument.tilt_deg == 30
    assert f"23.04{'μ' if encoding in GREEK else 'µ'}m" in (micrograph.info or "")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("$CM_TITLE 試料\n$CM_MAG 500\n", "cp932"),
        ("$CM_TITLE ﾃｽﾄ 試料\n$$SM_MICRON_MARKER 10μm\n", "cp932"),
        ("$CM_TITLE 样品\n$$SM_MICRON_MARKER 10μm\n", "gbk"),
        ("$CM_TITLE 样品, 铜\n", "gb2312"),
        ("$CM_OPERATOR Müller\n$$SM_MICRON_MARKER 10µm\n", "cp1252"),
        ("$CM_OPERATOR Rémy Lefèvre\n", "cp1252"),
        ("$$SM_MICRON_MARKER 10µm\n", "mac_roman"),
    ],
)
def test_names_survive_too(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("marker", [b"10\xb5m", b"10\x83\xcam", b"10\xa6\xccm", b"10?m", b"10um", b"10 \xc2\xb5m"])
def test_a_bar_of_micrometers(marker: bytes, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((960, 1280), 90, np.uint8), metadata=None)
    (tmp_path / "a.txt").write_bytes(b"$CM_FORMAT JEOL-SEM\n$CM_FULL_SIZE 1280 960\n$$SM_MICRON_BAR 100\n"
                                     b"$$SM_MICRON_MARKER " + marker + b"\n")  # fmt: skip
    assert read_micrograph(tmp_path / "a.tif").pixel_size_nm == pytest.approx(100)


def test_any_bytes_are_read_and_soon() -> None:
    rng = np.random.default_rng(0)
    for content in (
        b"",
        b"\xff",
        b"\xff\xfe",
        bytes(2_000_000),
        rng.bytes(2_000_000),
        b"\xb5" * 2_000_000,
        b"1\xb5" * 999_999,
    ):
        started = time.perf_counter()
        assert isinstance(decoded(content), str)
        assert time.perf_counter() - started < 20


@pytest.mark.parametrize("filler", ["\n", " ", "a", "=", "$CM_A ", "a=" + " " * 1000])
def test_a_hostile_text_is_soon_done_with(filler: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((60, 80), 90, np.uint8), metadata=None)
    (tmp_path / "a.txt").write_text("$CM_A [SemImageFile]\n" + filler * (1_000_000 // len(filler)))
    started = time.perf_counter()
    read_micrograph(tmp_path / "a.tif")
    assert time.perf_counter() - started < 20
