"""Matching cells with hinted cells: inks are taken, not invented, and only from what was hinted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semcolorize.network.matching import MARKS, HintMatching, InkMixing, Likeness, choose_marks


def matching(heads: int = 3, seed: int = 0) -> HintMatching:
    torch.manual_seed(seed)
    return HintMatching(8, heads).eval()


def hinted(places: list[int], inks: list[tuple[float, float]], side: int = 6) -> tuple[torch.Tensor, ...]:
    plane, seeds = torch.zeros(1, 2, side * side), torch.zeros(1, 1, side * side)
    for place, ink in zip(places, inks, strict=True):
        plane[0, :, place], seeds[0, 0, place] = torch.tensor(ink), 1.0
    shape = (side, side)
    return plane.unflatten(2, shape), seeds.unflatten(2, shape), torch.tensor([places + [-1] * 4])


@torch.no_grad()
def test_one_hint_gives_its_ink_times_how_alike_a_cell_is():
    found = matching()(torch.randn(1, 8, 6, 6), *hinted([7], [(0.5, -0.25)])).unflatten(1, (3, 2))
    share = found[:, :, 0] / 0.5
    assert (share > 0).all()
    assert (share < 1).all()
    torch.testing.assert_close(found[:, :, 1], share * -0.25)


@torch.no_grad()
def test_without_hints_nothing_is_found():
    found = matching()(torch.randn(1, 8, 6, 6), *hinted([], []))
    assert found.shape == (1, 6, 6, 6)
    assert not found.any()


@torch.no_grad()
def test_inks_are_mixed_linearly_whatever_their_hue():
    module, features = matching(), torch.randn(1, 8, 6, 6)
    inks, seeds, marks = hinted([3, 20], [(0.5, 0.0), (-0.2, 0.4)])
    turned = torch.stack([-inks[:, 1], inks[:, 0]], dim=1)
    once = module(features, inks, seeds, marks).unflatten(1, (3, 2))
    twice = module(features, 2 * turned, seeds, marks).unflatten(1, (3, 2))
    torch.testing.assert_close(twice, 2 * torch.stack([-once[:, :, 1], once[:, :, 0]], dim=2))


@torch.no_grad()
def test_like_features_find_their_hint():
    module = matching(heads=1)
    module.query.weight.copy_(20 * torch.eye(16, 8))
    module.key.weight.copy_(20 * torch.eye(16, 8))
    features = torch.zeros(1, 8, 6, 6)
    features[:, 0, :, :3], features[:, 1, :, 3:] = 1.0, 1.0
    found = module(features, *hinted([6, 11], [(1.0, 0.0), (0.0, 1.0)]))
    torch.testing.assert_close(found[0, 0, :, :3], torch.ones(6, 3), atol=0.01, rtol=0)
    torch.testing.assert_close(found[0, 1, :, 3:], torch.ones(6, 3), atol=0.01, rtol=0)


@torch.no_grad()
def test_hints_are_shared_in_a_series_and_not_beyond():
    module, features = matching(), torch.randn(4, 8, 6, 6)
    parts = [hinted([7], [(0.5, 0.5)]), *[hinted([], [])] * 3]
    marks = torch.stack([torch.nn.functional.pad(p[2][0], (0, 5 - p[2].shape[1]), value=-1) for p in parts])
    inks, seeds = torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])
    found = module(features, inks, seeds, marks, 2)
    assert (found[1] > 0).all()
    assert not found[2:].any()


@torch.no_grad()
def test_mixing_begins_with_what_was_matched_and_what_walked():
    torch.manual_seed(0)
    mixing = InkMixing(8, 2).eval()
    torch.nn.init.zeros_(mixing.shares.weight)
    walked = torch.randn(1, 4, 6, 6)
    hints = hinted([7], [(0.5, -0.25)])
    features = torch.randn(1, 8, 6, 6)
    offered = mixing(features, hints, walked)
    matched = mixing.matching(features, *hints).unflatten(1, (2, 2)).mean(dim=1)
    torch.testing.assert_close(offered[:, :2], matched)
    torch.testing.assert_close(offered[:, 2:], walked[:, :2])


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_marks_are_hinted_cells_each_once(seed, density):
    seeds = np.random.default_rng(seed).random((20, 30)) < density
    marks = choose_marks(seeds, 64)
    chosen = marks[marks >= 0]
    assert len(marks) == max(len(chosen), 1)
    assert len(np.unique(chosen)) == len(chosen) == min(seeds.sum(), 64)
    assert seeds.ravel()[chosen].all()


@pytest.mark.parametrize("size", [5, 40, 90])
def test_a_large_hint_does_not_crowd_out_small_ones(size):
    seeds = np.zeros((100, 100), bool)
    seeds[:size, :size] = True
    seeds[95, 2::10] = True
    marks = choose_marks(seeds)
    assert set(np.flatnonzero(seeds.ravel() & (np.arange(10000) >= 9500))) <= set(marks)
    assert (marks >= 0).sum() == min(MARKS, seeds.sum())


@torch.no_grad()
@pytest.mark.parametrize("views", [1, 2])
def test_likeness_is_the_odds_of_taking_a_hints_ink(views):
    module, features = matching(), torch.randn(views, 8, 6, 6)
    inks, seeds, marks = hinted([7], [(1.0, 0.0)])
    blank = torch.zeros_like(inks)
    inks, seeds = torch.cat([inks] + [blank] * (views - 1)), torch.cat([seeds] + [blank[:, :1]] * (views - 1))
    marks = torch.cat([marks] + [torch.full_like(marks, -1)] * (views - 1))
    share = module(features, inks, seeds, marks, views).unflatten(1, (3, 2))[:, :, 0]
    odds = module.likeness(features, torch.tensor([[7]]), views)[0, :, :, 0]
    expected = odds.sigmoid().unflatten(1, (views, 6, 6)).transpose(0, 1)
    torch.testing.assert_close(share, expected)


@torch.no_grad()
@pytest.mark.parametrize("head", [0, 2])
def test_neighbors_are_apart_by_what_their_odds_stay_behind_their_own(head):
    module, features = matching(), torch.randn(2, 8, 4, 5)
    odds = torch.cat([module.likeness(f[None], torch.arange(20)[None])[:, head] for f in features])
    own = odds.diagonal(dim1=1, dim2=2)
    apart = (own[:, :, None] + own[:, None] - odds - odds.transpose(1, 2)) / 2
    across, down = module.apart(features, head)
    assert across.shape == (2, 4, 4) and down.shape == (2, 3, 5)
    place = torch.arange(20).reshape(4, 5)
    for steps, first, second in ((across, place[:, :-1], place[:, 1:]), (down, place[:-1], place[1:])):
        torch.testing.assert_close(steps, apart[:, first, second].clamp(min=0), atol=1e-4, rtol=1e-4)


CHOICES = np.array([[0.0, 0.0], [40.0, 30.0], [-30.0, 20.0]])


def likeness(odds, inks, strength=None):
    odds = np.asarray(odds, np.float32)
    even = np.ones(odds.shape[-1], np.float32)
    each = np.eye(odds.shape[-1], dtype=np.float32)
    return Likeness(odds, each, np.asarray(inks, np.float32), even if strength is None else strength)


def test_chances_are_a_softmax_of_the_odds_with_none():
    shares = likeness([[[0.0, np.log(3.0)]]], [[41, 29], [-30, 20]]).shares(CHOICES)
    np.testing.assert_allclose(shares, [[[1 / 5, 1 / 5, 3 / 5]]], rtol=1e-5)


def test_a_color_with_many_hints_is_no_likelier():
    one = likeness([[[1.0, 0.5]]], [[40, 30], [-30, 20]]).shares(CHOICES)
    many = likeness([[[1.0] * 9 + [0.5]]], [[40, 30]] * 9 + [[-30, 20]]).shares(CHOICES)
    np.testing.assert_allclose(one, many, rtol=1e-5)


def test_a_weak_hint_says_less_than_a_strong_one_of_its_color():
    odds, inks = [[[3.0, -3.0]]], [[40, 30], [40, 30]]
    sure = likeness(odds, inks, np.float32([1.0, 0.1])).shares(CHOICES)
    unsure = likeness(odds, inks, np.float32([0.1, 1.0])).shares(CHOICES)
    assert sure[0, 0, 1] > unsure[0, 0, 1]


def test_the_fewer_things_are_unlike_all_hints_the_more_are_of_one():
    odds = likeness([[[-1.0, -2.0]]], [[40, 30], [-30, 20]])
    careful, bold = odds.shares(CHOICES), odds.shares(CHOICES, unlike=0.1)
    assert (bold[0, 0, 1:] > careful[0, 0, 1:]).all() and bold[0, 0, 1] > 0.5 > careful[0, 0, 1]
    np.testing.assert_allclose(bold.sum(), 1, rtol=1e-5)
    # What is as like a gray hint stays gray.
    grayed = likeness([[[-1.0, 2.0]]], [[40, 30], [0, 0]]).shares(CHOICES, unlike=0.1)
    assert grayed[0, 0, 0] > 0.9


def test_like_a_gray_hint_is_more_reason_for_gray():
    without = likeness([[[2.0]]], [[40, 30]]).shares(CHOICES)
    with_gray = likeness([[[2.0, 4.0]]], [[40, 30], [0, 0]]).shares(CHOICES)
    assert with_gray[0, 0, 0] > 0.8 > 0.2 > without[0, 0, 0]


@given(st.integers(1, 6), st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_chances_sum_to_one_whatever_the_odds(count, seed):
    rng = np.random.default_rng(seed)
    shares = likeness(100 * rng.normal(size=(3, 4, count)), rng.normal(0, 40, (count, 2))).shares(CHOICES)
    assert np.isfinite(shares).all() and (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0, rtol=1e-5)
