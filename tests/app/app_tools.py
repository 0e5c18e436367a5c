"""What tests of the window share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

POLLEN, SPHERE = (207, 51), (308, 438)
"""Pixels of the scene that lie on a pollen grain and on a sphere."""


def drop(window: Any, *paths: Path) -> None:
    """Drop files into the window, as from a file manager."""
    files = [{"name": path.name, "bytes": list(path.read_bytes())} for path in paths]
    handle = window.page.evaluate_handle(
        "(files) => { const t = new DataTransfer(); for (const f of files)"
        " t.items.add(new File([new Uint8Array(f.bytes)], f.name)); return t; }",
        files,
    )
    window.page.dispatch_event(".sc-stage", "drop", {"dataTransfer": handle})


def save(window: Any, kind: str) -> Path:
    """Save by the dialog, and return what the browser downloaded."""
    with window.page.expect_download(timeout=60000) as download:
        window.button("Save…").click()
        window.page.locator(f"[data-kind={kind}]").click()
    path: Path = download.value.path()
    return path
