"""Tiles: they cover the image, blend without a seam, and change nothing where the network sees far enough."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semcolorize.network.tiling import in_tiles, tile_slices


@given(st.integers(1, 200), st.integers(6, 20), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_windows_cover_a_length_and_overlap(cells, tile, halo):
    stride = 16
    length, tile, halo = cells * stride, tile * stride, halo * stride
    windows = tile_slices(length, tile, halo, stride)
    assert windows[0].start == 0 and windows[-1].stop == length
    assert all(w.start % stride == 0 and 0 < w.stop - w.start <= tile for w in windows)
    for one, two in pairwise(windows):
        # Rounding to the stride costs at most one of it.
        assert one.stop - two.start >= halo - stride


def local(image):
    """A network that sees four pixels far: a box filter, and its mean over patches as features."""

    def run(window):
        rows, columns = window
        part = torch.nn.functional.avg_pool2d(image[..., rows, columns], 9, 1, 4, count_include_pad=False)
        return part, torch.nn.functional.avg_pool2d(part, 4)

    return run


@pytest.mark.parametrize("shape", [(64, 320), (208, 176), (160, 160)])
def test_tiles_equal_the_whole_where_the_network_sees_far_enough(shape):
    image = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole, whole_features = local(image)((slice(0, shape[0]), slice(0, shape[1])))
    output, features = in_tiles(local(image), shape, patch=4, stride=16, tile=96, halo=48)
    # What a tile gets wrong, the four pixels at its border, hardly counts.
    assert (output - whole).abs().max() < 0.02 * whole.abs().max()
    assert (features - whole_features).abs().max() < 0.02 * whole_features.abs().max()


def test_tiles_that_disagree_leave_no_step():
    shape = (96, 288)
    level = iter(range(100))

    def run(window):
        rows, columns = (s.stop - s.start for s in window)
        value = float(next(level))
        return torch.full((1, 1, rows, columns), value), torch.full((1, 1, rows // 4, columns // 4), value)

    output, _ = in_tiles(run, shape, patch=4, stride=16, tile=96, halo=32)
    steps = output[0, 0].diff(dim=1).abs()
    assert steps.max() < 2 * 1.5 / 32  # the steepest slope of a smooth step over the overlap
    assert output.max() > 2
