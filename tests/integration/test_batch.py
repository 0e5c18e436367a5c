"""Batch jobs from the outside: what is colored, what is kept, what is said, what a kill leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from batch_tools import JOB, batch, batch_process, make_home, results, table
from PIL import Image

from semcolorize.batch.job import read_job
from semcolorize.batch.ledger import Ledger
from semcolorize.batch.runner import run_job
from semcolorize.color.lab import rgb_to_lab
from semcolorize.errors import OutputError
from semcolorize.micrograph.reading import read_micrograph


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Thirty files, ten of them broken in the ten ways, colored once."""
    text = JOB.replace("colored}", "colored, preview: png, original: link}")
    job = make_home(tmp_path_factory.mktemp("month"), 30, size=(320, 240), broken=0.34, job=text)
    return job, batch_process(job, code=3)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A job over six good files."""
    return make_home(tmp_path / "home", 6, size=(128, 96))


def test_all_good_files_are_colored_and_all_bad_ones_told(month) -> None:
    job, answer = month
    home = job.parent
    manifest = json.loads((home / "month" / "MANIFEST.json").read_text())
    rows = table(home / "colored")
    assert set(rows) == set(manifest)
    for name, entry in manifest.items():
        if "broken" in entry:
            assert rows[name]["status"] == "failed" and re.search(entry["reason"], rows[name]["reason"]), rows[name]
            assert str(home) not in rows[name]["reason"]
        else:
            assert rows[name]["status"] == "done" and rows[name]["times_colored"] == "1"
    assert len({entry["broken"] for entry in manifest.values() if "broken" in entry}) == 10
    assert "20 colored" in answer.stdout and "10 failed" in answer.stdout


def test_what_the_instruments_said_is_kept(month) -> None:
    job, _ = month
    home = job.parent
    manifest = json.loads((home / "month" / "MANIFEST.json").read_text())
    rows = table(home / "colored")
    vendors = set()
    for name, entry in manifest.items():
        if "broken" in entry:
            continue
        row = rows[name]
        assert abs(int(row["databar_row"]) - entry["databar_row"]) <= 2
        assert float(row["pixel_size_nm"]) == pytest.approx(entry["pixel_size_nm"], rel=1e-5)
        if entry["vendor"] != "imagej":
            assert float(row["voltage_kv"]) == entry["voltage_kv"] and row["tilt_deg"] != ""
            assert row["acquired"].startswith("2026-11-02T15:04:05")
        # What ImageJ and any other reader will take for the size of a pixel.
        again = read_micrograph(home / "colored" / row["result"], allow_color=True)
        assert again.pixel_size_nm == pytest.approx(entry["pixel_size_nm"], rel=1e-4)
        vendors.add((entry["vendor"], entry["bits"], entry["hints"]))
    assert len({vendor for vendor, _, _ in vendors}) == 6 and {bits for _, bits, _ in vendors} == {8, 16}
    assert {hints for _, _, hints in vendors} == {"yaml", "zip", "default", "overlay"}


def test_lightness_is_the_input_s_and_the_bar_is_gray(month) -> None:
    job, _ = month
    home = job.parent
    for name, row in list(table(home / "colored").items())[::4]:
        if row["status"] != "done":
            continue
        rgb = tifffile.imread(home / "colored" / row["result"])
        lightness = read_micrograph(home / "month" / name).lightness
        assert np.abs(rgb_to_lab(rgb / 255)[..., 0] - lightness).max() <= 0.5
        bar = rgb[int(row["databar_row"]) :]
        assert (bar[..., 0] == bar[..., 1]).all() and (bar[..., 1] == bar[..., 2]).all() and bar.size
        assert (rgb[: int(row["databar_row"])].std(axis=-1) > 1).any()


def test_inputs_are_untouched_and_originals_are_linked(month) -> None:
    job, _ = month
    home = job.parent
    for name, row in table(home / "colored").items():
        if row["status"] == "done":
            link = home / "colored" / name
            assert link.is_symlink() and link.samefile(home / "month" / name)
            assert row["input_sha256"] == read_micrograph(home / "month" / name).sha256
    assert not list((home / "month").rglob("*_color*"))


def test_the_report_is_self_contained_and_complete(month) -> None:
    job, answer = month
    folder = job.parent / "colored"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)=["'](?:https?:|//|file:)""", page)
    assert page.count("data:image/jpeg;base64,") == 40 and page.count("<article") == 30
    for name in table(folder):
        assert name.split("/")[-1] in page
    assert str(folder / "report.html") in answer.stdout
    assert (folder / "contact_sheet.png").stat().st_size > 10_000


