"""Whether a stretch of a coded picture was lost and filled with one value: in a file that was not copied or downloaded
to its end, or on a disk that has lost a block. No decoder says so: it takes the filling for a picture.

Arithmetic coders hardly ever write a value several times in a row. Of flat pictures of 12 megapixels, AVIF had it 3
times, HEVC 22 times, in which three zeros in a row cannot stand at all (ITU-T H.265, 7.4.2.1), and lossy WebP had up to
1,160 zeros at its end, one for 40 macroblocks. Lossless WebP has any number of them and cannot be judged.
"""

from __future__ import annotations

import re
import struct

import numpy as np

from deblurcli.images.damage import Damaged
from deblurcli.images.isobmff import Container, container_of, extents_of
from deblurcli.images.webp import lossy_picture

_BLOCK = 128  # bytes of one value that are taken for a filling, where they begin at a multiple of it
_IN_HEVC = re.compile(rb"\0\0[\0-\2]")
_WEBP_ZEROS, _MACROBLOCKS_A_ZERO = 64, 20  # as many zeros, and one for so many macroblocks
_PADDING = 64  # zeros behind the last piece of an item, which are no pieces
_LENGTH_SIZE = 21  # where in "hvcC" it stands how long the lengths of pieces are


def refuse_filling(data: bytes, format: str) -> None:
    """Refuse an AVIF, HEIF or WebP file with one value all along where its picture should be. Raises Damaged."""
    if _webp_is_filled(lossy_picture(data)) if format == "WEBP" else _items_are_filled(data):
        raise Damaged("a part of the picture is missing: one value fills its place")


def _webp_is_filled(coded: bytes) -> bool:
    if len(coded) < 10:
        return False
    width, height = (int(size) & 0x3FFF for size in struct.unpack_from("<HH", coded, 6))
    macroblocks = ((width + 15) // 16) * ((height + 15) // 16)
    zeros = len(coded) - len(coded.rstrip(b"\0"))
    return zeros > _WEBP_ZEROS + macroblocks // _MACROBLOCKS_A_ZERO


def _items_are_filled(data: bytes) -> bool:
    container, extents = container_of(data), extents_of(data)
    for number in _of_the_picture(container):
        if number not in container.items:
            continue
        kind = container.items[number].kind
        content = b"".join(data[one.start : one.start + one.length] for one in extents.get(number, ()))
        if kind in (b"av01", b"hvc1") and _has_block_of_one_value(content):
            return True
        if kind == b"hvc1" and _hevc_has_zeros(content, _length_size(container, number)):
            return True
    return False


def _has_block_of_one_value(content: bytes) -> bool:
    first = np.frombuffer(content, np.uint8)[::_BLOCK]
    for index in np.flatnonzero(first[1:] == first[:-1]):
        block = content[index * _BLOCK : (index + 1) * _BLOCK + 1]
        if block.count(block[:1]) == len(block):
            return True
    return False


def _of_the_picture(container: Container) -> set[int]:
    """The items that make the main picture: itself, its tiles, and its opacity with the tiles of that."""
    found = {container.primary}
    for kind, source, target in container.references:
        if kind == b"auxl" and target == container.primary:
            found.add(source)
    return found | {target for kind, source, target in container.references if kind == b"dimg" and source in found}


def _length_size(container: Container, number: int) -> int:
    for one in container.properties.get(number, ()):
        if one.kind == b"hvcC" and len(one.content) > _LENGTH_SIZE:
            return (one.content[_LENGTH_SIZE] & 3) + 1
    return 4


def _hevc_has_zeros(content: bytes, length_size: int) -> bool:
    at = 0
    while at + length_size <= len(content):
        length = int.from_bytes(content[at : at + length_size], "big")
        if not length:
            break
        at += length_size
        if _IN_HEVC.search(content, at, at + length):
            return True
        at += length
    return not content[at:].strip(b"\0") and len(content) - at > _PADDING
