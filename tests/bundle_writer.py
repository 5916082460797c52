"""A writer of TensorFlow checkpoints for tests, sharing nothing with the reader: its CRC goes byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10, "float16": 19}
MAGIC = 0xDB4775248B80FB57


def after_a_byte(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc


TABLE = [after_a_byte(byte) for byte in range(256)]


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value) if value else b""  # protobuf leaves zeros out


def nested(field: int, message: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(message)) + message


def header(shards: int = 1, endianness: int = 0) -> bytes:
    return number(1, shards) + number(2, endianness) + nested(3, number(1, 1))


def entry(
    dtype: int, shape: tuple[int, ...], offset: int, data: bytes, shard: int = 0, checksum: int | None = None
) -> bytes:
    dimensions = b"".join(nested(2, number(1, size)) for size in shape)
    place = number(3, shard) + number(4, offset) + number(5, len(data))
    stored = struct.pack("<I", masked(data) if checksum is None else checksum)
    return number(1, dtype) + nested(2, dimensions) + place + varint(6 << 3 | 5) + stored


def string(text: bytes) -> tuple[bytes, int]:
    """A tensor that is one string: its bytes and their checksum, which counts the length as four bytes."""
    length = struct.pack("<I", len(text))
    rest = struct.pack("<I", masked(length)) + text
    return varint(len(text)) + rest, masked(length + rest)


def object_graph(variables: dict[str, str]) -> bytes:
    """TensorFlow 2's names of tensors -> the names of the variables; an object without variables comes first."""
    nodes = nested(1, nested(1, number(1, 1) + nested(2, b"layer")))
    for tensor, variable in variables.items():
        attribute = nested(1, b"VARIABLE_VALUE") + nested(2, variable.encode()) + nested(3, tensor.encode())
        nodes += nested(1, nested(2, attribute))
    return nodes


def block(items: list[tuple[bytes, bytes]], restart_interval: int = 16) -> bytes:
    out, restarts, last = b"", [], b""
    for i, (key, value) in enumerate(items):
        shared = 0
        if i % restart_interval == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts or [0]
    return out + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def table(items: list[tuple[bytes, bytes]], per_block: int = 5, compression: int = 0) -> bytes:
    out, handles = b"", []

    def append(contents: bytes) -> bytes:
        nonlocal out
        handle = varint(len(out)) + varint(len(contents))
        contents += bytes([compression])
        out += contents + struct.pack("<I", masked(contents))
        return handle

    for start in range(0, len(items), per_block):
        part = items[start : start + per_block]
        handles.append((part[-1][0], append(block(part, 3))))
    footer = append(block([])) + append(block(handles, 1))
    return out + footer.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def write_bundle(
    prefix: Path,
    tensors: dict[str, np.ndarray | bytes],
    shards: int = 1,
    checksum: Callable[[bytes], int] = masked,
) -> None:
    """Write PREFIX.index and its data files; tensors go to the shards in turn. For large ones give a quick checksum."""
    data = [bytearray() for _ in range(shards)]
    items = [(b"", header(shards))]
    for i, name in enumerate(sorted(tensors)):
        tensor, shard = tensors[name], i % shards
        if isinstance(tensor, bytes):
            raw, value = string(tensor)
            dtype, shape = 7, ()
        else:
            raw = tensor.astype(tensor.dtype.newbyteorder("<")).tobytes()
            value, dtype, shape = checksum(raw), DTYPES[tensor.dtype.name], tensor.shape
        items.append((name.encode(), entry(dtype, shape, len(data[shard]), raw, shard, value)))
        data[shard] += raw
    prefix.with_name(prefix.name + ".index").write_bytes(table(items))
    for shard, content in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}").write_bytes(content)
