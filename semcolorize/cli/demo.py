"""``semcolorize demo``: a first picture, without a file at hand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from semcolorize.cli.progress import progress_bar

if TYPE_CHECKING:
    import numpy as np

__all__ = ["command"]

_SEED = 12
_SHAPE = (768, 1024)
_COLORS = {"grain": '"#e8a33d"', "spore": '"#4f7fd9"', "keep": "gray"}
# As a person clicks them: x, y. Grains that touch a spore are told apart from it by a point of their own.
_POINTS = (
    ("grain", 207, 51), ("grain", 452, 258), ("grain", 540, 228), ("grain", 903, 410), ("spore", 308, 438),
    ("spore", 725, 298), ("keep", 788, 627), ("keep", 22, 433),
)  # fmt: skip


@click.command("demo")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("semcolorize-demo"),
    show_default=True,
    help="Folder for the pictures.",
)
@click.option("--weights", default="default", show_default=True, help="Bundled name or safetensors file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--overwrite", is_flag=True, help="Replace the pictures of an earlier demo.")
def command(out: Path, weights: str, device: str, overwrite: bool) -> None:
    """Color an example micrograph from eight points and say where the pictures are.

    The micrograph is procedural (pollen grains and spores on a folded surface), so nothing is downloaded. The
    folder gets the micrograph and its hints too: edit hints.yaml and color it again with the command printed.

    \b
    Example:
      semcolorize demo -o my-demo
    """
    started = time.perf_counter()
    from semcolorize.errors import OutputError
    from semcolorize.hintfiles.yaml_hints import read_hints
    from semcolorize.micrograph.atomic import check_output, write_bytes_atomic
    from semcolorize.micrograph.reading import read_micrograph
    from semcolorize.pipeline import Colorizer
    from semcolorize.result import output_paths
    from semcolorize.scenes import make_scene

    # What can fail comes before anything is written, or it would stand in the way of the next try.
    colorizer = Colorizer.load(weights, device=device)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder cannot be made ({error.strerror}). Choose another with -o.", path=out) from error
    image, hint_file = out / "micrograph.tif", out / "hints.yaml"
    scene = make_scene(_SEED, _SHAPE, families=["pollen", "spheres"], substrate="folds")
    target, picture = out / "micrograph_color.tif", out / "demo.png"
    paths = output_paths(target, legend=True, png=True, overwrite=overwrite, inputs=[image])
    for path in (picture, image, hint_file):
        check_output(path, overwrite=overwrite)
    write_bytes_atomic(image, _tiff(scene.lightness), overwrite=overwrite)
    write_bytes_atomic(hint_file, _hints_yaml().encode(), overwrite=overwrite)
    micrograph, hints = read_micrograph(image), read_hints(hint_file)
    with progress_bar("coloring") as update:
        result = colorizer.colorize(micrograph, hints, on_step=lambda step: update(step.index, step.count))
    written = result.save_to(paths, overwrite=overwrite)
    write_bytes_atomic(picture, result.comparison_png(), overwrite=overwrite)
    for path in (picture, *written):
        click.echo(str(path))
    click.echo(f"{time.perf_counter() - started:.1f} s on {result.provenance.device}", err=True)
    click.echo(
        f"Edit {hint_file} and color again:\n"
        f"  semcolorize colorize {image} --hints {hint_file} --overwrite",
        err=True,
    )


def _tiff(lightness: np.ndarray) -> bytes:
    import io

    import numpy as np
    import tifffile

    from semcolorize.color.lab import lightness_to_gray

    gray = np.rint(lightness_to_gray(lightness) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    # A scale, as an instrument would have written it, to see that it survives.
    tifffile.imwrite(buffer, gray, imagej=True, resolution=(20.0, 20.0), metadata={"unit": "um"})
    return buffer.getvalue()


def _hints_yaml() -> str:
    lines = ["# Positions in pixels, x to the right and y down, as ImageJ shows them.", "palette:"]
    lines += [f"  {name}: {color}" for name, color in _COLORS.items()]
    lines += ["hints:", *(f"  - {{point: [{x}, {y}], size: 15, color: {name}}}" for name, x, y in _POINTS)]
    return "\n".join(lines) + "\n"
