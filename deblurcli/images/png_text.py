"""PNG's texts, and the profiles that other programs keep in them as hexadecimal: EXIF, IPTC, XMP, ICC."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from deblurcli.images.photo import Text
from deblurcli.images.png_chunks import Chunk, unpacked

XMP_KEYWORD = "XML:com.adobe.xmp"
TEXT_TYPES = (b"tEXt", b"zTXt", b"iTXt")
#: Names of ImageMagick's profiles, and the one a profile is read as.
RAW_PROFILE = re.compile(r"Raw profile type (\S+)$", re.IGNORECASE)
_LONGEST_LINE = 72


def text_of(kind: bytes, content: bytes, most: int) -> Text:
    """The text in a chunk of one of `TEXT_TYPES`. Raises ValueError for a damaged one, and for over `most` bytes."""
    keyword, separator, rest = content.partition(b"\0")
    if not separator or not 1 <= len(keyword) <= 79:
        raise ValueError("no keyword")
    if kind == b"iTXt":
        parts = rest[2:].split(b"\0", 2)
        if len(rest) < 2 or len(parts) != 3:
            raise ValueError("cut short")
        text = (unpacked(parts[2], most) if rest[0] else parts[2]).decode("utf-8", errors="replace")
    elif kind == b"zTXt":
        text = unpacked(rest[1:], most).decode("latin-1")
    else:
        text = rest.decode("latin-1")
    return Text(keyword.decode("latin-1"), text, (kind, content))


def packet_of(text: Text) -> bytes:
    """The bytes of an XMP packet that stands in a text, whichever type of chunk it was put in."""
    kind = text.raw[0] if text.raw else b"iTXt"
    return text.text.encode("utf-8" if kind == b"iTXt" else "latin-1")


def raw_profile(text: Text) -> bytes:
    """A profile: an empty line, its name, its length, and then hexadecimal. Raises ValueError for a damaged one."""
    lines = text.text.strip("\n").split("\n", 2)
    if len(lines) != 3 or not lines[1].strip().isdigit():
        raise ValueError("not a profile")
    profile = bytes.fromhex(lines[2])
    if len(profile) < int(lines[1]):
        raise ValueError("cut short")
    return profile[: int(lines[1])]


def profile_chunk(name: str, profile: bytes) -> Chunk:
    """A profile as `raw_profile` reads it."""
    digits = profile.hex()
    lines = "\n".join(digits[at : at + _LONGEST_LINE] for at in range(0, len(digits), _LONGEST_LINE))
    text = f"\n{name}\n{len(profile):8}\n{lines}\n".encode()
    return b"zTXt", f"Raw profile type {name}".encode() + b"\0\0" + zlib.compress(text)


def chunks_of_texts(texts: tuple[Text, ...]) -> Iterator[Chunk]:
    """The chunks of texts: as a PNG had them, or new ones."""
    for one in texts:
        if one.raw and one.raw[0] in TEXT_TYPES:
            yield one.raw
            continue
        keyword, text = one.keyword.encode("latin-1", errors="replace")[:79], one.text.replace("\0", "")
        try:
            yield b"tEXt", keyword + b"\0" + text.encode("latin-1")
        except UnicodeEncodeError:
            yield b"iTXt", keyword + b"\0\0\0\0\0" + text.encode()
