"""The label model: labels are interchangeable, hints speak as far as they say, and weights in files."""

import numpy as np
import pytest
import torch

from semcolorize.errors import ConfigError, WeightsError
from semcolorize.inference.assign import assign, encode_view
from semcolorize.inference.assignment import label_marks
from semcolorize.model.checkpoint import is_label_file, load_label_weights, save_label_weights
from semcolorize.model.encoder import EncoderConfig
from semcolorize.model.label_decoder import DecoderConfig
from semcolorize.model.label_hints import LabelHints
from semcolorize.model.label_model import LabelModel, LabelModelConfig
from semcolorize.network.weights import load_weights

SMALL = LabelModelConfig(
    EncoderConfig(widths=(8, 8, 16, 16, 16), blocks=(1, 1, 1, 1, 1), head_dim=8), DecoderConfig(widths=(8, 8, 16, 8))
)


def small_model(*, trained=True, seed=0):
    torch.manual_seed(seed)
    model = LabelModel(SMALL).eval().requires_grad_(False)
    if trained:
        torch.nn.init.normal_(model.decoder.output.weight, std=0.5)
        torch.nn.init.normal_(model.attention.output.weight, std=0.5)
    return model


def lightness(shape=(64, 96), seed=0):
    return np.random.default_rng(seed).uniform(0, 100, shape).astype(np.float32)


def marks(shape, labels, *given):
    """Marks of 5 x 5 pixels: (row, column, label or -1 for gray, instance)."""
    plane = np.zeros((labels + 1, 2, *shape), np.float32)
    for row, column, label, instance in given:
        plane[label, int(instance), row : row + 5, column : column + 5] = 1
    return plane


THREE = ((10, 10, 0, False), (40, 70, 1, True), (20, 60, 2, False), (50, 20, -1, False))


def test_exchanging_labels_exchanges_maps_to_the_bit():
    model = small_model()
    view = encode_view(model, lightness())
    given = marks((64, 96), 3, *THREE)
    (own,) = assign(model, [view], [given])
    for order in ([1, 0, 2], [2, 0, 1]):
        (other,) = assign(model, [view], [given[[*order, 3]]])
        np.testing.assert_array_equal(other, own[order])
    assert np.abs(own[0] - own[1]).max() > 0.1


def test_labels_decoded_in_parts_are_those_decoded_at_once(monkeypatch):
    from semcolorize.inference import assign as module

    model = small_model()
    view = encode_view(model, lightness())
    given = marks((64, 96), 3, *THREE)
    (whole,) = assign(model, [view], [given])
    monkeypatch.setattr(module, "_TOGETHER", 1)
    (parts,) = assign(model, [view], [given])
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_an_untrained_decoder_leaves_the_prior():
    model = small_model(trained=False)
    features = model.encoder(torch.from_numpy(lightness())[None, None])
    one = torch.zeros(1, dtype=torch.int64)
    planes = torch.nn.functional.avg_pool2d(torch.from_numpy(marks((64, 96), 3, *THREE)), 2)[None]
    shared = model.decoder.project(features)
    found = model(features, shared, model.systems(features), LabelHints(planes, one, one, one + 3))
    start = torch.nn.functional.interpolate(found.prior, scale_factor=2.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(found.logits, start)
    torch.testing.assert_close(found.chances().sum(dim=1), torch.ones(1, 32, 48))


def test_the_prior_takes_what_is_within_an_outline_for_one_object():
    model = small_model(trained=False)
    features = model.encoder(torch.zeros(1, 1, 64, 96))
    # Outlines that everybody knows: a box of 8 x 8 cells.
    across, down = torch.full_like(features.across, 6.0), torch.full_like(features.down, 6.0)
    across[:, 4:12, 7] = across[:, 4:12, 15] = down[:, 3, 8:16] = down[:, 11, 8:16] = -6.0
    features = type(features)(**{**vars(features), "across": across, "down": down})
    one = torch.zeros(1, dtype=torch.int64)
    planes = torch.nn.functional.avg_pool2d(torch.from_numpy(marks((64, 96), 1, (30, 46, 0, True))), 2)[None]
    shared = model.decoder.project(features)
    found = model(features, shared, model.systems(features), LabelHints(planes, one, one, one + 1))
    inside = torch.zeros(16, 24, dtype=torch.bool)
    inside[4:12, 8:16] = True
    assert (found.prior[0, 0][inside] > 1).all() and (found.prior[0, 0][~inside] < -1).all()


def test_hints_of_another_view_speak_here_only_where_they_speak_for_what_is_alike():
    model = small_model()
    views = [encode_view(model, lightness()), encode_view(model, lightness((50, 70), seed=1))]
    blank = np.zeros((2, 2, 50, 70), np.float32)
    alike, single = (marks((64, 96), 1, (10, 10, 0, instance)) for instance in (False, True))
    with_alike, with_single = (assign(model, views, [own, blank])[1] for own in (alike, single))
    assert with_alike.shape == (1, 50, 70)
    assert np.abs(with_alike - with_single).max() > 0.1


def test_a_label_that_no_pixel_asks_for_is_nowhere_and_changes_nothing():
    model = small_model()
    view = encode_view(model, lightness())
    (two,) = assign(model, [view], [marks((64, 96), 2, (10, 10, 0, False), (40, 70, 1, False))])
    (three,) = assign(model, [view], [marks((64, 96), 3, (10, 10, 0, False), (40, 70, 2, False))])
    np.testing.assert_array_equal(three[[0, 2]], two)
    assert (three[1] <= -20).all()


@pytest.mark.parametrize("shape", [(17, 23), (64, 96), (33, 64)])
def test_views_of_any_size_are_labeled_whole(shape):
    model = small_model()
    (found,) = assign(model, [encode_view(model, lightness(shape))], [marks(shape, 1, (4, 4, 0, False))])
    assert found.shape == (1, *shape) and np.isfinite(found).all()


def test_large_views_are_seen_smaller(monkeypatch):
    from semcolorize.inference import assign as module

    monkeypatch.setattr(module, "_MOST_PIXELS", 1024)
    model = small_model()
    view = encode_view(model, lightness())
    assert view.seen == (26, 39)
    given = np.zeros((2, 2, 64, 96), np.float32)
    given[0, 0, 33, 51] = 1
    (found,) = assign(model, [view], [given])
    assert found.shape == (1, 64, 96)
    # A hint of one pixel is seen all the same.
    assert np.abs(found - assign(model, [view], [0 * given])[0]).max() > 1


def test_folded_normalization_labels_alike():
    model = small_model()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -1, 1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    given = [marks((64, 96), 3, *THREE)]
    (before,) = assign(model, [encode_view(model, lightness())], given)
    model.fold_normalization()
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in model.decoder.modules())
    (after,) = assign(model, [encode_view(model, lightness())], given)
    np.testing.assert_allclose(after, before, atol=1e-3)


