"""MAXIM for restoring: the same result as the network's own, with little memory and in a third of the time.

Features that wait for their turn are kept once and given up as soon as they are used; everything between them exists
for a piece of the image at a time (see `pieces` and `project`). Measured at 1280x720 in float32, docs/performance.md.
Where the compiled library has code for the network and the processor, it does the same faster (see `native_blocks`).

Nothing here can be trained: features are overwritten, so it wants `torch.inference_mode()`.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, cast

from torch import Tensor

from deblurcli.networks.maxim import pieces, project
from deblurcli.networks.maxim.blocks import BottleneckBlock, CrossGating, EncoderBlock
from deblurcli.networks.maxim.native_blocks import native_blocks
from deblurcli.networks.maxim.network import MAXIM, Stage
from deblurcli.networks.maxim.project import Projection
from deblurcli.networks.maxim.resize import scaled
from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.windows import restore_in_windows

WINDOW = 1024  # the side of windows, in pixels; what has no more of them is restored whole, so 1280x768 is


def pictures(network: MAXIM, x: Tensor) -> list[Tensor]:
    """What `network(x)` returns, but for rounding, in inference mode.

    Args:
        network: in float32 or half precision.
        x: blurry images (N, C, H, W), float32 in [0, 1], sides multiples of `network.config.size_multiple`.

    Returns:
        The picture of every stage, each (N, C, H, W) float32, the last stage's last. Values are not clipped.

    Raises:
        ValueError: if the shape of `x` does not fit.
    """
    network.check(x)
    images = [image.contiguous() for image in scaled(x, network.config.levels)]
    blocks: Blocks = native_blocks(network) or pieces
    run, found = None, []
    for stage in network.stages:
        run = StageRun(cast(Stage, stage), images, run, blocks)
        found.append(run.picture().permute(0, 3, 1, 2))  # (N, C, H, W)
    return found


def restore(network: MAXIM, source: Source, emit: Emit, budget: PixelBudget, advance: Advance) -> None:
    """Restore an image of any size in windows; arguments and errors as for `Architecture.run`."""
    multiple = network.config.size_multiple
    restore_in_windows(partial(pictures, network), network.device, multiple, source, emit, budget, advance, WINDOW)


class Blocks(project.Blocks, Protocol):
    """What a stage is made of, in PyTorch (`pieces`) or in the compiled library (`native_blocks`)."""

    def run_groups(self, block: EncoderBlock | BottleneckBlock, x: Tensor) -> Tensor:
        """The groups of a block on what it has projected, which may be overwritten, and the shortcut around them."""

    def cross_gate(self, gating: CrossGating, x: Tensor, y: Tensor) -> None:
        """A cross gating of what it has projected, x and y both in place."""


class StageRun:
    """One stage on its way.

    Args:
        stage: its layers.
        images: at every level, (N, H / 2^level, W / 2^level, C) float32.
        before: the stage before, whose features are used up; None for the first.
        blocks: who computes it.

    Attributes:
        features, attended: what the next stage takes up, by level, as in `network.StageResult`; it takes them away.
    """

    def __init__(self, stage: Stage, images: list[Tensor], before: StageRun | None, blocks: Blocks) -> None:
        self.stage, self.images, self.before, self.blocks = cast(Any, stage), images, before, blocks
        self.levels = range(len(images))
        self.dtype = next(stage.parameters()).dtype
        self.features: list[Tensor] = []
        self.attended: list[Tensor] = []

    def picture(self) -> Tensor:
        """(N, H, W, C) float32."""
        encoded, x = self.encode()
        self.before = None
        if self.stage.sams:
            self.features = list(encoded)
        for block in self.stage.bottleneck:
            projection = Projection(block.project, self.blocks)
            projection.add(x)
            x = self.blocks.run_groups(block, projection.total(x.shape[:3]))
        return self.decode(self.gate(encoded, x), x)

    def encode(self) -> tuple[list[Tensor], Tensor]:
        """The features of every level, and those of the lowest at half its size."""
        stage, before = self.stage, self.before
        encoded: list[Tensor] = []
        for level, image in enumerate(self.images):
            block = stage.encoders[level]
            skip = stage.inputs[level](image.to(self.dtype)).contiguous()  # (N, h, w, c)
            if before is not None:
                skip = self.fused(stage.fuse[level], skip, before.attended.pop(0))
            projection = Projection(block.project, self.blocks)
            projection.add(skip if level == 0 else stage.downs[level - 1](encoded[-1]))  # at the top it comes twice
            projection.add(skip)
            x = projection.total(skip.shape[:3])
            del projection, skip
            x = self.blocks.run_groups(block, x)
            encoded.append(x if before is None else self.fused(block.fuse, x, before.features.pop(0)))
            del x
        return encoded, stage.downs[-1](encoded[-1])

    def gate(self, encoded: list[Tensor], lowest: Tensor) -> list[Tensor]:
        """The skips of every level. Takes the encoded features away from their list."""
        skips: list[Tensor] = []
        below = lowest
        for level in reversed(self.levels):
            gating, shape = self.stage.gates[level], encoded[level].shape[:3]
            projection = Projection(gating.project_x, self.blocks)
            projection.add_all(self.stage.to_gates[level], encoded, self.levels)
            x = projection.total(shape)
            projection = Projection(gating.project_y, self.blocks)
            projection.add_upsampled(gating.up, below)
            below = projection.total(shape)
            del projection
            if level == 0:
                encoded.clear()
            self.blocks.cross_gate(gating, x, below)
            skips.insert(0, x)
        return skips

    def decode(self, skips: list[Tensor], lowest: Tensor) -> Tensor:
        """From the lowest level to the picture. Takes the skips away from their list."""
        stage = self.stage
        decoded: list[Tensor] = []
        x = lowest
        for level in reversed(self.levels):
            block, shape = stage.decoders[level], skips[level].shape[:3]
            projection = Projection(block.project, self.blocks)
            projection.add_upsampled(stage.ups[level], x)
            projection.add_all(stage.to_decoders[level], skips, reversed(self.levels))
            x = projection.total(shape)
            del projection
            if level == 0:
                skips.clear()
            x = self.blocks.run_groups(block, x)
            if stage.sams:
                decoded.insert(0, x)
        picture: Tensor = stage.pictures[0](x).to(self.images[0].dtype) + self.images[0]
        for level, sam in enumerate(stage.sams):
            x = decoded[level]
            self.features[level] += x
            coarse = stage.pictures[level](x).to(self.images[level].dtype) + self.images[level]
            attention = sam.attention(coarse.to(x.dtype)).sigmoid_()
            self.attended.append(x.addcmul_(sam.features(x), attention))
        return picture

    def fused(self, gating: CrossGating, x: Tensor, y: Tensor) -> Tensor:
        """The first result of a cross gating of features of one size."""
        results = []
        for layer, each in ((gating.project_x, x), (gating.project_y, y)):
            projection = Projection(layer, self.blocks)
            projection.add(each)
            results.append(projection.total(each.shape[:3]))
        del x, y, each, projection
        self.blocks.cross_gate(gating, *results)
        return results[0]
