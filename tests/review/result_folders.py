"""Folders of results to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from deblurcli.jobs.manifest import NAME, Manifest, Record
from deblurcli.jobs.stores.files import fingerprint_of

HOSTILE = '<img src=x onerror="window.hacked = 1">.png'


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def picture(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x // 8 + y // 8) % 2 * 200], -1).astype(np.uint8)


def restored(before: np.ndarray, levels: int, top: int = 0, left: int = 0) -> np.ndarray:
    """The same, with a part below and right of a point brighter or darker by so many levels."""
    after = before.astype(np.int16)
    after[top:, left:] += np.where(after[top:, left:] > 127, -levels, levels)
    return after.astype(np.uint8)


def make_results(root: Path, levels: dict[str, int], width: int, height: int) -> Path:
    """A folder "out" of results with its records, changed by so many levels; the originals are in "in"."""
    folder = root / "out"
    with Manifest(folder / f"{NAME}.jsonl") as manifest:
        for name, change in levels.items():
            before = save(root / "in" / name, picture(width, height))
            save(folder / name, restored(picture(width, height), change, height // 2, width // 2))
            record = Record(str(before), fingerprint_of(before), "s", name, "done", 1.0, width, height, None, ())
            manifest.append(record)
    return folder
