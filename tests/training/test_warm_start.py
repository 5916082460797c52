from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from deblurcli.errors import UsageError
from deblurcli.networks.srn.network import SRN, SRNConfig
from deblurcli.training.warm_start import fitted

SMALL = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1, resize="area", global_residual=True)


@pytest.mark.parametrize("recurrence", ["convlstm", "none"])
def test_larger_kernels_begin_with_what_the_smaller_ones_compute(make_network, recurrence):
    small = make_network(replace(SMALL, recurrence=recurrence))
    large = SRN(replace(SMALL, recurrence=recurrence, kernel_size=5))
    large.load_state_dict(fitted(small.state_dict(), large, Path("small")))
    picture = torch.rand(1, 3, 48, 32)
    with torch.no_grad():
        for first, second in zip(small(picture), large(picture), strict=True):
            assert torch.allclose(first, second, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("have", "message"),
    [
        (replace(SMALL, channels=(4, 6, 10)), "does not fit"),
        (replace(SMALL, kernel_size=5), "larger"),
        (replace(SMALL, recurrence="conv"), "cell.gates.weight does not fit"),
        (replace(SMALL, recurrence="none"), "cell.gates.weight does not fit"),
    ],
)
def test_other_networks_are_refused(make_network, have, message):
    with pytest.raises(UsageError, match=message):
        fitted(make_network(have).state_dict(), SRN(SMALL), Path("other.safetensors"))
