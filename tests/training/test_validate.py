from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from deblurcli.metrics.psnr import psnr
from deblurcli.networks.srn.network import SRNConfig
from deblurcli.training.validate import validate

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1, global_residual=True)


def test_it_is_the_psnr_of_the_metrics(make_network):
    network, other = make_network(TINY, last=0.05), make_network(TINY, seed=1)
    generator = torch.Generator().manual_seed(0)
    pairs = []
    for height, width in ((32, 48), (37, 50)):
        sharp = torch.randint(40, 200, (3, height, width), generator=generator).byte()
        noise = torch.randint(0, 30, sharp.shape, generator=generator).byte()
        pairs.append((sharp + noise, sharp))
    own = {key: value.clone() for key, value in other.state_dict().items()}
    measured = validate(other, network.state_dict(), pairs, torch.autocast("cpu", torch.bfloat16, enabled=False))
    for index, (blurry, sharp) in enumerate(pairs):
        height, width = sharp.shape[1:]
        padded = F.pad(blurry[None].float() / 255, (0, -width % 16, 0, -height % 16), mode="reflect")
        restored = (network(padded)[-1][0, :, :height, :width].clamp(0, 1) * 255).round().byte()
        arrays = [image.permute(1, 2, 0).numpy() for image in (blurry, sharp, restored)]
        assert measured.before[index] == pytest.approx(psnr(arrays[0], arrays[1]), abs=1e-3)
        assert measured.after[index] == pytest.approx(psnr(arrays[2], arrays[1]), abs=1e-3)
    assert measured.gains == pytest.approx([b - a for a, b in zip(measured.before, measured.after, strict=True)])
    assert all(torch.equal(value, own[key]) for key, value in other.state_dict().items())
