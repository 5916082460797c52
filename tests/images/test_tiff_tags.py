"""The tags of a TIFF stay, but for those that say how the file is laid out; makers' notes stay readable."""

import io
import struct

import numpy as np
import pytest
import tifffile
from file_makers import directory, exif_block, jpeg_with, resource, saved, segment, tiff_file, xmp
from losses import check_gone, results
from PIL import Image

from deblurcli.images import encode_photo, read_photo
from deblurcli.images.directory import MAKER_NOTE, entries_at, first_directory, whole_number
from deblurcli.images.tiff_tags import LAYOUT

DESCRIPTIVE = [
    (269, 2, "roll 7, frame 12"),
    (270, 2, "A caption"),
    (285, 2, "page"),
    (297, 3, [0, 1]),
    (315, 2, "Jane Roe"),
    (318, 5, [3127, 10000, 329, 1000]),
    (33432, 2, "(c) Jane Roe"),
    (33434, 5, [1, 125]),
    (36867, 2, "2024:05:06 07:08:09"),
    (42016, 2, "0123456789abcdef"),
]
GEOGRAPHIC = [
    (33550, 12, [0.5, 0.5, 0.0]),
    (33922, 12, [0.0, 0.0, 0.0, 440720.0, 3751320.0, 0.0]),
    (34735, 3, [1, 1, 0, 1, 1024, 0, 1, 1]),
    (34737, 2, "WGS 84|"),
]
PRIVATE = [(42113, 2, "-9999"), (65000, 1, list(range(9)))]


def tags_of(data):
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert len(file.pages) == 1
        codes = [tag.code for tag in file.pages[0].tags]
        assert codes == sorted(codes)
        return {tag.code: tag.value for tag in file.pages[0].tags}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_tags_that_describe_the_picture_stay(colour16, order, big):
    source = tiff_file(colour16, [*DESCRIPTIVE, *GEOGRAPHIC, *PRIVATE], order, big)
    photo = read_photo(source)
    data, notes = encode_photo(photo, "TIFF")
    assert notes == photo.notes == ()
    before, after = tags_of(source), tags_of(data)
    for tag, _, _ in (*DESCRIPTIVE, *GEOGRAPHIC, *PRIVATE):
        assert after[tag] == before[tag], tag
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), colour16)
    again = tags_of(encode_photo(read_photo(data), "TIFF")[0])
    assert {tag: again[tag] for tag in again if tag != 273} == {tag: after[tag] for tag in after if tag != 273}


@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
def test_results_with_tags_are_sound_in_every_compression(colour16, compression):
    file = io.BytesIO()
    tifffile.imwrite(file, colour16, photometric="rgb", compression=compression, rowsperstrip=7, description="caption")
    data, _ = encode_photo(read_photo(file.getvalue()), "TIFF")
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), colour16)
    assert tags_of(data)[270] == "caption" and Image.open(io.BytesIO(data)).size == (56, 40)


def test_tags_travel_as_exif_and_the_rest_is_named(colour8):
    source = tiff_file(colour8, [*DESCRIPTIVE, *GEOGRAPHIC, *PRIVATE])
    for format, result, notes in results(source):
        if format == "TIFF":
            continue
        told = " ".join(notes)
        assert "georeference" in told and "GDAL_NODATA" in told and "65000" in told
        if format != "BMP":
            exif = Image.Exif()
            exif.load(b"Exif\0\0" + read_photo(result).metadata.exif)
            assert exif[315] == "Jane Roe" and exif[269] == "roll 7, frame 12" and exif[36867] == "2024:05:06 07:08:09"


def test_tags_of_the_layout_in_exif_do_not_get_into_a_tiff(colour8):
    block = exif_block(
        [(256, 4, 4000), (257, 4, 3000), (258, 3, [8, 8, 8]), (259, 3, 6), (262, 3, 6), (315, 2, "J. R.")]
    )
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + block))
    tags = tags_of(encode_photo(photo, "TIFF")[0])
    assert (tags[256], tags[257], tags[262], tags[315]) == (56, 40, 2, "J. R.")
    assert set(tags) & LAYOUT <= {254, 256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317}


def test_a_georeference_does_not_stay_on_a_picture_that_is_turned(colour8):
    photo = read_photo(tiff_file(colour8, [(274, 3, 6), *GEOGRAPHIC, *PRIVATE]))
    data, notes = encode_photo(photo, "TIFF")
    assert any("georeference" in note for note in notes)
    assert 33922 not in tags_of(data) and tags_of(data)[42113] == "-9999"


