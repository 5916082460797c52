from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from deblurcli.errors import DeblurError, OutputError, WeightsDamaged, WeightsUnavailable
from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, read_info, save_checkpoint
from deblurcli.networks.srn.network import SRNConfig

TINY = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1)
INFO = ModelInfo("srn", asdict(TINY), "tiny", "3", "MIT", {"steps": 12, "recipe": {"name": "tiny"}})


@pytest.fixture
def network(make_network):
    return make_network(TINY)


@pytest.fixture
def path(network, tmp_path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, network.state_dict(), INFO)
    return path


def one_line(error: DeblurError, path: Path) -> bool:
    return str(path) in str(error) and "\n" not in str(error)


def test_round_trip(network, path):
    loaded, info = load_checkpoint(path)
    assert not loaded.training
    assert loaded.config == TINY
    state = loaded.state_dict()
    assert list(state) == list(network.state_dict())
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
    assert info == read_info(path)
    assert (info.name, info.version, info.licence, info.training) == ("tiny", "3", "MIT", INFO.training)
    assert info.config["channels"] == [4, 6, 8]


def test_half_precision_is_loaded_as_float32(network, path):
    half = {key: value.half() for key, value in network.state_dict().items()}
    save_checkpoint(path, half, INFO)
    state = load_checkpoint(path)[0].state_dict()
    assert {value.dtype for value in state.values()} == {torch.float32}
    assert all(torch.equal(state[key], value.float()) for key, value in half.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("enc1.0.bias"), "enc1.0.bias"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra"),
        (lambda state: state.update({"enc1.0.bias": torch.zeros(5)}), "enc1.0.bias"),
        (lambda state: state["enc2.0.bias"].fill_(float("nan")), "enc2.0.bias holds values that are not finite"),
        (lambda state: state["enc1.0.weight"].fill_(float("inf")), "enc1.0.weight holds values that are not finite"),
    ],
    ids=["missing", "unexpected", "wrong shape", "NaN", "infinite"],
)
def test_weights_that_do_not_fit(network, path, change, message):
    state = {key: value.clone() for key, value in network.state_dict().items()}
    change(state)
    save_checkpoint(path, state, INFO)
    with pytest.raises(WeightsDamaged, match=re.escape(message)) as caught:
        load_checkpoint(path)
    assert one_line(caught.value, path)


@pytest.mark.parametrize("keep", [0, 4, 7, 8, 40, 0.5, 0.999])
def test_truncated_files(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    with pytest.raises(WeightsDamaged) as caught:
        load_checkpoint(path)
    assert one_line(caught.value, path)


def test_a_photo_with_the_name_of_weights(path):
    Image.new("RGB", (64, 64), "red").save(path, "JPEG")
    for read in (read_info, load_checkpoint):
        with pytest.raises(WeightsDamaged, match="not a deblurcli checkpoint") as caught:
            read(path)
        assert one_line(caught.value, path)


def test_safetensors_of_another_program(path):
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(WeightsDamaged, match="not a deblurcli checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("architecture", "config", "message"),
    [
        ("unet", {}, "unknown architecture 'unet'"),
        ("srn", {"depth": 3}, "unknown settings for srn: depth"),
        ("srn", {"channels": [1, 2]}, "do not fit"),
    ],
)
def test_headers_that_do_not_fit(network, path, architecture, config, message):
    save_checkpoint(path, network.state_dict(), ModelInfo(architecture, config, "tiny"))
    with pytest.raises(WeightsDamaged, match=message) as caught:
        load_checkpoint(path)
    assert one_line(caught.value, path)


@pytest.mark.parametrize("read", [read_info, load_checkpoint])
def test_files_that_are_not_there(tmp_path, read):
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(WeightsUnavailable) as caught:
            read(path)
        assert one_line(caught.value, path)


def test_the_header_is_plain_json_strings(path):
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert json.loads(header["__metadata__"]["config"])["kernel_size"] == 3


def test_saving_is_whole_or_not_at_all(network, path):
    before = path.read_bytes()
    absent = path.parent / "absent" / "tiny.safetensors"
    with pytest.raises(OutputError) as caught:
        save_checkpoint(absent, network.state_dict(), INFO)
    assert one_line(caught.value, absent)
    path.parent.joinpath("folder.safetensors").mkdir()
    with pytest.raises(OutputError):
        save_checkpoint(path.parent / "folder.safetensors", network.state_dict(), INFO)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["folder.safetensors", "tiny.safetensors"]
