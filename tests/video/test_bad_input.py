"""Files that are no clips, or broken ones: one line, and nothing written."""

import av
import numpy as np
import pytest
from clips import make_clip

from deblurcli.errors import DeblurError, InputError, OutputError
from deblurcli.video.names import is_video
from deblurcli.video.plan import VideoOptions, plan_video


def refused(source, target, **options) -> str:
    with pytest.raises(DeblurError) as problem:
        plan_video(source, target, VideoOptions(**options))
    assert not target.exists() and "\n" not in str(problem.value)
    return str(problem.value)


@pytest.mark.parametrize("format", ["mp4", "matroska", "avi"])
def test_cut_short(format, tmp_path):
    suffix = {"mp4": ".mp4", "matroska": ".mkv", "avi": ".avi"}[format]
    codec = "mpeg4" if format == "avi" else "libx264"
    source = make_clip(tmp_path / f"a{suffix}", format=format, codec=codec, frames=100, audio=True)
    data = source.read_bytes()
    for share in (0.3, 0.7):
        source.write_bytes(data[: int(len(data) * share)])
        told = refused(source, tmp_path / f"b{suffix}")
        assert "damaged" in told or "cut short" in told


@pytest.mark.parametrize(("format", "codec"), [("matroska", "libx264"), ("webm", "libvpx-vp9"), ("mp4", "libx264")])
def test_short_clips_cut_short(format, codec, tmp_path):
    """A second is less than what a file's duration may differ by."""
    options = {"movflags": "+faststart"} if format == "mp4" else {}
    source = make_clip(tmp_path / "a.bin", format=format, codec=codec, frames=20, container_options=options)
    plan_video(source, tmp_path / "b.mkv", VideoOptions())
    source.write_bytes(source.read_bytes()[: -source.stat().st_size // 8])
    assert "its end is missing" in refused(source, tmp_path / "b.mkv")


def test_a_clip_whose_beginning_is_cut_by_a_list_of_edits(restore, tmp_path):
    source = make_clip(tmp_path / "a.mp4", times=list(range(-4, 6)))
    assert restore(source, tmp_path / "b.mp4").frames == 6


def test_no_video_at_all(tmp_path):
    (tmp_path / "text.mp4").write_text("no film\n" * 100)
    (tmp_path / "empty.mkv").touch()
    assert "no video" in refused(tmp_path / "text.mp4", tmp_path / "b.mp4")
    assert "empty" in refused(tmp_path / "empty.mkv", tmp_path / "b.mkv")
    with av.open(str(tmp_path / "sound.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts = 48000, 0
        file.mux(stream.encode(frame) + stream.encode(None))
    assert "no video stream in it, only audio" in refused(tmp_path / "sound.mp4", tmp_path / "b.mp4")


def test_no_frames(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        stream = file.add_stream("ffv1", rate=25)
        stream.width, stream.height = 64, 48
        file.start_encoding()
    assert refused(tmp_path / "a.mkv", tmp_path / "b.mkv")


def test_a_wrong_extension_is_read_by_content(clip, restore, tmp_path):
    source = clip("clip.mkv", format="matroska", frames=3)
    wrong = source.rename(tmp_path / "clip.jpg")
    assert is_video(wrong)
    assert restore(wrong, tmp_path / "out.mkv").frames == 3


def test_times_that_come_twice(tmp_path):
    source = make_clip(tmp_path / "a.avi", format="avi", codec="mjpeg", pixel_format="yuvj420p", frames=6)
    with av.open(str(source)) as old, av.open(str(tmp_path / "b.mkv"), "w", format="matroska") as new:
        stream = new.add_stream_from_template(old.streams.video[0], opaque=True)
        for packet in old.demux(video=0):
            if packet.size:
                packet.pts = packet.dts = packet.dts // 2
                packet.stream = stream
                new.mux(packet)
    assert "broken time stamps" in refused(tmp_path / "b.mkv", tmp_path / "c.mkv")


def test_odd_sizes(clip, restore, tmp_path):
    source = clip("odd.mkv", format="matroska", codec="ffv1", size=(63, 47), frames=3)
    assert "odd" in refused(source, tmp_path / "out.mp4", codec="h264")
    assert restore(source, tmp_path / "out.mkv").frames == 3
    assert restore(source, tmp_path / "vp9.mkv", codec="vp9").frames == 3


def test_absurd_sizes(tmp_path):
    source = make_clip(tmp_path / "a.mkv", format="matroska", codec="ffv1", frames=2)
    data = source.read_bytes()
    width, height = b"\xb0\x81\x40", b"\xba\x81\x30"  # Matroska's PixelWidth and PixelHeight, a byte each
    assert data.count(width) == 1 and data.count(height) == 1
    source.write_bytes(data.replace(width, b"\xb0\x84\x00\x0f\x42\x40"[:3]).replace(height, b"\xba\x81\xff"))
    assert refused(source, tmp_path / "b.mkv")


def test_damage_in_the_middle_leaves_nothing(clip, restore, tmp_path):
    source = clip("a.mp4", frames=120)
    data = bytearray(source.read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    source.write_bytes(data)
    with pytest.raises((InputError, OutputError)):
        restore(source, tmp_path / "out.mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