def test_layers_of_photoshop_go_and_are_told_of(colour8):
    block = resource(0x040A, b"\1") + resource(0x040B, b"https://example.org/")
    data = tiff_file(colour8, [(34377, 7, block), (37724, 7, b"Adobe Photoshop Document Data Block\0" + bytes(50))])
    check_gone(data, "Photoshop layers", b"Document Data Block")
    assert read_photo(encode_photo(read_photo(data), "TIFF")[0]).metadata.photoshop == block


def test_xmp_and_captions_of_every_type(colour8):
    captions = b"\x1c\x02\x78\x00\x0cOn the pier."
    for kind in (1, 7):
        photo = read_photo(tiff_file(colour8, [(700, kind, xmp()), (33723, kind, captions)]))
        assert photo.metadata.xmp == xmp() and photo.metadata.iptc == captions
    longs = struct.unpack(f"<{(len(captions) + 3) // 4}I", captions + bytes(-len(captions) % 4))
    assert read_photo(tiff_file(colour8, [(33723, 4, longs)])).metadata.iptc.startswith(captions)


@pytest.mark.parametrize("subfile", [1, 4])
def test_pages_beside_the_picture_are_told_of(colour16, subfile):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(colour16, photometric="rgb")
        writer.write(colour16[..., 0], photometric="minisblack", subfiletype=1)
    data = file.getvalue().replace(struct.pack("<HHII", 254, 4, 1, 1), struct.pack("<HHII", 254, 4, 1, subfile))
    check_gone(data, {1: "reduced copies", 4: "mask or infrared page"}[subfile])


def test_directories_below_the_picture_are_told_of(colour16):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(colour16, photometric="rgb", subifds=1)
        writer.write(colour16[::2, ::2], photometric="rgb", subfiletype=1)
    check_gone(file.getvalue(), "reduced copies")


def test_links_to_directories_nobody_knows_are_told_of(colour8):
    photo = read_photo(tiff_file(colour8, [(65001, 13, struct.pack("<I", 8))]))
    assert photo.parts == ("tag 65001",) and photo.metadata.tiff_tags is None


# --- makers' notes -------------------------------------------------------------------------------------------------


def canon_note(at, order=">"):
    """A note whose offsets count from the beginning of the block, in which it stands at `at`."""
    entries = [(1, 3, list(range(46))), (6, 2, "IMG:EOS 350D JPEG"), (9, 2, "Jane Roe, owner of it")]
    return directory(entries, order, at)


def values_of(note, data, order=">"):
    """What a reader of the note finds who looks up its offsets in the file."""
    (count,) = struct.unpack_from(order + "H", note)
    found = {}
    for at in range(2, 2 + 12 * count, 12):
        tag, kind, number, offset = struct.unpack_from(order + "HHII", note, at)
        found[tag] = data[offset : offset + number * {2: 1, 3: 2}[kind]]
    return found


def note_in(data):
    """(the maker note's bytes, where it stands) in a TIFF file or EXIF block."""
    order = "<" if data[:2] == b"II" else ">"
    main = entries_at(data, first_directory(data))
    note = entries_at(data, whole_number(main[0x8769], order))[MAKER_NOTE]
    return note.value, note.at


def exif_with_note(make):
    """An EXIF block with a note that `make` makes for the place where it stands."""
    length = len(make(0))
    block = exif_block(
        [(0x010F, 2, "Canon"), (0x0112, 3, 1)], exif=[(0x829A, 5, [1, 80]), (MAKER_NOTE, 7, bytes(length))]
    )
    at = note_in(block)[1]
    return block[:at] + make(at) + block[at + length :]


@pytest.mark.parametrize("turned", [False, True])
def test_a_note_with_offsets_stays_readable_from_jpeg_to_tiff_and_back(colour8, turned):
    block = exif_with_note(canon_note)
    if turned:
        block = block.replace(struct.pack(">HHIHH", 0x0112, 3, 1, 1, 0), struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0))
    wanted = values_of(note_in(block)[0], block)
    assert b"Jane Roe, owner of it\0" in wanted.values()
    tiff, notes = encode_photo(read_photo(saved(colour8, exif=b"Exif\0\0" + block)), "TIFF")
    assert notes == () and values_of(note_in(tiff)[0], tiff) == wanted
    again, notes = encode_photo(read_photo(tiff), "TIFF")
    assert notes == () and values_of(note_in(again)[0], again) == wanted
    jpeg, notes = encode_photo(read_photo(again), "JPEG")
    exif = read_photo(jpeg).metadata.exif
    assert notes == () and values_of(note_in(exif)[0], exif) == wanted


