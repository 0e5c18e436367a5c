"""Hints written as YAML are read back as the very same hints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcolorize.color.palette import Palette, parse_color
from semcolorize.errors import ConfigError
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hintfiles.yaml_writing import hints_to_yaml
from semcolorize.hints.model import Hint, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint

coordinate = st.one_of(
    st.integers(0, 8000).map(float), st.integers(1, 64000).map(lambda n: n / 8), st.floats(0.5, 8000, width=32)
)
extent = st.floats(0.125, 3000, width=32)
names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20).filter(
    lambda name: name == name.strip() and name.isprintable()
)
colors = st.one_of(
    st.integers(0, 0xFFFFFF).map(lambda code: parse_color(f"#{code:06x}")),
    st.tuples(st.floats(0, 100), st.floats(-100, 100), st.floats(-100, 100)),
)
place = st.tuples(coordinate, coordinate)
rings = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=5, unique=True)


@st.composite
def hints(draw: st.DrawFn) -> Hint:
    shared = {
        "lab": draw(colors), "name": draw(st.none() | names), "limit": draw(st.booleans()),
        "strength": draw(st.sampled_from([1.0, 0.5, 0.125])),
        "spread": draw(st.sampled_from([None, "alike", "instance"])),
    }  # fmt: skip
    row, column = draw(place)
    match draw(st.sampled_from(["point", "line", "rectangle", "oval", "polygon", "rings"])):
        case "point":
            return PointHint(row=int(row) + 0.5, column=int(column) + 0.5, size=draw(st.integers(1, 1001)), **shared)
        case "line":
            path = tuple((r + 0.5, c + 0.5) for r, c in [(row, column), (row + 3.25, column)])
            path = tuple((round(r * 8) / 8, round(c * 8) / 8) for r, c in path)
            return LineHint(path=path, width=draw(extent), **shared)
        case "rectangle":
            return RegionHint(shape=Rectangle(row, column, draw(extent), draw(extent)), **shared)
        case "oval":
            return RegionHint(shape=Oval(row, column, draw(extent), draw(extent)), **shared)
        case "polygon":
            ring = ((row, column), (row + 9, column), (row, column + 7.5))
            return RegionHint(shape=Polygons((ring,)), **shared)
        case _:
            outer = ((row, column), (row + 9, column), (row, column + 9))
            inner = ((row + 1, column + 1), (row + 2, column + 1), (row + 1, column + 2))
            return RegionHint(shape=Polygons((outer, inner)), **shared)


@given(st.lists(hints(), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_back(given: list[Hint]) -> None:
    import tempfile

    palette = Palette({hint.name: {"lab": list(hint.lab)} for hint in given if hint.name})
    # A color of the palette is Lab as written; one that was computed may lie off by its last bit.
    for known in (None, palette):
        text = hints_to_yaml(given, known, comment="Hints\non an image")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "h.yaml"
            path.write_text(text, encoding="utf-8")
            again = read_hints(path)
        assert len(again) == len(given)
        for one, other in zip(given, again, strict=True):
            # Without a name, a color that CSS knows has none either: it is written as its code.
            assert replace(other, origin="", name=one.name) == one, text
            assert one.name is None or unchanged(one.name) == unchanged(other.name or "")
        assert known is None or list(again.palette) == list(known)


def unchanged(name: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", name)


def test_an_outline_of_rings_has_holes(tmp_path: Path) -> None:
    path = tmp_path / "h.yaml"
    path.write_text("hints:\n  - {rings: [[[0, 0], [9, 0], [9, 9]], [[5, 2], [7, 2], [7, 4]]], color: red}\n")
    (hint,) = read_hints(path)
    assert isinstance(hint, RegionHint) and isinstance(hint.shape, Polygons) and len(hint.shape.rings) == 2
    for wrong, words in [
        ("[]", "at least 1"), ("[[[0, 0], [1, 1]]]", "at least 3"), ("[[[0, 0], [1, 1], [2, 2]]]", "no area"),
    ]:  # fmt: skip
        path.write_text(f"hints:\n  - {{rings: {wrong}, color: red}}\n")
        with pytest.raises(ConfigError, match=words):
            read_hints(path)