def test_done_work_is_not_done_again(month) -> None:
    job, _ = month
    before = {path: path.stat().st_mtime_ns for path in (job.parent / "colored").rglob("*_color*")}
    said = json.loads(batch(job, "--json", code=3).stdout)
    assert (said["colored"], said["unchanged"], said["failed"]) == (0, 20, 10) and len(said["failures"]) == 10
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_dry_run_says_what_and_writes_nothing(small: Path) -> None:
    answer = batch(small, "--dry-run")
    assert "6 to color" in answer.stdout and "hints from fei_00000.hints.yaml" in answer.stdout
    assert "its own overlay" in answer.stdout and "the default hints" in answer.stdout
    assert "expected time" in answer.stdout and not (small.parent / "colored").exists()
    assert "<tifffile" not in answer.stderr


def test_dry_run_foresees_what_is_no_image(small: Path) -> None:
    month = small.parent / "month"
    (month / "empty.tif").touch()
    (month / "text.tif").write_text("not an image")
    (month / "short.tif").write_bytes((month / "fei_00000.tif").read_bytes()[:-5000])
    Image.new("L", (64, 48), 90).save(month / "jpeg_in_disguise.tif", "jpeg")
    said = json.loads(batch(small, "--dry-run", "--json").stdout)
    why = {each["file"]: each["why"] for each in said["files"] if each["state"] == "faulty"}
    assert set(why) == {"empty.tif", "text.tif", "short.tif"}
    # In the words of the run.
    assert why == json.loads(batch(small, "--json", code=3).stdout)["failures"]


def test_dry_run_foresees_what_stands_in_the_way(small: Path) -> None:
    out = small.parent / "colored"
    out.mkdir()
    (out / "fei_00000_color.json").write_text("mine")
    assert "1 will fail\n  fei_00000.tif: " in batch(small, "--dry-run").stdout
    batch(small, code=3)
    edited = next(out.rglob("zeiss*_color.tif"))
    edited.write_bytes(b"edited")
    note = f"Changed since they were written, and left as they are: {edited.relative_to(out).as_posix()}."
    assert note in batch(small, "--dry-run").stdout and note in batch(small, code=3).stderr
    small.write_text(small.read_text() + "model: {seed: 3}\n")
    said = batch(small, "--dry-run").stdout
    assert "2 will fail" in said and "was changed since it was written" in said


@pytest.mark.parametrize("damage", [b"garbage", None, b""])
def test_dry_run_tells_of_a_damaged_ledger(small: Path, damage) -> None:
    ledger = small.parent / "colored" / "ledger.sqlite"
    if damage is None:
        batch(small)
        damage = ledger.read_bytes()[:5000]
    ledger.parent.mkdir(exist_ok=True)
    ledger.write_bytes(damage)
    answer = batch(small, "--dry-run", code=1 if damage else 0)
    assert ("the ledger is damaged" in answer.stderr) == bool(damage) and "Traceback" not in answer.stderr
    assert ledger.read_bytes() == damage


def test_what_was_no_fault_of_the_file_is_tried_again(small: Path) -> None:
    out, tried = small.parent / "colored", []
    out.mkdir()
    (out / "fei_00000_color.json").write_text("mine")
    job = read_job(small)
    (small.parent / "month" / "bad.tif").write_bytes(b"II*\0")
    assert run_job(job).failed == 2
    again = run_job(job, on_progress=lambda progress: tried.append(progress.outcome.name))
    assert tried == ["fei_00000.tif"] and (again.failed, again.untried) == (2, 1)
    # Done as the message says: moved away and run again.
    (out / "fei_00000_color.json").rename(out / "mine.json")
    answer = batch(small, code=3)
    assert "1 colored, 5 done before, 0 left alone, 1 failed" in answer.stdout
    assert "1 of them failed in an earlier run" in answer.stderr and "--retry-failed" in answer.stderr
    assert (out / "mine.json").read_text() == "mine"


