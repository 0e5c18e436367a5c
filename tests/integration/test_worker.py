"""The resident worker and its client as macros use them: real processes, real weights, real kills."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile

from semcolorize.errors import BridgeError
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hints.model import PointHint
from semcolorize.imagej.home import Home
from semcolorize.imagej.jobfolder import Status, read_status, spell, unspell, write_status

CLIENT = [sys.executable, "-P", "-m", "semcolorize.imagej.client"]


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    """A home whose worker several tests share: loading the model takes seconds."""
    home = Home.open(tmp_path_factory.mktemp("home ä 試料 'x'") / "sc")
    yield home
    end(home)


@pytest.fixture
def home(tmp_path):
    home = Home.open(tmp_path / "sc")
    yield home
    end(home)


def end(home):
    pid = home.worker().get("pid")
    if home.worker_lives() and pid:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not home.worker_lives())


def environment(home, **more):
    return os.environ | {"SEMCOLORIZE_HOME": str(home.root), "OMP_NUM_THREADS": "1"} | more


def job(home, *, size=(96, 128), **options):
    folder = home.new_job()
    ramp = np.tile(np.linspace(0, 255, size[1]).astype(np.uint8), (size[0], 1))
    tifffile.imwrite(folder / "image.tif", ramp)
    roi = hints_to_rois([PointHint(row=40, column=90, size=9, lab=(60.0, 40.0, 30.0), name="körper")])[0]
    roi.tofile(folder / "hints.roi")
    (folder / "job.json").write_text(json.dumps({"kind": "colorize", "hints": "hints.roi", "title": "t"} | options))
    return folder


def start(home, folder, **more):
    return subprocess.Popen(
        [*CLIENT, "run", str(folder)], env=environment(home, **more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def run(home, folder, **more):
    with start(home, folder, **more) as process:
        output, _ = process.communicate(timeout=180)
    assert not output, output
    status = read_status(folder)
    assert status is not None and status.finished
    assert process.returncode == (0 if status.state == "done" else 1)
    return status


def wait_until(condition, seconds=180.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def slow(home):
    """A job that lasts, so that something can happen to it."""
    return job(home, size=(512, 640), variants=40, steps=20, fill="auto")


def running(folder):
    status = read_status(folder)
    return status is not None and status.state == "running" and status.progress >= 0.1


def test_a_job_is_done_and_the_worker_stays(shared_home):
    status = run(shared_home, job(shared_home, variants=2))
    assert (status.state, status.device, status.text) == ("done", "cpu", "2 variants on cpu")
    assert status.files.splitlines()[0] == "result.tif" and status.seconds > 0
    pid = shared_home.worker()["pid"]
    folder = job(shared_home, variants=2)
    assert run(shared_home, folder).state == "done" and shared_home.worker()["pid"] == pid
    assert tifffile.imread(folder / "result.tif").shape == (2, 96, 128, 3)
    record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert record["input_name"] == "t" and record["hints"][0]["name"] == "körper"


def test_pixels_are_those_of_the_command_line(shared_home, tmp_path):
    folder = job(shared_home, variants=2, seed=5, spread="instance", fill="gray")
    assert run(shared_home, folder).state == "done"
    words = ["colorize", folder / "image.tif", "--hints", folder / "hints.roi", "-o", tmp_path / "o.tif"]
    words += ["--variants", "2", "--seed", "5", "--spread", "instance"]
    subprocess.run(
        [sys.executable, "-m", "semcolorize", *map(str, words)], check=True, env=environment(shared_home)
    )
    np.testing.assert_array_equal(tifffile.imread(folder / "result.tif"), tifffile.imread(tmp_path / "o.tif"))


def test_several_variants_differ_where_nobody_asked_for_gray(shared_home):
    folder = job(shared_home, variants=2)
    assert run(shared_home, folder).state == "done"
    first, second = tifffile.imread(folder / "result.tif").astype(int)
    assert np.abs(first - second).max() > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"varaints": 3}, "Did you mean variants?"),
        ({"variants": 0}, "greater than or equal to 1"),
        ({"kind": "colorise"}, "colorise"),
        ({"image": "../../secret.tif"}, "image"),
        ({"image": "missing.tif"}, "no such file"),
        ({"hints": "image.tif"}, "neither an ImageJ overlay nor a selection"),
        ({"device": "cuda:7"}, "cuda"),
        ({"databar": "many"}, "databar"),
        ({"kind": "series", "hints": None}, "views"),
    ],
)
def test_bad_jobs_are_told_and_survived(shared_home, change, said):
    run(shared_home, job(shared_home))
    pid = shared_home.worker()["pid"]
    folder = job(shared_home, **change)
    if change.get("hints", "") is None:
        (folder / "job.json").write_text('{"kind": "series"}')
    status = run(shared_home, folder)
    assert status.state == "failed" and said in status.error and "Traceback" not in status.error
    assert run(shared_home, job(shared_home)).state == "done" and shared_home.worker()["pid"] == pid


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"9" * 2_000_000, b"[" * 100_000])
def test_job_files_of_any_content_are_survived(shared_home, content):
    folder = job(shared_home)
    (folder / "job.json").write_bytes(content)
    status = run(shared_home, folder)
    assert status.state == "failed" and "job.json" in status.error and "Traceback" not in status.error


def test_damaged_rois_and_images_are_told(shared_home):
    folder = job(shared_home)
    (folder / "hints.roi").write_bytes(b"Iout\0\0")
    assert "damaged" in run(shared_home, folder).error
    folder = job(shared_home)
    (folder / "image.tif").write_bytes((folder / "image.tif").read_bytes()[:200])
    assert run(shared_home, folder).state == "failed"


def test_a_series_says_what_is_missing_or_is_colored(shared_home):
    from semcolorize.pipeline import Colorizer

    folder = job(shared_home)
    view = {"image": "image.tif", "hints": "hints.roi", "title": "a"}
    (folder / "job.json").write_text(json.dumps({"kind": "series", "views": [view, {"image": "image.tif"}]}))
    status = run(shared_home, folder)
    if hasattr(Colorizer, "colorize_views"):
        assert status.state == "done" and "result_2.tif" in status.files.splitlines()
    else:
        assert status.state == "failed" and "cannot color a series yet" in status.error


def test_a_job_is_cancelled_while_it_runs(shared_home):
    folder = slow(shared_home)
    with start(shared_home, folder) as process:
        wait_until(lambda: running(folder))
        (folder / "cancel").touch()
        process.wait(timeout=60)
    assert read_status(folder).state == "cancelled" and not (folder / "result.tif").exists()
    assert run(shared_home, job(shared_home)).state == "done"


def test_a_job_is_cancelled_while_it_waits(shared_home):
    busy, waiting = slow(shared_home), job(shared_home)
    with start(shared_home, busy) as first:
        wait_until(lambda: running(busy))
        with start(shared_home, waiting) as second:
            wait_until(lambda: (waiting / "status.txt").exists())
            (waiting / "cancel").touch()
            second.wait(timeout=20)
        assert read_status(waiting).state == "cancelled" and running(busy)
        (busy / "cancel").touch()
        first.wait(timeout=60)
    assert not shared_home.waiting()


def test_a_killed_worker_is_told_and_the_next_job_works(home):
    folder = slow(home)
    with start(home, folder) as process:
        wait_until(lambda: running(folder))
        os.kill(home.worker()["pid"], signal.SIGKILL)
        killed = time.monotonic()
        process.wait(timeout=30)
        assert time.monotonic() - killed < 5  # what the user waits; a promise, not a measurement
    status = read_status(folder)
    assert status.state == "failed" and "run it again and a new worker starts" in status.error
    assert run(home, job(home)).state == "done"


def test_jobs_that_waited_behind_a_killed_worker_are_done_by_a_new_one(home):
    busy, waiting = slow(home), job(home)
    with start(home, busy) as first:
        wait_until(lambda: running(busy))
        with start(home, waiting) as second:
            wait_until(lambda: len(home.waiting()) == 1)
            pid = home.worker()["pid"]
            os.kill(pid, signal.SIGKILL)
            first.wait(timeout=30)
            second.wait(timeout=120)
    assert read_status(busy).state == "failed" and read_status(waiting).state == "done"
    assert home.worker()["pid"] != pid


def test_two_imagejs_at_once_share_one_worker(home):
    folders = [job(home, seed=i) for i in range(4)]
    clients = [start(home, folder) for folder in folders]
    workers = set()
    while any(client.poll() is None for client in clients):
        if home.worker_lives() and home.worker():
            workers.add(home.worker()["pid"])
        time.sleep(0.05)
    for client in clients:
        client.communicate()
    assert [read_status(folder).state for folder in folders] == ["done"] * 4
    assert len(workers) == 1

    def alive():
        return [p for p in psutil.process_iter(["cmdline"]) if str(home.root) in (p.info["cmdline"] or [])]

    # Every client that saw no worker started one; those that came second wait a moment for the lock before they end.
    wait_until(lambda: len(alive()) == 1)


def test_a_second_worker_ends_at_once(shared_home):
    run(shared_home, job(shared_home))
    words = [sys.executable, "-m", "semcolorize", "imagej", "worker"]
    answer = subprocess.run(words, env=environment(shared_home), capture_output=True, text=True, timeout=60)
    assert answer.returncode == 1 and f"process {shared_home.worker()['pid']}" in answer.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="torch has another OpenMP there, with other words")
def test_threads_of_a_worker_sleep_while_they_wait(home):
    assert run(home, job(home), OMP_DISPLAY_ENV="TRUE").state == "done"
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in home.log.read_text()


def test_a_worker_ends_when_idle(home):
    assert run(home, job(home), SEMCOLORIZE_IDLE_MINUTES="0.01").state == "done"
    wait_until(lambda: not home.worker_lives())
    assert run(home, job(home)).state == "done"


def test_a_worker_of_another_version_is_replaced(home):
    assert run(home, job(home)).state == "done"
    about = home.worker()
    home.introduce(about | {"version": "0.0.1"})
    assert run(home, job(home)).state == "done"
    assert home.worker()["pid"] != about["pid"] and home.worker()["version"] == about["version"]


def test_a_worker_that_cannot_start_is_told_with_its_own_words(home, tmp_path):
    # The client has what it needs; the worker's interpreter has not.
    folder = job(home)
    code = (
        "import sys, pathlib; from semcolorize.imagej import client, home; sys.executable = sys.argv[2];"
        "client.run(home.Home.open(), pathlib.Path(sys.argv[1]))"
    )
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'library libpython is missing' >&2\nexit 3\n")
    fake.chmod(0o755)
    subprocess.run([sys.executable, "-c", code, str(folder), str(fake)], env=environment(home), check=True, timeout=60)
    status = read_status(folder)
    assert status.state == "failed" and "exit code 3" in status.error and "libpython is missing" in status.error


def test_a_full_disk_is_told(home):
    # As little as the disk allows: files end after 40 KB, which is what a full disk looks like to a program.
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    folder = job(home, size=(256, 256), variants=3)
    with subprocess.Popen(
        [*CLIENT, "run", str(folder)], env=environment(home), preexec_fn=limit, stderr=subprocess.PIPE
    ) as process:
        process.communicate(timeout=120)
    status = read_status(folder)
    assert status.state == "failed" and "too large for this disk" in status.error
    assert not [path.name for path in folder.iterdir() if path.name.startswith((".", "result"))]


def test_new_prints_a_private_folder_and_loads_no_torch(home):
    code = "import sys; sys.argv = ['c', 'new']; from semcolorize.imagej.client import main; main();"
    code += "print(' '.join(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment(home), capture_output=True, text=True, check=True
    )
    folder, modules = answer.stdout.split("\n")[:2]
    assert Path(unspell(folder)).parent == home.jobs
    assert stat.S_IMODE(Path(unspell(folder)).stat().st_mode) == 0o700
    assert not set(modules.split()) & {"torch", "numpy", "scipy", "pydantic", "tifffile"}
    # It has started a worker meanwhile, which must be there to be ended.
    wait_until(lambda: home.worker_lives() and home.worker().get("pid"))


def test_palettes_are_printed_for_macros(home, tmp_path):
    (tmp_path / "p.yaml").write_text('Körner: "#d1495b"\n"a=b": seagreen\n', encoding="utf-8")
    words = [*CLIENT, "palette", str(tmp_path / "p.yaml")]
    answer = subprocess.run(words, env=environment(home), capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["K\\u00f6rner=#d1495b", "a=b=#2e8b57"]
    wrong = subprocess.run(
        [*CLIENT, "palette", str(tmp_path / "q.yaml")], env=environment(home), capture_output=True, text=True
    )
    assert wrong.stdout.startswith("ERROR=") and "no such file" in wrong.stdout


def test_folders_of_others_or_open_to_others_are_refused(tmp_path):
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    with pytest.raises(BridgeError, match="chmod 700"):
        Home.open(loose)
    readable = tmp_path / "readable"
    readable.mkdir(mode=0o755)
    assert stat.S_IMODE(Home.open(readable).root.stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(readable)
    with pytest.raises(BridgeError, match="link"):
        Home.open(tmp_path / "link")
    (tmp_path / "file").write_text("")
    with pytest.raises(BridgeError, match="cannot be used|not a folder"):
        Home.open(tmp_path / "file")
    if os.geteuid() == 0:
        os.chown(readable, 12345, -1)
        with pytest.raises(BridgeError, match="another user"):
            Home.open(readable)


def test_only_job_folders_of_the_home_are_taken(home, tmp_path):
    for path in (tmp_path, home.root, home.jobs / "missing", home.jobs / ".." / "jobs"):
        with pytest.raises(BridgeError, match="no job folder"):
            home.job(path)
    (home.jobs / "link").symlink_to(tmp_path)
    with pytest.raises(BridgeError, match="no job folder"):
        home.job(home.jobs / "link")
    (home.queue / "00000000000000000001-x").write_text("../../etc")
    assert home.take(home.waiting()[0]) is None and not home.waiting()


def test_old_job_folders_are_cleared_and_new_ones_kept(home):
    old, new = home.new_job(), home.new_job()
    (old / "image.tif").write_bytes(b"x")
    os.utime(old, (time.time() - 8 * 86400,) * 2)
    assert home.clear_old() == 1 and new.is_dir() and not old.exists()


@pytest.mark.parametrize(
    "text", ["", "plain", "a\\nb", "a\nb\\", "Körner 試料 🔬", "\x00\x1f\x7f", "\ud800", "\\u00e4"]
)
def test_any_text_passes_through_a_status(tmp_path, text):
    assert spell(text).isascii() and "\n" not in spell(text)
    assert unspell(spell(text)) == text
    write_status(tmp_path, Status("failed", error=text))
    assert read_status(tmp_path).error == text


def test_a_status_that_is_none_reads_as_none(tmp_path):
    assert read_status(tmp_path) is None
    (tmp_path / "status.txt").write_bytes(b"\xff\xfestate=jumping\n")
    assert read_status(tmp_path) is None
