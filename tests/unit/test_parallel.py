"""Images in strips, on all cores."""

from __future__ import annotations

import threading

import pytest

from semcolorize.parallel import STRIP_PIXELS, each, strips


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (96, 128), (384, 512), (768, 1024), (4096, 6144), (5, 300_000)])
def test_strips_hold_every_row_once_and_are_bounded(shape: tuple[int, int]) -> None:
    parts = strips(*shape)
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(shape[0]))
    assert all((part.stop - part.start) * shape[1] <= STRIP_PIXELS + shape[1] for part in parts)
    if shape[0] * shape[1] >= 1 << 16 and shape[0] > 8:
        # Enough of them that no core waits long.
        assert len(parts) >= 4 and max(p.stop - p.start for p in parts) - parts[-1].stop + parts[-1].start <= len(parts)


def test_answers_come_in_order_and_the_first_error_is_raised() -> None:
    assert each(lambda x: x * x, range(50)) == [x * x for x in range(50)]

    def fail(x: int) -> None:
        if x in (3, 7):
            raise ValueError(x)

    with pytest.raises(ValueError, match="3"):
        each(fail, range(10))


def test_work_within_work_starts_no_more_threads() -> None:
    def inner(_: int) -> str:
        return threading.current_thread().name

    outer = each(lambda i: {inner(i), *each(inner, range(8))}, range(4))
    assert all(len(names) == 1 for names in outer)
