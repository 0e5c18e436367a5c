"""Scores of the modes, on scenes where the right answer is known."""

import json

import numpy as np
import pytest
from PIL import Image

from semcolorize.errors import ConfigError, ImageReadError
from semcolorize.evaluation.masks import MaskedImage, procedural_images, read_masked_images
from semcolorize.evaluation.modes import HINT_AB, click_instances, edge_share, score_modes
from semcolorize.evaluation.report import write_modes_report


@pytest.fixture
def disks() -> MaskedImage:
    rows, cols = np.mgrid[:96, :96]
    instances = np.zeros((96, 96), np.int32)
    for number, (row, col) in enumerate([(24, 24), (24, 70), (70, 24), (70, 70)], start=1):
        instances[(rows - row) ** 2 + (cols - col) ** 2 < 15**2] = number
    classes = np.where(instances == 4, 2, instances > 0).astype(np.int16)
    return MaskedImage("disks", np.where(instances > 0, 60, 20).astype(np.float32), instances, classes)


def painted(where):
    return where[..., None] * np.array(HINT_AB)


def test_the_right_answer_scores_one_and_all_or_nothing_score_their_share(disks):
    def right(lightness, hint_ab, hint_mask, mode):
        touched = np.unique(disks.instances[hint_mask])
        classes = np.unique(disks.classes[hint_mask])
        return painted(np.isin(disks.instances, touched) if mode == "instance" else np.isin(disks.classes, classes))

    methods = {
        "right": right,
        "all": lambda lightness, ab, mask, mode: painted(np.ones(lightness.shape, bool)),
        "none": lambda lightness, ab, mask, mode: painted(np.zeros(lightness.shape, bool)),
    }
    run = score_modes([disks], methods, counts=[1], trials=4)
    rows = {(r["mode"], r["method"]): r for r in run.summary()}
    for mode in ("alike", "instance"):
        assert rows[mode, "right"]["iou"] == 1 and rows[mode, "right"]["leak"] == 0
        assert rows[mode, "right"]["edge_share"] == 1
        assert rows[mode, "none"]["iou"] == 0 and rows[mode, "none"]["edge_share"] is None
        assert rows[mode, "all"]["leak"] == pytest.approx(np.hypot(*HINT_AB), rel=1e-3)
    share = (disks.instances == 1).mean()
    assert rows["instance", "all"]["iou"] == pytest.approx(share, rel=0.05)


def test_clicks_lie_inside_instances_of_one_class(disks):
    for trial in range(8):
        ab, mask, clicked = click_instances(disks, 2, trial)
        assert set(np.unique(disks.instances[mask])) == set(clicked)
        assert len(np.unique(disks.classes[mask])) == 1
        assert (ab[mask] == np.float32(HINT_AB)).all() and (ab[~mask] == 0).all()
    np.testing.assert_array_equal(mask, click_instances(disks, 2, 7)[1])


def test_edges_count_as_right_within_two_pixels(disks):
    one = disks.instances == 1
    assert edge_share(one, disks.instances) == 1
    assert edge_share(np.roll(one, 2, axis=1), disks.instances) > 0.9
    assert edge_share(np.roll(one, 8, axis=1), disks.instances) < 0.6


def test_scenes_for_validation_have_instances_and_never_train():
    images = procedural_images(3, 64)
    assert all(image.lightness.shape == (64, 64) for image in images)
    assert any((image.instances > 0).any() for image in images)


def test_label_images_and_via_polygons_are_read(tmp_path):
    for name in ("images", "masks", "via"):
        (tmp_path / name).mkdir()
    labels = np.zeros((40, 60), np.uint16)
    labels[10:30, 10:20], labels[5:15, 40:55] = 300, 7
    Image.fromarray(np.full((40, 60), 90, np.uint8)).save(tmp_path / "images" / "a.png")
    Image.fromarray(labels).save(tmp_path / "masks" / "a.png")
    Image.fromarray(np.full((40, 60), 90, np.uint8)).save(tmp_path / "images" / "b.png")
    square = {"name": "polygon", "all_points_x": [10, 30, 30, 10], "all_points_y": [5, 5, 25, 25]}
    regions = [{"shape_attributes": square}, {"shape_attributes": {"name": "circle", "cx": 1}}]
    project = {"_via_img_metadata": {"b": {"filename": "b.png", "regions": regions}}}
    (tmp_path / "via" / "project.json").write_text(json.dumps(project))
    (tmp_path / "via" / "other.json").write_text("[1, 2]")
    first, second = read_masked_images(tmp_path, 30)
    assert (first.name, second.name) == ("a.png", "b.png") and first.lightness.shape == (20, 30)
    assert set(np.unique(first.instances)) == {0, 7, 300}
    assert (second.instances > 0).sum() == pytest.approx(10 * 10, abs=25)
    assert [i.name for i in read_masked_images(tmp_path, 30, projects="no*")] == ["a.png"]
    run = score_modes([first], {"none": lambda lightness, ab, mask, mode: 0 * ab}, counts=[1], trials=1)
    report = write_modes_report(run, tmp_path, extra={})
    assert [path.name for path in report] == ["modes.json", "modes.csv", "modes.png"]
    assert json.loads(report[0].read_text())["summary"][0]["iou"] == 0


def test_folders_without_masks_and_damaged_masks_are_named(tmp_path):
    with pytest.raises(ConfigError, match="holds no masks"):
        read_masked_images(tmp_path, 64)
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "images" / "a.png")
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(ImageReadError, match=r"\(8, 9\)"):
        read_masked_images(tmp_path, 64)
    (tmp_path / "masks" / "a.png").write_bytes(b"no image")
    with pytest.raises(ImageReadError, match="no readable image"):
        read_masked_images(tmp_path, 64)


def test_via_images_are_never_looked_for_outside_the_folder(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(tmp_path / "secret.png")
    square = {"name": "polygon", "all_points_x": [1, 9, 9], "all_points_y": [1, 1, 9]}
    for name in ("secret.png", "../secret.png", "", "*.png"):
        project = {"_via_img_metadata": {"b": {"filename": name, "regions": [{"shape_attributes": square}]}}}
        (inside / "project.json").write_text(json.dumps(project))
        with pytest.raises(ConfigError, match="holds no masks"):
            read_masked_images(inside, 64)
