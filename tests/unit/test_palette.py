from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from semcolorize.color.css_colors import CSS_COLORS
from semcolorize.color.deficiency import VISIONS, check_palette, simulate_deficiency
from semcolorize.color.lab import rgb_to_lab
from semcolorize.color.palette import BUILTIN_PALETTES, NamedColor, Palette, parse_color
from semcolorize.errors import ConfigError

GRAIN = "#d1495b"


def test_every_way_to_write_a_color() -> None:
    expected = rgb_to_lab(np.array([0xD1, 0x49, 0x5B]) / 255)
    palette = Palette({"grain": GRAIN})
    for value in (GRAIN, GRAIN.upper(), [0xD1, 0x49, 0x5B], {"lab": expected.tolist()}, "grain"):
        np.testing.assert_allclose(parse_color(value, palette), expected, atol=1e-12)
    np.testing.assert_allclose(parse_color("#abc"), parse_color("#aabbcc"))
    assert parse_color("SeaGreen") == parse_color("sea green") == parse_color("#2e8b57")


def test_gray_is_exactly_neutral() -> None:
    for gray in ("gray", "grey", "#777", [9, 9, 9], "silver", "black", "white"):
        assert parse_color(gray)[1:] == (0.0, 0.0)


def test_css_table() -> None:
    assert len(CSS_COLORS) == 148
    colors = pytest.importorskip("matplotlib.colors").CSS4_COLORS
    assert {name: code.lower() for name, code in colors.items()} == CSS_COLORS


def test_palette_names_come_before_css() -> None:
    palette = Palette({"red": "blue"})
    assert parse_color("red", palette) == parse_color("blue")
    assert parse_color("Red", palette) == parse_color("#f00")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("seagren", "Did you mean seagreen"),
        ("grian", "Did you mean grain"),
        ("#12345", "#rgb and #rrggbb"),
        ("#11223344", "strength: 0.5"),
        ("d1495b", 'Did you mean "#d1495b"'),
        ([1, 2], "three finite numbers"),
        ([1, 2, 256], "from 0 to 255"),
        ([1, 2, float("nan")], "three finite numbers"),
        ([1, 2, "3"], "three finite numbers"),
        ([True, 2, 3], "three finite numbers"),
        ({"lab": [101, 0, 0]}, "L* goes from 0 to 100"),
        ({"lab": [50, 200, 0]}, "a* and b*"),
        ({"lab": "50"}, "{lab: [L, a, b]}"),
        ({"lch": [50, 2, 0]}, "{lab: [L, a, b]}"),
        (None, "Put hex colors in quotes"),
        (7, "not a color"),
        (b"red", "not a color"),
    ],
)
def test_bad_colors(value: object, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_color(value, Palette({"grain": GRAIN}))
    assert told in str(caught.value)


def test_hex_of_a_color_beyond_srgb_keeps_lightness() -> None:
    color = NamedColor("beyond", (70.0, 90.0, -60.0))
    lab = rgb_to_lab(np.array(color.rgb) / 255)
    assert lab[0] == pytest.approx(70, abs=0.5)
    assert NamedColor("grain", parse_color(GRAIN)).hex == GRAIN


def test_palettes_are_ordered_and_merge() -> None:
    first, second = Palette({"b": "red", "a": "blue"}), Palette({"a": "green", "c": "gray"})
    assert list(first) == ["b", "a"]
    both = first | second
    assert list(both) == ["b", "a", "c"]
    assert both["a"].lab == parse_color("green")
    assert first == Palette({"b": "#f00", "a": "#00f"})


def test_builtin_palettes() -> None:
    for name, palette in BUILTIN_PALETTES.items():
        assert Palette.builtin(name) is palette
        assert len(palette) >= 4
    assert Palette.builtin("Okabe_Ito")["vermillion"].hex == "#d55e00"
    with pytest.raises(ConfigError, match="Did you mean okabe-ito"):
        Palette.builtin("okabe-itto")


def test_simulated_deficiency() -> None:
    gray = np.repeat(np.linspace(0, 1, 11)[:, np.newaxis], 3, axis=1)
    for vision in VISIONS:
        np.testing.assert_allclose(simulate_deficiency(gray, vision), gray, atol=1e-6)
    red, green = np.array([0.8, 0.25, 0.2]), np.array([0.45, 0.45, 0.1])
    apart = np.abs(red - green).max()
    assert np.abs(simulate_deficiency(red, "deutan") - simulate_deficiency(green, "deutan")).max() < apart / 2


def test_check_finds_red_against_green() -> None:
    report = check_palette(Palette({"red": "#c02020", "green": "#207020", "blue": "#3060d0"}))
    found = {(pair.first, pair.second, pair.vision) for pair in report.close}
    assert ("red", "green", "normal") not in found
    assert {("red", "green", "protan"), ("red", "green", "deutan")} & found
    assert not report.passed


def test_colors_that_differ_by_lightness_only_are_found() -> None:
    report = check_palette(Palette({"light": {"lab": [80, -30, 20]}, "dark": {"lab": [30, -30, 20]}}))
    assert [pair.vision for pair in report.close][:1] == ["normal"] or len(report.close) == len(VISIONS)
    assert report.smallest["normal"] == pytest.approx(0, abs=1e-6)


def test_our_own_palette_passes_at_any_lightness() -> None:
    for lightness in (45, 60, 75):
        report = check_palette(Palette.builtin("micrograph"), lightness=lightness)
        assert report.passed
        assert min(report.smallest.values()) > 11.5


def test_report_names_grays_and_dulled_colors() -> None:
    report = check_palette(Palette({"stone": "#808488", "yellow": "#ffff00", "keep": "gray"}), lightness=30)
    assert report.near_gray == ("stone", "keep")
    assert dict(report.dulled).keys() == {"yellow"}
    assert not report.passed
    with pytest.raises(ConfigError, match="empty"):
        check_palette(Palette())


def test_palette_loads_nothing_heavy() -> None:
    code = (
        "import sys, semcolorize.color.deficiency, semcolorize.hints.rasterize\n"
        "print([m for m in ('torch', 'click', 'matplotlib', 'yaml', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
