from __future__ import annotations

import io
import struct
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi, roiread

from semcolorize.color.palette import NamedColor, parse_color
from semcolorize.errors import ConfigError, HintError
from semcolorize.hintfiles.roi_outlines import composite_rings, rounded_rectangle
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hintfiles.rois import RoiDefaults, hints_from_rois, read_rois
from semcolorize.hints.model import Hint, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint
from semcolorize.hints.rasterize import hint_area, hint_window

RED = parse_color("#c83264")
OPAQUE_RED = bytes((255, 0xC8, 0x32, 0x64))


def rectangle(**changes: object) -> ImagejRoi:
    roi = ImagejRoi(
        roitype=ROI_TYPE.RECT, top=3, left=5, bottom=9, right=17, stroke_color=OPAQUE_RED, name="box"
    )
    for name, value in changes.items():
        setattr(roi, name, value)
    return roi


def one(roi: ImagejRoi, **options: object) -> Hint:
    ((hint,), skipped) = hints_from_rois([("", roi)], **options)  # type: ignore[arg-type]
    assert not skipped
    return hint


def reason(roi: ImagejRoi) -> str:
    hints, (skip,) = hints_from_rois([("", roi)], source="cells.zip")
    assert hints == ()
    return skip.reason


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_boxes() -> None:
    hint = one(rectangle())
    assert hint == RegionHint(lab=RED, name="box", origin="box", shape=Rectangle(3, 5, 6, 12))
    subpixel = rectangle(
        roitype=ROI_TYPE.OVAL,
        options=ROI_OPTIONS.SUB_PIXEL_RESOLUTION,
        xd=5.5,
        yd=3.25,
        widthd=12,
        heightd=6.5,
    )
    oval = one(ImagejRoi.frombytes(subpixel.tobytes()))
    assert isinstance(oval, RegionHint)
    assert oval.shape == Oval(3.25, 5.5, 6.5, 12)


def test_points_and_lines_count_from_pixel_centers() -> None:
    point = ImagejRoi.frompoints([[12, 7], [1, 2]])
    point.roitype, point.stroke_color = ROI_TYPE.POINT, OPAQUE_RED
    hints, _ = hints_from_rois([("p", point)], defaults=RoiDefaults(size=5))
    assert [(hint.row, hint.column, hint.size) for hint in hints if isinstance(hint, PointHint)] == [
        (7.5, 12.5, 5),
        (2.5, 1.5, 5),
    ]
    line = one(rectangle(roitype=ROI_TYPE.LINE, x1=1.0, y1=2.0, x2=8.0, y2=4.5, float_stroke_width=2.5))
    assert isinstance(line, LineHint)
    assert (line.path, line.width) == (((2.5, 1.5), (5.0, 8.5)), 2.5)


def test_fill_wins_over_stroke_and_alpha_is_strength() -> None:
    hint = one(rectangle(fill_color=bytes((51, 0, 0, 255))))
    assert hint.lab == parse_color("#00f")
    assert hint.strength == pytest.approx(0.2)
    black = one(rectangle(stroke_color=bytes((255, 0, 0, 0))))
    assert black.lab == parse_color("#000")


def test_override_replaces_color_and_its_alpha() -> None:
    palette = {"grain": NamedColor("grain", parse_color("seagreen"))}
    faint = rectangle(fill_color=bytes((51, 0, 0, 255)))
    hint = one(faint, colors={"b?x": "grain"}, palette=palette)
    assert (hint.lab, hint.name, hint.strength) == (parse_color("seagreen"), "grain", 1.0)
    hint = one(faint, colors={"*": "blue"}, defaults=RoiDefaults(strength=0.5, limit=True, name="pore"))
    assert (hint.strength, hint.limit, hint.name) == (0.5, True, "pore")


def test_first_fitting_color_counts_and_unused_ones_are_told() -> None:
    grouped = rectangle(group=7)
    hints, skipped = hints_from_rois(
        [("", grouped)], source="cells.zip", colors={"7": "red", "b*": "blue", "zz*": "lime"}
    )
    assert hints[0].lab == parse_color("red")
    assert [str(skip) for skip in skipped] == [
        "cells.zip: colors: 'b*' fits no ROI name or group",
        "cells.zip: colors: 'zz*' fits no ROI name or group",
    ]
    with pytest.raises(ConfigError) as caught:
        hints_from_rois([("", grouped)], colors={"b*": "bluu"})
    assert caught.value.key == "colors.b*"


