"""Features at another resolution in every compiled library, against PyTorch."""

from __future__ import annotations

import pytest
import torch
from exactness import psnr

from deblurcli.native import library
from deblurcli.native.resize import add_grown, shrink
from deblurcli.networks.maxim.resize import enlarged, reduced


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (5, 2), (6, 16), (9, 17), (3, 50)])
def test_any_rows_are_those_of_torch(library_name: str, factor: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    half = library_name in library.BF16.values()
    dtype, least = (torch.bfloat16, 45) if half else (torch.float32, 120)
    large = torch.randn(factor * height, factor * width, 64).to(dtype)
    small, before = torch.randn(height, width, 64).to(dtype), torch.randn(factor * height, factor * width, 64).to(dtype)
    shrunk = reduced(large.double()[None], factor)[0]
    grown = enlarged(small.double()[None], factor)[0] + before
    for top, bottom in {(0, height), (height // 2, height), (0, -(-height // 2))}:
        result = torch.full((bottom - top, width, 64), torch.nan, dtype=dtype)
        shrink(library_name, large, factor, top, result)
        assert psnr(result, shrunk[top:bottom]) > least
        rows = slice(top * factor, bottom * factor)
        result = before[rows].clone()
        add_grown(library_name, small, factor, rows.start, result)
        assert psnr(result, grown[rows]) > least
