"""SRN on an image of any size in bounded memory, with the whole image's result.

Scale after scale, each as a stream of rows through `ScaleRows`. Only the prediction and the recurrent state of one
scale are kept whole; the finest prediction leaves as it gets ready. Images too wide for even a few rows are cut into
bands of columns with as much context as one scale can look at, which makes the bands exact as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from deblurcli.networks.native_rows import NativeScaleRows, native_scale
from deblurcli.networks.parts import Advance, Emit, PartSize, Source, out_of_memory
from deblurcli.networks.srn import SRN, Resize, SRNConfig, grow, shrink
from deblurcli.networks.srn_rows import ScaleRows, WholeScale

ALIGN = 4  # pixels of a scale per pixel of its bottleneck
GROUP = 6 * ALIGN  # rows of a scale per group of rows that the native bottleneck computes together
WIDE = 4  # times as many pixels as in other parts, before an image is cut into bands of columns
NATIVE_FROM = 48 * 48  # pixels of a scale: PyTorch is done with fewer before rows have found their way
FEWEST_ROWS = 8  # per push; with fewer, most of the time goes into joining rows


def rows_at_once(size: PartSize, columns: int) -> int:
    """Rows of a push: a multiple of what the layers at the bottleneck compute together, if there are so many."""
    rows = size.pixels // columns
    return max(rows // GROUP * GROUP or rows // ALIGN * ALIGN, FEWEST_ROWS)


def columns_at_once(size: PartSize, halo: int) -> int:
    """The widest band, without its halo. Its parts are larger than others, but no context is computed twice."""
    return max(WIDE * size.pixels // FEWEST_ROWS - 2 * halo, 4 * ALIGN) // ALIGN * ALIGN


def reach(config: SRNConfig) -> int:
    """How many pixels to each side an output pixel of one scale can depend on, rounded up to a multiple of 4.

    The sum of the kernels' half-widths, each times the size of a pixel at its level (1, 2, 4). It holds for the row
    and column direction alike; the coarser scale's results come from outside and do not add to it.
    """
    half, pairs = config.kernel_size // 2, config.blocks
    level1 = (4 * pairs + 2) * half  # enc1, dec1
    level2 = half + 4 * pairs * half * 2  # the strided convolution, then enc2 and dec2
    level3 = half * 2 + 4 * pairs * half * 4  # the strided convolution, then enc3 and dec3
    cell = 2 * 4  # at most two 3x3 convolutions
    upsampling = 4 + 2  # one pixel of the coarser level each
    total = level1 + level2 + level3 + cell + upsampling + ALIGN - 1  # the place within a bottleneck pixel
    return -(-total // ALIGN) * ALIGN


@dataclass
class ScaleResult:
    """What one scale leaves for the next: prediction (N, C, h, w) and state (N, S, h / 4, w / 4)."""

    prediction: Tensor
    state: Tensor


@torch.inference_mode()
def restore_in_parts(network: SRN, source: Source, emit: Emit, size: PartSize, advance: Advance) -> None:
    """Restore an image.

    Args:
        network: on its device, in its precision.
        source: the image.
        emit: takes the result at full resolution, (N, C, h, w) float32, as it gets ready. After memory ran out it may
            be given the same pixels again, with the same values.
        size: of a part; made smaller when memory runs out.
        advance: told about the progress.

    Raises:
        MemoryError: if even the smallest parts do not fit.
    """
    config = network.config
    work = sum(0.25**scale for scale in range(config.scales))
    finished = 0.0
    coarser: ScaleResult | None = None
    for scale in reversed(range(config.scales)):
        run = ScaleRun(network, source, scale, coarser)
        share = 0.25**scale / work

        def advance_scale(part: float, finished: float = finished, share: float = share) -> None:
            advance(finished + share * part)

        if scale:
            coarser = run.collect(size, advance_scale)
        else:
            run.stream(size, emit, lambda top, left, state: None, advance_scale)
        finished += share


class ScaleRun:
    """One scale of one image."""

    def __init__(self, network: SRN, source: Source, scale: int, coarser: ScaleResult | None) -> None:
        self.network, self.source, self.coarser = network, source, coarser
        self.factor = 2**scale
        self.height, self.width = source.height // self.factor, source.width // self.factor
        self.device, self.dtype = network.device, network.dtype

    def collect(self, size: PartSize, advance: Advance) -> ScaleResult:
        """Run the scale and keep its whole prediction and state, on the device only if the image is one part."""
        batch = self.source.read(0, 1, 0, 1).shape[0]
        home = self.device if self.source.height * self.source.width <= size.pixels else torch.device("cpu")
        channels, state_channels = self.network.config.image_channels, self.network.cell.state_channels
        state_shape = batch, state_channels, self.height // 4, self.width // 4
        result = ScaleResult(
            torch.empty(batch, channels, self.height, self.width, device=home, memory_format=torch.channels_last),
            torch.empty(state_shape, device=home, dtype=self.dtype, memory_format=torch.channels_last),
        )

        def store(target: Tensor) -> Emit:
            def put(top: int, left: int, part: Tensor) -> None:
                target[:, :, top : top + part.shape[2], left : left + part.shape[3]] = part

            return put

        self.stream(size, store(result.prediction), store(result.state), advance)
        return result

    def stream(self, size: PartSize, emit: Emit, emit_state: Emit, advance: Advance) -> None:
        """Run the scale band by band; what is finished stays finished when memory runs out."""
        halo = reach(self.network.config)
        left = done = 0
        while left < self.width:
            columns = columns_at_once(size, halo)
            if self.width <= columns + 2 * halo:  # whole rows are no larger than a band with its halo
                columns = self.width
            right = min(left + columns, self.width)
            try:
                for finished in self.band(done, left, right, halo, size, emit, emit_state):
                    done = finished
                    advance((left * self.height + done * (right - left)) / (self.width * self.height))
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                narrower = rows_at_once(size, right - left) == FEWEST_ROWS
                if not size.halve():
                    raise MemoryError("not enough memory for the smallest part of this image") from error
                done = 0 if narrower else done
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            left, done = right, 0

    def band(
        self, done: int, left: int, right: int, halo: int, size: PartSize, emit: Emit, emit_state: Emit
    ) -> Iterator[int]:
        """Run columns [left, right) from row `done` on; yields the rows that are finished."""
        first, first_column = max(done - halo, 0) // ALIGN * ALIGN, max(left - halo, 0)
        end_column = min(right + halo, self.width)
        inner = slice(left - first_column, right - first_column)
        inner_state = slice(inner.start // ALIGN, inner.stop // ALIGN)

        def old_state(start: int, end: int) -> Tensor:
            start, end = start + first // ALIGN, end + first // ALIGN
            if self.coarser is None:
                shape = (1, self.network.cell.state_channels, end - start, (end_column - first_column) // ALIGN)
                return torch.zeros(shape, device=self.device, dtype=self.dtype).expand(batch, -1, -1, -1)
            columns = first_column // ALIGN, end_column // ALIGN
            return self.grown(self.coarser.state, start, end, *columns)

        step = rows_at_once(size, end_column - first_column)
        rows: NativeScaleRows | WholeScale | ScaleRows | None = None
        if self.height * self.width >= NATIVE_FROM:
            rows = native_scale(self.network, old_state, step)
        if rows is None:
            rows = (WholeScale if first + step >= self.height else ScaleRows)(self.network, old_state)
        position, state_position = first, first // ALIGN
        bottom = first
        while position < self.height:
            top, bottom = bottom, min(bottom + step, self.height)
            if top < bottom:
                previous = blurry = self.blurry(top, bottom, first_column, end_column)
                batch = blurry.shape[0]
                if self.coarser is not None:
                    previous = self.grown(self.coarser.prediction, top, bottom, first_column, end_column)
            else:  # no more rows come in, but some still come out
                previous = blurry = blurry[:, :, :0]
            image, state = rows.push(blurry, previous, bottom == self.height)
            new = slice(max(done - position, 0), None)
            if image[:, :, new].shape[2]:
                emit(position + new.start, left, image[:, :, new, inner])
            new_state = slice(max(done // ALIGN - state_position, 0), None)
            if state[:, :, new_state].shape[2]:
                emit_state(state_position + new_state.start, left // ALIGN, state[:, :, new_state, inner_state])
            position += image.shape[2]
            state_position += state.shape[2]
            yield max(position, done)

    def blurry(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """A region of the blurry image at this scale, on the device."""
        factor = self.factor
        region = self.source.read(top * factor, bottom * factor, left * factor, right * factor).to(self.device)
        return shrink(region, factor, self.network.config.resize).contiguous(memory_format=torch.channels_last)

    def grown(self, coarse: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
        """A region of `grow(coarse)`, on the device."""
        return grow_region(coarse, (top, bottom), (left, right), self.device, self.network.config.resize)


def grow_region(
    coarse: Tensor, rows: tuple[int, int], columns: tuple[int, int], device: torch.device, convention: Resize
) -> Tensor:
    """`grow(coarse)[:, :, rows, columns]` without the rest: one more coarse pixel on each side decides the borders."""
    (top, bottom), (left, right) = rows, columns
    y, x = max(top // 2 - 1, 0), max(left // 2 - 1, 0)
    needed = coarse[:, :, y : (bottom + 1) // 2 + 1, x : (right + 1) // 2 + 1].to(device)
    if needed.shape[1] == 0:  # no state
        return needed.new_empty(*needed.shape[:2], bottom - top, right - left)
    return grow(needed, convention)[:, :, top - 2 * y : bottom - 2 * y, left - 2 * x : right - 2 * x]
