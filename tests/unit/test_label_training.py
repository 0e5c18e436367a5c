"""Training the label model: recipes, data, resuming, and that it learns."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from semcolorize.errors import ConfigError
from semcolorize.model.checkpoint import load_label_weights
from semcolorize.model.label_model import LabelModel, LabelModelConfig
from semcolorize.scenes import make_figure
from semcolorize.training.appearance import Appearance, vary_appearance
from semcolorize.training.label_data import LabelDataset, LabelSource, LabelStage
from semcolorize.training.label_loop import train_labels
from semcolorize.training.label_objective import LossWeights, label_loss, simulate_and_label
from semcolorize.training.label_recipe import LabelRecipe, label_recipe_from_dict
from semcolorize.training.recipe import read_recipe
from semcolorize.training.scene_pool import ScenePool

TINY = {"encoder": {"widths": [8, 8, 8, 8, 8], "blocks": [1, 1, 1, 1, 1], "head_dim": 8},
        "decoder": {"widths": [8, 8, 8, 8]}}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two micrographs with masks: numbered disks, and classes."""
    root = tmp_path_factory.mktemp("data")
    rows, columns = np.mgrid[:96, :96]
    objects = np.zeros((96, 96), np.uint16)
    for k, (row, column) in enumerate(((25, 25), (60, 30), (40, 70), (75, 75)), start=1):
        objects[np.hypot(rows - row, columns - column) < 15] = k
    classes = np.uint8(100) * ((objects > 0).astype(np.uint8) + (objects > 2))
    for name, mask in (("disks", objects), ("classes", classes)):
        for kind in ("images", "masks"):
            (root / name / kind).mkdir(parents=True)
        gray = 40 + 120 * (objects > 0) + 3 * np.random.default_rng(0).normal(size=objects.shape)
        Image.fromarray(np.clip(gray, 0, 255).astype(np.uint8)).save(root / name / "images" / "a.png")
        Image.fromarray(mask).save(root / name / "masks" / "a.png")
    return root


def recipe(folder, **more):
    values = {
        "preset": "labels", "workers": 0, "model": TINY,
        "stages": [{"steps": 2, "size": 64, "batch": 2, "clicks": False}, {"steps": 3, "size": 64, "batch": 2}],
        "data": {"scenes": 0.5, "pool": 4, "pool_size": 96, "sources": [{"folder": "disks"}]},
        "optimizer": {"precision": "fp32", "warmup": 1},
    }  # fmt: skip
    return label_recipe_from_dict(values | more, folder=folder)


def test_the_bundled_recipe_is_read_with_its_folders(tmp_path):
    found = read_recipe("labels", data_folder=tmp_path)
    assert isinstance(found, LabelRecipe)
    assert found.data.sources[0] == LabelSource(str(tmp_path / "emps"), 0.26, "objects")
    assert {source.masks for source in found.data.sources} == {"objects", "classes", "regions"}
    assert not found.stages[0].clicks and found.stages[1].clicks


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"stages": []}, "at least one stage"),
        ({"stages": [{"stepz": 3}]}, "stages\\[0\\].stepz is not a known key. Did you mean steps"),
        ({"data": {"sources": [{"folder": "disks", "masks": "blobs"}]}}, "masks is 'blobs'; objects, classes, regions"),
        ({"data": {"sources": 3}}, "data.sources must be a list"),
        ({"data": [1]}, "data must be a mapping"),
        ({"loss": {"overlap": -1}}, "loss.overlap is -1"),
        ({"optimizer": {"learning_rate": "fast"}}, "learning_rate is 'fast'"),
        ({"seedy": 1}, "seedy is not a known key"),
    ],
)
def test_faults_are_named(folder, more, words):
    with pytest.raises(ConfigError, match=words):
        recipe(folder, **more)