def test_automatic_names_are_no_class_names() -> None:
    assert one(rectangle(name="0012-0034")).name is None
    assert one(rectangle(name="0001-0158-0117-1")).name is None
    assert one(rectangle(name="grain-1")).name == "grain-1"
    ((hint,), _) = hints_from_rois([("0012-0034", rectangle(name=""))], source="cells.zip")
    assert hint.origin == "cells.zip: 0012-0034"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"stroke_color": bytes(4)}, "without a color"),
        ({"stroke_color": bytes((0, 1, 2, 3))}, "fully transparent"),
        ({"subtype": ROI_SUBTYPE.TEXT}, "a text label"),
        ({"subtype": ROI_SUBTYPE.IMAGE}, "an image overlay"),
        ({"roitype": ROI_TYPE.LINE, "subtype": ROI_SUBTYPE.ARROW}, "an arrow"),
        ({"roitype": ROI_TYPE.ANGLE}, "an angle"),
        ({"roitype": ROI_TYPE.NOROI}, "of a type"),
        ({"right": 5}, "without an area"),
        ({"roitype": ROI_TYPE.POLYGON}, "without an area"),
        ({"roitype": ROI_TYPE.POINT}, "without points"),
        ({"roitype": ROI_TYPE.LINE, "x1": float("nan")}, "not finite"),
        ({"shape_roi_size": 2, "multi_coordinates": np.array([9, 1], "f4")}, "path operation 9"),
        ({"shape_roi_size": 2, "multi_coordinates": np.array([0, 1], "f4")}, "lacks points"),
        ({"shape_roi_size": 3, "multi_coordinates": np.array([1, 1, 1], "f4")}, "lacks points"),
    ],
)
def test_what_is_no_hint(changes: dict[str, object], told: str) -> None:
    assert told in reason(rectangle(**changes))


def test_curved_composites_are_flattened() -> None:
    # roifile raises for these; a circle of four cubics is within 0.03 % of the true one.
    k = 0.5522847498 * 20
    path = [0, 30, 10, 3, 30 + k, 10, 50, 30 - k, 50, 30, 3, 50, 30 + k, 30 + k, 50, 30, 50]
    path += [3, 30 - k, 50, 10, 30 + k, 10, 30, 3, 10, 30 - k, 30 - k, 10, 30, 10, 4]
    hint = one(rectangle(shape_roi_size=len(path), multi_coordinates=np.array(path, "f4")))
    y, x = np.mgrid[:60, :60] + 0.5
    circle = (y - 30) ** 2 + (x - 30) ** 2 < 400
    assert (hint_area(hint, (60, 60)) ^ circle).sum() <= 4
    (quadratic,) = composite_rings(np.array([0, 0, 0, 2, 10, 20, 20, 0, 4]))
    assert quadratic[:, 1].max() == pytest.approx(10, abs=0.02)


def test_rounded_corners() -> None:
    ring = rounded_rectangle(10, 20, 30, 40, 12)
    np.testing.assert_allclose(ring.min(axis=0), (10, 20))
    np.testing.assert_allclose(ring.max(axis=0), (40, 60))
    hint = one(rectangle(right=35, bottom=33, rounded_rect_arc_size=10))
    area = hint_area(hint, (60, 60))
    assert not area[3, 5]
    assert area[3, 20]
    assert 30 * 30 - 30 < area.sum() < 30 * 30


HINTS: tuple[Hint, ...] = (
    PointHint(lab=RED, name="grain", row=10.5, column=20.5, size=9, strength=0.2),
    LineHint(lab=RED, path=((1.5, 2.5), (8.25, 9.75)), width=2.5),
    LineHint(lab=RED, path=((1.5, 2.5), (8.5, 9.5), (3.5, 11.5)), width=3),
    RegionHint(lab=RED, shape=Rectangle(3, 4, 5, 6), limit=True),
    RegionHint(lab=RED, shape=Rectangle(3, 4, 5, 6), spread="instance"),
    RegionHint(lab=RED, shape=Rectangle(3.5, 4.25, 5.5, 6)),
    RegionHint(lab=RED, shape=Oval(3, 4, 5, 6), name="Größe"),
    RegionHint(lab=RED, shape=Polygons((((1, 2), (30, 4), (18, 40)),))),
    RegionHint(lab=RED, shape=Polygons((((1.5, 2), (30, 4.25), (18, 40)), ((5, 6), (9, 8), (7, 12))))),
)


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: type(getattr(hint, "shape", hint)).__name__)
@pytest.mark.parametrize("filled", [False, True])
def test_round_trip(hint: Hint, filled: bool) -> None:
    (roi,) = hints_to_rois([hint], filled=filled)
    again = one(ImagejRoi.frombytes(roi.tobytes()), source="x")
    for name in ("row", "column", "size", "path", "width", "shape", "name", "limit", "spread"):
        assert getattr(again, name, None) == getattr(hint, name, None)
    assert again.strength == pytest.approx(hint.strength)
    np.testing.assert_allclose(again.lab, hint.lab, atol=1e-9)


