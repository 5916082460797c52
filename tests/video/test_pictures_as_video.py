"""A folder of pictures as a clip: their order, their bits, and what does not come into it."""

import imagecodecs
import numpy as np
import pytest
from clips import frames_of, picture
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images import Cicp
from deblurcli.images.colour_space import profile_of, space_of
from deblurcli.video.plan import VideoOptions, plan_video


def test_in_the_order_of_their_numbers(restore, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in (1, 2, 9, 10, 11):
        Image.new("RGB", (32, 32), (20 * number, 0, 0)).save(folder / f"frame{number}.png")
    (folder / ".frame3.png").write_bytes((folder / "frame1.png").read_bytes())
    (folder / "1²3.txt").touch()
    assert restore(folder, tmp_path / "out.mkv", strength=0, codec="ffv1").frames == 5
    reds = [int(frame.to_ndarray(format="rgb24")[0, 0, 0]) for _, frame in frames_of(tmp_path / "out.mkv")]
    assert reds == [20, 40, 180, 200, 220]


def test_sixteen_bits_stay(restore, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pixels = [picture(number).astype(np.uint16) * 257 + 3 for number in range(2)]
    for number, one in enumerate(pixels):
        (folder / f"{number}.png").write_bytes(imagecodecs.png_encode(one))
    outcome = restore(folder, tmp_path / "out.mkv", strength=0)
    assert any("written as FFV1, which holds 16 bits" in note for note in outcome.notes)
    for one, (_, frame) in zip(pixels, frames_of(tmp_path / "out.mkv"), strict=True):
        assert (frame.to_ndarray(format="rgb48le") == one).all()


def test_unlike_pictures_are_refused_by_name(restore, tmp_path):
    for name, other in (("size", picture(0, 64, 50)), ("depth", picture(0).astype(np.uint16) * 257)):
        folder = tmp_path / name
        folder.mkdir()
        Image.fromarray(picture(0)).save(folder / "1.png")
        (folder / "2.png").write_bytes(imagecodecs.png_encode(other))
        with pytest.raises(InputError, match=r"2\.png: .*than the first|2\.png: 64 x 50 pixels where the first"):
            restore(folder, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()


def test_transparency_and_profile_are_told(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    space = space_of(Cicp(12, 13))
    assert space
    half = np.dstack([picture(0), np.full((48, 64), 100, np.uint8)])
    Image.fromarray(half).save(folder / "1.png", icc_profile=profile_of(space, grey=False))
    told = " ".join(plan_video(folder, tmp_path / "out.mkv", VideoOptions()).notes)
    assert "transparency, which is shown on white" in told and "profile (" in told and "taken for sRGB" in told
