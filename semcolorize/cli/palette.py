"""``semcolorize palette``: list a palette, or check it."""

from __future__ import annotations

import sys

import click

from semcolorize.errors import ConfigError

__all__ = ["command"]


@click.command("palette")
@click.argument("words", nargs=-1, required=True, metavar="[check] FILE")
def command(words: tuple[str, ...]) -> None:
    """List the colors of a palette; with check, look for pairs that look alike.

    FILE is a YAML palette, a hints file with a palette, or a built-in name (okabe-ito, tol-bright, ...). The check compares
    colors at equal lightness, for lightness is the micrograph's, with normal vision and with simulated protanopia,
    deuteranopia and tritanopia; it exits with 1 if there are findings.

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
    console = Console()
    table = Table("", "name", "hex", "L*", "a*", "b*", title=palette.title or str(words[-1]))
    for name, color in palette.items():
        table.add_row(Text("    ", style=f"on {color.hex}"), name, color.hex, *(f"{value:.1f}" for value in color.lab))
    console.print(table)
    if checking:
        from semcolorize.color.palette import check_palette

        report = check_palette(palette)
        console.print(str(report))
        if report.findings:
            sys.exit(1)
