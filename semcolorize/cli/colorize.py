"""``semcolorize colorize``: one micrograph from hints."""

from __future__ import annotations

import json
from pathlib import Path

import click

from semcolorize.cli.options import WORKING_SIZE, result_file
from semcolorize.cli.progress import progress_bar
from semcolorize.errors import ConfigError

__all__ = ["command"]


@click.command("colorize")
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--hints",
    "hint_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="YAML, .roi, RoiSet.zip, or a TIFF with an overlay; may be given several times, later ones win.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    help="TIFF to write, or a folder for it (made if it ends with /). Default: IMAGE_color.tif beside the image.",
)
@click.option(
    "--palette", type=click.Path(), help="Palette for the hints, and of automatic color: a file or a built-in name."
)
@click.option(
    "--like", type=click.Path(), help="A colored micrograph, by anyone, whose colors like structures get."
)
@click.option("--page", type=int, help="Page of a multi-page TIFF, counted from 1. Default: the first.")
@click.option(
    "--display-range",
    nargs=2,
    type=float,
    default=None,
    metavar="BLACK WHITE",
    help="Gray values shown as black and white, for 16-bit and float images.",
)
@click.option("--variants", default=1, show_default=True, help="Proposals to make, a slice each.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds give equal bytes.")
@click.option("--steps", "num_steps", type=int, help="Sampling steps. Default: what the weights recommend.")
@click.option(
    "--fill",
    type=click.Choice(["auto", "gray", "contrast"]),
    help="What unhinted structures become: colors that the model draws, gray, or one quiet color that contrasts with"
    " the hints' (gray hints mark it, too). Default: gray with hints, auto without.",
)
@click.option(
    "--classes", type=click.IntRange(1, 32), help="Kinds of structures that automatic color tells apart. Default: what"
    " the model finds.",
)
@click.option(
    "--spread",
    type=click.Choice(["alike", "instance"]),
    default="alike",
    show_default=True,
    help="Color all look-alikes of what was hinted, or only what was touched.",
)
@click.option(
    "--databar",
    default="auto",
    show_default=True,
    metavar="auto|none|ROWS",
    help="The instrument's bar at the bottom: find it, ignore it, or its height in rows. It stays gray.",
)
@click.option("--allow-color", is_flag=True, help="Take a colored image too, for its lightness.")
@click.option(
    "--working-size",
    type=WORKING_SIZE,
    default=512,
    show_default=True,
    help="Longest side at which the model works; full for the image's own (slower, for small details; large objects"
    " want more hints then).",
)
@click.option("--weights", default="default", show_default=True, help="Bundled name or safetensors file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--bits", type=click.Choice(["8", "16"]), default="8", show_default=True, help="Bits a channel.")
@click.option("--legend/--no-legend", default=True, show_default=True, help="Write a picture of the legend.")
@click.option("--png", is_flag=True, help="Also write each variant as PNG.")
@click.option("--labels", is_flag=True, help="Also write NAME_labels.tif: which label each pixel has, in its color.")
@click.option("--rois", is_flag=True, help="Also write NAME_rois.zip: a named and colored ImageJ ROI for every object.")
@click.option("--scale-bar", is_flag=True, help="Draw a scale bar into the PNG files (implies --png).")
@click.option("--crop-databar", is_flag=True, help="Leave the instrument's data bar out of the result.")
@click.option("--overwrite", is_flag=True, help="Replace existing results. The input is never replaced.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    image: Path,
    hint_files: tuple[Path, ...],
    out: str | None,
    palette: str | None,
    like: str | None,
    page: int | None,
    display_range: tuple[float, float] | None,
    variants: int,
    seed: int,
    num_steps: int | None,
    fill: str | None,
    classes: int | None,
    spread: str,
    databar: str,
    allow_color: bool,
    working_size: int | str,
    weights: str,
    device: str,
    bits: str,
    legend: bool,
    png: bool,
    labels: bool,
    rois: bool,
    scale_bar: bool,
    crop_databar: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Color the micrograph IMAGE from hints and write an ImageJ-readable TIFF.

    Lightness is kept; only color is added. Beside the TIFF stand NAME.json (provenance and legend) and
    NAME_legend.png.

    \b
    Example:
      semcolorize colorize pollen.tif --hints pollen.hints.yaml --variants 3 -o pollen_color.tif
    """
    import time

    started = time.perf_counter()
    import numpy as np

    from semcolorize.hintfiles.yaml_hints import read_hints
    from semcolorize.hintfiles.yaml_palettes import read_palette
    from semcolorize.hints.model import HintSet
    from semcolorize.micrograph.reading import read_micrograph
    from semcolorize.micrograph.scalebar import draw_scale_bar
    from semcolorize.result import output_paths
    from semcolorize.results.claim import claimed

    # Everything that can be wrong is looked at before torch is loaded and before anything is computed.
    inputs = [image, *hint_files]
    png = png or scale_bar
    chosen = None if palette is None else read_palette(palette)
    sets = [read_hints(path, palette=chosen) for path in hint_files]
    micrograph = read_micrograph(
        image, page=page, display_range=display_range, allow_color=allow_color, databar=databar
    )
    if scale_bar:
        # Asked before the work, not after it.
        draw_scale_bar(np.zeros((64, 64, 3), np.uint8), micrograph.pixel_size_nm)
    # Last, for a folder may be made.
    target = result_file(out, image)
    if (labels or rois) and (fill or ("gray" if any(len(own) for own in sets) else "auto")) == "auto":
        raise ConfigError(
            "--labels and --rois need hints and --fill gray: invented colors belong to no label.", key="labels"
        )
    paths = output_paths(
        target, variants=variants, legend=legend, png=png, labels=labels, rois=rois, overwrite=overwrite,
        inputs=inputs,
    )  # fmt: skip
    click.get_current_context().with_resource(claimed(paths.tiff))
    hints = HintSet.merge(sets, micrograph.shape).on(micrograph.plane)

    from semcolorize.pipeline import Colorizer

    colorizer = Colorizer.load(weights, device=device)
    loaded = time.perf_counter()
    with progress_bar("coloring", quiet=as_json) as update:
        result = colorizer.colorize(
            micrograph,
            hints,
            variants=variants,
            seed=seed,
            fill=fill,  # type: ignore[arg-type]
            spread=spread,  # type: ignore[arg-type]
            num_steps=num_steps,
            classes=classes,
            palette=chosen,
            like=like,
            databar=databar,
            working_size=working_size,
            bits=int(bits),
            on_step=lambda step: update(step.index, step.count),
        )
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    if crop_databar:
        result = result.without_databar()
    written = result.save_to(paths, overwrite=overwrite, scale_bar=scale_bar)
    seconds = time.perf_counter() - started
    if as_json:
        stages = {"load": loaded - started, **result.seconds}
        click.echo(
            json.dumps(
                {
                    "paths": [str(path) for path in written],
                    "seconds": round(seconds, 3),
                    "stages": {name: round(value, 3) for name, value in stages.items()},
                    "device": result.provenance.device,
                    "weights_sha256": result.provenance.weights_sha256,
                    "legend": result.legend_rows(),
                    "next_hint": result.next_hint,
                    "notes": list(result.notes),
                }
            )
        )
    else:
        for path in written:
            click.echo(str(path))
        row = result.provenance.settings["databar_row"]
        fate = "is cut off" if crop_databar else "stays gray"
        bar = "no data bar (--databar ROWS sets one)" if row is None else f"the data bar from row {row} on {fate}"
        click.echo(f"{seconds:.1f} s on {result.provenance.device}; {bar}", err=True)
        if result.next_hint is not None:
            x, y = result.next_hint
            click.echo(f"one more hint at x {x}, y {y} would help most", err=True)
