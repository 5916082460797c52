"""A reader of LevelDB tables, the format of a TensorFlow checkpoint's index. Needs NumPy only (for the checksum).

Source: LevelDB, `doc/table_format.md` and, for a block's entries, the comment of `table/block_builder.cc`. TensorFlow
writes such tables without compression, filters or statistics.

    table   = data blocks, metaindex block, index block, footer
    block   = entries, restart offsets (4 bytes each), their number (4 bytes); trailer
    trailer = compression type (1 byte), masked CRC-32C of the block and that byte (4 bytes)
    entry   = shared key bytes, further key bytes, value bytes (three varints); further key bytes; value
    footer  = handles of metaindex and index block, padded with zeros to 40 bytes; magic (8 bytes)
    handle  = offset, size without the trailer (two varints)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from deblurcli.models.importers.crc32c import masked_crc32c

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
FOOTER_SIZE = 48
TRAILER_SIZE = 5
COMPRESSION = {1: "Snappy", 2: "Zstandard"}


class MalformedTableError(ValueError):
    """The bytes are not an intact table. The text says what is wrong, without the file's name."""


class UnsupportedTableError(MalformedTableError):
    """The table may well be intact, but uses what this reader leaves out."""


def is_table(data: bytes) -> bool:
    """Whether `data` ends as a table does."""
    return len(data) >= FOOTER_SIZE and data.endswith(MAGIC)


def read_table(data: bytes) -> dict[bytes, bytes]:
    """All keys and values of a whole table, in its order.

    Blocks are verified by their checksums. The footer has none, but what it says must lead to blocks that are intact.

    Raises:
        MalformedTableError: if `data` is not an intact table.
        UnsupportedTableError: if it is compressed.
    """
    if not is_table(data):
        raise MalformedTableError("does not end with a table's footer")
    footer = data[-FOOTER_SIZE:]
    meta_offset, at = read_varint(footer, 0)
    meta_size, at = read_varint(footer, at)
    index_offset, at = read_varint(footer, at)
    index_size, at = read_varint(footer, at)
    if any(footer[at : -len(MAGIC)]):
        raise MalformedTableError("the footer is damaged")

    _block(data, meta_offset, meta_size)  # empty in a checkpoint, but it tells whether the footer is intact
    table: dict[bytes, bytes] = {}
    last = None
    for _, handle in _entries(_block(data, index_offset, index_size)):
        offset, at = read_varint(handle, 0)
        size, at = read_varint(handle, at)
        for key, value in _entries(_block(data, offset, size)):
            if last is not None and key <= last:
                raise MalformedTableError("the keys are not in order")
            table[key] = value
            last = key
    return table


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned varint (LEB128, at most 64 bits) at position `at`, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise MalformedTableError("a number is cut off")


def _block(data: bytes, offset: int, size: int) -> bytes:
    """The contents of one block, its checksum verified."""
    end = offset + size
    if end + TRAILER_SIZE > len(data) - FOOTER_SIZE:
        raise MalformedTableError("a block reaches beyond the end")
    (stored,) = struct.unpack_from("<I", data, end + 1)
    if masked_crc32c(data[offset : end + 1]) != stored:
        raise MalformedTableError(f"the block at byte {offset} fails its checksum")
    if data[end] != 0:
        method = COMPRESSION.get(data[end], "an unknown method")
        raise UnsupportedTableError(f"compression with {method} is not supported")
    return data[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block in order. Read from the start, so the restart offsets are not needed."""
    if len(block) < 4:
        raise MalformedTableError("a block is too short")
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise MalformedTableError("a block is too short")
    key, at = b"", 0
    while at < end:
        shared, at = read_varint(block, at)
        further, at = read_varint(block, at)
        length, at = read_varint(block, at)
        if shared > len(key) or at + further + length > end:
            raise MalformedTableError("an entry reaches beyond its block")
        key = key[:shared] + block[at : at + further]
        at += further
        yield key, block[at : at + length]
        at += length
