"""Training: batches by number, resumption to the bit, checkpoints, recipes."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from semcolorize.color.lab import rgb_to_lab
from semcolorize.errors import ConfigError, WeightsError
from semcolorize.hints.simulate import thesis_hints
from semcolorize.network.conditioning import PRESETS
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.weights import load_weights
from semcolorize.scenes import make_scene, make_views
from semcolorize.training.crops import shade_instances
from semcolorize.training.dataset import BatchDataset
from semcolorize.training.distill import distillation_loss
from semcolorize.training.folders import color_folder
from semcolorize.training.loop import learning_rate, train
from semcolorize.training.mix import MixConfig, Stage
from semcolorize.training.objective import diffusion_loss, likeness_loss
from semcolorize.training.recipe import OptimizerConfig, read_recipe, recipe_from_dict
from semcolorize.training.recolor import photograph_scene
from semcolorize.training.samples import color_sample, pair_sample, scene_sample

SMALL = {"dim": 16, "multipliers": [1, 2], "attention": ["none", "full"]}
TINY = {
    "network": SMALL,
    "stages": [{"steps": 3, "size": 32, "batch": 4}, {"steps": 3, "size": 64, "batch": 2}],
    "data": {"scenes": 1.0, "masks": 0.0, "photographs": 0.0, "window": 4},
    "optimizer": {"precision": "fp32", "warmup": 2},
    "workers": 0,
}
ONLY_SCENES = MixConfig(scenes=1, masks=0, photographs=0, window=8)


def dataset(seed=0, **changes):
    return BatchDataset(PRESETS["compact"], ONLY_SCENES, [Stage(4, 32, 6), Stage(2, 64, 2)], seed=seed, **changes)


def test_batches_are_functions_of_seed_and_number():
    first, again = dataset(), dataset()
    again[3], again[0]  # another order, as other workers would ask
    for k in (0, 2, 5):
        assert torch.equal(first[k].ab, again[k].ab)
        assert torch.equal(first[k].condition.grid, again[k].condition.grid)
    assert not torch.equal(first[0].ab, first[1].ab)
    assert not torch.equal(first[0].ab, dataset(seed=1)[0].ab)
    assert not torch.equal(first[0].ab, dataset(validation=True)[0].ab)
    assert first[5].ab.shape == (2, 2, 64, 64) and first[0].ab.shape == (6, 2, 32, 32)


def test_highlighted_samples_leave_the_rest_exactly_gray():
    seen = set()
    for seed in range(40):
        scene = make_scene(seed, 64)
        rng = np.random.default_rng(seed)
        sample = scene_sample(scene, rng, gray=1.0, instance=0.5)
        assert sample.fill == "gray"
        colored = np.abs(sample.ab).sum(axis=-1) > 0
        touched = set(np.unique(scene.instances[sample.hints.mask & (np.abs(sample.hints.ab).sum(axis=-1) > 0)]))
        lit = set(np.unique(scene.instances[colored]))
        if sample.spread == "instance":
            assert lit <= touched | lit and len(lit) <= 4
        else:
            classes = np.unique(scene.classes[colored])
            assert colored[np.isin(scene.classes, classes)].mean() > 0.5
        seen.add(sample.spread)
    assert seen == {"alike", "instance"}


def test_hints_carry_the_truth():
    rng = np.random.default_rng(0)
    for seed in range(20):
        lightness = rng.uniform(0, 100, (64, 64)).astype(np.float32)
        ab = np.broadcast_to(rng.uniform(-50, 50, 2), (64, 64, 2)).astype(np.float32)
        hints = color_sample(lightness, ab, np.random.default_rng(seed)).hints
        np.testing.assert_allclose(hints.ab[hints.mask], ab[hints.mask], atol=1e-4)
        assert hints.mask.mean() < 0.5


def test_learning_rate_warms_up_and_cools_down():
    config = OptimizerConfig(learning_rate=1e-3, warmup=10, cooldown=0.5)
    rates = [learning_rate(step, 100, config) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4) and rates[30] == 1e-3 and rates[75] == pytest.approx(5e-4)
    assert rates[-1] < 5e-5


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = recipe_from_dict(TINY)
    train(whole, tmp_path / "whole")

    stop = iter(range(100))

    def interrupt(progress):
        next(stop)

    train(whole, tmp_path / "parts", max_minutes=1e-9, on_progress=interrupt)
    state = train(whole, tmp_path / "parts", resume=True, max_minutes=1e-9)
    assert state.step == 2 and not state.finished
    end = train(whole, tmp_path / "parts", resume=True)
    assert end.finished and end.step == 6
    first, second = (load_weights(tmp_path / name / "weights.safetensors").model for name in ("whole", "parts"))
    for (name, a), (_, b) in zip(first.state_dict().items(), second.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
    log = [json.loads(line) for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert max(entry["step"] for entry in log) == 6
    for name in ("samples.png", "curves.png", "recipe.json"):
        assert (tmp_path / "parts" / name).stat().st_size > 0


def test_a_folder_with_a_checkpoint_is_not_trained_over(tmp_path):
    recipe = recipe_from_dict(TINY)
    train(recipe, tmp_path, max_minutes=1e-9)
    with pytest.raises(ConfigError, match="holds a checkpoint; continue it with --resume"):
        train(recipe, tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="damaged"):
        train(recipe, tmp_path, resume=True)


def test_a_run_is_not_resumed_with_another_recipe(tmp_path):
    train(recipe_from_dict({**TINY, "workers": 0}), tmp_path, max_minutes=1e-9)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    changed = {**TINY, "optimizer": {**TINY.get("optimizer", {}), "learning_rate": 0.5}}
    with pytest.raises(ConfigError, match="has changed since step 1 .optimizer.learning_rate was .*, is 0.5"):
        train(recipe_from_dict(changed), tmp_path, resume=True)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    # How many processes make the batches changes none of them.
    assert train(recipe_from_dict({**TINY, "workers": 1}), tmp_path, resume=True).finished


def test_sigterm_leaves_a_checkpoint(tmp_path):
    long = {**TINY, "stages": [{"steps": 100000, "size": 32, "batch": 2}], "workers": 1}
    recipe = tmp_path / "long.yaml"
    recipe.write_text(json.dumps(long))
    words = [sys.executable, "-m", "semcolorize", "train", str(recipe), "--out", str(tmp_path / "run")]
    with subprocess.Popen(
        words, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        log = tmp_path / "run" / "log.jsonl"
        for _ in range(600):
            if log.exists() and log.stat().st_size:
                break
            time.sleep(0.1)
        # To the whole group, as a queueing system does it.
        os.killpg(process.pid, signal.SIGTERM)
        said, told = process.communicate(timeout=60)
    assert process.returncode == 0 and "stopped; continue with --resume" in said
    # Nobody looks, so there is a line for the log instead of a bar.
    assert re.search(r"^training: \d+ of 100000  loss 0\.\d+", told)
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()
    assert load_weights(tmp_path / "run" / "weights.safetensors").metadata["step"] > 0


@pytest.mark.parametrize("name", ["compact", "refine", "modes", "experiment"])
def test_bundled_recipes_are_valid(tmp_path, name):
    recipe = read_recipe(name, data_folder=tmp_path)
    assert recipe.model_config == PRESETS["compact"]
    assert recipe.data.masks_folder == str(tmp_path / "emps")


def test_a_recipe_can_be_changed_from_outside():
    changes = ["network.dim=48", "optimizer.terminal_share=0.25", "stages.0.steps=7", "data.views=0", "init="]
    recipe = read_recipe("experiment", changes=changes)
    assert recipe.model_config.network.dim == 48 and recipe.optimizer.terminal_share == 0.25
    assert recipe.steps == 7 and recipe.data.views == 0 and recipe.init is None
    whole = read_recipe("experiment")
    assert dataclasses.replace(recipe.stages[0], steps=400) == whole.stages[0] and whole.data.views > 0
    plain = ["model.residual=false", "model.matching_heads=0", "network.out_channels=2", "optimizer.likeness_weight=0"]
    assert not read_recipe("experiment", changes=plain).model_config.residual


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("optimizer", "KEY=VALUE is accepted"),
        ("=3", "KEY=VALUE is accepted"),
        ("stages.9.steps=3", "the recipe has no stages.9.steps"),
        ("seed.deep=3", "the recipe has no seed.deep"),
        ("optimizer.terminal_shape=0.5", "Did you mean terminal_share"),
        ("optimizer.knee=[", "the value is no YAML"),
        ("model.matching_heads=0", "model and network do not make one"),
        ("model.colour=3", "unknown keys"),
        ("network.dim=wide", "model and network do not make one"),
    ],
)
def test_changes_that_fit_nothing_are_refused(change, words):
    with pytest.raises(ConfigError) as caught:
        read_recipe("experiment", changes=[change])
    assert words in str(caught.value)


def test_a_recipe_tells_all_its_faults_with_lines(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("preset: compakt\nstages:\n  - {steps: 3, sise: 64}\noptimizer:\n  learning_rate: fast\ndata: 3\n")
    with pytest.raises(ConfigError) as caught:
        read_recipe(path)
    text = str(caught.value)
    assert "r.yaml:1: preset 'compakt'" in text
    assert "r.yaml:3: stages[0].sise is not a known key. Did you mean size?" in text
    assert "r.yaml:5: optimizer.learning_rate is 'fast'" in text
    assert "r.yaml:6: data must be a mapping" in text


def test_missing_data_is_named(tmp_path):
    mix = MixConfig(masks=0.5, photographs=0.0, masks_folder=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="masks_folder .*nowhere.* is no folder"):
        BatchDataset(PRESETS["compact"], mix, [Stage(1)])
    with pytest.raises(ConfigError, match="names no folder"):
        BatchDataset(PRESETS["compact"], MixConfig(masks=0), [Stage(1)])
    with pytest.raises(ConfigError, match="multiple of 16"):
        BatchDataset(PRESETS["compact"], ONLY_SCENES, [Stage(1, 70)])


def test_photographs_become_scenes_of_their_colors():
    rows, cols = np.mgrid[:64, :64]
    disk = (rows - 30) ** 2 + (cols - 34) ** 2 < 15**2
    rgb = np.where(disk[..., None], [0.8, 0.2, 0.1], [0.1, 0.3, 0.7]) * (0.7 + 0.3 * (cols / 64)[..., None])
    lab = rgb_to_lab(rgb + np.random.default_rng(0).normal(0, 0.01, rgb.shape).clip(-0.05, 0.05)).astype(np.float32)
    found = 0
    for seed in range(8):
        scene = photograph_scene(lab, np.random.default_rng(seed))
        np.testing.assert_array_equal(scene.lightness, lab[..., 0])
        assert np.isin(np.arange(1, scene.instances.max() + 1), scene.instances).all()
        assert len(scene.family_of_class) == scene.classes.max() + 1
        assert ((scene.instances > 0) == (scene.classes > 0)).all()
        inside, outside = (np.bincount(scene.classes[part]).argmax() for part in (disk, ~disk))
        found += inside != outside
    assert found == 8


def test_views_are_colored_alike_after_hints_in_the_first():
    hidden = 0
    for seed in range(12):
        series = make_views(seed, 64, 2)
        pair = pair_sample(series.views, np.random.default_rng(seed), gray=0.3, instance=0.5)
        assert len(pair) == 2 and pair[0].fill == pair[1].fill and pair[0].spread == pair[1].spread
        hidden += pair[0].hints.mask.any() and not pair[1].hints.mask.any()
        hues = []
        for view, sample in zip(series.views, pair, strict=True):
            np.testing.assert_array_equal(sample.lightness, view.lightness)
            hues.append({int(n): sample.ab[view.instances == n].mean(axis=0) for n in np.unique(view.instances)})
        for number in set(hues[0]) & set(hues[1]):
            one, two = hues[0][number], hues[1][number]
            if min(np.hypot(*one), np.hypot(*two)) > 15 and (series.views[0].instances == number).sum() > 100:
                assert one @ two > 0.5 * np.hypot(*one) * np.hypot(*two)
    assert hidden >= 6


def test_batches_of_views_hold_neighbors_and_train():
    mix = MixConfig(scenes=1, masks=0, photographs=0, window=4, views=1.0)
    batch = BatchDataset(PRESETS["compact"], mix, [Stage(2, 64, 4)])[0]
    assert batch.views == 2 and batch.ab.shape == (4, 2, 64, 64)
    torch.manual_seed(0)
    shape = {"dim": 16, "multipliers": (1, 2), "attention": ("none", "full")}
    model = ABDiffuser(PRESETS["compact"].with_network(**shape))
    loss = diffusion_loss(model, batch, torch.Generator().manual_seed(0))
    loss.backward()
    assert torch.isfinite(loss)
    flags = batch.condition.flags
    assert torch.equal(flags[0::2], flags[1::2])


def test_every_bundled_recipe_is_valid(tmp_path):
    thesis = read_recipe("thesis", data_folder=tmp_path)
    assert (thesis.steps, thesis.stages[1].batch, thesis.optimizer.min_snr) == (120000, 32, 5)
    assert thesis.stages[0].data["colored_folder"] == str(tmp_path / "images")
    finetune = read_recipe("finetune", data_folder=tmp_path)
    assert finetune.init == "default" and finetune.model_config == PRESETS["compact"]


def test_a_run_in_a_folder_named_like_its_recipe_finds_the_recipe(tmp_path, monkeypatch):
    (tmp_path / "compact").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read_recipe("compact").preset == "compact"


def test_stages_change_rate_and_mix(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        rgb = np.zeros((48, 48, 3), np.uint8)
        rgb[..., 0 if name == "one" else 2] = 200
        Image.fromarray(rgb).save(tmp_path / name / "a.png")
    values = TINY | {
        "stages": [
            {"steps": 2, "size": 32, "batch": 2, "data": {"colored_folder": "one"}},
            {"steps": 2, "size": 32, "batch": 2, "learning_rate": 1.0e-5, "data": {"colored_folder": "two"}},
        ],
        "data": {"scenes": 0.0, "masks": 0.0, "photographs": 0.0, "colored": 1.0, "hints": "thesis"},
    }
    recipe = recipe_from_dict(values, folder=tmp_path)
    data = BatchDataset(recipe.model_config, recipe.data, recipe.stages)
    assert data[0].ab[:, 1].mean() > 0 > data[2].ab[:, 1].mean()  # red is yellowish in b*, blue is not
    assert learning_rate(2, 4, recipe.optimizer, recipe.stages[1].learning_rate) <= 1e-5
    values["stages"][1]["data"] = {"colored_foldr": "two", "hints": "thesis"}
    with pytest.raises(ConfigError, match=r"stages\[1\]\.data\.colored_foldr is not a known key"):
        recipe_from_dict(values, folder=tmp_path)
    values["stages"][1]["data"] = {"hints": "thesys"}
    with pytest.raises(ConfigError, match="mixed or thesis is accepted"):
        recipe_from_dict(values, folder=tmp_path)


def test_a_run_starts_from_other_weights(tmp_path):
    first = train(recipe_from_dict(TINY), tmp_path / "first")
    values = TINY | {"init": str(first.weights), "optimizer": {"precision": "fp32", "learning_rate": 0.0}}
    second = train(recipe_from_dict(values), tmp_path / "second")
    one, two = (load_weights(r.weights).model.state_dict() for r in (first, second))
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert json.loads((tmp_path / "second" / "recipe.json").read_text())["init"] == "weights.safetensors"
    with pytest.raises(ConfigError, match="another network"):
        train(recipe_from_dict(values | {"network": SMALL | {"dim": 24}}), tmp_path / "third")


def test_weighting_by_signal_to_noise_is_the_papers():
    batch = dataset()[0]
    torch.manual_seed(0)
    model = ABDiffuser(PRESETS["compact"].with_network(dim=16, multipliers=(1, 2), attention=("none", "full")))

    def loss(**changes):
        with torch.no_grad():
            return float(diffusion_loss(model, batch, torch.Generator().manual_seed(1), knee=0.0, **changes))

    # At t = 1 hardly any signal is left: weights vanish with it.
    assert loss(terminal_share=1.0, min_snr=5.0) < 0.05 * loss(terminal_share=1.0)
    assert loss(terminal_share=0.0, min_snr=5.0) > 0
    assert loss(terminal_share=0.0, offset_noise=0.5) != loss(terminal_share=0.0)


@torch.no_grad()
def test_likeness_is_taught_where_the_truth_knows_it():
    torch.manual_seed(0)
    model = ABDiffuser(PRESETS["compact"].with_network(dim=16, multipliers=(1, 2), attention=("none", "full")))
    batch = dataset()[0]
    assert batch.labels.shape == (6, 2, 8, 8) and (batch.labels >= 0).all()
    matching = model.mixing.matching
    for part in (matching.query, matching.key):
        part.weight.copy_(8 * torch.eye(16).repeat(4, 1))
    matching.nothing.fill_(0.25)
    # Two kinds of place that point opposite ways.
    left = torch.zeros(6, 2, 8, 8, dtype=torch.long)
    left[..., :4] = 1
    features = torch.where(left[:, :1] == 1, 1.0, -1.0) * torch.tensor([1.0, -1.0] * 8)[:, None, None]

    def loss(labels):
        made = dataclasses.replace(batch, labels=labels)
        return float(likeness_loss(model, features, made, torch.Generator().manual_seed(0)))

    assert loss(left) < 0.01
    assert loss(1 - left) == pytest.approx(loss(left))
    assert loss(left.transpose(2, 3)) > 1
    assert loss(torch.full_like(left, -1)) == 0
    half = left.clone()
    half[:, 1] = -1
    assert loss(half) == pytest.approx(loss(left), rel=0.2)


def test_likeness_needs_heads(tmp_path):
    with pytest.raises(ConfigError, match="likeness_weight needs a network with matching heads"):
        recipe_from_dict(TINY | {"preset": "thesis", "network": {}, "optimizer": {"likeness_weight": 0.1}})


def test_thesis_hints_have_the_thesis_distribution():
    ab = np.zeros((64, 64, 2), np.float32)
    rng = np.random.default_rng(0)
    areas = [thesis_hints(ab, rng).mask.mean() for _ in range(2000)]
    assert np.mean(np.equal(areas, 0)) == pytest.approx(0.125, abs=0.025)
    assert np.mean(np.equal(areas, 1)) == pytest.approx(0.01, abs=0.008)


def test_shaded_objects_keep_their_gradations_and_the_ground_its_lightness():
    scene = make_scene(3, 96, families=["spheres", "rods"], substrate="void")
    for seed in range(20):
        shaded = shade_instances(scene.lightness, scene.instances, np.random.default_rng(seed))
        assert shaded.min() >= 0 and shaded.max() <= 100
        np.testing.assert_array_equal(shaded[scene.instances == 0], scene.lightness[scene.instances == 0])
        for number in np.unique(scene.instances[scene.instances > 0])[:5]:
            inside = (scene.instances == number) & (scene.lightness > 1) & (shaded < 100)
            ratio = shaded[inside] / scene.lightness[inside]
            assert np.ptp(ratio) < 1e-4 and 0.19 < ratio.mean() < 1.51


def test_uneven_samples_differ_within_a_class():
    mix = dataclasses.replace(ONLY_SCENES, uneven=1.0)
    one, other = (BatchDataset(PRESETS["compact"], m, [Stage(2, 64, 6)])[0] for m in (ONLY_SCENES, mix))
    assert not torch.equal(one.lightness, other.lightness)
    pairs = BatchDataset(PRESETS["compact"], dataclasses.replace(mix, views=1.0), [Stage(2, 64, 2)])[0]
    assert pairs.views == 2 and torch.isfinite(pairs.lightness).all()


def distilled(**changes):
    return recipe_from_dict({"init": "default", "stages": [{"steps": 2, "size": 64, "batch": 2}],
                             "data": {"scenes": 1.0, "masks": 0.0, "photographs": 0.0, "window": 4},
                             "workers": 0, "distill": {"share": 1.0, "teacher_steps": 3} | changes})  # fmt: skip


def test_a_student_is_taught_its_teachers_samples(tmp_path):
    teacher = load_weights("default").model
    batch = BatchDataset(teacher.config, ONLY_SCENES, [Stage(1, 64, 2)])[0]

    def loss(**steps):
        with torch.no_grad():
            return float(distillation_loss(teacher, teacher, batch, torch.Generator().manual_seed(0), **steps))

    # With as many steps as the teacher it is the teacher; with fewer it is not yet.
    assert loss(steps=4, teacher_steps=4) < 1e-10 < loss(steps=2, teacher_steps=8)
    student = load_weights("default").model.requires_grad_(True)
    optimizer = torch.optim.Adam(student.parameters(), lr=3e-4)
    losses = []
    for _ in range(12):
        found = distillation_loss(student, teacher, batch, torch.Generator().manual_seed(0), steps=2, teacher_steps=8)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        losses.append(float(found.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert train(distilled(), tmp_path / "run").finished


def test_written_weights_are_blended_with_those_at_the_start(tmp_path):
    shares = {}
    for blend in (1.0, 0.25):
        values = {"init": "default", "blend": blend, "stages": [{"steps": 2, "size": 64, "batch": 2}], "workers": 0,
                  "data": {"scenes": 1.0, "masks": 0.0, "photographs": 0.0, "window": 4}}  # fmt: skip
        written = train(recipe_from_dict(values), tmp_path / str(blend)).weights
        shares[blend] = load_weights(written).model.network.stem.weight
    start = load_weights("default").model.network.stem.weight
    moved, blended = shares[1.0] - start, shares[0.25] - start
    assert moved.abs().max() > 1e-5
    assert (blended - 0.25 * moved).abs().max() < 2e-4  # half precision
    for values in ({"blend": 0.5}, {"init": "default", "blend": 1.5}, {"init": "default", "blend": 0}):
        with pytest.raises(ConfigError, match="blend"):
            recipe_from_dict(values)


@pytest.mark.parametrize(
    "changes", [{"init": None}, {"distill": {"steps": 1}}, {"distill": {"teacher": 8}}, {"distill": {"share": "half"}}]
)
def test_distillation_needs_a_teacher_and_steps(changes):
    values = {"init": "default", "distill": {"steps": 2}} | changes
    with pytest.raises(ConfigError, match="distill"):
        recipe_from_dict(values)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"stages": [{"steps": "1e3", "size": 32, "batch": 1}]}, "stages.0..steps is '1e3'; a whole number"),
        ({"stages": [{"steps": 1, "size": 4096, "batch": 100}]}, "Use a smaller size or batch"),
        ({"optimizer": {"learning_rate": float("inf")}}, "learning_rate is inf"),
        ({"optimizer": {"ema": 7}}, "optimizer.ema is 7; 0 to 1 is accepted"),
        ({"data": {"gray": 1.5}}, "data.gray is 1.5"),
        ({"network": {"dim": 4096}}, "the network is too large"),
    ],
)
def test_what_no_machine_could_train_is_named_before_it_is_tried(wrong, said):
    with pytest.raises(ConfigError, match=said):
        recipe_from_dict(wrong)


def test_files_that_are_no_images_are_named_together(tmp_path):
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "good.png")
    for name in ("bad.png", "worse.jpg"):
        (tmp_path / name).write_text("no image")
    with pytest.raises(ConfigError, match=r"no readable images: bad.png, worse.jpg. Move them elsewhere"):
        color_folder(str(tmp_path), "colored")


def test_samples_are_labeled_and_small(tmp_path):
    train(recipe_from_dict(TINY), tmp_path, max_minutes=1e-9)
    picture = np.asarray(Image.open(tmp_path / "samples.png"))
    # Twelve samples of 64 pixels beside the column of names; two rows of four tiles.
    assert picture.shape == (2 * 4 * 64, 72 + 12 * 64, 3)
    margin = picture[:, :72]
    assert (margin.min(axis=(1, 2)) < 100).any() and (margin.max(axis=(1, 2)) == 255).all()
