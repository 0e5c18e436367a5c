"""Where a scale comes from: every kind of statement, what contradicts it, and what is no statement at all.

The files are written here as the vendors and public descriptions have them; sizes are computed from the field of
view, never taken from the field that the reader reads.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.micrograph.calibration import Calibration, imagej_calibration, unit_nanometers
from semcolorize.micrograph.instrument import instrument_of_text
from semcolorize.micrograph.provenance import provenance_of
from semcolorize.micrograph.reading import Micrograph, read_micrograph

RNG = np.random.default_rng(3)


def gray(shape: tuple[int, int]) -> np.ndarray:
    return RNG.integers(40, 200, shape).astype(np.uint8)


def write(path: Path, shape: tuple[int, int], code: int, text: str | bytes, **options: object) -> Micrograph:
    content = text if isinstance(text, bytes) else text.encode("cp1252")
    tifffile.imwrite(path, gray(shape), metadata=None, extratags=[(code, "B", 0, content, True)], **options)
    return read_micrograph(path)


# Zeiss


def zeiss(**entries: str) -> str:
    names = {"AP_DATE": "Date :", "AP_TIME": "Time :"}
    lines = ["0"] * 8
    for key, value in entries.items():
        lines += [key, f"{names.get(key, 'Name = ')}{value}"]
    return "\r\n".join(lines) + "\r\n"


FIELD = {"AP_WIDTH": "5.965 µm", "AP_HEIGHT": "4.474 µm", "AP_PIXEL_SIZE": "5.825 nm", "AP_MAG": "50.00 K X"}


@pytest.mark.parametrize("columns", [512, 1024, 2048, 3072, 4096])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("lacking", ["", "AP_WIDTH", "AP_PIXEL_SIZE"])
def test_zeiss_is_the_field_over_the_columns(columns: int, own: bool, lacking: str, tmp_path: Path) -> None:
    entries = {key: value for key, value in FIELD.items() if key != lacking}
    if own:
        entries["AP_IMAGE_PIXEL_SIZE"] = f"{5965 / columns:.4g} nm"
    micrograph = write(tmp_path / "a.tif", (columns * 3 // 4, columns), 34118, zeiss(**entries))
    assert micrograph.pixel_size_nm == pytest.approx(5965 / columns, rel=1e-3)
    assert micrograph.notes == ()
    source = "Zeiss AP_IMAGE_PIXEL_SIZE" if own else "1024 x Zeiss AP_PIXEL_SIZE over columns" if lacking == "AP_WIDTH"\
        else "Zeiss AP_WIDTH over columns"  # fmt: skip
    assert micrograph.calibration is not None and micrograph.calibration.source == source


@pytest.mark.parametrize("stored", [{}, {"DP_IMAGE_STORE": "1024 * 768"}])
def test_zeiss_resized_and_cropped(stored: dict[str, str], tmp_path: Path) -> None:
    text = zeiss(**FIELD, **stored, AP_IMAGE_PIXEL_SIZE="5.825 nm")
    half = write(tmp_path / "a.tif", (384, 512), 34118, text)
    assert half.pixel_size_nm == pytest.approx(11.65, rel=1e-3)
    assert len(half.notes) == 1 and "11.65 nm" in half.notes[0] and "5.825 nm" in half.notes[0]
    part = write(tmp_path / "b.tif", (600, 512), 34118, text)
    assert part.pixel_size_nm == pytest.approx(5.825, rel=1e-3)
    assert len(part.notes) == 1 and "cropped" in part.notes[0]
    # Only the data bar is cut off.
    assert write(tmp_path / "c.tif", (700, 1024), 34118, text).notes == ()


def test_zeiss_stale_pixel_size_loses_against_the_field(tmp_path: Path) -> None:
    text = zeiss(**FIELD, AP_IMAGE_PIXEL_SIZE="93.2 nm", DP_IMAGE_STORE="1024 * 768")
    micrograph = write(tmp_path / "a.tif", (768, 1024), 34118, text)
    assert micrograph.pixel_size_nm == pytest.approx(5.825, rel=1e-3)
    assert len(micrograph.notes) == 1 and "93.2 nm" in micrograph.notes[0] and "5.825 nm" in micrograph.notes[0]


@pytest.mark.parametrize("micro", ["µ", "\xa6\xcc", "?", "u", "\xc2\xb5"])
def test_zeiss_micrometers_in_any_encoding(micro: str, tmp_path: Path) -> None:
    text = zeiss(AP_WIDTH=f"57,16 {micro}m", AP_HEIGHT=f"42,87 {micro}m").encode("latin-1")
    assert write(tmp_path / "a.tif", (768, 1024), 34118, text).pixel_size_nm == pytest.approx(55.82, rel=1e-3)


def test_zeiss_picometers(tmp_path: Path) -> None:
    micrograph = write(tmp_path / "a.tif", (768, 1024), 34118, zeiss(AP_IMAGE_PIXEL_SIZE="558.2 pm"))
    assert micrograph.pixel_size_nm == pytest.approx(0.5582)


# FEI


def fei(columns: int = 1536, *, pixel: float = 2.69792e-7, field: float = 0.0004144, **more: dict[str, object]) -> str:
    sections: dict[str, dict[str, object]] = {
        "System": {"SystemType": "Scios", "DisplayWidth": 0.518},
        "Beam": {"HV": 2000, "Beam": "EBeam", "Scan": "EScan"},
        "EBeam": {"HV": 2000, "WD": 0.0068},
        "Scan": {"PixelWidth": pixel, "PixelHeight": pixel, "HorFieldsize": field, "VerFieldsize": field / 1.5},
        "Image": {"ResolutionX": columns, "ResolutionY": columns * 2 // 3},
    }
    for name, entries in more.items():
        sections[name] = {**sections.get(name, {}), **entries}
    lines = [line for name, entries in sections.items()
             for line in (f"[{name}]", *(f"{key}={value}" for key, value in entries.items()), "")]  # fmt: skip
    return "\r\n".join(lines)


@pytest.mark.parametrize(
    ("canvas", "mode", "magnification"),
    [(0.13813, 3, None), (0.2072, 3, 500), (0.4144, 2, 1000), (0.4144, 3, None), (0.2072, 1, None)],
)
def test_fei_magnification_needs_a_second_statement(
    canvas: float, mode: int, magnification: float | None, tmp_path: Path
) -> None:
    text = fei(Image={"MagCanvasRealWidth": canvas, "MagnificationMode": mode})
    micrograph = write(tmp_path / "a.tif", (1024, 1536), 34682, text)
    assert micrograph.instrument is not None
    assert micrograph.instrument.magnification == (None if magnification is None else pytest.approx(magnification))
    assert bool(micrograph.notes) == (magnification is None)
    assert all("magnifications" in note for note in micrograph.notes)
    assert micrograph.pixel_size_nm == pytest.approx(269.792)
    alone = fei(System={"DisplayWidth": ""}, Image={"MagCanvasRealWidth": canvas, "MagnificationMode": mode})
    found = write(tmp_path / "b.tif", (1024, 1536), 34682, alone).instrument
    assert found is not None and found.magnification is None


def test_fei_resized_cropped_and_contradicting_itself(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.tif", (1094, 1536), 34682, fei())
    assert whole.notes == () and whole.pixel_size_nm == pytest.approx(269.792)
    half = write(tmp_path / "b.tif", (547, 768), 34682, fei())
    assert half.pixel_size_nm == pytest.approx(414_400 / 768, rel=1e-4) and "resized" in half.notes[0]
    part = write(tmp_path / "c.tif", (512, 512), 34682, fei())
    assert part.pixel_size_nm == pytest.approx(269.792) and "cropped" in part.notes[0]
    # The data bar shows the field.
    other = write(tmp_path / "d.tif", (1024, 1536), 34682, fei(pixel=5.4e-7))
    assert other.pixel_size_nm == pytest.approx(269.79, rel=1e-4)
    assert "540 nm" in other.notes[0] and "269.8 nm" in other.notes[0]
    # Two against one.
    third = fei(field=0.0008, EBeam={"HFW": 0.0004144, "VFW": 0.00027627})
    assert write(tmp_path / "e.tif", (1024, 1536), 34682, third).pixel_size_nm == pytest.approx(269.792)


def test_fei_navigation_camera(tmp_path: Path) -> None:
    text = "[IRBeam]\r\nHFW=0.2703\r\nVFW=0.2034\r\n[Image]\r\nResolutionX=1024\r\nResolutionY=768\r\n"
    micrograph = write(tmp_path / "a.tif", (768, 1024), 34682, text, resolution=(96, 96), resolutionunit="INCH")
    assert micrograph.pixel_size_nm == pytest.approx(0.2703e9 / 1024)


def test_fei_voltage_and_distance_that_are_contradicted(tmp_path: Path) -> None:
    text = fei(EBeam={"HV": 30000, "WD": 0.0068}, Stage={"WorkingDistance": 0.02})
    micrograph = write(tmp_path / "a.tif", (1024, 1536), 34682, text)
    found = micrograph.instrument
    assert found is not None and found.voltage_kv is None and found.working_distance_mm is None
    assert len(micrograph.notes) == 2 and "30 and 2" in micrograph.notes[0] and "6.8 and 20" in micrograph.notes[1]
    # Where nothing says which of two beams it was, nothing is guessed.
    both = fei(Beam={"Beam": ""}, EBeam={"HV": 2000}, IBeam={"HV": 30000})
    found = write(tmp_path / "b.tif", (1024, 1536), 34682, both).instrument
    assert found is not None and found.working_distance_mm is None


def test_metadata_are_those_of_the_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        for size in (1e-9, 2e-9):
            text = fei(600, pixel=size, field=600 * size).encode()
            tiff.write(gray((400, 600)), metadata=None, extratags=[(34682, "B", 0, text, True)])
        tiff.write(gray((400, 600)), metadata=None)
    sizes = [read_micrograph(path, page=page).pixel_size_nm for page in (1, 2, 3)]
    assert sizes == [pytest.approx(1), pytest.approx(2), None]
    assert "2e-09" in (read_micrograph(path, page=2).info or "")


# Phenom


PHENOM = """<?xml version="1.0" encoding="UTF-8"?>
<FeiImage version="1.5"><databarHeight>{bar}</databarHeight>
<pixelWidth unit="{unit}">{size}</pixelWidth><pixelHeight unit="{unit}">{size}</pixelHeight>
<workingDistance unit="mm">6.2</workingDistance><instrument><type>Phenom XL</type></instrument>
<acquisition><scan><detector>BSD Full</detector><highVoltage unit="kV">-15</highVoltage></scan></acquisition>
</FeiImage>"""


@pytest.mark.parametrize("end", ["", "\0", "\r\n\0\0"])
@pytest.mark.parametrize(("unit", "size"), [("nm", 52.4414), ("um", 0.0524414), ("µm", 0.0524414), ("m", 5.24414e-8)])
def test_phenom(unit: str, size: float, end: str, tmp_path: Path) -> None:
    text = (PHENOM.format(bar=60, unit=unit, size=size) + end).encode()
    micrograph = write(tmp_path / "a.tif", (1084, 1024), 34683, text, resolution=(600, 600), resolutionunit="INCH")
    assert micrograph.pixel_size_nm == pytest.approx(52.4414)
    assert micrograph.stated_rows == 1024 and micrograph.instrument is not None
    assert micrograph.instrument.record() == {
        "vendor": "FEI/Thermo", "model": "Phenom XL", "voltage_kv": 15, "working_distance_mm": 6.2,
        "detector": "BSD Full",
    }  # fmt: skip


ENTITIES = "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
BOMB = f'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">{ENTITIES}]><FeiImage><pixelWidth unit="nm">&j;</pixelWidth></FeiImage>'


@pytest.mark.parametrize(
    "text",
    [
        "", "<FeiImage", "<FeiImage/>", "<FeiImage>" + "<a>" * 100_000, BOMB,
        *(PHENOM.format(bar=bar, unit=unit, size=size) for bar, unit, size in (
            ("nan", "nm", "nan"), (-3, "nm", -5), (1e300, "furlong", 1), ("x", "nm", "x"), ("", "", ""),
            (0, "m", 1e300),
        )),
    ],
    ids=range(11),
)  # fmt: skip
def test_phenom_garbage_is_no_scale(text: str, tmp_path: Path) -> None:
    micrograph = write(tmp_path / "a.tif", (108, 102), 34683, text or "\0")
    assert micrograph.pixel_size_nm is None and micrograph.stated_rows in (None, 108)


# Others


def test_olympus_sis(tmp_path: Path) -> None:
    # As tifffile describes it: a header, then tags of type, count and offset.
    pixels = gray((60, 80))
    header = bytearray(b"SIS0" + bytes(56))
    header[58:60] = (1).to_bytes(2, "little")
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, extratags=[(33560, "B", 200, bytes(200), True)])
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        offset = tiff.pages[0].tags[33560].valueoffset
    data = offset + 72
    body = bytearray(112)
    body[10:12] = (-9).to_bytes(2, "little", signed=True)
    body[12:28] = np.array([2.5, 2.6]).tobytes()
    body[36:44] = np.array([6e5]).tobytes()
    content[offset : offset + 60] = header
    content[offset + 60 : offset + 68] = (
        (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + data.to_bytes(4, "little")
    )
    content[data : data + 112] = body
    (tmp_path / "a.tif").write_bytes(content)
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.calibration is not None and micrograph.calibration.nanometers == pytest.approx((2.5, 2.6))
    assert micrograph.instrument is not None and micrograph.instrument.magnification == 6e5


@pytest.mark.parametrize(("unit", "expected"), [("nm", 1.5), ("µm", 1500), ("1/nm", None), ("eV", None), ("", None)])
def test_gatan(unit: str, expected: float | None, tmp_path: Path) -> None:
    label = unit.encode("latin-1") + b"\0"
    tags = [(65003, "B", 0, label, False), (65004, "B", 0, label, False),
            (65009, "d", 1, 1.5, False), (65010, "d", 1, 1.5, False)]  # fmt: skip
    # What DigitalMicrograph writes besides.
    tifffile.imwrite(tmp_path / "a.tif", gray((60, 80)), metadata=None, resolution=(72, 72), extratags=tags)
    assert read_micrograph(tmp_path / "a.tif").pixel_size_nm == (None if expected is None else pytest.approx(expected))


SIGHTX = """<?xml version="1.0"?>\r\n\x01<TemReporter><Eos><EosMode>{eos}</EosMode></Eos>\r\n
<ImageFormingSystem><ModeString>{mode}</ModeString><SelectorValue>8000</SelectorValue></ImageFormingSystem>
<ElectronGun><AccelerationVoltage>200000</AccelerationVoltage></ElectronGun></TemReporter>"""


@pytest.mark.parametrize(
    ("eos", "mode", "size"), [("eosTEM", "MAG", 1.8208), ("eosTEM", "DIFF", None), ("x", "y", None)]
)
def test_sightx(eos: str, mode: str, size: float | None, tmp_path: Path) -> None:
    text = SIGHTX.format(eos=eos, mode=mode).encode()
    per_cm = round(1e7 / (1.8208 * 8000) * 1000)
    tags = [(271, "s", 0, "JEOL Ltd.", True), (270, "B", 0, text, True)]
    resolution = ((per_cm, 1000), (per_cm, 1000))
    tifffile.imwrite(tmp_path / "a.tif", gray((60, 80)), metadata=None, resolution=resolution,
                     resolutionunit="CENTIMETER", extratags=tags)  # fmt: skip
    micrograph = read_micrograph(tmp_path / "a.tif")
    # The resolution, that of a camera, is no scale of its own.
    assert micrograph.pixel_size_nm == (None if size is None else pytest.approx(size, rel=1e-3))
    assert micrograph.instrument is not None and micrograph.instrument.voltage_kv == 200


JEOL = "$CM_FORMAT JEOL/EO\n$CM_VERSION 1.0\n$CM_MAG {mag}\n$CM_FULL_SIZE 1280 960\n{more}\n"


@pytest.mark.parametrize("columns", [640, 1280, 2560])
def test_jeol_by_the_print_of_its_magnification(columns: int) -> None:
    rows = columns * 3 // 4
    found = instrument_of_text(JEOL.format(mag=5000, more=""), (rows, columns))
    assert found is not None and found.calibration is not None and found.calibration.nanometers is not None
    assert found.calibration.nanometers[0] == pytest.approx(128e6 / 5000 / columns)
    assert any("derived from the magnification" in note for note in found.scale_notes)
    bare = instrument_of_text("$CM_VERSION 1.0\n$CM_MAG 36.672\n", (rows, columns))
    assert bare is not None and bare.calibration is not None and bare.calibration.nanometers is not None
    assert bare.calibration.nanometers[0] == pytest.approx(128e6 / 36.672 / columns)


@pytest.mark.parametrize(
    ("magnification", "field", "nanometers"),
    [
        # With units, with one unit for both numbers, and without.
        (120, "1.067mm 0.800mm", 1.067e6), (120, "1.067 0.800mm", 1.067e6), (120, "1.067 0.800", 1.067e6),
        (5556, "23.04µm 17.28µm", 23040), (5556, "23.04 17.28", 23040), (5556, "23040nm 17280nm", 23040),
        (256000, "500 375", 500), ("x", "23.04 17.28", 23040),
    ],
)  # fmt: skip
def test_jeol_field_of_view(magnification: object, field: str, nanometers: float) -> None:
    text = JEOL.format(mag=magnification, more=f"$CM_FIELD_OF_VIEW {field}")
    found = instrument_of_text(text, (960, 1280))
    assert found is not None and found.calibration is not None and found.calibration.nanometers is not None
    assert found.calibration.nanometers[0] == pytest.approx(nanometers / 1280)
    assert found.scale_notes == () and found.calibration.source == "JEOL CM_FIELD_OF_VIEW over columns"


def test_jeol_contradictions_are_told() -> None:
    more = "$CM_FIELD_OF_VIEW 46.08um 34.56um\n$$SM_MICRON_BAR 167\n$$SM_MICRON_MARKER 3um"
    found = instrument_of_text(JEOL.format(mag=5556, more=more), (960, 1280))
    assert found is not None and found.calibration is not None and "MICRON" in found.calibration.source
    assert "17.96 nm" in found.scale_notes[0] and "36 nm" in found.scale_notes[0]


def test_hitachi_contradictions(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", gray((480, 640)), metadata=None)
    (tmp_path / "a.txt").write_text(
        "[SemImageFile]\nDataSize=1280x960\nPixelSize=10\nMagnification=600\nAcceleratingVoltage=15000 Volt\n"
        "WorkingDistance=7892.3 um\nCondition=Vacc=5.0kV Mag=x900 WD=7.9mm\n"
    )
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.pixel_size_nm == pytest.approx(20) and micrograph.instrument is not None
    assert micrograph.instrument.record() == {"vendor": "Hitachi", "working_distance_mm": 7.8923}
    assert [word in " ".join(micrograph.notes) for word in ("resized", "600 and 900", "15 and 5")] == [True] * 3


# Stated sizes, and resolutions that state nothing


@pytest.mark.parametrize(
    ("unit", "per_pixel", "nanometers"),
    [("mm", 0.025, 25_000), ("mm", 0.3, 300_000), ("micron", 40, 40_000), ("um", 264, 264_000), ("nm", 50_000, 50_000),
     ("m", 3e-5, 30_000), ("\\u00B5m", 21, 21_000), ("cm", 0.0025, 25_000), ("cm", 0.0001, 1000)],
)  # fmt: skip
def test_large_sizes_stated_in_imagej(unit: str, per_pixel: float, nanometers: float, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", gray((60, 80)), imagej=True, resolution=(1 / per_pixel, 1 / per_pixel),
                     metadata={"unit": unit})  # fmt: skip
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.pixel_size_nm == pytest.approx(nanometers, rel=1e-4)
    assert micrograph.calibration is not None and micrograph.calibration.source == "ImageJ scale"


@pytest.mark.parametrize(("unit", "dots"), [("inch", 96), ("inch", 300), ("inch", 2400), ("inches", 72),
                                            ("cm", 67), ("cm", 118.11), ("cm", 28.35)])  # fmt: skip
def test_what_imagej_makes_of_a_print_resolution_is_no_scale(unit: str, dots: float, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", gray((60, 80)), imagej=True, resolution=(dots, dots), metadata={"unit": unit})
    assert read_micrograph(tmp_path / "a.tif").calibration is None
    assert imagej_calibration(1 / dots, 1 / dots, unit) is None


@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER"])
@pytest.mark.parametrize("dpi", [72, 96, 150, 170, 300, 600, 1200, 1440, 2400, 3200, 4800, 5400, 7200, 9600, 19200])
def test_resolutions_of_devices_are_no_scale(dpi: int, unit: str, tmp_path: Path) -> None:
    dots = dpi if unit == "INCH" else dpi / 2.54
    tifffile.imwrite(tmp_path / "a.tif", gray((60, 80)), metadata=None, resolution=(dots, dots), resolutionunit=unit)
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.calibration is None and micrograph.notes == ()


@pytest.mark.parametrize("nanometers", [0.5, 10, 55.82, 1000, 5000])
def test_a_resolution_that_is_taken_is_told(nanometers: float, tmp_path: Path) -> None:
    per_cm = 1e7 / nanometers
    tifffile.imwrite(tmp_path / "a.tif", gray((60, 80)), metadata=None, resolution=(per_cm, per_cm),
                     resolutionunit="CENTIMETER")  # fmt: skip
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.pixel_size_nm == pytest.approx(nanometers, rel=1e-4)
    assert len(micrograph.notes) == 1 and f"{nanometers:.4g} nm" in micrograph.notes[0]


@pytest.mark.parametrize(("size", "unit", "nanometers"), [
    (25.0, "µm", 25_000), (264.0, "µm", 264_000), (0.5, "mm", 500_000), (4.5, "nm", 4.5), (84.6667, "µm", None),
    (float("nan"), "µm", None), (-1.0, "nm", None), (1.0, "pixel", None), (1e300, "m", None),
])  # fmt: skip
def test_ome(size: float, unit: str, nanometers: float | None, tmp_path: Path) -> None:
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" SizeX="80" SizeY="60" PhysicalSizeX="{size}" PhysicalSizeXUnit="{unit}">'
        '<TiffData IFD="0" PlaneCount="1"/></Pixels></Image></OME>'
    )
    tifffile.imwrite(tmp_path / "a.tif", gray((60, 80)), metadata=None, description=xml.encode())
    found = read_micrograph(tmp_path / "a.tif").pixel_size_nm
    assert found == (None if nanometers is None else pytest.approx(nanometers))


def test_tescan_wide_field_and_its_garbage(tmp_path: Path) -> None:
    text = "[MAIN]\r\nPixelSizeX={}\r\nPixelSizeY={}\r\nImageStripSize=0\r\n[SEM]\r\nHV={}\r\n"
    wide = write(tmp_path / "a.tif", (60, 80), 50431, text.format("3.90625e-05", "3.90625e-05", 20000))
    assert wide.pixel_size_nm == pytest.approx(39062.5)
    for x, y, volts in (
        ("nan", "1", "inf"),
        ("-1", "2", "1e308"),
        ("1e-400", "1", ""),
        ("1e9", "1e9", "x"),
        ("0", "", ""),
    ):
        micrograph = write(tmp_path / "a.tif", (60, 80), 50431, text.format(x, y, volts))
        assert micrograph.pixel_size_nm is None
        provenance_of(micrograph, weights_name="w", weights_sha256="0", device="cpu", seed=0).to_json()


def test_the_users_scale_comes_first_and_a_contradiction_is_told(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", gray((960, 1280)), imagej=True, resolution=(0.5, 0.5), metadata={"unit": "nm"})
    (tmp_path / "a.txt").write_text(JEOL.format(mag=5000, more=""))
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.pixel_size_nm == 2
    assert (
        len(micrograph.notes) == 1 and "2 nm (ImageJ scale)" in micrograph.notes[0] and "20 nm" in micrograph.notes[0]
    )


def test_the_source_stands_in_the_provenance(tmp_path: Path) -> None:
    micrograph = write(tmp_path / "a.tif", (384, 512), 34118, zeiss(**FIELD))
    record = provenance_of(micrograph, weights_name="w", weights_sha256="0", device="cpu", seed=0).to_dict()
    assert record["pixel_size_source"] == "Zeiss AP_WIDTH over columns"
    assert record["pixel_size_nm"] == pytest.approx(11.65, rel=1e-3)


@pytest.mark.parametrize(("unit", "nanometers"), [
    ("nm", 1), ("nanometers", 1), ("µm", 1e3), ("μm", 1e3), ("㎛", 1e3), ("?m", 1e3), ("Âµm", 1e3), ("ｵm", 1e3),
    ("¦Ìm", 1e3),
    ("microns", 1e3), ("mm", 1e6), ("Å", 0.1), ("inches", 2.54e7), ("ms", None), ("pixel", None), ("", None),
    ("1/nm", None),
])  # fmt: skip
def test_units(unit: str, nanometers: float | None) -> None:
    assert unit_nanometers(unit) == nanometers


def test_calibrations_compare_without_their_source() -> None:
    assert Calibration(1, 1, "nm", "this") == Calibration(1, 1, "nm", "that")
    assert Calibration(11.65, 11.65, "nm", "this").statement == "11.65 nm (this)"
