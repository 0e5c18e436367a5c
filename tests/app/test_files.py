"""Files in and out of the window: what is saved is what the command line makes of the saved hints."""

from __future__ import annotations

import io
import json
import shlex
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from app_tools import POLLEN, drop, save
from PIL import Image

from semcolorize.hintfiles.yaml_hints import read_hints


def command_line(*words: object) -> None:
    done = subprocess.run([sys.executable, "-m", "semcolorize", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def hinted(window: Any) -> None:
    window.opened()
    window.click(*POLLEN)
    window.page.keyboard.press("2")
    window.stroke((280, 420), (308, 470), (360, 440))
    window.click(788, 627, key="Alt")
    window.page.keyboard.press("1")
    window.click(452, 258, key="Shift")


@pytest.mark.slow
def test_export_is_the_command_line_s_and_opens_again(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path, tmp_path: Path
) -> None:
    window = show(app(micrograph).address)
    hinted(window)
    with window.new_picture():
        window.page.get_by_label("Opacity of class 1").fill("60")
    legend = window.get("app.picture.legend")
    with zipfile.ZipFile(save(window, "archive")) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert sorted(content) == [
        "pollen.hints.yaml", "pollen_RoiSet.zip", "pollen_color.json", "pollen_color.png", "pollen_color.tif",
        "pollen_color_labels.tif", "pollen_color_legend.png", "pollen_color_rois.zip", "pollen_methods.txt",
    ]  # fmt: skip
    rgb = tifffile.imread(io.BytesIO(content["pollen_color.tif"]))
    hints = tmp_path / "pollen.hints.yaml"
    hints.write_bytes(content["pollen.hints.yaml"])
    # The command that the methods file gives, to the letter.
    command = next(
        line.split() for line in content["pollen_methods.txt"].decode().splitlines() if "semcolorize colorize" in line
    )
    places = {"pollen.tif": str(micrograph), hints.name: str(hints)}
    command = [places.get(word, word) for word in command]
    command_line(*command[1:], "-o", tmp_path / "again.tif")
    np.testing.assert_array_equal(rgb, tifffile.imread(tmp_path / "again.tif"))
    png = np.asarray(Image.open(io.BytesIO(content["pollen_color.png"])))
    np.testing.assert_array_equal(rgb.reshape(768, 1024, 3), png)
    # The legend on the screen is the one in the file.
    record = json.loads(content["pollen_color.json"])
    assert [(e["name"], e["color"], e["share"], e["hints"]) for e in record["legend"]] == [
        (e["name"], e["color"], pytest.approx(e["share"]), e["hints"]) for e in legend
    ]
    assert "no generative step" in content["pollen_methods.txt"].decode()
    # ROIs say the same as the YAML.
    (tmp_path / "rois.zip").write_bytes(content["pollen_RoiSet.zip"])
    for one, other in zip(read_hints(hints), read_hints(tmp_path / "rois.zip"), strict=True):
        assert (one.name, one.spread) == (other.name, other.spread)
    # Opened again in another window, it is the same picture.
    before = [window.color_at(x, y) for x, y in [(232, 61), (330, 460), (600, 600)]]
    other = show(app(home=tmp_path / "other home").address)
    drop(other, micrograph, hints)
    other.until("app.state.hints.length === 4")
    other.opened("pollen.tif")
    other.until("app.picture && app.picture.legend.length === x", len(legend))
    assert [e["share"] for e in other.get("app.picture.legend")] == [e["share"] for e in legend]
    assert [other.color_at(x, y) for x, y in [(232, 61), (330, 460), (600, 600)]] == before


@pytest.mark.slow
def test_variants_are_the_command_line_s(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path, tmp_path: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    with window.new_picture():
        window.button("Automatic").click()
    window.page.get_by_role("slider", name="Number of variants").fill("2")
    window.until("app.root.querySelectorAll('.sc-thumb').length === 2", seconds=90)
    with zipfile.ZipFile(save(window, "archive")) as archive:
        rgb = tifffile.imread(io.BytesIO(archive.read("pollen_color.tif")))
        (tmp_path / "h.yaml").write_bytes(archive.read("pollen.hints.yaml"))
    command_line(
        "colorize", micrograph, "--hints", tmp_path / "h.yaml", "--fill", "auto", "--variants", 2,
        "-o", tmp_path / "a.tif",
    )  # fmt: skip
    np.testing.assert_array_equal(rgb, tifffile.imread(tmp_path / "a.tif"))
    assert rgb.shape[0] == 2


@pytest.mark.slow
def test_the_colors_of_a_picture_are_picked_and_saved_as_by_the_command_line(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path, tmp_path: Path
) -> None:
    (tmp_path / "h.yaml").write_text(
        "hints:\n  - {point: [207, 51], size: 9, color: red}\n  - {point: [308, 438], size: 9, color: lime}\n"
    )
    command_line("colorize", micrograph, "--hints", tmp_path / "h.yaml", "-o", tmp_path / "c.tif", "--png")
    colored = tmp_path / "my paper.png"
    (tmp_path / "c.png").rename(colored)
    window = show(app(micrograph).address)
    window.opened()
    with window.new_picture(), window.page.expect_file_chooser() as chooser:
        window.button("Colors of a picture…").click()
        chooser.value.set_files(colored)
    window.until("app.root.querySelector('.sc-reference img').naturalWidth > 100")
    with window.new_picture():
        window.button("Contrast").click()
    content = zipfile.ZipFile(save(window, "archive"))
    line = next(own for own in content.read("pollen_methods.txt").decode().splitlines() if "--like" in own)
    words = shlex.split(line)[1:]
    assert words[words.index("--like") + 1] == "my paper.png" and words[words.index("--fill") + 1] == "contrast"
    words[words.index("--like") + 1], words[words.index("pollen.tif")] = str(colored), str(micrograph)
    command_line(*words, "-o", tmp_path / "again.tif")
    rgb = tifffile.imread(io.BytesIO(content.read("pollen_color.tif")))
    np.testing.assert_array_equal(rgb, tifffile.imread(tmp_path / "again.tif"))
    with window.new_picture():
        window.button("Take no colors of this picture").click()
    window.until("app.picture.colorless && !app.root.querySelector('.sc-pick').hidden")
    with window.new_picture():
        window.page.keyboard.press("Control+z")
    window.until("app.root.querySelector('.sc-reference img').naturalWidth > 100")


@pytest.mark.slow
def test_saved_beside_the_image_and_nothing_replaced(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    for _ in range(2):
        window.button("Save…").click()
        window.page.locator("[data-kind=beside]").click()
        window.page.get_by_text("Saved beside the image").last.wait_for(timeout=60000)
        window.page.locator(".sc-toast button").last.click()
    names = sorted(path.name for path in micrograph.parent.iterdir())
    assert "pollen_color.tif" in names and "pollen_2_color.tif" in names and "pollen_2.hints.yaml" in names
    assert not [name for name in names if name.startswith(".")]
    one, two = (tifffile.imread(micrograph.with_name(f"pollen{n}_color.tif")) for n in ("", "_2"))
    np.testing.assert_array_equal(one, two)
    # Results are not shown among the micrographs; hints beside an image are opened with it.
    again = show(app(micrograph, home=micrograph.parent.parent / "h2").address)
    again.opened("pollen.tif")
    again.until("app.state.hints.length === 1")
    assert again.get("app.strip.element.hidden")


def test_hints_and_rois_alone_and_a_palette_dropped(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path, tmp_path: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    palette = tmp_path / "house.gpl"
    palette.write_text("GIMP Palette\n210 30 40 blood\n20 160 90 moss\n")
    drop(window, palette)
    window.until("app.state.classes.some((c) => c.name === 'moss')")
    assert window.get("app.state.classes.map((c) => c.name)") == ["stays gray", "class 1", "blood", "moss"]
    text = save(window, "hints").read_text()
    assert "point: [207, 51]" in text and '"moss": "#14a05a"' in text
    with zipfile.ZipFile(save(window, "rois")) as archive:
        assert len(archive.namelist()) == 1


def test_broken_and_huge_files_are_told_and_the_window_lives_on(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path, tmp_path: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    broken = tmp_path / "broken.tif"
    broken.write_bytes(micrograph.read_bytes()[:5000])
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    huge = tmp_path / "huge.png"
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    huge.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ))  # fmt: skip
    hints = tmp_path / "bad.hints.yaml"
    hints.write_text("hints:\n  - {point: [1], color: nocolor}\n")
    for path, words in [
        (broken, "broken.tif"), (empty, "empty (0 bytes)"), (huge, "200000 x 200000"), (hints, "bad.hints.yaml:2"),
    ]:  # fmt: skip
        drop(window, path)
        window.page.get_by_role("alert").filter(has_text=words).wait_for(timeout=20000)
        # No folder of ours or of the user's is shown.
        assert str(tmp_path) not in " ".join(window.messages())
    window.click(*POLLEN)
    assert window.get("app.state.views.length") == 1 and window.get("app.state.hints.length") == 1


def test_a_name_with_anything_in_it(
    app: Callable[..., Any], show: Callable[..., Any], tmp_path: Path, scene: np.ndarray
) -> None:
    folder = tmp_path / "Ünï cödé & <b>x"
    folder.mkdir()
    path = folder / "größe <img src=x onerror=alert(1)> 50% #1.tif"
    tifffile.imwrite(path, scene[:256, :256])
    window = show(app(path).address)
    window.opened(path.name)
    window.click(100, 100)
    name = window.page.get_by_label("Name of the class").first
    name.fill('<script>alert("x")</script>: "{}')
    name.press("Enter")
    window.until("app.state.classes[1].name.startsWith('<script>')")
    with zipfile.ZipFile(save(window, "archive")) as archive:
        (yaml,) = [archive.read(own) for own in archive.namelist() if own.endswith(".hints.yaml")]
    (tmp_path / "h.yaml").write_bytes(yaml)
    assert read_hints(tmp_path / "h.yaml").hints[0].name == '<script>alert("x")</script>: "{}'
