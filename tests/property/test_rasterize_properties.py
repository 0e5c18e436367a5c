"""What must hold for every hint, against slow but plain definitions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from semcolorize.errors import HintError
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hintfiles.rois import hints_from_rois
from semcolorize.hints.model import Hint, LineHint, Oval, PointHint, Polygons, Rectangle, RegionHint
from semcolorize.hints.rasterize import hint_area, rasterize

SHAPE = (24, 32)
LAB = (53.0, 40.0, -20.0)

# Quarters make ties at pixel centers common, and are exact in single precision.
coordinates = st.integers(-40, 160).map(lambda quarter: quarter / 4)
sizes = st.integers(1, 120).map(lambda quarter: quarter / 4)
vertices = st.tuples(coordinates, coordinates)
rings = st.lists(vertices, min_size=3, max_size=9).map(tuple)
shapes = st.one_of(
    st.builds(Rectangle, coordinates, coordinates, sizes, sizes),
    st.builds(Oval, coordinates, coordinates, sizes, sizes),
    st.lists(rings, min_size=1, max_size=3).map(lambda found: Polygons(tuple(found))),
)
strengths = st.integers(1, 255).map(lambda alpha: alpha / 255)
names = st.one_of(st.none(), st.text("abcäβ -_.*", min_size=1, max_size=12))
hints = st.one_of(
    st.builds(
        RegionHint, lab=st.just(LAB), shape=shapes, strength=strengths, name=names, limit=st.booleans()
    ),
    st.builds(
        PointHint, lab=st.just(LAB), row=coordinates, column=coordinates, size=st.integers(1, 15), name=names
    ),
    st.builds(
        LineHint, lab=st.just(LAB), path=st.lists(vertices, min_size=2, max_size=5).map(tuple), width=sizes
    ),
)


def area(hint: Hint) -> np.ndarray:
    try:
        return hint_area(hint, SHAPE)
    except HintError:
        return np.zeros(SHAPE, dtype=bool)


def plain_even_odd(polygons: Polygons) -> np.ndarray:
    """Count crossings to the left of every pixel center, one by one, in exact fractions.

    A vertex at a row's center belongs to the row below, and edges are moved 1e-8 to the right, as in ImageJ.
    """
    mask = np.zeros(SHAPE, dtype=bool)
    half = Fraction(1, 2)
    exact = [[(Fraction(y), Fraction(x)) for y, x in ring] for ring in polygons.rings]
    for row in range(SHAPE[0]):
        y = row + half
        crossings = []
        for ring in exact:
            for (y1, x1), (y2, x2) in zip(ring, (*ring[1:], ring[0]), strict=True):
                if (y1 < y) != (y2 < y):
                    crossings.append(x1 + (y - y1) * (x2 - x1) / (y2 - y1) + Fraction(1, 10**8))
        for column in range(SHAPE[1]):
            mask[row, column] = sum(crossing <= column + half for crossing in crossings) % 2 == 1
    return mask


@settings(max_examples=60, deadline=None)
@given(st.lists(rings, min_size=1, max_size=3))
@example([((0.0, 0.0), (-0.25, 0.0), (0.5, 6.5))])
@example([((0.0, 0.0), (0.5, 0.0), (0.5, 0.5))])
@example([((0.5, 0.5), (0.5, 2.5), (2.5, 2.5), (2.5, 0.5))])
def test_polygons_are_filled_even_odd(found: list[tuple[tuple[float, float], ...]]) -> None:
    polygons = Polygons(tuple(found))
    ours = area(RegionHint(lab=LAB, shape=polygons))
    np.testing.assert_array_equal(ours, plain_even_odd(polygons))


@settings(max_examples=100, deadline=None)
@given(rings, st.integers(0, 8))
def test_start_and_direction_of_a_ring_do_not_matter(
    ring: tuple[tuple[float, float], ...], turn: int
) -> None:
    turn %= len(ring)
    other = (ring[turn:] + ring[:turn])[::-1]
    np.testing.assert_array_equal(
        area(RegionHint(lab=LAB, shape=Polygons((ring,)))),
        area(RegionHint(lab=LAB, shape=Polygons((other,)))),
    )


@settings(max_examples=150, deadline=None)
@given(hints, st.integers(0, 12), st.integers(0, 12))
def test_a_crop_of_the_area_is_the_area_in_the_crop(hint: Hint, height: int, width: int) -> None:
    whole = area(hint)
    cut = (SHAPE[0] - height, SHAPE[1] - width)
    try:
        cropped = hint_area(hint, cut)
    except HintError:
        cropped = np.zeros(cut, dtype=bool)
    np.testing.assert_array_equal(cropped, whole[: cut[0], : cut[1]])


@settings(max_examples=150, deadline=None)
@given(hints, st.integers(1, 9), st.integers(1, 9))
def test_moving_by_whole_pixels_moves_the_area(hint: Hint, down: int, right: int) -> None:
    match hint:
        case RegionHint(shape=Rectangle() | Oval()):
            # ImageJ truncates corners toward 0, so that boxes do not move evenly across the border.
            return
        case RegionHint(shape=Polygons(rings=found)):
            moved: Hint = RegionHint(
                lab=LAB,
                shape=Polygons(tuple(tuple((y + down, x + right) for y, x in ring) for ring in found)),
            )
        case PointHint():
            moved = PointHint(lab=LAB, row=hint.row + down, column=hint.column + right, size=hint.size)
        case LineHint():
            moved = LineHint(
                lab=LAB, path=tuple((y + down, x + right) for y, x in hint.path), width=hint.width
            )
    expected = np.zeros(SHAPE, dtype=bool)
    expected[down:, right:] = area(hint)[: SHAPE[0] - down, : SHAPE[1] - right]
    np.testing.assert_array_equal(area(moved)[down:, right:], expected[down:, right:])


@settings(max_examples=80, deadline=None)
@given(st.lists(hints, min_size=1, max_size=5))
def test_owners_strengths_and_overlaps_add_up(found: list[Hint]) -> None:
    inside = [hint for hint in found if area(hint).any()]
    result = rasterize(inside, SHAPE)
    lost = {
        i: sum(overlap.pixels for overlap in result.overlaps if overlap.earlier == i)
        for i in range(len(inside))
    }
    for i, hint in enumerate(inside):
        owned = result.index == i
        assert owned.sum() + lost[i] == area(hint).sum()
        np.testing.assert_allclose(result.strength[owned], hint.strength, rtol=1e-6)
    np.testing.assert_array_equal(
        result.hint_mask, np.any([area(hint) for hint in inside], axis=0) if inside else False
    )


@settings(max_examples=150, deadline=None)
@given(hints)
def test_hints_survive_imagejs_format(hint: Hint) -> None:
    rois = [("", type(roi).frombytes(roi.tobytes())) for roi in hints_to_rois([hint])]
    (again,), skipped = hints_from_rois(rois)
    assert not skipped
    np.testing.assert_array_equal(area(again), area(hint))
    assert type(again) is type(hint)
    assert again.name == hint.name
    assert again.limit == hint.limit
    np.testing.assert_allclose(again.strength, hint.strength)
    np.testing.assert_allclose(again.lab, LAB, atol=0.6)
    if isinstance(hint, PointHint) and isinstance(again, PointHint):
        assert (again.row, again.column, again.size) == (hint.row, hint.column, hint.size)
    if isinstance(hint, LineHint) and isinstance(again, LineHint):
        assert (again.path, again.width) == (hint.path, max(hint.width, 1))
