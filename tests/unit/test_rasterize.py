from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
import pytest

from semcolorize.errors import HintError, ShapeError
from semcolorize.hints.model import (
    Hint,
    HintSet,
    LineHint,
    Oval,
    PointHint,
    Polygons,
    Rectangle,
    RegionHint,
)
from semcolorize.hints.rasterize import Overlap, hint_area, hint_window, rasterize

RED = (50.0, 60.0, 40.0)
GRAY = (50.0, 0.0, 0.0)


def region(shape: Rectangle | Oval | Polygons, lab: tuple[float, float, float] = RED, **more: object) -> Hint:
    return RegionHint(lab=lab, shape=shape, **more)  # type: ignore[arg-type]


def ring(*vertices: tuple[float, float]) -> Polygons:
    return Polygons((vertices,))


def pixels(mask: np.ndarray) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in np.argwhere(mask)}


def block(rows: Iterable[int], columns: Iterable[int]) -> set[tuple[int, int]]:
    return {(row, column) for row in rows for column in columns}


def test_point_is_a_centered_square() -> None:
    hint = PointHint(lab=RED, row=10.5, column=20.5, size=5)
    assert pixels(hint_area(hint, (40, 40))) == block(range(8, 13), range(18, 23))
    one = PointHint(lab=RED, row=10.99, column=20.0, size=1)
    assert pixels(hint_area(one, (40, 40))) == {(10, 20)}


def test_point_is_clipped_at_the_border() -> None:
    hint = PointHint(lab=RED, row=0.5, column=39.5, size=7)
    assert pixels(hint_area(hint, (40, 40))) == block(range(0, 4), range(36, 40))


def test_subpixel_rectangles_lie_where_imagej_puts_them() -> None:
    # Corner truncated, size rounded up: ImageJ's rule, not that of pixel centers.
    hint = region(Rectangle(3.9, 5.2, 2.1, 1.0))
    assert pixels(hint_area(hint, (20, 20))) == block(range(3, 6), range(5, 6))


def test_oval_is_imagejs_formula() -> None:
    mask = hint_area(region(Oval(0, 0, 5, 5)), (5, 5))
    assert ["".join("#" if on else "." for on in row) for row in mask] == [
        ".###.",
        "#####",
        "#####",
        "#####",
        ".###.",
    ]


def test_centers_on_edges_belong_to_one_side() -> None:
    left = ring((1.5, 1.5), (1.5, 4.5), (4.5, 4.5), (4.5, 1.5))
    right = ring((1.5, 4.5), (1.5, 7.5), (4.5, 7.5), (4.5, 4.5))
    a, b = (hint_area(region(shape), (9, 9)) for shape in (left, right))
    assert a.sum() == b.sum() == 9
    assert not (a & b).any()


def test_rings_inside_rings_are_holes() -> None:
    outer = ((2.0, 2.0), (2.0, 10.0), (10.0, 10.0), (10.0, 2.0))
    inner = ((4.0, 4.0), (4.0, 8.0), (8.0, 8.0), (8.0, 4.0))
    mask = hint_area(region(Polygons((outer, inner))), (12, 12))
    assert pixels(mask) == block(range(2, 10), range(2, 10)) - block(range(4, 8), range(4, 8))


def test_lines_have_their_width() -> None:
    level = LineHint(lab=RED, path=((5.5, 2.5), (5.5, 8.5)), width=3)
    assert pixels(hint_area(level, (12, 12))) == block(range(4, 7), range(2, 9))
    dot = LineHint(lab=RED, path=((5.5, 2.5), (5.5, 2.5)), width=1)
    assert pixels(hint_area(dot, (12, 12))) == {(5, 2)}
    bent = LineHint(lab=RED, path=((2.5, 2.5), (2.5, 9.5), (2.5, 9.5), (9.5, 9.5)), width=1)
    assert hint_area(bent, (12, 12))[2, 2:10].all()
    assert hint_area(bent, (12, 12))[2:10, 9].all()


def test_later_hints_win_and_overlaps_are_reported() -> None:
    hints = [
        region(Rectangle(0, 0, 4, 4)),
        region(Rectangle(2, 2, 4, 4), GRAY, strength=0.5),
        PointHint(lab=RED, row=3.5, column=3.5, size=3),
    ]
    result = rasterize(hints, (8, 8))
    assert result.overlaps == (Overlap(0, 1, 4), Overlap(1, 2, 9))
    assert result.index[0, 0] == 0
    assert result.index[5, 5] == 1
    assert result.index[3, 3] == 2
    assert result.index[7, 7] == -1
    assert result.hint_mask.dtype == bool
    assert result.hint_mask[5, 5]
    np.testing.assert_array_equal(result.hint_ab[5, 5], (0, 0))
    np.testing.assert_array_equal(result.hint_ab[3, 3], (60, 40))
    assert result.strength[5, 5] == 0.5
    assert result.strength[7, 7] == 0
    assert (result.hint_ab.dtype, result.strength.dtype, result.index.dtype) == (
        np.float32,
        np.float32,
        np.int32,
    )
    np.testing.assert_array_equal(result.hint_mask, result.index >= 0)


