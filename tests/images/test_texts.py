"""Texts, comments, captions and what else stands in segments and chunks: kept, carried over, or told of."""

import io
import struct

import numpy as np
import pytest
from file_makers import box, chunk, exif_block, jpeg_with, png_with, raw_profile, resource, saved, segment
from losses import FORMATS, check_gone, results
from PIL import Image, features

from deblurcli.images import encode_photo, read_photo


def test_texts_travel(colour8):
    texts = [chunk(b"tEXt", b"Author\0Jane Roe"), chunk(b"iTXt", "Description\0\0\0\0\0Käfer".encode())]
    data = png_with(colour8, *texts, chunk(b"tEXt", b"Comment\0by hand"), chunk(b"tEXt", b"parameters\0steps: 20"))
    for format, result, notes in results(data):
        told = " ".join(notes)
        seen = read_photo(result).metadata
        exif = Image.Exif()
        exif.load(b"Exif\0\0" + (seen.exif or b""))
        if format == "PNG":
            assert {text.keyword for text in seen.texts} == {"Author", "Description", "Comment", "parameters"}
            assert notes == ()
        else:
            assert '"parameters"' in told
            assert ('"Comment"' in told) == (format != "JPEG")
        if format not in ("PNG", "BMP"):
            assert exif[0x013B] == "Jane Roe" and exif[0x010E].encode("latin-1").decode() == "Käfer"
            assert "Author" not in told
    assert 'text "Author"' in " ".join(encode_photo(read_photo(data), "BMP")[1])


def test_a_text_that_exif_says_otherwise_is_told_of(colour8):
    block = chunk(b"eXIf", exif_block([(0x013B, 2, "Someone else"), (0x8298, 2, "(c) Jane Roe")]))
    texts = [chunk(b"tEXt", b"Author\0Jane Roe"), chunk(b"tEXt", b"Copyright\0(c) Jane Roe")]
    _, notes = encode_photo(read_photo(png_with(colour8, block, *texts)), "JPEG")
    assert notes == ('JPEG has no place for its text "Author": left out',)


def test_texts_of_one_keyword_are_all_kept(colour8):
    texts = [chunk(b"tEXt", b"Author\0Jane Roe"), chunk(b"tEXt", b"Author\0Jon Doe")]
    data, notes = encode_photo(read_photo(png_with(colour8, *texts)), "TIFF")
    assert b"Jane Roe\nJon Doe" in data and notes == ()


def test_a_resolution_that_exif_says_otherwise_is_told_of(colour8):
    block = exif_block([(0x011A, 5, [72, 1]), (0x011B, 5, [72, 1]), (0x0128, 3, 2)])
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + block, dpi=(300, 300)))
    assert any("resolution" in note for note in encode_photo(photo, "WEBP")[1])
    assert encode_photo(photo, "JPEG")[1] == ()


def test_every_comment_of_a_jpeg_stays(colour8):
    comments = [b"one", "zwei ü".encode(), b"drei \xfc", b"four\0"]
    data = jpeg_with(saved(colour8), *(segment(0xFE, comment) for comment in comments))
    photo = read_photo(data)
    result, notes = encode_photo(photo, "JPEG")
    at = [result.index(segment(0xFE, comment)) for comment in comments]
    assert at == sorted(at) and notes == ()
    png = read_photo(encode_photo(photo, "PNG")[0]).metadata.texts
    assert [text.text for text in png] == ["one", "zwei ü", "drei ü", "four"]
    assert any("Comment" in note for note in encode_photo(photo, "WEBP")[1])


def test_the_comment_of_a_gif_stays(colour8):
    photo = read_photo(saved(colour8[..., 0], "GIF", comment=b"by hand"))
    assert read_photo(encode_photo(photo, "PNG")[0]).metadata.texts[0].text == "by hand"


CAPTIONS = b"\x1c\x02\x78\x00\x0bOn the pier"


def test_the_profile_of_a_gif_stays_and_other_extensions_are_told_of(colour8, srgb):
    def extension(name, content):
        blocks = b"".join(
            bytes([len(content[at : at + 255])]) + content[at : at + 255] for at in range(0, len(content), 255)
        )
        return b"!\xff\x0b" + name + blocks + b"\0"

    image = Image.fromarray(colour8).quantize(32)
    file = io.BytesIO()
    image.save(file, "GIF")
    data = file.getvalue()
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    added = extension(b"ICCRGBG1012", srgb) + extension(b"SOMETOOL1.0", b"settings")
    photo = read_photo(data[:at] + added + data[at:])
    assert photo.metadata.icc == srgb and photo.parts == ("GIF data (SOMETOOL1.0)",)


@pytest.mark.parametrize("shift", [0, 300, 100_000])
def test_the_profile_of_a_bmp_travels(colour8, srgb, shift):
    rows = np.pad(colour8[::-1, :, ::-1].reshape(40, -1), ((0, 0), (0, -3 * 56 % 4))).tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, 56, 40, 1, 24, 0, len(rows), 0, 0, 0, 0) + bytes(16) + b"DEBM" + bytes(48)
    header += struct.pack("<IIII", 4, 124 + len(rows) + shift, len(srgb), 0)
    data = b"BM" + struct.pack("<IHHI", 14 + 124 + len(rows) + len(srgb), 0, 0, 14 + 124) + header + rows + srgb
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.pixels, colour8)
    assert photo.metadata.icc == (None if shift else srgb)
    assert any("profile" in note for note in photo.notes) == bool(shift)


