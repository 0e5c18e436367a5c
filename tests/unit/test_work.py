"""Why a file of a batch failed: in words, and whether it is worth another try."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from semcolorize.batch.messages import Request
from semcolorize.batch.work import failure
from semcolorize.errors import HintError, ImageReadError, OutputError
from semcolorize.micrograph.atomic import cannot_write
from semcolorize.micrograph.opening import image_shape, opened_image

REQUEST = Request("a.tif", "/data/a.tif", None, ("a_color.tif",), "/out/.staging", "1")


def of_opening(problem: OSError) -> ImageReadError:
    with pytest.raises(ImageReadError) as caught, opened_image(__file__):
        raise problem
    return caught.value


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (of_opening(PermissionError(errno.EACCES, "no")), True),
        (of_opening(OSError(errno.EIO, "the share is gone")), True),
        (cannot_write(PermissionError(errno.EACCES, "no"), "x"), True),
        (cannot_write(OSError(errno.EFBIG, "too large"), "x"), True),
        (OutputError("The file exists."), True),
        (PermissionError(errno.EACCES, "no"), True),
        (of_opening(OSError("not identified")), False),
        (ImageReadError("The file is empty (0 bytes)."), False),
        (HintError("hint 1 lies outside the image"), False),
        (RuntimeError("a bug"), False),
    ],
)
def test_rights_disks_and_files_in_the_way_pass(error, passing):
    assert failure(REQUEST, error).passing == passing


def test_a_way_out_is_one_that_jobs_have():
    error = ImageReadError("a color image; allow color (--allow-color, allow_color=True)", path="/data/a.tif")
    assert failure(REQUEST, error).error == "a color image; allow color (inputs: {allow_color: true})"


@pytest.mark.parametrize("content", [b"", b"II*\0", b"text", b"\x89PNG\r\n\x1a\nnothing"])
def test_a_header_is_told_of_as_the_image_is(tmp_path: Path, content):
    from semcolorize.micrograph.reading import read_micrograph

    path = tmp_path / "a.tif"
    path.write_bytes(content)
    said = []
    for read in (image_shape, read_micrograph):
        with pytest.raises(ImageReadError) as caught:
            read(path)
        said.append(str(caught.value))
    assert said[0] == said[1]