def test_no_hints() -> None:
    result = rasterize((), (3, 5))
    assert result.hint_ab.shape == (3, 5, 2)
    assert not result.hint_mask.any()
    assert (result.index == -1).all()


def test_outside_says_where_and_asks_why() -> None:
    hints = [
        PointHint(lab=RED, row=3, column=3),
        PointHint(lab=RED, row=4, column=4),
        PointHint(lab=RED, name="particle", origin="cells.zip", row=2210.5, column=40),
    ]
    with pytest.raises(HintError) as caught:
        rasterize(hints, (1536, 2048))
    assert str(caught.value) == (
        'hint 3 ("particle", cells.zip) lies outside the image: row 2210, the image has rows 0-1535. '
        "Was it drawn on the uncropped scan?"
    )
    assert caught.value.hint_index == 2
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (Rectangle(20, 0, 5, 5), "row 20, the image has rows 0-19"),
        (Rectangle(-9, 0, 5, 5), "row -5, the image has rows 0-19"),
        (Oval(0, 31, 5, 5), "column 31, the image has columns 0-29"),
        (ring((0, -9), (5, -9), (5, -3)), "column -4, the image has columns 0-29"),
    ],
)
def test_outside_on_every_side(shape: Rectangle | Oval | Polygons, told: str) -> None:
    with pytest.raises(HintError, match=told):
        hint_area(region(shape), (20, 30))


def test_all_hints_outside_are_told_at_once() -> None:
    hints = [PointHint(lab=RED, row=99, column=3), PointHint(lab=RED, row=3, column=99)]
    with pytest.raises(HintError) as caught:
        rasterize(hints, (20, 20))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (region(ring((1.6, 1.6), (1.9, 1.6), (1.9, 1.9))), "covers no pixel"),
        (region(Rectangle(1, 1, 0, 5)), "no area"),
        (region(Polygons(())), "no usable outline"),
        (region(ring((0, 0), (float("nan"), 5), (5, 5))), "no usable outline"),
        (region(ring((0, 0), (float("inf"), 5), (5, 5))), "no usable outline"),
        (PointHint(lab=RED, row=float("nan"), column=2), "no usable outline"),
        (PointHint(lab=RED, row=2, column=2, strength=0), "strength 0"),
        (Hint(lab=RED), "unknown kind"),
    ],
)
def test_unusable_hints(hint: Hint, told: str) -> None:
    with pytest.raises(HintError, match=told):
        hint_area(hint, (20, 20))


@pytest.mark.parametrize("shape", [(0, 5), (5,), (5, 5, 3)])
def test_bad_image_sizes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        rasterize((), shape)  # type: ignore[arg-type]


def test_fractions_are_scaled_to_the_image() -> None:
    hints = HintSet(
        hints=(region(Rectangle(0.25, 0.5, 0.5, 0.25)), PointHint(lab=RED, row=0.05, column=0.95, size=1)),
        coordinates="fraction",
    )
    result = rasterize(hints, (40, 80))
    assert pixels(result.index == 0) == block(range(10, 30), range(40, 60))
    assert pixels(result.index == 1) == {(2, 76)}


def test_huge_coordinates_cost_nothing() -> None:
    big = ring((-1e30, -1e30), (-1e30, 1e30), (1e30, 1e30), (1e30, -1e30))
    assert hint_area(region(big), (30, 30)).all()


def test_a_large_image_is_quick() -> None:
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    hints: list[Hint] = []
    for _ in range(200):
        center = rng.uniform((50, 50), (4000, 6000))
        radius = rng.uniform(10, 60) * (1 + 0.2 * rng.standard_normal(len(angles)))
        path = center[:, np.newaxis] + radius * np.stack([np.sin(angles), np.cos(angles)])
        hints.append(region(ring(*map(tuple, path.T.tolist()))))
    start = time.perf_counter()
    rows, columns, mask = hint_window(hints[0], (4096, 6144))
    assert mask.shape == (rows.stop - rows.start, columns.stop - columns.start)
    assert max(mask.shape) < 300
    result = rasterize(hints, (4096, 6144))
    # About 1.5 s on one core; the bound is for busy machines.
    assert time.perf_counter() - start < 15
    assert result.hint_mask.any()