def test_a_folder_without_images_is_told(small: Path) -> None:
    small.write_text(small.read_text().replace("inputs: month", "inputs: {folder: month, pattern: '*.tiif'}"))
    for words in (("--dry-run",), ()):
        answer = batch(small, *words)
        assert "month fits inputs.pattern (*.tiif)." in answer.stdout + answer.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no text")
def test_names_that_are_no_text_stand_in_every_report(small: Path) -> None:
    month = small.parent / "month"
    some = next(month.rglob("fei_*.tif"))
    some.rename(month / os.fsdecode(b"odd\xff.tif"))
    answer = batch(small)
    folder = small.parent / "colored"
    assert "Traceback" not in answer.stderr and (folder / "contact_sheet.png").exists()
    assert "odd\\udcff.tif" in (folder / "report.csv").read_text(encoding="utf-8-sig")


def test_dry_run_foresees_hints_that_do_not_fit(small: Path) -> None:
    month = small.parent / "month"
    fei = month / "fei_00000.hints.yaml"
    fei.write_text("hints:\n  - {point: [5, 5], color: teal}\n  - {point: [500, 5], color: teal}\n")
    zeiss = next(month.rglob("zeiss_*.tif"))
    zeiss.with_suffix(".hints.yaml").write_text("hints:\n  - {polygon: [[1, 1], [5, 5], [9, 9]], color: tael}\n")
    said = json.loads(batch(small, "--dry-run", "--json").stdout)
    assert said["counts"] == {"color": 4, "faulty": 2}
    why = {each["file"].split("/")[-1]: each["why"] for each in said["files"] if each["state"] == "faulty"}
    assert "hint 2" in why["fei_00000.tif"] and "column 500, the image has columns 0-127" in why["fei_00000.tif"]
    # All faults of a file, as check has them, and the run says the same.
    assert "hints.yaml:2: color: 'tael'" in why[zeiss.name]
    zeiss.with_suffix(".hints.yaml").write_text("hints:\n  - {polygon: [[1, 1], [5, 5], [9, 9]], color: teal}\n")
    assert "2 will fail" in batch(small, "--dry-run").stdout
    assert not (small.parent / "colored").exists()
    reasons = run_job(read_job(small)).failures
    assert len(reasons) == 2 and "polygon has no area" in reasons[zeiss.relative_to(month).as_posix()]


def test_only_what_changed_is_colored_again(small: Path) -> None:
    home = small.parent
    job = read_job(small)
    assert run_job(job).colored == 6
    assert run_job(job).colored == 0
    fei = home / "month" / "fei_00000.tif"
    # Touched, or copied anew, is not changed.
    fei.write_bytes(fei.read_bytes())
    assert run_job(job).colored == 0
    pixels = tifffile.imread(home / "month" / "imagej_00005.tif")
    with tifffile.TiffFile(home / "month" / "imagej_00005.tif") as tiff:
        about = dict(tiff.imagej_metadata or {})
    keep = {key: about[key] for key in ("unit", "Overlays")}
    tifffile.imwrite(home / "month" / "imagej_00005.tif", 255 - pixels, imagej=True, metadata=keep)
    assert run_job(job).colored == 1
    hints = home / "month" / "fei_00000.hints.yaml"
    hints.write_text(hints.read_text().replace("size: 7", "size: 9"))
    assert run_job(job).colored == 1
    # The text file of the instrument comes later, as some do.
    text = next(path for path in (home / "month").rglob("*.txt"))
    moved = text.rename(home / "text")
    assert run_job(job).colored == 1
    moved.rename(text)
    assert run_job(job).colored == 1
    (home / "colored" / "fei_00000_color.json").unlink()
    assert run_job(job).colored == 1
    small.write_text(small.read_text() + "model: {seed: 3}\n")
    assert run_job(read_job(small)).colored == 6
    # Neither the engine nor its number of workers is a setting of the result.
    small.write_text(small.read_text().replace("threads: 1", "threads: 1, workers: 2"))
    assert run_job(read_job(small)).colored == 0


