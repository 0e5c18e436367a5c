"""The ledger by itself: publishing, taking back, going on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semcolorize.batch.ledger import Entry, Ledger, Output, output_of
from semcolorize.errors import OutputError


def staged(ledger: Ledger, name: str, staging: str, **contents: bytes) -> Entry:
    """A result in the staging folder, as an engine leaves it."""
    folder = ledger.staging / staging
    folder.mkdir(parents=True)
    outputs = []
    for key, content in contents.items():
        path = folder / f"{key}.tif"
        path.write_bytes(content)
        outputs.append(output_of(folder, path.name))
    return Entry(name=name, status="publishing", settings="s", outputs=tuple(outputs), staged=staging)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.tif")}


def test_publish_and_read_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"sub/x\xff.tif")
    with Ledger.open(tmp_path / "new" / "out") as ledger:
        entry = staged(ledger, name, "1", a=b"one", b=b"two")
        entry.record, entry.before_jpeg, entry.seconds = {"notes": ["é"]}, b"\xff\xd8", 1.5
        ledger.publish(entry)
        assert files(ledger.folder) == {"a.tif": b"one", "b.tif": b"two"}
    with Ledger.open(tmp_path / "new" / "out") as ledger:
        again = ledger.entry(name)
        assert again is not None and again.status == "done" and again.colored == 1 and again.record == {"notes": ["é"]}
        assert [each.name for each in ledger.entries()] == [name]
        assert next(ledger.entries()).before_jpeg == b"\xff\xd8" and ledger.typical_seconds() == 1.5
        assert ledger.with_status("done") == {name: ""}
    assert not (tmp_path / "new" / "out" / ".staging").exists()


def test_all_names_or_none(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        (tmp_path / "b.tif").write_bytes(b"mine")
        with pytest.raises(OutputError, match="was not written by this job"):
            ledger.publish(staged(ledger, "x", "1", a=b"one", b=b"two"))
        assert files(tmp_path) == {"b.tif": b"mine"} and ledger.entry("x") is None
        # Even if it comes to be at the last moment.
        (tmp_path / "b.tif").unlink()
        entry = staged(ledger, "x", "2", a=b"one", b=b"two")
        ledger._check_free = lambda output, previous: None  # type: ignore[method-assign]
        (tmp_path / "b.tif").write_bytes(b"mine")
        with pytest.raises(OutputError):
            ledger.publish(entry)
        assert files(tmp_path) == {"b.tif": b"mine"} and ledger.entry("x") is None


def test_own_results_are_replaced_but_not_changed_ones(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.publish(staged(ledger, "x", "1", a=b"one"))
        ledger.publish(staged(ledger, "x", "2", a=b"two"))
        assert files(tmp_path) == {"a.tif": b"two"}
        entry = ledger.entry("x")
        assert entry is not None and entry.colored == 2
        (tmp_path / "a.tif").write_bytes(b"tow")
        with pytest.raises(OutputError, match="was changed since it was written"):
            ledger.publish(staged(ledger, "x", "3", a=b"three"))
        with pytest.raises(OutputError, match="was not written by this job"):
            ledger.publish(staged(ledger, "other", "4", a=b"four"))
        assert files(tmp_path) == {"a.tif": b"tow"}


@pytest.mark.parametrize("published", [0, 1, 2])
def test_a_run_that_died_while_publishing_is_finished(published: int, tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.publish(staged(ledger, "x", "1", a=b"old"))
        entry = staged(ledger, "x", "2", a=b"one", b=b"two")
        entry.previous = (Output("a.tif", 3, output_of(tmp_path, "a.tif").sha256),)
        # As a kill leaves it: the ledger says so, some of the names are given, the folder of the run stays.
        ledger._write(entry)
        for name in ("a.tif", "b.tif")[:published]:
            (ledger.staging / "2" / name).replace(tmp_path / name)
        (ledger.staging / "3").mkdir()
        (ledger.staging / "3" / "half.part").write_bytes(b"x")
        ledger._close = lambda: None  # type: ignore[method-assign]
    with Ledger.open(tmp_path) as ledger:
        found = ledger.entry("x")
        assert found is not None and found.status == "done" and found.staged is None
        assert files(tmp_path) == {"a.tif": b"one", "b.tif": b"two"}
        assert list(ledger.staging.iterdir()) == []


def test_what_was_staged_and_is_gone_is_done_again(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        entry = staged(ledger, "x", "1", a=b"one", b=b"two")
        ledger._write(entry)
        (ledger.staging / "1" / "b.tif").unlink()
    with Ledger.open(tmp_path) as ledger:
        assert ledger.entry("x") is None and files(tmp_path) == {}


def test_failures_keep_what_was_made_before(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.publish(staged(ledger, "x", "1", a=b"one"))
        ledger.note(Entry(name="x", status="failed", settings="s", error="why"))
        found = ledger.entry("x")
        assert found is not None and found.colored == 1 and [each.name for each in found.outputs] == ["a.tif"]
        ledger.publish(staged(ledger, "x", "2", a=b"two"))
        assert files(tmp_path) == {"a.tif": b"two"} and ledger.counts() == {"done": 1}


def test_links_are_told_by_where_they_lead(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "out") as ledger:
        folder = ledger.staging / "1"
        folder.mkdir()
        (folder / "x.tif").symlink_to(tmp_path / "x.tif")
        entry = Entry(name="x", status="publishing", settings="s", outputs=(output_of(folder, "x.tif"),), staged="1")
        ledger.publish(entry)
        assert (tmp_path / "out" / "x.tif").is_symlink()
        # The file it leads to need not exist, and may change.
        (tmp_path / "x.tif").write_bytes(b"later")
        entry = staged(ledger, "x", "2", x=b"no link")
        ledger.publish(entry)
        assert (tmp_path / "x.tif").read_bytes() == b"later" and files(tmp_path / "out") == {"x.tif": b"no link"}


def test_a_second_opening_is_refused_and_the_lock_goes_with_the_first(tmp_path: Path) -> None:
    with Ledger.open(tmp_path), pytest.raises(OutputError, match="Another run works"), Ledger.open(tmp_path):
        pass
    with Ledger.open(tmp_path):
        pass


def test_names_that_lead_elsewhere_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    with Ledger.open(tmp_path / "out") as ledger:
        (tmp_path / "out" / "a.tif").symlink_to(tmp_path / "mine")
        with pytest.raises(OutputError):
            ledger.publish(staged(ledger, "x", "1", a=b"one"))
        assert not ledger.may_replace("a.tif")
    assert (tmp_path / "mine").read_bytes() == b"mine"
