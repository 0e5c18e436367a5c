"""Matching cells with hinted cells: inks are taken, not invented, and only from what was hinted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semcolorize.network.matching import MARKS, HintMatching, InkMixing, choose_marks


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