def test_too_many_labels_are_refused():
    model = small_model()
    with pytest.raises(ConfigError, match="70 different colors; at most 64"):
        assign(model, [encode_view(model, lightness())], [np.zeros((71, 2, 64, 96), np.float32)])


def test_marks_count_a_hinted_pixel_for_the_whole_working_pixel():
    found = label_marks(np.array([5, 5, 7]), np.array([0, 3, 4]), np.array([1.0, 0.5, 1.0]), 2, (3, 4))
    assert found.shape == (3, 2, 3, 4)
    assert found[0, 0, 1, 1] == 0.5 and found[1, 1, 1, 1] == 0.25 and found[2, 0, 1, 3] == 1
    assert found.sum() == pytest.approx(1.75)


def test_of_a_large_area_some_cells_are_looked_at_and_of_a_small_one_all():
    plane = torch.zeros(1, 2, 2, 40, 60)
    plane[0, 0, 0, :30] = 1
    plane[0, 1, 1, 36:38, 4:6] = 1
    one = torch.zeros(1, dtype=torch.int64)
    features = small_model().encoder(torch.zeros(1, 1, 96, 128))
    plane = torch.nn.functional.pad(plane, (0, 4, 0, 8))
    tokens = LabelHints(plane, one, one, one + 1, most=16).tokens(features)
    # Kinds are label and spread; the gray click has one cell.
    assert tokens.kind.tolist() == [0, 3] and tokens.there.sum(dim=1).tolist() == [16, 1]
    assert np.ptp(tokens.cell[0].numpy() // 32) > 10
    assert tokens.cell[1][tokens.there[1]].tolist() == [18 * 32 + 2]


def test_weights_round_trip(tmp_path):
    model, path = small_model(), tmp_path / "labels.safetensors"
    sha256 = save_label_weights(path, model, metadata={"step": 3})
    loaded = load_label_weights(path)
    assert (loaded.sha256, loaded.metadata, loaded.model.config) == (sha256, {"step": 3}, SMALL)
    view = lightness()
    given = [marks((64, 96), 3, *THREE)]
    (own,), (stored,) = (assign(m, [encode_view(m, view)], given) for m in (model, loaded.model))
    np.testing.assert_allclose(stored, own, atol=0.2)
    assert is_label_file(path) and not is_label_file(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="format is 'semcolorize-labels-1'"):
        load_weights(path)


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "labels.safetensors"
    save_label_weights(path, small_model())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="damaged or was edited"):
        load_label_weights(path)


def test_bundled_weights_are_verified_and_small():
    loaded = load_label_weights()
    assert loaded.path.stat().st_size <= 16e6
    assert [source["folder"] for source in loaded.metadata["recipe"]["data"]["sources"]][:2] == ["emps", "spheres"]
    assert loaded.metadata["commit"] and "dirty" not in loaded.metadata["commit"]
