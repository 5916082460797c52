"""A reader of TensorFlow's checkpoints (version 2, "tensor bundle", written by TensorFlow 1 and 2). Needs NumPy only.

Sources: TensorFlow, `core/util/tensor_bundle/tensor_bundle.h` (the two kinds of file), `core/protobuf/
tensor_bundle.proto` (header and entries), `core/framework/types.proto` (numbers of the types); Protocol Buffers,
"Encoding" (the wire format).

A checkpoint PREFIX is a sorted table, PREFIX.index, from tensor name to type, shape, place and checksum, and the
tensors' bytes themselves, in row-major order, in PREFIX.data-00000-of-00001 (or several such shards).
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deblurcli.errors import WeightsDamaged, WeightsUnavailable
from deblurcli.models.importers.crc32c import masked_crc32c
from deblurcli.models.importers.leveldb_table import (
    MalformedTableError,
    UnsupportedTableError,
    is_table,
    read_table,
    read_varint,
)

FILE_OF_BUNDLE = re.compile(r"(?P<prefix>.+)\.(?:index|data-\d{5}-of-\d{5})")
DTYPES = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "u1",
    5: "<i2",
    6: "i1",
    9: "<i8",
    10: "?",
    17: "<u2",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
STRING = 7
MAX_RANK = 32  # NumPy 1 has no more; TensorFlow itself stops at 254
MAX_ELEMENTS = 2**56  # beyond any file; NumPy refuses larger arrays even if one of their dimensions is 0
AGAIN = "the file is damaged or incomplete: copy or download it again"
SAVE_AGAIN = "save the checkpoint again with plain float32 variables and default settings"


@dataclass(frozen=True)
class BundleEntry:
    """Where a tensor lies, and how to read it."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int


@dataclass(frozen=True)
class Bundle:
    """A checkpoint's index.

    Attributes:
        stem: the common path of its files.
        shards: the number of its data files.
        entries: by the tensors' names, in their order.
    """

    stem: Path
    shards: int
    entries: dict[str, BundleEntry]

    def data(self, shard: int) -> Path:
        return Path(f"{self.stem}.data-{shard:05d}-of-{self.shards:05d}")

    @property
    def files(self) -> list[Path]:
        """The index and all data files."""
        return [Path(f"{self.stem}.index"), *map(self.data, range(self.shards))]


def read_tensor_bundle(prefix: Path) -> dict[str, NDArray[Any]]:
    """Read every tensor of a checkpoint, each verified by its checksum.

    Args:
        prefix: the common path of the checkpoint's files, or the path of its .index or of a .data file.

    Returns:
        Name -> tensor in TensorFlow's axis order, in the order of the names. Tensors of strings are left out: they are
        TensorFlow 2's bookkeeping of Python objects, never weights.

    Raises:
        WeightsUnavailable: if a file is missing or cannot be opened.
        WeightsDamaged: if a file is truncated, altered or something else, or holds a tensor of a kind not supported.
    """
    return read_tensors(open_bundle(prefix))


def read_tensors(bundle: Bundle) -> dict[str, NDArray[Any]]:
    """As `read_tensor_bundle`, of a bundle that is open."""
    tensors: dict[str, NDArray[Any]] = {}
    for shard in sorted({entry.shard for entry in bundle.entries.values()}):
        inside = {name: entry for name, entry in bundle.entries.items() if entry.shard == shard}
        tensors.update(_read_shard(bundle.data(shard), inside))
    return {name: tensors[name] for name in bundle.entries if name in tensors}


def read_string(bundle: Bundle, name: str) -> bytes:
    """A tensor that is a single string, verified by its checksums. Arguments and errors as for `read_tensor_bundle`.

    Raises:
        KeyError: if there is no such tensor.
    """
    entry = bundle.entries[name]
    path = bundle.data(entry.shard)
    try:
        with path.open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
    except OSError as error:
        raise _unavailable(path, error) from None
    # The length as a varint; the masked checksum of the length as a number of 4 or 8 bytes; the string. The entry's
    # checksum is of these too, but for the length, which is again that number.
    try:
        length, at = read_varint(data, 0)
    except MalformedTableError:
        length, at = 0, len(data)
    fits = entry.dtype == STRING and entry.shape == () and at + 4 + length == len(data) == entry.size
    if not fits or masked_crc32c(struct.pack("<I" if length < 2**32 else "<Q", length) + data[at:]) != entry.crc:
        raise WeightsDamaged(f"{path}: tensor {name} is not an intact string; copy or download the file again")
    return data[at + 4 :]


def open_bundle(prefix: Path) -> Bundle:
    """Read the index of a checkpoint; arguments and errors as for `read_tensor_bundle`."""
    prefix = Path(prefix)
    named = FILE_OF_BUNDLE.fullmatch(prefix.name)
    stem = prefix.with_name(named["prefix"]) if named else prefix
    index = Path(f"{stem}.index")
    try:
        contents = index.read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not named and prefix.is_file():
            raise WeightsDamaged(
                f"{prefix}: not a TensorFlow checkpoint: give its .index file, with the .data file beside it"
            ) from None
        raise _unavailable(index, error) from None
    if not is_table(contents):
        raise WeightsDamaged(
            f"{index}: not the index of a TensorFlow checkpoint, or cut short: copy or download it again"
        )
    try:
        shards, entries = _parse_index(contents)
    except UnsupportedTableError as error:
        raise WeightsDamaged(f"{index}: {error}; {SAVE_AGAIN}") from None
    except MalformedTableError as error:
        raise WeightsDamaged(f"{index}: {error}; {AGAIN}") from None

    return Bundle(stem, shards, entries)


