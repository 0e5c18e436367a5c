"""The network, its conditioning, and weights in files."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from semcolorize.color.ink import ink_curve
from semcolorize.diffusion.noise import NoiseStreams
from semcolorize.errors import ConfigError, ShapeError, WeightsError
from semcolorize.network import proposing
from semcolorize.network.conditioning import PRESETS, Condition, ModelConfig, condition_image, condition_views
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.matching import Likeness
from semcolorize.network.proposing import HintedView, propose
from semcolorize.network.sampling import resolve_device, sample_ab
from semcolorize.network.settling import asked_inks, decide, drop_faint, reconcile, says_gray, settle_hints
from semcolorize.network.unet import UNet, UNetConfig
from semcolorize.network.weights import load_weights, save_weights
from semcolorize.training.checkpoint import save_checkpoint

SMALL = PRESETS["compact"].with_network(dim=16, multipliers=(1, 2), attention=("none", "full"))


def small_model(seed=0, *, trained=True):
    torch.manual_seed(seed)
    model = ABDiffuser(SMALL).eval().requires_grad_(False)
    if trained:
        torch.nn.init.normal_(model.network.output.weight, std=0.05)
    return model


def drawn(shape=(48, 64), seed=0):
    rng = np.random.default_rng(seed)
    lightness = rng.uniform(10, 90, shape)
    mask, ab = np.zeros(shape), np.zeros((*shape, 2))
    mask[5:9, 5:9], ab[5:9, 5:9] = 1, (30, -20)
    mask[40, 40], ab[40, 40] = 1, (-10, 40)
    return lightness, ab, mask


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_thesis_preset_has_its_size():
    with torch.device("meta"):
        model = ABDiffuser(PRESETS["thesis"])
    assert count(model) == pytest.approx(35.72e6, rel=1e-3)
    assert model.network.stem.in_channels == 5


def test_compact_preset_fits_sixteen_megabytes_in_half_precision():
    with torch.device("meta"):
        assert 2 * count(ABDiffuser(PRESETS["compact"])) < 16e6


def test_thesis_preset_samples_with_a_thousand_ancestral_steps():
    config = PRESETS["thesis"]
    config = dataclasses.replace(config, network=dataclasses.replace(config.network, dim=8))
    assert (config.sampler, config.num_steps, config.schedule) == ("ddpm", 1000, "sigmoid")
    torch.manual_seed(0)
    model = ABDiffuser(config).eval()
    steps = []
    condition = condition_image(config, np.full((16, 16), 50.0), np.zeros((16, 16, 2)), np.zeros((16, 16)))
    ab = sample_ab(model, condition, [(0, 0)], on_step=steps.append)
    assert len(steps) == 1000 and ab.shape == (1, 1, 2, 16, 16) and torch.isfinite(ab).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_untrained_compact_network_is_the_propagated_hints(seed):
    model = small_model(trained=False)
    condition = condition_image(SMALL, *drawn(seed=seed))
    ab = sample_ab(model, condition, [(0, 0)], num_steps=1)[0]
    # One step from t = 1: only the schedule's floor of signal is left of the noise.
    torch.testing.assert_close(ab, condition.prior * condition.ink * SMALL.ab_scale, atol=1.0, rtol=0)


def test_a_gray_hint_is_seen():
    model = small_model()
    lightness, _, mask = drawn()
    gray = np.zeros((*lightness.shape, 2))
    with_hints, without = (
        sample_ab(model, condition_image(SMALL, lightness, gray, m), [(0, 0)], num_steps=2) for m in (mask, 0 * mask)
    )
    assert not torch.allclose(with_hints, without)


@pytest.mark.parametrize("change", [{"fill": "gray"}, {"spread": "instance"}])
def test_modes_are_seen(change):
    model = small_model()
    results = [sample_ab(model, condition_image(SMALL, *drawn(), **c), [(0, 0)], num_steps=1) for c in ({}, change)]
    assert not torch.allclose(*results)


def test_a_variant_alone_is_the_same_variant_in_a_batch_of_nine():
    model, condition = small_model(), condition_image(SMALL, *drawn())
    nine = sample_ab(model, condition, [(7, v) for v in range(9)], num_steps=3)
    alone = sample_ab(model, condition, [(7, 4)], num_steps=3)
    assert torch.equal(alone[0], nine[4])
    assert not torch.equal(nine[0], nine[1])


def test_settling_meets_the_hints_and_leaves_what_agrees():
    lightness, ab, mask = drawn()
    proposal = np.full_like(ab, 10)
    settled = settle_hints(proposal, lightness, ab, mask, ink_curve(lightness), cell=4)
    before, after = (np.abs(x - ab)[6:8, 6:8].mean() for x in (proposal, settled))
    assert after < before / 2
    curve = ink_curve(lightness)
    np.testing.assert_allclose(settle_hints(proposal, lightness, proposal, mask, curve, cell=4), proposal, atol=1e-3)
    assert settle_hints(proposal, lightness, ab, 0 * mask, curve, cell=4) is proposal


def test_a_pale_proposal_is_raised_to_its_hints_but_never_lowered():
    lightness, ab, mask = drawn()
    ab[mask > 0] = (40, 20)
    even = np.broadcast_to(np.array([40.0, 20.0]), ab.shape)
    for share, expected in ((0.8, 1.0), (1.3, 1.3), (0.5, 0.75)):
        far = settle_hints(share * even, lightness, ab, mask, ink_curve(lightness), cell=4)[-1, 0]
        assert np.hypot(*far) / np.hypot(40, 20) == pytest.approx(expected, abs=0.12)


def test_views_of_a_series_see_each_other_and_other_series_do_not():
    model = small_model()
    first, second = condition_image(SMALL, *drawn()), condition_image(SMALL, *drawn(seed=1))
    other = condition_image(SMALL, *drawn(seed=2))
    noise = NoiseStreams([(0, v) for v in range(4)]).normal((2, 48, 64))
    t = torch.ones(4)
    series = model(noise, t, Condition.stack([first, second, first, other]), views=2)
    assert not torch.allclose(series[0], model(noise[:1], t[:1], first)[0], atol=1e-5)
    apart = model(noise[:2], t[:2], Condition.stack([first, second]), views=2)
    torch.testing.assert_close(series[:2], apart, atol=1e-5, rtol=1e-4)


def decided(proposal, hint_ab, hint_mask, lightness=None, curve=None):
    lightness = np.full(hint_mask.shape, 50.0) if lightness is None else lightness
    curve = np.ones(hint_mask.shape) if curve is None else curve
    return decide(proposal, asked_inks(hint_ab, hint_mask, curve), curve, lightness, hint_ab, hint_mask, cell=4)


def hints(shape, *given):
    hint_ab, hint_mask = np.zeros((*shape, 2)), np.zeros(shape)
    for row, column, color in given:
        hint_ab[row, column], hint_mask[row, column] = color, 1
    return hint_ab, hint_mask


def test_an_object_is_of_one_color_or_gray_however_the_proposal_fades():
    # A bright object on dark ground; the proposal fades across it, and tints the ground.
    lightness = np.full((48, 64), 30.0)
    lightness[12:36, 16:48] = 60
    share = np.where(lightness > 50, np.linspace(1.3, 0.4, 64), 0.1)
    given = hints(lightness.shape, (24, 20, (40, 30)), (2, 2, (0, 0)))
    result = decided(share[..., None] * [40.0, 30.0], *given, lightness)
    np.testing.assert_allclose(result[14:34, 18:46], np.broadcast_to([40, 30], (20, 28, 2)), atol=0.5)
    ground = np.hypot(*result[lightness < 50].T)
    assert (ground < 0.1).mean() > 0.9 and ground.mean() < 1
    # Only gray was asked for, and gray is what nobody hinted: nothing is colored.
    assert not decided(result, *hints(lightness.shape, (2, 2, (0, 0))), lightness).any()


def test_a_gray_hint_holds_its_object():
    lightness = np.full((48, 64), 30.0)
    lightness[12:36, 8:24] = lightness[12:36, 40:56] = 60
    given = hints(lightness.shape, (24, 16, (40, 30)), (24, 48, (0, 0)))
    result = decided(np.where(lightness > 50, 0.6, 0.0)[..., None] * [40.0, 30.0], *given, lightness)
    assert np.hypot(*result[14:34, 10:22].reshape(-1, 2).T).min() > 49
    assert np.hypot(*result[20:28, 44:52].reshape(-1, 2).T).max() < 5


NAMED_ODDS = np.array([[-1.0, -3.0, -3.0], [-3.0, 0.2, -0.6], [-3.0, -0.6, 0.2]])
"""Of ground, left and right: log-odds that they are like the gray, the red and the blue hint."""


def named_series():
    """A view of gray ground and two objects as bright as each other, no hint in it, and what its cells are like."""
    lightness, places = np.full((48, 64), 30.0), np.zeros((12, 16), int)
    for number, columns in ((1, slice(8, 28)), (2, slice(36, 56))):
        lightness[12:36, columns] = 60
        places[3:9, columns.start // 4 : columns.stop // 4] = number
    inks = np.array([[0, 0], [50, 30], [-10, -50]], np.float32)
    hinted, strength = np.eye(3, dtype=np.float32), np.ones(3, np.float32)
    likeness = Likeness(NAMED_ODDS[places].astype(np.float32), hinted, inks, strength)
    return lightness, likeness, inks[1:]


def test_a_series_whose_hints_name_gray_too_is_colored_by_likeness():
    lightness, likeness, asked = named_series()
    blank, curve = hints(lightness.shape), np.ones(lightness.shape)
    # The proposal takes everything for the first color, but half-heartedly.
    proposal = np.broadcast_to(0.6 * asked[0], (48, 64, 2)).astype(np.float32)
    result = decide(proposal, asked, curve, lightness, *blank, likeness=likeness, named=True, cell=4)
    for area, expected in ((np.s_[14:34, 10:26], asked[0]), (np.s_[14:34, 38:54], asked[1]), (np.s_[:8], (0, 0))):
        # A color, not the mean of colors, however little one is ahead of the other.
        assert np.abs(result[area] - expected).max() < 12
    # What a hint touches is what the proposal says.
    touched = np.zeros((12, 16))
    touched[:, 8:] = 1
    held = decide(proposal, asked, curve, lightness, *blank, likeness=likeness, named=True, touched=touched, cell=4)
    assert np.abs(held[14:34, 38:54] - asked[0]).max() < 12


def outlined(*areas):
    """How far neighboring cells of a 12 x 16 grid are apart that lie in different areas, and a lightness without."""
    label = np.zeros((12, 16))
    for number, area in enumerate(areas):
        label[area] = number + 1
    across, down = (2.0 * (np.diff(label, axis=axis) != 0) for axis in (1, 0))
    lightness = np.random.default_rng(0).uniform(45, 55, (48, 64))
    return label, lightness, (across, down)


@pytest.mark.parametrize("spread", ["alike", "instance"])
def test_a_hint_colors_its_object_up_to_outlines_that_only_the_features_know(spread):
    # Two objects as bright as the ground, of which the features say the same: one is clicked, one is kept gray.
    one, other = np.s_[2:9, 2:8], np.s_[3:10, 10:15]
    label, lightness, apart = outlined(one, other)
    cells = np.where(label > 0, 1.5, -4.0)[..., None].astype(np.float32)
    red, gray = np.float32([40, 30]), np.float32([0, 0])
    likeness = Likeness(cells, np.ones((2, 1), np.float32), np.stack([red, gray]), np.ones(2, np.float32), apart)
    hint_ab, mask = hints((48, 64), (20, 18, red), (28, 50, gray))
    curve = np.ones((48, 64))
    # The proposal is red around the hint only, and spills over the outline.
    away = np.hypot(*(np.mgrid[:48, :64] - np.reshape([20, 18], (2, 1, 1))))
    proposal = (np.exp(-((away / 16) ** 2))[..., None] * red).astype(np.float32)
    asked = asked_inks(hint_ab, mask, curve)
    result = decide(proposal, asked, curve, lightness, hint_ab, mask, likeness=likeness, spread=spread, cell=4)
    chroma = np.hypot(*np.moveaxis(result, -1, 0))
    inner = {name: np.kron(label == k, np.ones((4, 4))) > 0 for name, k in (("one", 1), ("other", 2), ("ground", 0))}
    assert (chroma[inner["one"]] > 25).mean() > 0.97
    assert (chroma[inner["other"]] < 5).mean() > 0.97 and (chroma[inner["ground"]] < 25).mean() > 0.95


@pytest.mark.parametrize("named", [True, False])
def test_single_objects_without_known_outlines_are_colored_by_likeness(named):
    lightness, likeness, asked = named_series()
    surer = dataclasses.replace(likeness, cells=likeness.cells + np.float32([-4, 2, 2]))
    blank, curve = hints(lightness.shape), np.ones(lightness.shape)
    proposal = np.zeros((48, 64, 2), np.float32)
    proposal[12:36, 8:28], proposal[12:36, 36:56] = asked
    result = decide(proposal, asked, curve, lightness, *blank, likeness=surer, spread="instance", named=named, cell=4)
    assert np.abs(result[14:34, 10:26] - asked[0]).max() < 12 and np.abs(result[14:34, 38:54] - asked[1]).max() < 12


def test_likeness_colors_what_is_left_gray_and_takes_no_color_away():
    lightness, likeness, asked = named_series()
    blank, curve = hints(lightness.shape), np.ones(lightness.shape)
    surer = dataclasses.replace(likeness, cells=likeness.cells + np.float32([0, 2, 2]))
    proposal = np.zeros((48, 64, 2), np.float32)
    proposal[12:36, 36:56] = asked[0]
    for like, left in ((likeness, (0, 0)), (surer, asked[0])):
        result = decide(proposal, asked, curve, lightness, *blank, likeness=like, cell=4)
        assert np.abs(result[14:34, 10:26] - left).max() < 12
        assert np.abs(result[14:34, 38:54] - asked[0]).max() < 12


def test_faint_washes_are_dropped_and_colors_kept():
    chroma = np.linspace(0, 40, 81)
    kept = drop_faint(chroma[:, None] * np.array([0.6, -0.8])) @ [0.6, -0.8]
    assert (kept[chroma <= 2] == 0).all() and (np.diff(kept) >= 0).all()
    np.testing.assert_allclose(kept[chroma >= 5], chroma[chroma >= 5], rtol=1e-6)


def test_mixtures_of_hints_become_the_nearer_one():
    curve, lightness = np.full((32, 32), 0.5), np.repeat([70.0, 30.0], 16)[:, None] + np.zeros((1, 32))
    given = hints(curve.shape, (0, 0, (30, 0)), (31, 31, (0, 20)))  # inks (60, 0) and (0, 40)
    proposal = np.zeros((32, 32, 2))
    proposal[:16], proposal[16:] = (25, 4), (9, 13)
    result = decided(proposal, *given, lightness, curve)
    np.testing.assert_allclose(result[2, 20], (30, 0), atol=0.6)
    np.testing.assert_allclose(result[28, 4], (0, 20), atol=2)


def test_hints_of_nearly_one_color_are_one_choice():
    given = hints((8, 8), (0, 0, (50, 0)), (7, 7, (54, 4)))
    result = decided(np.broadcast_to([40.0, 9.0], (8, 8, 2)).copy(), *given)
    np.testing.assert_allclose(result, np.broadcast_to([52, 2], (8, 8, 2)), atol=1e-4)


def test_classes_get_one_mean_in_all_views_and_keep_their_gradations():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (2, 60, 60))
    centers = np.array([[0.0, 0.0], [60.0, 10.0], [-20.0, 50.0]])
    drift = np.array([[[0, 0], [6, -4], [0, 5]], [[0, 0], [-6, 4], [0, -5]]], float)
    texture = rng.normal(0, 2, (2, 60, 60, 2))
    inks = [centers[labels[v]] + drift[v][labels[v]] + texture[v] for v in range(2)]
    even = reconcile(inks, centers[1:])
    for number in (1, 2):
        means = [plane[labels[v] == number].mean(axis=0) for v, plane in enumerate(even)]
        np.testing.assert_allclose(means[0], means[1], atol=1)
        spread = even[0][labels[0] == number].std(axis=0)
        np.testing.assert_allclose(spread, inks[0][labels[0] == number].std(axis=0), rtol=0.3)
    gray = labels[0] == 0
    assert np.abs(even[0][gray] - inks[0][gray]).mean() < 0.2
    np.testing.assert_array_equal(reconcile(inks[:1], centers[1:])[0], inks[0])


def test_only_a_hint_without_ink_says_gray():
    curve = np.full((8, 8), 0.5)
    assert says_gray(*hints((8, 8), (1, 1, (30, 20)), (5, 5, (1, 0))), curve)
    assert not says_gray(*hints((8, 8), (1, 1, (30, 20)), (5, 5, (9, 0))), curve)
    assert not says_gray(*hints((8, 8)), curve)


@pytest.mark.parametrize("axes", [(-1,), (-2,), (-2, -1)])
def test_a_mirrored_condition_is_that_of_the_mirrored_image(axes):
    shown = {-2: 0, -1: 1}
    lightness, ab, mask = drawn()
    mirrored = condition_image(SMALL, lightness, ab, mask).mirrored(axes)
    flipped = [np.flip(plane, [shown[axis] for axis in axes]) for plane in (lightness, ab, mask)]
    expected = condition_image(SMALL, *flipped)
    for name in ("pixels", "grid", "prior", "ink"):
        torch.testing.assert_close(getattr(mirrored, name), getattr(expected, name), atol=1e-4, rtol=0)
    assert set(mirrored.marks.flatten().tolist()) == set(expected.marks.flatten().tolist())
    twice = mirrored.mirrored(axes)
    assert torch.equal(twice.marks, condition_image(SMALL, lightness, ab, mask).marks)


@pytest.mark.parametrize(("variants", "fill"), [(1, "gray"), (3, "gray"), (2, "auto")])
@pytest.mark.parametrize("count", [1, 6])
def test_progress_counts_every_step_of_every_variant_and_group_of_views(variants, fill, count):
    told = []
    views = [HintedView(*drawn(seed=i)) for i in range(count)]
    propose(small_model(), views, variants=variants, fill=fill, on_step=told.append)
    assert [step.index for step in told] == list(range(1, told[0].count + 1))
    assert {step.count for step in told} == {len(told)}


def test_only_a_series_whose_hints_say_what_is_gray_is_decided_as_one_of_named_things(monkeypatch):
    lightness, ab, mask = drawn()
    mask[20:24, 50:54] = 1
    first = HintedView(lightness, ab, mask)
    other = HintedView(lightness[::-1], 0 * ab, 0 * mask)
    colored = HintedView(lightness, ab, mask * np.any(ab != 0, axis=-1))

    def chroma(*views):
        return np.array([np.hypot(*p[0].T).mean() for p in propose(small_model(), views, fill="gray")[0]])

    cases = ((first, other), (colored, other), (first,))
    named = [chroma(*views) for views in cases]
    monkeypatch.setattr(proposing, "says_gray", lambda *hints: False)
    plain = [chroma(*views) for views in cases]
    assert (np.abs(named[0] - plain[0]) > 0.5).all()
    np.testing.assert_array_equal(named[1], plain[1])
    np.testing.assert_array_equal(named[2], plain[2])


def test_hints_of_one_view_color_their_like_in_another():
    lightness = np.where(np.arange(64) < 32, 30.0, 70.0) * np.ones((48, 1))
    hint_ab, mask = np.zeros((48, 64, 2)), np.zeros((48, 64))
    hint_ab[20:24, 8:12], mask[20:24, 8:12] = (20, 0), 1
    hint_ab[20:24, 48:52], mask[20:24, 48:52] = (0, 20), 1
    other = lightness[:, ::-1]
    series = condition_views(SMALL, [(lightness, hint_ab, mask), (other, 0 * hint_ab, 0 * mask)])
    alone = condition_image(SMALL, lightness, hint_ab, mask)
    assert torch.equal(series.grid[:1], alone.grid)
    a, b = series.prior[1]
    assert (b[:, :24] > 5 * a[:, :24].abs()).all() and (a[:, 40:] > 5 * b[:, 40:].abs()).all()


def test_network_names_wrong_sizes():
    network = UNet(UNetConfig(dim=8, multipliers=(1, 2), attention=("linear", "full"), stem_kernel=3))
    with pytest.raises(ShapeError, match=r"\(15, 16\).*multiples of 2"):
        network(torch.zeros(1, 5, 15, 16), torch.ones(1))
    with pytest.raises(ShapeError, match="batch of 3 cannot hold series of 2"):
        network(torch.zeros(3, 5, 16, 16), torch.ones(3), views=2)
    with pytest.raises(ConfigError, match="multiple of 8"):
        UNetConfig(dim=12)
    with pytest.raises(ConfigError, match="fill is 'grey'"):
        condition_image(SMALL, *drawn(), fill="grey")


def test_devices_never_fall_back_silently():
    assert resolve_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="not known"):
        resolve_device("gpu0")
    with pytest.raises(ConfigError, match="is not here"):
        resolve_device("cuda:99")


def test_weights_round_trip(tmp_path):
    model, path = small_model(), tmp_path / "small.safetensors"
    sha256 = save_weights(path, model, half=False, metadata={"recipe": {"steps": 3}})
    loaded = load_weights(path)
    assert loaded.sha256 == sha256 and loaded.metadata == {"recipe": {"steps": 3}}
    assert loaded.model.config == SMALL
    for (name, a), (_, b) in zip(model.state_dict().items(), loaded.model.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
    assert list(tmp_path.iterdir()) == [path]


def test_half_precision_colors_nearly_alike(tmp_path):
    model = small_model()
    save_weights(tmp_path / "half.safetensors", model)
    half = load_weights(tmp_path / "half.safetensors").model
    condition = condition_image(SMALL, *drawn())
    full, stored = (sample_ab(m, condition, [(0, 0)], num_steps=2) for m in (model, half))
    assert float((full - stored).abs().max()) < 0.5


def edit(path, change):
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(bytes(content))


def flip_last(content):
    content[-1] ^= 1


def cut(content):
    del content[len(content) // 2 :]


UNREADABLE = "no readable safetensors"


@pytest.mark.parametrize(
    ("change", "words"),
    [(flip_last, "SHA-256 is .* damaged or was edited"), (cut, UNREADABLE), (bytearray.clear, UNREADABLE)],
)
def test_damaged_weights_are_refused(tmp_path, change, words):
    path = tmp_path / "w.safetensors"
    save_weights(path, small_model())
    edit(path, change)
    with pytest.raises(WeightsError, match=words) as caught:
        load_weights(path)
    assert caught.value.path == str(path)


def test_foreign_and_missing_weights_are_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="format is None"):
        load_weights(path)
    with pytest.raises(WeightsError, match="no weights named 'cyto3'.*Nothing else is used"):
        load_weights("cyto3")
    with pytest.raises(WeightsError, match="neither"):
        load_weights(tmp_path)


def test_what_is_no_weights_but_of_a_run_is_pointed_out(tmp_path):
    model, average = small_model(), small_model()
    save_weights(tmp_path / "weights.safetensors", average)
    save_checkpoint(
        tmp_path / "checkpoint.safetensors", model, average, torch.optim.AdamW(model.parameters()), step=3, notes={}
    )
    with pytest.raises(WeightsError, match="checkpoint of a training run"):
        load_weights(tmp_path / "checkpoint.safetensors")
    with pytest.raises(WeightsError, match=r"the weights in it are .*weights.safetensors"):
        load_weights(tmp_path)


def test_weights_of_a_failed_training_are_refused(tmp_path):
    model = small_model()
    next(model.parameters()).data.view(-1)[0] = float("nan")
    save_weights(tmp_path / "w.safetensors", model)
    with pytest.raises(WeightsError, match="NaN or infinity"):
        load_weights(tmp_path / "w.safetensors")


def test_a_configuration_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, small_model())
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        header, tensors = file.metadata(), {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    config = json.loads(header["config"])
    for change in ({"network": config["network"] | {"dim": 4096}}, {"unheard": 1}, {"network": 3}):
        save_file(tensors, path, metadata=header | {"config": json.dumps(config | change)})
        with pytest.raises(WeightsError, match="configuration does not fit"):
            load_weights(path)


def test_bundled_weights_are_verified_and_small():
    loaded = load_weights("default")
    assert loaded.path.stat().st_size <= 16e6
    assert isinstance(loaded.model.config, ModelConfig) and loaded.metadata["recipe"]["preset"] == "compact"
    # What ships names data by folder, not by the place where somebody kept it.
    assert loaded.metadata["recipe"]["data"]["masks_folder"] == "emps"
    assert loaded.metadata["commit"] and "dirty" not in loaded.metadata["commit"]
