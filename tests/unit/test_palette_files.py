"""Palettes of other programs, written here byte by byte after their formats."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from semcolorize.errors import ConfigError
from semcolorize.hintfiles.yaml_palettes import read_palette


def ase(blocks: list[tuple[str, bytes, tuple[float, ...]]]) -> bytes:
    made = b""
    for name, model, values in blocks:
        word = (name + "\0").encode("utf-16-be")
        block = struct.pack(">H", len(name) + 1) + word + model + struct.pack(f">{len(values)}fH", *values, 0)
        made += struct.pack(">HI", 1, len(block)) + block
    group = struct.pack(">H", 2) + "g\0".encode("utf-16-be")
    head = struct.pack(">HI", 0xC001, len(group)) + group
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks) + 2) + head + made + struct.pack(">HI", 0xC002, 0)


def aco(colors: list[tuple[str, int, tuple[int, int, int, int]]]) -> bytes:
    first = struct.pack(">HH", 1, len(colors)) + b"".join(struct.pack(">HHHHH", s, *v) for _, s, v in colors)
    second = struct.pack(">HH", 2, len(colors))
    for name, space, values in colors:
        word = (name + "\0").encode("utf-16-be")
        second += struct.pack(">HHHHH", space, *values) + struct.pack(">I", len(name) + 1) + word
    return first + second


GRAIN, GREEN, GRAY = (209, 73, 91), (46, 139, 87), (128, 128, 128)
SWATCHES = (("grain", GRAIN), ("sea green", GREEN), ("", GRAY))
FILES = {
    "house.gpl": b"GIMP Palette\r\nName: House\r\nColumns: 3\r\n# a comment\r\n209  73  91\tgrain\r\n"
    b" 46 139 87 sea green\r\n128 128 128\tUntitled\r\n",
    "house.ase": ase(
        [
            *((name, b"RGB ", tuple(value / 255 for value in rgb)) for name, rgb in SWATCHES[:2]),
            ("", b"Gray", (GRAY[0] / 255,)),
        ]
    ),
    "house.aco": aco([(name, 0, (257 * r, 257 * g, 257 * b, 0)) for name, (r, g, b) in SWATCHES]),
}


@pytest.mark.parametrize("name", FILES)
def test_colors_and_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    palette = read_palette(tmp_path / name)
    assert {key: color.hex for key, color in palette.items()} == {
        "grain": "#d1495b", "sea green": "#2e8b57", "#808080": "#808080",
    }  # fmt: skip


def test_other_color_spaces(tmp_path: Path) -> None:
    path = tmp_path / "a.aco"
    # HSB, CMYK (0 is full ink), Lab, gray.
    path.write_bytes(
        aco([("red", 1, (0, 65535, 65535, 0)), ("cyan", 2, (0, 65535, 65535, 65535)),
             ("lab", 7, (6500, 3200, 65536 - 4400, 0)), ("half", 8, (5000, 0, 0, 0))])
    )  # fmt: skip
    palette = read_palette(path)
    assert palette["red"].hex == "#ff0000" and palette["cyan"].hex == "#00ffff" and palette["half"].hex == "#808080"
    assert palette["lab"].lab == (65.0, 32.0, -44.0)
    path = tmp_path / "a.ase"
    path.write_bytes(ase([("lab", b"LAB ", (0.65, 32.0, -44.0)), ("cyan", b"CMYK", (1.0, 0.0, 0.0, 0.0))]))
    palette = read_palette(path)
    assert palette["cyan"].hex == "#00ffff" and palette["lab"].lab == pytest.approx((65, 32, -44), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "content", "hexed"),
    [
        # The formats define the scale: what is nearly black is nearly black.
        ("a.aco", aco([("n", 0, (257, 257, 257, 0))]), "#010101"),
        ("a.aco", aco([("n", 0, (65535, 100, 0, 0))]), "#ff0000"),
        ("a.aco", aco([("n", 1, (0, 65400, 65535, 0))]), "#ff0101"),
        ("a.ase", ase([("n", b"CMYK", (0.0, 0.0, 0.0, 0.998))]), "#010101"),
        ("a.ase", ase([("n", b"RGB ", (0.5, 0.001, 0.0))]), "#800000"),
        ("a.gpl", b"GIMP Palette\n1 0 0 n\n", "#010000"),
        ("a.gpl", b"GIMP Palette\nChannels: RGBA\n1 200 0 128 n\n", "#01c800"),
    ],
)
def test_scales_are_the_formats(tmp_path: Path, name: str, content: bytes, hexed: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_palette(tmp_path / name)["n"].hex == hexed


def test_lines_that_are_no_colors_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.gpl").write_text("GIMP Palette\nName: x\n0.5 0.2 0.1 half\n")
    with pytest.raises(ConfigError, match=r"line 3 is '0.5 0.2 0.1 half'"):
        read_palette(tmp_path / "a.gpl")


def test_equal_names_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "a.gpl").write_text("GIMP Palette\n1 2 3 a\n4 5 6 a\n")
    assert list(read_palette(tmp_path / "a.gpl")) == ["a", "a 2"]


@pytest.mark.parametrize("name", FILES)
def test_damage_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in (b"", b"\0" * 7, FILES[name][: len(FILES[name]) // 3][:40], b"\xff" * 300):
        path.write_bytes(content)
        try:
            read_palette(path)
        except ConfigError as error:
            assert "cannot be read" in str(error) and name in str(error)
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_palette(path)


@pytest.mark.parametrize("name", FILES)
def test_a_hints_file_may_name_them(tmp_path: Path, name: str) -> None:
    from semcolorize.hintfiles.yaml_hints import read_hints

    (tmp_path / name).write_bytes(FILES[name])
    (tmp_path / "h.yaml").write_text(f"palette: {name}\nhints: [{{point: [1, 1], color: grain}}]\n")
    hints = read_hints(tmp_path / "h.yaml")
    assert hints.hints[0].name == "grain" and hints.palette["grain"].hex == "#d1495b"
    assert [Path(path).name for path, _ in hints.files] == ["h.yaml", name]


@pytest.mark.parametrize("suffix", [".yaml", ".gpl", ".lut"])
def test_palettes_are_written_and_read_back(tmp_path, suffix):
    from semcolorize.color.palette import NamedColor, parse_color
    from semcolorize.hintfiles.palette_files import palette_file
    from semcolorize.hintfiles.yaml_palettes import read_palette

    colors = {name: NamedColor(name, parse_color(code)) for name, code in
              (("pollen", "#e2a33a"), ("Körner: hell", "#5a9e4b"), ("off", "#102030"))}  # fmt: skip
    path = tmp_path / f"ours{suffix}"
    path.write_bytes(palette_file(colors, suffix))
    found = read_palette(path)
    assert [color.hex for color in found.values()] == [color.hex for color in colors.values()]
    assert suffix == ".lut" or list(found) == list(colors)


def test_a_ramp_is_no_palette_of_classes(tmp_path):
    from semcolorize.hintfiles.yaml_palettes import read_palette

    (tmp_path / "fire.lut").write_bytes(bytes(range(256)) * 3)
    with pytest.raises(ConfigError, match="color ramp"):
        read_palette(tmp_path / "fire.lut")
    (tmp_path / "short.lut").write_bytes(b"abc")
    with pytest.raises(ConfigError, match="768"):
        read_palette(tmp_path / "short.lut")


def test_other_endings_are_not_written():
    from semcolorize.hintfiles.palette_files import palette_file

    with pytest.raises(ConfigError, match="no kind of palette file"):
        palette_file({}, ".aco")
