"""The spatially variant RNN against a loop over places in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from exactness import relative
from scan_by_hand import four_ways_by_hand

from deblurcli.networks.mtcnn.recurrence import recurrence
from deblurcli.networks.mtcnn.scan import FourWays, four_ways

pytestmark = pytest.mark.usefixtures("one_thread")


def inputs(batch: int, channels: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """In float64; a third of the gates is zero, some are nearly one or minus one."""
    generator = torch.Generator().manual_seed(height)
    x = torch.randn(batch, channels, height, width, generator=generator, dtype=torch.float64)
    gates = torch.randn(batch, 4 * channels, height, width, generator=generator, dtype=torch.float64).mul(4).tanh()
    return x, gates * (torch.rand(gates.shape, generator=generator) < 0.67)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 31), (32, 3), (33, 64), (5, 131)])
def test_four_ways_over_an_image(height: int, width: int):
    x, gates = inputs(2, 16, height, width)
    wanted = np.stack([four_ways_by_hand(*each) for each in zip(x.numpy(), gates.numpy(), strict=True)])
    np.testing.assert_allclose(four_ways(x, gates).numpy(), wanted, rtol=0, atol=1e-10)
    result = four_ways(x.float(), gates.float())
    assert result.dtype == torch.float32
    assert relative(result.double(), torch.from_numpy(wanted)) < 1e-5


@pytest.mark.parametrize("length", [1, 31, 32, 33, 100])
def test_it_may_go_on_from_what_came_before(length: int):
    factors, summands = (each[0, 0] for each in inputs(1, 1, 2 * length, 4))
    summands = summands[:, :3]
    factors = factors[:, :3]
    whole = recurrence(factors, summands)
    rest = recurrence(factors[length:], summands[length:], whole[length - 1])
    torch.testing.assert_close(torch.cat([recurrence(factors[:length], summands[:length]), rest]), whole)


def test_gradients_are_those_of_small_changes():
    x, gates = inputs(2, 2, 5, 35)
    x, gates = (each.permute(0, 2, 3, 1).contiguous().requires_grad_(True) for each in (x, gates))
    assert torch.autograd.gradcheck(FourWays.apply, (x, gates), fast_mode=True)
    x, gates = (each.detach()[:1, :3, :3].contiguous().requires_grad_(True) for each in (x, gates))
    assert torch.autograd.gradcheck(FourWays.apply, (x, gates))


def test_gradients_in_the_library_are_those_in_pytorch():
    found = []
    for dtype in (torch.float64, torch.float32):
        x, gates = (each.to(dtype).requires_grad_(True) for each in inputs(2, 16, 9, 40))
        result = four_ways(x, gates)
        result.backward(torch.linspace(-1, 1, result.numel(), dtype=dtype).view(result.shape))
        found.append((x.grad, gates.grad))
    for wanted, given in zip(*found, strict=True):
        assert relative(given.double(), wanted) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_rounded_only_at_the_end(dtype: torch.dtype):
    x, gates = (each.to(dtype) for each in inputs(1, 16, 40, 9))
    result = four_ways(x, gates)
    assert result.dtype == dtype
    assert torch.equal(result, four_ways(x.float(), gates.float()).to(dtype))
