"""Classes that nobody named, in scenes whose classes are known."""

import numpy as np
import pytest

from semcolorize.inference.assign import assign, encode_view
from semcolorize.inference.discover import discover_classes
from semcolorize.model.checkpoint import load_label_weights
from semcolorize.scenes import VALIDATION_SEEDS, make_figure


@pytest.fixture(scope="module")
def model():
    return load_label_weights().model


def found(model, lightness, **options):
    view = encode_view(model, lightness)
    (marks,) = discover_classes(model, [view], **options)
    (logits,) = assign(model, [view], [marks])
    return marks, logits.argmax(axis=0)


def test_a_thing_and_its_ground_are_two_classes(model):
    agreement = []
    for k in range(16):
        scene = make_figure(VALIDATION_SEEDS + 100 + k, 224)
        if len(scene.family_of_class) != 2:
            continue
        _, label = found(model, scene.lightness, count=2)
        thing = scene.classes > 0
        share = np.mean((label == label[thing].mean().round()) == thing)
        agreement.append(share)
    assert len(agreement) >= 3 and np.median(agreement) > 0.9


def test_marks_are_repeatable_and_as_many_classes_as_asked(model):
    scene = make_figure(VALIDATION_SEEDS + 7, 192)
    view = encode_view(model, scene.lightness)
    (once,), (again,) = (discover_classes(model, [view], count=3) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert once.shape == (4, 2, 192, 192) and not once[3].any() and (once[:3].sum(axis=(1, 2, 3)) > 0).all()


def test_nothing_is_looked_for_where_nothing_is_free(model):
    scene = make_figure(VALIDATION_SEEDS + 7, 192)
    view = encode_view(model, scene.lightness)
    nowhere = np.zeros((192, 192), bool)
    (marks,) = discover_classes(model, [view], free=[nowhere])
    assert marks.shape == (1, 2, 192, 192) and not marks.any()
    left = nowhere.copy()
    left[:, :96] = True
    (marks,) = discover_classes(model, [view], free=[left])
    assert marks[..., :98].any() and not marks[..., 100:].any()


def test_views_of_any_size_share_their_classes(model):
    scene = make_figure(VALIDATION_SEEDS + 9, 224)
    views = [encode_view(model, scene.lightness), encode_view(model, scene.lightness[:150, :201])]
    marks = discover_classes(model, views, count=2)
    assert [own.shape for own in marks] == [(3, 2, 224, 224), (3, 2, 150, 201)]
    whole, part = (own.argmax(axis=0) for own in assign(model, views, marks))
    assert (whole[:150, :201] == part).mean() > 0.9
