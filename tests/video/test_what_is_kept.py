"""What a result keeps of its source, by container and codec; the table in docs/video.md is made here."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import frames_of, packets_of, picture

from deblurcli.video.clip import Clip, Colour
from deblurcli.video.colour import Samples
from deblurcli.video.plan import VideoOptions, plan_video
from deblurcli.video.probe import looked_into

UNEVEN = [0, 1, 2, 5, 6, 7, 8, 15, 16, 17, 18, 19, 25, 26, 27, 28, 29, 40, 41, 42, 43, 44, 45, 46, 47, 48, 60, 61]
METADATA = {"title": "A title", "artist": "Somebody", "comment": "A comment"}
HD, HDR = Colour(1, 1, 1, 1), Colour(1, 9, 9, 16)
MASTERED = {"crf": "20", "x265-params": "log-level=none:hdr10=1:max-cll=1000,400:master-display="}
MASTERED["x265-params"] += "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
#: Container, encoder of the source, its samples, its colours: every pair that is written.
CASES = {
    "MP4, H.264": ("clip.mp4", "mp4", "libx264", "yuv420p", HD),
    "MP4, HEVC 10 bit HDR": ("clip.mp4", "mp4", "libx265", "yuv420p10le", HDR),
    "MP4, AV1": ("clip.mp4", "mp4", "libsvtav1", "yuv420p", HD),
    "MOV, H.264": ("clip.mov", "mov", "libx264", "yuv420p", HD),
    "MOV, ProRes 10 bit": ("clip.mov", "mov", "prores_ks", "yuv422p10le", HD),
    "MKV, H.264 10 bit 4:4:4": ("clip.mkv", "matroska", "libx264", "yuv444p10le", HD),
    "MKV, FFV1 12 bit": ("clip.mkv", "matroska", "ffv1", "yuv422p12le", Colour(2, 9, 9, 18)),
    "WebM, VP9": ("clip.webm", "webm", "libvpx-vp9", "yuv420p", Colour(2, 1, 1, 1)),
    "WebM, VP8": ("clip.webm", "webm", "libvpx", "yuv420p", Colour()),
    "AVI, MPEG-4 ASP": ("clip.avi", "avi", "mpeg4", "yuv420p", Colour()),
    "AVI, Motion JPEG": ("clip.avi", "avi", "mjpeg", "yuvj420p", Colour(2, 5)),
}


def parts_kept(source: Path, result: Path) -> dict[str, bool | None]:
    """Of every part whether it is the same in both files; None where the source has none."""
    old, new = looked_into(source), looked_into(result)
    before, after = frames_of(source), frames_of(result)

    def same(kind: str) -> bool | None:
        return packets_of(source, kind) == packets_of(result, kind) if packets_of(source, kind) else None

    return {
        "frames and time stamps": [time for time, _ in before] == [time for time, _ in after],
        "codec and samples": (old.codec, old.pixel_format) == (new.codec, new.pixel_format),
        "colours": old.colour == new.colour if old.colour != Colour(old.colour.range) else None,
        "HDR light": (old.mastering, old.light) == (new.mastering, new.light) if old.light else None,
        "sample aspect": old.aspect == new.aspect,
        "rotation": old.display_matrix == new.display_matrix if old.display_matrix else None,
        "audio": same("audio"),
        "subtitles": same("subtitle"),
        "chapters": titles(old) == titles(new) if old.chapters else None,
        "metadata": METADATA.items() <= {key.lower(): value for key, value in new.metadata.items()}.items(),
    }


def row_of(case: str, kept: dict[str, bool | None]) -> str:
    """A line of the table in docs/video.md; a part that the source had not is left empty."""
    cells = ("" if value is None else " yes" for value in kept.values())
    return f"| {case} |{' |'.join(cells)} |"


def titles(clip: Clip) -> list[tuple[float, str]]:
    return [(float(one["start"] * one["time_base"]), one["metadata"]["title"]) for one in clip.chapters]


@pytest.mark.parametrize("case", CASES)
def test_a_result_is_like_its_source(case, clip, restore, tmp_path):
    name, format, codec, pixel_format, colour = CASES[case]
    source = clip(
        name,
        format=format,
        codec=codec,
        pixel_format=pixel_format,
        times=UNEVEN,
        colour=colour,
        audio=True,
        subtitles=format != "avi",
        chapters=format != "avi",
        metadata=METADATA,
        rotation=0 if format == "avi" else 90,
        aspect=Fraction(4, 3),
        options=MASTERED if "HDR" in case else None,
    )
    target = tmp_path / f"out{source.suffix}"
    outcome = restore(source, target, strength=0)
    assert outcome.target == target and outcome.frames == len(UNEVEN) and outcome.failed == 0
    kept = parts_kept(source, target)
    assert False not in kept.values(), kept
    assert row_of(case, kept) in (Path(__file__).parents[2] / "docs" / "video.md").read_text().splitlines()
    assert outcome.notes == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, target.name])


def test_a_lossless_codec_gives_back_every_sample(clip, restore, tmp_path):
    """And a network that adds nothing changes nothing: no matrix, range or chroma comes into it."""
    source = clip("clip.mkv", format="matroska", codec="ffv1", pixel_format="yuv420p10le", frames=5, colour=HDR)
    restore(source, tmp_path / "out.mkv", strength=0)
    for (_, old), (_, new) in zip(frames_of(source), frames_of(tmp_path / "out.mkv"), strict=True):
        assert [bytes(plane) for plane in old.planes] == [bytes(plane) for plane in new.planes]


def test_frames_are_what_the_network_makes_of_them(clip, restore, deblurrer, tmp_path):
    moving = [np.roll(picture(0), (5 * number, 7 * number), (0, 1)) for number in range(3)]  # nothing to damp
    source = clip("clip.mkv", format="matroska", codec="ffv1", pixel_format="bgr0", frames=3, pictures=moving)
    restore(source, tmp_path / "out.mkv")
    samples = Samples("gbrp", Colour(2, 0))
    for (_, old), (_, new) in zip(frames_of(source), frames_of(tmp_path / "out.mkv"), strict=True):
        wanted = deblurrer.restore(samples.rgb(samples.planar(old))).pixels
        assert (wanted != samples.rgb(samples.planar(old))).any()
        assert (samples.rgb(samples.planar(new)) == wanted).all()


def woven(first: int) -> list[np.ndarray]:
    """Frames of two fields: the rows from `first` on are shown before the others."""
    frames = [picture(2 * number) for number in range(4)]
    for number, frame in enumerate(frames):
        frame[1 - first :: 2] = picture(2 * number + 1)[1 - first :: 2]
    return frames


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", None),
        ("a.mkv", None),
        ("a.mkv", "mpeg2video"),
        ("a.mov", "prores"),
        ("a.mkv", "ffv1"),
        ("a.mp4", "av1"),
    ],
)
def test_interlaced_frames_stay_so_or_it_is_told(name, codec, order, clip, restore, tmp_path):
    options = {"crf": "10", "x264-params": f"{order}=1"}
    source = clip("in.mp4", options=options, pictures=woven(order == "bff"), frames=4)
    wanted = {"tff": "tt", "bff": "bb"}[order]
    assert looked_into(source).fields == wanted
    outcome = restore(source, tmp_path / name, codec=codec, strength=0)
    told = "interlaced, and the result does not say so" in " ".join(outcome.notes)
    assert looked_into(tmp_path / name).fields == ("" if codec == "av1" else wanted) and told == (codec == "av1")


def test_reordered_frames_of_avi_which_has_no_times_of_presentation(clip, restore, tmp_path):
    source = clip("a.avi", format="avi", codec="libx264", frames=30)
    assert restore(source, tmp_path / "b.mkv", strength=0).frames == 30
    found = frames_of(tmp_path / "b.mkv")
    assert [time for time, _ in found] == [Fraction(number, 25) for number in range(30)]
    for number, (_, frame) in enumerate(found):
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - picture(number)).mean() < 8
    assert restore(source, tmp_path / "part.mkv", strength=0, start=0.8).frames == 10


@pytest.mark.parametrize(("format", "codec"), [("mpegts", "mpeg2video"), ("mpeg", "mpeg1video")])
def test_broadcasts_and_discs(format, codec, clip, restore, tmp_path):
    source = clip("a.ts", format=format, codec=codec, options={"q": "3"}, frames=13)
    assert restore(source, tmp_path / "b.mkv", strength=0).notes == ()
    assert looked_into(tmp_path / "b.mkv").codec == codec
    assert [time for time, _ in frames_of(tmp_path / "b.mkv")] == [Fraction(number, 25) for number in range(13)]


def test_only_a_part(clip, restore, tmp_path):
    source = clip(audio=True, chapters=True, frames=50)
    outcome = restore(source, tmp_path / "out.mp4", strength=0, start=0.52, end=1.0)
    assert outcome.frames == 12
    times = [time for time, _ in frames_of(tmp_path / "out.mp4")]
    assert times == [Fraction(number, 25) for number in range(12)]
    sound = packets_of(tmp_path / "out.mp4", "audio")
    assert 20 <= len(sound) <= 24 and {data for _, data in sound} <= {data for _, data in packets_of(source, "audio")}
    assert titles(looked_into(tmp_path / "out.mp4")) == [(0.0, "Two")]


def test_another_container_and_what_it_does_not_hold(clip, restore, tmp_path):
    source = clip(audio=True, subtitles=True, rotation=90)
    told = " ".join(restore(source, tmp_path / "out.avi", strength=0).notes)
    assert "rotation" in told and "subtitle stream 2 (mov_text)" in told
    told = " ".join(restore(source, tmp_path / "out.webm", strength=0).notes)
    assert "written as VP9" in told and "aac" in told
    assert looked_into(tmp_path / "out.webm").codec == "vp9"


@pytest.mark.parametrize(("codec", "bits"), [("hevc", 10), ("av1", 10), ("mpeg4", 8)])
def test_bits_are_never_lost_in_silence(codec, bits, clip, tmp_path):
    source = clip("clip.mkv", format="matroska", codec="ffv1", pixel_format="yuv420p10le", frames=2)
    if bits == 8:
        with pytest.raises(Exception, match=r"does not hold its samples .*10 bits"):
            plan_video(source, tmp_path / "out.mkv", VideoOptions(codec=codec))
    else:
        assert "10le" in plan_video(source, tmp_path / "out.mkv", VideoOptions(codec=codec)).coding.pixel_format


def test_quality(clip, restore, tmp_path):
    source = clip(frames=5, pictures=[np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)] * 5)
    sizes = []
    for quality in (20, 60, 95):
        restore(source, tmp_path / "out.mp4", quality=quality, overwrite=True)
        sizes.append((tmp_path / "out.mp4").stat().st_size)
    assert sizes == sorted(sizes) and sizes[0] * 2 < sizes[2]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe")
def test_another_reader_finds_the_same(clip, restore, tmp_path):
    source = clip(audio=True, times=UNEVEN, rotation=90, colour=HD, metadata=METADATA)
    restore(source, tmp_path / "out.mp4")

    def told(path: Path) -> tuple[list[str], dict]:
        command = ["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json", str(path)]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        video = found["streams"][0]
        keys = ("codec_name", "pix_fmt", "color_space", "color_transfer", "color_primaries", "color_range", "nb_frames")
        about = {key: video.get(key) for key in (*keys, "side_data_list", "r_frame_rate")}
        packets = [one for one in found["packets"] if one["codec_type"] == "video"]
        return sorted(one["pts"] for one in packets), about

    assert told(source) == told(tmp_path / "out.mp4")
