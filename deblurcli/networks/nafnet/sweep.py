"""NAFNet on an image of any size in bounded memory, with the whole image's result.

Channel attention needs the mean of a block's features over the whole image before the block can go on, so no tile of
the image can run through the network alone. Given all means, though, the network is a local one. So

- at the upper, fine levels features are never kept: for each block in turn, all tiles of the image run from the pixels
  through the blocks whose means are known, and add up the mean of the next;
- from some level down features are kept whole, and each block goes over them twice: up to its means, and on from there.

A kept level costs 2 x width / 2^level numbers per pixel of the image (the features and what lies beside them until the
mean is known, with all kept levels below in the space of the second), and a level that is not kept costs time. The
finest level is always run again, about 8 % more time for half the memory. In float32 from level 1, 2, 3 on:

    width 32: 128, 64, 32 bytes per pixel; 12 megapixels 1.5 GB from level 1, 100 megapixels 3.2 GB from level 3
    width 64: 256, 128, 64 bytes per pixel; 12 megapixels 3.1 GB from level 1, 100 megapixels 6.4 GB from level 3

and the tile itself (12 megapixels at width 32 peaked at 1.8 GB instead of 1.5, in tiles of 131,072 pixels).

With `config.window` a mean belongs to a window of some hundred pixels; then every level is kept (256 and 512 bytes per
pixel), as running the surroundings of each tile again would cost far more than the tiles themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from deblurcli.networks.nafnet.native_blocks import Blocks, blocks_for, restored
from deblurcli.networks.nafnet.network import NAFBlock, NAFNet, NAFNetConfig, Pool, pool_window_starts, window_means
from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.sweep import Mean, Sweeps
from deblurcli.tiling.tiles import Tile
from deblurcli.tiling.whole import restore_whole

KEPT_BYTES = 4 << 30  # of features kept in main memory, where running levels again can avoid more
SLOWEST = 2.0  # times the network's own work that may be spent to keep less
GATED = 0.4  # share of a block's work that comes before its means


def blocks_at(network: NAFNet, level: int) -> tuple[list[NAFBlock], list[NAFBlock]]:
    """The encoder's and the decoder's blocks of a level, 0 for full resolution, in the order in which they run."""
    sides = network.encoders[level], network.decoders[network.config.levels - 1 - level]
    encoder, decoder = (cast(Iterable[NAFBlock], side) for side in sides)
    return list(encoder), list(decoder)


def work(config: NAFNetConfig, kept: int) -> float:
    """How many blocks' work an image takes when features are kept from level `kept` down; all blocks cost the same."""
    encoder, decoder = sum(config.encoder_blocks[:kept]), sum(config.decoder_blocks[::-1][:kept])
    total = sum(config.encoder_blocks) + config.middle_blocks + sum(config.decoder_blocks)
    sweeps = [*(done + GATED for done in range(encoder)), encoder]
    sweeps += [*(encoder + done + GATED for done in range(decoder)), encoder + decoder]
    return total - encoder - decoder + sum(sweeps)


def kept_bytes(config: NAFNetConfig, kept: int, itemsize: int) -> int:
    """Bytes per pixel of the image of all features that are kept from level `kept` down."""
    return 2 * config.width * itemsize >> kept


def bytes_per_pixel(config: NAFNetConfig) -> int:
    """Memory of an image that runs at once, per pixel and byte of the number format: 7.2 to 8.6 x width measured."""
    return 9 * config.width


def first_kept(config: NAFNetConfig, pixels: int, itemsize: int, limit: int) -> int:
    """The level from which features are kept: the least work whose features fit in `limit` bytes, if any do."""
    if config.window:
        return 0
    usual = work(config, 0)
    levels = [kept for kept in range(1, config.levels + 1) if kept == 1 or work(config, kept) <= SLOWEST * usual]
    fitting = [kept for kept in levels if kept_bytes(config, kept, itemsize) * pixels <= limit]
    return fitting[0] if fitting else levels[-1]


