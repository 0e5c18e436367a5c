"""Names that look the same are the same: case, Unicode forms, and names that nobody gave."""

from __future__ import annotations

import unicodedata
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from roifile import ROI_TYPE, ImagejRoi

from semcolorize.color.palette import Palette
from semcolorize.hintfiles.rois import hints_from_rois, read_rois
from semcolorize.hints.labels import Label
from semcolorize.micrograph.listing import Listing, same_name
from semcolorize.micrograph.own import is_own_result, png_signature
from semcolorize.results.labels import label_rois, label_tiff


@given(st.text(min_size=1, max_size=20))
def test_forms_and_cases_are_one_name(name: str) -> None:
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    assert len({same_name(form) for form in forms}) == 1
    assert Listing([forms[1]]).find(forms[0]) == forms[1]


@pytest.mark.parametrize(
    ("listed", "wanted", "found"),
    [
        (["B01.ZIP"], "B01.zip", "B01.ZIP"),
        (["b01.zip", "B01.ZIP"], "B01.ZIP", "B01.ZIP"),
        (["b01.zip", "B01.ZIP"], "B01.zip", "B01.ZIP"),
        (["STRASSE.zip"], "straße.zip", "STRASSE.zip"),
        (["B02.zip"], "B01.zip", None),
    ],
)
def test_listing(listed: list[str], wanted: str, found: str | None) -> None:
    assert Listing(listed).find(wanted) == found


def test_unreadable_folders_are_empty(tmp_path: Path) -> None:
    assert Listing.of(tmp_path / "nowhere").find("a") is None


def roi(name: str, *, color: bytes = bytes(4), group: int = 0) -> ImagejRoi:
    made = ImagejRoi(roitype=ROI_TYPE.RECT, top=3, left=5, bottom=9, right=17, stroke_color=color, name=name)
    made.group = group
    return made


def test_an_entry_of_colors_is_one_class() -> None:
    names = ["cell 1", "cell 2", str(uuid.uuid4()), unicodedata.normalize("NFD", "Körner 3")]
    rois = [("", roi(name)) for name in names] + [("", roi("x", group=7))]
    colors = {"cell*": "red", "7": "#0000ff", unicodedata.normalize("NFC", "Körner*"): "green", "*": "#aabbcc"}
    hints, skipped = hints_from_rois(rois, colors=colors)
    assert not skipped
    assert [hint.name for hint in hints] == ["cell", "cell", None, "Körner", "group 7"]


def test_two_entries_are_two_classes() -> None:
    hints, _ = hints_from_rois([("", roi("cell 1")), ("", roi("cell b"))], colors={"cell ?": "red", "cell*": "blue"})
    assert {hint.name for hint in hints} == {"cell ?"}
    hints, _ = hints_from_rois([("", roi("cell 1")), ("", roi("cell bb"))], colors={"cell ?": "red", "cell*": "blue"})
    assert [hint.name for hint in hints] == ["cell ?", "cell*"]


@pytest.mark.parametrize("name", [str(uuid.uuid4()), "{" + str(uuid.uuid4()).upper() + "}", uuid.uuid4().hex])
def test_a_uuid_is_no_name(name: str) -> None:
    ((hint,), _) = hints_from_rois([("", roi(name, color=b"\xff\xc8\x32\x64"))])
    assert hint.name is None


def test_own_results_are_known(tmp_path: Path) -> None:
    picture = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    picture.save(tmp_path / "ours.png", pnginfo=png_signature())
    picture.save(tmp_path / "other.png")
    picture.save(tmp_path / "other.tif")
    label = Label("cell", (53.0, 60.0, 40.0))
    (tmp_path / "objects.zip").write_bytes(label_rois([label], np.ones((8, 8), np.uint8)))
    (tmp_path / "labels.tif").write_bytes(label_tiff([label], np.ones((8, 8), np.uint8), None))
    with zipfile.ZipFile(tmp_path / "drawn.zip", "w") as archive:
        archive.writestr("a.roi", roi("a").tobytes())
    (tmp_path / "broken.tif").write_bytes(b"II*\0" + b"\xff" * 20)
    (tmp_path / "text.tif").write_text("semcolorize")
    known = {path.name for path in tmp_path.iterdir() if is_own_result(path)}
    assert known == {"ours.png", "objects.zip", "labels.tif"}
    assert not is_own_result(tmp_path / "nowhere.tif")


def test_palettes_know_both_forms() -> None:
    composed, split = (unicodedata.normalize(form, "Körner") for form in ("NFC", "NFD"))
    assert composed != split
    for own, asked in ((composed, split), (split, composed)):
        assert asked in Palette({own: "#d1495b"}) and Palette({own: "#d1495b"})[asked].hex == "#d1495b"


def test_one_damaged_roi_stops_nothing(tmp_path: Path) -> None:
    good = roi("a", color=b"\xff\xc8\x32\x64").tobytes()
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("a.roi", good)
        archive.writestr("cut.roi", good[:30])
        archive.writestr("text.roi", b"hello")
    hints, skipped = read_rois(tmp_path / "set.zip")
    assert len(hints) == 1 and {str(skip).split(": ")[1] for skip in skipped} == {"cut.roi", "text.roi"}
