"""What a person does in the window, done by a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from app_tools import POLLEN


def is_gray(color: list[int]) -> bool:
    return max(color) - min(color) <= 3


def test_click_stroke_undo_and_redo(app: Callable[..., Any], show: Callable[..., Any], micrograph: Path) -> None:
    window = show(app(micrograph).address)
    window.opened("pollen.tif")
    # Beside the marks of the hints, which are drawn over the picture.
    beside = (POLLEN[0] + 25, POLLEN[1] + 10)
    assert is_gray(window.color_at(*beside))
    window.click(*POLLEN)
    assert not is_gray(window.color_at(*beside))
    assert window.get("app.state.hints.length") == 1
    window.page.keyboard.press("2")
    window.stroke((280, 420), (308, 470), (360, 440))
    assert window.get("app.state.hints.map((h) => h.kind)") == ["point", "line"]
    assert [entry["name"] for entry in window.get("app.picture.legend")][:2] == ["class 1", "class 2"]
    with window.new_picture():
        window.page.keyboard.press("Control+z")
    assert window.get("app.state.hints.length") == 1
    with window.new_picture():
        window.page.keyboard.press("Control+z")
    assert is_gray(window.color_at(*beside)) and window.get("app.state.undo") is None
    with window.new_picture():
        window.page.keyboard.press("Control+Shift+z")
    assert not is_gray(window.color_at(*beside))


def test_shift_is_one_object_and_alt_stays_gray(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    everywhere = window.get("app.picture.legend[0].share")
    with window.new_picture():
        window.page.keyboard.press("Control+z")
    window.click(*POLLEN, key="Shift")
    assert window.get("app.state.hints[0].spread") == "instance"
    assert window.get("app.picture.legend[0].share") < everywhere / 3
    window.click(788, 627, key="Alt")
    assert window.get("app.state.hints[1].of") == "gray"


def test_recolor_rename_hide_and_fade_without_the_model(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    beside = (POLLEN[0] + 25, POLLEN[1] + 10)
    share = window.get("app.picture.legend[0].share")
    with window.new_picture():
        window.page.get_by_role("textbox", name="Color of class 1").evaluate(
            "(input) => { input.value = '#e02020'; input.dispatchEvent(new Event('input')); }"
        )
    red, green, blue = window.color_at(*beside)
    assert red > green + 20 and red > blue + 20
    # The areas are the same to the last pixel: only the color is another.
    assert window.get("app.picture.legend[0].share") == share
    name = window.page.get_by_label("Name of the class").first
    with window.new_picture():
        name.fill("pollen")
        name.press("Enter")
    assert window.get("app.picture.legend[0].name") == "pollen"
    with window.new_picture():
        window.page.get_by_label("Opacity of pollen").fill("30")
    faded = window.color_at(*beside)
    assert red - min(green, blue) > max(faded) - min(faded) > 5
    with window.new_picture():
        window.button("Show the color of pollen").click()
    assert is_gray(window.color_at(*beside))
    assert window.get("app.picture.legend[0].share") == share


def test_split_is_dragged_and_moved_by_keys(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    window.page.keyboard.press("m")
    beside = (POLLEN[0] + 25, POLLEN[1] + 10)
    window.page.keyboard.press("b")
    # To the left of the line is the original, to the right the colors.
    assert is_gray(window.color_at(*beside))
    handle = window.page.get_by_role("slider", name="Original to the left, colored to the right")
    box = handle.bounding_box()
    window.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    window.page.mouse.down()
    window.page.mouse.move(260, box["y"] + 40, steps=5)
    window.page.mouse.up()
    assert not is_gray(window.color_at(*beside))
    before = int(handle.get_attribute("aria-valuenow"))
    handle.press("ArrowRight")
    assert int(handle.get_attribute("aria-valuenow")) == before + 2


def test_variants_and_the_gallery(app: Callable[..., Any], show: Callable[..., Any], micrograph: Path) -> None:
    window = show(app(micrograph).address)
    window.opened()
    with window.new_picture():
        window.button("Automatic").click()
    assert window.get("app.state.options.fill") == "auto"
    window.page.get_by_role("slider", name="Number of variants").fill("3")
    window.until("app.root.querySelectorAll('.sc-thumb').length === 3", seconds=90)
    with window.new_picture():
        window.button("Variant 3").click()
    assert window.button("Variant 3").get_attribute("aria-pressed") == "true"
    assert window.get("app.viewer.picture.variant") == 2


def test_next_hint_uncertainty_hint_list_and_keyboard(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    window.page.keyboard.press("u")
    window.until("app.viewer.veil !== null && app.viewer.veil.width > 1")
    window.page.keyboard.press("u")
    window.until("app.viewer.veil === null")
    target = window.get("app.picture.nextHint")
    if target is not None:
        window.page.keyboard.press("n")
        middle = window.get("app.viewer.toImage(app.viewer.width / 2, app.viewer.height / 2)")
        assert abs(middle[0] - target[0]) < 2 and abs(middle[1] - target[1]) < 2
    window.page.keyboard.press("f")
    # Without a mouse: arrows and Enter in the image.
    window.page.keyboard.press("2")
    window.page.locator("canvas").focus()
    for _ in range(6):
        window.page.keyboard.press("ArrowLeft")
    with window.new_picture():
        window.page.keyboard.press("Enter")
    assert window.get("app.state.hints[1].of") == "c2"
    items = window.page.get_by_role("list", name="Hints on this image").get_by_role("listitem")
    assert items.count() == 2
    with window.new_picture():
        items.last.get_by_label("Remove this hint").click()
    assert window.get("app.state.hints.map((h) => h.of)") == ["c2"]
    # Chosen by its mark and taken away by a key.
    place = window.place(*[value - 0.5 for value in window.get("app.state.hints[0].path[0]")])
    window.page.mouse.click(*place)
    with window.new_picture():
        window.page.keyboard.press("Delete")
    assert window.get("app.state.hints.length") == 0


def test_a_mark_is_dragged_to_another_place(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    start, end = window.place(*POLLEN), window.place(240, 60)
    with window.new_picture():
        window.page.mouse.move(*start)
        window.page.mouse.down()
        window.page.mouse.move(*end, steps=6)
        window.page.mouse.up()
    x, y = window.get("app.state.hints[0].path[0]")
    assert abs(x - 240.5) < 2 and abs(y - 60.5) < 2 and window.get("app.state.hints.length") == 1


def test_zoom_shows_the_very_pixels_of_the_result(
    app: Callable[..., Any], show: Callable[..., Any], tmp_path: Path, scene: np.ndarray
) -> None:
    # Larger than what is sent in one piece, so that there are tiles.
    folder = tmp_path / "large"
    folder.mkdir()
    large = np.kron(scene, np.ones((2, 2), np.uint8))
    tifffile.imwrite(folder / "large.tif", large)
    window = show(app(folder / "large.tif").address)
    window.opened()
    window.click(2 * POLLEN[0], 2 * POLLEN[1])
    window.page.keyboard.press("m")
    window.get("app.viewer.goTo(...x)", [2 * POLLEN[0], 2 * POLLEN[1]])
    window.page.keyboard.press("*")
    window.until("[...app.viewer.tiles.tiles.keys()].some((k) => k.startsWith(app.viewer.colorKey() + '0/'))")
    window.until("app.viewer.level() === 0")
    with window.page.expect_download() as download:
        window.button("Save…").click()
        window.page.locator("[data-kind=archive]").click()
    import zipfile

    with zipfile.ZipFile(download.value.path()) as archive:
        import io

        rgb = tifffile.imread(io.BytesIO(archive.read("large_color.tif")))
    rgb = rgb.reshape(*large.shape, 3)
    for x, y in [(414, 102), (430, 110), (500, 160), (380, 90)]:
        assert window.color_at(x, y) == rgb[y, x].tolist()


def test_pan_and_zoom_by_mouse_and_fingers(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    window = show(app(micrograph).address, has_touch=True)
    window.opened()
    place = window.place(500, 400)
    window.page.mouse.move(*place)
    before = window.get("app.viewer.scale")
    window.page.mouse.wheel(0, -200)
    window.until("app.viewer.scale > x", before)
    # What was under the pointer stays there.
    again = window.place(500, 400)
    assert abs(again[0] - place[0]) < 1 and abs(again[1] - place[1]) < 1
    window.page.mouse.down(button="middle")
    window.page.mouse.move(place[0] + 40, place[1] + 30, steps=3)
    window.page.mouse.up(button="middle")
    moved = window.place(500, 400)
    assert abs(moved[0] - place[0] - 40) < 1 and abs(moved[1] - place[1] - 30) < 1
    assert window.get("app.state.hints.length") == 0
    # Two fingers apart: a zoom, and no hint.
    touch = window.page.context.new_cdp_session(window.page)
    x, y = place

    def fingers(kind: str, apart: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x - apart, "y": y}, {"x": x + apart, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    scale = window.get("app.viewer.scale")
    fingers("touchStart", 50)
    for apart in (60, 75, 100):
        fingers("touchMove", apart)
    fingers("touchEnd", 0)
    assert 1.7 < window.get("app.viewer.scale") / scale < 2.3
    assert window.get("app.state.hints.length") == 0
    # One finger: a hint.
    with window.new_picture():
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert window.get("app.state.hints.length") == 1


def test_a_folder_one_after_another_with_the_same_classes(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    shutil.copy(micrograph, micrograph.with_name("pollen 10.tif"))
    shutil.copy(micrograph, micrograph.with_name("pollen 9.tif"))
    window = show(app(micrograph.parent).address)
    films = window.page.get_by_role("group", name="Micrographs of the folder").get_by_role("button")
    window.until("app.root.querySelectorAll('.sc-film img').length === 3")
    # As people count.
    assert [text.strip() for text in films.all_inner_texts()] == ["pollen 9.tif", "pollen 10.tif", "pollen.tif"]
    films.nth(0).click()
    window.opened("pollen 9.tif")
    name = window.page.get_by_label("Name of the class").first
    name.fill("grain")
    name.press("Enter")
    window.click(*POLLEN)
    window.page.locator("canvas").focus()
    window.page.keyboard.press("PageDown")
    window.opened("pollen 10.tif")
    assert window.get("app.state.classes[1].name") == "grain" and window.get("app.state.hints.length") == 0
    # One specimen: what was hinted there colors here.
    assert window.get("app.picture.colorless")
    with window.new_picture():
        window.page.get_by_label("One specimen: hints on any image color all").check()
    window.until("!app.picture.colorless && app.picture.legend[0].name === 'grain'")
    with window.new_picture():
        window.page.get_by_role("button", name="pollen 9.tif", exact=True).first.click()
    window.opened("pollen 9.tif")
    assert window.get("app.state.hints.length") == 1


def test_a_hint_in_the_data_bar_is_refused_and_not_shown(
    app: Callable[..., Any], show: Callable[..., Any], tmp_path: Path, shared_data: Path
) -> None:
    window = show(app(shared_data / "instruments" / "fei-sem-rbc.tif").address)
    window.opened()
    assert "data bar from row 1024 on stays gray" in window.page.locator(".sc-status").inner_text()
    window.page.mouse.click(*window.place(768, 1060))
    window.page.get_by_role("alert").filter(has_text="data bar").wait_for()
    window.until("app.viewer.hints.length === 0")
    window.click(768, 430)
    # The bar and what the instrument wrote into it are what they were.
    for place in [(100, 1040), (768, 1060), (1400, 1080)]:
        assert is_gray(window.color_at(*place))


def test_readable_without_eyes_and_by_their_contrast(
    app: Callable[..., Any], show: Callable[..., Any], micrograph: Path
) -> None:
    window = show(app(micrograph).address)
    window.opened()
    window.click(*POLLEN)
    unnamed = window.get(
        "[...app.root.querySelectorAll('button, input, select, [role=slider], canvas')]"
        ".filter((e) => e.checkVisibility())"
        ".filter((e) => !(e.getAttribute('aria-label') || e.innerText || e.closest('label')?.innerText))"
        ".map((e) => e.outerHTML.slice(0, 120))"
    )
    assert unnamed == []
    faint = window.get(
        """(() => {
          const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map((v) => (v / 255 <= 0.04045
            ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if (!/rgba\\(.*, 0\\)|transparent/.test(c)) return c; } return 'rgb(0,0,0)'; };
          return [...app.root.querySelectorAll('*')].filter((e) => e.checkVisibility() && !e.closest(':disabled')
            && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
            const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((p, q) => q - p);
            return [(a + 0.05) / (b + 0.05), e.textContent.slice(0, 40)]; }).filter(([c]) => c < 4.5); })()"""
    )
    assert faint == []
    # What was colored is said to who does not see it.
    assert "class 1" in window.page.locator(".sc-live").inner_text()
    window.page.keyboard.press("?")
    assert window.page.get_by_role("dialog", name="Keys").is_visible()
