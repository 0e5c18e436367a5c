"""Whatever is wrong with the input: one clear located message, the right exit code, no traceback, nothing written."""

import hashlib
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
import torch
from PIL import Image
from safetensors.torch import save_file

from semcolorize.cli.main import main

GOOD_HINTS = "palette: {grain: '#d1495b'}\nhints:\n  - {point: [20, 20], size: 5, color: grain}\n"


def write_micrograph(path, values=None):
    if values is None:
        values = np.random.default_rng(0).integers(0, 255, (64, 80), dtype=np.uint8)
    tifffile.imwrite(path, values)
    return path


def roi_bytes(color=None):
    roi = roifile.ImagejRoi.frompoints([[10, 10], [30, 10], [30, 30]])
    if color is not None:
        roi.stroke_color = color
    return roi.tobytes()


def hints(text):
    def prepare(folder):
        (folder / "h.yaml").write_text(text)
        return ["colorize", str(write_micrograph(folder / "m.tif")), "--hints", str(folder / "h.yaml")]

    return prepare


def archive(entries, tamper=None):
    def prepare(folder):
        path = folder / "rois.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in entries.items():
                file.writestr(name, content)
        if tamper is not None:
            path.write_bytes(tamper(path.read_bytes()))
        return ["colorize", str(write_micrograph(folder / "m.tif")), "--hints", str(path)]

    return prepare


def image(write, name="m.tif"):
    def prepare(folder):
        write(folder / name)
        (folder / "h.yaml").write_text(GOOD_HINTS)
        return ["colorize", str(folder / name), "--hints", str(folder / "h.yaml")]

    return prepare


def truncated(path):
    write_micrograph(path)
    path.write_bytes(path.read_bytes()[:2000])


def with_nan(path):
    values = np.ones((32, 32), np.float32)
    values[3, 4] = np.nan
    tifffile.imwrite(path, values)


def huge_header(path):
    """A PNG that claims 60000 x 60000 pixels in a few hundred bytes."""
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


def colored(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)).save(path)


def options(*words):
    def prepare(folder):
        (folder / "h.yaml").write_text(GOOD_HINTS)
        return ["colorize", str(write_micrograph(folder / "m.tif")), "--hints", str(folder / "h.yaml"), *words]

    return prepare


def existing_output(folder):
    (folder / "m_color.tif").write_bytes(b"precious")
    return options()(folder)


def output_is_input(folder):
    return [*options()(folder), "-o", str(folder / "m.tif"), "--overwrite"]


def output_in_missing_folder(folder):
    return [*options()(folder), "-o", str(folder / "no" / "such" / "x.tif")]


def output_behind_a_file(folder):
    (folder / "file").write_text("x")
    return [*options()(folder), "-o", str(folder / "file" / "x.tif")]


def edited_weights(folder):
    from semcolorize.network.weights import weights_path

    content = bytearray(weights_path("default").read_bytes())
    content[-5] ^= 0x40
    (folder / "w.safetensors").write_bytes(content)
    return options("--weights", str(folder / "w.safetensors"))(folder)


def foreign_weights(folder):
    save_file({"x": torch.zeros(3)}, folder / "w.safetensors")
    return options("--weights", str(folder / "w.safetensors"))(folder)


def pickled_weights(folder):
    torch.save({"x": torch.zeros(3)}, folder / "w.pt")
    return options("--weights", str(folder / "w.pt"))(folder)


LAUGHS = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nhints: [*b, *b]\n"
BOMB = {f"{i}.roi": b"\0" * 3_000_000 for i in range(40)}

