"""Commands as users call them, with the bundled weights."""

import json
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from semcolorize.color.lab import rgb_to_lab
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.micrograph.reading import read_micrograph


def run(*words, cwd, code=0):
    answer = subprocess.run(
        [sys.executable, "-m", "semcolorize", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "2", "COLUMNS": "200"},
        timeout=300,
    )
    assert answer.returncode == code, answer.stderr
    assert "Traceback" not in answer.stderr
    return answer


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, run("demo", "-o", "pictures", cwd=folder)


def test_demo_makes_pictures_and_says_where(demo):
    folder, answer = demo
    paths = [folder / line for line in answer.stdout.split()]
    assert paths[0].name == "demo.png" and all(path.stat().st_size > 0 for path in paths)
    lightness = read_micrograph(folder / "pictures" / "micrograph.tif").lightness
    rgb = tifffile.imread(folder / "pictures" / "micrograph_color.tif")
    assert rgb.shape == (768, 1024, 3)
    assert np.abs(rgb_to_lab(rgb / 255)[..., 0] - lightness).max() <= 0.5
    record = json.loads((folder / "pictures" / "micrograph_color.json").read_text())
    assert {entry["name"] for entry in record["legend"]} >= {"grain", "spore"}


def test_a_demo_that_cannot_run_leaves_nothing_in_the_way(tmp_path):
    assert "cuda:77" in run("demo", "--device", "cuda:77", "-o", "d", cwd=tmp_path, code=2).stderr
    run("benchmark", "--device", "cuda:77", "--out", "b", cwd=tmp_path, code=2)
    assert not any(tmp_path.iterdir())


def test_colorize_again_as_the_demo_says(demo):
    folder, _ = demo
    pictures = folder / "pictures"
    before = (pictures / "micrograph.tif").read_bytes()
    words = ["colorize", pictures / "micrograph.tif", "--hints", pictures / "hints.yaml", "--json"]
    answer = run(*words, "-o", folder / "again.tif", cwd=folder)
    said = json.loads(answer.stdout)
    assert said["device"] in ("cpu", "cuda:0") and len(said["weights_sha256"]) == 64
    assert {"load", "model", "upsample", "render"} <= set(said["stages"])
    assert sorted(p.name for p in folder.iterdir()) == ["again.json", "again.tif", "again_legend.png", "pictures"]
    first = tifffile.imread(pictures / "micrograph_color.tif")
    np.testing.assert_array_equal(tifffile.imread(folder / "again.tif"), first)
    assert (pictures / "micrograph.tif").read_bytes() == before
    refused = run(*words, "-o", folder / "again.tif", cwd=folder, code=1)
    assert "--overwrite" in refused.stderr and refused.stdout == ""
    run(*words, "-o", folder / "again.tif", "--overwrite", cwd=folder)


def test_a_slash_at_the_end_makes_a_folder(demo, tmp_path):
    folder, _ = demo
    micrograph = folder / "pictures" / "micrograph.tif"
    hints = folder / "pictures" / "hints.yaml"
    said = run("colorize", micrograph, "--hints", hints, "-o", f"{tmp_path}/new/deep/", cwd=tmp_path).stderr
    assert "no data bar (--databar ROWS sets one)" in said
    cut = ["--databar", "64", "--crop-databar", "-o", f"{tmp_path}/cut.tif"]
    said = run("colorize", micrograph, "--hints", hints, *cut, cwd=tmp_path).stderr
    assert "the data bar from row 704 on is cut off" in said and tifffile.imread(tmp_path / "cut.tif").shape[0] == 704
    assert {p.name for p in (tmp_path / "new" / "deep").iterdir()} == {
        f"micrograph_color{end}" for end in (".tif", ".json", "_legend.png")
    }
    # Nothing is made where the rest is wrong, or where it cannot be made.
    run("colorize", micrograph, "--hints", tmp_path / "none.yaml", "-o", f"{tmp_path}/other/", cwd=tmp_path, code=2)
    assert not (tmp_path / "other").exists()
    (tmp_path / "file").write_text("x")
    refused = run("colorize", micrograph, "--hints", hints, "-o", f"{tmp_path}/file/", cwd=tmp_path, code=1)
    assert "file" in refused.stderr and (tmp_path / "file").read_text() == "x"


