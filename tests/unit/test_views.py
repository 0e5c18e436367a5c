"""Views of a specimen: geometry against analytic projections, correspondences, determinism."""

import numpy as np
import pytest

from semcolorize.scenes import make_views
from semcolorize.scenes.views import _project, _rotation


def test_a_flat_specimen_is_seen_foreshortened():
    tilt = np.deg2rad(30)
    source, _, known = _project(np.zeros((96, 96)), _rotation(0.0, tilt, 0.0), (64, 64))
    # Axis (1, 0, 0) lies along the rows: columns are foreshortened by cos(tilt).
    rows, cols = np.mgrid[:64, :64]
    assert known.all()
    np.testing.assert_allclose(source[..., 0], rows - 31.5 + 47.5, atol=0.6)
    np.testing.assert_allclose(source[..., 1], (cols - 31.5) / np.cos(tilt) + 47.5, atol=0.8)


def test_what_is_higher_moves_more_and_hides_what_is_behind():
    height = np.zeros((96, 96), np.float32)
    height[40:56, 40:56] = 20
    tilt = np.deg2rad(25)
    source, _, _ = _project(height, _rotation(0.0, tilt, 0.0), (64, 64))
    rows, cols = np.nonzero(height[tuple(np.rint(source).astype(int).transpose(2, 0, 1))] > 10)
    # By hand: a point at height z moves z sin(tilt) sideways, one way or the other for the whole block.
    sideways = cols - 31.5 - (source[rows, cols, 1] - 47.5) * np.cos(tilt)
    assert abs(np.median(sideways)) == pytest.approx(20 * np.sin(tilt), abs=0.6)
    ground = cols.min() - 8 if np.median(sideways) < 0 else cols.max() + 8
    assert height[tuple(np.rint(source[31, ground]).astype(int))] == 0


@pytest.mark.parametrize("seed", range(6))
def test_corresponding_pixels_show_the_same_point_of_the_same_instance(seed):
    series = make_views(seed, 96, 3, tilt=25)
    first = series.views[0]
    own = series.correspondence(0, 0)
    # Pixels that stand for the same point (filled gaps) may be taken for one another.
    assert np.abs(own - np.moveaxis(np.mgrid[:96, :96], 0, -1)).max() <= 2
    assert (own == np.moveaxis(np.mgrid[:96, :96], 0, -1)).mean() > 0.9
    for other in (1, 2):
        match = series.correspondence(0, other)
        seen = np.isfinite(match[..., 0])
        assert seen.mean() > 0.4
        rows, cols = match[seen].astype(int).T
        # On outlines a pixel's center may belong to either side.
        assert (series.views[other].instances[rows, cols] == first.instances[seen]).mean() > 0.9
        gap = np.linalg.norm(series.sources[other][rows, cols] - series.sources[0][seen], axis=-1)
        assert gap.max() <= 1


def test_views_repeat_by_seed_and_share_their_numbering():
    one, two = make_views(3, 64, 2), make_views(3, 64, 2)
    for a, b in zip(one.views, two.views, strict=True):
        np.testing.assert_array_equal(a.lightness, b.lightness)
        assert a.family_of_class == b.family_of_class
        assert a.lightness.shape == (64, 64) and a.lightness.min() >= 0 and a.lightness.max() <= 100
    assert not np.array_equal(one.views[0].lightness, one.views[1].lightness)


def test_rearranged_views_share_classes_but_no_points():
    series = make_views(5, 64, 2, rearranged=True, families=["spheres"])
    assert series.views[0].family_of_class == series.views[1].family_of_class
    assert np.isnan(series.correspondence(0, 1)).all()
