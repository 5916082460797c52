"""What is broken beside a picture is left out with a note; a picture whose pixels are all there is never refused."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from file_makers import chunk, directory, exif_block, jpeg_with, png_with, saved, segment, tiff_file, xmp
from PIL import Image, features

from deblurcli.errors import InputError
from deblurcli.images import encode_photo, read_photo

BOTH_DEPTHS = pytest.mark.parametrize("depth", [8, 16])


@pytest.fixture
def pictures(colour8, colour16):
    return {8: colour8, 16: colour16}


def check_left_out(data, pixels, word):
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert any(word in note and "left out" in note for note in photo.notes), photo.notes
    return photo


@BOTH_DEPTHS
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"tEXt"])
def test_png_texts_of_any_length_stay(pictures, depth, kind):
    text = b"x" * 1_500_000
    content = {
        b"tEXt": b"Long\0" + text,
        b"zTXt": b"Long\0\0" + zlib.compress(text),
        b"iTXt": b"Long\0\1\0\0\0" + zlib.compress(text),
    }[kind]
    photo = read_photo(png_with(pictures[depth], chunk(kind, content)))
    assert photo.notes == () and photo.metadata.texts[0].text == text.decode()
    again, notes = encode_photo(photo, "PNG")
    assert chunk(kind, content) in again and notes == ()


@BOTH_DEPTHS
def test_png_profiles_and_packets_of_any_length_stay(pictures, depth, srgb):
    icc = struct.pack(">I", len(srgb) + 1_400_000) + srgb[4:] + bytes(1_400_000)
    packet = xmp('xmlns:a="urn:a" a:long="' + "x" * 1_500_000 + '"')
    data = png_with(
        pictures[depth],
        chunk(b"iCCP", b"long\0\0" + zlib.compress(icc)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)),
    )
    photo = read_photo(data)
    assert photo.notes == () and photo.metadata.icc == icc and photo.metadata.xmp == packet
    # JPEG holds both, in several segments.
    again, notes = encode_photo(photo, "JPEG")
    assert read_photo(again).metadata.icc == icc and b"x" * 1_500_000 in read_photo(again).metadata.xmp
    assert all("bits" in note for note in notes)


@BOTH_DEPTHS
@pytest.mark.parametrize(
    ("kind", "content", "word"),
    [
        (b"tEXt", b"Comment\0hello", "text"),
        (b"tIME", bytes(7), "time"),
        (b"iCCP", b"p\0\0" + zlib.compress(bytes(200)), "profile"),
        (b"eXIf", exif_block([(0x0112, 3, 6)]), "EXIF"),
        (b"gAMA", bytes(4), "gAMA"),
    ],
)
def test_png_chunks_with_a_wrong_checksum(pictures, depth, kind, content, word):
    check_left_out(png_with(pictures[depth], chunk(kind, content, checksum=1)), pictures[depth], word)


@BOTH_DEPTHS
@pytest.mark.parametrize(
    ("kind", "content", "word"),
    [
        (b"iCCP", b"profile\0\0not packed", "profile"),
        (b"iCCP", b"no end", "profile"),
        (b"iCCP", b"short\0\0" + zlib.compress(b"x" * 20), "profile"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0broken", "XMP"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta", "XMP"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0", "XMP"),
        (b"iTXt", b"Title\0\0", 'text "Title"'),
        (b"zTXt", b"Title\0\0broken", 'text "Title"'),
        (b"tEXt", b"no end", "text"),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n       9\nzz\n"), "text"),
        (b"pHYs", b"\0\0\0\1", "resolution"),
        (b"tRNS", b"\0", "transparency"),
        (b"eXIf", b"garbage", "EXIF"),
        (b"cHRM", bytes(3), "cHRM"),
    ],
)
def test_png_chunks_that_are_broken(pictures, depth, kind, content, word, capfd):
    check_left_out(png_with(pictures[depth], chunk(kind, content)), pictures[depth], word)
    assert capfd.readouterr().err == ""


@BOTH_DEPTHS
def test_a_png_is_whole_when_its_rows_are(pictures, depth):
    data = png_with(pictures[depth])
    for cut in (data[:-12], data[:-16], data[:-14], data[:-12] + struct.pack(">I4s", 90, b"tEXt") + b"Com"):
        np.testing.assert_array_equal(read_photo(cut).pixels, pictures[depth])
    with pytest.raises(InputError, match="ends in the middle"):
        read_photo(data[: -len(data) // 4])


@BOTH_DEPTHS
def test_a_png_whose_picture_has_a_wrong_sum_is_read_with_a_note(pictures, depth, capfd):
    data = png_with(pictures[depth])
    at = data.rindex(b"IEND") - 12  # the last four bytes of the packed picture
    broken = data[:at] + b"\0\0\0\0" + data[at + 4 :]
    photo = read_photo(broken)
    np.testing.assert_array_equal(photo.pixels, pictures[depth])
    assert photo.notes == ("the sum of its picture data is wrong: a part of the picture may be damaged",)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("at", [24, 25, 26, 27, 28])
@BOTH_DEPTHS
def test_a_png_header_that_means_nothing(pictures, depth, at, capfd):
    data = bytearray(png_with(pictures[depth]))
    data[at] = 77
    with pytest.raises(InputError, match="header means nothing"):
        read_photo(bytes(data))
    assert capfd.readouterr().err == ""


def test_the_texts_of_a_png_unpack_to_a_bounded_size(colour8):
    bomb = chunk(b"zTXt", b"Bomb\0\0" + zlib.compress(bytes(50 << 20), 9))
    photo = read_photo(png_with(colour8, bomb, bomb, bomb))
    assert len(photo.metadata.texts) == 1 and any('"Bomb"' in note for note in photo.notes)


def test_a_png_of_few_bits_is_read_past_a_broken_transparency():
    image = Image.new("1", (9, 5), 1)
    file = io.BytesIO()
    image.save(file, "PNG")
    data = file.getvalue()
    photo = read_photo(data[:33] + chunk(b"tRNS", b"\0") + data[33:])
    assert (photo.pixels == 255).all() and photo.alpha is None and "transparency" in " ".join(photo.notes)


# --- EXIF ----------------------------------------------------------------------------------------------------------


def main_of(photo):
    seen = Image.Exif()
    seen.load(b"Exif\0\0" + photo.metadata.exif)
    return seen


@pytest.mark.parametrize("target", [0, 7, 8, 0xFFFF, 0xFFFFFFF0])
@pytest.mark.parametrize(("link", "word"), [(0x8769, "camera data"), (0x8825, "GPS data")])
def test_a_link_to_a_directory_that_is_not_there(colour8, link, word, target):
    block = exif_block([(0x010F, 2, "Maker of cameras"), (0x0112, 3, 6), (link, 4, target)])
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + block))
    assert photo.pixels.shape == (56, 40, 3) and any(word in note for note in photo.notes)
    seen = main_of(photo)
    assert seen[0x010F] == "Maker of cameras" and seen[0x0112] == 1 and link not in seen


@pytest.mark.parametrize("following", [8, 500, 0xFFFFFFFF])
def test_gps_and_orientation_survive_a_broken_link_to_the_thumbnail(colour8, following):
    gps = [(1, 2, "N"), (2, 5, [48, 1, 12, 1, 30, 1])]
    block = exif_block([(0x0112, 3, 6), (0x013B, 2, "Jane Roe")], following=following, gps=gps)
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + block))
    seen = main_of(photo)
    assert photo.pixels.shape == (56, 40, 3) and photo.notes == ()
    assert seen[0x013B] == "Jane Roe" and seen.get_ifd(0x8825)[1] == "N" and seen[0x0112] == 1


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_block_that_ends_before_the_link_to_the_thumbnail(colour8):
    block = exif_block([(0x010F, 2, "abc"), (0x0112, 3, 6)])
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + block[:-4]))
    assert photo.notes == () and main_of(photo)[0x010F] == "abc" and photo.pixels.shape == (56, 40, 3)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_garbage_for_exif_and_xmp_costs_only_these(colour8, format):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    good = exif_block([(0x010F, 2, "Maker of cameras")])
    if format == "HEIF":
        file = io.BytesIO()
        heif = pytest.importorskip("pillow_heif").from_pillow(Image.fromarray(colour8))
        heif.save(file, exif=b"Exif\0\0" + good, xmp=xmp())
        data = file.getvalue()
    else:
        data = saved(colour8, format, exif=b"Exif\0\0" + good, xmp=xmp())
    broken = data.replace(good, b"\xff" * len(good)).replace(xmp()[-40:], b"<" * 40)
    if format == "PNG":
        broken = png_with(colour8, chunk(b"eXIf", b"\xff" * 20), chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<"))
    photo = read_photo(broken)
    assert photo.pixels.shape == colour8.shape and photo.metadata.exif is None and photo.metadata.xmp is None
    assert {"EXIF" in note or "XMP" in note for note in photo.notes} == {True} and len(photo.notes) == 2


# --- JPEG ----------------------------------------------------------------------------------------------------------


def test_a_jpeg_without_its_end_marker_is_whole(colour8):
    data = saved(colour8, quality=95)
    whole = read_photo(data)
    for cut in (data[:-2], data[:-1]):
        photo = read_photo(cut)
        np.testing.assert_array_equal(photo.pixels, whole.pixels)
        assert photo.notes == ()


@pytest.mark.parametrize(
    "broken",
    [
        segment(0xE2, b"ICC_PROFILE\0"),
        segment(0xE2, b"ICC_PROFILE\0\1"),
        segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
        segment(0xED, b"Photoshop 3.0\08BIM\x04\x04"),
        segment(0xED, b"Photoshop 3.0\08BIM\x04\x04\0\0\xff\xff\xff\xff"),
        segment(0xE0, b"JFXX"),
        segment(0xE1, b"Exif"),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0"),
    ],
)
def test_broken_segments_do_not_keep_a_jpeg_from_being_read(colour8, broken):
    data = saved(colour8, quality=95)
    np.testing.assert_array_equal(read_photo(jpeg_with(data, broken)).pixels, read_photo(data).pixels)


def test_a_profile_of_which_a_piece_is_missing(colour8, srgb):
    piece = segment(0xE2, b"ICC_PROFILE\0" + bytes((1, 2)) + srgb)
    photo = read_photo(jpeg_with(saved(colour8), piece))
    assert photo.metadata.icc is None and any("profile" in note for note in photo.notes)


# --- TIFF ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 500_000, 0xFFFFFFFF])
@pytest.mark.parametrize("big", [False, True])
def test_strip_counts_that_scanners_get_wrong(colour16, count, big):
    photo = read_photo(tiff_file(colour16, big=big, strip_counts=count))
    np.testing.assert_array_equal(photo.pixels, colour16)


@pytest.mark.parametrize("compression", ["lzw", "deflate", "packbits"])
@pytest.mark.parametrize("count", [0, 1_000_000])
def test_wrong_counts_of_packed_strips(colour8, compression, count):
    file = io.BytesIO()
    tifffile.imwrite(file, colour8, photometric="rgb", compression=compression)
    data = bytearray(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        tag = opened.pages[0].tags[279]
        struct.pack_into(
            "<I" if tag.dtype == 4 else "<H", data, tag.valueoffset, count if tag.dtype == 4 else count % 65536
        )
    np.testing.assert_array_equal(read_photo(bytes(data)).pixels, colour8)


@pytest.mark.parametrize("order", ["<", ">"])
def test_rgb_that_forgets_to_count_its_samples(colour16, order):
    data = tiff_file(colour16, order=order)
    at = data.index(struct.pack(order + "HHI", 277, 3, 1))
    hidden = data[:at] + struct.pack(order + "H", 276) + data[at + 2 :]  # another tag in its place
    np.testing.assert_array_equal(read_photo(hidden).pixels, colour16)


def test_a_strip_that_is_not_there_is_refused(colour16):
    data = tiff_file(colour16, layout=[(273, 4, 60_000)])
    with pytest.raises(InputError, match="damaged or incomplete"):
        read_photo(data)


@pytest.mark.parametrize("tag", [34675, 700, 33432])
def test_tags_that_lead_out_of_the_file(colour8, tag):
    data = bytearray(tiff_file(colour8, [(tag, 7, b"x" * 300)]))
    at = data.rindex(struct.pack("<HHI", tag, 7, 300)) + 8
    struct.pack_into("<I", data, at, 0x7FFFFFFF)
    photo = read_photo(bytes(data))
    np.testing.assert_array_equal(photo.pixels, colour8)
    assert any("cannot be read" in note for note in photo.notes)


def test_gps_in_a_tiff_of_which_a_value_leads_out_of_the_file(colour8):
    def tiff(longitude):
        gps_at = 8 + colour8.nbytes
        gps = bytearray(
            directory([(1, 2, "N"), (2, 5, [48, 1, 12, 1, 30, 1]), (4, 5, [11, 1, 34, 1, 0, 1])], "<", gps_at)
        )
        if longitude:
            struct.pack_into("<I", gps, 2 + 2 * 12 + 8, longitude)
        whole = np.concatenate([colour8.reshape(-1), np.frombuffer(bytes(gps), np.uint8)])
        layout = [(256, 4, 56), (257, 4, 40), (258, 3, [8, 8, 8]), (262, 3, 2), (277, 3, 3), (278, 4, 40)]
        return tiff_file(whole[None], [(0x8825, 4, gps_at), (315, 2, "")], layout=layout)

    for longitude, told in ((0, []), (0x7FFFFFFF, ["a part of the GPS data in its EXIF is damaged and was left out"])):
        photo = read_photo(tiff(longitude))
        assert list(photo.notes) == told
        assert main_of(photo).get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("target", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("dpi", [4294967295, 120_000_000, 101_600])
def test_absurd_resolutions_are_left_out_where_a_format_cannot_say_them(colour8, dpi, target):
    photo = read_photo(tiff_file(colour8, [(282, 5, [dpi, 1]), (283, 5, [dpi, 1]), (296, 3, 2)]))
    data, notes = encode_photo(photo, target)
    seen = read_photo(data).metadata
    there = seen.dpi is not None and seen.dpi[0] == pytest.approx(dpi, rel=1e-3)
    there |= seen.exif is not None and target == "WEBP" and dpi < 400_000
    assert there or any("resolution" in note for note in notes), (seen.dpi, notes)


@pytest.mark.parametrize("values", [[0, 0], [0, 1], [1, 0]])
def test_resolutions_that_mean_nothing(colour8, values):
    photo = read_photo(tiff_file(colour8, [(282, 5, values), (283, 5, values), (296, 3, 2)]))
    assert photo.metadata.dpi is None
    encode_photo(photo, "TIFF")


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_whose_end_is_zeros_is_never_taken_for_whole(bits, part):
    """Zeros may be codes of the packed data, and go on and on."""
    for seed in range(20):
        noise = np.random.default_rng(seed).integers(0, 1 << (bits - seed % 4), (40, 56, 3))
        data = png_with(noise.astype(np.uint8 if bits == 8 else np.uint16))
        at = int(len(data) * part)
        try:
            photo = read_photo(data[:at] + bytes(len(data) - at))
        except InputError as problem:
            assert "damaged or incomplete" in str(problem)
        else:  # noise that could not be packed: its length is right, and its sum is not
            assert any("sum" in note for note in photo.notes)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_that_says_it_reaches_less_far_back_than_it_does(bits):
    pixels = np.tile(np.random.default_rng(0).integers(0, 1 << bits, (2, 300, 3)), (20, 1, 1))
    pixels = pixels.astype(np.uint8 if bits == 8 else np.uint16)
    data = png_with(pixels)
    at = data.index(b"IDAT") + 4
    length = int.from_bytes(data[at - 8 : at - 4], "big")
    packed = b"\x08\x1d" + data[at + 2 : at + length]
    photo = read_photo(data[: at - 8] + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert photo.notes == ()