def test_names_beyond_the_basic_plane_do_not_break_the_file() -> None:
    (roi,) = hints_to_rois([PointHint(lab=RED, name="grain 😀", row=1, column=1, limit=True)])
    again = one(ImagejRoi.frombytes(roi.tobytes()))
    assert again.name == "grain \ufffd"
    assert again.limit


def test_overlay_and_selection_of_a_tiff(tmp_path: Path) -> None:
    box, other = rectangle(), rectangle(left=6, name="other")
    path = tmp_path / "image.tif"
    image = np.zeros((20, 30), np.uint8)
    metadata = {
        "Overlays": [box.tobytes(), rectangle(subtype=ROI_SUBTYPE.TEXT).tobytes()],
        "ROI": box.tobytes(),
    }
    tifffile.imwrite(path, image, imagej=True, metadata=metadata)
    hints, skipped = read_rois(path)
    assert [hint.name for hint in hints] == ["box"]
    assert len(skipped) == 1
    tifffile.imwrite(path, image, imagej=True, metadata={"Overlays": box.tobytes(), "ROI": other.tobytes()})
    assert [hint.name for hint in read_rois(path)[0]] == ["box", "other"]
    tifffile.imwrite(path, image)
    with pytest.raises(HintError, match="neither an ImageJ overlay nor a selection"):
        read_rois(path)
    path.write_bytes(path.read_bytes()[:5])
    with pytest.raises(HintError, match="damaged or truncated"):
        read_rois(path)


def test_archives_ignore_what_is_no_roi(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "set.zip",
        {
            "a.roi": rectangle(name="").tobytes(),
            "__MACOSX/._a.roi": b"junk",
            "notes.txt": b"x" * 99,
            "sub/": b"",
        },
    )
    ((hint,), _) = read_rois(path)
    assert hint.name == "a"


def encrypted(path: Path) -> Path:
    zipped(path, {"a.roi": rectangle().tobytes()})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    return path


def lying(path: Path) -> Path:
    """A bomb whose directory says that it is small."""
    zipped(path, {"a.roi": b"Iout" + bytes(20_000_000)})
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = struct.pack("<I", 1000)
    path.write_bytes(content)
    return path


def changed(path: Path, at: int) -> Path:
    zipped(path, {"a.roi": rectangle().tobytes()})
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    return path


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


ROI = rectangle().tobytes()
POLYGON = hints_to_rois([RegionHint(lab=RED, shape=Polygons((((1, 2), (30, 4), (18, 40)),)))])[0].tobytes()

