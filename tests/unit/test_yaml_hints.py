from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field
from roifile import ImagejRoi, roiwrite

from semcolorize.color.palette import BUILTIN_PALETTES, Palette, parse_color
from semcolorize.errors import ConfigError, HintError
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hintfiles.validate import validate_source
from semcolorize.hintfiles.yaml_hints import read_hints, read_palette
from semcolorize.hintfiles.yaml_source import load_yaml, parse_yaml
from semcolorize.hints.model import LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint

# The fixed example of interfaces.md.
EXAMPLE = """\
palette:                                  # optional; or  palette: lab_palette.yaml
  grain: "#d1495b"                        # hex, CSS name, [r, g, b] 0-255, or {lab: [L, a, b]}
  wall: seagreen
  keep: gray                              # a neutral hint: this stays gray
hints:
  - {point: [412, 310], size: 9, color: grain}
  - {rectangle: [10, 20, 64, 48], color: wall}
  - {oval: [10, 20, 64, 48], color: wall}
  - {polygon: [[1, 2], [30, 4], [18, 40]], color: "#00aa88", limit: true}
  - {line: [[5, 5], [80, 90]], width: 3, color: keep}
  - {rois: cells.zip, colors: {"cell*": grain, "7": wall}}
"""


def rois() -> list[ImagejRoi]:
    """Three rectangles: named, grouped, and with a color of its own."""
    boxes = [
        RegionHint(lab=parse_color(color), name=name, shape=Rectangle(5, 10 * i, 8, 8))
        for i, (name, color) in enumerate([("cell-1", "red"), ("other", "red"), ("own", "#336699")])
    ]
    made = hints_to_rois(boxes)
    made[0].stroke_color = made[1].stroke_color = b"\0\0\0\0"
    made[1].group = 7
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    roiwrite(tmp_path / "cells.zip", rois(), mode="w")
    return tmp_path


