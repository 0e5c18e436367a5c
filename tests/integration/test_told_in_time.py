"""What a person should know while, not after, the work is done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def field(path: Path, side: int = 96) -> Path:
    y, x = np.mgrid[:side, :side]
    disk = np.hypot(x - side / 2, y - side / 2) < side / 3
    values = 90 + 60 * disk + np.random.default_rng(3).normal(0, 4, x.shape)
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path)
    return path


def start(*words: object, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "semcolorize", *map(str, words)], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_of_two_runs_to_one_file_the_second_is_told_before_it_computes(tmp_path: Path) -> None:
    from semcolorize.errors import OutputError
    from semcolorize.results.claim import claimed

    field(tmp_path / "a.tif")
    (tmp_path / "a.hints.yaml").write_text("hints: [{point: [48, 48], color: red}]\n")
    holder = "from pathlib import Path; import sys; from semcolorize.results.claim import claimed\n"
    holder += "with claimed(Path('out.tif')): print('held', flush=True); sys.stdin.read()"
    first = subprocess.Popen(
        [sys.executable, "-c", holder], cwd=tmp_path, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    second = start("colorize", "a.tif", "--hints", "a.hints.yaml", "-o", "out.tif", folder=tmp_path)
    told, _ = second.communicate(timeout=120)
    assert second.returncode == 1 and "Another run is writing this file" in told
    # However the first ends, the name is free again.
    first.kill()
    first.wait()
    with claimed(tmp_path / "out.tif"), pytest.raises(OutputError, match="Another run"), claimed(tmp_path / "out.tif"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.hints.yaml", "a.tif"]


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.8, 1.5])
def test_ctrl_c_leaves_no_traceback(tmp_path: Path, delay: float) -> None:
    field(tmp_path / "a.tif")
    # From our first line on: before it, Python itself is being loaded.
    code = "import semcolorize.__main__ as own; print('up', flush=True); own.run()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "colorize", "a.tif", "--fill", "auto", "-o", "out.tif"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    time.sleep(max(delay, 0.005))
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=120)
    assert "Traceback" not in told and "Exception ignored" not in told
    left = {path.name for path in tmp_path.iterdir()} - {"a.tif", "out.tif", "out.json", "out_legend.png"}
    assert not left


def test_watching_tells_each_file_through_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "job.yaml").write_text("inputs: in\nmodel: {fill: auto, steps: 1}\noutput: {legend: false}\n")
    process = start("batch", "job.yaml", "--watch", folder=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("watching ")
    field(tmp_path / "in" / "a.tif")
    line = process.stdout.readline()
    while line and not line.startswith("colored"):
        line = process.stdout.readline()
    assert line == "colored: a.tif\n"
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=120)
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.relative_to(EXAMPLES).as_posix()
)
def test_check_passes_on_every_example_from_its_own_folder(path: Path) -> None:
    done = start("check", path.name, folder=path.parent)
    told, _ = done.communicate(timeout=120)
    assert done.returncode == 0, told
