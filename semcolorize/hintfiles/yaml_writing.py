"""Hints to ``hints.yaml``, which `semcolorize.hintfiles.yaml_hints` reads back as the very same hints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from semcolorize.color.palette import Lab, NamedColor, Palette, parse_color
from semcolorize.errors import ConfigError
from semcolorize.hints.model import Hint, HintSet, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint

__all__ = ["hints_to_yaml"]


def hints_to_yaml(hints: Iterable[Hint] | HintSet, palette: Palette | None = None, *, comment: str = "") -> str:
    """Write hints as the text of a hints file.

    Parameters
    ----------
    hints : HintSet, or iterable of Hint
        In pixels.
    palette : Palette, optional
        Named colors that the file declares, used or not. A hint whose name and color stand there refers to it.
    comment : str
        Lines for the head of the file.

    Returns
    -------
    str
        Reading it gives hints of equal geometry, color, name, strength, limit and spread.
    """
    named = palette if palette is not None else Palette()
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    if named:
        lines.append("palette:")
        lines += [f"  {_text(name)}: {_color(color.lab)}" for name, color in named.items()]
    entries = [_entry(hint, named) for hint in hints]
    lines += ["hints:", *(f"  - {entry}" for entry in entries)] if entries else ["hints: []"]
    return "\n".join(lines) + "\n"


def _entry(hint: Hint, palette: Palette) -> str:
    parts = _geometry(hint)
    known = palette.get(hint.name) if hint.name else None
    if hint.name and known is not None and known.lab == hint.lab:
        parts.append(f"color: {_text(hint.name)}")
    else:
        parts.append(f"color: {_color(hint.lab)}")
        if hint.name:
            parts.append(f"name: {_text(hint.name)}")
    if hint.strength != 1:
        parts.append(f"strength: {_number(hint.strength)}")
    if hint.limit:
        parts.append("limit: true")
    if hint.spread:
        parts.append(f"spread: {hint.spread}")
    return "{" + ", ".join(parts) + "}"


def _geometry(hint: Hint) -> list[str]:
    match hint:
        case PointHint():
            # ImageJ's points and lines name pixels, see `semcolorize.hints.model`.
            return [f"point: {_numbers((hint.column - 0.5, hint.row - 0.5))}", f"size: {hint.size}"]
        case LineHint():
            path = ", ".join(_numbers((column - 0.5, row - 0.5)) for row, column in hint.path)
            return [f"line: [{path}]", f"width: {_number(hint.width)}"]
        case RegionHint(shape=Rectangle() | Oval() as box):
            kind = "oval" if isinstance(box, Oval) else "rectangle"
            return [f"{kind}: {_numbers((box.left, box.top, box.width, box.height))}"]
        case RegionHint(shape=Polygons(rings=rings)):
            texts = ["[" + ", ".join(_numbers((column, row)) for row, column in ring) + "]" for ring in rings]
            return [f"polygon: {texts[0]}" if len(texts) == 1 else f"rings: [{', '.join(texts)}]"]
        case _:
            raise TypeError(f"{type(hint).__name__} is not a kind of hint")


def _color(lab: Lab) -> str:
    code = NamedColor("", lab).hex
    try:
        exact = parse_color(code) == lab
    except ConfigError:
        exact = False
    return f'"{code}"' if exact else f"{{lab: {_numbers(lab)}}}"


def _numbers(values: Sequence[float]) -> str:
    return f"[{', '.join(_number(value) for value in values)}]"


def _number(value: float) -> str:
    value = float(value)
    return str(int(value)) if value.is_integer() else _pointed(repr(value))


def _pointed(text: str) -> str:
    # YAML 1.1 takes 1e-07 for a word: its numbers have a point.
    mantissa, e, exponent = text.partition("e")
    return text if not e else f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"


def _text(name: str) -> str:
    # A JSON string is a YAML string, too.
    return json.dumps(name, ensure_ascii=False)
