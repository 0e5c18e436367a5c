"""Colors from a reference: which colors it is made of, and what a new micrograph makes of them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from semcolorize.color.lab import lab_to_rgb
from semcolorize.errors import ConfigError, ImageReadError
from semcolorize.inference.like import reference_labels
from semcolorize.micrograph.colored import read_colored
from semcolorize.micrograph.provenance import methods_sentence
from semcolorize.pipeline import Colorizer


def disks(places, shape=(160, 224), seed=0):
    """Bright grainy disks on dark ground: lightness, and where they are."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    there = np.zeros(shape, bool)
    for row, column, radius in places:
        there |= np.hypot(rows - row, columns - column) < radius
    noise = np.random.default_rng(seed).normal(0, 2, shape)
    return (np.where(there, 68.0, 34.0) + noise).astype(np.float32), there


def painted(lightness, there, thing=(40.0, 30.0), ground=(-12.0, -20.0)):
    """As somebody colored it, uint8 (H, W, 3)."""
    shade = np.minimum(lightness / 50, 1)[..., None]
    ab = np.where(there[..., None], thing, ground) * shade
    rgb = np.asarray(lab_to_rgb(np.concatenate([lightness[..., None], ab], axis=-1)))
    return np.rint(255 * np.clip(rgb, 0, 1)).astype(np.uint8)


PLACES = ((40, 50, 22), (110, 60, 26), (60, 160, 24), (125, 180, 20))
OTHERS = ((45, 110, 24), (115, 40, 20), (110, 150, 28))


@pytest.fixture(scope="module")
def colorizer():
    return Colorizer.load(device="cpu")


def gray_of(lightness):
    return np.clip(np.rint(2.3 * lightness), 0, 255).astype(np.uint8)


def hue(ab):
    return np.degrees(np.arctan2(ab[1], ab[0]))


def apart(a, b):
    return abs((a - b + 180) % 360 - 180)


def test_a_reference_is_taken_apart_into_its_colors():
    lightness, there = disks(PLACES)
    reference = read_colored(painted(lightness, there), size=224)
    labels, of_pixel = reference_labels(reference)
    assert len(labels) == 2
    # The ground is the larger part.
    ground, thing = (np.array(label.lab[1:]) for label in labels)
    assert apart(hue(thing), hue((40, 30))) < 6 and apart(hue(ground), hue((-12, -20))) < 8
    assert (of_pixel[there] == 1).mean() > 0.97 and (of_pixel[~there] == 0).mean() > 0.97


def test_like_structures_get_like_colors(colorizer):
    lightness, there = disks(PLACES)
    target, wanted = disks(OTHERS, seed=7)
    result = colorizer.colorize(gray_of(target), like=painted(lightness, there))
    likeliest = result.labels
    assert (likeliest[wanted] == 2).mean() > 0.85 and (likeliest[~wanted] == 1).mean() > 0.85
    assert apart(hue(np.median(result.ab[0][wanted], axis=0)), hue((40, 30))) < 8
    assert apart(hue(np.median(result.ab[0][~wanted], axis=0)), hue((-12, -20))) < 10
    # Its colors are all that is taken: lightness is the micrograph's own.
    assert result.provenance.settings["like"] == {"name": "", "sha256": ""}
    assert [entry.hints for entry in result.legend][:2] == [0, 0]
    assert "no generative step" in methods_sentence(result.provenance)


def test_a_hint_mends_what_a_reference_colored(colorizer):
    lightness, there = disks(PLACES)
    target, _ = disks(OTHERS, seed=7)
    hint = {"point": [110, 45], "color": "#30a040", "name": "other", "spread": "instance"}
    result = colorizer.colorize(gray_of(target), [hint], like=painted(lightness, there))
    rows, columns = np.mgrid[:160, :224]
    own = np.hypot(rows - 45, columns - 110) < 18
    rest = np.hypot(rows - 110, columns - 150) < 20
    assert apart(hue(np.median(result.ab[0][own], axis=0)), 135) < 25
    assert apart(hue(np.median(result.ab[0][rest], axis=0)), hue((40, 30))) < 10
    assert "other" in [entry.name for entry in result.legend]


def test_views_of_a_series_take_the_reference_alike(colorizer):
    lightness, there = disks(PLACES)
    views = [gray_of(disks(OTHERS, seed=s)[0]) for s in (3, 4)]
    wanted = disks(OTHERS)[1]
    for result in colorizer.colorize_views(views, [None, None], like=painted(lightness, there)):
        assert (result.labels[wanted] == 2).mean() > 0.85


def test_a_gray_reference_is_refused(colorizer):
    gray = gray_of(disks(PLACES)[0])
    with pytest.raises(ImageReadError, match=r"shape \(160, 224\); a colored image"):
        colorizer.colorize(gray, like=gray)
    with pytest.raises(ImageReadError, match="is gray: it has no color to take"):
        colorizer.colorize(gray, like=np.repeat(gray[..., None], 3, axis=-1))


def test_a_reference_and_drawn_colors_exclude_each_other(colorizer):
    lightness, there = disks(PLACES)
    with pytest.raises(ConfigError, match="give one of them"):
        colorizer.colorize(gray_of(lightness), like=painted(lightness, there), fill="auto")


def test_a_single_pixel_is_colored_or_left(colorizer):
    red = np.array([[[200, 40, 40]]], np.uint8)
    one = np.full((1, 1), 120, np.uint8)
    assert colorizer.colorize(one).rgb.shape == (1, 1, 1, 3)
    assert colorizer.colorize(one, like=red).rgb.shape == (1, 1, 1, 3)
    assert colorizer.colorize(gray_of(disks(PLACES)[0]), like=red).rgb.shape == (1, 160, 224, 3)


def test_the_command_names_its_reference(tmp_path):
    from semcolorize.cli.main import cli

    lightness, there = disks(PLACES)
    Image.fromarray(painted(lightness, there)).save(tmp_path / "paper.png")
    Image.fromarray(gray_of(disks(OTHERS, seed=7)[0])).save(tmp_path / "sample.png")
    told = CliRunner().invoke(
        cli, ["colorize", str(tmp_path / "sample.png"), "--like", str(tmp_path / "paper.png"), "--json"]
    )
    assert told.exit_code == 0, told.output
    provenance = json.loads(next(tmp_path.glob("sample*.json")).read_text(encoding="utf-8"))
    assert provenance["settings"]["like"]["name"] == "paper.png"
    assert len(provenance["settings"]["like"]["sha256"]) == 64