def test_failures_are_tried_again_when_asked_or_mended(small: Path) -> None:
    home = small.parent
    bad = home / "month" / "bad.tif"
    bad.write_bytes(b"II*\0")
    job = read_job(small)
    first = run_job(job)
    assert first.exit_code == 3 and list(first.failures) == ["bad.tif"]
    tried: list[str] = []
    run_job(job, on_progress=lambda progress: tried.append(progress.outcome.name))
    assert tried == []
    assert run_job(job, retry_failed=True, on_progress=lambda p: tried.append(p.outcome.name)).exit_code == 3
    assert tried == ["bad.tif"]
    bad.write_bytes((home / "month" / "fei_00000.tif").read_bytes())
    last = run_job(job)
    assert last.exit_code == 0 and last.colored == 1
    assert table(home / "colored")["bad.tif"]["same_content_as"] == ""
    assert table(home / "colored")["fei_00000.tif"]["same_content_as"] == "bad.tif"
    bad.write_bytes(b"II*\0")
    assert run_job(job).exit_code == 3
    bad.unlink()
    assert run_job(job).exit_code == 0


def test_nothing_of_somebody_else_s_is_replaced(small: Path) -> None:
    home = small.parent
    out = home / "colored"
    out.mkdir()
    for name in ("fei_00000_color.json", "report.html", "contact_sheet.png"):
        (out / name).write_text("mine")
    summary = run_job(read_job(small))
    assert "was not written by this job" in summary.failures["fei_00000.tif"] and summary.colored == 5
    assert all((out / name).read_text() == "mine" for name in ("fei_00000_color.json", "report.html"))
    assert not (out / "fei_00000_color.tif").exists()
    assert (out / "report_1.html").exists() and any("report_1.html" in note for note in summary.notes)
    # What was changed by hand stays, and counts as done; with other settings it is in the way.
    result = next(out.rglob("zeiss*_color.tif"))
    result.write_bytes(b"edited")
    run_job(read_job(small))
    assert result.read_bytes() == b"edited"
    small.write_text(small.read_text() + "model: {seed: 3}\n")
    summary = run_job(read_job(small))
    assert any("was changed since it was written" in reason for reason in summary.failures.values())
    assert result.read_bytes() == b"edited"


def test_two_runs_on_one_folder_exclude_each_other(small: Path) -> None:
    job = read_job(small)
    with Ledger.open(job.output_folder) as ledger:
        ledger.begin_run(version="x", job="y", weights="z")
        answer = batch(small, code=1)
        assert f"Another run works in this folder (process {os.getpid()}" in answer.stderr
    batch(small)


def test_ledgers_of_others_are_refused(small: Path) -> None:
    out = small.parent / "colored"
    out.mkdir()
    path = out / "ledger.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    assert "the ledger is damaged" in batch(small, code=1).stderr
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE x (y)")
    database.close()
    assert "another program" in batch(small, code=1).stderr
    path.unlink()
    run_job(read_job(small))
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert "version 99" in batch(small, code=1).stderr


def test_names_with_other_bytes(small: Path) -> None:
    name = os.fsdecode(b"old\xff.tif")
    source = small.parent / "month" / "fei_00000.tif"
    (source.parent / name).write_bytes(source.read_bytes())
    # A name that would be a program in a careless report, and one that would be a formula in a spreadsheet.
    for other in ("<img src=x onerror=alert(1)>.tif", "=1+1.tif"):
        (source.parent / other).write_bytes(source.read_bytes())
    summary = run_job(read_job(small))
    assert summary.colored == 9 and summary.exit_code == 0
    assert (small.parent / "colored" / os.fsdecode(b"old\xff_color.tif")).exists()
    assert run_job(read_job(small)).colored == 0
    page = (small.parent / "colored" / "report.html").read_text()
    assert "old\\udcff.tif" in page and "<img src=x" not in page and "&lt;img src=x onerror" in page
    assert "./=1+1.tif" in table(small.parent / "colored")


