"""Where a scale comes from: every kind of statement, what contradicts it, and what is no statement at all.

The files are written here as the vendors and public descriptions have them; sizes are computed from the field of
view, never taken from the field that the reader reads.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile

from semcolorize.micrograph.calibration import Calibration, imagej_calibration, unit_nanometers
from semcolorize.micrograph.instrument import Instrument, instrument_of_text
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
    # A part of the image can have its proportions.
    assert "resized or cropped" in half.notes[0] and "cannot be told" in half.notes[0]
    large = write(tmp_path / "d.tif", (1536, 2048), 34118, text)
    assert large.pixel_size_nm == pytest.approx(2.9125, rel=1e-3)
    # More columns than were scanned are no part of them.
    assert len(large.notes) == 1 and "cropped" not in large.notes[0]
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


@pytest.mark.parametrize("name", ["ユーザー", "ソ"])
def test_zeiss_user_name_in_the_encoding_of_the_computer(name: str, tmp_path: Path) -> None:
    text = zeiss(SV_USER_NAME=name, AP_WIDTH="57.16 μm", AP_HEIGHT="42.87 μm").encode("cp932")
    if name == "ユーザー":
        # Its bytes are no cp1252.
        with pytest.raises(UnicodeDecodeError):
            text.decode("cp1252")
    micrograph = write(tmp_path / "a.tif", (768, 1024), 34118, text, resolution=(2540, 2540), resolutionunit="INCH")
    assert micrograph.pixel_size_nm == pytest.approx(57160 / 1024) and name in (micrograph.info or "")


def test_zeiss_lines_that_look_like_keys(tmp_path: Path) -> None:
    text = zeiss(AP_A="N = 10", AP_MAG="2,00 K X", AP_WD="7,7 mm", AP_STAGE_AT_T="12,5 °").replace("Name = N", "N")
    found = write(tmp_path / "a.tif", (768, 1024), 34118, text).instrument
    assert found is not None and found.record() == {
        "vendor": "Zeiss", "magnification": 2000, "working_distance_mm": 7.7, "tilt_deg": 12.5,
    }  # fmt: skip


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


ION = {"HV": 30000, "HFW": 5.12e-5, "VFW": 4.42e-5, "WD": 0.0165}
ION_SCAN = {"PixelWidth": 1e-7, "PixelHeight": 1e-7, "HorFieldsize": 5.12e-5, "VerFieldsize": 4.42e-5}
ELECTRON = {"HV": 5000, "HFW": 0.00172667, "VFW": 0.0014906, "WD": 0.004}
ELECTRON_SCAN = {"PixelWidth": 3.3724e-6, "PixelHeight": 3.3724e-6, "HorFieldsize": 0.00172667}


def ini(**sections: dict[str, object]) -> str:
    lines = ((f"[{name}]", *(f"{key}={value}" for key, value in entries.items())) for name, entries in sections.items())
    return "".join(f"{line}\r\n" for section in lines for line in (*section, ""))


@pytest.mark.parametrize("named", ["Scan=IScan", "Scan=", "none"])
@pytest.mark.parametrize("scanned", [False, True])
@pytest.mark.parametrize("described", [False, True])
def test_fei_ion_beam_takes_nothing_of_the_other(named: str, scanned: bool, described: bool, tmp_path: Path) -> None:
    key, _, scan = named.partition("=")
    sections = {
        "System": {"DisplayWidth": 0.518}, "Beam": {"HV": 30000, "Beam": "IBeam", key: scan},
        "EBeam": ELECTRON, "EScan": ELECTRON_SCAN, "Stage": {"WorkingDistance": 0.004},
        "Image": {"ResolutionX": 512, "ResolutionY": 442, "MagCanvasRealWidth": 0.2072, "MagnificationMode": 3},
    }  # fmt: skip
    sections |= {"IBeam": ION} if described else {}
    sections |= {"IScan": ION_SCAN} if scanned else {}
    micrograph = write(tmp_path / "a.tif", (471, 512), 34682, ini(**sections))
    found = micrograph.instrument
    # 51.2 µm over 512 columns, on a canvas 207.2 mm wide.
    known = scanned or described
    assert micrograph.pixel_size_nm == (pytest.approx(100) if known else None)
    assert found is not None and found.magnification == (pytest.approx(4046.9) if known else None)
    assert found.voltage_kv == 30 and found.working_distance_mm == (16.5 if described else None)
    assert micrograph.notes == () if described else "EBeam" in micrograph.notes[0] and "IBeam" in micrograph.notes[0]


def test_fei_two_beams_and_nothing_that_says_which(tmp_path: Path) -> None:
    both = {"EBeam": ELECTRON, "EScan": ELECTRON_SCAN, "IBeam": ION, "IScan": ION_SCAN, "IRBeam": {"HFW": 0.27}}
    more = {"Stage": {"WorkingDistance": 0.004}, "Image": {"ResolutionX": 512, "ResolutionY": 442}}
    micrograph = write(tmp_path / "a.tif", (471, 512), 34682, ini(**both, **more))
    assert micrograph.pixel_size_nm is None and micrograph.instrument is not None
    assert micrograph.instrument.record() == {"vendor": "FEI/Thermo"}
    assert len(micrograph.notes) == 1 and "EBeam and IBeam" in micrograph.notes[0]
    # What was scanned for the image is, whichever the beam.
    scan = {"PixelWidth": 2e-9, "PixelHeight": 2e-9}
    assert write(tmp_path / "a.tif", (471, 512), 34682, ini(Scan=scan, **both, **more)).pixel_size_nm == 2
    # One alone needs no name.
    one = write(tmp_path / "a.tif", (471, 512), 34682, ini(IBeam=ION, IScan=ION_SCAN, **more))
    assert one.pixel_size_nm == 100 and one.instrument is not None and one.instrument.working_distance_mm == 16.5


@pytest.mark.parametrize("text", ["\x81", "試料", "\xb5 \x8d \x9d"])
def test_fei_text_in_the_encoding_of_the_computer(text: str, tmp_path: Path) -> None:
    encoding = "cp932" if text == "試料" else "latin-1"
    content = ini(User={"UserText": text}).encode(encoding) + fei().encode()
    micrograph = write(tmp_path / "a.tif", (1024, 1536), 34682, content, resolution=(2540, 2540), resolutionunit="INCH")
    assert micrograph.pixel_size_nm == 269.792 and micrograph.instrument is not None
    assert micrograph.instrument.working_distance_mm == 6.8
    assert encoding == "latin-1" or text in (micrograph.info or "")


@pytest.mark.parametrize("code", [34680, 34682, 34118, 34683])
def test_a_resolution_is_no_scale_where_an_instruments_text_cannot_be_read(code: int, tmp_path: Path) -> None:
    options: dict[str, object] = {"resolution": (1e6, 1e6), "resolutionunit": "CENTIMETER"}
    micrograph = write(tmp_path / "a.tif", (60, 80), code, bytes(range(256)), **options)
    assert micrograph.pixel_size_nm is None and len(micrograph.notes) == 1 and "cannot be read" in micrograph.notes[0]


def test_no_dust_of_units(tmp_path: Path) -> None:
    assert write(tmp_path / "a.tif", (1024, 1536), 34682, fei(pixel=3.3724e-6, field=5.18e-3)).pixel_size_nm == 3372.4
    assert Calibration(3.3724, 1e-3, "µm").nanometers == (3372.4, 1)


def test_fei_decimal_commas(tmp_path: Path) -> None:
    text = fei(EBeam={"WD": "0,0068"}).replace("2.69792e-07", "2,69792e-007").replace("0.0004144", "0,0004144")
    micrograph = write(tmp_path / "a.tif", (1024, 1536), 34682, text)
    assert "PixelWidth=2,6" in text and micrograph.pixel_size_nm == 269.792 and micrograph.notes == ()
    assert micrograph.instrument is not None and micrograph.instrument.working_distance_mm == 6.8


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


@pytest.mark.parametrize("stored", ["latin-1", "cp1252", "utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("declares", ["ISO-8859-1", "windows-1252", "UTF-8", "utf-16", "rot13", "x"])
def test_phenom_in_the_encoding_it_declares_or_another(stored: str, declares: str, tmp_path: Path) -> None:
    text = PHENOM.replace("UTF-8", declares).format(bar=60, unit="µm", size="0,0524414").encode(stored)
    assert write(tmp_path / "a.tif", (1084, 1024), 34683, text).pixel_size_nm == 52.4414


@pytest.mark.parametrize(
    ("rows", "columns", "stated"),
    [
        # Scans of 1024 x 1024 and 1280 x 960 with a bar of 60 rows.
        (1084, 1024, 1024), (1020, 1280, 960),
        # Cut out, the bar cut off, and made half as large.
        (300, 500, None), (1024, 1024, None), (542, 512, None), (900, 1024, None),
    ],
)  # fmt: skip
def test_a_bar_that_is_stated_and_not_of_this_file(rows: int, columns: int, stated: int | None, tmp_path: Path) -> None:
    phenom = write(tmp_path / "a.tif", (rows, columns), 34683, PHENOM.format(bar=60, unit="nm", size=9).encode())
    tifffile.imwrite(tmp_path / "b.tif", gray((rows, columns)), metadata=None)
    (tmp_path / "b-tif.hdr").write_text("[MAIN]\nPixelSizeX=9e-9\nImageStripSize=60\n")
    tescan = read_micrograph(tmp_path / "b.tif")
    assert phenom.pixel_size_nm == 9 and tescan.pixel_size_nm == 9
    assert phenom.stated_rows == stated and tescan.stated_rows == stated


def test_a_bar_and_a_size_that_are_both_stated() -> None:
    found = Instrument(vendor="x", image_size=(768, 1000), bar_rows=61)
    assert found.image_rows((829, 1000)) == 768 and found.image_rows((768, 1000)) == 768
    assert found.image_rows((829, 1024)) is None and found.image_rows((800, 1000)) is None
    assert Instrument(vendor="x", bar_rows=0).image_rows((300, 500)) == 300


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


@pytest.mark.parametrize(("text", "value"), [
    ("x1,000", 1000), ("1,000", 1000), ("100,000 X", 100_000), ("1,200,000", 1_200_000), ("2,00 K X", 2000),
    ("2,000 K X", 2000), ("0,125", 0.125), ("1234,567", 1234.567), ("36,672", 36672), ("36,67", 36.67),
    ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("1.000", 1), ("5e3", 5000), ("1,2,3", None), (",", None), ("x", None),
])  # fmt: skip
def test_commas_in_magnifications(text: str, value: float | None) -> None:
    found = instrument_of_text(JEOL.format(mag=text, more=""), (960, 1280))
    assert found is not None and found.magnification == value


@pytest.mark.parametrize(("text", "value"), [
    ("165,3646", 165.3646), ("1,000", 1), ("1,234.5", 1234.5), ("1.234,5", 1234.5), ("1,65e2", 165), ("1,2,3", None),
])  # fmt: skip
def test_commas_in_sizes(text: str, value: float | None) -> None:
    found = instrument_of_text(f"[SemImageFile]\nPixelSize={text}\nMagnification=1,500\n", (960, 1280))
    assert found is not None and found.magnification == 1500
    size = found.calibration.nanometers if found.calibration else None
    assert size == (None if value is None else (value, value))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_ends_of_lines(end: str, tmp_path: Path) -> None:
    text = JEOL.format(mag=5000, more="$$SM_MICRON_BAR 100\n$$SM_MICRON_MARKER 2um").replace("\n", end)
    found = instrument_of_text(text, (960, 1280))
    assert found is not None and found.image_size == (960, 1280) and found.magnification == 5000
    tifffile.imwrite(tmp_path / "a.tif", gray((960, 1280)), metadata=None)
    (tmp_path / "a.txt").write_bytes(text.encode())
    micrograph = read_micrograph(tmp_path / "a.tif")
    assert micrograph.pixel_size_nm == 20 and "\n$CM_MAG" in (micrograph.info or "")


@pytest.mark.parametrize(("image", "beside"), [
    ("a.tif", "a.txt"), ("a.tif", "A.Txt"), ("B.TIF", "b.txt"), ("a.tif", "a-TIF.HDR"), ("A.TIF", "A-tif.hdr"),
    (unicodedata.normalize("NFD", "Körner.tif"), unicodedata.normalize("NFC", "Körner.txt")),
    (unicodedata.normalize("NFC", "Körner.tif"), unicodedata.normalize("NFD", "KÖRNER.TXT")),
])  # fmt: skip
def test_text_files_under_names_that_look_the_same(image: str, beside: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / image, gray((960, 1280)), metadata=None)
    (tmp_path / beside).write_text(JEOL.format(mag=5000, more=""))
    micrograph = read_micrograph(tmp_path / image)
    assert micrograph.pixel_size_nm == 20 and micrograph.instrument is not None
    assert micrograph.instrument.sidecar == str(tmp_path / beside)


def test_of_two_text_files_the_very_name_comes_first(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", gray((960, 1280)), metadata=None)
    for name, mag in (("A.txt", 1000), ("a.txt", 5000)):
        (tmp_path / name).write_text(JEOL.format(mag=mag, more=""))
    assert read_micrograph(tmp_path / "a.tif").pixel_size_nm == 20


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


def ome(*images: tuple[str, str], **root: str) -> bytes:
    """OME's XML of images, each with its attributes of size and its TiffData."""
    said = "".join(
        f'<Image ID="Image:{i}"><Pixels ID="Pixels:{i}" SizeX="80" SizeY="60" {size}>{data}</Pixels></Image>'
        for i, (size, data) in enumerate(images)
    )
    attributes = " ".join(f'{key}="{value}"' for key, value in root.items())
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" {attributes}>{said}</OME>'.encode()


