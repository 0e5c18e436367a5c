"""Jobs: what is accepted, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcolorize.batch.job import read_job
from semcolorize.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "pal.yaml").write_text("grain: '#d1495b'\n")
    (tmp_path / "house.yaml").write_text("hints:\n  - {point: [3, 4], color: grain}\n")
    return tmp_path


def write(home: Path, text: str) -> Path:
    path = home / "job.yaml"
    path.write_text(text)
    return path


FULL = """\
inputs:  {folder: data, pattern: "**/*.tif", exclude: ["**/*_nav*"]}
output:  {folder: colored, name: "{stem}_color.tif", variants: 2, original: link, preview: png, bits: 16}
hints:   {sidecar: ["{stem}.hints.yaml", "{stem}.zip"], default: house.yaml}
palette: pal.yaml
databar: 64
model:   {weights: default, device: auto, steps: null, fill: gray, spread: alike, seed: 0}
engine:  {kind: local, workers: 1}
"""


def test_one_line_is_a_job(home: Path) -> None:
    job = read_job(write(home, "inputs: data\n"))
    assert job.input_folder == home / "data" and job.output_folder == home / "colored"
    assert job.spec.databar == "auto" and job.spec.model.fill is None and job.spec.engine.kind == "local"


def test_everything_can_be_said(home: Path) -> None:
    job = read_job(write(home, FULL))
    assert job.spec.databar == 64 and job.spec.output.bits == 16 and job.spec.inputs.pattern == ["**/*.tif"]
    assert job.default_hints == home / "house.yaml" and list(job.palette) == ["grain"]
    assert [Path(path).name for path, _ in job.files] == ["pal.yaml", "house.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("folder: data", "foldr: data", 1, "inputs.foldr is not a known key. Did you mean folder?"),
        ("folder: data", "folder: dta", 1, "does not exist"),
        ("folder: data", "folder: pal.yaml", 1, "is a file"),
        ('"**/*.tif"', '"../*.tif"', 1, "no pattern below the input folder"),
        ('"**/*.tif"', '"/etc/*.tif"', 1, "no pattern below the input folder"),
        ('"**/*.tif"', '"[z-a].tif"', 1, "no file pattern"),
        ("{stem}_color.tif", "color.tif", 2, "names the same file for every input"),
        ("{stem}_color.tif", "{stm}.tif", 2, "{stm} in '{stm}.tif' is not known. Did you mean stem?"),
        ("{stem}_color.tif", "{stem}.png", 2, "does not end in .tif"),
        ("{stem}_color.tif", "../{stem}.tif", 2, "holds a folder"),
        ("{stem}_color.tif", "{stem.tif", 2, "is no name pattern"),
        ("folder: colored", "folder: data", 2, "is the input folder"),
        ("folder: colored", "folder: .", 2, "holds the input folder"),
        ("folder: colored", "folder: pal.yaml", 2, "is a file"),
        ("variants: 2", "variants: 0", 2, "output.variants is 0"),
        ("variants: 2", 'variants: "2"', 2, "output.variants is '2'"),
        ("original: link", "original: move", 2, "output.original is 'move'"),
        ("{stem}.hints.yaml", "same.yaml", 3, "that is what hints.default is for"),
        ("default: house.yaml", "default: none.yaml", 3, "there is no file"),
        ("palette: pal.yaml", "palette: pall.yaml", 4, "no built-in palette"),
        ("databar: 64", "databar: bottom", 5, "auto, none, or a number of rows"),
        ("databar: 64", "databar: -3", 5, "auto, none, or a number of rows"),
        ("fill: gray", "fil: gray", 6, "model.fil is not a known key. Did you mean fill?"),
        ("steps: null", "num_steps: 4", 6, "model.num_steps is not a known key. Did you mean steps?"),
        ("workers: 1", "workers: none", 7, "engine.workers is 'none'"),
        ("engine:", "engin:", 7, "engin is not a known key. Did you mean engine?"),
        ("databar: 64", "series: {by: 'x[0-9]+'}", 5, "must name the series with (?P<series>...)"),
        ("databar: 64", "series: {by: '(?P<series>(a+)+)'}", 5, "repeats a repetition"),
        ("databar: 64", "series: {by: '(?P<series>'}", 5, "is no regular expression"),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, line: int, said: str, home: Path) -> None:
    assert old in FULL
    with pytest.raises(ConfigError) as caught:
        read_job(write(home, FULL.replace(old, new, 1)))
    assert any(fault.line == line and said in fault.message for fault in caught.value.faults), str(caught.value)
    assert str(home / "job.yaml") in str(caught.value)


def test_all_faults_at_once_those_of_other_files_too(home: Path) -> None:
    (home / "house.yaml").write_text("hints:\n  - {point: [3, 4], color: grian}\n")
    text = FULL.replace("variants: 2", "variants: 0").replace("databar: 64", "databar: x")
    with pytest.raises(ConfigError) as caught:
        read_job(write(home, text))
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "job.yaml:2" in lines[0] and "job.yaml:5" in lines[1] and "house.yaml:2" in lines[2]


def test_every_misspelled_key_is_found(home: Path) -> None:
    import re

    for match in re.finditer(r"(?<=[{, \n])([a-z]{4,})(?=:)", "\n" + FULL):
        word = match[1]
        wrong = FULL.replace(f"{word}:", f"{word[:-1]}q{word[-1]}:", 1)
        with pytest.raises(ConfigError, match="is not a known key|is missing"):
            read_job(write(home, wrong))
