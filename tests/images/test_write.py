"""Written files: the right samples, whole or not at all, and nothing clobbered."""

import io
import os
import stat
from dataclasses import replace

import numpy as np
import png
import pytest
import tifffile
from PIL import Image, JpegImagePlugin, features

from deblurcli.atomic import claim_and_replace
from deblurcli.errors import OutputError, UsageError
from deblurcli.images import OutputExists, Photo, encode_photo, read_photo, write_photo
from deblurcli.images.colour import split_alpha


@pytest.fixture
def photo(colour8):
    return Photo(colour8, None, "PNG")


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def jpeg(pixels, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("planes", [1, 2, 3, 4])
def test_16_bit_png_as_another_library_reads_it(colour16, alpha16, planes):
    pixels = colour16 if planes >= 3 else colour16[..., 0]
    alpha = alpha16 if planes in (2, 4) else None
    data, notes = encode_photo(Photo(pixels, alpha, "PNG"), "PNG")
    _, _, rows, info = png.Reader(bytes=data).read_flat()
    assert info["bitdepth"] == 16 and info["planes"] == planes and notes == ()
    stored = np.array(rows).reshape(40, 56, planes)
    np.testing.assert_array_equal(stored[..., :3] if planes >= 3 else stored[..., 0], pixels)
    if alpha is not None:
        np.testing.assert_array_equal(stored[..., -1], alpha)


@pytest.mark.parametrize("planes", [1, 2, 3, 4])
@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
def test_16_bit_tiff_round_trip_keeps_samples_and_compression(colour16, alpha16, planes, compression):
    photo = Photo(colour16 if planes >= 3 else colour16[..., 0], alpha16 if planes in (2, 4) else None, "TIFF")
    photo = replace(photo, metadata=replace(photo.metadata, tiff_compression=compression))
    data, _ = encode_photo(photo, "TIFF")
    again = read_photo(data)
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    assert again.metadata.tiff_compression == compression
    if photo.alpha is not None:
        np.testing.assert_array_equal(again.alpha, photo.alpha)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].bitspersample == 16


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("grey", [False, True])
def test_8_bit_lossless_formats_as_pillow_reads_them(colour8, format, grey):
    pixels = colour8[..., 0] if grey else colour8
    data, notes = encode_photo(Photo(pixels, None, "PNG"), format)
    assert opened(data).format == format and notes == ()
    assert opened(data).mode == ("L" if grey else "RGB")
    np.testing.assert_array_equal(np.asarray(opened(data)), pixels)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("grey", [False, True])
def test_lossy_formats_stay_close(colour8, format, grey):
    if format == "HEIF":
        pytest.importorskip("pillow_heif")
    elif format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    pixels = colour8[..., 0] if grey else colour8
    data, _ = encode_photo(Photo(pixels, None, "PNG"), format)
    seen = read_photo(data).pixels.astype(int)
    if seen.ndim > pixels.ndim:
        seen = seen.mean(axis=2)  # WebP has no grey to give back
    assert np.abs(seen - pixels).mean() < 3


def test_16_bits_are_rounded_for_8_bit_formats():
    levels = np.array([[0, 128, 129, 65535, 32768, 32767]], np.uint16)
    data, notes = encode_photo(Photo(levels, None, "PNG"), "BMP")
    assert np.asarray(opened(data)).tolist() == [[0, 0, 1, 255, 128, 127]]
    assert any("8 bits" in note for note in notes)


@pytest.mark.parametrize("format", ["JPEG", "BMP"])
def test_transparency_is_put_on_white_where_the_format_has_none(colour8, format):
    alpha = np.zeros(colour8.shape[:2], np.uint8)
    alpha[:, 28:] = 255
    data, notes = encode_photo(Photo(np.zeros_like(colour8), alpha, "PNG"), format)
    seen = np.asarray(opened(data))
    assert seen[:, :20].min() > 250 and seen[:, 36:].max() < 5
    assert any("transparency" in note for note in notes)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("grey", [False, True])
def test_transparency_stays_where_the_format_has_it(colour8, format, grey):
    if format == "HEIF":
        pytest.importorskip("pillow_heif")
    elif format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    alpha = np.zeros(colour8.shape[:2], np.uint8)
    alpha[:, 28:] = 255
    data, notes = encode_photo(Photo(colour8[..., 0] if grey else colour8, alpha, "PNG"), format)
    seen = read_photo(data).alpha
    assert np.abs(seen.astype(int) - alpha).max() < 8 and notes == ()


@pytest.mark.parametrize("quality", [65, 75, 97])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_compressed_like_its_source(colour8, quality, subsampling, progressive):
    data = jpeg(colour8, quality=quality, subsampling=subsampling, progressive=progressive)
    written, _ = encode_photo(read_photo(data), "JPEG")
    source, result = opened(data), opened(written)
    assert result.quantization == source.quantization
    assert JpegImagePlugin.get_sampling(result) == subsampling
    assert bool(result.info.get("progressive")) == progressive


def test_grey_jpeg_is_compressed_like_its_source(colour8):
    data = jpeg(colour8[..., 0], quality=60)
    written, _ = encode_photo(read_photo(data), "JPEG")
    assert opened(written).mode == "L" and opened(written).quantization == opened(data).quantization


def test_jpeg_from_other_formats_is_fine_and_a_given_quality_counts(photo):
    fine, _ = encode_photo(photo, "JPEG")
    assert JpegImagePlugin.get_sampling(opened(fine)) == 0
    assert opened(fine).quantization == opened(jpeg(photo.pixels, quality=95)).quantization
    coarse, _ = encode_photo(photo, "JPEG", quality=20)
    assert opened(coarse).quantization == opened(jpeg(photo.pixels, quality=20)).quantization


