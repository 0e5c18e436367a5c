"""What instruments say about an image, against independent readings of the same files."""

from __future__ import annotations

import configparser
import math
from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.errors import ConfigError, ImageReadError
from semcolorize.micrograph.databar import databar_first_row
from semcolorize.micrograph.instrument import Instrument, instrument_of_text
from semcolorize.micrograph.reading import read_micrograph
from semcolorize.micrograph.scalebar import draw_scale_bar, scale_bar_length
from semcolorize.micrograph.sidecar import sidecar_names

HITACHI = "sample-１_600倍(x600)"


@pytest.mark.parametrize("name", ["FEI-Helios-Ebeam-16bits.tif", "fei-sem-rbc.tif"])
def test_fei_as_its_own_text_has_it(name: str, shared_data: Path) -> None:
    path = shared_data / "instruments" / name
    micrograph = read_micrograph(path)
    found = micrograph.instrument
    assert found is not None
    # An independent reading: the tag's bytes as an INI file.
    content = path.read_bytes()
    start = content.rindex(b"[User]")
    text = content[start : content.index(b"\0", start) if b"\0" in content[start:] else None].decode("latin-1")
    ini = configparser.RawConfigParser(strict=False)
    ini.read_string(text)
    assert micrograph.pixel_size_nm == pytest.approx(ini.getfloat("Scan", "PixelWidth") * 1e9)
    assert found.voltage_kv == pytest.approx(ini.getfloat("EBeam", "HV") / 1000)
    assert found.working_distance_mm == pytest.approx(ini.getfloat("EBeam", "WD") * 1000)
    assert found.tilt_deg == pytest.approx(math.degrees(ini.getfloat("Stage", "StageT")))
    assert found.detector == ini.get("Detectors", "Name")
    assert found.model == ini.get("System", "SystemType").replace('"', "")
    month, day, year = ini.get("User", "Date").split("/")
    assert found.acquired is not None and found.acquired.startswith(f"{year}-{month}-{day}T")
    assert micrograph.stated_rows == ini.getint("Image", "ResolutionY")


def test_fei_magnification_is_that_of_the_bar(shared_data: Path) -> None:
    # Read off the pictures: "mag 35 000 x" and "mag 120 x".
    for name, magnification in (("fei-sem-rbc.tif", 35000), ("FEI-Helios-Ebeam-16bits.tif", 120)):
        found = read_micrograph(shared_data / "instruments" / name).instrument
        assert found is not None and found.magnification == magnification


@pytest.mark.parametrize("name", ["zeiss_merlin_test.tif", "test_tiff_Zeiss_SEM_512pix.tif"])
def test_zeiss_as_tifffile_has_it(name: str, shared_data: Path) -> None:
    path = shared_data / "instruments" / name
    micrograph = read_micrograph(path)
    found = micrograph.instrument
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.sem_metadata
    assert found is not None and found.vendor == "Zeiss"
    # The pixel of this screen of 1024 columns, in whatever the image has.
    assert tags["ap_pixel_size"][2] == "nm"
    by_screen = tags["ap_pixel_size"][1] * 1024 / micrograph.shape[1]
    assert micrograph.pixel_size_nm == pytest.approx(by_screen, rel=1e-4)
    assert found.voltage_kv == tags["ap_actualkv"][1] and found.working_distance_mm == tags["ap_wd"][1]
    assert found.magnification == float(tags["ap_mag"][1].split()[0]) * 1000
    assert found.detector == tags["dp_detector_channel"][1] and found.tilt_deg == tags["ap_stage_at_t"][1]
    assert found.acquired == {"Merlin": "2018-08-10T11:41:13"}.get(str(found.model), "2018-09-25T08:20:42")


def test_hitachi_as_its_text_file_has_it(shared_data: Path) -> None:
    folder = shared_data / "instruments"
    lines = (folder / f"{HITACHI}.txt").read_text(encoding="utf-16").splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    micrograph = read_micrograph(folder / f"{HITACHI}.tif")
    found = micrograph.instrument
    assert found is not None and found.sidecar is not None and found.sidecar.endswith(f"{HITACHI}.txt")
    assert micrograph.pixel_size_nm == pytest.approx(float(told["PixelSize"]))
    assert found.magnification == float(told["Magnification"]) and found.model == told["InstructName"]
    assert found.voltage_kv == float(told["AcceleratingVoltage"].split()[0]) / 1000
    assert found.working_distance_mm == pytest.approx(float(told["WorkingDistance"].split()[0]) / 1000)
    assert found.detector == told["SignalName"] and found.acquired == "2021-06-23T16:41:13"
    assert "EmissionCurrent=47300" in (micrograph.info or "")


def test_a_file_without_metadata_has_none(shared_data: Path) -> None:
    micrograph = read_micrograph(shared_data / "instruments" / "salt0002.tiff")
    assert micrograph.instrument is None and micrograph.calibration is None


