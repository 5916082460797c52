"""One scale of SRN, row-wise: the same result as `SRN.restore_scale` on the whole image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from deblurcli.networks.srn.layers import ConvLSTM, ConvRNN, Stateless
from deblurcli.networks.srn.network import Scale
from deblurcli.networks.srn.row_layers import stream_of
from deblurcli.tiling.row_stream import RowQueue, RowStream

# Of so many images, rows [first, end) of the state that comes from the coarser scale.
StateSource = Callable[[int, int, int], Tensor]


class TorchCell:
    """The recurrent bottleneck. Reads as many rows of the old state as it is given of features."""

    def __init__(self, cell: ConvLSTM | ConvRNN | Stateless, old_state: StateSource) -> None:
        self.cell, self.old_state = cell, old_state
        self.position = 0
        self.memory = RowQueue()
        convolution = {ConvLSTM: "gates", ConvRNN: "hidden", Stateless: "conv"}[type(cell)]
        self.first: RowStream = stream_of(getattr(cell, convolution))
        self.second: RowStream | None = stream_of(cell.output) if isinstance(cell, ConvRNN) else None

    def feed(self, x: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """Features (N, C, h, W) -> output (N, C, h', W) and new state (N, S, h', W), with the rows complete by then."""
        if isinstance(self.cell, Stateless):
            return self.first.feed(x, last), x[:, :0]
        state = self.old_state(len(x), self.position, self.position + x.shape[2]).to(x)
        self.position += x.shape[2]
        if isinstance(self.cell, ConvRNN):
            assert self.second is not None
            hidden = torch.tanh(self.first.feed(torch.cat([x, state], 1), last))
            return self.second.feed(hidden, last), hidden
        c, h = state.chunk(2, 1)
        self.memory.feed(c)
        gates = self.first.feed(torch.cat([x, h], 1), last)
        return self.cell.update(gates, self.memory.take(gates.shape[2]))


class TorchScale:
    """The encoder-decoder at one scale, between two feeds."""

    def __init__(self, network: Scale, old_state: StateSource) -> None:
        self.enc1, self.enc2, self.enc3 = stream_of(network.enc1), stream_of(network.enc2), stream_of(network.enc3)
        self.dec3, self.dec2, self.dec1 = stream_of(network.dec3), stream_of(network.dec2), stream_of(network.dec1)
        self.cell = TorchCell(network.cell, old_state)
        self.skip1 = RowQueue() if network.has_skips else None
        self.skip2 = RowQueue() if network.has_skips else None
        self.base = RowQueue() if network.config.global_residual else None
        self.dtype = network.dtype

    def feed(self, blurry: Tensor, previous: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """The next rows in, and those of the result out that are complete by then.

        Args:
            blurry, previous: (N, C, h, W) float32 rows of the blurry image and of the coarser prediction, grown; `h` is
                a multiple of 4.
            last: whether the image ends there.

        Returns:
            The prediction (N, C, h', W), float32 whatever the network's own precision; the state (N, S, h'', W / 4).
        """
        e1 = self.enc1.feed(torch.cat([blurry, previous], 1).to(self.dtype), last)
        if self.skip1 is not None:
            self.skip1.feed(e1)
        e2 = self.enc2.feed(e1, last)
        if self.skip2 is not None:
            self.skip2.feed(e2)
        hidden, state = self.cell.feed(self.enc3.feed(e2, last), last)
        d2 = self.dec3.feed(hidden, last)
        if self.skip2 is not None:
            d2.add_(self.skip2.take(d2.shape[2]))
        d1 = self.dec2.feed(d2, last)
        if self.skip1 is not None:
            d1.add_(self.skip1.take(d1.shape[2]))
        image = self.dec1.feed(d1, last).float()
        if self.base is not None:
            self.base.feed(blurry)
            image += self.base.take(image.shape[2])
        return image, state


class WholeScale:
    """The encoder-decoder at one scale for an image that comes in one feed: nothing to keep, nothing to join."""

    def __init__(self, network: Scale, old_state: StateSource) -> None:
        self.network, self.old_state = network, old_state

    def feed(self, blurry: Tensor, previous: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """As `TorchScale.feed`."""
        assert last
        old_state = self.old_state(len(blurry), 0, blurry.shape[2] // self.network.config.stride).to(self.network.dtype)
        image, state = self.network.restore_scale(blurry, previous, old_state)
        return image, blurry[:, :0] if state is None else state
