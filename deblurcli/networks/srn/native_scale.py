"""One scale of SRN in the compiled library: `torch_scale.TorchScale` for the CPU, several times faster.

What goes from layer to layer is float32. Of a network in bfloat16, whose weights are, Winograd's products are taken in
it too; the rest, transforms and sums included, is float32 even then.
"""

from __future__ import annotations

from torch import Tensor, nn

from deblurcli.native import library
from deblurcli.native.buffers import pooled_empty
from deblurcli.native.choice import library_for
from deblurcli.native.layers import Layer, layer_kind, prepare_layer, update_cell
from deblurcli.native.prepared import prepared
from deblurcli.native.streams import LayerStream, RowBuffer, SingleStream
from deblurcli.networks.srn.layers import Conv, ConvLSTM, ConvRNN, Stateless, Upsample
from deblurcli.networks.srn.native_layers import LayerOf, StageStream
from deblurcli.networks.srn.network import Scale
from deblurcli.networks.srn.torch_scale import StateSource


def channels_innermost(x: Tensor) -> Tensor:
    """(N, C, H, W) -> the same values with channels innermost and no gaps, copied only if need be."""
    if x.permute(0, 2, 3, 1).is_contiguous():
        return x
    return pooled_empty(x.shape[0], x.shape[1], x.shape[2], x.shape[3]).copy_(x)


