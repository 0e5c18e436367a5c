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
from semcolorize.network.conditioning import PRESETS, Condition, ModelConfig, condition_image, condition_views
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.proposing import HintedView, propose
from semcolorize.network.sampling import resolve_device, sample_ab
from semcolorize.network.settling import reconcile, settle_hints
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


def hints(shape, *given):
    hint_ab, hint_mask = np.zeros((*shape, 2)), np.zeros(shape)
    for row, column, color in given:
        hint_ab[row, column], hint_mask[row, column] = color, 1
    return hint_ab, hint_mask


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


@pytest.mark.parametrize("variants", [1, 3])
@pytest.mark.parametrize("count", [1, 6])
def test_progress_counts_every_step_of_every_variant_and_group_of_views(variants, count):
    told = []
    views = [HintedView(*drawn(seed=i)) for i in range(count)]
    propose(small_model(), views, variants=variants, on_step=told.append)
    assert [step.index for step in told] == list(range(1, told[0].count + 1))
    assert {step.count for step in told} == {len(told)}


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
