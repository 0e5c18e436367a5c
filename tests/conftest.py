"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real micrographs, ROIs and instrument files; the test is skipped where it is absent."""
    folder = Path(os.environ.get("SEMCOLORIZE_SHARED", REPOSITORY.parent / "shared")) / "data" / "dev"
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set SEMCOLORIZE_SHARED to the folder that holds data/dev")
    return folder
