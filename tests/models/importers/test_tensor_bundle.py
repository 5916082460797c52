from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import bundle_writer as writer
import numpy as np
import pytest
from PIL import Image

from deblurcli.errors import DeblurError, WeightsDamaged, WeightsUnavailable
from deblurcli.models.importers.tensor_bundle import read_tensor_bundle

DATA = ".data-00000-of-00001"


def made_up_tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    tensors: dict[str, np.ndarray] = {
        f"net/layer{i}/weights": rng.standard_normal((3, 3, i + 1, 4)).astype(np.float32) for i in range(9)
    }
    tensors["net/layer1/biases"] = np.arange(4, dtype=np.float64)
    tensors["global_step"] = np.array(523000, np.int64)  # a scalar has no shape
    tensors["empty"] = np.zeros((0, 3), np.float32)
    tensors["flags"] = np.array([True, False])
    tensors["half"] = np.array([[1.5], [-2]], np.float16)
    tensors["Ünicode"] = np.array([-1, 2], np.int32)
    return tensors


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A small intact checkpoint."""
    prefix = tmp_path / "model-1.ckpt"
    writer.write_bundle(prefix, made_up_tensors())
    return prefix


def beside(prefix: Path, suffix: str) -> Path:
    return prefix.with_name(prefix.name + suffix)


def error_of(prefix: Path, kind: type[DeblurError] = WeightsDamaged) -> str:
    """The error line of a bad checkpoint; printed, so that `pytest -rP` shows what users read."""
    with pytest.raises(kind) as caught:
        read_tensor_bundle(prefix)
    line = str(caught.value)
    assert type(caught.value) is kind
    assert len(line.splitlines()) == 1
    print(f"{kind.__name__}: {line}")
    return line


def image_bytes(kind: str) -> bytes:
    noise = np.random.default_rng(8).integers(0, 256, (64, 64, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind)
    return file.getvalue()


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", ["", ".index", DATA])
def test_every_tensor_comes_back_whichever_file_is_named(prefix: Path, suffix: str) -> None:
    read = read_tensor_bundle(beside(prefix, suffix))
    expected = made_up_tensors()
    assert list(read) == sorted(expected)
    for name, tensor in expected.items():
        assert read[name].dtype == tensor.dtype
        np.testing.assert_array_equal(read[name], tensor)
        assert read[name].flags.writeable
        assert read[name].dtype.isnative


def test_several_shards(tmp_path: Path) -> None:
    writer.write_bundle(tmp_path / "model", made_up_tensors(), shards=3)
    read = read_tensor_bundle(tmp_path / "model.data-00002-of-00003")
    for name, tensor in made_up_tensors().items():
        np.testing.assert_array_equal(read[name], tensor)


def test_missing_files(prefix: Path, tmp_path: Path) -> None:
    assert "no such file" in error_of(Path(), WeightsUnavailable)
    assert str(tmp_path / "nothing.index") in error_of(tmp_path / "nothing", WeightsUnavailable)
    beside(prefix, DATA).unlink()
    assert str(beside(prefix, DATA)) in error_of(prefix, WeightsUnavailable)
    beside(prefix, ".index").unlink()
    assert str(beside(prefix, ".index")) in error_of(beside(prefix, DATA), WeightsUnavailable)


def test_folder_in_place_of_a_file(prefix: Path) -> None:
    beside(prefix, ".index").unlink()
    beside(prefix, ".index").mkdir()
    assert str(beside(prefix, ".index")) in error_of(prefix, WeightsUnavailable)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_image_in_place_of_the_checkpoint(prefix: Path, tmp_path: Path, kind: str) -> None:
    photo = tmp_path / "photo.image"
    photo.write_bytes(image_bytes(kind))
    assert f"{photo}: not a TensorFlow checkpoint" in error_of(photo)
    beside(prefix, ".index").write_bytes(image_bytes(kind))
    assert f"{beside(prefix, '.index')}: not the index of a TensorFlow checkpoint" in error_of(prefix)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_image_in_place_of_the_data(prefix: Path, kind: str) -> None:
    beside(prefix, DATA).write_bytes(image_bytes(kind))
    line = error_of(prefix)
    assert str(beside(prefix, DATA)) in line
    assert "tensor Ünicode" in line or "tensor flags" in line


def test_truncated_data_names_a_tensor(prefix: Path) -> None:
    data = beside(prefix, DATA).read_bytes()
    for length in range(0, len(data), 97):
        beside(prefix, DATA).write_bytes(data[:length])
        with pytest.raises(WeightsDamaged, match=r"tensor .* ends at byte"):
            read_tensor_bundle(prefix)
    beside(prefix, DATA).write_bytes(data[:-1])
    assert f"tensor Ünicode ends at byte {len(data)}, the file at {len(data) - 1}" in error_of(prefix)


def test_truncated_index_is_refused(prefix: Path) -> None:
    contents = beside(prefix, ".index").read_bytes()
    for length in range(0, len(contents), 7):
        beside(prefix, ".index").write_bytes(contents[:length])
        with pytest.raises(WeightsDamaged, match=re.escape(str(beside(prefix, ".index")))):
            read_tensor_bundle(prefix)


def test_flipped_bits_of_the_index_are_seen(prefix: Path) -> None:
    index = beside(prefix, ".index")
    contents = index.read_bytes()
    for bit in range(0, len(contents) * 8, 61):
        flip(index, bit)
        with pytest.raises(WeightsDamaged, match=re.escape(str(index))):
            read_tensor_bundle(prefix)
        index.write_bytes(contents)


def test_flipped_bits_of_the_data_name_the_tensor(prefix: Path) -> None:
    data = beside(prefix, DATA)
    contents = data.read_bytes()
    for bit in range(0, len(contents) * 8, 499):
        flip(data, bit)
        with pytest.raises(WeightsDamaged, match=r"tensor .* fails its checksum"):
            read_tensor_bundle(prefix)
        data.write_bytes(contents)
    flip(data, len(contents) * 8 - 1)
    assert f"{data}: tensor Ünicode fails its checksum" in error_of(prefix)


def one_entry(prefix: Path, value: bytes, header: bytes | None = None, **options: int) -> None:
    items = [(b"", writer.header() if header is None else header), (b"net/w", value)]
    beside(prefix, ".index").write_bytes(writer.table(items, **options))


def test_compressed_index_is_refused_by_name(prefix: Path) -> None:
    one_entry(prefix, writer.entry(1, (1,), 0, bytes(4)), compression=1)
    assert "compression with Snappy is not supported; save" in error_of(prefix)


def test_big_endian_is_refused_by_name(prefix: Path) -> None:
    one_entry(prefix, writer.entry(1, (1,), 0, bytes(4)), writer.header(endianness=1))
    assert "big-endian checkpoints are not supported; save" in error_of(prefix)


def test_table_without_the_header_of_a_checkpoint(prefix: Path) -> None:
    beside(prefix, ".index").write_bytes(writer.table([(b"a", b"b")]))
    assert "not the index of a checkpoint" in error_of(prefix)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (writer.entry(14, (2,), 0, bytes(4)), "tensor net/w: TensorFlow's type number 14 is not supported; save"),
        (writer.entry(1, (2, 3), 0, bytes(20)), "tensor net/w: shape [2, 3] does not fit its 20 bytes"),
        (
            writer.entry(1, (2**62,), 0, bytes(4)),
            "tensor net/w: it has 1 dimensions of 4611686018427387904 elements and less",
        ),
        (writer.entry(1, (2**63, 2**40, 0), 0, b""), "tensor net/w: it has 3 dimensions"),
        (writer.entry(1, (1,) * 99, 0, bytes(4)), "tensor net/w: it has 99 dimensions of 1 elements and less"),
        (writer.entry(1, (1,), 0, bytes(4), shard=1), "tensor net/w lies in shard 1 of 1"),
        (
            writer.entry(1, (1,), 0, bytes(4)) + writer.nested(7, b""),
            "tensor net/w: storage in slices is not supported; save",
        ),
        (writer.entry(1, (1,), 0, bytes(4))[:-1], "tensor net/w: its record is cut off"),
        (b"\x0f", "tensor net/w: its record is not a protobuf message"),
        (b"\xff" * 11, "tensor net/w: a number is cut off"),
    ],
    ids=["type", "shape", "huge", "huge and empty", "rank", "shard", "slices", "cut off", "no message", "no number"],
)
def test_nonsense_with_a_good_checksum(prefix: Path, value: bytes, problem: str) -> None:
    one_entry(prefix, value)
    line = error_of(prefix)
    assert problem in line
    assert str(beside(prefix, ".index")) in line


def test_tensor_far_beyond_the_file_takes_no_memory(prefix: Path) -> None:
    shape = writer.nested(2, writer.nested(2, writer.number(1, 2**50)))
    one_entry(prefix, writer.number(1, 1) + shape + writer.number(5, 2**52))
    assert "tensor net/w ends at byte 4503599627370496" in error_of(prefix)


def test_overlapping_tensors_are_refused(prefix: Path) -> None:
    value = writer.entry(1, (1,), 0, bytes(4))
    items = [(b"", writer.header()), (b"a", value), (b"b", value)]
    beside(prefix, ".index").write_bytes(writer.table(items))
    assert "tensor b overlaps another one" in error_of(prefix)


def test_tensors_of_strings_are_left_out(prefix: Path) -> None:
    data = bytes(4) + b"objects"
    items = [
        (b"", writer.header()),
        (b"_CHECKPOINTABLE_OBJECT_GRAPH", writer.entry(7, (), 4, b"objects")),
        (b"w", writer.entry(1, (1,), 0, bytes(4))),
    ]
    beside(prefix, ".index").write_bytes(writer.table(items))
    beside(prefix, DATA).write_bytes(data)
    assert list(read_tensor_bundle(prefix)) == ["w"]


def test_released_layout_damaged(released: dict[str, Path], tmp_path: Path) -> None:
    source = released["gray"]
    prefix = tmp_path / source.name
    shutil.copy(beside(source, ".index"), tmp_path)
    shutil.copy(beside(source, DATA), tmp_path)
    data, index = beside(prefix, DATA), beside(prefix, ".index")
    size = data.stat().st_size

    flip(data, size * 4)
    assert re.search(r"tensor g_net/\S+ fails its checksum", error_of(prefix))
    shutil.copy(beside(source, DATA), tmp_path)
    with data.open("r+b") as file:
        file.truncate(size - 1)
    assert f"tensor g_net/enc3_4/conv2/weights ends at byte {size}, the file at {size - 1}" in error_of(prefix)
    shutil.copy(beside(source, DATA), tmp_path)
    flip(index, 5000)
    assert "the block at byte 0 fails its checksum" in error_of(prefix)


@pytest.mark.parametrize(("of_index", "of_data"), [("gray", "lstm"), ("lstm", "gray"), ("color", "gray")])
def test_index_of_one_variant_with_the_data_of_another(
    released: dict[str, Path], tmp_path: Path, of_index: str, of_data: str
) -> None:
    prefix = tmp_path / released[of_index].name
    shutil.copy(beside(released[of_index], ".index"), tmp_path)
    shutil.copy(beside(released[of_data], DATA), tmp_path)
    assert re.search(r"tensor g_net/\S+ (fails its checksum|ends at byte)", error_of(prefix))
