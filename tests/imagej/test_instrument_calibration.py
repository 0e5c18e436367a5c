"""What ImageJ shows of the calibration that an instrument wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from semcolorize.batch.job import read_job
from semcolorize.batch.runner import run_job

pytestmark = pytest.mark.imagej

FILES = {
    # Size of a pixel, which test_instrument_bars.py measures in the pictures, and the unit ImageJ should show.
    "fei-sem-rbc.tif": (7.70833, "nm"),
    "FEI-Helios-Ebeam-16bits.tif": (3.3724, "µm"),
    "test_tiff_Zeiss_SEM_512pix.tif": (11.65, "nm"),
    "zeiss_merlin_test.tif": (55.82, "nm"),
    "sample-１_600倍(x600).tif": (165.3646, "nm"),
}


def test_imagej_shows_the_instruments_pixel_size(run_macro, shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "month").mkdir()
    for i, name in enumerate(FILES):
        for path in (shared_data / "instruments").glob(Path(name).stem + ".*"):
            # ImageJ 1.53t reads macros, and so names in them, as Latin-1.
            shutil.copy(path, tmp_path / "month" / f"image{i}{path.suffix}")
    (tmp_path / "hints.yaml").write_text("coordinates: fraction\nhints:\n  - {point: [0.5, 0.5], color: teal}\n")
    (tmp_path / "job.yaml").write_text("inputs: month\nhints: {default: hints.yaml}\nmodel: {working_size: 256}\n")
    assert run_job(read_job(tmp_path / "job.yaml")).colored == len(FILES)
    macro = "".join(
        f"""open("{tmp_path}/colored/image{i}_color.tif");
        getPixelSize(unit, width, height);
        File.append(d2s(width, 9) + " " + d2s(height, 9) + " " + unit, "{tmp_path}/seen.txt");
        close();
        """
        for i in range(len(FILES))
    )
    run_macro(macro)
    lines = (tmp_path / "seen.txt").read_bytes().decode("utf-8", "replace").splitlines()
    for line, (name, (size, unit)) in zip(lines, FILES.items(), strict=True):
        width, height, shown = line.split()
        assert float(width) == pytest.approx(size, rel=1e-4), name
        assert float(height) == pytest.approx(size, rel=1e-4), name
        assert shown == unit or (unit == "µm" and shown in ("microns", "micron", "um")), name
