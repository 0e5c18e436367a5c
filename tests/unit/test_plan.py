"""Plans: which files, which hints, into which files, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from semcolorize.batch.globs import glob_expression
from semcolorize.batch.job import read_job
from semcolorize.batch.plan import make_plan, result_names


def plan_of(home: Path, text: str = "inputs: data\n"):
    (home / "job.yaml").write_text(text)
    return make_plan(read_job(home / "job.yaml"))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("**/*.tif", ["a.tif", "x/a.TIF", "x/y/a.tif"], ["a.tiff", "a.tif/b", "tif"]),
        ("*.tif", ["a.tif"], ["x/a.tif"]),
        ("x/**", ["x/a", "x/y/a"], ["a", "y/x/a"]),
        ("**/s?_[0-9].tif", ["sa_1.tif", "q/sb_2.tif"], ["s_1.tif", "sa_x.tif"]),
        ("[!a]*.tif", ["b.tif"], ["a.tif"]),
        ("a+b(1).tif", ["a+b(1).tif"], ["aab1.tif"]),
    ],
)
def test_globs(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    expression = glob_expression(pattern)
    assert all(expression.fullmatch(name) for name in fits)
    assert not any(expression.fullmatch(name) for name in fits_not)


def test_files_hints_and_what_is_left_out(tmp_path: Path) -> None:
    data = tmp_path / "data"
    touch(data, "a.tif", "a.hints.yaml", "a.zip", "b.TIFF", "b_RoiSet.zip", "sub/ü c.tif", "d.png", "._a.tif",
          ".hidden/e.tif", "f_nav.tif", "hints/g.yaml", "g.tif", "g.txt")  # fmt: skip
    text = """\
