"""Tables on stdout: as wide as the terminal, or, in a file or pipe, as wide as they need to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["print_table"]

_WIDTH_ELSEWHERE = 140


def print_table(table: Table) -> None:
    """Print it; what a log cut off would be gone for good."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_ELSEWHERE)
    console.print(table)
