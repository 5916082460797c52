"""What versions 4 and 5 of BMP's header say about colours (Microsoft, BITMAPV4HEADER and BITMAPV5HEADER)."""

from __future__ import annotations

import struct
from dataclasses import replace

from deblurcli.images.colour_space import Space, profile_of, space_of_endpoints
from deblurcli.images.photo import Metadata

_FILE_HEADER, _V4, _V5 = 14, 108, 124
_CALIBRATED, _EMBEDDED, _LINKED = bytes(4), b"DEBM", b"KNIL"  # "MBED" and "LINK", as numbers of its byte order
_ENDPOINT, _GAMMA = 1 << 30, 1 << 16  # one, in fixed point


def described(data: bytes, metadata: Metadata) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata with the header's colour space as a profile, and the names of parts that have no place in it."""
    if len(data) < _FILE_HEADER + _V4:
        return metadata, ()
    header, colours = struct.unpack_from("<I52x4s", data, _FILE_HEADER)
    if header >= _V5 and colours == _EMBEDDED and len(data) >= _FILE_HEADER + _V5:
        at, length = struct.unpack_from("<II", data, _FILE_HEADER + 112)
        start = _FILE_HEADER + at
        return replace(metadata, icc=data[start : start + length] or b"\0"), ()  # which is then told to be damaged
    if header >= _V5 and colours == _LINKED:
        return metadata, ("link to a colour profile",)
    if header < _V4 or colours != _CALIBRATED:
        return metadata, ()
    space, sound = _calibrated(data)
    if space is None or space.is_srgb:
        return metadata, () if sound else ("colour space of its own",)
    return replace(metadata, icc=profile_of(space, grey=False)), ()


def _calibrated(data: bytes) -> tuple[Space | None, bool]:
    """The space of a header's endpoints and gammas, None without one; and whether they make sense."""
    numbers = struct.unpack_from("<9i3I", data, _FILE_HEADER + 60)
    if not any(numbers[:9]):  # as most programs leave them
        return None, True
    gammas = [value / _GAMMA for value in numbers[9:]]
    if max(gammas) - min(gammas) > 0.01:
        return None, False
    space = space_of_endpoints([value / _ENDPOINT for value in numbers[:9]], gammas[0])
    return space, space is not None
