"""The robot user, and the users that training simulates."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from semcolorize.cli.main import cli
from semcolorize.errors import ConfigError
from semcolorize.evaluation import clicks
from semcolorize.evaluation.click_methods import CLASSICAL, colored_method
from semcolorize.evaluation.clicks import click_tasks, run_clicks
from semcolorize.evaluation.masks import MaskedImage, read_masked_images
from semcolorize.training.simulated_user import LabelTask, draw_hints, draw_task, marks_of, next_clicks


def field(classes=1, seed=0):
    """Disks on dark ground, a brightness a class."""
    rows, columns = np.mgrid[:96, :128]
    instances, of = np.zeros((96, 128), np.int32), np.zeros((96, 128), np.int16)
    number = 0
    for row in (20, 48, 76):
        for column in (24, 64, 104):
            number += 1
            here = np.hypot(rows - row, columns - column) < 11
            instances[here], of[here] = number, 1 + number % classes
    lightness = np.where(of > 0, 40 + 25.0 * of, 15) + np.random.default_rng(seed).normal(0, 1, of.shape)
    return MaskedImage("disks", lightness.astype(np.float32), instances, of, "made", True)


def oracle(target):
    return lambda lightness, marks, labels, kind: np.where(marks >= 0, marks, target)


def test_the_first_click_lies_in_the_middle_of_an_object():
    (task,) = click_tasks([field()], ["instance"])
    number = field().instances[task.first[0]]
    rows, columns = np.nonzero(field().instances == number)
    assert np.hypot(task.first[0][0] - rows.mean(), task.first[0][1] - columns.mean()) <= 2
    np.testing.assert_array_equal(task.target, field().instances == number)


def test_alike_wants_the_class_and_labels_want_every_class():
    image = field(classes=2)
    alike, labels = click_tasks([image], ["alike", "labels"])
    assert (alike.target > 0).sum() == (image.classes == image.classes[alike.first[0]]).sum()
    assert len(labels.first) == 2 and set(np.unique(labels.target)) == {0, 1, 2}
    for k, place in enumerate(labels.first, start=1):
        assert labels.target[place] == k
    assert click_tasks([field()], ["labels"]) == []


def test_masks_of_classes_have_no_single_objects():
    image = field()
    parts = MaskedImage("c", image.lightness, image.instances, image.classes, "", numbered=False)
    assert [task.kind for task in click_tasks([parts], ["instance", "alike"])] == ["alike"]


def test_a_method_that_is_right_takes_one_click():
    (task,) = click_tasks([field()], ["alike"])
    (row,) = run_clicks([task], {"oracle": oracle(task.target)}).summary()
    assert (row["iou_1"], row["noc85"], row["noc90"], row["fail90"], row["worse"]) == (1.0, 1.0, 1.0, 0.0, 0.0)


def test_a_method_that_colors_only_where_it_was_clicked_is_clicked_until_it_is_right():
    (task,) = click_tasks([field()], ["alike"])
    seen = []

    def patches(lightness, marks, labels, kind):
        seen.append((marks >= 0).sum())
        return np.maximum(marks, 0)

    (row,) = run_clicks([task], {"patches": patches}).summary()
    assert np.all(np.diff(seen) > 0) and len(seen) == 10
    assert row["noc90"] == 10 and row["fail90"] == 1 and 0 < row["iou_1"] < row["iou_10"] < 0.5


def test_what_is_too_much_is_clicked_gray():
    (task,) = click_tasks([field()], ["instance"])
    given = []

    def everything(lightness, marks, labels, kind):
        given.append(marks.copy())
        return np.where(marks == 0, 0, 1)

    run_clicks([task], {"all": everything}, most=2)
    gray = np.argwhere(given[1] == 0)
    assert len(gray) == 25 and not task.target[tuple(gray.T)].any()


def test_a_click_that_makes_it_worse_is_counted():
    (task,) = click_tasks([field()], ["alike"])
    answers = [task.target * (np.arange(128) < 70), np.zeros_like(task.target), task.target]
    (row,) = run_clicks([task], {"m": lambda *_: answers.pop(0)}, most=3).summary()
    assert row["worse"] == row["much_worse"] == 0.5 and row["worst"] < -0.4


def test_scatter_leaves_the_middle_but_not_the_error():
    wrong = np.zeros((60, 60), np.int8)
    wrong[10:50, 10:50] = 1
    rng = np.random.default_rng(0)
    middle = clicks._largest_error(np.zeros_like(wrong), wrong, 0.0, rng)
    places = {clicks._largest_error(np.zeros_like(wrong), wrong, 1.0, rng) for _ in range(30)}
    assert 28 <= middle[0] <= 31 and 28 <= middle[1] <= 31
    assert len(places) > 20 and all(wrong[place] for place in places)
    assert clicks._largest_error(wrong, wrong, 0.0, rng) is None


@pytest.mark.parametrize("name", ["random-walker", "flood", "grabcut"])
def test_classical_methods_take_an_easy_field(name):
    if name == "grabcut":
        pytest.importorskip("cv2")
    tasks = click_tasks([field(classes=2)], ["instance", "labels"])
    run = run_clicks(tasks, {name: CLASSICAL[name]}, most=6)
    assert max(next(s.ious for s in run.sessions if s.kind == "instance")) > 0.8
    assert {s.labels for s in run.sessions} == {1, 2}


def test_a_colorizer_is_read_by_the_ink_it_gives():
    image = field(classes=2)
    (task,) = click_tasks([image], ["labels"])

    def paint(lightness, hint_ab, hint_mask, spread):
        colors = {k: hint_ab[(marks == k)].mean(axis=0) for k in (1, 2)}
        return sum((0.9 * colors[k]) * (task.target == k)[..., None] for k in (1, 2))

    marks = np.full(task.target.shape, -1, np.int8)
    for k, (row, column) in enumerate(task.first, start=1):
        marks[row - 2 : row + 3, column - 2 : column + 3] = k
    found = colored_method(paint)(image.lightness, marks, 2, "alike")
    assert (found == task.target).mean() > 0.99


def test_the_command_writes_scores_plot_and_sheet(tmp_path):
    from PIL import Image

    image = field(classes=2)
    for folder in ("images", "masks"):
        (tmp_path / "set" / folder).mkdir(parents=True)
    Image.fromarray(np.clip(2.55 * image.lightness, 0, 255).astype(np.uint8)).save(tmp_path / "set/images/a.png")
    Image.fromarray(image.instances.astype(np.uint16)).save(tmp_path / "set/masks/a.png")
    Image.fromarray(np.clip(2.55 * image.lightness, 0, 255).astype(np.uint8)).save(tmp_path / "set/images/b.png")
    Image.fromarray(image.classes.astype(np.uint8)).save(tmp_path / "set/masks/b.png")
    read = {one.name: one for one in read_masked_images(tmp_path / "set", 128)}
    assert read["a.png"].numbered and not read["b.png"].numbered and read["b.png"].instances.max() == 9
    command = ["evaluate", "--clicks", "--data", str(tmp_path / "set"), "--working-size", "128", "--methods"]
    done = CliRunner().invoke(cli, [*command, "model,flood", "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert {row["method"] for row in document["summary"]} == {"model", "flood"}
    assert {row["task"] for row in document["summary"]} == {"instance", "alike", "labels"}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "clicks.csv", "clicks.json", "clicks.png", "clicks_sheet.png"
    ]  # fmt: skip
    refused = CliRunner().invoke(cli, [*command, "magic"])
    assert isinstance(refused.exception, ConfigError) and "magic is not known" in str(refused.exception)


def test_what_a_simulated_user_wants_is_what_its_hints_lie_on():
    image = field(classes=2)
    rng = np.random.default_rng(1)
    counts = []
    for _ in range(60):
        task = draw_task(image.classes, image.instances, rng, numbered=True)
        target = task.target(image.classes, image.instances)
        kinds = draw_hints(task, image.classes, image.instances, rng)
        label = np.where(kinds >= 0, kinds // 2 + 1, 0)
        label[label > len(task)] = 0
        right = (label == target)[kinds >= 0]
        counts.append(right.mean())
        for k in range(len(task)):
            # A single object is asked for by hints that speak for one object.
            speaks = np.unique(kinds[(kinds // 2 == k) & (kinds >= 0)] % 2)
            assert set(speaks) <= {0, 1} and (len(task.objects[k]) > 0) in (1 in speaks, len(speaks) == 2)
    assert np.mean(counts) > 0.9


def test_a_single_object_is_taken_out_of_its_class():
    image = field()
    target = LabelTask((1, None), ((), (5,)), 0).target(image.classes, image.instances)
    assert (target[image.instances == 5] == 2).all()
    assert (target[(image.instances > 0) & (image.instances != 5)] == 1).all()


def test_the_next_click_mends_the_largest_error():
    target = torch.zeros(3, 32, 32, dtype=torch.int64)
    target[:, 4:20, 4:20] = 1
    chances = torch.zeros(3, 2, 32, 32)
    chances[:, 0] = 1
    chances[1, :, 4:20, 4:20] = torch.tensor([0.0, 1.0])[:, None, None]
    chances[2, 0], chances[2, 1] = 0, 1
    marks, spread = torch.zeros(3, 2, 2, 32, 32, dtype=torch.uint8), torch.tensor([[1, 0]] * 3)
    labels, generator = torch.ones(3, dtype=torch.int64), torch.Generator().manual_seed(0)
    made = next_clicks(chances, target, marks, spread, labels, generator)
    where = [torch.nonzero(row) for row in made]
    assert len(where[1]) == 0  # nothing is wrong
    # Missed: a hint of the label, for one object as its others; too much: a gray one, for all alike.
    assert (where[0][:, :2] == torch.tensor([0, 1])).all()
    assert (made[0, 0, 1][4:20, 4:20] > 0).sum() == len(where[0]) == 9
    assert (where[2][:, :2] == torch.tensor([1, 0])).all() and not (made[2, 1, 0][4:20, 4:20] > 0).any()


def test_marks_are_coverage_in_quarters():
    kinds = np.full((8, 8), -1, np.int8)
    kinds[0, 0], kinds[2:4, 2:4], kinds[7, 7] = 0, 3, 4
    marks = marks_of(kinds, 2)
    assert marks.shape == (3, 2, 4, 4)
    assert (marks[0, 0, 0, 0], marks[1, 1, 1, 1], marks[2, 0, 3, 3], marks.sum()) == (1, 4, 1, 6)
