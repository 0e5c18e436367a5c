"""Make a synthetic instrument folder of any size, to try batch jobs on.

python examples/instrument_folder.py --out month --count 300

Procedural micrographs with data bars, in nested folders with non-ASCII names, as FEI/Thermo, Zeiss, TESCAN, JEOL,
Hitachi and ImageJ write them (tags, text files, overlays), 8 and 16 bit, with hints in YAML, RoiSet.zip and
overlays; some are duplicates, and a share is broken in ten different ways. MANIFEST.json says what every file is,
and what a run should say of the broken ones.
"""

from __future__ import annotations

import argparse
import json
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageDraw, ImageFont

from semcolorize.color.palette import NamedColor, parse_color
from semcolorize.hintfiles.roi_writing import hints_to_rois
from semcolorize.hints.model import PointHint
from semcolorize.scenes import make_scene

VENDORS = ("fei", "zeiss", "tescan", "jeol", "hitachi", "imagej")
PALETTE = {"sphere": "#e1812c", "rod": "#3a6fb0", "keep": "gray"}
FOLDERS = ("", "session 1", "session 1/tilts", "試料 β", "Körner/×600")
# How a file is broken, and what the reason must say.
BROKEN = {
    "empty": "empty",
    "truncated": "truncated",
    "header only": "damaged or incomplete|truncated",
    "text": "no image that can be read",
    "color photograph": "color image",
    "not a number": "NaN or infinite",
    "claims gigapixels": "megapixels",
    "hints with a typo": "redd",
    "damaged RoiSet": "damaged or truncated",
    "broken link": "leads nowhere",
}


@dataclass(frozen=True)
class Shot:
    """A micrograph, where its classes are, and what the instrument knows."""

    pixels: np.ndarray
    hints: tuple[PointHint, ...]
    bar_row: int
    pixel_nm: float
    kilovolts: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("month"))
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--size", type=int, nargs=2, default=(1024, 768), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--broken", type=float, default=0.1, help="share of broken files")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    manifest = make_folder(
        arguments.out, arguments.count, size=tuple(arguments.size), broken=arguments.broken, seed=arguments.seed
    )
    count = sum("broken" in entry for entry in manifest.values())
    print(f"{len(manifest)} files in {arguments.out}, {count} of them broken; see MANIFEST.json there")