inputs: {folder: data, exclude: "**/*_nav*"}
hints: {sidecar: ["{stem}.hints.yaml", "{name}.yaml", "{stem}_RoiSet.zip", "hints/{stem}.yaml"]}
"""
    plan = plan_of(tmp_path, text)
    found = {file.name: (file.hints, file.sidecar) for file in plan.files}
    assert found == {
        "a.tif": ("a.hints.yaml", None), "b.TIFF": ("b_RoiSet.zip", None), "g.tif": ("hints/g.yaml", "g.txt"),
        # It may have an overlay.
        "sub/ü c.tif": (None, None),
    }  # fmt: skip
    assert plan.skipped == {"f_nav.tif": "Excluded by **/*_nav*."} and not plan.refused


def test_without_any_hints_files_are_left_alone(tmp_path: Path) -> None:
    touch(tmp_path / "data", "a.png", "b.png", "b.zip")
    text = 'inputs: {folder: data, pattern: "*.png"}\n'
    plan = plan_of(tmp_path, text)
    assert [file.name for file in plan.files] == ["b.png"] and "hints: default" in plan.skipped["a.png"]
    assert len(plan_of(tmp_path, text + "model: {fill: auto}\n").files) == 2
    (tmp_path / "d.yaml").write_text("hints:\n  - {point: [3, 4], color: red}\n")
    assert len(plan_of(tmp_path, text + "hints: {default: d.yaml}\n").files) == 2


def test_results_of_two_files_in_one_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "data", "a.tif", "a.tiff", "b.tif", "ledger.tif", "x/a.tif")
    plan = plan_of(tmp_path)
    assert list(plan.refused) == ["a.tiff"] and "as that of a.tif" in plan.refused["a.tiff"]
    assert not plan_of(tmp_path, 'inputs: data\noutput: {name: "{name}_color.tif"}\n').refused
    plan = plan_of(tmp_path, 'inputs: data\noutput: {name: "{stem}.tif", original: copy}\n')
    assert "the same name" in plan.refused["b.tif"]


def test_names_that_no_disk_takes(tmp_path: Path) -> None:
    long = "é" * 124 + ".tif"
    touch(tmp_path / "data", long, "b.tif")
    plan = plan_of(tmp_path)
    assert [file.name for file in plan.files] == ["b.tif"]
    assert "bytes, disks take 255" in plan.refused[long]


def test_a_long_path_of_short_names_is_fine(tmp_path: Path) -> None:
    name = "/".join(["folder with a name " * 3] * 5) + "/a.tif"
    touch(tmp_path / "data", name)
    assert len(os.fsencode(name)) > 255
    assert [file.name for file in plan_of(tmp_path).files] == [name]


def test_links_and_loops(tmp_path: Path) -> None:
    data = tmp_path / "data"
    touch(data, "real/a.tif")
    touch(tmp_path, "elsewhere/b.tif")
    (data / "real" / "loop").symlink_to(data)
    (data / "again").symlink_to(data / "real")
    (data / "other").symlink_to(tmp_path / "elsewhere")
    (data / "self.tif").symlink_to(data / "self.tif")
    (data / "gone.tif").symlink_to(data / "nothing.tif")
    os.mkfifo(data / "pipe.tif")
    plan = plan_of(tmp_path)
    assert [file.name for file in plan.files] == ["other/b.tif", "real/a.tif"]
    assert set(plan.refused) == {"self.tif", "gone.tif", "pipe.tif"}
    assert "leads nowhere" in plan.refused["self.tif"] and "leads nowhere" in plan.refused["gone.tif"]
    assert "not a regular file" in plan.refused["pipe.tif"]
    assert any("again is a link to real" in note for note in plan.notes)
    assert any("real/loop is a link to ." in note for note in plan.notes)


def test_the_output_folder_inside_the_input_folder(tmp_path: Path) -> None:
    touch(tmp_path / "data", "a.tif", "colored/a_color.tif")
    plan = plan_of(tmp_path, "inputs: data\noutput: data/colored\n")
    assert [file.name for file in plan.files] == ["a.tif"]
    assert plan.notes == ("colored is the output folder: what lies in it is not colored again.",)


def test_series_are_grouped_by_folder_and_name(tmp_path: Path) -> None:
    touch(tmp_path / "data", "x_tilt00.tif", "y_tilt00.tif", "x_tilt15.tif", "single.tif", "s/x_tilt30.tif")
    plan = plan_of(tmp_path, 'inputs: data\nseries: {by: "(?P<series>.+)_tilt[0-9]+"}\n')
    groups = [[file.name for file in group] for group in plan.groups()]
    assert groups == [["s/x_tilt30.tif"], ["single.tif"], ["x_tilt00.tif", "x_tilt15.tif"], ["y_tilt00.tif"]]


def test_names_of_results(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "job.yaml").write_text("inputs: data\noutput: {variants: 2, preview: png, original: copy}\n")
    names = result_names(read_job(tmp_path / "job.yaml"), "s/a.b.TIF")
    assert names == (
        "s/a.b_color.tif", "s/a.b_color.json", "s/a.b_color_legend.png", "s/a.b_color_1.png", "s/a.b_color_2.png",
        "s/a.b.TIF",
    )  # fmt: skip


def test_memory_of_a_large_plan(tmp_path: Path) -> None:
    """Five thousand files; a hundred thousand take twenty times that."""
    for i in range(5):
        folder = tmp_path / "data" / f"d{i:02d}"
        folder.mkdir(parents=True)
        for j in range(1000):
            (folder / f"image_{j:05d}.tif").touch()
    (tmp_path / "job.yaml").write_text("inputs: data\n")
    code = (
        "import sys, resource\n"
        "from semcolorize.batch.job import read_job\nfrom semcolorize.batch.plan import make_plan\n"
        "job = read_job(sys.argv[1]); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "plan = make_plan(job); print(len(plan.files), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "job.yaml"], capture_output=True, text=True, check=True
    )
    count, kib = map(int, answer.stdout.split())
    assert count == 5000
    # 100,000 stay below 500 MiB, whatever the first few pages of memory cost.
    unit = 1 if sys.platform == "darwin" else 1024
    assert kib * unit < count * 5000
