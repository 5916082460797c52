"""The network on an image of any size, with the whole image's result.

The encoder-decoder is a stream of rows. What it makes of the whole image is kept, at half the image's size, and each
RNN goes over that twice, in strips: upwards for the pass from bottom to top, and downwards for the other three, whose
state goes on from strip to strip, and for the layer after it. So everything is computed once. Memory, beside that of a
strip: what is kept, width + features numbers per pixel of the image. On a device it lies there or, where there is no
room, in main memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from deblurcli.native.buffers import pooled_empty
from deblurcli.networks.mtcnn.encoder_rows import HALO, EncoderRows, FeatureRows
from deblurcli.networks.mtcnn.layers import NativeLayers, TorchLayers, layers_of
from deblurcli.networks.mtcnn.network import RNNS, MultiTaskCNN
from deblurcli.networks.mtcnn.row_layers import innermost
from deblurcli.networks.mtcnn.scan import DIRECTIONS, Direction, run_direction
from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.memory import OUT_OF_MEMORY, attempt, until_done
from deblurcli.tiling.whole import restore_whole

ENCODER, FEATURES, UPWARDS, DOWNWARDS, LAST = 0.56, 0.02, 0.03, 0.07, 0.02  # shares of the work
UPWARD = DIRECTIONS[3]


@torch.inference_mode()
def restore(network: MultiTaskCNN, source: Source, emit: Emit, budget: PixelBudget, advance: Advance) -> None:
    """Restore an image; arguments and errors as for `Architecture.run`.

    After memory ran out the same pixels may be emitted again, with the same values but for rounding.
    """
    layers = layers_of(network)
    if isinstance(layers, TorchLayers) and restore_whole(network, network.device, source, emit, budget, advance):
        return
    KeptFeatures(network, layers, source, emit, budget, advance).run()


class KeptFeatures:
    """One image on its way through the network; arguments as for `Architecture.run`, and who computes the layers.

    Attributes:
        height, width: of the features, half the image's.
        home: where they are kept.
    """

    def __init__(
        self,
        network: MultiTaskCNN,
        layers: TorchLayers | NativeLayers,
        source: Source,
        emit: Emit,
        budget: PixelBudget,
        advance: Advance,
    ) -> None:
        self.network, self.layers, self.config, self.device = network, layers, network.config, network.device
        self.dtype = network.dtype if isinstance(layers, TorchLayers) else torch.float32
        self.source, self.emit, self.budget, self.told = source, emit, budget, advance
        self.height, self.width = source.height // 2, source.width // 2
        self.batch = source.read(0, 1, 0, 1).shape[0]
        self.home, self.finished = network.device, 0.0

    def run(self) -> None:
        """Restore it.

        Raises:
            MemoryError: if the smallest strips do not fit, or what is kept does not even in main memory.
        """
        wide, first = self.encode()
        features = first
        for rnn in range(RNNS):
            features = self.down(rnn, wide, features, self.up(rnn, wide, features))
        del wide
        self.through_last(features, first)

    def through_last(self, features: Tensor, first: Tensor) -> None:
        """The rest, from what the last RNN made and the first one began with, both (N, features, H / 2, W / 2)."""
        half = self.kept(self.layers.outputs("conv20"))

        def combine(top: int, bottom: int) -> None:
            strips = [[(0, features)], [(0, first)]]
            half[:, :, top:bottom] = self.layers.convolve("conv20", strips, top, bottom)

        self.downwards(combine, LAST / 2)
        self.downwards(lambda top, bottom: self.finish(half, top, bottom), LAST / 2)
        self.told(1.0)

    def encode(self) -> tuple[Tensor, Tensor]:
        """The encoder-decoder's result (N, 4 width, H / 2, W / 2), and the features that the first RNN goes over."""
        wide = Growing(self.kept(4 * self.config.width))
        first = Growing(self.kept(self.config.features))
        own = self.config.variant == "svrnn"

        def step() -> bool:
            start = max(2 * wide.done - HALO, 0)
            rows = max(self.budget.pixels // self.source.width // 8 * 8, 8)
            encoder = EncoderRows(self.network, self.layers, rows)
            beside = FeatureRows(self.network) if own else None
            wide.go_on(start // 2)
            first.go_on(start // 2)
            for image, last in self.strips(start, rows):
                wide.add(encoder.feed(image, last))
                if beside is not None:
                    first.add(beside.feed(image, last))
                self.advance(ENCODER * wide.done / self.height)
                if wide.done == self.height:
                    break
            return False

        until_done(self.budget, step)
        self.finished = ENCODER

        def features(top: int, bottom: int) -> None:
            first.rows[:, :, top:bottom] = self.layers.convolve("conv15", [[(0, wide.rows)]], top, bottom)

        if not own:
            self.downwards(features, FEATURES)
        return wide.rows, first.rows

    def strips(self, start: int, rows: int) -> Iterator[tuple[Tensor, bool]]:
        """The image's rows from `start` on, and whether they are the last; after these there are none, without end."""
        while start < self.source.height:
            end = min(start + rows, self.source.height)
            image = self.read(start, end)
            yield image, end == self.source.height
            start = end
        while True:
            yield image[:, :, :0], True

    def up(self, rnn: int, wide: Tensor, features: Tensor) -> Tensor:
        """The pass from bottom to top of an RNN, (N, features, H / 2, W / 2)."""
        result = self.kept(self.config.features)
        bottom = self.height

        def step() -> bool:
            nonlocal bottom
            top = max((bottom - 1) // self.layers.unit * self.layers.unit - self.rows() + self.layers.unit, 0)
            gates = self.layers.convolve(f"upward{rnn}", [[(0, wide)]], top, bottom).tanh_()
            before = result[:, :, bottom : bottom + 1] if bottom < self.height else None
            scan(features[:, :, top:bottom], gates, UPWARD, result[:, :, top:bottom], before)
            bottom = top
            self.advance(UPWARDS * (1 - bottom / self.height))
            return bottom > 0

        until_done(self.budget, step)
        self.finished += UPWARDS
        return result

    def down(self, rnn: int, wide: Tensor, features: Tensor, upward: Tensor) -> Tensor:
        """The other three passes of an RNN, and the layer after it: what the next one goes over, of the same shape."""
        channels = self.config.features
        result = self.kept(channels)
        done = 0
        waiting: list[tuple[int, Tensor]] = []  # the last two rows of all four passes

        def strip(top: int, bottom: int) -> None:
            nonlocal done, waiting
            gates = self.layers.convolve(f"gates{rnn}", [[(0, wide)]], top, bottom).tanh_()
            passes = pooled_empty(self.batch, 4 * channels, bottom - top, self.width).to(gates)
            for place, way in enumerate(DIRECTIONS):
                to = part(passes, place, channels)
                if way == UPWARD:
                    to.copy_(upward[:, :, top:bottom])
                else:
                    before = part(waiting[0][1], place, channels)[:, :, -1:] if waiting and way.axis == 1 else None
                    scan(features[:, :, top:bottom], part(gates, way.gates, channels), way, to, before)
            end = bottom if bottom == self.height else bottom - 1  # a row further is not known yet
            rows = [*waiting, (top, passes)]
            result[:, :, done:end] = self.layers.convolve(f"conv{16 + rnn}", [rows], done, end, lag=1)
            done, waiting = end, [(bottom - 2, innermost(passes[:, :, -2:].clone()))]

        self.downwards(strip, DOWNWARDS)
        return result

    def finish(self, half: Tensor, top: int, bottom: int) -> None:
        """Emit rows [2 top, 2 bottom) of the result.

        Args:
            half: what is left to be brought to full size, (N, C, H / 2, W / 2).
            top, bottom: rows of it.
        """
        last, skip = self.network.conv21.kernel_size[0] // 2, self.layers.pieces["skip"].weight.shape[2] // 2
        above, below = max(2 * top - last, 0), min(2 * bottom + last, self.source.height)
        first, end = max(top - last - 1, 0), min(bottom + last + 1, self.height)
        grown = self.layers.grow(half[:, :, first:end].to(self.device))[:, :, above - 2 * first : below - 2 * first]
        start = max(above - skip, 0)
        image = self.source.read(start, min(below + skip, self.source.height), 0, self.source.width).to(self.device)
        beside = self.layers.convolve("skip", [[(start, innermost(image.to(self.dtype)))]], above, below)
        sources = [[(above, innermost(grown))], [(above, beside)]]
        result = self.layers.convolve("conv21", sources, 2 * top, 2 * bottom).float()
        if self.config.global_residual:
            result += image[:, :, 2 * top - start : 2 * bottom - start]
        self.emit(2 * top, 0, result)

    def downwards(self, strip: Callable[[int, int], None], units: float) -> None:
        """Run strips of rows [top, bottom) from top to bottom, which are `units` of all the work.

        Raises:
            MemoryError: if the smallest ones do not fit.
        """
        top = 0

        def step() -> bool:
            nonlocal top
            bottom = min(top + self.rows(), self.height)
            strip(top, bottom)
            top = bottom
            self.advance(units * top / self.height)
            return top < self.height

        until_done(self.budget, step)
        self.finished += units

    def rows(self) -> int:
        """Of a strip, at half the image's size: a multiple of what layers compute together."""
        unit = self.layers.unit
        return max(self.budget.pixels // self.source.width // 2 // unit, 1) * unit

    def read(self, top: int, bottom: int) -> Tensor:
        """Rows of the image on the device, (N, C, bottom - top, W), channels innermost."""
        image = self.source.read(top, bottom, 0, self.source.width)
        return innermost(image.to(self.device, self.dtype))

    def advance(self, share: float) -> None:
        """Tell of a share of all the work beyond what is finished."""
        self.told(min(self.finished + share, 1.0))

    def kept(self, channels: int) -> Tensor:
        """Features of the whole image, not initialised, (N, C, H / 2, W / 2), channels innermost.

        Raises:
            MemoryError: if they do not fit in main memory either.
        """

        def allocate() -> Tensor:
            shape = (self.batch, self.height, self.width, channels)
            return torch.empty(shape, device=self.home, dtype=self.dtype).permute(0, 3, 1, 2)

        found = attempt(allocate)
        if found is OUT_OF_MEMORY and self.home.type != "cpu":
            self.home = torch.device("cpu")
            found = attempt(allocate)
        while found is OUT_OF_MEMORY and self.budget.halve():  # smaller strips leave more
            found = attempt(allocate)
        if found is OUT_OF_MEMORY:
            raise MemoryError("not enough memory for the features of this image")
        return found


class Growing:
    """Kept features that come row by row, and from some earlier row on again after memory ran out.

    Attributes:
        done: rows that are there.
    """

    def __init__(self, rows: Tensor) -> None:
        self.rows, self.done, self.position = rows, 0, 0

    def go_on(self, position: int) -> None:
        """The next rows that come are those from `position` on."""
        self.position = position

    def add(self, rows: Tensor) -> None:
        """The next (N, C, h, W); those that are there stay, as of the others not all is known that they depend on."""
        end = self.position + rows.shape[2]
        if end > self.done:
            self.rows[:, :, self.done : end] = rows[:, :, self.done - self.position :]
            self.done = end
        self.position = end


def part(features: Tensor, index: int, channels: int) -> Tensor:
    """So many channels of (N, C, H, W), those of this number."""
    return features[:, index * channels : (index + 1) * channels]


def scan(x: Tensor, gates: Tensor, way: Direction, to: Tensor, before: Tensor | None) -> None:
    """One pass over features (N, C, H, W), channels innermost, on any device; see `run_direction`."""
    device = gates.device
    x, gates, result = (each.permute(0, 2, 3, 1) for each in (x, gates, to))
    before = None if before is None else before.permute(0, 2, 3, 1).to(device, torch.float32)
    if to.dtype != torch.float32 or to.device != device:
        result = torch.empty_like(result, device=device, dtype=torch.float32)
    run_direction(x.to(device, torch.float32), gates.float(), way, result, before)
    if result.data_ptr() != to.data_ptr():
        to.copy_(result.permute(0, 3, 1, 2))
