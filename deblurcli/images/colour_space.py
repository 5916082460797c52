"""What samples stand for, by primaries and curve: from the numbers of CICP or PNG's gAMA and cHRM to an ICC profile.

For formats that carry colours as a profile alone. The matrix and the chromatic adaptation are those of ICC.1:2022,
annexes E and F; the curves those of ITU-T H.273, table 3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deblurcli.images.photo import Cicp

#: Chromaticities (x, y) of red, green, blue and white, by H.273's code point.
_D65 = (0.3127, 0.3290)
_PRIMARIES: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07), _D65),
    7: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07), _D65),
    9: ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), _D65),
    11: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.314, 0.351)),
    12: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), _D65),
}
_NAMES = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_CURVE_NAMES = {1: "BT.709 curve", 8: "linear", 13: "sRGB curve", 16: "PQ, HDR", 18: "HLG, HDR"}
#: ICC's parametric curve of type 3: gamma, a, b, c, d.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_CURVES: dict[int, tuple[float, ...]] = {
    1: _BT709_CURVE,
    4: (2.2,),
    5: (2.8,),
    6: _BT709_CURVE,
    8: (1.0,),
    13: _SRGB_CURVE,
    14: _BT709_CURVE,
    15: _BT709_CURVE,
}
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True)
class Space:
    """Chromaticities of red, green, blue and white, and the curve from samples to light: one gamma or ICC's five."""

    primaries: tuple[tuple[float, float], ...]
    curve: tuple[float, ...]
    name: str

    @property
    def is_srgb(self) -> bool:
        """Whether viewers without colour management show it right."""
        near = np.abs(np.array(self.primaries) - np.array(_PRIMARIES[1])).max() < 0.003
        return bool(near) and (len(self.curve) > 1 or abs(self.curve[0] - 2.2) < 0.05)


def in_words(cicp: Cicp) -> str:
    """Its colours in words, such as "Display P3, sRGB curve"."""
    primaries = _NAMES.get(cicp.primaries, f"primaries {cicp.primaries}")
    return f"{primaries}, {_CURVE_NAMES.get(cicp.transfer, f'curve {cicp.transfer}')}"


def space_of(cicp: Cicp) -> Space | None:
    """The space that the numbers of CICP name; None for HDR, whose curves no profile of this kind can hold."""
    primaries = _PRIMARIES.get(1 if cicp.primaries == 2 else cicp.primaries)
    curve = _CURVES.get(13 if cicp.transfer == 2 else cicp.transfer)
    return Space(primaries, curve, in_words(cicp)) if primaries and curve else None


def space_of_png(gamma: bytes | None, chromaticities: bytes | None) -> Space | None:
    """The space that PNG's gAMA and cHRM tell, one alone with sRGB's other half; None for values that mean nothing."""
    primaries, curve = _PRIMARIES[1], tuple[float, ...](_SRGB_CURVE)
    if chromaticities is not None:
        if len(chromaticities) != 32:
            return None
        white, *colours = np.array(struct.unpack(">8I", chromaticities)).reshape(4, 2) / 100000
        primaries = tuple((float(x), float(y)) for x, y in (*colours, white))
        if min(y for _, y in primaries) <= 0 or abs(np.linalg.det(_with_z(primaries)[:3])) < 1e-4:
            return None
    if gamma is not None:
        if len(gamma) != 4 or gamma == bytes(4):
            return None
        curve = (100000 / struct.unpack(">I", gamma)[0],)
        if not 0.1 <= curve[0] <= 10:
            return None
        return Space(primaries, curve, f"gamma {curve[0]:.3g}")
    return Space(primaries, curve, "primaries of its own")


def space_of_endpoints(endpoints: Sequence[float], gamma: float) -> Space | None:
    """The space of a BMP header: X, Y and Z of red, of green and of blue, which make up white together, and a gamma, 0
    for sRGB's curve; None for values that mean nothing."""
    points = np.array(endpoints).reshape(3, 3)
    sums = points.sum(1)
    if (points < 0).any() or (points[:, 1] <= 0).any() or abs(np.linalg.det(points)) < 1e-4:
        return None
    # Some programs write chromaticities instead, which say nothing of white.
    white = np.array(_D65) if np.abs(sums - 1).max() < 0.01 else (points.sum(0) / sums.sum())[:2]
    primaries = tuple((float(x), float(y)) for x, y in (*(points / sums[:, None])[:, :2], white))
    if not gamma:
        return Space(primaries, _SRGB_CURVE, "primaries of its own")
    gamma = 1 / gamma if gamma < 1 else gamma  # also written the other way around
    return Space(primaries, (gamma,), f"gamma {gamma:.3g}") if gamma <= 10 else None


def profile_of(space: Space, *, grey: bool) -> bytes:
    """An ICC profile (version 4) of a space: a matrix and a curve, or for grey samples a curve alone."""
    curve = _curve_tag(space.curve)
    white = _xyz_tag(_D50)
    tags = {b"desc": _text_tag(space.name), b"cprt": _text_tag("No copyright, use freely"), b"wtpt": white}
    if grey:
        tags[b"kTRC"] = curve
    else:
        matrix, adapted = _matrix(space.primaries)
        tags[b"chad"] = b"sf32" + bytes(4) + _fixed(adapted.reshape(-1))
        for index, channel in enumerate((b"r", b"g", b"b")):
            tags[channel + b"XYZ"], tags[channel + b"TRC"] = _xyz_tag(matrix[:, index]), curve
    return _profile(tags, b"GRAY" if grey else b"RGB ")


def _profile(tags: dict[bytes, bytes], kind: bytes) -> bytes:
    contents: dict[bytes, int] = {}
    body, start = b"", 128 + 4 + 12 * len(tags)
    for content in tags.values():
        if content not in contents:
            contents[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
    table = struct.pack(">I", len(tags)) + b"".join(
        tag + struct.pack(">II", contents[content], len(content)) for tag, content in tags.items()
    )
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x04300000, b"mntr", kind, b"XYZ ")
    header += struct.pack(">6H4s4sIII", 2024, 1, 1, 0, 0, 0, b"acsp", bytes(4), 0, 0, 0)
    header += bytes(8) + struct.pack(">I", 1) + _fixed(_D50)
    return header.ljust(128, b"\0") + table + body


def _matrix(primaries: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    """From linear RGB to XYZ under D50, and the adaptation from the space's white to D50."""
    points = _with_z(primaries)
    white = points[3] / points[3][1]
    matrix = points[:3].T @ np.diag(np.linalg.solve(points[:3].T, white))
    cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    adaptation = np.linalg.inv(_BRADFORD) @ cones @ _BRADFORD
    return adaptation @ matrix, adaptation


def _with_z(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    return np.array([(x, y, 1 - x - y) for x, y in primaries])


def _curve_tag(curve: tuple[float, ...]) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", 3 if len(curve) > 1 else 0, 0) + _fixed(np.array(curve))


def _xyz_tag(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _text_tag(text: str) -> bytes:
    content = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(content), 28) + content


def _fixed(values: np.ndarray) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))
