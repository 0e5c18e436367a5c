"""The window's core without a window: pictures, files, saved work, what goes over the wire."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semcolorize import Colorizer
from semcolorize.app.coloring import Coloring
from semcolorize.app.document import Document
from semcolorize.app.engine import Engine, Superseded
from semcolorize.app.folder import Folder
from semcolorize.app.front_files import front_file, front_names, modules_in_order
from semcolorize.app.images import prepare
from semcolorize.app.levels import TILE, levels_of
from semcolorize.app.storage import Store
from semcolorize.app.uploads import safe_name
from semcolorize.app.wire import pack, unpack
from semcolorize.app.worker import Worker
from semcolorize.errors import ConfigError, HintError, ImageReadError
from semcolorize.hints.model import LineHint, PointHint
from semcolorize.micrograph.reading import micrograph_from_array
from semcolorize.micrograph.upsample import GuidedUpsampler

NO_LAB = (0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(colorizer=Colorizer.load(device="cpu"))


def gray_image(shape: tuple[int, int] = (700, 1100)) -> np.ndarray:
    """Disks on noisy ground, 16 bit."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = np.full(shape, 12000.0)
    for row, column in [(150, 200), (150, 700), (500, 300), (480, 900)]:
        image[(rows - row) ** 2 + (columns - column) ** 2 < 90**2] = 42000
    return np.clip(image + rng.normal(0, 2500, shape), 0, 65535).astype(np.uint16)


def hinted(fill: str = "gray", **options: Any) -> Document:
    document = Document()
    document = document.add_mark("v", "c1", PointHint(lab=NO_LAB, row=150.5, column=200.5, size=15))
    line = LineHint(lab=NO_LAB, path=((300.0, 500.0), (330.0, 560.0)), width=6.0)
    document = document.add_mark("v", "c2", line)
    return replace(document, options=replace(document.options, fill=fill, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"fill": "gray"}, {"fill": "gray", "spread": "instance"}, {"fill": "contrast"},
        {"fill": "auto", "variants": 2}, {"fill": "auto", "variants": 2, "classes": 2, "own_palette": True},
    ],
)
def test_tiles_are_the_very_pixels_that_the_pipeline_gives(engine: Engine, options: dict[str, Any]) -> None:
    document = hinted(**options)
    prepared = prepare(micrograph_from_array(gray_image()))
    coloring = Coloring(engine, lambda share: None)
    _, picture = coloring.color(document, {"v": prepared}, "v", lambda: None)
    given = {key: value for key, value in options.items() if key != "own_palette"}
    palette = document.palette if "own_palette" in options else None
    result = engine.colorizer.colorize(gray_image(), document.hints("v"), **given, palette=palette)
    full = levels_of(prepared)[0]
    for variant in range(len(result.rgb)):
        for row, column in [(0, 0), (0, 1), (1, 2)]:
            window = full.window(row, column)
            np.testing.assert_array_equal(picture.window(full, *window, variant), result.rgb[variant][window])
    assert picture.legend == result.legend
    assert picture.next_hint == result.next_hint


