from __future__ import annotations

import numpy as np
import pytest
import torch

from deblurcli.errors import UsageError
from deblurcli.restore import device
from deblurcli.restore.deblurrer import Deblurrer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("wish", ["gpu", "cuda:99", "", "CPU"])
def test_an_unknown_device_names_those_there_are(wish):
    with pytest.raises(UsageError, match=r"available: auto, .*cpu"):
        device.pick_device(wish)


def test_cpu_is_always_there():
    assert device.pick_device("cpu") == torch.device("cpu")
    assert device.pick_device("auto").type in ("cpu", "cuda", "mps")


def test_an_unknown_precision_names_those_there_are(make_checkpoint):
    with pytest.raises(UsageError, match="unknown precision 'int8'; known: auto, fp32, bf16, fp16"):
        Deblurrer(make_checkpoint(), "cpu", "int8")


def test_auto_is_within_one_level_of_fp32(make_checkpoint):
    path = make_checkpoint()
    pixels = (device.test_picture()[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    exact = Deblurrer(path, "cpu", "fp32")(pixels).astype(int)
    assert np.abs(Deblurrer(path, "cpu", "auto")(pixels) - exact).max() <= 1


def test_a_network_that_overflows_in_half_precision_is_found_out(make_network):
    from deblurcli.networks.srn.network import SRNConfig

    network = make_network(SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1))
    cpu = torch.device("cpu")
    assert device.largest_difference(network, cpu, torch.float32) == 0
    network.enc1[0].weight *= 1e6
    assert device.largest_difference(network, cpu, torch.float16) == float("inf")


def test_auto_takes_a_trusted_precision_where_the_hardware_has_it(make_network):
    from deblurcli.networks.srn.network import SRNConfig

    cpu = torch.device("cpu")
    rough = make_network(SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1), last=20)
    assert device.largest_difference(rough, cpu, torch.bfloat16) > device.SAFE_LEVELS
    assert device.pick_precision("auto", rough, cpu, native=False) == torch.float32
    halves = device.native_half(cpu)
    wanted = torch.bfloat16 if torch.bfloat16 in halves else torch.float32
    assert device.pick_precision("auto", rough, cpu, False, {torch.bfloat16}) == wanted
    assert device.pick_precision("auto", rough, cpu, True, {torch.bfloat16}) == wanted
    # Another one than is trusted has to be safe, and to be quicker than the compiled library's float32.
    assert device.pick_precision("auto", rough, cpu, False, {torch.float16}) == torch.float32
    assert device.pick_precision("auto", rough, cpu, True, {torch.float16}) == torch.float32


def test_the_test_picture_is_rich():
    picture = device.test_picture()
    assert picture.shape == (1, 3, 128, 128)
    assert picture.min() >= 0 and picture.max() <= 1 and picture.std() > 0.2


def test_auto_is_fp32_where_that_is_the_fastest():
    deblur = Deblurrer("srn-fast", "cpu")
    if not deblur.architecture.runs_natively(deblur.network):
        pytest.skip("no native code here")
    assert deblur.dtype == torch.float32
