"""What a file says beside its picture goes along, and the picture is turned upright once."""

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps, features

from deblurcli.images import encode_photo, read_photo

FORMATS = ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"]
XMP = (
    b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description '
    b'tiff:Orientation="6" xmp:Rating="5"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def skip_without(format):
    if format == "HEIF":
        pytest.importorskip("pillow_heif")
    elif format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")


def make_exif(orientation):
    """A camera's EXIF block without prefix; Pillow writes the block, except for the "ö" it cannot write."""
    block = Image.Exif()
    block[0x010F] = "Maker"
    block[0x0112] = orientation
    block[0x8298] = "(c) A. Photographer"
    block[0x013B] = "BjXXrn"
    inner = block.get_ifd(0x8769)
    inner[0x829A] = 0.0125
    inner[0x9003] = "2024:05:06 07:08:09"
    inner[0x927C] = b"private\0notes"
    inner[0xA002], inner[0xA003] = 56, 40
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes().removeprefix(b"Exif\0\0").replace(b"XX", "ö".encode())


def parse_exif(block):
    """(main directory, EXIF directory, GPS directory) of a block, by Pillow."""
    parsed = Image.Exif()
    parsed.load(b"Exif\0\0" + block.removeprefix(b"Exif\0\0"))
    return dict(parsed), parsed.get_ifd(0x8769), parsed.get_ifd(0x8825)


def saved(pixels, format="JPEG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_orientation_is_applied_as_other_programs_apply_it(colour8, orientation, format):
    skip_without(format)
    data = saved(colour8, format, exif=b"Exif\0\0" + make_exif(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.pixels, expected)
    # Written and read again, nothing turns a second time.
    again, _ = encode_photo(photo, "PNG")
    np.testing.assert_array_equal(read_photo(again).pixels, expected)
    np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(again)))), expected)


def test_alpha_turns_with_the_pixels(colour8):
    samples = np.dstack([colour8, colour8[..., 1]])
    photo = read_photo(saved(samples, "PNG", exif=b"Exif\0\0" + make_exif(6)))
    np.testing.assert_array_equal(photo.alpha, np.rot90(colour8[..., 1], -1))
    np.testing.assert_array_equal(photo.pixels, np.rot90(colour8, -1))


def test_exif_is_kept_byte_for_byte_but_for_what_turning_changes(colour8):
    block = make_exif(6)
    kept = read_photo(saved(colour8, exif=b"Exif\0\0" + block)).metadata.exif
    main, inner, gps = parse_exif(kept)
    assert main[0x0112] == 1 and main[0x010F] == "Maker"
    assert inner[0x927C] == b"private\0notes" and gps[1] == "N"
    assert (inner[0xA002], inner[0xA003]) == (40, 56)
    assert len(kept) == len(block)
    assert sum(a != b for a, b in zip(kept, block, strict=True)) <= 5


def test_the_thumbnail_of_the_blurred_picture_goes(colour8):
    thumbnail = saved(colour8[::2, ::2])
    # A hand-made block: one tag in the main directory, then a thumbnail's directory and its picture.
    first = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 1, 0, 26)
    second = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    block = b"II*\0\x08\0\0\0" + first + second
    assert len(block) == 56
    kept = read_photo(saved(colour8, exif=b"Exif\0\0" + block + thumbnail)).metadata.exif
    assert b"\xff\xd8" not in kept and len(kept) == 56
    parsed = Image.Exif()
    parsed.load(b"Exif\0\0" + kept)
    assert parsed[0x0112] == 1 and not parsed.get_ifd(1)


@pytest.mark.parametrize(
    "block", [b"garbage", b"II*\0\x08\0\0\0", b"II*\0\xff\xff\xff\xff\0\0", b"MM\0*\0\0\0\x08\0\x09\1"]
)
def test_a_damaged_exif_block_is_left_out_with_a_note(colour8, block):
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + block))
    assert photo.metadata.exif is None and any("EXIF" in note for note in photo.notes)
    assert photo.pixels.shape == colour8.shape


def test_orientation_in_xmp_is_set_right_too(colour8):
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + make_exif(6), xmp=XMP))
    assert b'tiff:Orientation="1"' in photo.metadata.xmp and b'xmp:Rating="5"' in photo.metadata.xmp
    assert photo.pixels.shape == (56, 40, 3)


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_exif_profile_and_xmp_travel_between_all_formats(colour8, srgb, source, target):
    skip_without(source)
    skip_without(target)
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + make_exif(1), icc_profile=srgb, xmp=XMP))
    photo = read_photo(encode_photo(photo, source)[0])
    data, notes = encode_photo(replace(photo, pixels=photo.pixels[::-1]), target)
    result = read_photo(data).metadata
    assert notes == ()
    assert result.icc == srgb
    assert b'xmp:Rating="5"' in result.xmp
    main, inner, gps = parse_exif(result.exif)
    assert main[0x010F] == "Maker" and main[0x8298] == "(c) A. Photographer"
    assert main[0x013B].encode("latin-1") == "Björn".encode()  # Pillow reads all text as Latin-1
    assert inner[0x9003] == "2024:05:06 07:08:09" and inner[0x927C] == b"private\0notes"
    assert float(inner[0x829A]) == pytest.approx(0.0125) and gps[1] == "N"


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_files_carry_their_metadata_for_other_readers(colour16, srgb, format):
    photo = read_photo(saved(colour16.astype(np.uint8), exif=b"Exif\0\0" + make_exif(1), icc_profile=srgb, xmp=XMP))
    photo = replace(photo, pixels=colour16, metadata=replace(photo.metadata, dpi=(300.0, 240.0)))
    data, _ = encode_photo(photo, format)
    with Image.open(io.BytesIO(data)) as seen:  # Pillow halves the samples, but reads the rest
        seen.load()
        assert seen.info["icc_profile"] == srgb
        assert seen.info["dpi"] == pytest.approx((300, 240), rel=1e-3)
        assert b'xmp:Rating="5"' in (seen.info.get("xmp") or seen.tag_v2[700])
        exif = seen.getexif()
        assert exif[0x010F] == "Maker" and exif.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
        assert exif.get_ifd(0x8825)[1] == "N"
    again = read_photo(data).metadata
    assert again.icc == srgb and again.dpi == pytest.approx((300, 240), rel=1e-3)
    assert parse_exif(again.exif)[1][0x927C] == b"private\0notes"


