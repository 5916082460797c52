"""CRC-32C (Castagnoli) of large buffers in NumPy, without a Python loop over bytes.

Sources: RFC 3720, section 12.1 and appendix B.4 (polynomial, conventions, test vectors); the idea of folding a message
onto itself: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009; the
operator that skips zero bytes, and its powers by squaring: Mark Adler's `crc32_combine` in zlib. The mask: LevelDB,
`doc/log_format.md` and `util/crc32c.h`.

How it works. Without the initial and final inversion a CRC is linear over GF(2), so:

* zero bytes in front of a message do not change it, and the message may be padded there to a convenient size;
* bytes a, followed by n bytes b, give skip(a, n) xor b, where skip, "then n zero bytes", is a linear map of 32-bit
  registers. A row of 32-bit words can therefore be folded onto the next row, all words at once with four table look-ups
  each, and what is left at last, one row, can be folded in halves down to a single word;
* an initial register r of a message of n bytes contributes skip(r, n).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41 with its bits reversed: the least significant bit of a byte comes first
ALL_ONES = 0xFFFFFFFF
ROW_EXPONENT = 16  # rows of 2**16 bytes: the row and its temporaries stay in a core's cache

Operator = tuple[int, ...]  # a linear map of 32-bit registers: the images of its 32 bits


def crc32c(data: bytes | bytearray | memoryview) -> int:
    """The CRC-32C of `data`, any length; 0 for no data."""
    size = len(data)
    if size == 0:
        return 0
    row = 1 << ROW_EXPONENT
    padded_size = -(-size // row) * row if size > row else max(4, 1 << (size - 1).bit_length())
    padded = np.zeros(padded_size, np.uint8)
    padded[padded_size - size :] = np.frombuffer(data, np.uint8)
    word = _fold(padded.view("<u4"))
    return _skip(word, 4) ^ _skip(ALL_ONES, size) ^ ALL_ONES


def masked_crc32c(data: bytes | bytearray | memoryview) -> int:
    """The CRC as LevelDB and TensorFlow store it: rotated and shifted, as a CRC of data that holds CRCs is weak."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & ALL_ONES


def _fold(words: NDArray[np.uint32]) -> int:
    """Words (a power of two, or whole rows) -> the one word that has the same remainder in the last place."""
    row_words = 1 << (ROW_EXPONENT - 2)
    if words.size > row_words:
        folded, *rows = words.reshape(-1, row_words)
        for row in rows:
            folded = _skip_each(folded, ROW_EXPONENT) ^ row
        words = folded
    while words.size > 1:
        half = words.size // 2
        words = _skip_each(words[:half], (4 * half).bit_length() - 1) ^ words[half:]
    return int(words[0])


def _skip_each(words: NDArray[np.uint32], exponent: int) -> NDArray[np.uint32]:
    """Every register after 2**exponent zero bytes."""
    tables = _tables(exponent)
    result: NDArray[np.uint32] = tables[0].take(words & 0xFF)
    for position in (1, 2, 3):
        result ^= tables[position].take(words >> (8 * position) & 0xFF)
    return result


def _skip(register: int, size: int) -> int:
    """The register after `size` zero bytes."""
    for exponent in range(size.bit_length()):
        if size >> exponent & 1:
            register = _apply(_skip_operator(exponent), register)
    return register


def _apply(operator: Operator, register: int) -> int:
    result = 0
    for bit, image in enumerate(operator):
        if register >> bit & 1:
            result ^= image
    return result


@cache
def _skip_operator(exponent: int) -> Operator:
    """The map of a register to the register after 2**exponent zero bytes."""
    if exponent > 0:
        half = _skip_operator(exponent - 1)
        return tuple(_apply(half, image) for image in half)
    images = []
    for bit in range(32):
        register = 1 << bit
        for _ in range(8):
            register = register >> 1 ^ (POLYNOMIAL if register & 1 else 0)
        images.append(register)
    return tuple(images)


@cache
def _tables(exponent: int) -> NDArray[np.uint32]:
    """(4, 256): the image of every value of each of a register's four bytes, least significant byte first."""
    images = np.array(_skip_operator(exponent), np.uint32).reshape(4, 8)
    tables = np.zeros((4, 256), np.uint32)
    values = np.arange(256)
    for bit in range(8):
        tables[:, (values >> bit & 1) == 1] ^= images[:, bit, None]
    return tables
