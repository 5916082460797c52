"""Damage that files meet: bytes that flip, numbers that lie, pieces that are lost, doubled or exchanged."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

NUMBERS = (0, 1, 2, 3, 4, 7, 8, 16, 37, 127, 128, 255, 256, 1000, 32767, 32768, 65535, 65536, 1 << 20, (1 << 31) - 1,
           1 << 31, (1 << 32) - 1, (1 << 32) - 2)  # fmt: skip
HEAD = 400  # bytes in which most numbers stand that a decoder believes


def mutated(seeds: Sequence[bytes], number: int, seed: int) -> bytes:
    """The file of this number in the series `seed`: always the same."""
    chance = random.Random(f"{seed}/{number}")
    data = bytearray(seeds[number % len(seeds)])
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 9))):
        chance.choice(KINDS)(data, chance, seeds)
    return bytes(data)


def place(data: bytearray, chance: random.Random, room: int = 1) -> int:
    """Somewhere in the data, in its first part as often as in all of it."""
    end = max(len(data) - room, 0)
    return chance.randint(0, min(end, HEAD) if chance.random() < 0.5 else end)


def flip(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    if data:
        data[place(data, chance)] ^= 1 << chance.randrange(8)


def byte(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    if data:
        data[place(data, chance)] = chance.choice((0, 1, 0x7F, 0x80, 0xD8, 0xD9, 0xFE, 0xFF, chance.randrange(256)))


def lie(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    layout = chance.choice("<>") + chance.choice("HIQ")
    size = struct.calcsize(layout)
    value = chance.choice((*NUMBERS, len(data), chance.randrange(max(len(data), 1))))
    if len(data) >= size:
        struct.pack_into(layout, data, place(data, chance, size), value % (1 << (8 * size)))


def cut(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    del data[place(data, chance) :]


def lose(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    start = place(data, chance)
    del data[start : start + chance.choice((1, 2, 4, 12, 100, 1000))]


def double(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    start = place(data, chance)
    piece = data[start : start + chance.choice((1, 4, 12, 50, 400))]
    data[start:start] = piece * chance.choice((1, 1, 2, 50))


def fill(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    start, length = place(data, chance), chance.choice((4, 16, 200, 2000))
    end = min(start + length, len(data))
    data[start:end] = bytes([chance.choice((0, 0xFF, 0x41))]) * (end - start)


def exchange(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    start, at, length = place(data, chance), chance.randrange(len(other)), chance.choice((4, 12, 60, 500))
    data[start : start + length] = other[at : at + length]


KINDS = (flip, flip, byte, byte, lie, lie, lie, cut, lose, double, fill, exchange)
