from __future__ import annotations

import bundle_writer as writer
import pytest

from deblurcli.models.importers.leveldb_table import MalformedTableError, is_table, read_table, read_varint

ITEMS = [(f"net/layer{i // 10}/{i % 10}/weights".encode(), bytes([i]) * (i % 4)) for i in range(40)]


@pytest.mark.parametrize("per_block", [1, 7, 40])
def test_keys_and_values_come_back_in_order(per_block: int) -> None:
    table = writer.table(ITEMS, per_block)
    assert is_table(table)
    assert list(read_table(table).items()) == ITEMS


def test_empty_table() -> None:
    assert read_table(writer.table([])) == {}


def test_flipping_any_bit_never_changes_what_is_read() -> None:
    """Nearly all flips are refused; harmless is one that only makes a number of the footer a byte longer."""
    items = ITEMS[:3]
    table = bytearray(writer.table(items, 2))
    refused = 0
    for bit in range(8 * len(table)):
        table[bit // 8] ^= 1 << bit % 8
        try:
            assert list(read_table(bytes(table)).items()) == items
        except MalformedTableError:
            refused += 1
        table[bit // 8] ^= 1 << bit % 8
    assert refused >= 8 * len(table) - 1


def test_every_truncation_is_refused() -> None:
    table = writer.table(ITEMS[:3], 2)
    for length in range(len(table)):
        with pytest.raises(MalformedTableError):
            read_table(table[:length])


@pytest.mark.parametrize(("compression", "name"), [(1, "Snappy"), (2, "Zstandard"), (77, "an unknown method")])
def test_compression_is_refused_by_name(compression: int, name: str) -> None:
    with pytest.raises(MalformedTableError, match=name):
        read_table(writer.table(ITEMS, compression=compression))


@pytest.mark.parametrize("items", [[ITEMS[1], ITEMS[0]], [ITEMS[0], ITEMS[0]]], ids=["descending", "twice"])
def test_keys_out_of_order_are_refused(items: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(MalformedTableError, match="not in order"):
        read_table(writer.table(items))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**32 - 1, 2**63])
def test_varint(value: int) -> None:
    encoded = writer.varint(value)
    assert read_varint(b"\xff" + encoded + b"\x05", 1) == (value, 1 + len(encoded))
    with pytest.raises(MalformedTableError):
        read_varint(encoded[:-1], 0)
