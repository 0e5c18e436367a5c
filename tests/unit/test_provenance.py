"""Provenance, legend and the methods sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semcolorize.color.gamut import compress_chroma
from semcolorize.color.palette import parse_color
from semcolorize.errors import ShapeError
from semcolorize.hints.model import Hint, HintSet, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint
from semcolorize.micrograph.legend import GRAY_NAME, OTHER_NAME, LegendEntry, legend, legend_picture, legend_text
from semcolorize.micrograph.provenance import hint_record, methods_sentence, provenance_of
from semcolorize.micrograph.reading import micrograph_from_array, read_micrograph

RED, GREEN, GRAY = (parse_color(color) for color in ("#d1495b", "seagreen", "gray"))


def hints() -> tuple[Hint, ...]:
    return (
        PointHint(lab=RED, name="grain", row=3.5, column=4.5, size=9, origin="a.yaml:3"),
        PointHint(lab=RED, name="grain", row=13.5, column=4.5),
        RegionHint(lab=GREEN, name="wall", shape=Oval(1, 2, 3, 4), limit=True),
        RegionHint(lab=GREEN, shape=Rectangle(1, 2, 3, 4), strength=0.5),
        RegionHint(lab=GREEN, shape=Polygons((((0, 0), (0, 5), (5, 5)),))),
        LineHint(lab=GRAY, name="keep", path=((1, 2), (3, 4)), width=3),
    )


def test_records_of_every_kind() -> None:
    records = [hint_record(hint) for hint in hints()]
    kinds = [record["kind"] for record in records]
    assert kinds == ["point", "point", "oval", "rectangle", "polygon", "line"]
    assert records[0]["color"] == "#d1495b"
    assert (records[0]["row"], records[0]["column"], records[0]["size"]) == (3.5, 4.5, 9)
    assert records[0]["origin"] == "a.yaml:3"
    assert records[2]["limit"] is True
    assert records[3]["strength"] == 0.5
    assert records[4]["rings"] == [[[0, 0], [0, 5], [5, 5]]]
    assert records[5]["path"] == [[1, 2], [3, 4]]
    json.dumps(records)


def test_provenance_is_json_and_repeatable(tmp_path: Path) -> None:
    from PIL import Image

    deep = np.random.default_rng(0).integers(0, 60000, (40, 50)).astype(np.uint16)
    (tmp_path / "someone's folder").mkdir()
    path = tmp_path / "someone's folder" / "grain µ.png"
    Image.fromarray(deep).save(path)
    micrograph = read_micrograph(path)
    marks = HintSet(hints=hints(), files=((str(tmp_path / "h.yaml"), "cd" * 32),))

    def make() -> str:
        return provenance_of(
            micrograph,
            marks,
            weights_name="default",
            weights_sha256="ab" * 32,
            device="cpu",
            seed=7,
            settings={"fill": "gray", "num_steps": 4},
            databar_row=38,
            legend=[LegendEntry("grain", "#d1495b", 0.25, 2)],
        ).to_json()

    assert make() == make()
    record = json.loads(make())
    assert record["software"] == "semcolorize"
    assert record["input_name"] == "grain µ.png"
    assert "someone" not in make()
    assert record["input_sha256"] == micrograph.sha256
    assert record["hint_files"] == [["h.yaml", "cd" * 32]]
    assert record["weights_sha256"] == "ab" * 32
    assert record["seed"] == 7
    assert len(record["hints"]) == 6
    assert record["databar_row"] == 38
    assert record["clipped"] == list(micrograph.clipped)
    assert record["legend"][0] == {"name": "grain", "color": "#d1495b", "share": 0.25, "hints": 2}
    assert {"python", "torch", "numpy", "tifffile"} <= record["versions"].keys()
    assert "created" not in record
    said = ("abababababab", "no generative step", "6 color hints", "L*", "a* and b*", "0.1-99.9 percentiles")
    for part in (*said, "data bar"):
        assert part in record["methods"], part


def test_methods_sentence_of_the_simplest_case() -> None:
    micrograph = micrograph_from_array(np.arange(64, dtype=np.uint8).reshape(8, 8))
    provenance = provenance_of(
        micrograph, weights_name="compact", weights_sha256="0" * 64, device="cpu", seed=0, created="2026-01-01"
    )
    sentence = methods_sentence(provenance)
    assert "without color hints" in sentence
    assert "Gray values from 0 to 255" in sentence
    assert "data bar" not in sentence
    assert "%" not in sentence
    assert json.loads(provenance.to_json())["created"] == "2026-01-01"
    one = provenance_of(micrograph, hints()[:1], weights_name="c", weights_sha256="0" * 64, device="cpu", seed=0)
    assert "1 color hint set" in methods_sentence(one)


def painted() -> tuple[np.ndarray, np.ndarray]:
    """Rows 0-9 red, 10-14 green, the rest gray, over a lightness ramp."""
    lightness = np.repeat(np.linspace(15, 90, 50, dtype=np.float32)[None], 40, axis=0)
    ab = np.zeros((40, 50, 2), np.float32)
    ab[:10], ab[10:15] = RED[1:], GREEN[1:]
    return lightness, ab


@pytest.mark.parametrize("compressed", [False, True])
def test_shares(compressed: bool) -> None:
    lightness, ab = painted()
    if compressed:
        ab = compress_chroma(lightness, ab)
    entries = legend(hints(), ab, lightness)
    assert [(entry.name, entry.hints) for entry in entries] == [
        ("grain", 2), ("wall", 1), ("#2e8b57", 2), ("keep", 1)
    ]  # fmt: skip
    shares = [entry.share for entry in entries]
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == pytest.approx(0.25, abs=0.01)
    # Two classes of one color: the first has the area.
    assert shares[1] == pytest.approx(0.125, abs=0.01)
    assert shares[2] == 0
    assert shares[3] == pytest.approx(0.625, abs=0.01)
    assert entries[0].color == "#d1495b"


def test_gray_and_other_colors_have_their_entries() -> None:
    lightness, ab = painted()
    ab[30:] = (0, -50)
    entries = {entry.name: entry for entry in legend(hints()[:1], ab, lightness, other_distance=20)}
    assert list(entries) == ["grain", GRAY_NAME, OTHER_NAME]
    assert entries[OTHER_NAME].share == pytest.approx(0.25 + 0.125, abs=0.01)
    assert entries[GRAY_NAME].share == pytest.approx(0.375, abs=0.01)
    plain = legend((), ab, lightness)
    assert [entry.name for entry in plain] == [GRAY_NAME]
    assert plain[0].share == 1


def test_black_counts_as_gray() -> None:
    ab = np.full((9, 9, 2), 0.0, np.float32)
    entries = legend(hints()[:1], ab, np.zeros((9, 9), np.float32))
    assert [entry.share for entry in entries] == [0, 1]


def test_wrong_shapes() -> None:
    with pytest.raises(ShapeError, match="do not fit"):
        legend((), np.zeros((3, 4, 2)), np.zeros((4, 3)))


def test_text_and_picture() -> None:
    lightness, ab = painted()
    entries = legend(hints()[:3], ab, lightness, other_distance=20)
    text = legend_text(entries)
    assert "#d1495b  grain: 25.0%, 2 hints" in text
    picture = legend_picture(entries)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    colors = {tuple(color) for color in picture.reshape(-1, 3).tolist()}
    assert {(0xD1, 0x49, 0x5B), (0x2E, 0x8B, 0x57), (128, 128, 128), (255, 255, 255)} <= colors
    np.testing.assert_array_equal(picture, legend_picture(entries))
    small = legend_picture([LegendEntry("x" * 500, "#ffffff", 1e-5, 1)], font_size=12)
    assert small.shape[1] < 900
    assert legend_picture([]).size > 0
    many = [LegendEntry(f"hint {i}", "#d1495b", i / 19900, 1) for i in range(200)]
    assert legend_picture(many).shape[0] < 1.1 * legend_picture(many[-40:]).shape[0]
