"""Named colors: what a user may write for a color, palettes of them, and the built-in color-blind-safe ones.

A color is written as hex (``"#d1495b"``, ``"#abc"``), a CSS name (``seagreen``), ``[r, g, b]`` from 0 to 255,
``{lab: [L, a, b]}``, or the name of a palette entry. Reading palettes from YAML is `semcolorize.hintfiles`'
work; checking them is `semcolorize.color.deficiency`'s.

References
----------
okabe-ito
    M. Okabe, K. Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/.
tol-bright, tol-vibrant, tol-muted
    P. Tol, "Colour Schemes", SRON/EPS/TN/09-002, issue 3.2 (2021), figures 1, 3 and 4.
ibm
    IBM Design Language color library (version 1), the "color blind safe" set.
micrograph
    Ours. The published sets rely on lightness, which a micrograph does not leave free: at one L* each of them
    has pairs that a color-blind person cannot tell apart (`semcolorize palette check` lists them). These four
    were searched for to stay at least 12 CIEDE2000 apart at L* 45, 60 and 75 in normal and all dichromatic
    vision.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from semcolorize.color.css_colors import CSS_COLORS
from semcolorize.color.gamut import compress_chroma
from semcolorize.color.lab import lab_to_rgb, rgb_to_lab
from semcolorize.errors import ConfigError

__all__ = ["BUILTIN_PALETTES", "Lab", "NamedColor", "Palette", "did_you_mean", "lab_of_rgb", "parse_color"]

Lab = tuple[float, float, float]
"""CIE L*, a*, b* (D65, 2 degree)."""

_ACCEPTED = (
    'hex ("#d1495b"), a CSS name, [r, g, b] from 0 to 255 or 0.0 to 1.0, {lab: [L, a, b]}, or a name of the palette'
)
_AB_LIMIT = 160.0


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return `` Did you mean X?`` for the nearest of `known`, or an empty string if nothing is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if not near:
        folded = {name.casefold(): name for name in reversed(known)}
        near = [
            folded[key] for key in difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
        ]
    return f" Did you mean {near[0]}?" if near else ""


@dataclass(frozen=True, slots=True)
class NamedColor:
    """A color and what it is called.

    Parameters
    ----------
    name : str
        Class name, as it stands in the legend.
    lab : tuple of 3 floats
        CIE L*, a*, b* (D65, 2 degree).
    """

    name: str
    lab: Lab

    @property
    def ab(self) -> tuple[float, float]:
        """CIELAB a*, b*."""
        return self.lab[1], self.lab[2]

    @property
    def rgb(self) -> tuple[int, int, int]:
        """8-bit sRGB; a color sRGB cannot show is drawn toward gray at its own L*."""
        lightness = np.array([[self.lab[0]]])
        ab = compress_chroma(lightness, np.array([[self.ab]]))
        rgb = lab_to_rgb(np.array([self.lab[0], ab[0, 0, 0], ab[0, 0, 1]]))
        red, green, blue = (int(value) for value in np.clip(np.round(rgb * 255), 0, 255))
        return red, green, blue

    @property
    def hex(self) -> str:
        """``#rrggbb`` of `rgb`."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)


class Palette(Mapping[str, NamedColor]):
    """An ordered, unchangeable mapping of names to colors.

    Parameters
    ----------
    colors : mapping of str to anything `parse_color` takes, or to NamedColor
        In legend order.
    title : str
        Where it came from: a file or a built-in name.
    """

    def __init__(self, colors: Mapping[str, Any] | None = None, *, title: str = "") -> None:
        self.title = title
        made = {
            name: value if isinstance(value, NamedColor) else NamedColor(name, parse_color(value))
            for name, value in (colors or {}).items()
        }
        # A Mac writes accents as characters of their own.
        self._colors = {unicodedata.normalize("NFC", name): color for name, color in made.items()}

    @classmethod
    def builtin(cls, name: str) -> Palette:
        """Return a built-in palette by name (`BUILTIN_PALETTES`); unknown names raise ConfigError."""
        try:
            return BUILTIN_PALETTES[name.strip().lower().replace("_", "-")]
        except KeyError:
            raise ConfigError(
                f"{name!r} is not a built-in palette; there are {', '.join(BUILTIN_PALETTES)}."
                + did_you_mean(name, list(BUILTIN_PALETTES)),
                key="palette",
            ) from None

    def __getitem__(self, name: str) -> NamedColor:
        return self._colors[unicodedata.normalize("NFC", name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._colors)

    def __len__(self) -> int:
        return len(self._colors)

    def __or__(self, other: Mapping[str, NamedColor]) -> Palette:
        """Both palettes; where a name is in both, the right one's color."""
        return Palette({**self._colors, **other}, title=getattr(other, "title", "") or self.title)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Palette) and list(self.items()) == list(other.items())

    def __hash__(self) -> int:
        return hash(tuple(self._colors.items()))

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}: {color.hex}" for name, color in self.items())
        return f"Palette({{{listed}}}, title={self.title!r})"