def test_noise_at_full_quality_is_written(colour16):
    noise = np.tile(colour16.astype(np.uint8), (6, 6, 1))
    data = jpeg(noise, quality=100, subsampling=0)
    source = read_photo(data)
    coding = replace(source.metadata.jpeg, progressive=True)
    photo = replace(source, pixels=noise, metadata=replace(source.metadata, jpeg=coding))
    written, _ = encode_photo(photo, "JPEG")
    assert np.abs(read_photo(written).pixels.astype(int) - noise).max() < 8


def test_lossless_webp_stays_lossless_and_lossy_stays_lossy(photo, colour8):
    for lossless in (True, False):
        file = io.BytesIO()
        Image.fromarray(colour8).save(file, "WEBP", lossless=lossless, quality=60)
        source = read_photo(file.getvalue())
        written, _ = encode_photo(source, "WEBP")
        assert (b"VP8L" in written) == lossless
        if lossless:
            np.testing.assert_array_equal(read_photo(written).pixels, colour8)


def test_a_picture_too_wide_for_the_format(tmp_path):
    wide = Photo(np.zeros((2, 66000), np.uint8), None, "PNG")
    with pytest.raises(OutputError, match="66000 x 2 pixels is more than JPEG can hold"):
        write_photo(wide, tmp_path / "wide.jpg")
    assert list(tmp_path.iterdir()) == []
    write_photo(wide, tmp_path / "wide.png")


def test_the_suffix_decides_and_format_overrules_it(tmp_path, photo):
    write_photo(photo, tmp_path / "a.jpg")
    write_photo(photo, tmp_path / "b.jpg", format="PNG")
    write_photo(photo, tmp_path / "plain", format="PNG")
    assert Image.open(tmp_path / "a.jpg").format == "JPEG"
    assert Image.open(tmp_path / "b.jpg").format == "PNG"
    with pytest.raises(UsageError):
        write_photo(photo, tmp_path / "c.xyz")
    with pytest.raises(UsageError):
        encode_photo(photo, "JPG")
    with pytest.raises(UsageError, match="between 1 and 100"):
        write_photo(photo, tmp_path / "d.jpg", quality=0)


@pytest.mark.parametrize("name", ["with space.png", "grün 写真.png", "two\nlines.png", "-dash.png", "n" * 251 + ".png"])
def test_odd_and_long_names(tmp_path, photo, name):
    write_photo(photo, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_the_mode_follows_the_umask(tmp_path, photo, overwrite):
    before = os.umask(0o027)
    try:
        write_photo(photo, tmp_path / "a.png", overwrite=overwrite)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


def test_an_existing_file_is_left_alone_unless_overwriting(tmp_path, photo):
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    with pytest.raises(OutputExists, match=r"a\.png: exists already"):
        write_photo(photo, path)
    assert path.read_bytes() == b"precious"
    write_photo(photo, path, overwrite=True)
    assert Image.open(path).size == (56, 40)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_overwriting_through_a_link_replaces_what_it_leads_to(tmp_path, photo):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    write_photo(photo, tmp_path / "link.png", overwrite=True)
    assert (tmp_path / "link.png").is_symlink()
    assert Image.open(tmp_path / "real.png").size == (56, 40)


@pytest.mark.parametrize("taken", [False, True])
def test_a_name_is_claimed_without_hard_links_too(tmp_path, taken):
    new, path = tmp_path / "new", tmp_path / "a.png"
    new.write_bytes(b"new")
    if taken:
        path.write_bytes(b"precious")
        with pytest.raises(FileExistsError):
            claim_and_replace(new, path)
        assert path.read_bytes() == b"precious"
    else:
        claim_and_replace(new, path)
        assert path.read_bytes() == b"new" and not new.exists()


def failure(photo, path, **options):
    with pytest.raises(OutputError) as caught:
        write_photo(photo, path, format="PNG", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_places_that_cannot_be_written(tmp_path, photo):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    assert "the folder does not exist; create it first" in failure(photo, tmp_path / "none" / "a.png")
    assert "not a folder" in failure(photo, tmp_path / "file" / "a.png")
    assert "a folder has this name" in failure(photo, tmp_path / "folder.png", overwrite=True)
    assert "name is too long" in failure(photo, tmp_path / ("n" * 300 + ".png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_device_is_not_replaced_by_a_file(tmp_path, photo):
    os.mkfifo(tmp_path / "pipe.png")
    assert "not an ordinary file" in failure(photo, tmp_path / "pipe.png", overwrite=True)
    assert stat.S_ISFIFO((tmp_path / "pipe.png").stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path, photo):
    tmp_path.chmod(0o500)
    assert "no permission" in failure(photo, tmp_path / "a.png")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_write_that_fails_half_way_leaves_everything_as_it_was(tmp_path, colour16, overwrite):
    resource = pytest.importorskip("resource")
    if overwrite:
        (tmp_path / "a.png").write_bytes(b"precious")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))  # the system refuses to write beyond
    try:
        line = failure(Photo(colour16, None, "PNG"), tmp_path / "a.png", overwrite=overwrite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "larger than" in line
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([b"precious"] if overwrite else [])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planes", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(5000, 1), (1, 5000), (300, 2), (1, 1), (200, 300)])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_noise_of_any_shape_is_written(size, planes, dtype, format):
    noise = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (*size, planes), dtype, endpoint=True)
    pixels, alpha = split_alpha(noise)
    photo = read_photo(encode_photo(Photo(pixels, alpha, format), format)[0])
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert (alpha is None) == (photo.alpha is None) and (alpha is None or np.array_equal(alpha, photo.alpha))