def test_demo_replaces_nothing_unasked(demo, tmp_path):
    (tmp_path / "micrograph.tif").write_bytes(b"mine")
    answer = run("demo", "-o", ".", cwd=tmp_path, code=1)
    assert "micrograph.tif" in answer.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["micrograph.tif"]
    assert (tmp_path / "micrograph.tif").read_bytes() == b"mine"


def test_hint_files_are_inputs_too(demo, tmp_path):
    folder, _ = demo
    overlay = tmp_path / "hints.tif"
    overlay.write_bytes((folder / "pictures" / "micrograph_color.tif").read_bytes())
    before = overlay.read_bytes()
    words = ["colorize", folder / "pictures" / "micrograph.tif", "--hints", overlay, "-o", overlay, "--overwrite"]
    assert "the input" in run(*words, cwd=tmp_path, code=1).stderr
    assert overlay.read_bytes() == before


def test_file_names_that_are_no_utf8(demo, tmp_path):
    folder, _ = demo
    name = os.fsdecode(b"old\xff.tif")
    (tmp_path / name).write_bytes((folder / "pictures" / "micrograph.tif").read_bytes())
    run(
        "colorize",
        name,
        "--hints",
        folder / "pictures" / "hints.yaml",
        "-o",
        "new.tif",
        "--databar",
        "none",
        cwd=tmp_path,
    )
    assert "old" in json.loads((tmp_path / "new.json").read_text())["input_name"]


