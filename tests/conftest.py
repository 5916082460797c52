"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the reference inputs and outputs: $DEBLUR_SHARED, or `shared` beside the checkout."""
    folder = Path(os.environ.get("DEBLUR_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "oracle" / "make_checkpoint.py").is_file():
        pytest.skip(f"no reference data in {folder}; set DEBLUR_SHARED to its folder")
    return folder
