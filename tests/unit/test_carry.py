"""Labels carried from a labeled view to one that shows the same places."""

import numpy as np
import pytest

from semcolorize.inference import carry
from semcolorize.inference.carry import carry_labels
from semcolorize.micrograph.registration import Registration


def shifted(shape, columns, confidence=1.0):
    """A registration that says: what is here was seen so many columns further left."""
    rows, across = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return Registration(np.stack([rows, across - columns], axis=-1), np.full(shape, confidence, np.float32), 50)


def series(columns=8):
    """Two views; the first is hinted and wholly labeled: the left third label 1, the right third label 2, else none."""
    first = np.zeros((3, 2, 48, 96), np.float32)
    first[0, 0, 20:24, 8:12], first[1, 1, 20:24, 80:84] = 1, 1
    chances = np.zeros((3, 48, 96), np.float32)
    chances[1, :, :32], chances[2, :, 64:], chances[0, :, 32:64] = 1, 1, 1
    return [first, np.zeros_like(first)], chances


def test_labels_arrive_where_the_registration_says_with_their_spread(monkeypatch):
    marks, chances = series()
    monkeypatch.setattr(carry, "match_views", lambda lightness, hinted: {1: (shifted((48, 96), 8), 0)})
    made, matches = carry_labels([np.zeros((48, 96))] * 2, marks, lambda places: [chances for _ in places])
    np.testing.assert_array_equal(made[0], marks[0])
    one, two, none = (np.argwhere(made[1][k].sum(axis=0) > 0) for k in range(3))
    assert len(one) and one[:, 1].max() < 40 and len(two) and two[:, 1].min() >= 72
    assert len(none) and none[:, 1].min() >= 40 and none[:, 1].max() < 72
    # All alike for the first, single objects for the second, as their hints.
    assert made[1][0, 1].sum() == 0 == made[1][1, 0].sum()
    assert matches[0] is None and matches[1] == {"with_view": 1, "share": 1.0, "features": 50}


@pytest.mark.parametrize(("confidence", "chance"), [(0.3, 1.0), (1.0, 0.7)])
def test_what_is_not_sure_is_not_carried(monkeypatch, confidence, chance):
    marks, chances = series()
    found = {1: (shifted((48, 96), 8, confidence), 0)}
    monkeypatch.setattr(carry, "match_views", lambda lightness, hinted: found)
    made, _ = carry_labels([np.zeros((48, 96))] * 2, marks, lambda places: [chance * chances for _ in places])
    assert not made[1].any()


def test_nothing_is_carried_where_every_view_has_hints_or_none():
    marks, chances = series()
    for given in ([marks[0], marks[0]], [marks[1], marks[1]]):
        made, matches = carry_labels([np.zeros((48, 96))] * 2, given, lambda places: [chances for _ in places])
        assert made == given and matches == [None, None]
