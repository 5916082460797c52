"""The encoder-decoder as a stream of rows, with the result of `MultiTaskCNN.encode`; and SVRNN's other CNN."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from deblurcli.networks.mtcnn.layers import Layers
from deblurcli.networks.mtcnn.network import SLOPE, MultiTaskCNN
from deblurcli.networks.mtcnn.row_layers import ConvRows, Grow, Pool, RowLayer, TorchConv

HALO = 96  # rows of the image, a multiple of 8: more than a row of the result depends on, to either side
ORDER = ("1", "2", "pool", "3", "4", "pool", "5", "6", "7", "pool", "8", "9", "10", "grow", "11", "12", "grow", "13")
SKIPS = {"6": "11", "4": "13"}


class EncoderRows:
    """The encoder-decoder between two feeds.

    Args:
        network: whose it is.
        layers: who computes it.
        limit: rows of the image that are fed at a time, at most.
    """

    def __init__(self, network: MultiTaskCNN, layers: Layers, limit: int) -> None:
        self.stages: list[tuple[str, RowLayer]] = []
        latency = 0
        for name in ORDER:
            stage: RowLayer
            if name in ("pool", "grow"):
                stage = Pool(latency) if name == "pool" else Grow(layers.grow, latency)
                limit = max(limit // 2, 1) if name == "pool" else 2 * limit
            else:
                conv = cast(nn.Conv2d, getattr(network, f"conv{name}"))
                skip = conv.in_channels // 2 if name in SKIPS.values() else 0
                stage = layers.stream(f"conv{name}", network.slope, skip, latency, limit)
            latency = stage.latency
            self.stages.append((name, stage))
        by_name = dict(self.stages)
        self.skips = {name: cast(ConvRows, by_name[to]) for name, to in SKIPS.items()}

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """Rows of the image (N, C, h, W), h a multiple of 8, -> (N, 4 width, h', W / 2), those complete by then."""
        for name, stage in self.stages:
            rows = stage.feed(rows, last)
            last = stage.finished
            if name in self.skips:
                self.skips[name].keep(rows)
        return rows


class FeatureRows:
    """The CNN for SVRNN's features as a stream of rows."""

    def __init__(self, network: MultiTaskCNN) -> None:
        self.layers = TorchConv(network.feature1, SLOPE), TorchConv(network.feature2, None)

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """Rows of the image -> (N, features, h, W / 2), those complete by then."""
        for layer in self.layers:
            rows = layer.feed(rows, last)
        return rows
