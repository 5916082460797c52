"""PSNR and both SSIMs against figures that GNU Octave made; see make_reference.py."""

from __future__ import annotations

import json

import make_reference
import numpy as np
import pytest

from deblurcli.metrics.psnr import psnr
from deblurcli.metrics.ssim import ssim_matlab, ssim_wang

FIGURES = json.loads(make_reference.STORED.read_text())
PAIRS = make_reference.pairs()


@pytest.mark.parametrize("name", PAIRS)
def test_measures_equal_octave(name: str) -> None:
    a, b = PAIRS[name]
    assert FIGURES[name]["sha256"] == make_reference.digest((a, b)), "the sample changed; run make_reference.py"
    expected_psnr, expected_wang, expected_matlab = FIGURES[name]["figures"]
    assert psnr(a, b) == pytest.approx(expected_psnr, abs=1e-11)
    assert ssim_matlab(a, b) == pytest.approx(expected_matlab, abs=1e-10)
    if np.isnan(expected_wang):
        with pytest.raises(ValueError, match="at least 11 x 11"):
            ssim_wang(a, b)
    else:
        assert ssim_wang(a, b) == pytest.approx(expected_wang, abs=1e-10)