def test_a_stopped_job_leaves_no_temporary_files(demo, tmp_path):
    import signal
    import time

    folder, _ = demo
    words = ["colorize", folder / "pictures" / "micrograph.tif", "--hints", folder / "pictures" / "hints.yaml"]
    for delay in (0.5, 2.0, 3.0, 4.0):
        with subprocess.Popen(
            [sys.executable, "-m", "semcolorize", *map(str, words), "--variants", "9", "-o", "x.tif", "--overwrite"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_names_with_spaces_quotes_and_other_scripts(demo, tmp_path):
    folder, _ = demo
    strange = tmp_path / "Prüfung 'a' 試料"
    strange.mkdir()
    image = strange / 'Körner "1" ×600.tif'
    image.write_bytes((folder / "pictures" / "micrograph.tif").read_bytes())
    answer = run(
        "colorize", image, "--hints", folder / "pictures" / "hints.yaml", "--variants", 2, "--png", cwd=strange
    )
    assert [line.rsplit("_", 1)[-1] for line in answer.stdout.splitlines()] == [
        "color.tif", "color.json", "legend.png", "1.png", "2.png"
    ]  # fmt: skip
    assert tifffile.imread(strange / 'Körner "1" ×600_color.tif').shape == (2, 768, 1024, 3)


def test_a_16_bit_image_keeps_its_calibration(tmp_path):
    rng = np.random.default_rng(0)
    values = (20000 + 8000 * rng.random((120, 160))).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "m.tif", values, imagej=True, resolution=(12.5, 12.5),
        metadata={"unit": "nm", "min": 18000.0, "max": 30000.0, "Info": "HV = 5 kV"},
    )  # fmt: skip
    (tmp_path / "h.yaml").write_text("hints:\n  - {point: [20, 20], size: 9, color: teal}\n")
    run("colorize", "m.tif", "--hints", "h.yaml", "--bits", "16", cwd=tmp_path)
    with tifffile.TiffFile(tmp_path / "m_color.tif") as file:
        about = file.imagej_metadata
        rgb = np.moveaxis(file.asarray(), -3, -1)
        assert about["unit"] == "nm" and "HV = 5 kV" in about["Info"] and rgb.dtype == np.uint16
        assert file.pages[0].resolution == (12.5, 12.5)
    lightness = read_micrograph(tmp_path / "m.tif").lightness
    assert np.abs(rgb_to_lab(rgb.reshape(120, 160, 3) / 65535)[..., 0] - lightness).max() <= 0.01


def test_hints_from_several_files_merge_and_later_ones_win(tmp_path):
    Image.fromarray(np.full((64, 64), 128, np.uint8)).save(tmp_path / "m.png")
    (tmp_path / "a.yaml").write_text("hints:\n  - {point: [20, 20], size: 9, color: teal}\n")
    (tmp_path / "b.yaml").write_text("hints:\n  - {point: [22, 22], size: 9, color: [200, 30, 30]}\n")
    answer = run("colorize", "m.png", "--hints", "a.yaml", "--hints", "b.yaml", cwd=tmp_path)
    assert "hint 2 covers 49 pixels of hint 1 (\"teal\"); the later wins" in answer.stderr
    red, green, _ = tifffile.imread(tmp_path / "m_color.tif")[22, 22]
    assert red > green + 50


def test_labels_and_rois_are_written_beside_the_result(demo, tmp_path):
    folder, _ = demo
    words = ["colorize", folder / "pictures" / "micrograph.tif", "--hints", folder / "pictures" / "hints.yaml"]
    answer = run(*words, "-o", tmp_path / "c.tif", "--labels", "--rois", "--json", cwd=tmp_path)
    said = json.loads(answer.stdout)
    assert {"c_labels.tif", "c_rois.zip"} <= {path.rsplit("/", 1)[-1] for path in said["paths"]}
    assert said["next_hint"] is None or len(said["next_hint"]) == 2
    labels = tifffile.imread(tmp_path / "c_labels.tif")
    shares = {entry["name"]: entry["share"] for entry in said["legend"]}
    for k, name in ((1, "grain"), (2, "spore")):
        # Nearly black pixels of an object show no color.
        assert abs((labels == k).mean() - shares[name]) < 0.05
    assert any(hint.name.startswith("spore") for hint in read_hints(tmp_path / "c_rois.zip"))
    refused = run(*words, "-o", tmp_path / "d.tif", "--labels", "--fill", "auto", cwd=tmp_path, code=2)
    assert "belong to no label" in refused.stderr


def test_check_says_what_files_are(demo, tmp_path):
    folder, _ = demo
    (tmp_path / "p.yaml").write_text("grain: '#d1495b'\nwall: seagreen\n")
    (tmp_path / "r.yaml").write_text("preset: compact\nstages:\n  - {steps: 5}\n")
    answer = run("check", folder / "pictures" / "hints.yaml", "p.yaml", "r.yaml", cwd=tmp_path)
    said = answer.stdout.splitlines()
    assert said[0].endswith("8 hints: grain, keep, spore") and said[1] == "p.yaml: palette of 2 colors: grain, wall"
    assert said[2] == "r.yaml: recipe, preset compact, 5 steps in 1 stage"
    (tmp_path / "bad.yaml").write_text("hints:\n  - {pont: [1, 2], color: red}\n  - {point: [1], color: redd}\n")
    faults = run("check", "p.yaml", "bad.yaml", cwd=tmp_path, code=2).stderr
    assert "bad.yaml:2" in faults and "bad.yaml:3" in faults and faults.count("error:") >= 2


def test_palettes_are_listed_and_checked(tmp_path):
    assert "#e69f00" in run("palette", "okabe-ito", cwd=tmp_path).stdout.lower()
    (tmp_path / "p.yaml").write_text("one: '#d1495b'\ntwo: '#d0485a'\n")
    answer = run("palette", "check", "p.yaml", cwd=tmp_path, code=1)
    assert "one and two look alike" in answer.stdout
    assert "All colors can be told apart" in run("palette", "check", "micrograph", cwd=tmp_path).stdout


def test_doctor_tries_a_coloring(tmp_path):
    answer = run("doctor", cwd=tmp_path)
    assert "All that coloring needs works." in answer.stdout and "verified" in answer.stdout


def test_evaluate_writes_its_report(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for i in range(2):
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(tmp_path / "images" / f"{i}.png")
    (tmp_path / "images" / "broken.png").write_bytes(b"\x89PNG no more")
    Image.fromarray(np.full((30, 30, 3), 90, np.uint8)).save(tmp_path / "images" / "gray.png")
    words = ["evaluate", "--data", "images", "--counts", "0,5", "--methods", "model,random-walker,gray", "--json"]
    answer = run(*words, "--out", "scores", cwd=tmp_path)
    assert "left out" in answer.stderr and "broken.png" in answer.stderr
    said = json.loads(answer.stdout)
    assert said["images"] == 2 and said["left_out"] == ["broken.png", "gray.png"]
    assert "it is gray" in answer.stderr
    (tmp_path / "file").write_bytes(b"mine")
    for taken in ("file", "file/scores"):
        assert "is a file" in run(*words, "--out", taken, cwd=tmp_path, code=1).stderr
    assert (tmp_path / "file").read_bytes() == b"mine"
    assert len(said["summary"]) == 6 and len(said["weights_sha256"]) == 64
    names = sorted(p.name for p in (tmp_path / "scores").iterdir())
    assert names == ["psnr.png", "scores.csv", "scores.json", "sheet.png"]
    document = json.loads((tmp_path / "scores" / "scores.json").read_text())
    assert len(document["scores"]) == 12 and document["protocol"] == "icolorit"
    before = (tmp_path / "scores" / "scores.json").read_bytes()
    assert "--overwrite" in run(*words, "--out", "scores", cwd=tmp_path, code=1).stderr
    assert (tmp_path / "scores" / "scores.json").read_bytes() == before
    wrong = run("evaluate", "--data", "images", "--methods", "modle", cwd=tmp_path, code=2)
    assert "modle is not known" in wrong.stderr
    compared = ["evaluate", "--data", "images", "--counts", "3", "--methods", "gray,model", "--steps", "1,2,ddpm:3"]
    run(*compared, "--out", "steps", cwd=tmp_path)
    document = json.loads((tmp_path / "steps" / "scores.json").read_text())
    assert [row["method"] for row in document["summary"]] == ["gray", "model, 1", "model, 2", "model, ddpm:3"]
    assert document["num_steps"] == {"model, 1": 1, "model, 2": 2, "model, ddpm:3": 3}
    assert len({row["psnr"] for row in document["summary"]}) == 4 and (tmp_path / "steps" / "steps.png").stat().st_size
    many = run("evaluate", "--data", "images", "--counts", "5,12545", cwd=tmp_path, code=2).stderr
    assert "has 12544 cells" in many
    for steps in ("0", "1,euler:5", "1,,2", "999999"):
        assert "--steps" in run("evaluate", "--data", "images", "--steps", steps, cwd=tmp_path, code=2).stderr


def test_examples_run(tmp_path):
    from pathlib import Path

    examples = Path(__file__).resolve().parents[2] / "examples"
    for words in (["color_array.py", "--out", "a.tif"], ["scene_gallery.py", "--count", "4", "--out", "g.png"]):
        subprocess.run([sys.executable, examples / words[0], *words[1:]], cwd=tmp_path, check=True, timeout=300)
    assert tifffile.imread(tmp_path / "a.tif").shape == (3, 256, 320, 3) and (tmp_path / "g.png").stat().st_size
    for wrong in (["--count", "0", "--out", "none.png"], ["--out", "g.png"]):
        assert subprocess.run([sys.executable, examples / "scene_gallery.py", *wrong], cwd=tmp_path).returncode == 2
    words = [sys.executable, examples / "color_by_itself.py", "--size", "96", "--out", "by_itself"]
    subprocess.run(words, cwd=tmp_path, check=True, timeout=300)
    assert subprocess.run(words, cwd=tmp_path, timeout=300, capture_output=True).returncode == 2
    with Image.open(tmp_path / "by_itself" / "automatic.png") as sheet:
        assert sheet.size == (4 * 96, 2 * 96)
    words = [sys.executable, examples / "tilt_series.py", "--size", "96", "--number", "2"]
    answer = subprocess.run(words, cwd=tmp_path, check=True, timeout=300, capture_output=True, text=True)
    # What it prints is the command that colors the series.
    again = subprocess.run(words, cwd=tmp_path, timeout=300, capture_output=True, text=True)
    assert again.returncode == 2 and "exists" in again.stderr
    assert run(*shlex.split(answer.stdout)[1:], cwd=tmp_path).returncode == 0
    assert (tmp_path / "tilts" / "colored" / "series.png").stat().st_size


def test_pollen_hints_fit_the_micrograph_they_name(shared_data, tmp_path):
    from pathlib import Path

    from semcolorize.hintfiles.yaml_hints import read_hints
    from semcolorize.hints.rasterize import rasterize

    hints = read_hints(Path(__file__).resolve().parents[2] / "examples" / "pollen.hints.yaml")
    image = read_micrograph(shared_data / "gray_sem" / "PolenHibisco_850X_rgb.png")
    assert image.shape == (2048, 2560)
    assert set(np.unique(rasterize(hints, image.shape).index)) == set(range(-1, len(hints)))


def test_doctor_takes_nothing_in_the_place_of_what_was_asked_for(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-m", "semcolorize", "doctor"], capture_output=True, text=True, timeout=300,
        env=os.environ | {"SEMCOLORIZE_FIJI": str(tmp_path / "nowhere")},
    )  # fmt: skip
    assert answer.returncode == 1 and "nowhere (SEMCOLORIZE_FIJI) holds no Fiji or ImageJ" in answer.stdout


def test_check_sees_the_model_of_a_job(tmp_path):
    (tmp_path / "month").mkdir()
    job = tmp_path / "job.yaml"
    job.write_text("inputs: month\nmodel:\n  device: tpu\n  working_size: 7\n")
    said = run("check", job, cwd=tmp_path, code=2).stderr
    assert "job.yaml:3: model.device: 'tpu'" in said and "job.yaml:4: model.working_size: 7 is not accepted" in said
    job.write_text("inputs: month\nmodel:\n  working_size: full\n  weights: nosuch\n")
    assert "job.yaml:4: model.weights: no weights named 'nosuch'" in run("check", job, cwd=tmp_path, code=2).stderr
    # With the others, though the job itself cannot be read.
    job.write_text("inputs: month\nmodel:\n  device: tpu\n  weights: nosuch\n")
    said = run("check", job, cwd=tmp_path, code=2).stderr
    assert "job.yaml:3: model.device" in said and "job.yaml:4: model.weights" in said
    job.write_text("inputs: month\nmodel: {weights: nosuch}\n")
    run("batch", job, cwd=tmp_path, code=1)
    # Found before the output folder is made.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job.yaml", "month"]
    job.write_text("inputs: month\nmodel: {working_size: full, device: cuda:3}\n")
    run("check", job, cwd=tmp_path)


def test_a_negative_is_told(tmp_path):
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)).save(tmp_path / "m.tif")
    words = ["colorize", "m.tif", "--display-range", 4000, 5, "--working-size", "FULL"]
    assert "shown as its negative" in run(*words, cwd=tmp_path).stderr
    methods = json.loads((tmp_path / "m_color.json").read_text())["methods"]
    assert "with 2.32% of the pixels beyond black and 0.12% beyond white" in methods
