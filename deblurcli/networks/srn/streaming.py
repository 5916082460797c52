"""SRN on an image of any size in bounded memory, with the whole image's result.

All scales are streams of rows: the finest is fed strip by strip, and takes the rows of the next coarser scale's
prediction and recurrent state as it needs them, which that scale makes only then. So the memory grows with an image's
width, not with its height. Images too wide for even a few rows are cut into bands of columns with as much context as a
pixel can depend on through all scales, which makes the bands exact as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from deblurcli.native.buffers import pooled_empty
from deblurcli.networks.srn.native_scale import NativeScale, native_scale
from deblurcli.networks.srn.network import SRN, Resize, SRNConfig, grow, shrink
from deblurcli.networks.srn.torch_scale import StateSource, TorchScale, WholeScale
from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.memory import until_done

ALIGN = 4  # pixels of a scale per pixel of its bottleneck, at most
GROUP = 6 * ALIGN  # rows of a scale per group of rows that the native bottleneck computes together
WIDE = 3  # times as many pixels as in other tiles, before an image is cut into bands of columns
NATIVE_FROM = 84 * 84  # pixels of a scale: PyTorch is done with fewer before rows have found their way
FEWEST_ROWS = 16  # per feed; with fewer, too much of the time goes into handing rows on


def rows_at_once(budget: PixelBudget, columns: int) -> int:
    """Rows of a feed: a multiple of what the layers at the bottleneck compute together, if there are so many."""
    rows = budget.pixels // columns
    return max(rows // GROUP * GROUP or rows // ALIGN * ALIGN, FEWEST_ROWS)


def columns_at_once(budget: PixelBudget, halo: int, align: int) -> int:
    """The widest band, without its halo. Its tiles are larger than others, but little context is computed twice."""
    return max(WIDE * budget.pixels // FEWEST_ROWS - 2 * halo, 4 * align) // align * align


def receptive_radius(config: SRNConfig) -> int:
    """How many pixels to each side an output pixel of one scale can depend on, rounded up to a multiple of 4.

    The sum of the kernels' half-widths, each times the size of a pixel at its level (1, 2, 4). It holds for the row
    and column direction alike.
    """
    half, pairs = config.kernel_size // 2, config.blocks
    if config.structure == "flat":
        total = (6 + 12 * pairs) * half + 2  # every convolution of the row, and at most two 3x3 ones between them
        return -(-total // ALIGN) * ALIGN
    level1 = (4 * pairs + 2) * half  # enc1, dec1
    level2 = half + 4 * pairs * half * 2  # the strided convolution, then enc2 and dec2
    level3 = half * 2 + 4 * pairs * half * 4  # the strided convolution, then enc3 and dec3
    cell = 2 * 4  # at most two 3x3 convolutions
    upsampling = 4 + 2  # one pixel of the coarser level each
    total = level1 + level2 + level3 + cell + upsampling + ALIGN - 1  # the place within a bottleneck pixel
    return -(-total // ALIGN) * ALIGN


def receptive_radius_of_all_scales(config: SRNConfig) -> int:
    """The same for the result, which depends on all scales: in full pixels, a multiple of `config.size_multiple`."""
    # Growing draws on one coarser pixel more, of the state's if that is larger, and a coarser pixel has a place too.
    total = sum((receptive_radius(config) + (2 * ALIGN if scale else 0)) << scale for scale in range(config.scales))
    return -(-total // config.size_multiple) * config.size_multiple


@torch.inference_mode()
def restore(network: SRN, source: Source, emit: Emit, budget: PixelBudget, advance: Advance) -> None:
    """Restore an image; arguments and errors as for `Architecture.run`.

    After memory ran out the same pixels may be emitted again, with the same values.
    """
    config = network.config
    halo = receptive_radius_of_all_scales(config)

    def end_of_band(left: int) -> int:
        columns = columns_at_once(budget, halo, config.size_multiple)
        if source.width <= columns + 2 * halo:  # whole rows are no larger than a band with its halo
            return source.width
        return min(left + columns, source.width)

    left = right = done = 0  # what is finished stays finished when memory runs out

    def band() -> bool:
        nonlocal left, right, done
        if right != end_of_band(left):  # the first try, or a narrower one after memory ran out
            right, done = end_of_band(left), 0
        for rows in restore_band(network, source, (left, right), done, halo, budget, emit):
            done = rows
            advance((left * source.height + done * (right - left)) / (source.width * source.height))
        left, done = right, 0
        return left < source.width

    until_done(budget, band)


def restore_band(
    network: SRN, source: Source, columns: tuple[int, int], done: int, halo: int, budget: PixelBudget, emit: Emit
) -> Iterator[int]:
    """Restore some columns from row `done` on, with the context they need; yields how many rows are done."""
    left, right = columns
    position = max(done - halo, 0) // network.config.size_multiple * network.config.size_multiple
    window = Window(source, position, max(left - halo, 0), min(right + halo, source.width))
    inner = slice(left - window.left, right - window.left)
    for image in ScaleStream(network, window, budget).predictions():
        new = image[:, :, max(done - position, 0) :, inner]
        if new.shape[2]:
            emit(max(done, position), left, new)
        position += image.shape[2]
        yield max(done, position)


class Window:
    """Some columns of an image, from some row on, as an image."""

    def __init__(self, source: Source, top: int, left: int, right: int) -> None:
        self.source, self.top, self.left = source, top, left
        self.height, self.width = source.height - top, right - left

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """As `Source.read`; columns are counted from the image's own left edge, rows from where this begins."""
        return self.source.read(self.top + top, self.top + bottom, self.left + left, self.left + right)