def test_the_truncated_file_is_said_to_be(shared_data: Path) -> None:
    with pytest.raises(ImageReadError, match="truncated"):
        read_micrograph(shared_data / "instruments" / "quad1image_001_no_beam_scan_or_system_meta.tif")


JEOL = """$CM_FORMAT JEOL-SEM
$CM_INSTRUMENT JSM-7001F
$CM_ACCEL_VOLT 15.00
$CM_MAG 5000
$CM_SIGNAL SEI
$CM_DATE 12/21/2010
$CM_TIME 02:34:56 PM
$CM_FULL_SIZE 1280 960
$CM_STAGE_POS 1.5 2.5 10.0 12.0 30.0 0
$$SM_MICRON_BAR 167
$$SM_MICRON_MARKER 3um
$$SM_WD 10.1
"""


def test_jeol() -> None:
    found = instrument_of_text(JEOL)
    assert found == Instrument(
        vendor="JEOL", model="JSM-7001F", calibration=found.calibration if found else None, magnification=5000,
        voltage_kv=15, working_distance_mm=10.1, detector="SEI", tilt_deg=30, acquired="2010-12-21T14:34:56",
        image_size=(960, 1280),
    )  # fmt: skip
    assert found.calibration is not None and found.calibration.nanometers is not None
    assert found.calibration.nanometers[0] == pytest.approx(3000 / 167)
    assert found.image_rows((1024, 1280)) == 960
    # Resized or cropped afterwards: no longer what the text describes.
    assert found.image_rows((512, 640)) is None and found.image_rows((900, 1280)) is None


@pytest.mark.parametrize(
    "field, nanometers",
    [
        ("$CM_FIELD_OF_VIEW 23.04 17.28", 18.0),
        ("$CM_FIELD_OF_VIEW 23.04µm 17.28µm", 18.0),
        ("$CM_FIELD_OF_VIEW 23040nm 17280nm", 18.0),
        # Contradicts the bar, which everybody sees.
        ("$CM_FIELD_OF_VIEW 46.08 34.56", 3000 / 167),
        ("$CM_FIELD_OF_VIEW none", 3000 / 167),
    ],
)
def test_jeol_of_other_models(field: str, nanometers: float) -> None:
    text = JEOL.replace("$CM_FULL_SIZE", "$CM_IMAGE_SIZE").replace("$$SM_WD", "$SM_WD")
    text = text.replace("$CM_SIGNAL", "$SM_DETECTOR")
    text = text.replace("POS 1.5 2.5 10.0 12.0 30.0 0", "POSITION X=1.5, Y=2.5, R=12.0, Z=10.0, T=30.0")
    found = instrument_of_text(f"{text}{field}\n")
    assert found is not None and found.calibration is not None and found.calibration.nanometers is not None
    assert found.calibration.nanometers[0] == pytest.approx(nanometers)
    assert (found.tilt_deg, found.working_distance_mm, found.detector) == (30, 10.1, "SEI")
    assert found.image_size == (960, 1280)
    # A stage without motors says less.
    still = instrument_of_text(JEOL.replace("$CM_STAGE_POS 1.5 2.5 10.0 12.0 30.0 0", "$CM_STAGE_POS 1.5 2.5 10.0"))
    assert still is not None and still.tilt_deg is None


def test_hitachi_tabletop_without_its_text_file(shared_data: Path, tmp_path: Path) -> None:
    lost = tmp_path / "lost.tif"
    lost.write_bytes((shared_data / "instruments" / f"{HITACHI}.tif").read_bytes())
    found = read_micrograph(lost)
    whole = read_micrograph(shared_data / "instruments" / f"{HITACHI}.tif")
    assert found.instrument is not None and whole.instrument is not None and found.instrument.sidecar is None
    assert found.pixel_size_nm == whole.pixel_size_nm
    for key in ("vendor", "model", "magnification", "voltage_kv", "detector"):
        assert getattr(found.instrument, key) == getattr(whole.instrument, key)
    assert found.instrument.working_distance_mm == pytest.approx(whole.instrument.working_distance_mm, abs=0.05)


TESCAN = """[MAIN]
AccFrames=1
Date=2017-05-12
Time=09:08:07
Device=MIRA3 LM
ImageStripSize=77
Magnification=50000.0
PixelSizeX=2.5e-009
PixelSizeY=2.6e-009

[SEM]
Detector=SE
HV=-5000
StageTilt=-12.5
WD=0.0051
"""


