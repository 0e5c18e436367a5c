"""The example jobs run as they stand, and the documented commands work on them."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from batch_tools import EXAMPLES, batch, example, table
from PIL import Image

from semcolorize.scenes import make_scene


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of example jobs, with an instrument folder as its comments say."""
    folder = tmp_path_factory.mktemp("examples") / "jobs"
    shutil.copytree(EXAMPLES / "jobs", folder)
    script = [sys.executable, EXAMPLES / "instrument_folder.py", "--out", folder / "month", "--count", "12"]
    answer = subprocess.run([*script, "--size", "256", "192"], capture_output=True, text=True, check=True)
    assert "12 files" in answer.stdout and "1 of them broken" in answer.stdout
    return folder


def test_every_example_job_is_valid(jobs: Path) -> None:
    words = [sys.executable, "-m", "semcolorize", "check", *sorted(jobs.glob("*.yaml"))]
    answer = subprocess.run(words, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "one_line.yaml: job, month to colored, engine local" in answer.stdout
    assert "default hints house.hints.yaml" in answer.stdout
    assert "tilt_series.yaml" in answer.stdout


def test_one_line(jobs: Path) -> None:
    answer = batch(jobs / "one_line.yaml", code=3)
    rows = table(jobs / "colored")
    counts = {status: sum(row["status"] == status for row in rows.values()) for status in ("done", "failed", "skipped")}
    # Those without any hints are left alone, and it is said why.
    assert counts["failed"] == 1 and counts["skipped"] >= 1 and counts["done"] == 11 - counts["skipped"]
    assert all("hints: default" in row["reason"] for row in rows.values() if row["status"] == "skipped")
    assert f"{counts['skipped']} left alone, 1 failed" in answer.stdout


def test_core_facility(jobs: Path) -> None:
    batch(jobs / "core_facility.yaml", code=3)
    rows = table(jobs / "house_colored")
    assert sum(row["status"] == "done" for row in rows.values()) == 11
    assert {row["hints"].split(" ")[0] for row in rows.values() if row["status"] == "done"} == {
        "file", "overlay", "default"
    }  # fmt: skip
    name, row = next((name, row) for name, row in rows.items() if row["hints"] == "default")
    result = jobs / "house_colored" / row["result"]
    assert (jobs / "house_colored" / name).is_symlink()
    tiff, picture = tifffile.imread(result), np.asarray(Image.open(result.with_suffix(".png")))
    # The scale bar is in the picture, and nowhere else.
    changed = np.argwhere((tiff != picture).any(axis=-1))
    assert len(changed) and changed[:, 0].max() < int(row["databar_row"]) and changed[:, 1].min() > tiff.shape[1] // 2
    assert "sphere #e1812c" in row["legend"]


def test_tilt_series(jobs: Path) -> None:
    folder = jobs / "month" / "tilts"
    folder.mkdir()
    scene = make_scene(4, (96, 128), families=["spheres"], substrate="rough")
    for angle in (0, 15, 30):
        gray = np.rint(np.roll(scene.lightness, angle // 5, axis=1) * 2.55).astype(np.uint8)
        tifffile.imwrite(folder / f"stage_tilt{angle:02d}.tif", gray)
    (folder / "stage_tilt00.hints.yaml").write_text("hints:\n  - {point: [60, 50], color: teal}\n")
    job = jobs / "tilt_series.yaml"
    plan = batch(job, "--dry-run").stdout
    assert plan.count("[series tilts/stage]") == 3
    # Timed as it will be colored, together: two of the three have no hints of their own.
    assert "measured on 3 of them" in plan
    batch(job)
    assert len(table(jobs / "tilts_colored")) == 3
    for angle in (0, 15, 30):
        rgb = tifffile.imread(jobs / "tilts_colored" / "tilts" / f"stage_tilt{angle:02d}_color.tif")
        assert (rgb.max(axis=-1) - rgb.min(axis=-1)).max() > 30, "hints on the first tilt color all"
    rows = table(jobs / "tilts_colored")
    assert {row["series"] for row in rows.values()} == {"tilts/stage"}
    assert rows["tilts/stage_tilt00.tif"]["colors_from"] == "1 hint here"
    sheet = jobs / "tilts_colored" / "tilts" / "stage_series.png"
    whole = Image.open(sheet)
    assert whole.width > 3 * 420
    page = (jobs / "tilts_colored" / "report.html").read_text(encoding="utf-8")
    (embedded,) = re.findall(r'<details class="series" open>.*?base64,([^"]+)"', page, re.DOTALL)
    picture = Image.open(io.BytesIO(base64.b64decode(embedded)))
    assert picture.size == whole.size and "1 hint here" in page and "not colored" not in page

    # One view breaks: the others are colored anew, and sheet and report say what became of it.
    broken = folder / "stage_tilt15.tif"
    broken.write_bytes(broken.read_bytes()[:4000])
    said = batch(job, code=3)
    assert "2 colored" in said.stdout and "truncated" in said.stderr
    rows = table(jobs / "tilts_colored")
    statuses = [rows[f"tilts/stage_tilt{angle}.tif"]["status"] for angle in ("00", "15", "30")]
    assert statuses == ["done", "failed", "done"]
    page = (jobs / "tilts_colored" / "report.html").read_text(encoding="utf-8")
    assert re.search(r"stage_tilt15.tif</code></td><td class=\"bad\">not colored: The TIFF is truncated", page)
    assert "1 not colored" in page and Image.open(sheet).width < 3 * 420
    # A sheet that somebody changed is not replaced; another name is found, and told.
    sheet.write_bytes(b"mine")
    broken.unlink()
    (folder / "stage_tilt00.hints.yaml").write_text("hints:\n  - {point: [60, 50], color: crimson}\n")
    plan = batch(job, "--dry-run").stdout
    assert "2 to color" in plan and "its series is colored anew" in plan and "done before" not in plan
    said = batch(job)
    assert "stage_series.png exists and was not written here" in said.stderr
    assert "2 colored, 0 done before" in said.stdout
    assert sheet.read_bytes() == b"mine" and Image.open(sheet.with_name("stage_series_1.png")).width > 2 * 420
    page = (jobs / "tilts_colored" / "report.html").read_text(encoding="utf-8")
    assert "tilts/stage_series_1.png" in page and page.count('<details class="series"') == 1
    # A hint that lies on no pixel of its view costs that view, not the others.
    (folder / "stage_tilt30.hints.yaml").write_text("hints:\n  - {point: [6000, 50], color: crimson}\n")
    assert "lies outside the image" in batch(job, code=3).stderr
    rows = table(jobs / "tilts_colored")
    assert [rows[f"tilts/stage_tilt{angle}.tif"]["status"] for angle in ("00", "30")] == ["done", "failed"]
    # The only view with hints is lost: the others say which.
    (folder / "stage_tilt30.hints.yaml").unlink()
    whole = (folder / "stage_tilt00.tif").read_bytes()
    (folder / "stage_tilt00.tif").write_bytes(whole[:4000])
    batch(job, code=3)
    row = table(jobs / "tilts_colored")["tilts/stage_tilt30.tif"]
    assert row["reason"] == "No hints are left in its series: stage_tilt00.tif, which has some, failed."


def test_the_script_makes_what_its_manifest_says(tmp_path: Path) -> None:
    module = example("instrument_folder")
    manifest = module.make_folder(tmp_path / "a", 60, size=(64, 48), broken=0.2, seed=5)
    assert len(manifest) == 60 and all((tmp_path / "a" / name).is_symlink() or (tmp_path / "a" / name).exists()
                                       for name in manifest)  # fmt: skip
    assert {entry["broken"] for entry in manifest.values() if "broken" in entry} == set(module.BROKEN)
    again = module.make_folder(tmp_path / "b", 60, size=(64, 48), broken=0.2, seed=5)
    assert again == manifest
    twins = [(name, entry["same_as"]) for name, entry in manifest.items() if "same_as" in entry]
    assert twins and all((tmp_path / "a" / a).read_bytes() == (tmp_path / "a" / b).read_bytes() for a, b in twins)
