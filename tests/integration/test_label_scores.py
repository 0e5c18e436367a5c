"""What the shipped label model does in a robot user's hands, on micrographs that it was not trained on."""

import numpy as np
import pytest

from semcolorize.evaluation.click_methods import label_method
from semcolorize.evaluation.clicks import click_tasks, run_clicks
from semcolorize.evaluation.masks import read_masked_images
from semcolorize.inference.assign import assign, encode_view
from semcolorize.inference.assignment import label_marks, softmax_with_none
from semcolorize.model.checkpoint import load_label_weights


@pytest.fixture(scope="module")
def model():
    return load_label_weights().model


@pytest.fixture(scope="module")
def summary(model, shared_data):
    images = [
        image for name, projects in (("spheres", "*"), ("ampis", "*particle*"))
        for image in read_masked_images(shared_data / "masks" / name, 512, projects=projects)[::2]
    ]  # fmt: skip
    run = run_clicks(click_tasks(images, ["instance", "alike"]), {"model": label_method(model)}, most=5)
    return {row["task"]: row for row in run.summary()}


@pytest.mark.slow
@pytest.mark.parametrize(("task", "first", "fifth"), [("instance", 0.80, 0.85), ("alike", 0.80, 0.82)])
def test_a_click_takes_particles_and_spheres(summary, task, first, fifth):
    assert summary[task]["iou_1"] >= first and summary[task]["iou_5"] >= fifth


@pytest.mark.slow
def test_far_from_one_more_hint_of_a_known_label_little_changes(model, shared_data):
    image = read_masked_images(shared_data / "masks" / "spheres", 512)[0]
    (task,) = click_tasks([image], ["alike"])
    shape = task.target.shape
    view = encode_view(model, image.lightness)
    rows, columns = np.mgrid[: shape[0], : shape[1]]

    def chances(*places):
        marked = np.zeros(shape, bool)
        for row, column in places:
            marked[row - 2 : row + 3, column - 2 : column + 3] = True
        place = np.flatnonzero(marked & (task.target == 1))
        marks = label_marks(place, np.zeros(len(place), int), np.ones(len(place)), 1, shape)
        return softmax_with_none(assign(model, [view], [marks])[0])

    numbers = np.unique(image.instances[image.instances > 0])
    middle = [np.argwhere(image.instances == n).mean(axis=0).round().astype(int) for n in numbers]
    other = next(tuple(m) for m in middle if np.hypot(*(m - task.first[0])) > 150 and image.instances[tuple(m)])
    before, after = chances(task.first[0]), chances(task.first[0], other)
    far = np.hypot(rows - other[0], columns - other[1]) > 120
    assert np.abs(after - before)[:, far].mean() < 0.05