def _unavailable(path: Path, error: OSError) -> WeightsUnavailable:
    if isinstance(error, FileNotFoundError):
        return WeightsUnavailable(
            f"{path}: no such file: a TensorFlow checkpoint is an .index and a .data file, put both in one folder"
        )
    return WeightsUnavailable(f"{path}: cannot be read ({error.strerror}): check the path and its permissions")


def _read_shard(path: Path, entries: dict[str, BundleEntry]) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {}
    try:
        with path.open("rb") as file:
            length = path.stat().st_size
            for name, entry in entries.items():
                if entry.offset + entry.size > length:  # before memory is taken for what may be a nonsensical size
                    raise WeightsDamaged(
                        f"{path}: tensor {name} ends at byte {entry.offset + entry.size}, the file at {length}; {AGAIN}"
                    )
                if entry.dtype == STRING:
                    continue
                file.seek(entry.offset)
                tensors[name] = _verified(path, name, entry, bytearray(file.read(entry.size)))
    except OSError as error:
        raise _unavailable(path, error) from None
    return tensors


def _verified(path: Path, name: str, entry: BundleEntry, data: bytearray) -> NDArray[Any]:
    if masked_crc32c(data) != entry.crc:
        raise WeightsDamaged(
            f"{path}: tensor {name} fails its checksum: the file is damaged, or belongs to another .index; "
            "copy or download both again"
        )
    stored = np.frombuffer(data, DTYPES[entry.dtype]).reshape(entry.shape)  # a bytearray's array can be written to
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)


def _parse_index(contents: bytes) -> tuple[int, dict[str, BundleEntry]]:
    """The number of shards, and the entries by name."""
    table = read_table(contents)
    if b"" not in table:
        raise MalformedTableError("a table, but not the index of a checkpoint (it has no header)")
    header, _ = parse_message(table.pop(b""))
    if header.get(2, 0) != 0:
        raise UnsupportedTableError("big-endian checkpoints are not supported")
    shards = header.get(1, 0)
    entries: dict[str, BundleEntry] = {}
    end_of_shard: dict[int, int] = {}
    for key, value in table.items():
        name = key.decode("utf-8", "backslashreplace")
        if not name.isprintable():
            raise MalformedTableError(f"the tensor name {name!r} is not text")
        try:
            entries[name] = _parse_entry(value)
        except MalformedTableError as error:
            raise type(error)(f"tensor {name}: {error}") from None
    for name, entry in sorted(entries.items(), key=lambda item: item[1].offset):
        if entry.shard >= shards:
            raise MalformedTableError(f"tensor {name} lies in shard {entry.shard} of {shards}")
        if entry.offset < end_of_shard.get(entry.shard, 0):
            raise MalformedTableError(f"tensor {name} overlaps another one")
        end_of_shard[entry.shard] = entry.offset + entry.size
    return shards, entries


def _parse_entry(message: bytes) -> BundleEntry:
    numbers, messages = parse_message(message)
    if 7 in messages:
        raise UnsupportedTableError("storage in slices is not supported")
    shape: list[int] = []
    for shape_message in messages.get(2, []):
        _, shape_parts = parse_message(shape_message)
        shape += [parse_message(dimension)[0].get(1, 0) for dimension in shape_parts.get(2, [])]
    entry = BundleEntry(
        dtype=numbers.get(1, 0),
        shape=tuple(shape),
        shard=numbers.get(3, 0),
        offset=numbers.get(4, 0),
        size=numbers.get(5, 0),
        crc=numbers.get(6, 0),
    )
    if entry.dtype == STRING:
        return entry
    if entry.dtype not in DTYPES:
        raise UnsupportedTableError(f"TensorFlow's type number {entry.dtype} is not supported")
    if len(shape) > MAX_RANK or math.prod(max(length, 1) for length in shape) > MAX_ELEMENTS:
        raise MalformedTableError(f"it has {len(shape)} dimensions of {max(shape)} elements and less")
    if math.prod(shape) * np.dtype(DTYPES[entry.dtype]).itemsize != entry.size:
        raise MalformedTableError(f"shape {shape} does not fit its {entry.size} bytes")
    return entry


def parse_message(message: bytes) -> tuple[dict[int, int], dict[int, list[bytes]]]:
    """A protobuf message's numbers (the last of each field counts) and its byte strings, by field number."""
    numbers: dict[int, int] = {}
    strings: dict[int, list[bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        field, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            numbers[field], at = read_varint(message, at)
            continue
        if wire_type == 2:
            length, at = read_varint(message, at)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise MalformedTableError("its record is not a protobuf message")
        if at + length > len(message):
            raise MalformedTableError("its record is cut off")
        value = message[at : at + length]
        at += length
        if wire_type == 2:
            strings.setdefault(field, []).append(value)
        else:
            (numbers[field],) = struct.unpack("<Q" if wire_type == 1 else "<I", value)
    return numbers, strings