class NativeCell:
    """The recurrent bottleneck; see `torch_scale.TorchCell`."""

    def __init__(
        self,
        cell: ConvLSTM | ConvRNN | Stateless,
        old_state: StateSource,
        layer_of: LayerOf,
        latency: int,
        limit: int,
        name: str,
    ) -> None:
        self.cell, self.old_state, self.name, self.latency = cell, old_state, name, latency
        self.features, self.state = RowBuffer(), RowBuffer()
        self.first: LayerStream | None
        self.second: SingleStream | None = None
        if isinstance(cell, Stateless):
            self.first = None
            if isinstance(cell.conv, Conv):
                sources = [(self.features, (0, cell.conv.in_channels))]
                self.first = LayerStream(layer_of(cell.conv), sources, latency, limit)
                self.latency = self.first.latency
            return
        convolution = cell.gates if isinstance(cell, ConvLSTM) else cell.hidden
        channels = convolution.in_channels // 2
        h = (channels, 2 * channels) if isinstance(cell, ConvLSTM) else (0, channels)
        self.first = LayerStream(
            layer_of(convolution), [(self.features, (0, channels)), (self.state, h)], latency, limit
        )
        self.latency = self.first.latency
        if isinstance(cell, ConvRNN):
            self.second = SingleStream(layer_of(cell.output), self.latency, limit, relu=False)
            self.latency = self.second.latency
        self.finished = False

    def feed(self, x: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """Features (N, C, h, W) -> output (N, C, h', W) and new state (N, S, h', W), with the rows complete by then."""
        if self.first is None:
            self.finished = last
            return x, x[:, :0]
        batch, channels, height, width = x.shape
        stateless = isinstance(self.cell, Stateless)
        if height and not stateless:
            state = self.old_state(batch, self.features.end, self.features.end + height)
            self.state.feed(channels_innermost(state.to(x)))
        self.features.feed(x)
        done = self.first.done
        result = self.first.advance(batch, width, last)
        if isinstance(self.cell, ConvLSTM):
            state, hidden = (
                pooled_empty(batch, 2 * channels, result.shape[2], width),
                pooled_empty(batch, channels, result.shape[2], width),
            )
            for image in range(batch if result.shape[2] else 0):
                cell = self.state.rows(done, self.first.done, image, (0, channels))
                update_cell(self.name, result[image], cell, state[image], hidden[image])
        elif self.second:
            state = result.tanh_()
            hidden = self.second.feed(state, self.first.finished)
        else:
            state, hidden = result[:, :0], result
        self.features.drop(self.first.needed, copy=True)
        self.state.drop(self.first.needed, copy=True)
        self.finished = (self.second or self.first).finished
        return hidden, state


class NativeScale:
    """The encoder-decoder at one scale, between two feeds."""

    def __init__(self, network: Scale, old_state: StateSource, layer_of: LayerOf, limit: int, name: str) -> None:
        latency = 0

        def stage(layers: nn.Sequential, factor: int) -> StageStream:
            nonlocal latency
            rows = StageStream(layers, layer_of, latency, limit // min(factor, network.config.stride))
            latency = rows.latency
            return rows

        self.enc1, self.enc2, self.enc3 = stage(network.enc1, 1), stage(network.enc2, 1), stage(network.enc3, 2)
        self.cell = NativeCell(network.cell, old_state, layer_of, latency, limit // network.config.stride, name)
        latency = self.cell.latency
        self.dec3, self.dec2, self.dec1 = stage(network.dec3, 4), stage(network.dec2, 2), stage(network.dec1, 1)
        self.skip1 = RowBuffer() if network.has_skips else None
        self.skip2 = RowBuffer() if network.has_skips else None
        self.base = RowBuffer() if network.config.global_residual else None

    def feed(self, blurry: Tensor, previous: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """As `TorchScale.feed`, but not all rows may come with the last feed: feed no rows until they do."""
        batch, colours, height, width = blurry.shape
        pair = pooled_empty(batch, 2 * colours, height, width)
        pair[:, :colours], pair[:, colours:] = blurry, previous
        e1 = self.enc1.feed(pair, last)
        if self.skip1 is not None:
            self.skip1.feed(e1)
        e2 = self.enc2.feed(e1, self.enc1.finished)
        if self.skip2 is not None:
            self.skip2.feed(e2)
        e3 = self.enc3.feed(e2, self.enc2.finished)
        hidden, state = self.cell.feed(e3, self.enc3.finished)
        d2 = self.dec3.feed(hidden, self.cell.finished, self.skip2)
        d1 = self.dec2.feed(d2, self.dec3.finished, self.skip1)
        if self.base is not None:
            self.base.feed(channels_innermost(blurry))
        image = self.dec1.feed(d1, self.dec2.finished, self.base)
        for skip, stage in ((self.skip2, self.dec3), (self.skip1, self.dec2), (self.base, self.dec1)):
            if skip is not None:
                last_layer = stage.layers[-1]
                assert isinstance(last_layer, SingleStream)
                skip.drop(last_layer.layer.done, copy=False)
        return image, state


def prepared_layer(module: nn.Module, name: str) -> Layer | None:
    """The library's form of a convolution."""
    assert isinstance(module, (Conv, Upsample))
    weight, bias = module.weight, module.bias
    assert bias is not None
    before = 1 if isinstance(module, Upsample) else module.before
    transposed = isinstance(module, Upsample)
    return prepared(module, name, lambda: prepare_layer(name, weight, bias, module.stride[0], before, transposed))


def runs_natively(network: nn.Module) -> bool:
    """Whether the compiled library computes this SRN on the CPU in float32.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    return has_all_layers(network, library.choose_backend().name)


def has_all_layers(network: nn.Module, name: str) -> bool:
    """Whether a library, not "torch", has a function for every convolution."""
    if name == "torch":
        return False
    loaded = library.load_library(name)
    return all(
        layer_kind(loaded, module.weight, module.stride[0], isinstance(module, Upsample)) is not None
        for module in network.modules()
        if isinstance(module, (Conv, Upsample))
    )


def native_scale(network: Scale, old_state: StateSource, limit: int) -> NativeScale | None:
    """The scale in the compiled library, making at most about `limit` rows at once; None where PyTorch has to do it.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    name = library_for(network.device, network.dtype)
    if not has_all_layers(network, name):
        return None

    def layer_of(module: nn.Module) -> Layer:
        layer = prepared_layer(module, name)
        assert layer is not None
        return layer

    return NativeScale(network, old_state, layer_of, limit, name)
