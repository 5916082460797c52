from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from deblurcli.networks.maxim.blocks import GatedMLP
from deblurcli.networks.maxim.network import MAXIM, RELEASED, MAXIMConfig
from deblurcli.networks.maxim.recognise import read_config
from deblurcli.networks.maxim.resize import enlarged, reduced, scaled

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = MAXIMConfig(features=4, sizes=(4, 2, 2), groups=1, bottleneck_blocks=1, stages=3)


def network_of(config: MAXIMConfig, seed: int = 0) -> MAXIM:
    torch.manual_seed(seed)
    return MAXIM(config).eval()


@pytest.mark.parametrize(
    ("config", "multiple"),
    [(RELEASED, 64), (TINY, 8), (replace(TINY, sizes=(2, 2, 4)), 16), (replace(TINY, sizes=(3, 2)), 12)],
)
def test_sides_are_whole_blocks_at_every_level(config: MAXIMConfig, multiple: int) -> None:
    assert config.size_multiple == multiple


def test_every_stage_gives_a_picture_of_full_size() -> None:
    x = torch.rand(2, 3, 16, 24)
    with torch.inference_mode():
        pictures = network_of(TINY)(x)
    assert [tuple(picture.shape) for picture in pictures] == [(2, 3, 16, 24)] * 3
    assert all(picture.dtype == torch.float32 for picture in pictures)


@pytest.mark.parametrize(
    "wrong", [{"sizes": (4,)}, {"sizes": (4, 0)}, {"features": 3}, {"image_channels": 2}, {"stages": 0}, {"groups": 0}]
)
def test_configs_that_make_no_network(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(TINY, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("stages", [1, 2])
def test_the_first_stages_are_a_network_with_some_of_the_weights(stages: int) -> None:
    whole, first = network_of(TINY), MAXIM(replace(TINY, stages=stages)).eval()
    state = whole.state_dict()
    assert first.state_dict().keys() < state.keys()
    first.load_state_dict({key: state[key] for key in first.state_dict()}, strict=True)
    x = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(first(x), whole(x)[:stages], rtol=0, atol=0)


@pytest.mark.parametrize("stages", [1, 3])
def test_every_weight_counts_for_the_last_picture(stages: int) -> None:
    network = network_of(replace(TINY, stages=stages))
    network(torch.rand(1, 3, 16, 16))[-1].square().sum().backward()
    assert [key for key, value in network.named_parameters() if value.grad is None] == []


def test_parameters_of_the_released_network() -> None:
    with torch.device("meta"):
        sizes = [
            sum(value.numel() for value in MAXIM(replace(RELEASED, stages=stages)).parameters()) for stages in (1, 3)
        ]
    assert sizes == [6_134_371, 22_207_605]


def test_the_config_is_read_off_the_weights() -> None:
    for config in (TINY, replace(TINY, stages=1, groups=2, sizes=(2, 2, 4, 2), bottleneck_blocks=2, image_channels=1)):
        assert read_config(MAXIM(config).state_dict()) == config


def test_blocks_mix_neighbours_and_the_grid_mixes_cells() -> None:
    """What changes where one pixel of 8 x 12 does."""
    changed = {}
    x = torch.rand(1, 8, 12, 4)
    other = x.clone()
    other[0, 3, 7, 0] += 1  # a single channel, as the norm takes away what all have in common
    for axis in ("grid", "block"):
        torch.manual_seed(1)
        mlp = GatedMLP(4, axis, 4)
        with torch.inference_mode():
            changed[axis] = (mlp(other) - mlp(x))[0].abs().amax(2) > 1e-6
    rows, columns = np.mgrid[0:8, 0:12]
    np.testing.assert_array_equal(changed["grid"], (rows % 2 == 1) & (columns % 3 == 1))  # cells of 2 x 3
    np.testing.assert_array_equal(changed["block"], (rows // 4 == 0) & (columns // 4 == 1))  # blocks of 4 x 4


def channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


@pytest.mark.parametrize("factor", [2, 4])
def test_shrinking_is_antialiased_bilinear(factor: int) -> None:
    x = torch.rand(2, 16, 4 * factor, 3)
    expected = F.interpolate(channels_first(x), scale_factor=1 / factor, mode="bilinear", antialias=True)
    torch.testing.assert_close(channels_first(reduced(x, factor)), expected)
    assert reduced(x.bfloat16(), factor).dtype == torch.bfloat16


def test_growing_keeps_the_mean_of_a_ramp() -> None:
    ramp = torch.arange(4.0).reshape(1, 1, 4, 1)
    assert enlarged(ramp, 2).flatten().tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3] * 2


def test_coarser_images_are_nearest_pixels_with_half_pixel_centres() -> None:
    x = torch.rand(1, 3, 16, 24)
    for level, image in enumerate(scaled(x, 3)):
        expected = F.interpolate(x, scale_factor=1 / (1 << level), mode="nearest-exact")
        torch.testing.assert_close(channels_first(image), expected, rtol=0, atol=0)


def test_it_trains_under_autocast_in_bfloat16() -> None:
    network = network_of(replace(TINY, stages=2)).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    x = torch.rand(2, 3, 16, 16)
    sharp = x / 2
    losses = []
    for _ in range(6):
        with torch.autocast("cpu", torch.bfloat16):
            pictures = network(x)
        assert all(picture.dtype == torch.float32 for picture in pictures)
        loss = torch.stack([(picture - sharp).square().mean() for picture in pictures]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert losses[-1] < 0.8 * losses[0]