def test_recoloring_asks_no_model(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    import semcolorize.inference.highlight as highlight

    prepared = {"v": prepare(micrograph_from_array(gray_image()))}
    coloring = Coloring(engine, lambda share: None)
    document = hinted()
    coloring.color(document, prepared, "v", lambda: None)

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was asked")

    monkeypatch.setattr(highlight, "assign", refused)
    other = document.change_class("c1", color="red").change_class("c2", name="stripe", opacity=0.5)
    _, picture = coloring.color(other, prepared, "v", lambda: None)
    monkeypatch.undo()
    result = engine.colorizer.colorize(gray_image(), other.hints("v"))
    full = levels_of(prepared["v"])[0]
    np.testing.assert_array_equal(picture.whole(full), result.rgb[0])
    assert picture.legend == result.legend


def test_hidden_classes_are_gray_in_the_window_alone(engine: Engine) -> None:
    prepared = {"v": prepare(micrograph_from_array(gray_image()))}
    coloring = Coloring(engine, lambda share: None)
    document = hinted().change_class("c1", visible=False)
    _, picture = coloring.color(document, prepared, "v", lambda: None)
    rgb = picture.whole(levels_of(prepared["v"])[0])[120:180, 170:230].astype(int)
    assert np.ptp(rgb, axis=-1).max() <= 4
    assert document.hints("v").hints[0].lab == hinted().hints("v").hints[0].lab


def test_what_is_edited_meanwhile_stops_what_is_computed(engine: Engine) -> None:
    prepared = {"v": prepare(micrograph_from_array(gray_image((400, 600))))}
    calls = []

    def after_edit() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Superseded

    with pytest.raises(Superseded):
        Coloring(engine, lambda share: None).color(hinted("auto", variants=4), prepared, "v", after_edit)
    assert len(calls) == 2


def test_levels_cover_the_image_and_windows_its_tiles() -> None:
    image = gray_image((1500, 2300))
    levels = levels_of(prepare(micrograph_from_array(image)))
    assert [level.shape for level in levels] == [(1500, 2300), (750, 1150), (375, 575)]
    assert levels[0].exact and not levels[1].exact
    covered = np.zeros(levels[0].shape, int)
    for row in range(levels[0].grid[0]):
        for column in range(levels[0].grid[1]):
            covered[levels[0].window(row, column)] += 1
    assert (covered == 1).all() and TILE == 512


@pytest.mark.parametrize("shape", [(97, 131), (300, 417)])
def test_a_window_of_the_upsampled_is_what_the_whole_has_there(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    lightness = rng.uniform(0, 100, shape).astype(np.float32)
    low, ab = rng.uniform(0, 100, (40, 52)).astype(np.float32), rng.normal(0, 30, (40, 52, 2)).astype(np.float32)
    upsampler = GuidedUpsampler(low, lightness)
    whole = upsampler(ab)
    for rows, columns in [(slice(0, 17), slice(5, 130)), (slice(90, 97), slice(0, 131)), (slice(3, 4), slice(7, 8))]:
        np.testing.assert_array_equal(upsampler.window(ab, rows, columns), whole[rows, columns])


@given(
    st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda key: key != "buffers"), st.integers() | st.text()),
    st.lists(st.binary(max_size=60), max_size=4),
)
def test_messages_come_out_as_they_went_in(header: dict[str, Any], buffers: list[bytes]) -> None:
    assert unpack(pack(header, buffers)) == (header, buffers)


@given(st.binary(max_size=200))
def test_noise_is_no_message(data: bytes) -> None:
    try:
        header, _ = unpack(data)
    except ConfigError:
        return
    assert isinstance(header, dict)