def write(folder: Path, text: str, name: str = "hints.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_hints(path)
    error = caught.value
    assert error.exit_code == 2
    assert all(fault.path for fault in error.faults)
    return [str(fault).replace(str(path), path.name) for fault in error.faults]


def test_the_fixed_example(folder: Path) -> None:
    path = write(folder, EXAMPLE)
    found = read_hints(path)
    grain, wall = parse_color("#d1495b"), parse_color("seagreen")
    point, rectangle, oval, polygon, line, *from_rois = found.hints
    assert point == PointHint(lab=grain, name="grain", origin="hints.yaml:6", row=310.5, column=412.5, size=9)
    assert rectangle == RegionHint(
        lab=wall, name="wall", origin="hints.yaml:7", shape=Rectangle(20, 10, 48, 64)
    )
    assert isinstance(oval, RegionHint)
    assert oval.shape == Oval(20, 10, 48, 64)
    assert isinstance(polygon, RegionHint)
    assert polygon.shape == Polygons((((2, 1), (4, 30), (40, 18)),))
    assert (polygon.limit, polygon.name) == (True, None)
    assert isinstance(line, LineHint)
    assert (line.path, line.width, line.ab) == (((5.5, 5.5), (90.5, 80.5)), 3, (0, 0))
    assert [(hint.name, hint.origin) for hint in from_rois] == [
        ("grain", "cells.zip: cell-1"),
        ("wall", "cells.zip: other"),
        ("own", "cells.zip: own"),
    ]
    assert [hint.lab for hint in from_rois] == [grain, wall, parse_color("#336699")]
    assert list(found.palette) == ["grain", "wall", "keep"]
    assert found.skipped == ()
    assert found.source == str(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [Path(name).name for name, _ in found.files] == ["hints.yaml", "cells.zip"]
    assert len(found) == len(list(found)) == 8


def test_optional_keys(folder: Path) -> None:
    path = write(folder, "hints:\n  - {point: [1, 2], color: red, name: rust, strength: 0.25, limit: true}\n")
    (hint,) = read_hints(path)
    assert (hint.name, hint.strength, hint.limit) == ("rust", 0.25, True)
    assert isinstance(hint, PointHint)
    assert hint.size == 7


def test_color_and_strength_for_all_rois(folder: Path) -> None:
    text = "hints:\n  - {rois: cells.zip, colors: {own: blue}, color: gray, strength: 0.5, name: pore}\n"
    found = read_hints(write(folder, text))
    assert [hint.ab == (0, 0) for hint in found] == [True, True, False]
    assert {(hint.strength, hint.name) for hint in found} == {(0.5, "pore")}


def test_fractions(folder: Path) -> None:
    text = (
        "coordinates: fraction\nhints:\n  - {point: [0.5, 0.25], color: red}\n"
        "  - {rectangle: [0, 0, 1, 0.5], color: blue}\n"
    )
    found = read_hints(write(folder, text))
    assert found.coordinates == "fraction"
    point, box = found.at((100, 200))
    assert isinstance(point, PointHint)
    assert (point.row, point.column) == (25, 100)
    assert isinstance(box, RegionHint)
    assert box.shape == Rectangle(0, 0, 50, 200)
    assert found.at((100, 200)).coordinates == "pixels"
    wrong = write(folder, text.replace("0.5, 0.25", "50, 25") + "  - {rois: cells.zip, color: red}\n")
    assert faults(wrong) == [
        "hints.yaml:3: point has 50; with coordinates: fraction, 0 to 1 are accepted.",
        "hints.yaml:5: rois are in pixels; they cannot stand in a file with coordinates: fraction.",
    ]


def test_palettes_from_files_and_by_name(folder: Path) -> None:
    write(folder, "grain: '#d1495b'\nwall: [0, 128, 0]\n", "lab_palette.yaml")
    (hint,) = read_hints(write(folder, "palette: lab_palette.yaml\nhints: [{point: [1, 1], color: grain}]\n"))
    assert (hint.lab, hint.name) == (parse_color("#d1495b"), "grain")
    found = read_hints(write(folder, "palette: okabe-ito\nhints: [{point: [1, 1], color: vermillion}]\n"))
    assert found.hints[0].lab == BUILTIN_PALETTES["okabe-ito"]["vermillion"].lab
    assert read_palette(folder / "lab_palette.yaml") == read_palette(
        write(folder, "palette: {grain: '#d1495b', wall: green}\n", "nested.yaml")
    )
    assert read_palette("ibm") is BUILTIN_PALETTES["ibm"]


def test_a_given_palette_serves_files_without_one(folder: Path) -> None:
    house = Palette({"grain": "blue", "wall": "red"})
    path = write(folder, "palette: {wall: green}\nhints: [{line: [[1, 1], [2, 2]], color: grain}]\n")
    found = read_hints(path, palette=house)
    assert found.hints[0].lab == parse_color("blue")
    assert found.palette["wall"].lab == parse_color("green")


def test_roi_files_by_themselves(folder: Path) -> None:
    found = read_hints(folder / "cells.zip", colors={"cell*": "grain"}, palette=Palette({"grain": "red"}))
    assert [hint.name for hint in found] == ["grain", "own"]
    assert found.skipped[0].origin == "cells.zip: other"
    assert found.sha256 == hashlib.sha256((folder / "cells.zip").read_bytes()).hexdigest()
    with pytest.raises(HintError, match=r"accepted are \.yaml"):
        read_hints(folder / "hints.txt")


MUTATIONS = [
    ("palette:  ", "palete:  ", "hints.yaml:1: palete is not a known key. Did you mean palette?"),
    ("hints:\n", "hint:\n", "hints.yaml:5: hint is not a known key. Did you mean hints?"),
    ("size: 9", "siz: 9", "hints.yaml:6: hints[0].siz is not a known key. Did you mean size?"),
    ("size: 9", "size: 0", "hints.yaml:6: hints[0].size is 0; it should be greater than or equal to 1."),
    ("size: 9", "size: 9.5", "hints.yaml:6: hints[0].size is 9.5; it should be a valid integer"),
    ("[412, 310]", "[412]", "hints.yaml:6: hints[0].point is [412]; it should have at least 2 items, not 1."),
    ("[412, 310]", "[412, x]", "hints.yaml:6: hints[0].point[1] is 'x'; it should be a valid number."),
    ("[412, 310]", "[412, .inf]", "hints.yaml:6: hints[0].point[1] is inf; it should be"),
    ("[412, 310]", "412", "hints.yaml:6: hints[0].point is 412; it should be a valid list."),
    ("color: grain}", "color: grian}", "hints.yaml:6: color: 'grian' is not a known color"),
    ("size: 9, color: grain", "size: 9", "hints.yaml:6: hints[0].color is missing."),
    ("color: grain}", "color: #d1495b\n    }", "hints.yaml:6: Write the color in quotes"),
    ("rectangle:", "rectangel:", "hints.yaml:7: The hint says no kind; it takes one of"),
    (
        "rectangle: [10, 20, 64, 48]",
        "rectangle: [10, 20, 0, 48]",
        "hints.yaml:7: rectangle is [10.0, 20.0, 0.0",
    ),
    ("{oval:", "{point: [1, 1], oval:", "hints.yaml:8: The hint says both point and oval"),
    (", [18, 40]]", "]", "hints.yaml:9: hints[3].polygon is"),
    ("limit: true", "limit: maybe", "hints.yaml:9: hints[3].limit is 'maybe'; it should be a valid boolean."),
    ("width: 3", "width: -3", "hints.yaml:10: hints[4].width is -3; it should be greater than 0."),
    (
        "width: 3",
        "strength: 1.5",
        "hints.yaml:10: hints[4].strength is 1.5; it should be less than or equal to 1.",
    ),
    ("[[5, 5], [80, 90]]", "[[5, 5]]", "hints.yaml:10: hints[4].line is [[5, 5]]; it should have at least 2"),
    ("cells.zip", "cellz.zip", "hints.yaml:11: rois: "),
    (
        "cells.zip",
        '"http://x.org/cells.zip"',
        "hints.yaml:11: rois is 'http://x.org/cells.zip'; it should be a file",
    ),
    ("cells.zip", '"//server/cells.zip"', "hints.yaml:11: rois is '//server/cells.zip'; it should be a file"),
    ('"7": wall', '"7": wal', "hints.yaml:11: 7: 'wal' is not a known color"),
    ("wall: seagreen", "wall: seagren", "hints.yaml:3: wall: 'seagren' is not a known color"),
    (
        "wall: seagreen",
        "grain: seagreen",
        "hints.yaml:3: palette.grain is there twice; it was first on line 2.",
    ),
    ("wall: seagreen", "wall: &c seagreen", "hints.yaml:3: Anchors and aliases"),
    ("wall: seagreen", "wall: !!python/name:os.system x", "hints.yaml:3: The tag"),
    ("wall: seagreen", "wall: seagreen: x", "hints.yaml:3: The file is not YAML"),
    ("wall: seagreen", "\twall: seagreen", "hints.yaml:3: The file is not YAML"),
    ("wall: seagreen", "wall: [1, 2", "hints.yaml:4: The file is not YAML"),
    (
        "wall: seagreen",
        "wall: " + 30 * "[" + 30 * "]",
        "hints.yaml:3: The file is nested more than 20 levels",
    ),
    ("wall: seagreen", "<<: seagreen", "hints.yaml:3: Merge keys"),
    ("wall: seagreen", "? [1]\n  : seagreen", "hints.yaml:3: A key must be a word"),
    ("hints:\n", "---\nhints:\n", "hints.yaml:5: The file holds several documents"),
    ("palette:  ", "coordinates: inches\npalette:  ", "hints.yaml:1: coordinates is 'inches'"),
]


@pytest.mark.parametrize(("old", "new", "told"), MUTATIONS)
def test_every_mutation_is_located(folder: Path, old: str, new: str, told: str) -> None:
    assert old in EXAMPLE
    found = faults(write(folder, EXAMPLE.replace(old, new, 1)))
    assert any(fault.startswith(told) for fault in found), found


@pytest.mark.parametrize(
    "hint, told",
    [
        ("polygon: [[1, 1], [1, 1], [1, 1]]", "polygon has no area"),
        ("polygon: [[1, 1], [5, 5], [9, 9], [3, 3]]", "polygon has no area"),
        ("polygon: [[-9, 1], [-5, 5], [-7, 9]]", "lies left of any image: x reaches -5"),
        ("rectangle: [-50, 1, 40, 5]", "lies left of any image: x reaches -10"),
        ("oval: [5, -20, 4, 20]", "lies above any image: y reaches 0"),
        ("line: [[5, 5], [5, 5]]", "line has no length"),
        ("line: [[5, -9], [7, -9]]", "lies above any image"),
        ("point: [-40, 5]", "lies left of any image: x reaches -40"),
    ],
)
def test_shapes_that_can_be_on_no_image(folder: Path, hint: str, told: str) -> None:
    good = "  - {polygon: [[-5, -5], [9, 1], [3, 8]], color: red}\n  - {point: [-2, -2], color: red}\n"
    (found,) = faults(write(folder, f"hints:\n{good}  - {{{hint}, color: red}}\n"))
    assert told in found and ":4: " in found


@pytest.mark.parametrize(
    "text, lines",
    [
        ("palette: {grain: #ff0000}\nhints:\n  - {point: [5, 5], color: #0f0}\n", [1, 3]),
        ("palette:\n  grain: #ff0000\n  wall: #11223344  # why\nhints: [{point: [5, 5], color: grain}]\n", [2, 3]),
        ("hints:\n  - {point: [5, 5], color: #00ff00,\n     size: 3}\n", [2]),
        ("hints:\n  - point: [5, 5]\n    color:   #00FF00\n", [3]),
    ],
)
def test_hex_colors_without_quotes(folder: Path, text: str, lines: list[int]) -> None:
    found = [fault for fault in faults(write(folder, text)) if "in quotes" in fault]
    assert [int(fault.split(":")[1]) for fault in found] == lines and '"#' in found[0]


def test_comments_are_no_colors(folder: Path) -> None:
    text = (
        "palette: {grain: '#ff0000'} # was: #00ff00\n# wall: #123456\nhints: #abcd is a comment here\n"
        "  - {point: [5, 5], color: \"#00ff00\", name: \"a: #fff\"} #fff\n"
    )
    assert read_hints(write(folder, text)).hints[0].name == "a: #fff"


def test_faults_are_told_together_and_in_order(folder: Path) -> None:
    text = EXAMPLE.replace("size: 9", "siz: 9").replace("seagreen", "seagren").replace("width: 3", "width: x")
    found = faults(write(folder, text))
    assert [fault.split(":")[1] for fault in found] == ["3", "6", "10"]
    with pytest.raises(ConfigError) as caught:
        read_hints(folder / "hints.yaml")
    assert len(str(caught.value).splitlines()) == 3
    assert caught.value.faults[1].line == 6
    assert caught.value.faults[1].key == "hints[0].siz"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "The file is empty"),
        (b"# nothing\n", "The file is empty"),
        (b"- 1\n- 2\n", ":1: The file holds a list"),
        (b"red\n", ":1: The file holds a single value"),
        (b"hints: []\n", ":1: hints is empty"),
        (b"palette: {a: red}\n", "hints is missing"),
        (b"hints: 3\n", ":1: hints is 3"),
        (b"hints: [red]\n", ":1: 'red' is no hint"),
        (b"a: 1\nb: \xff\n", ":2: The file is not UTF-8 text: byte 0xff"),
        (b"\xff\xfea\x00:", ":1: The file is not UTF-16 text"),
        (b"a: 1\nb: \x00\n", ":2: The file holds a character that YAML does not allow"),
        (b"a: [1, 2\n", "The file is not YAML"),
        (b"palette: 3\nhints: [{point: [1, 1], color: red}]\n", ":1: palette is 3; it should be"),
        (b"palette: {}\nhints: [{point: [1, 1], color: red}]\n", ":1: The palette is empty"),
        (
            b"palette: nowhere.yaml\nhints: [{point: [1, 1], color: red}]\n",
            ":1: palette: 'nowhere.yaml' is no built-in palette",
        ),
        (b"palette: okabe\nhints: [{point: [1, 1], color: red}]\n", "Did you mean okabe-ito"),
    ],
)
def test_bad_files(tmp_path: Path, text: bytes, told: str) -> None:
    path = tmp_path / "hints.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        read_hints(path)
    assert told in str(caught.value)
    assert caught.value.path == str(path)