def test_an_input_that_is_deleted_while_it_runs(small: Path) -> None:
    home = small.parent
    gone = home / "month" / "Körner" / "×600" / "hitachi_00004.tif"
    job = read_job(small)

    def delete(_: object) -> None:
        for path in (home / "month").rglob("*.tif"):
            path.unlink()

    summary = run_job(job, on_progress=delete)
    assert not gone.exists() and summary.colored >= 1
    # At least the last one was not read yet when the first was done.
    assert summary.failures == {} or all("is gone" in reason for reason in summary.failures.values())
    known = table(home / "colored")
    assert sum(row["status"] == "done" for row in known.values()) == summary.colored
    assert not (home / "colored" / ".staging").exists()


def test_crop_scale_bar_copy_and_bits(tmp_path: Path) -> None:
    output = "colored, crop_databar: true, scale_bar: true, preview: png, original: copy, bits: 16}"
    job = make_home(tmp_path / "home", 2, job=JOB.replace("colored}", output))
    assert run_job(read_job(job)).colored == 2
    home = job.parent
    out = home / "colored"
    assert (out / "fei_00000.tif").read_bytes() == (home / "month" / "fei_00000.tif").read_bytes()
    with tifffile.TiffFile(out / "fei_00000_color.tif") as file:
        assert file.asarray().shape == (3, 144, 192) and file.imagej_metadata["unit"] == "nm"
    record = json.loads((out / "fei_00000_color.json").read_text())
    assert "cut off" in record["methods"] and record["instrument"]["vendor"] == "FEI/Thermo"
    from PIL import Image

    picture = np.asarray(Image.open(out / "fei_00000_color.png"))
    assert picture.shape == (144, 192, 3) and (picture[-30:, -80:] == 255).all(axis=-1).any()


needs_root = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("mount") is None,
    reason="mounts a small disk, which needs root on Linux",
)


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 300 kB; remounted read-only by ``readonly()``."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@needs_root
def test_a_full_disk_stops_the_run_and_loses_nothing(small: Path, small_disk: Path) -> None:
    small.write_text(small.read_text().replace("folder: colored", f"folder: {small_disk}/out"))
    answer = batch(small, code=1)
    assert "disk is full" in answer.stderr and "done work is kept" in answer.stderr
    done = results(small_disk / "out")
    assert 0 < len(done) < 18 and not [name for name in done if ".part" in name or ".staging" in name]
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    again = json.loads(batch(small, "--json").stdout)
    assert again["colored"] == 6 - len(done) // 3 and again["unchanged"] == len(done) // 3
    assert done.items() <= results(small_disk / "out").items()


@needs_root
def test_a_read_only_output_folder(small: Path, small_disk: Path) -> None:
    small.write_text(small.read_text().replace("folder: colored", f"folder: {small_disk}/out"))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert "read-only" in batch(small, code=1).stderr


def test_faults_of_a_job_are_usage_errors(small: Path) -> None:
    small.write_text(small.read_text().replace("colored}", "colored, variants: 0}").replace("inputs:", "input:"))
    answer = batch(small, code=2)
    assert "job.yaml:2" in answer.stderr and "Did you mean inputs?" in answer.stderr
    small.write_text("inputs: month\nmodel: {device: cuda:99}\n")
    assert "job.yaml:2: model:" in batch(small, code=2).stderr
    small.write_text("inputs: month\nmodel: {weights: nothing.safetensors}\n")
    assert "nothing.safetensors" in batch(small, code=1).stderr


# kill -9

KILLED = """
import os, signal, sys
from pathlib import Path
from semcolorize.batch import local, report, runner
from semcolorize.batch.job import read_job
from semcolorize.pipeline import Colorizer

job, out = read_job(sys.argv[1]), str(Path(sys.argv[2]))
# Loaded once; every run is a process of its own.
model = Colorizer.load()
Colorizer.load = classmethod(lambda cls, *args, **kwargs: model)
count = 0
EVENTS = ("open", "os.link", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "sqlite3.connect")

def hook(event, args):
    global count
    if event in EVENTS and any(isinstance(arg, (str, os.PathLike)) and str(arg).startswith(out) for arg in args):
        count += 1
        if count == point:
            os.kill(os.getpid(), signal.SIGKILL)

for line in sys.stdin:
    point = int(line)
    child = os.fork()
    if child == 0:
        sys.addaudithook(hook)
        runner.run_job(job)
        os.write(1, f"{count}\\n".encode())
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status:
        os.write(1, f"{-status}\\n".encode())
"""


