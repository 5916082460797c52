"""MAXIM's layers in every compiled library, against the same layers in PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from exactness import psnr
from torch import Tensor, nn

from deblurcli.native import library
from deblurcli.native.mixing import Pointwise, normalise, panel, prepare_dense
from deblurcli.networks.maxim.blocks import RCAB, RDCAB, CrossGating, MultiAxisGMLP
from deblurcli.networks.maxim.native_blocks import NativeBlocks, dense

pytestmark = pytest.mark.usefixtures("without_gradients")


@pytest.fixture
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def number_format(name: str) -> torch.dtype:
    """Of a library's features."""
    return torch.bfloat16 if name in library.BF16.values() else torch.float32


def least(name: str) -> float:
    """The PSNR in dB that must be reached: bfloat16 has eight binary digits."""
    return 45 if name in library.BF16.values() else 110


def with_all_weights(module: nn.Module, name: str) -> nn.Module:
    """Random weights of which every one matters, in the library's number format."""
    for parameter in module.parameters():
        if parameter.ndim == 1:
            parameter += 0.2 * torch.randn_like(parameter)
    return module.eval().requires_grad_(False).to(number_format(name))


def features(name: str, *shape: int) -> Tensor:
    return torch.randn(shape).to(number_format(name))


def exactly(module: nn.Module, *inputs: Tensor) -> list[Tensor]:
    """What a module makes of its inputs in float64."""
    results = copy.deepcopy(module).double()(*(x.double() for x in inputs))
    return list(results) if isinstance(results, tuple) else [results]


def mixed(name: str, mixer: MultiAxisGMLP, x: Tensor) -> Tensor:
    result, spare = x.clone(), torch.full_like(x, torch.nan)
    NativeBlocks(name).mix_axes(mixer, result, spare, result)
    return result


SIZES = [(32, 16), (32, 2), (64, 8), (96, 4), (128, 8), (256, 4)]


@pytest.mark.parametrize(("channels", "size"), SIZES)
def test_a_multi_axis_mlp_is_that_of_torch(library_name: str, channels: int, size: int) -> None:
    torch.manual_seed(0)
    mixer = with_all_weights(MultiAxisGMLP(channels, size), library_name)
    for n, down, across in ((1, 1, 1), (2, 3, 1), (1, 1, 7), (1, 2, 5)):
        x = features(library_name, n, down * size, across * size, channels)
        wanted = exactly(mixer, x)[0]
        assert psnr(mixed(library_name, mixer, x) - x.double(), wanted - x) > least(library_name), (n, down, across)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_odd_numbers_of_pixels_are_mixed_in_float32(engine: str, size: int) -> None:
    torch.manual_seed(0)
    mixer, x = with_all_weights(MultiAxisGMLP(32, size), engine), torch.randn(2, 2 * size, 3 * size, 32)
    assert psnr(mixed(engine, mixer, x), exactly(mixer, x)[0]) > 110


@pytest.mark.parametrize("engine", ["portable"], indirect=True)
def test_few_channels_are_enough_for_narrow_vectors(engine: str) -> None:
    channels = panel(engine)
    mixer, x = with_all_weights(MultiAxisGMLP(channels, 4), engine), torch.randn(1, 8, 12, channels)
    assert psnr(mixed(engine, mixer, x), exactly(mixer, x)[0]) > 110


@pytest.mark.parametrize(("channels", "size"), [(32, 16), (64, 8), (128, 4)])
def test_a_cross_gating_is_that_of_torch(library_name: str, channels: int, size: int) -> None:
    torch.manual_seed(0)
    gating = with_all_weights(CrossGating(channels, channels, size), library_name)
    gating.project_x, gating.project_y = nn.Identity(), nn.Identity()  # what follows them is tried here
    for n, down, across in ((1, 1, 1), (2, 2, 3)):
        x, y = (features(library_name, n, down * size, across * size, channels) for _ in range(2))
        wanted = exactly(gating, x, y)
        NativeBlocks(library_name).cross_gate(gating, x, y)
        assert min(psnr(x, wanted[0]), psnr(y, wanted[1])) > least(library_name)


@pytest.mark.parametrize("kind", [RCAB, RDCAB])
@pytest.mark.parametrize("channels", [32, 128])
def test_attention_blocks_are_those_of_torch(
    library_name: str, channels: int, kind: Callable[[int], nn.Module]
) -> None:
    torch.manual_seed(0)
    block = with_all_weights(kind(channels), library_name)
    for n, height, width in ((1, 2, 2), (2, 8, 24), (1, 37, 5), (1, 300, 40)):
        x = features(library_name, n, height, width, channels)
        wanted, result = exactly(block, x)[0], x.clone()
        NativeBlocks(library_name).attend(block, result, torch.full_like(x, torch.nan))
        assert psnr(result, wanted) > min(least(library_name), 100), (n, height, width)


