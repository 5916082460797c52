"""The benchmark of videos: figures of every case; none is held against a time."""

from small_model import save_small

from deblurcli.bench.speed.timing import Case
from deblurcli.bench.speed.video import measure_video


def test_a_clip_is_timed(tmp_path):
    model = str(save_small(tmp_path / "small.safetensors"))
    (row,) = measure_video([Case(model, "cpu", "fp32", 64, 48)], 3)
    assert row.network > 0 and row.file > 0 and (row.device, row.precision) == ("cpu", "fp32")
