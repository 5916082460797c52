"""Stopped runs: nothing under the final name, and going on gives what an undisturbed run gives."""

import shutil

import pytest
from clips import packets_of

from deblurcli.errors import OutputError
from deblurcli.video.segments import folder_of


@pytest.mark.parametrize(("name", "format", "codec"), [("a.mp4", "mp4", "libx264"), ("a.webm", "webm", "libvpx-vp9")])
def test_a_resumed_run_gives_what_an_undisturbed_one_gives(name, format, codec, clip, restore, tmp_path):
    source = clip(name, format=format, codec=codec, frames=170, size=(32, 32), audio=True)
    whole, again = tmp_path / f"whole{source.suffix}", tmp_path / f"again{source.suffix}"
    restore(source, whole)
    stopped = restore(source, again, after=60)
    assert stopped.target is None and not again.exists()
    assert [path.name for path in sorted(folder_of(again).glob("*.segment"))] == ["000000.segment"]
    stopped = restore(source, again, resume=True, after=120)
    assert stopped.resumed == 50 and not again.exists()
    done = restore(source, again, resume=True)
    assert done.resumed == 100 and done.frames == 170
    assert packets_of(whole, "video") == packets_of(again, "video")
    assert packets_of(whole, "audio") == packets_of(again, "audio")
    assert not folder_of(again).exists()


def test_other_settings_begin_anew(clip, restore, tmp_path):
    source = clip(frames=110, size=(32, 32))
    target = tmp_path / "out.mp4"
    restore(source, target, after=60)
    assert restore(source, target, resume=True, strength=0.5).resumed == 0
    restore(source, target, after=60, overwrite=True)
    assert restore(source, target, overwrite=True).resumed == 0  # nobody asked to go on


def test_a_damaged_or_missing_segment_ends_what_is_kept(clip, restore, tmp_path):
    source = clip(frames=170, size=(32, 32))
    target = tmp_path / "out.mp4"
    restore(source, target, after=110)
    (folder_of(target) / "000001.json").write_text("{")
    (folder_of(target) / "000007.segment.part").write_bytes(b"half")
    assert restore(source, target, resume=True).resumed == 50


def test_two_runs_do_not_meet(clip, restore, tmp_path):
    source = clip(frames=3)
    target = tmp_path / "out.mp4"
    with pytest.raises(OutputError, match="exists already"):
        shutil.copy(source, target)
        restore(source, target)
    assert target.read_bytes() == source.read_bytes()