def test_missing_data_is_found_out_before_anything_is_written(folder, tmp_path):
    plan = recipe(folder, data={"scenes": 0.0, "sources": [{"folder": "nowhere"}]})
    with pytest.raises(ConfigError, match="nowhere"):
        train_labels(plan, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_pool_is_the_same_however_many_make_it(tmp_path):
    one = ScenePool.make(tmp_path / "a.npy", 5, 64, workers=1)
    two = ScenePool.make(tmp_path / "b.npy", 5, 64, workers=2)
    for k in range(5):
        for a, b in zip(one[k], two[k], strict=True):
            np.testing.assert_array_equal(a, b)
    lightness, classes, instances = one[0]
    assert lightness.shape == (64, 64) and 0 <= lightness.min() <= lightness.max() <= 100
    assert (classes > 0).sum() == (instances > 0).sum() > 0


def test_figures_are_large_objects():
    shares = []
    for seed in range(12):
        scene = make_figure(seed, 96)
        shares.append(np.bincount(scene.instances.ravel())[1:].max(initial=0) / scene.instances.size)
    assert np.median(shares) > 0.15


def test_batches_depend_on_seed_and_number_only(folder, tmp_path):
    plan = recipe(folder)
    first, second = plan.dataset(tmp_path), plan.dataset(tmp_path)
    second[3]
    for name, values in vars(first[2]).items():
        assert torch.equal(values, getattr(second[2], name)), name


def test_hints_carry_their_labels_over_all_of_a_batch(folder, tmp_path):
    batch = recipe(folder).dataset(tmp_path)[2]
    rows, kinds = batch.marks.shape[:2]
    assert len(batch.image) == rows == 4 and kinds == int(batch.labels.max()) + 1
    assert batch.target.shape == (rows, 64, 64) and int(batch.target.max()) <= kinds - 1
    for row, count in enumerate(batch.labels.tolist()):
        assert not batch.marks[row, count:-1].any()


def test_masks_of_classes_have_parts_as_objects(folder):
    stage = [LabelStage(1, 64, 2)]
    classes = LabelDataset(stage, [LabelSource(str(folder / "classes"), masks="classes")], None)
    _, of, parts = classes._micrograph(0, 0)
    assert set(np.unique(of)) == {0, 1, 2} and parts.max() == 4
    drawn = LabelDataset(stage, [LabelSource(str(folder / "classes"), masks="regions")], None)._views(
        np.random.default_rng(0), 64, 1
    )
    assert not drawn[0].numbered


def test_sizes_take_turns_in_crops_of_as_many_pixels(folder, tmp_path):
    plan = recipe(folder, stages=[{"steps": 6, "size": 64, "batch": 4, "sizes": [128, 64, 96]}])
    dataset = plan.dataset(tmp_path)
    shapes = [tuple(dataset[k].lightness.shape) for k in range(5)]
    assert shapes == [(4, 1, 64, 64), (1, 1, 128, 128), (4, 1, 64, 64), (2, 1, 96, 96), (4, 1, 64, 64)]
    with pytest.raises(ConfigError, match="stage size 100 must be a multiple of 32"):
        recipe(folder, stages=[{"steps": 1, "size": 64, "batch": 2, "sizes": [100]}]).dataset(tmp_path)


def test_rows_are_corrected_as_often_as_they_are_asked_to(folder, tmp_path):
    batch = recipe(folder).dataset(tmp_path)[2]
    model = LabelModel(LabelModelConfig()).eval()
    features = model.encoder(batch.lightness)
    rounds = torch.tensor([0, 2, 0, 1])
    generator = torch.Generator().manual_seed(0)
    found, marks, before = simulate_and_label(model, features, batch, rounds, generator)
    changed = (marks != batch.marks).flatten(1).any(dim=1)
    assert changed.tolist() == [False, True, False, True]
    assert (before.amax(dim=(1, 2)) > 0).tolist() == [False, True, False, True]
    # Labels of the rows that nobody corrected are those of a run without corrections.
    plain, _, _ = simulate_and_label(model, features, batch, torch.zeros(4, dtype=torch.int64), generator)
    torch.testing.assert_close(found.logits[[0, 2]], plain.logits[[0, 2]])


def test_only_what_a_correction_takes_from_the_truth_is_charged(folder, tmp_path):
    batch = recipe(folder).dataset(tmp_path)[2]
    model = LabelModel(LabelModelConfig()).eval()
    with torch.no_grad():
        rounds = torch.zeros(len(batch.image), dtype=torch.int64)
        found, _, none = simulate_and_label(
            model, model.encoder(batch.lightness), batch, rounds, torch.Generator().manual_seed(0)
        )
        weights = LossWeights(kept=2.0)
        plain = label_loss(found, batch, weights)
        truth = found.chances().gather(1, batch.target[:, ::2, ::2].long()[:, None])[:, 0]
        assert label_loss(found, batch, weights, none) == plain
        torch.testing.assert_close(label_loss(found, batch, weights, 0.5 * truth), plain)
        higher = (truth + 0.25).clamp(max=1)
        torch.testing.assert_close(
            label_loss(found, batch, weights, higher) - plain, 2.0 * (higher - truth).mean(), atol=1e-5, rtol=1e-4
        )


def test_statistics_can_be_kept(folder, tmp_path):
    before = dict(LabelModel(LabelModelConfig.from_dict(TINY)).named_buffers())
    run = train_labels(recipe(folder, optimizer={"keep_statistics": True, "precision": "fp32"}), tmp_path / "run")
    after = dict(load_label_weights(run.weights).model.named_buffers())
    for name, values in before.items():
        torch.testing.assert_close(values, after[name], msg=name)


@pytest.mark.parametrize("name", ["equalize", "shadow", "halo", "rim", "gradient", "tone", "invert", "blur", "noise"])
def test_every_variation_changes_looks_within_range_and_is_repeatable(name):
    scene = make_figure(3, 64)
    none = dict.fromkeys(vars(Appearance()), 0.0)
    classes, instances = scene.classes.astype(np.int64), scene.instances

    def varied(shares):
        return vary_appearance(scene.lightness, classes, instances, np.random.default_rng(1), Appearance(**shares))

    plain, changed = varied(none), varied(none | {name: 1.0})
    np.testing.assert_allclose(plain, scene.lightness, atol=1e-3)
    assert np.abs(changed - plain).mean() > 0.05 and changed.min() >= 0 and changed.max() <= 100
    np.testing.assert_array_equal(changed, varied(none | {name: 1.0}))


def test_equalized_classes_are_of_one_brightness():
    scene = make_figure(3, 64)
    classes = (scene.classes > 0).astype(np.int64)
    shares = dict.fromkeys(vars(Appearance()), 0.0) | {"equalize": 1.0}
    gaps = []
    for seed in range(8):
        own = np.random.default_rng(seed)
        made = vary_appearance(scene.lightness, classes, scene.instances, own, Appearance(**shares))
        gaps.append(abs(made[classes > 0].mean() - made[classes == 0].mean()))
    before = abs(scene.lightness[classes > 0].mean() - scene.lightness[classes == 0].mean())
    assert np.mean(gaps) < 0.6 * before


def test_a_stopped_run_goes_on_as_if_it_had_not_been(folder, tmp_path):
    plan = recipe(folder)
    whole = train_labels(plan, tmp_path / "whole")
    assert whole.finished and whole.step == 5
    part = train_labels(plan, tmp_path / "part", max_minutes=1e-9)
    assert part.step == 1 and not part.finished
    with pytest.raises(ConfigError, match="--resume"):
        train_labels(plan, tmp_path / "part")
    with pytest.raises(ConfigError, match=r"changed since step 1 \(loss.overlap was 0.5, is 0.7\)"):
        train_labels(recipe(folder, loss={"overlap": 0.7}), tmp_path / "part", resume=True)
    again = train_labels(plan, tmp_path / "part", resume=True)
    assert again.finished
    one, other = (load_label_weights(run.weights) for run in (whole, again))
    for (name, a), b in zip(one.model.state_dict().items(), other.model.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=1e-2, msg=name)
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 5 and np.isfinite(log[-1]["loss"])
    # What ships names data by folder, not by the place where somebody kept it.
    assert one.metadata["recipe"]["data"]["sources"][0]["folder"] == "disks"


@pytest.mark.slow
def test_a_small_model_learns_one_field(folder, tmp_path):
    plan = recipe(
        folder,
        stages=[{"steps": 60, "size": 64, "batch": 4}],
        data={"scenes": 0.0, "sources": [{"folder": "disks"}], "pairs": 0.0},
        appearance=dict.fromkeys(vars(Appearance()), 0.0),
        optimizer={"precision": "fp32", "warmup": 1, "learning_rate": 5e-3},
    )
    seen = []
    train_labels(plan, tmp_path / "run", on_progress=seen.append)
    assert seen[-1].loss < 0.8 * seen[0].loss and seen[-1].iou > 0.6