class ScaleStream:
    """One scale of an image, and the coarser ones that it draws on.

    Attributes:
        prediction: rows (N, C, h, w) that are ready for the next finer scale.
        state: the same of the recurrent state (N, S, h / 4, w / 4), of full size in a flat structure.
    """

    def __init__(self, network: SRN, source: Source, budget: PixelBudget, scale: int = 0) -> None:
        self.network, self.source, self.factor = network, source, 2**scale
        self.height, self.width = source.height // self.factor, source.width // self.factor
        self.step = rows_at_once(budget, self.width)
        self.prediction, self.state = FinishedRows(self.height), FinishedRows(self.height // network.config.stride)
        self.coarser = ScaleStream(network, source, budget, scale + 1) if scale + 1 < network.config.scales else None
        layers = network.of_scale(scale)
        old_state = state_from(self.coarser, network, self.width // network.config.stride)
        native = native_scale(layers, old_state, self.step) if self.height * self.width >= NATIVE_FROM else None
        self.rows: NativeScale | WholeScale | TorchScale = native or (
            WholeScale if self.step >= self.height else TorchScale
        )(layers, old_state)
        self.position = 0  # rows that went in
        self.blurry: Tensor | None = None  # the last of them

    def predictions(self) -> Iterator[Tensor]:
        """The whole prediction, in strips (N, C, h, w), some perhaps without rows."""
        done = 0
        while done < self.height:
            image, _ = self.feed()
            done += image.shape[2]
            yield image

    def feed(self) -> tuple[Tensor, Tensor]:
        """The next rows in, and the rows of prediction and state that are complete by then."""
        top, self.position = self.position, min(self.position + self.step, self.height)
        if top < self.position:
            self.blurry = previous = self.read(top, self.position)
            if self.coarser:
                previous = self.coarser.grown(self.coarser.prediction, top, self.position)
        else:  # no more rows come in, but some still come out
            assert self.blurry is not None
            self.blurry = previous = self.blurry[:, :, :0]
        return self.rows.feed(self.blurry, previous, self.position == self.height)

    def read(self, top: int, bottom: int) -> Tensor:
        """Rows [top, bottom) of the blurry image at this scale, (N, C, bottom - top, w) float32 on the device."""
        factor = self.factor
        region = self.source.read(top * factor, bottom * factor, 0, self.width * factor).to(self.network.device)
        return shrink(region, factor, self.network.config.resize).contiguous(memory_format=torch.channels_last)

    def grown(self, ready: FinishedRows, top: int, bottom: int) -> Tensor:
        """Rows [top, bottom) of this scale's prediction or state at twice its size, (N, C, bottom - top, 2w); from call
        to call further down."""
        first, end = needed_to_grow(top, bottom, ready.height)
        while ready.end < end:
            prediction, state = self.feed()
            self.prediction.feed(prediction)
            self.state.feed(state)
        grown = twice(ready.take(first, end), self.network.config.resize)
        return grown[:, :, top - 2 * first : bottom - 2 * first]


def state_from(coarser: ScaleStream | None, network: SRN, width: int) -> StateSource:
    """What a scale's recurrent cell gets from the coarser scale; zeros at the coarsest.

    It does not know the stream that it is for, or that and its rows would hold each other: after memory ran out, all of
    theirs would only come back when Python's collector happens to run.
    """
    channels = network.cell.state_channels

    def rows(batch: int, first: int, end: int) -> Tensor:
        if coarser and channels:
            return coarser.grown(coarser.state, first, end)
        zeros = torch.zeros(1, channels, end - first, width, device=network.device, dtype=network.dtype)
        return zeros.expand(batch, -1, -1, -1)

    return rows


def needed_to_grow(top: int, bottom: int, height: int) -> tuple[int, int]:
    """Rows [first, end) that rows [top, bottom) at twice the size are made of: one more at each end, if there is one.

    The first row of an image must come first and the last one last, because `grow` repeats them.
    """
    return max(top // 2 - 1, 0), min((bottom + 1) // 2 + 1, height)


class FinishedRows:
    """Rows that are finished and that the finer scale will still ask for, of `height` in all."""

    def __init__(self, height: int) -> None:
        self.height = height
        self.end = 0  # rows so far, those that are gone included
        self.rows: Tensor | None = None

    def feed(self, rows: Tensor) -> None:
        """The next rows (N, C, h, W)."""
        self.rows = rows if self.rows is None else concatenated(self.rows, rows)
        self.end += rows.shape[2]

    def take(self, first: int, end: int) -> Tensor:
        """Rows [first, end), (N, C, end - first, W); those before `first` are forgotten."""
        assert self.rows is not None
        self.rows = self.rows[:, :, first - self.end :]
        return self.rows[:, :, : end - first]


def concatenated(above: Tensor, below: Tensor) -> Tensor:
    """Rows (N, C, h, W) after rows (N, C, h', W): (N, C, h + h', W), on a CPU in memory that is used again."""
    if not reusable(above):
        return torch.cat([above, below], 2)
    batch, channels, height, width = above.shape
    return torch.cat([above, below], 2, out=pooled_empty(batch, channels, height + below.shape[2], width))


def twice(rows: Tensor, convention: Resize) -> Tensor:
    """`grow`, (N, C, h, w) -> (N, C, 2h, 2w), on a CPU into memory that is used again."""
    if convention != "area" or not reusable(rows):
        return grow(rows, convention)
    batch, channels, height, width = rows.shape
    out = pooled_empty(batch, channels, 2 * height, 2 * width)
    result: Tensor = torch.ops.aten.upsample_bilinear2d.out(rows, list(out.shape[2:]), False, 2.0, 2.0, out=out)
    return result


def reusable(rows: Tensor) -> bool:
    """Whether what is made of these rows may lie in memory that is used again: float32 on the CPU."""
    return rows.device.type == "cpu" and rows.dtype == torch.float32 and rows.numel() > 0