def test_tiff_with_added_exif_is_sound_for_tifffile(colour16):
    photo = read_photo(saved(colour16.astype(np.uint8), exif=b"Exif\0\0" + make_exif(1)))
    data, _ = encode_photo(replace(photo, pixels=colour16), "TIFF")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert len(file.pages) == 1
        codes = [tag.code for tag in file.pages[0].tags]
        assert codes == sorted(codes) and len(codes) == len(set(codes))
        assert file.pages[0].tags["ExifTag"].value["DateTimeOriginal"] == "2024:05:06 07:08:09"
        np.testing.assert_array_equal(file.asarray(), colour16)


def test_big_endian_exif_reaches_a_16_bit_tiff(colour16):
    maker, model = b"Maker of cameras\0", b"ab\0\0"
    block = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIIHHI4sI", 2, 0x010F, 2, 17, 38, 0x0110, 2, 3, model, 0) + maker
    photo = read_photo(saved(colour16.astype(np.uint8), exif=b"Exif\0\0" + block))
    data, _ = encode_photo(replace(photo, pixels=colour16), "TIFF")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].tags["Make"].value == "Maker of cameras" and file.pages[0].tags["Model"].value == "ab"
        np.testing.assert_array_equal(file.asarray(), colour16)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP"])
def test_print_resolution_is_kept(colour8, format):
    photo = read_photo(saved(colour8, format, dpi=(240, 240)))
    data, _ = encode_photo(photo, format)
    assert Image.open(io.BytesIO(data)).info["dpi"] == pytest.approx((240, 240), rel=1e-3)


def test_png_colour_and_text_chunks_pass_through(colour8):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    gamma, text = chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"tEXt", b"Title\0On the pier")
    plain = saved(colour8, "PNG")
    data, _ = encode_photo(read_photo(plain[:33] + gamma + text + plain[33:]), "PNG")
    seen = Image.open(io.BytesIO(data))
    assert seen.info["gamma"] == 1.0 and seen.text["Title"] == "On the pier"  # type: ignore[attr-defined]


def test_captions_and_comment_of_a_jpeg_are_kept(colour8):
    record = b"\x1c\x02\x78\x00\x0bOn the pier"
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record
    content = b"Photoshop 3.0\0" + resource
    segment = b"\xff\xed" + struct.pack(">H", len(content) + 2) + content
    photo = read_photo(saved(colour8, extra=segment, comment=b"by hand"))
    data, _ = encode_photo(photo, "JPEG")
    seen = Image.open(io.BytesIO(data))
    assert seen.info["photoshop"][0x0404] == record and seen.info["comment"] == b"by hand"
    tiff, _ = encode_photo(photo, "TIFF")
    assert read_photo(tiff).metadata.iptc == record
    png, notes = encode_photo(photo, "PNG")
    assert read_photo(png).metadata.iptc == record and Image.open(io.BytesIO(png)).text["Comment"] == "by hand"  # type: ignore[attr-defined]
    assert notes == ()
    _, notes = encode_photo(photo, "WEBP")
    assert any("IPTC" in note and "Comment" in note for note in notes)


def test_an_unusable_cmyk_profile_is_neither_used_nor_kept(colour8):
    file = io.BytesIO()
    profile = bytes(16) + b"CMYK" + bytes(108)
    Image.fromarray(colour8).convert("CMYK").save(file, "JPEG", icc_profile=profile)
    photo = read_photo(file.getvalue())
    assert photo.metadata.icc is None and photo.pixels.shape == colour8.shape


def test_a_grey_profile_is_not_left_on_colour(colour8):
    profile = bytes(16) + b"GRAY" + bytes(108)
    photo = read_photo(saved(colour8[..., 0], icc_profile=profile))
    data, notes = encode_photo(photo, "WEBP")  # has no grey
    assert read_photo(data).metadata.icc is None
    assert any("profile" in note for note in notes)


def test_metadata_too_long_for_jpeg_is_left_out_with_a_note(colour8):
    photo = read_photo(saved(colour8, "PNG"))
    photo = replace(photo, metadata=replace(photo.metadata, xmp=b"x" * 70000))
    data, notes = encode_photo(photo, "JPEG")
    assert read_photo(data).metadata.xmp is None
    assert any("XMP" in note for note in notes)
