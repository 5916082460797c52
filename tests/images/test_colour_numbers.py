"""Colours by numbers that nobody knows are no damage; those of a BMP's header become a profile, or are told."""

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from file_makers import by_numbers
from PIL import ImageCms, features

from deblurcli.errors import InputError
from deblurcli.images import Cicp, encode_photo, read_photo

P3, PQ = Cicp(12, 13), Cicp(9, 16, 9)

# --- Numbers that nobody knows ---------------------------------------------------------------------------------------


def with_numbers(data, *numbers):
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">3H", *numbers) + data[at + 6 :]


@pytest.mark.parametrize("numbers", [(200, 13, 6), (3, 13, 6), (12, 99, 6), (0, 3, 6), (65535, 65535, 6)])
@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_unknown_numbers_of_colours_are_no_damage(colour8, format, numbers):
    data = by_numbers(colour8, format, P3)
    photo = read_photo(with_numbers(data, *numbers))
    np.testing.assert_array_equal(photo.pixels, read_photo(data).pixels)
    assert (photo.metadata.cicp.primaries, photo.metadata.cicp.transfer) == numbers[:2]
    for target in ("JPEG", "PNG", "HEIF", "AVIF"):
        if target == "AVIF" and not features.check("avif"):
            continue
        result, notes = encode_photo(photo, target)
        kept = read_photo(result).metadata.cicp
        assert any("colour space" in note for note in notes) != (
            kept == replace(photo.metadata.cicp, matrix=6)
            or (target == "PNG" and kept == replace(photo.metadata.cicp, matrix=0))
        )


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_an_unknown_matrix_is_taken_for_the_usual_one(colour8, format):
    data = by_numbers(colour8, format, P3)
    photo = read_photo(with_numbers(data, 12, 13, 77))
    assert any("matrix 77" in note for note in photo.notes)
    assert np.abs(photo.pixels.astype(int) - read_photo(data).pixels).mean() < 3


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_a_rare_matrix_is_not_called_damage(colour8, format):
    with pytest.raises(InputError, match=r"coded in a rare way \(matrix 14\)"):
        read_photo(with_numbers(by_numbers(colour8, format, PQ), 9, 16, 14))


# --- BMP -------------------------------------------------------------------------------------------------------------

SRGB_XYZ = (0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505)
ADOBE_XYZ = (0.5767, 0.2973, 0.0270, 0.1856, 0.6274, 0.0707, 0.1882, 0.0753, 0.9911)
SRGB_XY = (0.64, 0.33, 0.03, 0.30, 0.60, 0.10, 0.15, 0.06, 0.79)


def bmp(pixels, space, endpoints=(0,) * 9, gammas=(0, 0, 0), version=4):
    height, width = pixels.shape[:2]
    rows = np.pad(pixels[::-1, :, ::-1].reshape(height, -1), ((0, 0), (0, -3 * width % 4))).tobytes()
    size = {4: 108, 5: 124}[version]
    header = struct.pack("<IiiHHIIiiII", size, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0) + bytes(16) + space
    header += struct.pack("<9i3I", *(round(v * (1 << 30)) for v in endpoints), *(round(v * 65536) for v in gammas))
    return b"BM" + struct.pack("<IHHI", 14 + size + len(rows), 0, 0, 14 + size) + header.ljust(size, b"\0") + rows


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize(
    ("endpoints", "gammas"),
    [((0,) * 9, (0, 0, 0)), (SRGB_XYZ, (2.2,) * 3), (SRGB_XY, (0.4545,) * 3), (SRGB_XYZ, (0, 0, 0))],
)
def test_srgb_by_a_bmp_header_needs_no_profile(colour8, version, endpoints, gammas):
    photo = read_photo(bmp(colour8, bytes(4), endpoints, gammas, version))
    np.testing.assert_array_equal(photo.pixels, colour8)
    assert photo.metadata.icc is None and photo.parts == ()


@pytest.mark.parametrize("gamma", [2.2, 1 / 2.2, 1.8, 0])
@pytest.mark.parametrize("version", [4, 5])
def test_the_colours_of_a_bmp_header_become_a_profile(colour8, gamma, version):
    photo = read_photo(bmp(colour8, bytes(4), ADOBE_XYZ, (gamma,) * 3, version))
    profile = ImageCms.getOpenProfile(io.BytesIO(photo.metadata.icc)).profile
    assert np.allclose(profile.red_primary[1][:2], (0.64, 0.33), atol=0.03)  # but for the adaptation to D50
    assert np.allclose(profile.green_primary[1][:2], (0.21, 0.71), atol=0.04)
    assert encode_photo(photo, "PNG")[1] == () and "colour profile" in encode_photo(photo, "BMP")[1][0]


@pytest.mark.parametrize(
    ("space", "endpoints", "gammas", "part"),
    [
        (b"KNIL", (0,) * 9, (0, 0, 0), "link to a colour profile"),
        (bytes(4), ADOBE_XYZ, (2.2, 1.8, 2.2), "colour space of its own"),
        (bytes(4), (0.5,) * 9, (2.2,) * 3, "colour space of its own"),
    ],
)
def test_what_a_bmp_header_tells_in_vain_is_told(colour8, space, endpoints, gammas, part):
    photo = read_photo(bmp(colour8, space, endpoints, gammas, 5))
    assert photo.metadata.icc is None and photo.parts == (part,)
    assert f"not in the result: {part}" in encode_photo(photo, "BMP")[1]
