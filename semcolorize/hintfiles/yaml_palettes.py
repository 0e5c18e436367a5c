"""Palettes: a YAML file of their own, another program's, a built-in one, or the ``palette:`` of another file.

A palette file is a mapping of names to colors, at the top or under ``palette:``::

    grain: "#d1495b"
    wall: seagreen
    keep: gray
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semcolorize.color.palette import BUILTIN_PALETTES, NamedColor, Palette, did_you_mean, parse_color
from semcolorize.errors import ConfigError
from semcolorize.hintfiles.palette_files import PALETTE_SUFFIXES, read_palette_file
from semcolorize.hintfiles.yaml_source import KeyPath, YamlSource, load_yaml

__all__ = ["palette_in", "read_palette"]

_MAX_NAME = 80
_MAX_COLORS = 200


def read_palette(palette: str | os.PathLike[str]) -> Palette:
    """Read a palette file, or look up a built-in palette.

    Parameters
    ----------
    palette : str or path-like
        Name of a built-in palette (`semcolorize.color.palette.BUILTIN_PALETTES`), or path of a YAML file or of a
        palette that GIMP (``.gpl``) or Adobe's programs (``.aco``, ``.ase``) wrote.

    Returns
    -------
    palette : Palette
        Its title is the name or path.

    Raises
    ------
    ConfigError
        With all faults of the file, located.
    """
    name = os.fspath(palette)
    if name in BUILTIN_PALETTES:
        return BUILTIN_PALETTES[name]
    suffix = Path(name).suffix.lower()
    if suffix not in (".yaml", ".yml", *PALETTE_SUFFIXES) and not Path(name).exists():
        near = did_you_mean(name, list(BUILTIN_PALETTES))
        raise ConfigError(
            f"{name!r} is neither a built-in palette ({', '.join(BUILTIN_PALETTES)}) nor a palette file (.yaml, .gpl, "
            f".aco, .ase, .lut).{near}",
            key="palette",
        )
    if suffix in PALETTE_SUFFIXES:
        return read_palette_file(name)[0]
    return _palette_of(load_yaml(name))


def _palette_of(source: YamlSource) -> Palette:
    # A file of its own, one with everything under `palette:`, or a hints file that declares its palette.
    inner = source.data.get("palette")
    nested = isinstance(inner, dict) and set(inner) != {"lab"}
    return _palette(source, ("palette",) if nested else ())


def palette_in(source: YamlSource, key: str = "palette") -> tuple[Palette, tuple[tuple[str, str], ...]]:
    """Read the palette that a YAML file declares at its top level.

    Parameters
    ----------
    source : YamlSource
        The file: under `key` a mapping, the name of a built-in palette, or the path of a palette file
        relative to it.
    key : str
        Where to look; a missing key is an empty palette.

    Returns
    -------
    palette : Palette
    files : tuple of (path, sha256)
        The palette file, if there is one.

    Raises
    ------
    ConfigError
        With all faults, located.
    """
    value = source.data.get(key)
    if key not in source.data:
        return Palette(), ()
    if isinstance(value, dict):
        return _palette(source, (key,)), ()
    if not isinstance(value, str):
        raise source.fault(
            f"{key} is {value!r}; it should be a mapping of names to colors, a palette file, or a built-in "
            f"palette ({', '.join(BUILTIN_PALETTES)}).",
            (key,),
        )
    if value in BUILTIN_PALETTES:
        return BUILTIN_PALETTES[value], ()
    place = Path(source.path).parent / value
    if "\0" in value or not place.is_file():
        near = did_you_mean(value, list(BUILTIN_PALETTES))
        raise source.fault(
            f"{key}: {value!r} is no built-in palette ({', '.join(BUILTIN_PALETTES)}), and there is no file "
            f"{place}.{near}",
            (key,),
        )
    if place.suffix.lower() in PALETTE_SUFFIXES:
        palette, sha256 = read_palette_file(place)
        return palette, ((os.fspath(place), sha256),)
    file = load_yaml(place)
    return _palette_of(file), ((file.path, file.sha256),)


def _palette(source: YamlSource, keys: KeyPath) -> Palette:
    entries: Mapping[str, Any] = source.data
    for key in keys:
        entries = entries[key]  # type: ignore[index]
    if len(entries) > _MAX_COLORS:
        raise source.fault(f"The palette has {len(entries)} colors; at most {_MAX_COLORS} are accepted.", keys)
    colors: dict[str, NamedColor] = {}
    faults = []
    for name, value in entries.items():
        try:
            colors[name] = NamedColor(name, parse_color(value))
        except ConfigError as error:
            faults.append(source.fault(f"{name}: {error.message}", (*keys, name)))
        if len(name) > _MAX_NAME or not name.isprintable():
            faults.append(
                source.fault(
                    f"{name[:20]!r}... is no color name: at most {_MAX_NAME} letters.", (*keys, name)
                )
            )
    if faults:
        raise ConfigError.from_faults(faults)
    if not colors:
        raise source.fault("The palette is empty: give at least one name and color.", keys)
    return Palette(colors, title=source.path)