def test_billion_laughs(tmp_path: Path) -> None:
    lines = ["a0: &a0 [lol, lol]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    with pytest.raises(ConfigError, match=r"hints.yaml:1: Anchors and aliases .* not accepted"):
        read_hints(write(tmp_path, "\n".join(lines)))


def test_large_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        read_hints(write(tmp_path, "#" * (5 * 1024 * 1024)))
    with pytest.raises(ConfigError, match="more than 400000 values"):
        read_hints(write(tmp_path, "a: [" + "1," * 450_000 + "1]"))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no such file"):
        read_hints(tmp_path / "none.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ConfigError, match="This is a folder"):
        read_hints(tmp_path / "folder.yaml")


def test_faults_of_a_palette_file_name_that_file(folder: Path) -> None:
    write(folder, "grain: '#d1495b'\nwall: seagren\n", "house.yaml")
    with pytest.raises(ConfigError) as caught:
        read_hints(write(folder, "palette: house.yaml\nhints: [{point: [1, 1], colour: grain}]\n"))
    told = str(caught.value).splitlines()
    assert told[0].startswith(str(folder / "hints.yaml") + ":2:")
    assert told[-1].startswith(str(folder / "house.yaml") + ":2: wall: 'seagren'")


def test_scalars_follow_the_core_schema() -> None:
    source = parse_yaml(
        b"a: [1, 0x1f, 0o17, 012, 1e-4, .5, 1., no, yes, 12:30, 2026-11-21, '1', ~, true, -.inf]\n"
    )
    assert source.data["a"] == [
        *(1, 31, 15, 12, 1e-4, 0.5, 1.0, "no", "yes", "12:30", "2026-11-21", "1", None, True, float("-inf")),
    ]
    assert parse_yaml(b"\xef\xbb\xbfa: 1\n").data == {"a": 1}
    assert parse_yaml(b"7: x\n").data == {"7": "x"}


class Sampler(BaseModel):
    model_config = ConfigDict(extra="forbid")

    num_steps: int = Field(default=8, ge=1)
    kind: str = "ddim"


class Job(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sampler: Sampler = Sampler()
    folders: list[str] = []
    required: int


def test_models_are_validated_with_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "sampler:\n  kind: ddim\n  num_step: 7\nfolders:\n  - a\n  - 3\n", "tescan.yaml")
    with pytest.raises(ConfigError) as caught:
        validate_source(Job, load_yaml(path))
    assert [str(fault) for fault in caught.value.faults] == [
        f"{path}:1: required is missing.",
        f"{path}:3: sampler.num_step is not a known key. Did you mean num_steps?",
        f"{path}:6: folders[1] is 3; it should be a valid string.",
    ]
    assert caught.value.faults[1].key == "sampler.num_step"
    good = write(tmp_path, "required: 3\nsampler: {num_steps: 4}\n", "good.yaml")
    assert validate_source(Job, load_yaml(good)).sampler.num_steps == 4
    assert validate_source(Sampler, load_yaml(good), ("sampler",)).num_steps == 4
    assert np.isclose(load_yaml(good).line(("sampler", "num_steps")), 2)


def test_a_hint_says_how_far_it_speaks(tmp_path):
    path = tmp_path / "h.yaml"
    path.write_text(
        "hints:\n  - {point: [1, 2], color: red, spread: instance}\n  - {point: [3, 4], color: red, spread: alike}\n"
        "  - {point: [5, 6], color: red}\n"
    )
    assert [hint.spread for hint in read_hints(path)] == ["instance", "alike", None]
    path.write_text("hints:\n  - {point: [1, 2], color: red, spread: everywhere}\n")
    with pytest.raises(ConfigError, match=r"h\.yaml:2.*spread.*alike.*instance"):
        read_hints(path)