BAD = {
    "no such file": (lambda folder: folder / "none.zip", "no such file"),
    "folder": (lambda folder: (folder / "x.roi").mkdir() or folder / "x.roi", "cannot be read"),
    "unknown suffix": (lambda folder: write(folder / "x.png", b"x"), "no kind of ROI file"),
    "no zip": (lambda folder: write(folder / "x.zip", b"hello"), "damaged or truncated"),
    "truncated zip": (
        lambda folder: write(folder / "y.zip", zipped(folder / "x.zip", {"a.roi": ROI}).read_bytes()[:-30]),
        "damaged or truncated",
    ),
    "changed zip": (lambda folder: changed(folder / "x.zip", 60), "damaged or truncated"),
    "zip without ROIs": (lambda folder: zipped(folder / "x.zip", {"a.txt": b"x"}), "no .roi entry"),
    "empty zip": (lambda folder: zipped(folder / "x.zip", {}), "no .roi entry"),
    "bomb": (lambda folder: zipped(folder / "x.zip", {"a.roi": bytes(20_000_000)}), "unpacks to too much"),
    "lying bomb": (lambda folder: lying(folder / "x.zip"), "damaged|wrong"),
    "many": (
        lambda folder: zipped(folder / "x.zip", {f"{i}.txt": b"" for i in range(20_001)}),
        "20001 entries",
    ),
    "up": (lambda folder: zipped(folder / "x.zip", {"../../a.roi": ROI}), "points outside"),
    "absolute": (lambda folder: zipped(folder / "x.zip", {"/etc/a.roi": ROI}), "points outside"),
    "drive": (lambda folder: zipped(folder / "x.zip", {"C:\\a.roi": ROI}), "points outside"),
    "encrypted": (lambda folder: encrypted(folder / "x.zip"), "encrypted"),
    "entry no ROI": (
        lambda folder: zipped(folder / "x.zip", {"a.roi": b"x" * 99}),
        "a.roi: This is not an ImageJ ROI",
    ),
    "no ROI": (lambda folder: write(folder / "x.roi", b"x" * 99), "not an ImageJ ROI"),
    "empty ROI": (lambda folder: write(folder / "x.roi", b""), "not an ImageJ ROI"),
    "short ROI": (lambda folder: write(folder / "x.roi", ROI[:40]), "damaged or truncated"),
    "truncated ROI": (lambda folder: write(folder / "x.roi", POLYGON[:66]), "damaged or truncated"),
    "endless ROI": (
        lambda folder: write(folder / "x.roi", POLYGON[:16] + b"\xff\xff" + POLYGON[18:]),
        "damaged",
    ),
    "no color": (
        lambda folder: write(folder / "x.roi", rectangle(stroke_color=bytes(4)).tobytes()),
        "None of its 1",
    ),
    "no TIFF": (lambda folder: write(folder / "x.tif", b"hello"), "damaged or truncated"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files(kind: str, tmp_path: Path) -> None:
    make, told = BAD[kind]
    path = make(tmp_path)  # type: ignore[no-untyped-call, operator]
    with pytest.raises(HintError, match=told) as caught:
        read_rois(path)
    assert caught.value.path == str(path)
    assert "Traceback" not in str(caught.value)


def test_any_truncation_or_flip_is_read_or_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        content = bytearray(POLYGON)
        for at in rng.integers(0, len(content), 3):
            content[at] = rng.integers(256)
        path = write(tmp_path / "x.roi", bytes(content[: rng.integers(len(content) // 2, len(content) + 1)]))
        try:
            hints, _ = read_rois(path)
            for hint in hints:
                hint_area(hint, (50, 50))
        except HintError as error:
            assert str(error)


def test_real_roi_files(shared_data: Path) -> None:
    """Every ROI file of other people's projects is read, or refused with a reason."""
    folder = shared_data / "rois"
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".roi", ".zip", ".tif"))
    assert len(paths) > 60
    for path in paths:
        if path.name == "test.tif":
            with pytest.raises(HintError, match="neither an ImageJ overlay nor a selection"):
                read_rois(path)
            continue
        hints, skipped = read_rois(path, colors={"*": "seagreen"})
        stored = roiread(path)
        stored = stored if isinstance(stored, list) else [stored]
        ours = Counter(hint.origin for hint in hints)
        assert len(ours) + len(skipped) == len(stored), path
        assert {skip.reason for skip in skipped} <= {"an arrow", "an angle", "a text label"}
        for hint in hints:
            *_, mask = hint_window(_moved_inside(hint), (8000, 8000))
            assert mask.any(), (path, hint)


def _moved_inside(hint: Hint) -> Hint:
    """Some of these ROIs lie outside of their image on purpose, and two hold no pixel center at all."""
    empty = ("ellipse-tiny", "polygon-left-offscreen")
    match hint:
        case RegionHint(shape=Rectangle() | Oval() as box):
            return RegionHint(
                lab=hint.lab, shape=type(box)(box.top + 50, box.left + 50, box.height, box.width)
            )
        case RegionHint(shape=Polygons(rings=rings)) if not hint.origin.startswith(empty):
            moved = tuple(tuple((y + 50, x + 50) for y, x in ring) for ring in rings)
            return RegionHint(lab=hint.lab, shape=Polygons(moved))
        case RegionHint():
            return PointHint(lab=hint.lab, row=5, column=5)
    return hint


def test_areas_of_real_rois(shared_data: Path) -> None:
    """FISSA draws the same shapes inside, across and outside the borders of an image of 8 x 17 pixels."""
    folder = shared_data / "rois" / "rochefort-lab+fissa" / "fissa" / "tests" / "resources" / "rois"
    areas = {}
    for path in sorted(folder.glob("*.roi")):
        ((hint, *_), _) = read_rois(path, colors={"*": "seagreen"})
        try:
            areas[path.stem] = int(hint_area(hint, (8, 17)).sum())
        except HintError as error:
            areas[path.stem] = str(error).split(": ", 1)[1]
    assert areas["all"] == 8 * 17
    assert areas["rectangle"] == 3 * 8
    assert areas["oval-center"] == 24 - 4
    assert "columns 0-16" in str(areas["oval-right-offscreen"])
    assert "rows 0-7" in str(areas["ellipse-top-offscreen"])
    refused = {stem for stem, area in areas.items() if isinstance(area, str) and "offscreen" not in stem}
    # One is smaller than a pixel, one was drawn on another image.
    assert refused == {"ellipse-tiny", "freehand"}


def test_a_zip_is_read_from_the_file_only(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.roi", ROI)
    before = sorted(tmp_path.iterdir())
    path = write(tmp_path / "with space ä.zip", buffer.getvalue())
    read_rois(path)
    assert sorted(tmp_path.iterdir()) == [*before, path]


def test_a_roi_s_property_says_how_far_it_speaks() -> None:
    assert one(rectangle(props="semcolorize.spread: instance\n")).spread == "instance"
    alike = rectangle(props="semcolorize.spread: alike\n")
    assert one(alike, defaults=RoiDefaults(spread="instance")).spread == "instance"
    assert one(rectangle()).spread is None
    assert "semcolorize.spread is 'near'; alike or instance" in reason(rectangle(props="semcolorize.spread: near\n"))
