"""Packing what a training on a GPU needs into one small folder, from a folder of data:

    sharp/                         photographs without blur
    sharp.csv                      a row for each: `file`, `licence`, and whatever else is known of its origin
    pairs/train/NAME/blur, sharp   real pairs to learn from
    pairs/eval/NAME/blur, sharp    real pairs of other scenes to measure on, never trained on (may be missing)
    licences/, README.md           texts and attributions, which go with the pack as they are (may be missing)

The same data makes the same pack, byte for byte, where Pillow has the same AVIF encoder.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from packed import BASE, MANIFEST
from PIL import Image, features
from torch import Tensor

from deblurcli.digest import sha256_of
from deblurcli.errors import InputError, OutputError, UsageError
from deblurcli.images import read_photo
from deblurcli.models.checkpoint import load_checkpoint, save_checkpoint
from deblurcli.models.importers.tensorflow import import_tensorflow
from deblurcli.synthesis.pairs import images_of, rgb
from deblurcli.training.data import MARGIN

SMALLEST = 256 + 2 * MARGIN  # pixels: a crop and what its blur draws from
SIDE = 544  # pixels of a photo's part: room for a crop that is taken from a larger part and shrunk by 0.6
MIDDLE = 512  # pixels of the pairs to measure on, so that measuring takes seconds
QUALITY, PAIR_QUALITY = 82, 92  # AVIF; a pair's sharp frame is the truth, and its noise is part of it
HELD_OUT = 15  # one photo of so many is left out, for measuring: the same ones as for the shipped maxim-fast
PAIRS_SHARE = 0.6  # of the room that base and lists leave, at most for pairs
LINE_BYTES = 400  # of a file in the manifest, at most


@dataclass
class Room:
    """Bytes that are left for files, and those that the lists need for each."""

    left: int
    lists: int

    def takes(self, *files: bytes) -> bool:
        """Whether files fit, with what the lists say of them; they are then counted."""
        size = sum(len(data) + self.lists for data in files)
        if size > self.left:
            return False
        self.left -= size
        return True


@dataclass(frozen=True)
class Contents:
    """What is in a pack: photos and pairs of how many, pairs to measure on, and its size in bytes."""

    photos: int
    photos_found: int
    pairs: int
    pairs_found: int
    measured: int
    size: int


def make_pack(data: Path, base: Path, output: Path, limit: int) -> Contents:
    """Pack the data of a folder, whole or not at all.

    Args:
        data: see above.
        base: what maxim-fast begins with: the folder of the MAXIM authors' TensorFlow weights, or a checkpoint of one
            stage.
        output: the folder to make.
        limit: bytes of all files together, at most.

    Raises:
        UsageError: if the output exists, or the limit is too small for anything to learn from.
        InputError: if data are missing, cannot be read, or have no licence.
        WeightsUnavailable, WeightsDamaged: if the base cannot be read.
        OutputError: if the pack cannot be written.
    """
    if output.exists():
        raise UsageError(f"{output}: exists already; choose another name or remove it")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".deblur-pack-", dir=output.parent))
        folder.chmod(0o755)
        try:
            contents = fill(folder, data, base, limit)
            folder.rename(output)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot write ({error.strerror}); check the free space") from error
    return contents


def fill(folder: Path, data: Path, base: Path, limit: int) -> Contents:
    """Write base, lists, pairs to measure on, pairs and photos, in this order; photos take the room that is left."""
    rows = licences_of(data)
    write_base(base, folder / BASE)
    if (data / "licences").is_dir():
        shutil.copytree(data / "licences", folder / "licences")
    if (data / "README.md").is_file():
        shutil.copyfile(data / "README.md", folder / "DATA.md")
    longest = max((len(str(row).encode()) for row in rows.values()), default=0)
    room = Room(limit - size_of(folder) - LINE_BYTES * (10 + len(list(folder.rglob("*")))), LINE_BYTES + longest)

    measured = 0
    for name, *paths in (pair for path in folders_of(data / "pairs" / "eval") for pair in pair_files(path)):
        images = [rgb(read_photo(path)) for path in paths]
        files = [encoded(image[middle(image)], PAIR_QUALITY) for image in images]
        if room.takes(*files):
            write_pair(folder / "pairs" / "eval" / name, paths[1].stem, files)
            measured += 1

    pairs = [pair for path in folders_of(data / "pairs" / "train") for pair in pair_files(path)]
    pair_room = Room(int(room.left * PAIRS_SHARE), room.lists)
    chosen_pairs = 0
    for name, blurry, sharp in shuffled(pairs):
        files = [as_avif(blurry), as_avif(sharp)]
        if not pair_room.takes(*files):
            break
        room.takes(*files)
        write_pair(folder / "pairs" / "train" / name, sharp.stem, files)
        chosen_pairs += 1

    photos = [path for index, path in enumerate(images_of(data / "sharp")) if index % HELD_OUT != HELD_OUT // 2]
    chosen = []
    for _, path in shuffled([(path.name, path) for path in photos]):
        photo = rgb(read_photo(path))
        if min(photo.shape[1:]) < SMALLEST:
            continue
        if path.name not in rows:
            raise InputError(f"{data / 'sharp.csv'}: has no row for {path.name}; add it, with its licence")
        file = encoded(photo[most_detailed(photo, SIDE)], QUALITY)
        if not room.takes(file):
            break
        write(folder / "sharp" / f"{path.stem}.avif", file)
        chosen.append(path)
    if not chosen or not chosen_pairs:
        raise UsageError(f"{limit / 1e6:.1f} MB: too little for base, lists, pairs and photos; give a larger --size")
    write_rows(folder / "sharp.csv", [{**rows[path.name], "file": f"{path.stem}.avif"} for path in sorted(chosen)])
    write_manifest(folder)
    size = size_of(folder)
    assert size <= limit, (size, limit)
    return Contents(len(chosen), len(photos), chosen_pairs, len(pairs), measured, size)


def licences_of(data: Path) -> dict[str, dict[str, str]]:
    """The rows of sharp.csv by file. Raises InputError if it is missing or has no licences."""
    path = data / "sharp.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["file"]: row for row in csv.DictReader(file) if row["licence"]}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it needs the columns file and licence"
        raise InputError(f"{path}: cannot read what the photos' licences are ({reason})") from error
    return rows


def write_base(base: Path, path: Path) -> None:
    """The base as a checkpoint of one stage, in float16, which costs far less than 0.01 dB."""
    if base.suffix != ".safetensors":
        import_tensorflow(base, path, stages=1)
        base = path
    network, info = load_checkpoint(base)
    if info.architecture != "maxim" or info.config["stages"] != 1:
        raise UsageError(f"{base}: is not MAXIM's first stage; give what `deblur weights import --stages 1` makes")
    save_checkpoint(path, {name: value.half() for name, value in network.state_dict().items()}, info)


def folders_of(folder: Path) -> list[Path]:
    """The folders in a folder, sorted; none if it is missing."""
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def pair_files(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """(folder's name, blurry, sharp) of every pair, matched by name without suffix."""
    sharp = {path.stem: path for path in images_of(folder / "sharp")}
    for path in images_of(folder / "blur"):
        if path.stem not in sharp:
            raise InputError(f"{path}: has no partner of the same name in {folder / 'sharp'}")
        yield folder.name, path, sharp[path.stem]


def shuffled(items: Sequence[tuple]) -> list[tuple]:
    """In an order that is always the same and has nothing to do with the names: by their SHA-256."""
    return sorted(items, key=lambda item: hashlib.sha256("/".join(map(name_of, item)).encode()).digest())


def name_of(part: str | Path) -> str:
    return part if isinstance(part, str) else part.name


def as_avif(path: Path) -> bytes:
    """A frame of a pair: the file itself if it is an AVIF already, so that nothing is lost twice."""
    return path.read_bytes() if path.suffix == ".avif" else encoded(rgb(read_photo(path)), PAIR_QUALITY)


def encoded(image: Tensor, quality: int) -> bytes:
    """(3, H, W) uint8 as AVIF, without subsampling."""
    file = io.BytesIO()
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    # One thread, or the result would depend on how many there are.
    picture.save(file, "AVIF", quality=quality, subsampling="4:4:4", speed=8, max_threads=1)
    return file.getvalue()


def middle(image: Tensor) -> tuple[slice, ...]:
    """The middle square of at most `MIDDLE` pixels a side."""
    starts = [max(0, (side - MIDDLE) // 2) for side in image.shape[1:]]
    return (slice(None), *(slice(start, start + MIDDLE) for start in starts))


def most_detailed(image: Tensor, side: int) -> tuple[slice, ...]:
    """The part of at most `side` pixels a side that has the largest mean gradient."""
    green = image[1].float()
    gradient = F.pad(green.diff(dim=0).abs(), (0, 0, 0, 1)) + F.pad(green.diff(dim=1).abs(), (0, 1))
    window = [min(side, length) for length in green.shape]
    means = F.avg_pool2d(gradient[None, None], window, stride=32)[0, 0]
    row, column = divmod(int(means.argmax()), means.shape[1])
    return (slice(None), slice(32 * row, 32 * row + window[0]), slice(32 * column, 32 * column + window[1]))


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_pair(folder: Path, name: str, files: Sequence[bytes]) -> None:
    for kind, data in zip(("blur", "sharp"), files, strict=True):
        write(folder / kind / f"{name}.avif", data)


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """The rows of the photos that are packed, and what was done to them, which some licences want said."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "changed"], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "changed": f"cut to {SIDE} pixels a side at most; AVIF, quality {QUALITY}"})


def write_manifest(folder: Path) -> None:
    """Every file with its SHA-256, by which the GPU machine sees whether all has arrived."""
    files = {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = {"encoder": f"libavif {features.version('avif')}", "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=0), encoding="utf-8")


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
