"""Hints lie on planes of stacks: those of other planes color nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from roifile import ROI_TYPE, ImagejRoi

from semcolorize.errors import HintError
from semcolorize.hintfiles.rois import hints_from_rois
from semcolorize.hintfiles.yaml_hints import read_hints
from semcolorize.hints.planes import Plane, Position
from semcolorize.micrograph.reading import read_micrograph


def box(name: str, **position: int) -> ImagejRoi:
    roi = ImagejRoi(
        roitype=ROI_TYPE.RECT, top=3, left=5, bottom=9, right=17, stroke_color=b"\xff\xc8\x32\x64", name=name
    )
    for key, value in position.items():
        setattr(roi, key, value)
    return roi


@pytest.mark.parametrize(("channels", "slices", "frames"), [(1, 5, 1), (2, 3, 4), (3, 1, 2), (1, 1, 6)])
def test_pages_are_planes_as_imagej_counts_them(channels: int, slices: int, frames: int) -> None:
    count = channels * slices * frames
    about = {"channels": channels, "slices": slices, "frames": frames, "hyperstack": True}
    # Channels turn fastest, frames slowest.
    places = [(c, z, t) for t in range(1, frames + 1) for z in range(1, slices + 1) for c in range(1, channels + 1)]
    assert [Plane.of_page(page, count, about).position for page in range(1, count + 1)] == places


def test_descriptions_that_do_not_fit_are_not_believed() -> None:
    for about in ({"slices": 7}, {"slices": "many"}, {"channels": -3, "slices": 2}, None):
        plane = Plane.of_page(2, 3, about)
        assert (plane.index, plane.count, plane.size) == (2, 3, (1, 1, 1))


def test_a_single_plane_shows_all() -> None:
    assert Plane().shows(Position(stack=4)) and Plane().shows(Position(channel=2, slice=2)) and Plane().shows(None)


def stack(path: Path, rois: list[ImagejRoi], **about: object) -> Path:
    values = np.tile(np.arange(40, dtype=np.uint8) * 6, (3, 30, 1))
    tifffile.imwrite(
        path, values, imagej=True, metadata={"axes": "ZYX", "Overlays": [roi.tobytes() for roi in rois], **about}
    )
    return path


@pytest.mark.parametrize("page", [1, 2, 3])
def test_overlay_follows_the_page(tmp_path: Path, page: int) -> None:
    path = stack(tmp_path / "stack.tif", [box(f"s{n}", position=n) for n in (1, 2, 3)] + [box("all")])
    micrograph = read_micrograph(path, page=page)
    hints = read_hints(path).on(micrograph.plane)
    assert [hint.name for hint in hints] == [f"s{page}", "all"]
    assert [str(skip) for skip in hints.skipped] == [
        f"2 hints: on other planes than the one that is colored (slice {page})"
    ]
    assert hints.on(micrograph.plane) == hints


def test_hints_all_elsewhere_are_an_error(tmp_path: Path) -> None:
    path = stack(tmp_path / "stack.tif", [box("s3", position=3)])
    with pytest.raises(HintError, match=r"None of the 1 hints lies on the plane that is colored \(slice 1, one of 3\)"):
        read_hints(path).on(read_micrograph(path).plane)


def test_points_of_a_multipoint_lie_on_their_own_planes() -> None:
    points = ImagejRoi.frompoints(np.array([[4, 5], [9, 9], [12, 3]]))
    points.roitype, points.stroke_color, points.name = ROI_TYPE.POINT, b"\xff\xc8\x32\x64", "p"
    points.counter_positions = np.array([1, 2, 0])
    hints, _ = hints_from_rois([("", points)])
    planes = [Plane.of_page(page, 3) for page in (1, 2, 3)]
    seen = [[int(hint.column) for hint in hints if plane.shows(hint.position)] for plane in planes]  # type: ignore[attr-defined]
    assert seen == [[4, 12], [9, 12], [12]]
