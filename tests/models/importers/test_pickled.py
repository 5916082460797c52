from __future__ import annotations

import io
import re
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deblurcli.errors import WeightsDamaged
from deblurcli.models.checkpoint import load_checkpoint, save_checkpoint
from deblurcli.models.importers.pickled import read_pickled
from deblurcli.models.load import load_model
from deblurcli.networks.nafnet.network import RELEASED, NAFNetConfig
from deblurcli.networks.srn.network import SRNConfig
from deblurcli.restore.deblurrer import Deblurrer

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = NAFNetConfig(4, (1, 1, 1, 2), 1, (1, 1, 1, 1))
State = dict[str, torch.Tensor]


def released_shapes(config: NAFNetConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes as the NAFNet authors' files have them."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(name: str, out: int, into: int, kernel: int, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (out, into, kernel, kernel)
        if bias:
            shapes[f"{name}.bias"] = (out,)

    def blocks(prefix: str, count: int, c: int) -> None:
        for number in range(count):
            name = f"{prefix}.{number}"
            shapes[f"{name}.beta"] = shapes[f"{name}.gamma"] = (1, c, 1, 1)
            conv(f"{name}.conv1", 2 * c, c, 1)
            conv(f"{name}.conv2", 2 * c, 1, 3)
            conv(f"{name}.conv3", c, c, 1)
            conv(f"{name}.sca.1", c, c, 1)
            conv(f"{name}.conv4", 2 * c, c, 1)
            conv(f"{name}.conv5", c, c, 1)
            for norm in ("norm1", "norm2"):
                shapes[f"{name}.{norm}.weight"] = shapes[f"{name}.{norm}.bias"] = (c,)

    c, colours = config.width, config.image_channels
    conv("intro", c, colours, 3)
    conv("ending", colours, c, 3)
    for level, count in enumerate(config.encoder_blocks):
        blocks(f"encoders.{level}", count, c)
        conv(f"downs.{level}", 2 * c, c, 2)
        c *= 2
    blocks("middle_blks", config.middle_blocks, c)
    for step, count in enumerate(config.decoder_blocks):
        conv(f"ups.{step}.0", 2 * c, c, 1, bias=False)
        c //= 2
        blocks(f"decoders.{step}", count, c)
    return shapes


def released_state(config: NAFNetConfig) -> State:
    """With random values, such that results keep the size of what enters a layer."""
    generator = torch.Generator().manual_seed(1)
    state: State = OrderedDict()
    for key, shape in released_shapes(config).items():
        state[key] = torch.randn(shape, generator=generator) / np.prod(shape[1:]) ** 0.5
    return state


def write(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


@pytest.fixture
def state() -> State:
    return released_state(SMALL)


def test_a_full_size_file_as_the_authors_release_it(tmp_path):
    state = released_state(RELEASED["GoPro-width32"])
    path = write({"params": state}, tmp_path / "NAFNet-GoPro-width32.pth")
    assert abs(path.stat().st_size - 68_671_121) < 200_000  # that of the real file; the rest is the names' padding
    info, found = read_pickled(path)
    assert (info.architecture, info.name) == ("nafnet", "NAFNet-GoPro-width32")
    assert NAFNetConfig(**info.config) == RELEASED["GoPro-width32"]
    assert list(found) == list(state)
    assert all(torch.equal(found[key], value) for key, value in state.items())


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        NAFNetConfig(6, (2, 2, 4, 8), 12, (2, 2, 2, 2)),
        NAFNetConfig(4, (1, 0, 11), 0, (0, 1, 2), image_channels=1),
    ],
    ids=["deblurring", "denoising", "levels without blocks"],
)
def test_hyper_parameters_are_read_off_the_shapes(tmp_path, config):
    info, _ = read_pickled(write({"params": released_state(config)}, tmp_path / "a.pth"))
    assert NAFNetConfig(**info.config) == config


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"params": state},
        lambda state: {"params": {"nothing": torch.zeros(1)}, "params_ema": state},
        lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"state": {}, "lr": 0.1}},
        lambda state: {"model": {"params": state}},
        lambda state: {"params": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {"params": {key: value.half() for key, value in state.items()}},
    ],
    ids=["bare", "params", "params_ema", "state_dict", "nested", "module.", "half"],
)
def test_the_usual_wrappings(tmp_path, state, wrap):
    info, found = read_pickled(write(wrap(state), tmp_path / "a.pth"))
    assert info.architecture == "nafnet"
    assert all(torch.allclose(found[key].float(), value, rtol=1e-3, atol=1e-3) for key, value in state.items())


