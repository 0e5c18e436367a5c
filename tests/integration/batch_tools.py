"""What the tests of batch jobs share: small synthetic folders, runs, and what results are."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest

from semcolorize.cli.main import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
JOB = """\
inputs: month
output: {folder: colored}
palette: {sphere: "#d1495b", rod: teal, keep: gray}
hints: {default: house.hints.yaml}
engine: {threads: 1}
"""


def example(name: str) -> ModuleType:
    """An example script as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def make_home(
    home: Path, count: int, *, size: tuple[int, int] = (192, 144), broken: float = 0.0, job: str = JOB
) -> Path:
    """A folder with a job and an instrument folder; returns the job."""
    home.mkdir(exist_ok=True)
    example("instrument_folder").make_folder(home / "month", count, size=size, broken=broken)
    (home / "house.hints.yaml").write_text(
        "coordinates: fraction\nhints:\n  - {point: [0.5, 0.5], color: sphere}\n  - {point: [0.1, 0.2], color: keep}\n"
    )
    (home / "job.yaml").write_text(job)
    return home / "job.yaml"


def batch(job: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``semcolorize batch`` as its entry point does, in this process: starting one takes seconds."""
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    argv = ["semcolorize", "batch", str(job), *words]
    before = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", argv)
        try:
            main()
        except SystemExit as stop:
            status = stop.code
        finally:
            signal.signal(signal.SIGTERM, before)
    assert status == code, err.getvalue()
    return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())


def batch_process(job: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``semcolorize batch`` as a user does."""
    answer = subprocess.run(
        [sys.executable, "-m", "semcolorize", "batch", str(job), *words],
        capture_output=True, text=True, timeout=300, cwd=job.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
    )  # fmt: skip
    assert answer.returncode == code, answer.stderr
    assert "Traceback" not in answer.stderr
    return answer


def results(folder: Path) -> dict[str, bytes]:
    """Every file of a run but its ledger and report: name to content."""
    own = ("ledger.sqlite", ".ledger.lock", "report", "contact_sheet")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(own)
    }


def table(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of a report.csv by input."""
    with (folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["input"]: row for row in csv.DictReader(file)}
