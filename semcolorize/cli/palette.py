"""``semcolorize palette``: list a palette, or check it."""

from __future__ import annotations

import sys
from typing import Any

import click

from semcolorize.errors import ConfigError

__all__ = ["command"]


@click.command("palette")
@click.argument("words", nargs=-1, required=True, metavar="[check] FILE")
def command(words: tuple[str, ...]) -> None:
    """List the colors of a palette; with check, look for pairs that look alike.

    FILE is a YAML palette, a hints file with a palette, or a built-in name (okabe-ito, tol-bright, ...). The check
    compares colors at equal lightness, for lightness is the micrograph's, with normal vision and with simulated
    protanopia, deuteranopia and tritanopia; it exits with 1 if there are findings.

    \b
    Example:
      semcolorize palette okabe-ito
      semcolorize palette check house_palette.yaml
    """
    checking = words[0] == "check" and len(words) == 2
    if len(words) != 1 + checking:
        raise ConfigError(f"palette {' '.join(words)}: one FILE, or check and one FILE, is accepted.")
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from semcolorize.hintfiles.yaml_palettes import read_palette

    palette = read_palette(words[-1])
    # Lines are left whole where nobody watches: scripts search them.
    console = Console(soft_wrap=True)
    table = Table("", "name", "hex", "L*", "a*", "b*", title=palette.title or str(words[-1]))
    for name, color in palette.items():
        table.add_row(Text("    ", style=f"on {color.hex}"), name, color.hex, *(f"{value:.1f}" for value in color.lab))
    console.print(table)
    if checking:
        from semcolorize.color.deficiency import check_palette

        report = check_palette(palette)
        _print_report(console, report)
        if not report.passed:
            sys.exit(1)


def _print_report(console: Any, report: Any) -> None:
    console.print(
        f"Compared at L* {report.lightness:.0f}, since lightness is the micrograph's: many published palettes tell "
        "colors apart by lightness, which coloring cannot change. The built-in palette micrograph passes."
    )
    for pair in report.close:
        console.print(
            f"  {pair.first} and {pair.second} look alike with {pair.vision} vision: CIEDE2000 {pair.difference:.1f}, "
            f"at least {report.threshold:.0f} is wanted"
        )
    for name in report.near_gray:
        console.print(f"  {name} is nearly gray: it will hardly show (as a neutral hint it is right)")
    for name, share in report.dulled:
        console.print(f"  {name} keeps {share:.0%} of its chroma at this lightness: sRGB shows no more")
    smallest = ", ".join(f"{vision} {difference:.1f}" for vision, difference in report.smallest.items())
    console.print(f"Smallest differences: {smallest}")
    console.print("All colors can be told apart." if report.passed else "Some colors cannot be told apart.")