def test_an_imported_file_restores_as_the_pickle_does(tmp_path, state):
    for key in ("ending.weight", "ending.bias"):  # a change of colour would be taken for a failure
        state[key] *= 0.01
    path, imported = write({"params": state}, tmp_path / "a.pth"), tmp_path / "a.safetensors"
    info, found = read_pickled(path)
    save_checkpoint(imported, found, info)
    assert load_checkpoint(imported)[1].config["encoder_blocks"] == [1, 1, 1, 2]
    pixels = np.random.default_rng(0).integers(60, 200, (70, 90, 3), np.uint8)
    results = [
        Deblurrer(model, "cpu", "fp32", part_pixels=size)(pixels) for model in (path, imported) for size in (None, 4096)
    ]
    assert results[0].shape == pixels.shape and not np.array_equal(results[0], pixels)
    assert np.array_equal(results[0], results[2]) and np.array_equal(results[1], results[3])
    assert np.abs(results[0].astype(int) - results[1]).max() <= 1


def test_windows_are_switched_on_in_a_checkpoint(tmp_path, state):
    info, found = read_pickled(write(state, tmp_path / "a.pth"))
    assert info.config["window"] == 0
    path = tmp_path / "local.safetensors"
    save_checkpoint(path, found, replace(info, config={**info.config, "window": 16}))
    network, _ = load_model(path)
    x = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert network.config.window == 16
        assert not torch.allclose(network(x)[-1], load_model(tmp_path / "a.pth")[0](x)[-1], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("encoders.3.1.conv2.bias"), "tensor encoders.3.1.conv2.bias is missing"),
        (lambda s: s.pop("intro.bias"), "tensor intro.bias is missing"),
        (
            lambda s: s.update({"ending.weight": torch.zeros(3, 5, 3, 3)}),
            "tensor ending.weight has shape (3, 5, 3, 3), expected (3, 4, 3, 3)",
        ),
        (
            lambda s: s.update({"middle_blks.0.se.1.weight": torch.zeros(1)}),
            "tensor middle_blks.0.se.1.weight is unexp",
        ),
        (lambda s: s["decoders.0.0.beta"].fill_(float("nan")), "decoders.0.0.beta holds values that are not finite"),
        (lambda s: s.update({"intro.weight": torch.zeros(())}), "not the weights of NAFNet (a tensor has too few dim"),
        (lambda s: s.update({"intro.weight": torch.zeros(4, 7, 3, 3)}), "not the weights of NAFNet (width must be"),
        (lambda s: [s.pop(f"downs.{level}.weight") for level in range(4)], "same number of levels"),
        (lambda s: s.pop("intro.weight"), "not the weights of NAFNet (tensor intro.weight is missing)"),
    ],
)
def test_the_first_problem_is_named(tmp_path, state, change, message):
    change(state)
    path = write({"params": state}, tmp_path / "a.pth")
    with pytest.raises(WeightsDamaged, match=re.escape(message)) as caught:
        read_pickled(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_srn_without_a_stage_names_what_is_missing(tmp_path, make_network):
    state = make_network(SRNConfig((4, 6, 8), 3, 1)).state_dict()
    del state["enc3.0.weight"]
    with pytest.raises(WeightsDamaged, match=r"not the weights of SRN \(tensor enc3\.0\.weight is missing\)"):
        read_pickled(write(state, tmp_path / "a.pth"))


@pytest.mark.parametrize("content", [{}, {"params": {}}, {"params": 3}, [torch.zeros(1)], {"epoch": 1}, torch.zeros(3)])
def test_files_without_a_state_dict(tmp_path, content):
    with pytest.raises(WeightsDamaged, match="holds no state dict of tensors"):
        read_pickled(write(content, tmp_path / "a.pth"))


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_truncated_files(tmp_path, state, keep):
    file = io.BytesIO()
    torch.save({"params": state}, file)
    path = tmp_path / "a.pth"
    path.write_bytes(file.getvalue()[: keep if isinstance(keep, int) else int(len(file.getvalue()) * keep)])
    with pytest.raises(WeightsDamaged, match="not a readable PyTorch file") as caught:
        read_pickled(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
