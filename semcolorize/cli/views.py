"""``semcolorize views``: a series, colored alike from hints on some of its views."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from semcolorize.cli.options import WORKING_SIZE
from semcolorize.cli.progress import progress_bar
from semcolorize.errors import ConfigError, ImageReadError, OutputError, SemColorizeError

__all__ = ["command"]

_PARTLY = 3
"""Exit code where some views could not be colored."""


@click.command("views")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE...")
@click.option(
    "--hints",
    "assigned",
    multiple=True,
    metavar="IMAGE=FILE",
    help="Hints of a view: YAML, .roi, RoiSet.zip, or a TIFF with an overlay; as often as needed.",
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--variants", default=1, show_default=True, help="Proposals to make, a slice each.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds give equal bytes.")
@click.option("--steps", "num_steps", type=int, help="Sampling steps. Default: what the weights recommend.")
@click.option(
    "--fill", type=click.Choice(["auto", "gray", "contrast"]),
    help="What unhinted structures become. Default: gray with hints.",
)  # fmt: skip
@click.option(
    "--like", type=click.Path(), help="A colored micrograph, by anyone, whose colors like structures get."
)
@click.option("--spread", type=click.Choice(["alike", "instance"]), default="alike", show_default=True)
@click.option(
    "--register/--no-register",
    "register_views",
    default=True,
    show_default=True,
    help="Carry colors along where views show the same places.",
)
@click.option("--databar", default="auto", show_default=True, metavar="auto|none|ROWS", help="As for colorize.")
@click.option("--allow-color", is_flag=True, help="Take colored images too, for their lightness.")
@click.option("--working-size", type=WORKING_SIZE, default=512, show_default=True, help="As for colorize.")
@click.option("--weights", default="default", show_default=True, help="Bundled name or safetensors file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--bits", type=click.Choice(["8", "16"]), default="8", show_default=True, help="Bits a channel.")
@click.option("--png", is_flag=True, help="Also write each variant as PNG.")
@click.option("--overwrite", is_flag=True, help="Replace existing results. Inputs are never replaced.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    images: tuple[Path, ...],
    assigned: tuple[str, ...],
    out: Path,
    variants: int,
    seed: int,
    num_steps: int | None,
    fill: str | None,
    like: str | None,
    spread: str,
    register_views: bool,
    databar: str,
    allow_color: bool,
    working_size: int | str,
    weights: str,
    device: str,
    bits: str,
    png: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Color the views IMAGE... of one specimen alike: hints on some of them color all.

    Every view gets its NAME_color.tif, NAME_color.json and legend; series.png shows them side by side and says where
    each one's colors came from. A view that cannot be read is reported, and the others are colored (exit code 3).

    \b
    Example:
      semcolorize views tilt0.tif tilt15.tif tilt30.tif --hints tilt0.tif=tilt0.hints.yaml -o colored
    """
    started = time.perf_counter()
    from semcolorize.micrograph.atomic import check_output, write_bytes_atomic
    from semcolorize.micrograph.reading import read_micrograph
    from semcolorize.result import output_paths, series_picture

    files = _hint_files(images, assigned)
    if out.exists() and not out.is_dir():
        raise OutputError("This is a file; a folder for the results is needed.", path=out)
    micrographs, hints, failed = [], [], {}
    for image, own in zip(images, files, strict=True):
        try:
            micrograph = read_micrograph(image, allow_color=allow_color, databar=databar)
            micrographs.append(micrograph)
            hints.append(_read_hints(own, micrograph))
        except SemColorizeError as error:
            del micrographs[len(hints) :]
            failed[image] = error
            same = sum(other.name == image.name for other in images) > 1
            of_view = "" if isinstance(error, ImageReadError) else f"{image if same else image.name}: "
            click.echo(f"error: {of_view}{error}", err=True)
    chosen = [i for i, image in enumerate(images) if image not in failed]
    if not chosen:
        raise SemColorizeError("none of the views can be colored; see above.")
    if not any(hints) and any(files):
        raise SemColorizeError(
            "no hints are left: views with hints, or their hints, cannot be read, and the others have none; see above."
        )
    if not any(hints) and like is None:
        click.echo("note: no view has hints, so nothing says which colors are meant; give some with --hints.", err=True)
    _make(out)
    inputs = [*images, *(file for own in files for file in own)]
    names = _distinct([image.stem for image in images])
    paths = [
        output_paths(out / f"{name}_color.tif", variants=variants, png=png, overwrite=overwrite, inputs=inputs)
        for name in names
    ]
    sheet = check_output(out / "series.png", overwrite=overwrite, inputs=inputs)

    from semcolorize.pipeline import Colorizer

    colorizer = Colorizer.load(weights, device=device)
    with progress_bar("coloring", quiet=as_json) as update:
        results = colorizer.colorize_views(
            micrographs,
            hints,
            variants=variants,
            seed=seed,
            fill=fill,  # type: ignore[arg-type]
            spread=spread,  # type: ignore[arg-type]
            num_steps=num_steps,
            like=like,
            databar=databar,
            working_size=working_size,
            bits=int(bits),
            register_views=register_views,
            on_step=lambda step: update(step.index, step.count),
        )
    written: list[Path] = []
    for i, result in zip(chosen, results, strict=True):
        for note in result.notes:
            click.echo(f"note: {images[i].name}: {note}", err=True)
        written += result.save_to(paths[i], overwrite=overwrite)
    missing = [f"{image.name}: {error.message}" for image, error in failed.items()]
    write_bytes_atomic(sheet, series_picture(results, missing=missing), overwrite=overwrite, inputs=inputs)
    written.append(sheet)
    if as_json:
        click.echo(json.dumps(_document(written, results, failed, time.perf_counter() - started)))
    else:
        for path in written:
            click.echo(str(path))
        click.echo(f"{time.perf_counter() - started:.1f} s on {results[0].provenance.device}", err=True)
    if failed:
        raise click.exceptions.Exit(_PARTLY)