def far_tiff(pixels, make):
    """A TIFF whose EXIF directory, with a note, stands behind so many pixels that no EXIF block is as long."""
    wide = np.tile(pixels, (8, 8, 1))
    inner_at = 8 + wide.nbytes
    empty = directory([(MAKER_NOTE, 7, make(0))], "<", inner_at)
    note_at = inner_at + len(empty) - len(make(0)) - len(make(0)) % 2
    inner = directory([(MAKER_NOTE, 7, make(note_at))], "<", inner_at)
    offset = inner_at + len(inner)
    layout = [
        (256, 4, wide.shape[1]),
        (257, 4, wide.shape[0]),
        (258, 3, [8, 8, 8]),
        (259, 3, 1),
        (262, 3, 2),
        (273, 4, 8),
        (277, 3, 3),
        (278, 4, wide.shape[0]),
        (279, 4, wide.nbytes),
        (0x8769, 4, inner_at),
    ]
    return b"II*\0" + struct.pack("<I", offset) + wide.tobytes() + inner + directory(layout, "<", offset)


@pytest.mark.parametrize("kind", ["offsets", "self-contained", "opaque"])
def test_a_note_far_behind_is_kept_if_it_can_be_moved_and_else_told_of(colour8, kind):
    make = {
        "offsets": lambda at: canon_note(at, "<"),
        "self-contained": lambda at: (
            b"Nikon\0\2\x10\0\0" + b"II*\0\x08\0\0\0" + directory([(1, 2, "long value")], "<", 8)
        ),
        "opaque": lambda at: b"private notes of some kind " * 3,
    }[kind]
    data = far_tiff(colour8, make)
    photo = read_photo(data)
    told = any("maker note" in note for note in photo.notes)
    assert told == (kind == "offsets")
    if not told:
        assert note_in(photo.metadata.exif)[0] == make(0)


def test_exif_over_several_segments_is_read_and_told_if_it_does_not_fit(colour8):
    block = exif_block([(0x010F, 2, "Maker of cameras"), (0x0112, 3, 6), (0x8298, 2, "c" * 90_000)])
    parts = [segment(0xE1, b"Exif\0\0" + block[at : at + 60_000]) for at in range(0, len(block), 60_000)]
    photo = read_photo(jpeg_with(saved(colour8), *parts))
    assert photo.pixels.shape == (56, 40, 3) and len(photo.metadata.exif) == len(block)
    assert any("too long for JPEG" in note for note in encode_photo(photo, "JPEG")[1])
    assert tags_of(encode_photo(photo, "TIFF")[0])[33432] == "c" * 90_000


def test_a_second_block_is_told_of(colour8):
    first, second = (segment(0xE1, b"Exif\0\0" + exif_block([(0x0112, 3, value)])) for value in (6, 8))
    photo = read_photo(jpeg_with(saved(colour8), first, second))
    assert photo.pixels.shape == (56, 40, 3)
    assert any("second EXIF block" in note for note in encode_photo(photo, "JPEG")[1])


def test_what_a_tiff_cannot_take_over_of_exif_is_told(colour8):
    block = exif_block([(0x010F, 2, "a maker"), (0x0110, 2, "of models"), (0x0131, 2, "software")])
    block = block.replace(struct.pack(">HHI", 0x0110, 2, 10), struct.pack(">HHI", 0x0110, 2, 1 << 20))
    block = block.replace(struct.pack(">HH", 0x0131, 2), struct.pack(">HH", 0x0131, 99))
    photo = read_photo(jpeg_with(saved(colour8), segment(0xE1, b"Exif\0\0" + block)))
    assert encode_photo(photo, "PNG")[1] == ()
    data, notes = encode_photo(photo, "TIFF")
    assert any("Model and Software" in note for note in notes)
    assert b"a maker" in read_photo(data).metadata.exif


def test_a_tiff_does_not_become_a_camera_raw_file(colour8):
    block = exif_block([(0x010F, 2, "a maker"), (50706, 1, [1, 4, 0, 0])])
    photo = read_photo(jpeg_with(saved(colour8), segment(0xE1, b"Exif\0\0" + block)))
    assert read_photo(encode_photo(photo, "TIFF")[0]).pixels.shape == colour8.shape