def receptive_radius(config: NAFNetConfig, kept: int) -> int:
    """How many pixels to each side an output pixel can depend on through the levels above `kept`, rounded up.

    The 3 x 3 convolutions' half-widths, each times the size of a pixel at its level; strides and upsampling stay
    within a pixel of the lower level.
    """
    levels = zip(config.encoder_blocks, config.decoder_blocks[::-1], strict=True)
    total = 2 + sum(sum(counts) << level for level, counts in enumerate(levels) if level < kept)
    align = 1 << kept
    return -(-(total + align - 1) // align) * align  # the last is the place within a pixel of the kept level


@torch.inference_mode()
def restore(network: NAFNet, source: Source, emit: Emit, budget: PixelBudget, advance: Advance) -> None:
    """Restore an image; arguments and errors as for `Architecture.run`.

    The result differs from the whole image's only by rounding, as sums are taken in another order.
    """
    blocks = blocks_for(network)
    if not restore_whole(partial(restored, network, blocks), network.device, source, emit, budget, advance):
        KeptFeatures(network, blocks, source, emit, budget, advance).run()


Attention = Callable[[Tile], Tensor]


class KeptFeatures:
    """One image on its way through the network; arguments as for `Architecture.run`, and who computes the blocks.

    Attributes:
        kept: the level from which features are kept.
        attention: (N, C, 1, 1) of the blocks above that level whose means are known.
    """

    def __init__(
        self, network: NAFNet, blocks: Blocks, source: Source, emit: Emit, budget: PixelBudget, advance: Advance
    ) -> None:
        self.blocks = blocks
        self.network, self.config, self.device, self.dtype = network, network.config, network.device, network.dtype
        self.source, self.emit, self.advance = source, emit, advance
        whole = Tile(0, source.height, 0, source.width)
        batch = source.read(0, 1, 0, 1).shape[0]
        itemsize, pixels = self.dtype.itemsize, batch * whole.area
        on_device = budget.pixels * bytes_per_pixel(self.config) * itemsize // 2  # beside a tile of full size
        home, self.kept = self.device, first_kept(self.config, pixels, itemsize, on_device)
        if self.device.type == "cpu" or kept_bytes(self.config, self.kept, itemsize) * pixels > on_device:
            home, self.kept = torch.device("cpu"), first_kept(self.config, pixels, itemsize, KEPT_BYTES)
        self.attention: dict[NAFBlock, Tensor] = {}
        total, align = work(self.config, self.kept), self.config.size_multiple
        self.sweeps = Sweeps(whole, batch, align, budget, home, self.dtype, total, advance)

    def run(self) -> None:
        """Restore it.

        Raises:
            MemoryError: if the smallest tiles do not fit, or what is kept does not even in main memory.
        """
        config, network, kept = self.config, self.network, self.kept
        above = [blocks_at(network, level) for level in range(kept)]
        for block in [block for encoder, _ in above for block in encoder]:
            self.find_means(block, None)
        x = self.new(kept)

        def store(tile: Tile, features: Tensor) -> None:
            tile.of(x, kept).copy_(features)

        self.through_upper(None, store, len(self.attention))
        skips = []
        for level in range(kept, config.levels):
            self.through_blocks(blocks_at(network, level)[0], level, x)
            skips.append(x)
            x = self.down(x, level)
        self.through_blocks(cast(Iterable[NAFBlock], network.middle_blks), config.levels, x)
        for level in reversed(range(kept, config.levels)):
            x = self.up(x, skips.pop(), level)
            self.through_blocks(blocks_at(network, level)[1], level, x)
        for block in [block for _, decoder in reversed(above) for block in decoder]:
            self.find_means(block, x)
        self.through_upper(x, lambda tile, result: self.emit(tile.top, tile.left, result), len(self.attention))
        self.advance(1.0)

    def upper(self, image: Tensor, deep: Tensor | None) -> tuple[Tensor, int]:
        """Run a tile of the image through the levels that are not kept, as far as the means are known.

        Args:
            image: (N, C, h, w) float32.
            deep: features of the first kept level, once the network is through with those below.

        Returns:
            What there is at the end, and its level: the gated features of the first block whose means are not known;
            or the features for the first kept level; or, with `deep`, the restored tile in float32.
        """
        network, skips = self.network, []
        x = network.intro(image.to(self.dtype))
        for level in range(self.kept):
            for block in blocks_at(network, level)[0]:
                gated = self.blocks.gated(block, x)
                if block not in self.attention:
                    return gated, level
                x = self.blocks.finish(block, x, gated, self.attention[block])
            skips.append(x)
            x = network.downs[level](x)
        if deep is None:
            return x, self.kept
        x = deep
        for level in reversed(range(self.kept)):
            x = self.blocks.add_up(self.up_of(level), x, skips.pop())
            for block in blocks_at(network, level)[1]:
                gated = self.blocks.gated(block, x)
                if block not in self.attention:
                    return gated, level
                x = self.blocks.finish(block, x, gated, self.attention[block])
        return network.ending(x).float() + image, 0

    def through_upper(self, deep: Tensor | None, take: Callable[[Tile, Tensor], None], units: float) -> None:
        """Run the whole image through `upper`, tile by tile, and hand on what each gives.

        Args:
            deep: features of the first kept level, once the network is through with those below.
            take: given a tile and its part of the result, (N, C, h, w) of the result's level; after memory ran out it
                may be given the same pixels again.
            units: of work that this is, in blocks.
        """

        def tile(inner: Tile, outer: Tile) -> None:
            image = self.source.read(*outer).to(self.device).contiguous(memory_format=torch.channels_last)
            below = None if deep is None else outer.of(deep, self.kept).to(self.device)
            result, level = self.upper(image, below)
            take(inner, inner.of(result, level, (outer.top, outer.left)))

        self.sweeps.each_tile(0, receptive_radius(self.config, self.kept), tile, units)

    def find_means(self, block: NAFBlock, deep: Tensor | None) -> None:
        """Find the attention of the first block above the kept levels that has none yet."""
        mean = Mean()
        self.through_upper(deep, lambda tile, gated: mean.add(gated), len(self.attention) + GATED)
        self.attention[block] = block.sca[1](mean.get(self.device, self.dtype))

    def through_blocks(self, blocks: Iterable[NAFBlock], level: int, x: Tensor) -> None:
        """Run blocks over a kept level's features (N, C, h, w), in place."""
        gated = self.new(level)
        for block in blocks:
            mean = Mean()

            def before(inner: Tile, outer: Tile, block: NAFBlock = block, mean: Mean = mean) -> None:
                result = self.blocks.gated(block, outer.of(x, level).to(self.device))
                result = inner.of(result, level, (outer.top, outer.left))
                inner.of(gated, level).copy_(result)
                mean.add(result)

            self.sweeps.each_tile(level, 1 << level, before, GATED)
            attention = self.attention_of(block, mean.get(self.device, self.dtype), gated, level)

            def after(inner: Tile, outer: Tile, block: NAFBlock = block, attention: Attention = attention) -> None:
                features, beside = (inner.of(each, level).to(self.device) for each in (x, gated))
                inner.of(x, level).copy_(self.blocks.finish(block, features, beside, attention(inner)))

            self.sweeps.each_tile(level, 0, after, 1 - GATED)

    def attention_of(self, block: NAFBlock, mean: Tensor, gated: Tensor, level: int) -> Attention:
        """The attention of a block for each tile: the same everywhere, (N, C, 1, 1), or that of the windows there.

        Args:
            block: says what follows from a mean.
            mean: of the gated features over the whole image, (N, C, 1, 1).
            gated: these features, (N, C, h, w).
            level: theirs.
        """
        if cast(Pool, block.sca[0]).is_global(*gated.shape[2:]):
            everywhere: Tensor = block.sca[1](mean)
            return lambda tile: everywhere
        return lambda tile: cast(Tensor, block.sca[1](self.means_within(gated, tile, level)))

    def means_within(self, gated: Tensor, tile: Tile, level: int) -> Tensor:
        """The windows' means for every place of a tile: (N, C, h, w) of that tile at its level."""
        window, (height, width) = self.config.window >> level, gated.shape[2:]
        rows = pool_window_starts(tile.top >> level, tile.bottom >> level, height, window)
        columns = pool_window_starts(tile.left >> level, tile.right >> level, width, window)
        size = min(window, height), min(window, width)
        (top, bottom), (left, right) = ((int(starts[0]), int(starts[-1])) for starts in (rows, columns))
        needed = gated[:, :, top : bottom + size[0], left : right + size[1]].to(self.device)
        return window_means(needed, size, rows - top, columns - left)

    def down(self, x: Tensor, level: int) -> Tensor:
        """Features (N, C, h, w) of a level -> new ones of the level below, (N, 2C, h / 2, w / 2)."""
        below = self.new(level + 1)

        def tile(inner: Tile, outer: Tile) -> None:
            inner.of(below, level + 1).copy_(self.network.downs[level](inner.of(x, level).to(self.device)))

        self.sweeps.each_tile(level, 0, tile, 0)
        return below

    def up(self, below: Tensor, skip: Tensor, level: int) -> Tensor:
        """Features (N, 2C, h / 2, w / 2) of the level below are added to the skip (N, C, h, w) of a level, in place."""
        up = self.up_of(level)

        def tile(inner: Tile, outer: Tile) -> None:
            beside = inner.of(skip, level).to(self.device, copy=True)  # memory may run out, and then it comes again
            made = self.blocks.add_up(up, inner.of(below, level + 1).to(self.device), beside)
            inner.of(skip, level).copy_(made)

        self.sweeps.each_tile(level, 0, tile, 0)
        return skip

    def up_of(self, level: int) -> nn.Sequential:
        """What enlarges the features of the level below."""
        return cast(nn.Sequential, self.network.ups[self.config.levels - 1 - level])

    def new(self, level: int) -> Tensor:
        """Uninitialised features (N, width x 2^level, H / 2^level, W / 2^level) for the whole image.

        Raises:
            MemoryError: if they do not fit.
        """
        return self.sweeps.features(self.config.width << level, level)