def test_tescan_beside_and_inside(tmp_path: Path) -> None:
    pixels = np.full((845, 768), 90, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, resolution=(300, 300))
    (tmp_path / "a-tif.hdr").write_text(TESCAN)
    tifffile.imwrite(tmp_path / "b.tif", pixels, extratags=[(50431, 1, None, b"\x03\x00" + TESCAN.encode(), True)])
    for name in "ab":
        micrograph = read_micrograph(tmp_path / f"{name}.tif")
        found = micrograph.instrument
        assert found is not None and found.vendor == "TESCAN" and found.model == "MIRA3 LM"
        assert (found.voltage_kv, found.working_distance_mm, found.tilt_deg) == (5, 5.1, -12.5)
        assert micrograph.calibration is not None
        assert micrograph.calibration.nanometers == pytest.approx((2.5, 2.6))
        assert micrograph.stated_rows == 768 and found.acquired == "2017-05-12T09:08:07"


def test_stated_area_wins_over_detection(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(40, 200, (960, 1280), dtype=np.uint8)
    # A bar that detection does not find: as noisy as the image.
    bar = rng.integers(0, 255, (64, 1280), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", np.concatenate([image, bar]))
    plain = read_micrograph(tmp_path / "a.tif")
    assert databar_first_row("auto", plain.pixels, stated=plain.stated_rows) == 1024
    (tmp_path / "a.txt").write_text(JEOL)
    told = read_micrograph(tmp_path / "a.tif")
    assert databar_first_row("auto", told.pixels, stated=told.stated_rows) == 960
    assert databar_first_row("none", told.pixels, stated=told.stated_rows) == 1024
    assert databar_first_row(10, told.pixels, stated=told.stated_rows) == 1014


def test_what_a_user_set_in_imagej_comes_first(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(JEOL)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((1024, 1280), np.uint8) + 9, imagej=True, resolution=(0.5, 0.5),
                     metadata={"unit": "nm"})  # fmt: skip
    assert read_micrograph(tmp_path / "a.tif").pixel_size_nm == 2
    # A printer's resolution is not such.
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((1024, 1280), np.uint8) + 9, resolution=(300, 300))
    assert read_micrograph(tmp_path / "a.tif").pixel_size_nm == pytest.approx(3000 / 167)


def test_ome_pixel_size(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    about = {"PhysicalSizeX": 4.5, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 4.5, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(path, np.zeros((20, 30), np.uint8), ome=True, metadata={"axes": "YX", **about})
    assert read_micrograph(path).pixel_size_nm == 4.5


@pytest.mark.parametrize(
    "text",
    ["", "notes of the day\npixel size = 5\n", "[SemImageFile]\nPixelSize=nan\nMagnification=-3\nDate=99/99/99\n",
     "$CM_MAG x\n$$SM_MICRON_BAR 0\n$$SM_MICRON_MARKER 1um\n", "[MAIN]\nPixelSizeX=-1\nImageStripSize=-9\n"],
)  # fmt: skip
def test_texts_that_say_nothing(text: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.eye(64, dtype=np.uint8) * 99)
    (tmp_path / "a.txt").write_text(text)
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.calibration is None and micrograph.stated_rows is None
    assert micrograph.instrument is None or set(micrograph.instrument.record()) == {"vendor"}


def test_text_files_in_other_encodings_and_of_any_bytes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.eye(64, dtype=np.uint8) * 99)
    text = "[SemImageFile]\nInstructName=SU8000\nSampleName=試料\nPixelSize=2.5\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp932"):
        (tmp_path / "a.txt").write_bytes(text.encode(encoding))
        micrograph = read_micrograph(tmp_path / "a.tif")
        assert micrograph.pixel_size_nm == 2.5 and "試料" in (micrograph.info or "")
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 50)
    assert read_micrograph(tmp_path / "a.tif").instrument is None


def test_names_of_text_files() -> None:
    assert list(sidecar_names("x/a.b.tif"))[::2] == ["x/a.b.txt", "x/a.b.hdr", "x/a.b-tif.hdr"]


@pytest.mark.parametrize(
    ("width", "pixel", "label"),
    [(1024, 5.0, "1 µm"), (1024, 1.0, "200 nm"), (512, 2000, "200 µm"), (4096, 9000, "5 mm")],
)
def test_scale_bar_has_a_round_length(width: int, pixel: float, label: str) -> None:
    length, text = scale_bar_length(width, pixel)
    assert text == label and 0.08 < length / pixel / width <= 0.22


def test_scale_bar_is_as_long_as_it_says() -> None:
    gray = np.full((600, 800, 3), 77, np.uint8)
    picture = draw_scale_bar(gray, 10.0, rows=550)
    assert (gray == 77).all()
    changed = np.argwhere((picture != 77).any(axis=-1))
    assert changed[:, 0].max() < 550
    white = (picture == 255).all(axis=-1)
    longest = max(int(row.sum()) for row in white)
    # 1 µm at 10 nm a pixel.
    assert scale_bar_length(800, 10.0) == (1000.0, "1 µm") and longest == 100
    with pytest.raises(ConfigError, match="how large a pixel is"):
        draw_scale_bar(gray, None)