CASES = {
    "truncated TIFF": (image(truncated), 1, "m.tif"),
    "text instead of an image": (image(lambda p: p.write_text("hello")), 1, "m.tif"),
    "empty file": (image(lambda p: p.write_bytes(b"")), 1, "m.tif"),
    "folder instead of an image": (image(lambda p: p.mkdir()), 1, "m.tif"),
    "missing image": (image(lambda p: None), 1, "m.tif"),
    "image with NaN": (image(with_nan), 1, "NaN"),
    "image of zero size": (image(lambda p: tifffile.imwrite(p, np.zeros((0, 5), np.uint8))), 1, "m.tif"),
    "image bomb": (image(huge_header, "m.png"), 1, "60000"),
    "colored image": (image(colored, "m.png"), 1, "color"),
    "complex image": (image(lambda p: tifffile.imwrite(p, np.zeros((8, 8), np.complex64))), 1, "m.tif"),
    "unknown key": (hints("hints:\n  - {pont: [1, 2], color: red}\n"), 2, "h.yaml:2"),
    "unknown top key": (hints("pallete: {}\n" + GOOD_HINTS), 2, "h.yaml:1"),
    "duplicate key": (hints(GOOD_HINTS + "hints: []\n"), 2, "h.yaml:4"),
    "billion laughs": (hints(LAUGHS), 2, "h.yaml:1"),
    "YAML tag": (hints("hints: !!python/object/apply:os.system ['touch owned']\n"), 2, "h.yaml:1"),
    "broken YAML": (hints("hints: [{point: [1, 2}\n"), 2, "h.yaml"),
    "YAML in Latin-1": (lambda f: (hints("")(f), (f / "h.yaml").write_bytes(b"hints: []\n# \xe9\n"))[0], 2, "UTF-8"),
    "deep YAML": (hints("hints: " + "[" * 500 + "]" * 500 + "\n"), 2, "h.yaml:1"),
    "unknown color": (hints("hints:\n  - {point: [1, 2], color: reddish}\n"), 2, "reddish"),
    "hint outside": (hints("hints:\n  - {point: [20, 900], color: red}\n"), 2, "outside the image: row 900"),
    "hint at NaN": (hints("hints:\n  - {point: [.nan, 9], color: red}\n"), 2, "h.yaml:2"),
    "hint of infinite size": (hints("hints:\n  - {point: [5, 9], size: .inf, color: red}\n"), 2, "h.yaml:2"),
    "missing ROI set": (hints("hints:\n  - {rois: cells.zip}\n"), 2, "cells.zip"),
    "missing hints": (options("--hints", "nowhere.yaml"), 2, "nowhere.yaml"),
    "zip without ROIs": (archive({"readme.txt": "no"}), 2, "rois.zip"),
    "zip bomb": (archive(BOMB), 2, "rois.zip"),
    "zip with a path that escapes": (archive({"../../evil.roi": roi_bytes(b"\xff\xff\0\0")}), 2, "evil.roi"),
    "truncated zip": (archive({"a.roi": roi_bytes(b"\xff\xff\0\0")}, lambda b: b[: len(b) // 2]), 2, "rois.zip"),
    "garbage ROI": (archive({"a.roi": b"Iout" + b"\xff" * 100}), 2, "rois.zip"),
    "edited weights": (edited_weights, 1, "damaged or was edited"),
    "foreign weights": (foreign_weights, 1, "w.safetensors"),
    "pickled weights": (pickled_weights, 1, "no readable safetensors"),
    "unknown weights": (options("--weights", "cyto3"), 1, "cyto3"),
    "unknown device": (options("--device", "cuda:77"), 2, "cuda:77"),
    "no variants": (options("--variants", "0"), 2, "variants is 0"),
    "negative seed": (options("--seed", "-1"), 2, "seed is -1"),
    "no steps": (options("--steps", "0"), 2, "num_steps is 0"),
    "silly data bar": (options("--databar", "64"), 2, "databar"),
    "wrong data bar": (options("--databar", "yes"), 2, "databar"),
    "unknown option": (options("--colour", "red"), 2, "--colour"),
    "missing page": (options("--page", "7"), 1, "m.tif"),
    "empty display range": (options("--display-range", "5", "5"), 2, "display"),
    "existing output": (existing_output, 1, "m_color.tif"),
    "output is the input": (output_is_input, 1, "m.tif"),
    "output in a missing folder": (output_in_missing_folder, 1, "no"),
    "output behind a file": (output_behind_a_file, 1, "file"),
    "unknown command": (lambda f: ["colourize"], 2, "colorize"),
    "unknown recipe": (lambda f: ["train", "kompact"], 2, "kompact"),
    "evaluation of nothing": (lambda f: ["evaluate", "--data", str(f)], 2, "holds no image"),
}


def fingerprint(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name, tmp_path, monkeypatch, capsys):
    prepare, code, words = CASES[name]
    arguments = prepare(tmp_path)
    before = fingerprint(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["semcolorize", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    captured = capsys.readouterr()
    assert caught.value.code == code, captured.err
    assert words in captured.err and "Traceback" not in captured.err
    assert captured.out == ""
    assert len(captured.err) < 1500
    assert fingerprint(tmp_path) == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' /proc, where even root cannot write")
def test_unwritable_folder(tmp_path, monkeypatch, capsys):
    arguments = options()(tmp_path)
    before = fingerprint(tmp_path)
    monkeypatch.setattr(sys, "argv", ["semcolorize", *arguments, "-o", "/proc/x.tif"])
    with pytest.raises(SystemExit) as caught:
        main()
    captured = capsys.readouterr()
    assert caught.value.code == 1 and "/proc" in captured.err and "Traceback" not in captured.err
    assert captured.out == "" and fingerprint(tmp_path) == before


def test_full_disk(tmp_path, monkeypatch, capsys):
    """A real full disk: the process may not write files beyond a few kilobytes."""
    import resource
    import signal

    arguments = options()(tmp_path)
    before = fingerprint(tmp_path)
    monkeypatch.setattr(sys, "argv", ["semcolorize", *arguments])
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, old[1]))
    try:
        with pytest.raises(SystemExit) as caught:
            main()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code == 1 and "Traceback" not in capsys.readouterr().err
    assert fingerprint(tmp_path) == before
