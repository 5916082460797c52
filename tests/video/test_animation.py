"""Animations and stacks of pages: the same look out, frame by frame."""

import io

import numpy as np
import pytest
import tifffile
from clips import picture
from PIL import Image, PngImagePlugin

from deblurcli.errors import InputError
from deblurcli.images import read_photo
from deblurcli.images.decode import decode
from deblurcli.video.animation import restore_animation
from deblurcli.video.count import frames_of
from deblurcli.video.pages import _pages, restore_pages

DURATIONS = [100, 40, 250, 60]


def frames(alpha: bool) -> list[Image.Image]:
    """Four frames of a moving disc; with `alpha` it moves over nothing."""
    found = []
    for number in range(4):
        pixels = picture(2 * number)
        opacity = np.where(pixels[..., 0] > 150, 255, 0 if alpha else 255).astype(np.uint8)
        found.append(Image.fromarray(np.dstack([pixels, opacity])))
    return found


def shown(path) -> list[tuple[np.ndarray, float]]:
    with Image.open(path) as image:
        found = []
        for index in range(image.n_frames):
            image.seek(index)
            found.append((np.array(image.convert("RGBA")).astype(int), image.info.get("duration", 0)))
        return found


OPTIONS = {
    "gif": {"loop": 3, "disposal": 2},
    "webp": {"loop": 3, "lossless": True, "exact": True},
    "png": {"loop": 3},
    "avif": {"quality": 95},
}


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("suffix", OPTIONS)
def test_the_same_look(suffix, alpha, deblurrer, tmp_path):
    first, *others = frames(alpha)
    source, target = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    first.save(source, save_all=True, append_images=others, duration=DURATIONS, **OPTIONS[suffix])
    assert frames_of(source) == 4
    outcome = restore_animation(source, target, deblurrer, strength=0)
    assert outcome.frames == 4 and "loops" not in " ".join(outcome.notes)
    before, after = shown(source), shown(target)
    assert [duration for _, duration in before] == [duration for _, duration in after]
    with Image.open(source) as old, Image.open(target) as new:
        assert old.info.get("loop") == new.info.get("loop")
    for (old, _), (new, _) in zip(before, after, strict=True):
        seen = [pixels[..., :3] * pixels[..., 3:] / 255 for pixels in (old, new)]
        assert np.abs(seen[0] - seen[1]).mean() < (4 if suffix in ("gif", "avif") else 1e-9)
        assert ((old[..., 3] < 128) == (new[..., 3] < 128)).mean() > 0.99
    outcome = restore_animation(source, tmp_path / f"c.{suffix}", deblurrer)
    assert any((old != new).any() for (old, _), (new, _) in zip(after, shown(tmp_path / f"c.{suffix}"), strict=False))


def test_texts_and_profiles(deblurrer, tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Somebody")
    profile = b"\0\0\0\x84" + bytes(128)
    first, *others = frames(False)
    first.save(tmp_path / "a.png", save_all=True, append_images=others, pnginfo=texts, icc_profile=profile)
    restore_animation(tmp_path / "a.png", tmp_path / "b.png", deblurrer)
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["icc_profile"] == profile and image.text["Author"] == "Somebody"
    notes = restore_animation(tmp_path / "a.png", tmp_path / "b.gif", deblurrer).notes
    assert any("colour profile" in note and "Author" in note for note in notes)


def test_damaged_and_deep(deblurrer, tmp_path):
    first, *others = frames(False)
    file = io.BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=others, lossless=True)
    (tmp_path / "a.webp").write_bytes(file.getvalue()[: len(file.getvalue()) // 2])
    with pytest.raises(InputError, match="damaged"):
        restore_animation(tmp_path / "a.webp", tmp_path / "b.webp", deblurrer)
    assert not (tmp_path / "b.webp").exists()


@pytest.mark.parametrize("order", ["<", ">"])
def test_pages_keep_their_own_tags(order, deblurrer, tmp_path):
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    with tifffile.TiffWriter(source, byteorder=order) as file:
        for number in range(3):
            pixels = picture(number, 64 + 16 * number, 48)
            samples = (pixels.astype(np.uint16) * 257) if number == 1 else pixels
            file.write(
                samples,
                photometric="rgb",
                description=f"page {number}",
                compression=32946 if number else None,
                resolution=(100 + number, 100 + number),
                metadata=None,
                extratags=[(33432, "s", 0, f"copyright {number}", True)],
            )
    assert frames_of(source) == 3
    outcome = restore_pages(source, target, deblurrer, strength=0)
    assert outcome.frames == 3 and outcome.notes == ()
    old, new = ([decode(page, "TIFF") for page in _pages(path.read_bytes(), {})] for path in (source, target))
    for before, after in zip(old, new, strict=True):
        assert (before.pixels == after.pixels).all() and before.pixels.dtype == after.pixels.dtype
        assert before.metadata.dpi == after.metadata.dpi
    with tifffile.TiffFile(target) as file:
        assert [page.tags[270].value for page in file.pages] == [f"page {number}" for number in range(3)]
        assert [page.tags[33432].value for page in file.pages] == [f"copyright {number}" for number in range(3)]
        assert [page.compression for page in file.pages] == [1, 32946, 32946]


def test_one_page_with_a_reduced_copy_is_a_photo(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(picture(0), photometric="rgb")
        file.write(picture(0)[::4, ::4].copy(), photometric="rgb", subfiletype=1)
    assert frames_of(tmp_path / "a.tif") == 1
    assert read_photo(tmp_path / "a.tif").pixels.shape == (48, 64, 3)
