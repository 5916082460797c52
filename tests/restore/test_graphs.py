from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from deblurcli.networks.srn.network import SRNConfig
from deblurcli.restore import graphs
from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.restore.graphs import Graphs

CONFIG = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1, resize="area", global_residual=True)
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@torch.inference_mode()
def test_where_nothing_can_be_recorded_the_network_runs(make_network):
    network = make_network(CONFIG)
    restored = Graphs(network)
    for shape in ((1, 3, 32, 48), (2, 3, 32, 48)):
        for _ in range(3):
            x = torch.rand(shape)
            assert torch.equal(restored(x), network(x)[-1])


@on_cuda
@torch.inference_mode()
def test_a_recording_gives_what_the_network_gives(make_network):
    network = make_network(CONFIG).cuda()
    restored = Graphs(network)
    shapes = [(1, 3, 16 * rows, 48) for rows in range(1, graphs.KEPT + 3)]
    for shape in 3 * shapes:
        x = torch.rand(shape, device="cuda")
        before = x.clone()
        assert torch.allclose(restored(x), network(x)[-1], atol=1e-3)
        assert torch.equal(x, before)
    assert restored.usable and len(restored.recordings) == graphs.KEPT


@on_cuda
def test_threads_do_not_mix_their_images(make_checkpoint):
    deblur = Deblurrer(make_checkpoint(), "cuda", "fp32")
    images = [np.full((40, 64, 3), 20 * index, np.uint8) for index in range(8)]
    wanted = [Deblurrer(make_checkpoint(), "cpu", "fp32")(image) for image in images]
    wrong = []

    def restore_all() -> None:
        for _ in range(10):
            for image, result in zip(images, wanted, strict=True):
                if np.abs(deblur(image).astype(int) - result).max() > 1:
                    wrong.append(image)

    threads = [threading.Thread(target=restore_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and deblur.graphs.usable


@on_cuda
@pytest.mark.parametrize("size", [(40, 64), (97, 133), (700, 900)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_gpu_gives_what_the_cpu_gives(make_checkpoint, size, dtype):
    white = 1 if dtype is np.float32 else np.iinfo(dtype).max
    image = (np.random.default_rng(0).uniform(0.2, 0.8, (*size, 3)) * white).astype(dtype)
    wanted = Deblurrer(make_checkpoint(), "cpu", "fp32")(image).astype(float)
    deblur = Deblurrer(make_checkpoint(), "cuda", "fp32")
    for _ in range(3):
        for result in deblur.restore_alike([image, image]):
            assert np.abs(result.pixels - wanted).max() <= max(white / 1e4, 1 if white > 1 else 0)
