from __future__ import annotations

import bundle_writer
import numpy as np
import pytest

from deblurcli.models.importers.crc32c import crc32c, masked_crc32c


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"a", 0xC1D04330),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # this and the following: RFC 3720, appendix B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_known_values(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


@pytest.mark.parametrize("kind", ["random", "zeros", "ones"])
def test_every_length_up_to_300(kind: str) -> None:
    random = np.random.default_rng(1).bytes(300)
    data = {"random": random, "zeros": bytes(300), "ones": b"\xff" * 300}[kind]
    for length in range(301):
        assert crc32c(data[:length]) == bundle_writer.crc32c(data[:length]), length


@pytest.mark.parametrize("length", [65535, 65536, 65537, 65540, 200003])  # about and beyond one row of the reader
def test_more_than_one_row(length: int) -> None:
    data = np.random.default_rng(2).bytes(length)
    assert crc32c(data) == bundle_writer.crc32c(data)


def test_large_data_with_its_crc_appended_leaves_the_constant_residue() -> None:
    data = np.random.default_rng(3).bytes(5_000_001)
    assert crc32c(data + crc32c(data).to_bytes(4, "little")) == 0x48674BC7


def test_any_single_flipped_bit_is_seen() -> None:
    data = bytearray(np.random.default_rng(4).bytes(100_001))
    good = crc32c(data)
    for position in (0, 1, 50_000, 99_999, 100_000):
        for bit in range(8):
            data[position] ^= 1 << bit
            assert crc32c(data) != good
            data[position] ^= 1 << bit


def test_mask_is_that_of_the_format() -> None:
    assert masked_crc32c(b"123456789") == bundle_writer.masked(b"123456789")
    assert masked_crc32c(b"") == 0xA282EAD8