@pytest.mark.parametrize("adds", [False, True])
def test_layers_pixel_by_pixel_are_those_of_torch(library_name: str, adds: bool) -> None:
    torch.manual_seed(0)
    norm, enter, leave = (
        with_all_weights(module, library_name)
        for module in (nn.LayerNorm(64, 1e-6), nn.Linear(64, 32), nn.Linear(32, 96))
    )
    layer = Pointwise(library_name, dense(library_name, enter, norm), dense(library_name, leave))
    alone = Pointwise(library_name, None, dense(library_name, enter))
    for pixels in (1, 4, 7, 11, 12, 13, 95, 97, 1000):
        x, factor = features(library_name, pixels, 64), features(library_name, pixels, 32)
        before, added = features(library_name, pixels, 96), features(library_name, pixels, 96)
        result = before.clone()
        layer.run(x, result, adds, factor=factor, added=added)
        inner = exactly(nn.Sequential(norm, enter, nn.GELU("tanh")), x)[0] * factor
        wanted = exactly(leave, inner)[0] + added + (before if adds else 0)
        assert psnr(result, wanted) > least(library_name), pixels
        to = features(library_name, pixels, 32)
        wanted = exactly(enter, x)[0] + (to if adds else 0)
        alone.run(x, to, adds)
        assert psnr(to, wanted) > least(library_name), pixels


def test_gelu_is_exact_to_a_millionth(engine: str) -> None:
    values = torch.cat(
        [torch.linspace(-13, 13, 4096 - 64), torch.linspace(-1e-3, 1e-3, 32), torch.logspace(-3, 38, 32)]
    )
    found = []
    for some in values.split(128):  # as biases, behind weights of zero; the layer after it does nothing
        enter = prepare_dense(engine, torch.zeros(128, 32), some, torch.float32)
        leave = prepare_dense(engine, torch.eye(128), torch.zeros(128), torch.float32)
        result = torch.empty(1, 128)
        Pointwise(engine, enter, leave).run(torch.randn(1, 32), result, adds=False)
        found.append(result[0])
    wanted = F.gelu(values.double(), approximate="tanh")
    error = (torch.cat(found) - wanted).abs() / values.double().abs().clamp(min=1)
    assert error.max() < 3e-7


def test_a_norm_for_convolutions_is_in_float32(library_name: str) -> None:
    torch.manual_seed(0)
    x, scale, shift = features(library_name, 5, 7, 64) * 3 + 1, torch.randn(64), torch.randn(64)
    result = torch.empty(5, 7, 64)
    normalise(library_name, x, scale, shift, result)
    wanted = F.layer_norm(x.double(), (64,), scale.double(), shift.double(), 1e-6)
    assert psnr(result, wanted) > 120


def test_the_number_of_threads_does_not_change_a_bit(library_name: str) -> None:
    torch.manual_seed(0)
    mixer = with_all_weights(MultiAxisGMLP(32, 4), library_name)
    attention, x = with_all_weights(RCAB(32), library_name), features(library_name, 2, 20, 28, 32)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            result = mixed(library_name, mixer, x)
            NativeBlocks(library_name).attend(attention, result, torch.empty_like(x))
            results.append(result)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


def test_features_may_lie_anywhere_in_memory(library_name: str) -> None:
    torch.manual_seed(0)
    mixer, x = with_all_weights(MultiAxisGMLP(32, 4), library_name), features(library_name, 1, 12, 20, 32)
    wanted = mixed(library_name, mixer, x)
    for offset in (1, 3, 5):
        moved, spare = (x.new_empty(x.numel() + offset)[offset:].view(x.shape) for _ in range(2))
        moved.copy_(x)
        NativeBlocks(library_name).mix_axes(mixer, moved, spare, moved)
        assert torch.equal(moved, wanted)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_value_that_is_no_number_stays_one_and_where_it_is(library_name: str, value: float) -> None:
    torch.manual_seed(0)
    mixer, x = with_all_weights(MultiAxisGMLP(32, 4), library_name), features(library_name, 1, 24, 32, 32)
    x[0, 9, 10, 5] = value
    wanted = x.clone()
    result = mixed(library_name, mixer, x)
    assert torch.equal(result.isfinite(), mixer(wanted).isfinite())
    assert not result.isfinite().all() and result[0, 0, 0].isfinite().all()


def test_the_smallest_and_largest_numbers(library_name: str) -> None:
    torch.manual_seed(0)
    mixer = with_all_weights(MultiAxisGMLP(32, 4), library_name)
    for scale in (1e-42, 1e-38, 1e15):
        x = (torch.randn(1, 8, 8, 32) * scale).to(number_format(library_name))
        wanted = exactly(mixer, x)[0]
        assert psnr(mixed(library_name, mixer, x), wanted) > least(library_name), scale


def test_features_with_gaps_are_refused(engine: str) -> None:
    mixer, x = with_all_weights(MultiAxisGMLP(32, 4), engine), torch.randn(1, 8, 8, 64)
    with pytest.raises(ValueError, match="contiguous"):
        NativeBlocks(engine).mix_axes(mixer, x[..., :32], x[..., 32:], x[..., :32])