def test_photoshop_s_resources_stay_with_the_captions(colour8):
    block = resource(0x0404, CAPTIONS) + resource(0x040A, b"\1") + resource(0x040B, b"https://example.org/")
    thumbnail = resource(0x040C, bytes(28) + b"\xff\xd8\xff the blurred picture")
    data = jpeg_with(
        saved(colour8),
        segment(0xED, b"Photoshop 3.0\0" + block[:30]),
        segment(0xED, b"Photoshop 3.0\0" + block[30:] + thumbnail),
    )
    for format, result, notes in results(data):
        seen = read_photo(result).metadata
        if format in ("JPEG", "PNG", "TIFF"):
            assert seen.iptc == CAPTIONS and seen.photoshop == block[len(resource(0x0404, CAPTIONS)) :] and notes == ()
        else:
            assert "IPTC" in notes[0] and "Photoshop" in notes[0]
        assert b"the blurred picture" not in result


def test_captions_in_the_texts_of_a_png_travel(colour8):
    photo = read_photo(png_with(colour8, raw_profile(b"zTXt", "iptc", resource(0x0404, CAPTIONS))))
    for format in ("JPEG", "TIFF", "PNG"):
        result, notes = encode_photo(photo, format)
        assert read_photo(result).metadata.iptc == CAPTIONS and notes == ()


def test_paths_of_photoshop_do_not_stay_on_a_picture_that_is_turned(colour8):
    path = segment(0xED, b"Photoshop 3.0\0" + resource(0x07D0, bytes(52)) + resource(0x040A, b"\1"))
    for orientation, words in ((1, []), (6, ["Photoshop paths"])):
        data = saved(colour8, exif=b"Exif\0\0" + exif_block([(0x0112, 3, orientation)]))
        photo = read_photo(jpeg_with(data, path))
        assert list(photo.parts) == words and resource(0x040A, b"\1") in photo.metadata.photoshop


def test_segments_of_makers_stay_in_jpeg_and_are_told_elsewhere(colour8):
    thermal, sound = segment(0xE1, b"FLIR\0" + bytes(range(1, 60))), segment(0xE7, b"a recorder's own")
    for format, result, notes in results(jpeg_with(saved(colour8), thermal, sound)):
        if format == "JPEG":
            assert thermal in result and sound in result and notes == ()
        else:
            assert any("APP1" in note and "APP7" in note for note in notes)


def test_a_preview_in_a_segment_goes(colour8):
    preview = segment(0xE4, b"maker" + saved(colour8[::4, ::4]))
    check_gone(jpeg_with(saved(colour8), preview), "large preview", preview)


def test_content_credentials_are_told_of(colour8):
    manifest = segment(0xEB, b"JP\0\1\0\0\0\1" + box(b"jumb", box(b"jumd", b"c2pa")))
    check_gone(jpeg_with(saved(colour8), manifest), "content credentials", b"jumb")
    check_gone(png_with(colour8, chunk(b"caBX", box(b"jumb", b""))), "content credentials", b"jumb")


def test_chunks_of_a_png_stay_if_they_say_they_may(colour8):
    may, may_not = chunk(b"teSt", b"whatever"), chunk(b"teST", b"of the pixels")
    for format, result, notes in results(png_with(colour8, may, may_not)):
        assert any("teST" in note for note in notes)
        assert (may in result) == (format == "PNG") != any("teSt" in note for note in notes)


def test_the_frame_behind_the_picture_of_a_png(colour8):
    frames = chunk(b"acTL", struct.pack(">II", 1, 0))
    data = png_with(colour8, frames).replace(chunk(b"IEND", b""), chunk(b"fdAT", bytes(9)) + chunk(b"IEND", b""))
    check_gone(data, "animation frame", b"acTL", b"fdAT")


def test_pixels_that_are_not_square(colour8):
    check_gone(png_with(colour8, chunk(b"pHYs", struct.pack(">IIB", 1, 2, 0))), "pixel aspect ratio")
    data = bytearray(saved(colour8))
    data[13:18] = struct.pack(">BHH", 0, 1, 2)
    check_gone(bytes(data), "pixel aspect ratio")


@pytest.mark.parametrize("target", FORMATS)
def test_the_print_resolution_travels(colour8, target):
    if target == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    if target == "HEIF":
        pytest.importorskip("pillow_heif")
    photo = read_photo(saved(colour8, "PNG", dpi=(300, 240)))
    result, notes = encode_photo(photo, target)
    seen = read_photo(result).metadata
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + (seen.exif or b""))
    resolution = seen.dpi or (float(exif[0x011A]), float(exif[0x011B]))
    assert resolution == pytest.approx((300, 240), rel=1e-3) and notes == ()


def test_a_resolution_is_not_made_up(colour8):
    block = exif_block([(0x010F, 2, "Maker of cameras")])
    assert read_photo(saved(colour8, exif=b"Exif\0\0" + block)).metadata.dpi is None


def test_chunks_of_a_webp_are_told_of(colour8):
    data = saved(colour8, "WEBP", exif=b"Exif\0\0" + exif_block([(315, 2, "J")])) + b"teSt\4\0\0\0abcd"
    data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    assert any("teSt" in note for note in encode_photo(read_photo(data), "WEBP")[1])