def test_the_folder_ends_at_its_walls(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out.tif"
    inside.mkdir()
    outside.write_bytes(b"x")
    for name in ("b10.tif", "b9.TIF", "a.png", "notes.txt", ".hidden.tif"):
        (inside / name).write_bytes(b"x")
    (inside / "sub.tif").mkdir()
    folder = Folder.of(inside)
    assert folder.names() == ["a.png", "b9.TIF", "b10.tif"]
    assert folder.path("a.png") == inside / "a.png"
    if hasattr(os, "symlink"):
        (inside / "link.tif").symlink_to(outside)
    outside_names = ("../out.tif", "link.tif", "sub.tif", "x/../a.png", str(outside))
    for name in (*outside_names, "notes.txt", "", ".", "..", "a.png\0", "none.tif"):
        with pytest.raises(ImageReadError, match="no file of the folder"):
            folder.path(name)


@pytest.mark.parametrize(
    "given, kept",
    [
        ("x.tif", "x.tif"), ("../../etc/passwd", "passwd"), ("C:\\a\\b.tif", "b.tif"), ("a:b*c?.tif", "a_b_c_.tif"),
        ("..", "dropped"), ("", "dropped"), (".tif", "tif"), ("ä ö.tif", "ä ö.tif"),
        ("x" * 400 + ".tif", "x" * 150 + ".tif"),
    ],
)  # fmt: skip
def test_names_of_dropped_files(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_saved_work_is_held_listed_claimed_and_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    work = store.new()
    assert store.listed() == [] and store.claim(work.id) is None
    work.save({"version": 1, "views": [{"name": "x.tif"}], "marks": {"v": [{}, {}]}}, b"jpeg")
    # A window has it.
    assert store.listed() == []
    work.close()
    (listed,) = store.listed()
    assert (listed["name"], listed["hints"], store.preview(work.id)) == ("x.tif", 2, b"jpeg")
    again = store.claim(work.id)
    assert again is not None and again.read() is not None and store.claim(work.id) is None
    again.close()
    (again.folder / "state.json").write_text("{")
    assert store.listed() == [] and store.claim("../x") is None and store.preview("../x") is None
    (again.folder / "state.json").write_text("{}")
    store.forget(work.id)
    assert not again.folder.exists() and store.root.stat().st_mode & 0o077 == 0


def test_the_worker_goes_on_after_a_fault_and_serves_all() -> None:
    class Session:
        def __init__(self, works: Callable[[], bool]) -> None:
            self.step, self.slow_step = works, lambda: False

    done, broken = threading.Event(), threading.Event()

    def breaks() -> bool:
        broken.set()
        raise RuntimeError("a fault")

    def works() -> bool:
        if broken.is_set():
            done.set()
        return False

    worker = Worker()
    worker.add(Session(breaks))  # type: ignore[arg-type]
    worker.add(Session(works))  # type: ignore[arg-type]
    assert done.wait(5)
    started = time.monotonic()
    worker.close()
    assert time.monotonic() - started < 10


def test_files_of_a_series_are_those_of_the_pipeline(engine: Engine, tmp_path: Path) -> None:
    import tifffile

    from semcolorize.app.export import Exporter
    from semcolorize.app.images import View
    from semcolorize.hintfiles.yaml_hints import read_hints

    image = gray_image((400, 600))
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for path, pixels in zip(paths, [image, image[:, ::-1]], strict=True):
        tifffile.imwrite(path, pixels)
    views = [View(path.stem, path.name, path, beside=True) for path in paths]
    document = Document().add_mark("a", "c1", PointHint(lab=NO_LAB, row=150.5, column=200.5, size=15))
    document = replace(document, options=replace(document.options, series=True))
    exporter = Exporter(engine, document, views, {path.stem: path for path in paths})
    for view in views:
        exporter.beside(view)
    # Hints on one color both; the one without has no hints file.
    assert (tmp_path / "a.hints.yaml").exists() and not (tmp_path / "b.hints.yaml").exists()
    results = engine.colorizer.colorize_views(paths, [read_hints(tmp_path / "a.hints.yaml"), None], fill="gray")
    for path, result in zip(paths, results, strict=True):
        written = tifffile.imread(path.with_name(f"{path.stem}_color.tif"))
        np.testing.assert_array_equal(written.reshape(result.rgb[0].shape), result.rgb[0])
    with pytest.raises(HintError, match="nothing to be saved"):
        Exporter(engine, Document(), views[:1], {"a": paths[0]}).beside(views[0])


def test_the_command_that_is_written_names_the_fill(engine: Engine, tmp_path: Path) -> None:
    import tifffile

    from semcolorize.app.export import Exporter
    from semcolorize.app.images import View
    from semcolorize.hintfiles.yaml_hints import read_hints

    path = tmp_path / "a.tif"
    tifffile.imwrite(path, gray_image((400, 600)))
    view = View("v", path.name, path, beside=True)
    Exporter(engine, hinted("contrast"), [view], {"v": path}).beside(view)
    assert "--hints a.hints.yaml --fill contrast" in (tmp_path / "a_methods.txt").read_text()
    result = engine.colorizer.colorize(path, read_hints(tmp_path / "a.hints.yaml"), fill="contrast")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a_color.tif").reshape(result.rgb[0].shape), result.rgb[0])
    # Not gray anywhere on the ground.
    assert np.hypot(*np.moveaxis(result.ab[0, :40, :40], -1, 0)).min() > 1
    with pytest.raises(HintError, match="nothing to be saved"):
        nothing = replace(Document(), options=hinted("contrast").options)
        Exporter(engine, nothing, [view], {"v": path}).beside(view)


def test_a_series_has_the_colors_of_a_reference_and_the_rest_contrasts(engine: Engine, tmp_path: Path) -> None:
    image = gray_image((400, 600))
    images = {"v": image, "w": image[:, 300:]}
    reference = tmp_path / "colored.png"
    hints = [{"point": [200, 150], "color": "red", "size": 15}]
    Image.fromarray(engine.colorizer.colorize(image[:, ::-1][:, 100:], hints).rgb[0]).save(reference)
    document = hinted("contrast", series=True, like=str(reference))
    prepared = {view: prepare(micrograph_from_array(own)) for view, own in images.items()}
    coloring = Coloring(engine, lambda share: None)
    results = engine.colorizer.colorize_views(
        list(images.values()), [document.hints("v"), None], fill="contrast", like=reference
    )
    for view, result in zip(prepared, results, strict=True):
        _, picture = coloring.color(document, prepared, view, lambda: None)
        np.testing.assert_array_equal(picture.whole(levels_of(prepared[view])[0]), result.rgb[0])
        assert picture.legend == result.legend


def test_automatic_color_has_no_colors_but_those_of_the_classes(engine: Engine, tmp_path: Path) -> None:
    import tifffile

    from semcolorize.app.export import Exporter
    from semcolorize.app.images import View
    from semcolorize.hintfiles.yaml_palettes import read_palette

    path = tmp_path / "a.tif"
    tifffile.imwrite(path, gray_image((400, 600)))
    view = View("v", path.name, path, beside=True)
    free = replace(Document(), options=replace(Document().options, fill="auto", classes=3))
    document = replace(free, options=replace(free.options, own_palette=True))
    prepared = {"v": prepare(path)}
    coloring = Coloring(engine, lambda share: None)
    pictures = [coloring.color(own, prepared, "v", lambda: None)[1] for own in (free, document)]
    assert not np.array_equal(pictures[0].chroma, pictures[1].chroma)
    # Another color of a class is another picture; without the limit it is the same one.
    recolored = document.change_class("c1", color="orange")
    assert not coloring.fresh(recolored, prepared, "v")
    assert coloring.wanted(free, prepared, "v") == coloring.wanted(
        free.change_class("c1", color="orange"), prepared, "v"
    )
    Exporter(engine, document, [view], {"v": path}).beside(view)
    assert "--classes 3 --palette a.palette.yaml" in (tmp_path / "a_methods.txt").read_text()
    palette = read_palette(tmp_path / "a.palette.yaml")
    assert [own.lab for own in palette.values()] == [own.lab for own in document.palette.values()]
    result = engine.colorizer.colorize(path, fill="auto", classes=3, palette=palette)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a_color.tif").reshape(result.rgb[0].shape), result.rgb[0])
    full = levels_of(prepared["v"])[0]
    np.testing.assert_array_equal(pictures[1].whole(full), result.rgb[0])


def test_the_guard_knows_its_names() -> None:
    from starlette.datastructures import Headers

    from semcolorize.app.guard import Guard

    guard = Guard.of(["127.0.0.1", "localhost", "::1", "Lab-PC"], 8000)
    path = f"/{guard.token}/app.js"
    assert len(guard.token) >= 40 and guard.token not in repr(guard) and Guard.of(["x"], 1).token != guard.token
    for host in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000", "lab-pc:8000", "LAB-PC:8000"):
        own = {"host": host, "origin": f"http://{host.lower()}"}
        assert guard.refusal(path, Headers(own), socket=True) is None, host
        assert guard.refusal(path, Headers({"host": host}), socket=False) is None
        assert guard.refusal(path, Headers({"host": host}), socket=True)
    for wrong in ({}, {"host": "evil"}, {"host": "127.0.0.1:8001"}, {"host": "127.0.0.1:8000", "origin": "null"}):
        assert guard.refusal(path, Headers(wrong), socket=False)
    for other in ("", "/", "//", "/é/", f"/{guard.token}x/", f"/{guard.token[:-1]}/", f"x/{guard.token}/"):
        assert guard.refusal(other, Headers({"host": "127.0.0.1:8000"}), socket=False), other


def test_the_front_end_is_whole_and_calls_nobody() -> None:
    names = [name for name, _ in modules_in_order("widget.js")]
    assert names[-1] == "widget.js" and set(names) >= {"mount.js", "app.js", "viewer.js"} and "main.js" not in names
    assert set(names) | {"main.js", "transport.js"} == {name for name in front_names() if name.endswith(".js")}
    for name in front_names():
        text = front_file(name).decode()
        foreign = set(re.findall(r"""["'(](?:https?:)?//[^"')\s]+""", text))
        assert foreign <= {'"http://www.w3.org/2000/svg'}, name
        assert "eval(" not in text and "innerHTML" not in text and len(text.splitlines()) <= 400, name
    with pytest.raises(KeyError):
        front_file("../guard.py")