FIRST = 'PhysicalSizeX="0.1" PhysicalSizeY="0.1"'
SECOND = 'PhysicalSizeX="5" PhysicalSizeXUnit="nm" PhysicalSizeY="5" PhysicalSizeYUnit="nm"'
IDS = ("urn:uuid:00000000-0000-0000-0000-00000000000a", "urn:uuid:00000000-0000-0000-0000-00000000000b")


def in_file(name: str, uuid: str) -> str:
    return f'<TiffData IFD="0"><UUID{f" FileName={name!r}" if name else ""}>{uuid}</UUID></TiffData>'


def ome_sizes(path: Path, xml: bytes, pages: int = 1) -> list[float | None]:
    with tifffile.TiffWriter(path) as tiff:
        for i in range(pages):
            tiff.write(gray((60, 80)), metadata=None, description=xml if i == 0 else None)
    return [read_micrograph(path, page=i + 1).pixel_size_nm for i in range(pages)]


@pytest.mark.parametrize(
    ("name", "own", "expected"),
    [
        ("o_a.ome.tif", IDS[0], 100), ("o_b.ome.tif", IDS[1], 5), ("O_B.OME.TIF", None, 5), ("o_a.ome.tif", None, 100),
        # Renamed; and with neither a name nor a UUID that is spoken of.
        ("c.ome.tif", IDS[1].upper(), 5), ("c.ome.tif", None, None), ("c.ome.tif", "urn:uuid:other", None),
        # UUID and name say two things.
        ("o_b.ome.tif", IDS[0], None),
    ],
)  # fmt: skip
def test_ome_of_several_files(name: str, own: str | None, expected: float | None, tmp_path: Path) -> None:
    images = ((FIRST, in_file("o_a.ome.tif", IDS[0])), (SECOND, in_file("o_b.ome.tif", IDS[1])))
    xml = ome(*images, **({"UUID": own} if own else {}))
    assert ome_sizes(tmp_path / name, xml) == [expected]


