import pytest
import torch
from small_model import SMALL, save_small

from deblurcli.errors import UsageError
from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, save_checkpoint
from deblurcli.networks.srn.network import SRN
from deblurcli.training.average import average


@pytest.fixture
def two(tmp_path):
    return save_small(tmp_path / "a.safetensors", "a", 0.2), save_small(tmp_path / "b.safetensors", "b", 0.6)


def test_the_mean_is_weighted(two, tmp_path):
    first, second = two
    info = average([(first, 3), (second, 1)], tmp_path / "mean.safetensors")
    network, read = load_checkpoint(tmp_path / "mean.safetensors")
    assert network.get_parameter(f"dec1.{len(network.dec1) - 1}.bias").tolist() == pytest.approx([0.3] * 3, abs=1e-3)
    assert read == info
    assert info.name == "b"
    assert [(part["file"], part["weight"]) for part in info.training["mean_of"]] == [
        ("a.safetensors", 0.75),
        ("b.safetensors", 0.25),
    ]


def test_a_smaller_kernel_counts_with_zeros_around(two, tmp_path):
    config = {**vars(SMALL), "kernel_size": 5}
    large = SRN(type(SMALL)(**config))
    save_checkpoint(tmp_path / "l.safetensors", large.state_dict(), ModelInfo("srn", config, "large", licence="test"))
    average([(two[0], 1), (tmp_path / "l.safetensors", 1)], tmp_path / "mean.safetensors")
    mean, small = (load_checkpoint(path)[0].state_dict() for path in (tmp_path / "mean.safetensors", two[0]))
    name = "enc1.0.weight"
    assert mean[name].shape[2:] == (5, 5)
    inner = (small[name] + large.state_dict()[name][:, :, 1:4, 1:4]) / 2
    assert torch.allclose(mean[name][:, :, 1:4, 1:4], inner, atol=1e-3)
    assert torch.allclose(mean[name][:, :, 0], large.state_dict()[name][:, :, 0] / 2, atol=1e-3)


@pytest.mark.parametrize("weights", [(1, 0), (1, -1)])
def test_weights_are_above_zero(two, tmp_path, weights):
    with pytest.raises(UsageError, match="above 0"):
        average(list(zip(two, weights, strict=True)), tmp_path / "mean.safetensors")
    with pytest.raises(UsageError, match="at least two"):
        average([(two[0], 1)], tmp_path / "mean.safetensors")


def test_other_networks_do_not_fit(two, tmp_path):
    config = {**vars(SMALL), "channels": (4, 6, 10)}
    save_checkpoint(
        tmp_path / "o.safetensors",
        SRN(type(SMALL)(**config)).state_dict(),
        ModelInfo("srn", config, "other", licence="test"),
    )
    with pytest.raises(UsageError, match="does not fit"):
        average([(two[0], 1), (tmp_path / "o.safetensors", 1)], tmp_path / "mean.safetensors")
