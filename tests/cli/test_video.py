"""Videos and animations on the command line: what a user asks for, is told, and finds afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from clips import frames_of, make_clip, picture

from deblurcli.cli.video_options import parse_moment
from deblurcli.errors import UsageError
from deblurcli.video.probe import looked_into


def test_a_clip(here, tmp_path):
    make_clip(tmp_path / "clip.mp4", frames=30, audio=True)
    code, out, told = here("clip.mp4", "--json")
    assert code == 0 and "64x48, 30 frames" in told and "frames/s" in told
    record = json.loads(out)
    assert record["status"] == "done" and record["frames"] == record["restored"] == 30
    assert len(frames_of(tmp_path / "clip-deblurred.mp4")) == 30
    code, _, told = here("clip.mp4")
    assert code == 3 and "exists already" in told
    code, _, told = here("clip.mp4", "-o", "part.mkv", "--from", "0.4", "--to", "0:00.8", "--codec", "ffv1")
    assert code == 0 and len(frames_of(tmp_path / "part.mkv")) == 10


def test_frames_as_pictures_and_back(here, tmp_path):
    make_clip(tmp_path / "clip.mp4", frames=30, rotation=90)
    assert here("clip.mp4", "--frames", "stills", "--every", "10")[0] == 0
    names = sorted(path.name for path in (tmp_path / "stills").iterdir())
    assert names == ["000001.png", "000011.png", "000021.png"]
    assert Image.open(tmp_path / "stills" / names[0]).size == (48, 64)
    assert "3 were there" in here("clip.mp4", "--frames", "stills", "--every", "10")[2]
    assert here("stills", "-o", "again.mkv", "--fps", "30000/1001")[0] == 0
    assert len(frames_of(tmp_path / "again.mkv")) == 3


def test_only_what_is_blurred(here, tmp_path):
    sharp = [picture(0, 128, 96)] * 12
    grain = np.random.default_rng(0).integers(0, 60, (96, 128, 3), np.uint8)
    sharp = [pixels // 2 + grain for pixels in sharp]
    blurred = [sum(np.roll(pixels.astype(int), step, 1) for step in range(15)) // 15 for pixels in sharp]
    shown = [*sharp, *(pixels.astype(np.uint8) for pixels in blurred)]
    make_clip(tmp_path / "clip.mkv", format="matroska", codec="ffv1", frames=24, size=(128, 96), pictures=shown)
    code, _, told = here("clip.mkv", "--only-blurred", "--dry-run")
    assert code == 0 and "12 frames would be left as they are: at least 0.92 times as sharp" in told
    assert not (tmp_path / "clip-deblurred.mkv").exists()
    assert "12 left as they were" in here("clip.mkv", "--only-blurred")[2]
    before, after = frames_of(tmp_path / "clip.mkv"), frames_of(tmp_path / "clip-deblurred.mkv")
    same = [
        all(bytes(a) == bytes(b) for a, b in zip(old.planes, new.planes, strict=True))
        for (_, old), (_, new) in zip(before, after, strict=True)
    ]
    assert same == [True] * 12 + [False] * 12


def test_an_animation_and_what_is_refused(here, tmp_path):
    first, *others = [Image.fromarray(picture(number)) for number in range(3)]
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=70, loop=0)
    code, _, told = here("a.gif")
    assert code == 0 and "3 frames" in told
    assert [frame.size for frame in ImageSequence.Iterator(Image.open(tmp_path / "a-deblurred.gif"))] == [
        first.size
    ] * 3
    for name in ("a.mkv", "a.mp4"):
        assert here("a.gif", "-o", name)[0] == 0 and len(frames_of(tmp_path / name)) == 3
        assert looked_into(tmp_path / name).codec == "h264"
    (tmp_path / "text.mp4").write_text("no film")
    for arguments, code, words in (
        (["text.mp4"], 3, "no video"),
        (["a.gif", "--codec", "h264"], 2, "not of an animation"),
        (["a.gif", "text.mp4"], 2, "a video is restored alone"),
        (["a.mkv", "-o", "b.xyz"], 2, "cannot write a video as .xyz"),
        (["a.mkv", "-o", "b.mkv", "--codec", "divx"], 2, "not one that is written"),
        (["a.mkv", "-o", "b.mkv", "--from", "9"], 2, "no frame between"),
        (["a.mkv", "-o", "a.mkv", "--overwrite"], 2, "is the input"),
    ):
        found, _, told = here(*arguments)
        assert found == code and words in told and told.count("\n") == 1, told
    assert not list(tmp_path.glob("b.*"))


def test_moments():
    assert [parse_moment("--to", text) for text in ("90", "1:30.5", "1:02:03")] == [90, 90.5, 3723]
    for text in ("-1", "x", "1:2:3:4", "nan"):
        with pytest.raises(UsageError):
            parse_moment("--to", text)


def test_videos_in_folders(here, photo, tmp_path):
    photo("in/a.png")
    (tmp_path / "in" / "sub").mkdir()
    make_clip(tmp_path / "in" / "sub" / "b.mp4", frames=5)
    (tmp_path / "in" / "c.mkv").write_text("no film")
    code, _, told = here("in", "-r", "-o", "out")
    assert code == 0 and "2  videos, which --videos restores" in told
    assert not (tmp_path / "out" / "sub").exists()
    code, _, told = here("in", "-r", "-o", "out", "--videos")
    assert code == 1 and "c.mkv: damaged, cut short, or no video" in told
    assert len(frames_of(tmp_path / "out" / "sub" / "b.mp4")) == 5
    assert "b.mp4: exists already" in here("in", "-r", "-o", "out", "--videos")[2]
    make_clip(tmp_path / "in" / "c.ts", format="mpegts", frames=5)
    assert "would both become out/c.mkv" in here("in", "-r", "-o", "out", "--videos")[2]


def test_animations_and_pages_in_folders(here, photo, tmp_path):
    photo("in/a.png")
    first, *others = [Image.fromarray(picture(number)) for number in range(3)]
    (tmp_path / "in" / "sub").mkdir()
    for name in ("a.gif", "sub/b.apng", "sub/c.webp", "sub/d.tif"):
        first.save(tmp_path / "in" / name, save_all=True, append_images=others)
    first.save(tmp_path / "in" / "sub" / "e.apng")
    (tmp_path / "in" / "sub" / "c.webp").write_bytes((tmp_path / "in" / "sub" / "c.webp").read_bytes()[:-40])
    (tmp_path / "in" / "a.gif").rename(tmp_path / "in" / "b.gif")
    code, _, told = here("in", "-r", "-o", "out")
    assert code == 1 and told.count("restore it by itself, or its folder with --videos") == 5
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*png")) == ["a.png", "e.apng"]
    code, out, told = here("in", "-r", "-o", "out", "--videos", "--json")
    assert code == 1 and "c.webp: the WEBP data is damaged" in told
    for name in ("b.gif", "sub/b.apng", "sub/d.tif"):
        assert len(list(ImageSequence.Iterator(Image.open(tmp_path / "out" / name)))) == 3
    states = {Path(one["input"]).name: one["status"] for one in map(json.loads, out.splitlines()) if "input" in one}
    assert states == {"b.gif": "done", "b.apng": "done", "c.webp": "failed", "d.tif": "done"} | dict.fromkeys(
        ("a.png", "e.apng"), "skipped"
    )


def test_without_the_packages_for_videos_animations_work_and_a_video_names_them(tmp_path, small_model):
    first, *others = [Image.fromarray(picture(number)) for number in range(3)]
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=70, loop=0)
    script = "import sys; sys.modules['av'] = sys.modules['imageio'] = None; from deblurcli.cli import main; main()"

    def run(*arguments):
        command = [sys.executable, "-c", script, *arguments, "--model", str(small_model)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run("a.gif").returncode == 0 and (tmp_path / "a-deblurred.gif").exists()
    refused = run("a.gif", "-o", "a.mkv")
    assert refused.returncode == 3 and 'pip install "deblurcli[video]"' in refused.stderr
    assert refused.stderr.count("\n") == 1