def test_ome_files_of_one_name_in_several_folders(tmp_path: Path) -> None:
    images = ((FIRST, in_file("1/o.ome.tif", IDS[0])), (SECOND, in_file("2/o.ome.tif", IDS[1])))
    assert ome_sizes(tmp_path / "o.ome.tif", ome(*images, UUID=IDS[1])) == [5]


def test_ome_file_that_was_renamed(tmp_path: Path) -> None:
    assert ome_sizes(tmp_path / "b.tif", ome((SECOND, in_file("a.tif", IDS[0])))) == [5]
    assert ome_sizes(tmp_path / "b.tif", ome((SECOND, in_file("", IDS[0])), UUID=IDS[0])) == [5]


@pytest.mark.parametrize(
    ("data", "sizes"),
    [
        # By the schema, the first page is meant where none is said, and one page where one is; else all.
        ((['<TiffData IFD="0"/>'], ['<TiffData IFD="1"/>']), [100, 5]),
        ((['<TiffData IFD="1" PlaneCount="1"/>'], ['<TiffData PlaneCount="1"/>']), [5, 100]),
        ((['<TiffData IFD="0"/>'], []), [100, None]),
        (([], ['<TiffData IFD="1"/>']), [None, 5]),
        ((["<TiffData/>"],), [100, 100]),
        ((['<TiffData IFD="0"/>'],), [100, None]),
        ((['<TiffData IFD="0" PlaneCount="2"/>'],), [100, 100]),
        # Written by hand.
        (([],), [100, 100]),
        ((["<MetadataOnly/>"],), [None, None]),
        # Both claim the first.
        ((['<TiffData IFD="0"/>'], ['<TiffData IFD="0"/>']), [None, None]),
    ],
)  # fmt: skip
def test_ome_pages(data: tuple[list[str], ...], sizes: list[float | None], tmp_path: Path) -> None:
    images = [(size, "".join(parts)) for size, parts in zip((FIRST, SECOND), data, strict=False)]
    assert ome_sizes(tmp_path / "a.ome.tif", ome(*images), pages=2) == sizes


@pytest.mark.parametrize(("size", "expected"), [
    ('PhysicalSizeX="5" PhysicalSizeXUnit="nm" PhysicalSizeY="0.005"', (5, 5)),
    ('PhysicalSizeX="5" PhysicalSizeXUnit="nm"', (5, 5)),
    ('PhysicalSizeX="0.005" PhysicalSizeY="6" PhysicalSizeYUnit="nm"', (5, 6)),
])  # fmt: skip
def test_ome_units_of_each(size: str, expected: tuple[float, float], tmp_path: Path) -> None:
    ome_sizes(tmp_path / "a.tif", ome((size, '<TiffData IFD="0"/>')))
    calibration = read_micrograph(tmp_path / "a.tif").calibration
    assert calibration is not None and calibration.nanometers == expected


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