def _make(folder: Path) -> None:
    """Make a folder, which is gone again at the end if nothing was written into it."""
    from semcolorize.micrograph.atomic import cannot_write

    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(error, str(folder)) from None

    def drop() -> None:
        with contextlib.suppress(OSError):
            folder.rmdir()

    click.get_current_context().call_on_close(drop)


def _document(
    written: Sequence[Path], results: Sequence[Any], failed: dict[Path, Any], seconds: float
) -> dict[str, Any]:
    return {
        "paths": [str(path) for path in written],
        "seconds": round(seconds, 3),
        "device": results[0].provenance.device,
        "weights_sha256": results[0].provenance.weights_sha256,
        "views": [
            {"name": r.provenance.input_name, "registered": r.provenance.settings["series"]["registered"],
             "legend": r.legend_rows(), "notes": list(r.notes)}
            for r in results
        ],
        "failed": [{"path": str(path), "error": str(error)} for path, error in failed.items()],
    }  # fmt: skip


def _hint_files(images: Sequence[Path], assigned: Sequence[str]) -> list[list[Path]]:
    """Hint files of each view, of all the ways to split ``IMAGE=FILE`` that names one of the images."""
    files: list[list[Path]] = [[] for _ in images]
    for text in assigned:
        splits = [(text[:i], text[i + 1 :]) for i, sign in enumerate(text) if sign == "="]
        matches = {k: right for left, right in splits for k, image in enumerate(images) if _same(left, image)}
        if len(matches) != 1:
            listed = ", ".join(str(image) for image in images)
            reason = "names none of the views" if not matches else "names more than one view"
            if len(set(images)) < len(images):
                reason += ", for one is given twice"
            raise ConfigError(
                f"--hints {text!r} {reason}; IMAGE=FILE is needed, with IMAGE one of {listed}.", key="hints"
            )
        ((k, right),) = matches.items()
        if not right:
            raise ConfigError(f"--hints {text!r} names no file after the equals sign.", key="hints")
        files[k].append(Path(right))
    return files


def _same(name: str, image: Path) -> bool:
    return bool(name) and (Path(name) == image or name == image.name)


def _read_hints(files: Sequence[Path], micrograph: Any) -> Any:
    from semcolorize.hintfiles.yaml_hints import read_hints
    from semcolorize.hints.model import HintSet
    from semcolorize.hints.rasterize import check_hints

    if not files:
        return None
    hints = HintSet.merge([read_hints(path) for path in files], micrograph.shape).on(micrograph.plane)
    # A hint beside the image is this view's fault, not its series'.
    check_hints(hints, micrograph.shape)
    return hints


def _distinct(stems: Sequence[str]) -> list[str]:
    """Stems with numbers where several are equal: views of one name lie in different folders."""
    names: list[str] = []
    for stem in stems:
        name, number = stem, 2
        while name in names or (stems.count(name) > 1 and name != stem):
            name, number = f"{stem}_{number}", number + 1
        names.append(name)
    return names