@pytest.fixture
def killer(tmp_path: Path):
    """``killer(job, point)`` runs a job that kills itself before its so-many-th step on the disk.

    It returns how many steps the whole run takes, or -9.
    """
    started: list[subprocess.Popen[str]] = []

    def run(job: Path, point: int) -> int:
        if not started:
            started.append(subprocess.Popen(
                [sys.executable, "-c", KILLED, job, job.parent / "colored"], text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"},
            ))  # fmt: skip
        process = started[0]
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{point}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield run
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)


@pytest.mark.slow
def test_kill_9_at_many_points(killer, tmp_path: Path) -> None:
    """Whatever step on the disk is the last: the next run ends with the same files, each colored once."""
    job = make_home(tmp_path / "home", 3, size=(64, 48))
    out = job.parent / "colored"
    total = killer(job, -1)
    assert total > 60
    wanted = results(out)
    rng = np.random.default_rng(int(os.environ.get("SEMCOLORIZE_KILL_SEED", "0")))
    points = sorted(rng.choice(np.arange(1, total), int(os.environ.get("SEMCOLORIZE_KILLS", "8")), replace=False))
    for point in points:
        shutil.rmtree(out)
        assert killer(job, int(point)) == -signal.SIGKILL
        for name, content in results(out).items() if out.exists() else ():
            # What has its name is complete.
            assert name.startswith(".staging") or content == wanted[name]
        assert killer(job, -1) > 0
        assert results(out) == wanted, f"killed before step {point} of {total}"
        assert {row["times_colored"] for row in table(out).values()} == {"1"}
        assert not (out / ".staging").exists()


@pytest.mark.slow
def test_sigterm_leaves_no_temporary_files_and_a_report(tmp_path: Path) -> None:
    job = make_home(tmp_path / "home", 60, size=(256, 192))
    out = job.parent / "colored"
    with subprocess.Popen(
        [sys.executable, "-m", "semcolorize", "batch", str(job)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        # os.walk does not mind folders that go while it looks; Path.glob does.
        while time.monotonic() < deadline:
            if sum(name.endswith("_color.tif") for *_, names in os.walk(out) for name in names) >= 3:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 128 + signal.SIGTERM
    assert b"Stopped: what was done is kept; run it again to go on." in said
    done = results(out)
    assert done and not any(name.startswith(".staging") or ".part" in name for name in done)
    assert len(done) % 3 == 0 and len(table(out)) == len(done) // 3 < 60


def test_watch_waits_until_files_are_whole(small: Path, tmp_path: Path) -> None:
    import threading

    from semcolorize.batch.watch import watch_job

    home = small.parent
    late = home / "month" / "late.tif"
    content = (home / "month" / "fei_00000.tif").read_bytes()

    def instrument() -> None:
        # The space is reserved first, then filled, slower than the folder is looked at.
        with late.open("wb") as file:
            for start in range(0, len(content), len(content) // 5 + 1):
                file.write(content[start : start + len(content) // 5 + 1])
                file.flush()
                time.sleep(0.35)

    writer = threading.Thread(target=instrument)
    writer.start()
    summary = watch_job(read_job(small), idle_minutes=0.03, look_seconds=0.15, patience_seconds=30)
    writer.join()
    assert summary.failures == {} and summary.colored == 7
    rows = table(home / "colored")
    assert rows["late.tif"]["status"] == "done" and rows["late.tif"]["times_colored"] == "1"
    assert not (home / "colored" / ".staging").exists()


def test_watch_reports_what_never_becomes_whole(small: Path) -> None:
    from semcolorize.batch.watch import watch_job

    (small.parent / "month" / "half.tif").write_bytes((small.parent / "month" / "fei_00000.tif").read_bytes()[:5000])
    summary = watch_job(read_job(small), idle_minutes=0.01, look_seconds=0.1, patience_seconds=1.0)
    assert list(summary.failures) == ["half.tif"] and summary.colored == 6


def test_output_errors_are_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError), Ledger.open(tmp_path / "file" / "below"):
        pass
