"""Hints as plain Python data, and colors as Python's libraries write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semcolorize.color.palette import parse_color
from semcolorize.errors import ConfigError, HintError
from semcolorize.hintfiles.yaml_hints import hints_from_entries, read_hints
from semcolorize.hints.model import HintSet, PointHint, Polygons, RegionHint
from semcolorize.hints.rasterize import check_hints, rasterize

RED = parse_color("#ff0000")


@pytest.mark.parametrize(
    ("fraction", "hexed"),
    [
        ([1.0, 0.0, 0.0], "#ff0000"),
        ([0.2, 0.4, 0.6], "#336699"),
        ((0.0, 0.0, 1.0), "#0000ff"),
        ([200.0, 100.0, 50.0], "#c86432"),
        ([0, 0, 0], "#000000"),
    ],
)
def test_fractions_are_colors(fraction: list[float], hexed: str) -> None:
    assert parse_color(fraction) == pytest.approx(parse_color(hexed), abs=1e-9)


@pytest.mark.parametrize("value", [[1, 0, 0], [0, 1, 1], [0.5, 200, 3], [0.5, 0.5, 2]])
def test_what_could_be_either_is_refused(value: list[float]) -> None:
    with pytest.raises(ConfigError, match="for sure"):
        parse_color(value)


def test_entries_are_those_of_a_hints_file(tmp_path: Path) -> None:
    entries = [
        {"point": (12, 9), "color": "red", "size": 5},
        {"polygon": np.array([[1, 1], [9, 1], [9, 9]]), "color": (0.2, 0.4, 0.6), "name": "facet"},
        {"line": [[1, 1], [np.float32(8), 8]], "color": "#00ff00", "width": np.int64(3)},
    ]
    made = hints_from_entries(entries)
    (tmp_path / "h.yaml").write_text(
        "hints:\n  - {point: [12, 9], color: red, size: 5}\n"
        "  - {polygon: [[1, 1], [9, 1], [9, 9]], color: [0.2, 0.4, 0.6], name: facet}\n"
        '  - {line: [[1, 1], [8, 8]], color: "#00ff00", width: 3}\n'
    )
    read = read_hints(tmp_path / "h.yaml")
    drawn = [rasterize(hints, (20, 20)) for hints in (made, read)]
    assert (drawn[0].index == drawn[1].index).all() and (drawn[0].hint_ab == drawn[1].hint_ab).all()
    assert [hint.name for hint in made] == [hint.name for hint in read]
    assert not made.source and not made.files


def test_faults_name_the_entry() -> None:
    with pytest.raises(ConfigError) as caught:
        hints_from_entries([{"point": [1, 1], "color": "red"}, {"point": [1], "color": "red"}, {"spot": 3}])
    told = str(caught.value)
    assert "hints:2" in told and "hints:3" in told and "hints:1:" not in told


def speck(row: float, column: float) -> RegionHint:
    ring = ((row + 0.1, column + 0.1), (row + 0.1, column + 0.2), (row + 0.2, column + 0.1))
    return RegionHint(lab=RED, shape=Polygons((ring,)), origin="cells.zip: speck")


def test_specks_stop_nothing() -> None:
    point = PointHint(lab=RED, row=5, column=5)
    drawn = rasterize([speck(3, 3), point, speck(8, 8)], (20, 20))
    assert drawn.empty == (0, 2) and set(np.unique(drawn.index)) == {-1, 1}
    check_hints(HintSet(hints=(speck(3, 3), point)), (20, 20))
    for only in ([speck(3, 3)], [speck(3, 3), speck(8, 8)]):
        with pytest.raises(HintError, match="covers no pixel"):
            rasterize(only, (20, 20))
    with pytest.raises(HintError, match="outside the image"):
        rasterize([point, PointHint(lab=RED, row=500, column=5)], (20, 20))


def test_sets_fit_a_line() -> None:
    hints = HintSet(hints=tuple(PointHint(lab=RED, row=i, column=5, name=f"class {i % 7}") for i in range(300)))
    assert len(repr(hints)) < 120 and repr(hints).startswith("HintSet(300 hints; class 0 43")
    assert repr(HintSet()) == "HintSet(0 hints)"