def make_folder(
    out: Path, count: int, *, size: tuple[int, int] = (1024, 768), broken: float = 0.1, seed: int = 0
) -> dict[str, dict[str, object]]:
    """Fill a folder without micrographs; returns the manifest: name to what the file is."""
    out.mkdir(parents=True, exist_ok=True)
    if any(out.rglob("*.tif")) or (out / "MANIFEST.json").exists():
        raise SystemExit(f"{out} holds micrographs already; choose another --out.")
    rng = np.random.default_rng(seed)
    scenes = [make_scene(seed * 100 + i, size[::-1], families=["spheres", "rods"], substrate="rough") for i in range(6)]
    ways = list(BROKEN)
    manifest: dict[str, dict[str, object]] = {}
    total_broken = round(count * broken)
    places = rng.choice(count, total_broken, replace=False)
    steps = {int(place): ways[i % len(ways)] for i, place in enumerate(places)}
    last: tuple[str, str] | None = None
    for i in range(count):
        folder = FOLDERS[i % len(FOLDERS)]
        vendor = VENDORS[i % len(VENDORS)]
        name = f"{folder}/" * bool(folder) + f"{vendor}_{i:05d}.tif"
        (out / folder).mkdir(parents=True, exist_ok=True)
        if i in steps:
            _break(out / name, steps[i], _shot(scenes[i % len(scenes)], rng, i))
            manifest[name] = {"broken": steps[i], "reason": BROKEN[steps[i]]}
            continue
        if i % 29 == 28 and last is not None:
            # The same file again, as people copy things.
            (out / name).write_bytes((out / last[0]).read_bytes())
            (out / name).with_suffix(".hints.yaml").write_bytes((out / last[1]).read_bytes())
            manifest[name] = {**manifest[last[0]], "same_as": last[0]}
            continue
        shot = _shot(scenes[i % len(scenes)], rng, i)
        _WRITERS[vendor](out / name, shot)
        hints = _write_hints(out / name, shot, i)
        manifest[name] = {
            "vendor": vendor, "bits": 8 * shot.pixels.dtype.itemsize, "pixel_size_nm": shot.pixel_nm,
            "voltage_kv": shot.kilovolts, "databar_row": shot.bar_row, "hints": hints,
        }  # fmt: skip
        if hints == "yaml" and vendor in ("fei", "zeiss"):
            last = name, str(Path(name).with_suffix(".hints.yaml"))
    (out / "MANIFEST.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
    return manifest


def _shot(scene: object, rng: np.random.Generator, index: int) -> Shot:
    """One of the scenes, turned and lit anew, with a data bar below."""
    flips = [slice(None, None, step) for step in rng.choice([-1, 1], 2)]
    lightness, classes = (plane[flips[0], flips[1]] for plane in (scene.lightness, scene.classes))  # type: ignore[attr-defined]
    gray = np.clip((lightness / 100) ** rng.uniform(0.8, 1.3), 0, 1)
    bits = 16 if index % 4 == 3 else 8
    gray = np.clip(gray + rng.normal(0, 0.004, gray.shape), 0, 1)
    pixels = np.rint(gray * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    hints = []
    families = scene.family_of_class  # type: ignore[attr-defined]
    for family, name in (("spheres", "sphere"), ("rods", "rod"), (families[0], "keep")):
        rows, columns = np.nonzero(classes == families.index(family))
        color = NamedColor(name, parse_color(PALETTE[name]))
        for place in rng.choice(len(rows), min(3, len(rows)), replace=False) if len(rows) else ():
            hints.append(
                PointHint(row=rows[place] + 0.5, column=columns[place] + 0.5, size=7, lab=color.lab, name=name)
            )
    height, width = pixels.shape
    pixel_nm = round(float(rng.uniform(2, 200)), 3)
    kilovolts = float(rng.choice([2, 5, 10, 15]))
    bar = _bar(width, max(24, height // 16), f"{kilovolts:g} kV   {pixel_nm:g} nm/px   WD 8.2 mm   SE   #{index}")
    bar = bar.astype(pixels.dtype) * (1 if bits == 8 else 257)
    return Shot(np.concatenate([pixels, bar]), tuple(hints), height, pixel_nm, kilovolts)


def _bar(width: int, rows: int, text: str) -> np.ndarray:
    picture = Image.new("L", (width, rows), 0)
    font = ImageFont.load_default(rows * 0.45)
    draw = ImageDraw.Draw(picture)
    draw.text((rows // 3, rows // 2), text, fill=255, font=font, anchor="lm")
    draw.text((width - rows // 3, rows // 2), "|--- scale ---|", fill=255, font=font, anchor="rm")
    return np.asarray(picture)


def _write_hints(path: Path, shot: Shot, index: int) -> str:
    """Hints as people keep them: YAML, an ROI set, in the image's overlay (ImageJ), or none (the default's)."""
    if path.name.startswith("imagej"):
        return "overlay"
    kind = ("yaml", "zip", "yaml", "default")[index % 4]
    if kind == "yaml":
        path.with_suffix(".hints.yaml").write_text(_yaml(shot), encoding="utf-8")
    elif kind == "zip":
        with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
            for i, roi in enumerate(hints_to_rois(shot.hints)):
                archive.writestr(f"{i:04d}.roi", roi.tobytes())
    return kind


def _yaml(shot: Shot) -> str:
    lines = ["palette:", *(f'  {name}: "{color}"' for name, color in PALETTE.items()), "hints:"]
    for hint in shot.hints:
        lines.append(f"  - {{point: [{int(hint.column)}, {int(hint.row)}], size: {hint.size}, color: {hint.name}}}")
    return "\n".join(lines) + "\n"


def _fei(path: Path, shot: Shot) -> None:
    width = shot.pixels.shape[1]
    text = "\r\n".join(
        (
            "[User]", "Date=11/02/2026", "Time=03:04:05 PM", "", "[System]", "Type=SEM", "SystemType=Synthetic",
            "", "[Beam]", "Beam=EBeam", "Scan=EScan", "", "[EBeam]", f"HV={shot.kilovolts * 1000:g}", "WD=0.0082", "",
            "[Scan]", f"PixelWidth={shot.pixel_nm * 1e-9:.9g}", f"PixelHeight={shot.pixel_nm * 1e-9:.9g}",
            f"HorFieldsize={shot.pixel_nm * 1e-9 * width:.9g}", "", "[Stage]", "StageT=0.17453293", "",
            "[Image]", f"ResolutionX={width}", f"ResolutionY={shot.bar_row}", "MagCanvasRealWidth=0.4144", "",
            "[Detectors]", "Number=1", "Name=ETD", "",
        )
    )  # fmt: skip
    tifffile.imwrite(path, shot.pixels, photometric="minisblack", metadata=None, extratags=[(34682, 2, 0, text, True)])


def _zeiss(path: Path, shot: Shot) -> None:
    text = "\r\n".join(
        (
            "1", "AP_IMAGE_PIXEL_SIZE", f"Image Pixel Size = {shot.pixel_nm:g} nm", "AP_ACTUALKV",
            f"EHT = {shot.kilovolts:.2f} kV", "AP_WD", "WD =  8.2 mm", "AP_MAG", "Mag =   2.00 K X",
            "DP_DETECTOR_CHANNEL", "Signal A = SE2", "AP_STAGE_AT_T", "Stage at T =   10.0 °", "AP_DATE",
            "Date :2 Nov 2026", "AP_TIME", "Time :15:04:05", "DP_SEM", "Sem = Synthetic", "",
        )
    )  # fmt: skip
    tifffile.imwrite(
        path, shot.pixels, photometric="minisblack", metadata=None,
        extratags=[(34118, 2, 0, text.encode("cp1252"), True)],
    )  # fmt: skip


def _plain(path: Path, shot: Shot) -> None:
    tifffile.imwrite(path, shot.pixels, photometric="minisblack", metadata=None, resolution=(300, 300))


def _tescan(path: Path, shot: Shot) -> None:
    _plain(path, shot)
    size = f"{shot.pixel_nm * 1e-9:.9g}"
    lines = (
        "[MAIN]", "AccFrames=1", "Date=2026-11-02", "Time=15:04:05", "Device=Synthetic", "Magnification=2000",
        f"ImageStripSize={shot.pixels.shape[0] - shot.bar_row}", f"PixelSizeX={size}", f"PixelSizeY={size}", "",
        "[SEM]", "Detector=SE", f"HV={shot.kilovolts * 1000:g}", "StageTilt=10", "WD=0.0082", "",
    )  # fmt: skip
    path.with_name(f"{path.stem}-tif.hdr").write_text("\r\n".join(lines), encoding="utf-8", newline="")


def _jeol(path: Path, shot: Shot) -> None:
    _plain(path, shot)
    # The bar is 100 pixels long, and says how long that is.
    lines = (
        "$CM_FORMAT JEOL-SEM", "$CM_VERSION 1.0", "$CM_INSTRUMENT Synthetic", f"$CM_ACCEL_VOLT {shot.kilovolts:.2f}",
        "$CM_MAG 2000", "$CM_SIGNAL SEI", f"$CM_FULL_SIZE {shot.pixels.shape[1]} {shot.bar_row}",
        "$CM_STAGE_POS 1.0 2.0 10.0 0.0 10.0 0", "$CM_DATE 2026/11/02", "$CM_TIME 15:04:05", "$$SM_MICRON_BAR 100",
        f"$$SM_MICRON_MARKER {shot.pixel_nm * 100:g}nm", "$$SM_WD 8.2", "",
    )  # fmt: skip
    path.with_suffix(".txt").write_text("\r\n".join(lines), encoding="ascii", newline="")


def _hitachi(path: Path, shot: Shot) -> None:
    _plain(path, shot)
    height, width = shot.pixels.shape
    lines = (
        "[SemImageFile]", "InstructName=Synthetic", f"DataSize={width}x{height}", f"PixelSize={shot.pixel_nm:g}",
        "SignalName=SE", f"AcceleratingVoltage={shot.kilovolts * 1000:g} Volt", "Magnification=2000",
        "WorkingDistance=8200 um", "Date=2026/11/02", "Time=15:04:05", "StagePositionT=10.000", "DataDisplayCombine=1",
        "ImageName=試料.tif", "",
    )  # fmt: skip
    path.with_suffix(".txt").write_text("\r\n".join(lines), encoding="utf-16", newline="")


def _imagej(path: Path, shot: Shot) -> None:
    overlays = [roi.tobytes() for roi in hints_to_rois(shot.hints)]
    about = {"unit": "nm", "Info": f"HV = {shot.kilovolts:g} kV", "Overlays": overlays}
    step = 1 / shot.pixel_nm
    tifffile.imwrite(path, shot.pixels, imagej=True, resolution=(step, step), metadata=about)


_WRITERS = {
    "fei": _fei, "zeiss": _zeiss, "tescan": _tescan, "jeol": _jeol, "hitachi": _hitachi, "imagej": _imagej,
}  # fmt: skip


def _break(path: Path, way: str, shot: Shot) -> None:
    hints = path.with_suffix(".hints.yaml")
    match way:
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            _plain(path, shot)
            path.write_bytes(path.read_bytes()[: shot.pixels.nbytes // 2])
        case "header only":
            path.write_bytes(b"II*\0\x08\0\0\0")
        case "text":
            path.write_text("This is not an image.\n")
        case "color photograph":
            tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (*shot.pixels.shape, 3), dtype=np.uint8))
        case "not a number":
            values = shot.pixels.astype(np.float32)
            values[10, 20] = np.nan
            tifffile.imwrite(path, values)
        case "claims gigapixels":
            _plain(path, shot)
            path.write_bytes(_with_size(path.read_bytes(), 90_000))
        case "hints with a typo":
            _plain(path, shot)
            hints.write_text("hints:\n  - {point: [5, 5], color: redd}\n")
        case "damaged RoiSet":
            _plain(path, shot)
            path.with_suffix(".zip").write_bytes(b"PK\x03\x04 and then nothing")
        case "broken link":
            path.symlink_to("moved_away.tif")


def _with_size(content: bytes, side: int) -> bytes:
    """The same TIFF (classic, little-endian), saying that it is `side` pixels wide and high."""
    data = bytearray(content)
    (offset,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, offset)
    for i in range(entries):
        place = offset + 2 + 12 * i
        tag = struct.unpack_from("<H", data, place)[0]
        if tag in (256, 257):
            struct.pack_into("<HII", data, place + 2, 4, 1, side)
    return bytes(data)


if __name__ == "__main__":
    main()
