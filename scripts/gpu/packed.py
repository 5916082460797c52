"""Reading a pack on the GPU machine. Pillow is all it takes, so nothing has to be installed beside PyTorch's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, features
from torch import Tensor

from deblurcli.digest import sha256_of
from deblurcli.errors import InputError, UsageError
from deblurcli.training.data import Photos

MANIFEST = "pack.json"
BASE = "base.safetensors"


def check(pack: Path) -> None:
    """Raises InputError if a file of the pack is missing or damaged, UsageError if this Pillow cannot read AVIF."""
    manifest = pack / MANIFEST
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{manifest}: cannot be read; give the whole folder that `pack` made") from error
    for name, digest in files.items():
        path = pack / name
        if not path.is_file() or sha256_of(path) != digest:
            raise InputError(f"{path}: is {'damaged' if path.is_file() else 'missing'}; copy the pack again")
    if not features.check("avif"):
        raise UsageError("this Pillow cannot read AVIF; install pillow 11.3 or newer")


def photos_of(pack: Path) -> Photos:
    """All that is to learn from."""
    sharp = [read(path) for path in sorted((pack / "sharp").iterdir())]
    return Photos(sharp, [pair for _, pair in pairs_of(pack / "pairs" / "train")])


def pairs_of(folder: Path) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
    """(name of the set, (blurry, sharp)) of the sets of pairs in a folder."""
    for blurry in sorted(folder.glob("*/blur/*.avif")):
        group = blurry.parents[1]
        yield group.name, (read(blurry), read(group / "sharp" / blurry.name))


def read(path: Path) -> Tensor:
    """(3, H, W) uint8 RGB."""
    with Image.open(path) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).contiguous()
