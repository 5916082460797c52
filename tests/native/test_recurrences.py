"""Recurrences along lines in every compiled library, against the formula."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from exactness import relative

from deblurcli.native import library
from deblurcli.native.scan import add_gradients, scan

WAYS = list(itertools.product((1, 2), (False, True)))  # along columns and rows, forward and backwards


def by_hand(x: np.ndarray, gates: np.ndarray, axis: int, backwards: bool) -> np.ndarray:
    """(N, H, W, C), place by place."""
    x, gates = (np.moveaxis(each, axis, 0) for each in (x, gates))
    h, result = np.zeros_like(x[0]), np.empty_like(x)
    for t in range(len(x))[:: -1 if backwards else 1]:
        h = (1 - gates[t]) * x[t] + gates[t] * h
        result[t] = h
    return np.moveaxis(result, 0, axis)


def tensors(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features, and gates of every size below one, zero and negative ones too; both with other channels around."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*shape[:3], shape[3] + 16, generator=generator)[..., 16:]
    gates = torch.randn(*shape[:3], 2 * shape[3], generator=generator).mul(3).tanh()[..., : shape[3]]
    gates[gates.abs() < 0.3] = 0
    return x, gates


@pytest.mark.parametrize(("axis", "backwards"), WAYS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5), (33, 70)])
def test_it_follows_the_formula(library_name: str, axis: int, backwards: bool, height: int, width: int) -> None:
    x, gates = tensors(2, height, width, 32)
    result = torch.empty(2, height, width, 40)[..., :32]
    scan(library_name, x, gates, result, axis, backwards)
    wanted = by_hand(x.double().numpy(), gates.double().numpy(), axis, backwards)
    assert relative(result.double(), torch.from_numpy(wanted)) < 1e-5


@pytest.mark.parametrize(("axis", "backwards"), WAYS)
def test_parts_and_threads_change_no_bit(library_name: str, axis: int, backwards: bool) -> None:
    x, gates = tensors(1, 37, 41, 16)
    whole, parts = torch.empty(1, 37, 41, 16), torch.empty(1, 37, 41, 16)
    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    scan(library_name, x, gates, whole, axis, backwards)
    torch.set_num_threads(usual)
    ends = [0, 1, 12, 30, x.shape[axis]]
    before = None
    for first, end in list(itertools.pairwise(ends))[:: -1 if backwards else 1]:
        x_part, gates_part, to = (each.narrow(axis, first, end - first) for each in (x, gates, parts))
        scan(library_name, x_part, gates_part, to, axis, backwards, before)
        before = to.narrow(axis, 0 if backwards else end - first - 1, 1)
    assert torch.equal(parts, whole)


@pytest.mark.parametrize(("axis", "backwards"), WAYS)
def test_gradients_are_those_of_the_formula(library_name: str, axis: int, backwards: bool) -> None:
    x, gates = (each.detach().requires_grad_(True) for each in tensors(2, 6, 9, 16))
    h, rows = torch.zeros(()), []
    for t in range(x.shape[axis])[:: -1 if backwards else 1]:
        g = gates.select(axis, t)
        h = (1 - g) * x.select(axis, t) + g * h
        rows.append(h)
    result = torch.stack(rows[:: -1 if backwards else 1], axis)
    of_result = torch.randn(result.shape, generator=torch.Generator().manual_seed(1))
    result.backward(of_result)
    of_x, of_gates = torch.ones(x.shape), torch.empty(x.shape)
    given = x.detach(), gates.detach(), result.detach(), of_result
    add_gradients(library_name, *given, of_x, of_gates, axis, backwards)
    assert relative(of_x - 1, x.grad) < 1e-5
    assert relative(of_gates, gates.grad) < 1e-5


def test_what_would_be_read_wrongly_is_refused(library_name: str) -> None:
    x, gates = tensors(1, 4, 4, 16)
    for wrong in (gates.double(), gates[:, :3], gates.transpose(2, 3), torch.ones(1, 4, 4, 16, dtype=torch.int32)):
        with pytest.raises(ValueError, match="features must be float32"):
            scan(library_name, x, wrong, torch.empty(1, 4, 4, 16), 1, False)
    with pytest.raises(ValueError, match="what came before"):
        scan(library_name, x, gates, torch.empty(1, 4, 4, 16), 1, False, gates[:, :, :1])
    if library.load_library(library_name).deblur_lanes() > 1:
        with pytest.raises(ValueError, match="in channels, not 15"):
            scan(library_name, x[..., :15], gates[..., :15], torch.empty(1, 4, 4, 15), 1, False)
