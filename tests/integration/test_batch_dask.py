"""The engine dask: the results of the engine local, to the bit, whatever happens to a worker."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_tools import EXAMPLES, batch, make_home, results, table

from semcolorize.batch.job import read_job
from semcolorize.batch.runner import run_job

pytest.importorskip("distributed", reason="needs the extra [dask]")


def start(*words: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a scheduler or a worker, its output into a file."""
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3"},
        )  # fmt: skip


@pytest.mark.slow
def test_two_workers_one_killed(tmp_path: Path) -> None:
    # Eight good files, two broken ones.
    job = make_home(tmp_path / "home", 10, size=(256, 192), broken=0.2)
    home = job.parent
    assert run_job(read_job(job)).colored == 8
    wanted = results(home / "colored")
    job.write_text(job.read_text().replace("folder: colored", "folder: by_dask"))
    address = tmp_path / "scheduler.json"
    processes = [
        start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file",
              str(address), log=tmp_path / "scheduler.log")
    ]  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not address.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        import json

        scheduler = json.loads(address.read_text())["address"]
        for i in range(2):
            processes.append(
                start("dask_worker", scheduler, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory",
                      str(tmp_path), log=tmp_path / f"worker{i}.log")
            )  # fmt: skip
        killed = False

        def kill_one(_: object) -> None:
            nonlocal killed
            if not killed:
                killed = True
                os.kill(processes[1].pid, signal.SIGKILL)

        found = read_job(job)
        engine = found.spec.engine.model_copy(update={"kind": "dask", "scheduler": scheduler})
        from dataclasses import replace

        found = replace(found, spec=found.spec.model_copy(update={"engine": engine}))
        summary = run_job(found, on_progress=kill_one)
        assert killed and processes[1].wait(timeout=30) == -signal.SIGKILL
        assert summary.colored == 8 and summary.failed == 2
        assert results(home / "by_dask") == wanted
        assert {row["times_colored"] for row in table(home / "by_dask").values() if row["status"] == "done"} == {"1"}
        assert not (home / "by_dask" / ".staging").exists()
        # What dask colored, local need not, and the other way round.
        assert run_job(read_job(job)).colored == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_workers_on_this_machine(tmp_path: Path) -> None:
    job = make_home(tmp_path / "home", 3, size=(128, 96))
    answer = batch(job, "--engine", "dask", "--workers", "1")
    assert "3 colored" in answer.stdout
    by_dask = results(job.parent / "colored")
    (job.parent / "colored").rename(job.parent / "other")
    batch(job, "--engine", "local", "--workers", "2")
    assert results(job.parent / "colored") == by_dask


def test_a_scheduler_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOLORIZE_DASK_TIMEOUT", "1")
    job = make_home(tmp_path / "home", 1, size=(64, 48))
    answer = batch(job, "--scheduler", "tcp://127.0.0.1:9", code=2)
    assert "cannot be reached" in answer.stderr and "tcp://host:8786" in answer.stderr
    answer = batch(job, "--engine", "local", "--scheduler", "tcp://127.0.0.1:9", code=2)
    assert "for the engine dask" in answer.stderr


def slurm_example(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue")
    return subprocess.run(
        [sys.executable, EXAMPLES / "slurm_cluster.py", *words], capture_output=True, text=True, cwd=cwd, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_slurm_gets_the_script_that_was_asked_for(tmp_path: Path) -> None:
    words = ("job.yaml", "--show", "--cores", "4", "--memory", "8GB", "--queue", "gpu", "--directive=--gres=gpu:1")
    answer = slurm_example(*words, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    asked = [line.removeprefix("#SBATCH ") for line in answer.stdout.splitlines() if line.startswith("#SBATCH")]
    assert {"-p gpu", "-n 1", "--cpus-per-task=4", "--mem=8G", "-t 04:00:00", "--gres=gpu:1"} <= set(asked)
    # One worker of one thread: two images at once would share a GPU and its memory.
    assert "--nthreads 1" in answer.stdout and "--nworkers" not in answer.stdout


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("sinfo") is None or subprocess.run(["sinfo"], capture_output=True).returncode != 0,
    reason="needs a SLURM that answers; one node on this machine will do",
)
def test_slurm_colors_as_local_does(tmp_path: Path) -> None:
    job = make_home(tmp_path / "home", 4, size=(128, 96))
    assert run_job(read_job(job)).colored == 4
    wanted = results(job.parent / "colored")
    job.write_text(job.read_text().replace("folder: colored", "folder: by_slurm"))
    answer = slurm_example(str(job), "--jobs", "1", "--memory", "4GB", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "4 colored" in answer.stdout and results(job.parent / "by_slurm") == wanted
