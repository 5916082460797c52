"""Checkpoints with the released names and known random weights, as the reference outputs were made with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

VARIANTS = ("lstm", "gray", "color")


@pytest.fixture(scope="session")
def released(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Variant -> prefix of its checkpoint. Tests must not change these files."""
    folder = tmp_path_factory.mktemp("released")
    for variant in VARIANTS:
        command = [sys.executable, str(shared / "oracle" / "make_checkpoint.py"), variant, str(folder / variant)]
        subprocess.run(command, check=True, capture_output=True)
    return {variant: folder / variant / "deblur.model-523000" for variant in VARIANTS}