def parse_color(value: Any, palette: Mapping[str, NamedColor] | None = None) -> Lab:
    """Turn what a user wrote into CIELAB.

    Parameters
    ----------
    value : str, sequence of 3 numbers, mapping with the key ``lab``, or NamedColor
        A name of `palette`, hex, a CSS name, ``[r, g, b]`` from 0 to 255 or in fractions from 0.0 to 1.0, or
        ``{lab: [L, a, b]}``.
    palette : mapping of str to NamedColor, optional
        Its names come before those of CSS.

    Returns
    -------
    lab : tuple of 3 floats
        CIE L*, a*, b* (D65, 2 degree). The color may lie outside the sRGB gamut if it was given as lab.

    Raises
    ------
    ConfigError
        Naming the value seen and what is accepted, with a suggestion for names that are nearly known.
    """
    if isinstance(value, NamedColor):
        return value.lab
    if isinstance(value, str):
        return _parse_text(value, palette or {})
    if isinstance(value, Mapping):
        return _parse_lab(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return _parse_rgb(value)
    hint = " Put hex colors in quotes: # starts a comment in YAML." if value is None else ""
    raise ConfigError(f"{value!r} is not a color; accepted are {_ACCEPTED}.{hint}")


def _parse_text(text: str, palette: Mapping[str, NamedColor]) -> Lab:
    if text in palette:
        return palette[text].lab
    word = text.strip()
    if word.startswith("#"):
        return _parse_hex(word)
    css = CSS_COLORS.get(re.sub(r"[\s_-]", "", word).lower())
    if css is not None:
        return _parse_hex(css)
    if re.fullmatch(r"[0-9a-fA-F]{6}", word):
        raise ConfigError(f'{text!r} is not a known color. Did you mean "#{word}"?')
    raise ConfigError(
        f"{text!r} is not a known color; accepted are {_ACCEPTED}."
        + did_you_mean(word, [*palette, *CSS_COLORS])
    )


def _parse_hex(text: str) -> Lab:
    digits = text[1:]
    if not re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", digits):
        extra = (
            " Transparency is written as strength: 0.5." if re.fullmatch(r"[0-9a-fA-F]{8}", digits) else ""
        )
        raise ConfigError(f"{text!r} is not a hex color; accepted are #rgb and #rrggbb.{extra}")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return lab_of_rgb([int(digits[i : i + 2], 16) for i in (0, 2, 4)])


def _numbers(values: Sequence[Any], what: str) -> list[float]:
    good = len(values) == 3 and all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        for value in values
    )
    if not good:
        raise ConfigError(f"{list(values)!r} is not a color; {what} takes three finite numbers.")
    return [float(value) for value in values]


def _parse_rgb(values: Sequence[Any]) -> Lab:
    rgb = _numbers(values, "[r, g, b]")
    if max(rgb) <= 1 and min(rgb) >= 0 and any(isinstance(value, float) for value in values):
        # As Python's libraries write colors.
        return lab_of_rgb([255 * value for value in rgb])
    if 0 < max(rgb) <= 1 or any(0 < value < 1 for value in rgb):
        raise ConfigError(
            f"{list(values)!r} is not a color that can be told for sure: of 255 that is nearly black. Write whole "
            "numbers from 0 to 255, or fractions from 0.0 to 1.0 (all three, with a point)."
        )
    if not all(0 <= value <= 255 for value in rgb):
        raise ConfigError(f"{list(values)!r} is not a color; red, green and blue go from 0 to 255.")
    return lab_of_rgb(rgb)


def _parse_lab(value: Mapping[Any, Any]) -> Lab:
    lab = value.get("lab")
    if set(value) != {"lab"} or not isinstance(lab, Sequence) or isinstance(lab, str):
        raise ConfigError(f"{dict(value)!r} is not a color; a mapping must read {{lab: [L, a, b]}}.")
    lightness, a, b = _numbers(lab, "lab")
    if not 0 <= lightness <= 100 or max(abs(a), abs(b)) > _AB_LIMIT:
        raise ConfigError(
            f"lab {list(lab)!r} is not a color; L* goes from 0 to 100, a* and b* from -{_AB_LIMIT:.0f} to "
            f"{_AB_LIMIT:.0f}."
        )
    return lightness, a, b


def lab_of_rgb(rgb: Sequence[float]) -> Lab:
    """CIELAB of sRGB from 0 to 255."""
    lightness, a, b = (float(value) for value in rgb_to_lab(np.array(rgb, dtype=np.float64) / 255))
    return lightness, a, b


def _builtin(title: str, colors: str) -> Palette:
    entries = (entry.rsplit(maxsplit=1) for entry in colors.split(","))
    return Palette({name.strip(): f"#{digits}" for name, digits in entries}, title=title)


def _ours() -> Palette:
    colors = {"violet": (65, 32, -44), "lime": (65, -22, 50), "pink": (65, 29, -6), "teal": (65, -26, 15)}
    return Palette({name: {"lab": lab} for name, lab in colors.items()}, title="micrograph")


BUILTIN_PALETTES: Mapping[str, Palette] = MappingProxyType(
    {
        title: _builtin(title, colors)
        for title, colors in {
            "okabe-ito": "orange e69f00, sky blue 56b4e9, bluish green 009e73, yellow f0e442, blue 0072b2, "
            "vermillion d55e00, reddish purple cc79a7, black 000000",
            "tol-bright": "blue 4477aa, cyan 66ccee, green 228833, yellow ccbb44, red ee6677, purple aa3377, "
            "gray bbbbbb",
            "tol-vibrant": "orange ee7733, blue 0077bb, cyan 33bbee, magenta ee3377, red cc3311, "
            "teal 009988, gray bbbbbb",
            "tol-muted": "rose cc6677, indigo 332288, sand ddcc77, green 117733, cyan 88ccee, wine 882255, "
            "teal 44aa99, olive 999933, purple aa4499, pale gray dddddd",
            "ibm": "ultramarine 648fff, indigo 785ef0, magenta dc267f, orange fe6100, gold ffb000",
        }.items()
    }
    | {"micrograph": _ours()}
)
"""Name to palette, in the order of the module's references."""
