"""Palettes as other programs write them: GIMP and Inkscape (``.gpl``), Adobe (``.aco``, ``.ase``), ImageJ (``.lut``).

References
----------
.gpl
    GIMP's palette format: a head line, then ``red green blue name`` lines.
.aco
    "Adobe Photoshop File Formats Specification", section "Color Swatches": version 1 without, version 2 with names.
.lut
    ImageJ's lookup table: 256 reds, 256 greens, 256 blues, a byte each. Entry k is the color of label k, as in a label
    image: entry 0 is "none", and entries after the last color are black.
.ase
    Adobe Swatch Exchange, as libraries that read it agree: blocks of big-endian fields, floats from 0 to 1.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from semcolorize.color.palette import Lab, NamedColor, Palette, lab_of_rgb, parse_color
from semcolorize.errors import ConfigError

__all__ = ["PALETTE_SUFFIXES", "palette_file", "read_palette_file"]

_MAX_BYTES = 1 << 20
_MAX_COLORS = 200
_MAX_NAME = 80

Entries = Iterator[tuple[str, Lab]]
"""Names, which may be empty, and colors: the formats define their scales, so that nothing is guessed."""


class _DamagedError(Exception):
    """The message says what is wrong."""


def read_palette_file(path: str | os.PathLike[str]) -> tuple[Palette, str]:
    """Read a palette of another program.

    Parameters
    ----------
    path : str or path-like
        ``.gpl``, ``.aco``, ``.ase`` or ``.lut``.

    Returns
    -------
    palette : Palette
        Colors without a name are called by their hex; of equal names the later ones get a number.
    sha256 : str
        Of the file.

    Raises
    ------
    ConfigError
        If the file is missing, too large, damaged, empty, or holds more than 200 colors.
    """
    name = os.fspath(path)
    reader = _READERS[Path(path).suffix.lower()]
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"The file cannot be read: {error.strerror or error}.", path=name) from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"The palette is larger than {_MAX_BYTES >> 20} MiB, the most accepted here.", path=name)
    colors: dict[str, NamedColor] = {}
    try:
        for word, value in reader(content):
            color = NamedColor("", value)
            wanted = " ".join("".join(c if c.isprintable() else " " for c in word).split())[:_MAX_NAME] or color.hex
            own, number = wanted, 2
            while own in colors:
                own, number = f"{wanted} {number}", number + 1
            colors[own] = NamedColor(own, color.lab)
            if len(colors) > _MAX_COLORS:
                raise _DamagedError(f"it holds more than {_MAX_COLORS} colors, the most accepted here")
        if not colors:
            raise _DamagedError("it holds no color")
    except (_DamagedError, ConfigError, struct.error, UnicodeDecodeError, ValueError) as error:
        told = error.message if isinstance(error, ConfigError) else str(error)
        raise ConfigError(
            f"The palette cannot be read: {told}. Export it again, or write the colors as YAML (name: \"#d1495b\").",
            path=name,
        ) from None
    return Palette(colors, title=name), hashlib.sha256(content).hexdigest()


def _gimp(content: bytes) -> Entries:
    lines = content.decode("utf-8-sig", "replace").splitlines()
    if not lines or lines[0].strip() != "GIMP Palette":
        raise _DamagedError("it does not begin with GIMP Palette")
    alpha = ""
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip() or line.lstrip().startswith("#") or re.match(r"(Name|Columns):", line):
            continue
        if line.startswith("Channels:"):
            alpha = r"(?:\s+\d{1,3})" if "A" in line.partition(":")[2].upper() else ""
            continue
        match = re.match(rf"\s*(\d{{1,3}})\s+(\d{{1,3}})\s+(\d{{1,3}}){alpha}(?:\s+(.*))?$", line)
        rgb = [int(match[i]) for i in (1, 2, 3)] if match else [256]
        if match is None or max(rgb) > 255:
            raise _DamagedError(f"line {number} is {line[:40]!r}; red, green, blue from 0 to 255 and a name are read")
        word = (match[4] or "").strip()
        yield "" if word.lower() == "untitled" else word, lab_of_rgb(rgb)


def _photoshop(content: bytes) -> Entries:
    if len(content) < 4:
        raise _DamagedError("it is too short")
    version, count = struct.unpack_from(">HH", content)
    at = 4
    if version == 1 and len(content) > 4 + 10 * count:
        # The same colors once more, with names.
        at = 4 + 10 * count
        version, count = struct.unpack_from(">HH", content, at)
        at += 4
    if version not in (1, 2):
        raise _DamagedError(f"its version is {version}, not 1 or 2")
    for _ in range(count):
        space, *values = struct.unpack_from(">HHHHH", content, at)
        at += 10
        word = ""
        if version == 2:
            (length,) = struct.unpack_from(">I", content, at)
            end = at + 4 + 2 * length
            if end > len(content):
                raise _DamagedError("a name reaches beyond its end")
            word = content[at + 4 : end].decode("utf-16-be").rstrip("\0")
            at = end
        yield word, _photoshop_color(space, values)


def _photoshop_color(space: int, values: list[int]) -> Lab:
    if space == 0:
        return lab_of_rgb([value / 65535 * 255 for value in values[:3]])
    if space == 1:
        return _of_hsb(*(value / 65535 for value in values[:3]))
    if space == 2:
        return _of_cmyk(*(1 - value / 65535 for value in values))
    if space == 7:
        lightness, a, b = (value if value < 32768 else value - 65536 for value in values[:3])
        return _of_lab(lightness / 100, a / 100, b / 100)
    if space == 8:
        return lab_of_rgb([(1 - min(values[0], 10000) / 10000) * 255] * 3)
    raise _DamagedError(f"a color is in space {space}; RGB, HSB, CMYK, Lab and gray are read")


def _exchange(content: bytes) -> Entries:
    if content[:4] != b"ASEF":
        raise _DamagedError("it does not begin with ASEF")
    (blocks,) = struct.unpack_from(">I", content, 8)
    at = 12
    for _ in range(min(blocks, 10 * _MAX_COLORS)):
        kind, length = struct.unpack_from(">HI", content, at)
        block, at = content[at + 6 : at + 6 + length], at + 6 + length
        if kind != 1:
            continue  # the beginning or the end of a group
        (letters,) = struct.unpack_from(">H", block)
        word = block[2 : 2 + 2 * letters].decode("utf-16-be").rstrip("\0")
        model, start = block[2 + 2 * letters : 6 + 2 * letters].strip(), 6 + 2 * letters
        parts = {b"RGB": 3, b"CMYK": 4, b"LAB": 3, b"Gray": 1}.get(model)
        if parts is None:
            raise _DamagedError(f"a color is in {model!r}; RGB, CMYK, LAB and Gray are read")
        values = struct.unpack_from(f">{parts}f", block, start)
        if model == b"LAB":
            yield word, _of_lab(100 * values[0], values[1], values[2])
        elif not all(0 <= value <= 1 for value in values):
            raise _DamagedError(f"the color {word!r} has {list(values)}; 0 to 1 is read")
        elif parts == 4:
            yield word, _of_cmyk(*values)
        else:
            yield word, lab_of_rgb([255 * value for value in (values if parts == 3 else 3 * values)])


def _lookup_table(content: bytes) -> Entries:
    if len(content) != 768:
        raise _DamagedError(f"it has {len(content)} bytes; ImageJ's lookup tables have 768")
    colors = list(zip(content[:256], content[256:512], content[512:], strict=True))
    last = max((i for i, rgb in enumerate(colors) if any(rgb)), default=0)
    if last > _MAX_COLORS:
        raise _DamagedError("it is a color ramp of 256 entries, and no list of classes")
    for rgb in colors[1 : last + 1]:
        yield "", lab_of_rgb(list(rgb))


def palette_file(palette: Mapping[str, NamedColor], suffix: str, *, title: str = "semcolorize") -> bytes:
    """Spell a palette as a file.

    Parameters
    ----------
    palette : mapping of str to NamedColor
    suffix : {".yaml", ".yml", ".gpl", ".lut"}
        A lookup table has no names.
    title : str
        For formats that have one.

    Returns
    -------
    content : bytes

    Raises
    ------
    ConfigError
        For another suffix, or more colors than the format holds.
    """
    rgb = [color.rgb for color in palette.values()]
    if suffix in (".yaml", ".yml"):
        import yaml

        return yaml.safe_dump(
            {name: color.hex for name, color in palette.items()}, sort_keys=False, allow_unicode=True
        ).encode()
    if suffix == ".gpl":
        lines = [f"{r:3d} {g:3d} {b:3d}\t{name}" for name, (r, g, b) in zip(palette, rgb, strict=True)]
        return "\n".join(["GIMP Palette", f"Name: {title}", "#", *lines, ""]).encode()
    if suffix != ".lut":
        raise ConfigError(f"{suffix or 'No ending'} is no kind of palette file; .yaml, .gpl and .lut are written.")
    if len(rgb) > _MAX_COLORS:
        raise ConfigError(f"The palette has {len(rgb)} colors; a lookup table of classes holds {_MAX_COLORS}.")
    table = [(0, 0, 0), *rgb, *[(0, 0, 0)] * (255 - len(rgb))]
    return bytes(entry[channel] for channel in range(3) for entry in table)


def _of_cmyk(cyan: float, magenta: float, yellow: float, black: float) -> Lab:
    return lab_of_rgb([255 * (1 - ink) * (1 - black) for ink in (cyan, magenta, yellow)])


def _of_hsb(hue: float, saturation: float, brightness: float) -> Lab:
    import colorsys

    return lab_of_rgb([255 * value for value in colorsys.hsv_to_rgb(hue, saturation, brightness)])


def _of_lab(lightness: float, a: float, b: float) -> Lab:
    return parse_color({"lab": [lightness, a, b]})


_READERS: dict[str, Callable[[bytes], Entries]] = {
    ".gpl": _gimp, ".aco": _photoshop, ".ase": _exchange, ".lut": _lookup_table,
}  # fmt: skip

PALETTE_SUFFIXES = tuple(_READERS)
