"""Scores of automatic color, on colorings whose scores are known."""

import numpy as np
import pytest

from semcolorize.color.ink import TINTS, ink_curve
from semcolorize.evaluation.automatic import draw_variants, hue_spreads, score_automatic
from semcolorize.evaluation.masks import MaskedImage


def image():
    """Two objects, one a class, on ground, all of one lightness."""
    instances = np.zeros((40, 60), np.int32)
    instances[5:20, 5:25], instances[22:38, 30:55] = 1, 2
    return MaskedImage("two", np.full((40, 60), 50, np.float32), instances, instances.astype(int), "scenes")


def colored(angles, chroma=30.0):
    """Each of ground and objects in a hue, in degrees, at a chroma."""
    own = image()
    inks = np.array([[chroma * np.cos(np.radians(a)), chroma * np.sin(np.radians(a))] for a in angles])
    curve = ink_curve(own.lightness, TINTS[0])[..., None]
    return (inks[own.instances] * curve).astype(np.float32)


def test_even_objects_have_no_spread_and_classes_their_angle():
    within, between = hue_spreads(colored((0, 90, 180)), image())
    assert within == pytest.approx(0, abs=1e-3) and between == pytest.approx((90 + 180 + 90) / 3, abs=1e-3)


def test_an_object_of_two_hues_has_half_their_angle():
    ab = colored((0, 0, 120))
    ab[5:20, 5:15] = colored((40, 40, 40))[5:20, 5:15]
    within, _ = hue_spreads(ab, image())
    # The first object has 300 of 700 pixels.
    assert within == pytest.approx(20 * 300 / 700, abs=0.05)


def test_gray_has_no_hue():
    assert all(np.isnan(hue_spreads(0 * colored((0, 0, 0)), image())))


def test_variants_are_compared_with_one_another_and_with_a_persons_picture():
    lab = np.concatenate([image().lightness[..., None], colored((10, 100, 220))], axis=-1)
    same = score_automatic(lambda _: np.stack([lab[..., 1:]] * 2), [("own", lab)], [image()])
    first, second = same.scores
    assert first.difference == pytest.approx(0, abs=1e-6) and first.psnr == pytest.approx(50) and first.gray_psnr < 30
    assert first.colorfulness == pytest.approx(first.peoples) and np.isnan(second.peoples)
    two = score_automatic(lambda _: np.stack([lab[..., 1:], -lab[..., 1:]]), [], [image()])
    assert two.scores[0].difference > 20
    row = {row["images"]: row for row in same.summary()}
    assert row["scenes"]["psnr"] is None and row["people's pictures"]["within"] is None
    assert draw_variants(same).startswith(b"\x89PNG")
