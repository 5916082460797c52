"""Windows against the whole image: what a network gains on pairs of blurry and sharp pictures, cut in several ways.

    python benchmarks/windows.py BLUR_FOLDER SHARP_FOLDER --model maxim.safetensors --sides 256,512,768

Pairs have the same name in both folders. For each pair and each way: PSNR (RGB, 8 bit, whole picture) and what it is
above the blurry one's; the mean and the largest difference to the whole image's result, of values in [0, 1]; how many
times larger the mean step between neighbouring pixels across the windows' edges is than in the whole image's result at
the same places, 1 where no seam is to be seen; and processor seconds. `local` is the whole image with the means of
channel attention over windows of so many pixels around each place (TLC, Chu et al., ECCV 2022), in PyTorch as it is
trained. Means over the pairs at the end.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from deblurcli.metrics.psnr import psnr
from deblurcli.models.load import load_model
from deblurcli.networks.maxim.blocks import ChannelAttention
from deblurcli.networks.maxim.inference import pictures
from deblurcli.networks.maxim.network import MAXIM
from deblurcli.networks.nafnet.network import pool_window_starts, window_means
from deblurcli.restore.device import PRECISIONS
from deblurcli.restore.pictures import Pictures
from deblurcli.tiling.budget import PixelBudget
from deblurcli.tiling.windows import axis_windows, restore_in_windows

CPU = torch.device("cpu")


def steps_at_edges(image: Tensor, side: int, multiple: int) -> Tensor:
    """The mean step across the edges of windows of a side, relative to the mean step; by axis, none without edges."""
    shares = []
    for dim in (2, 3):
        windows = axis_windows(image.shape[dim], side, multiple)
        edges = {edge for window in windows for edge in window if 0 < edge < image.shape[dim]}
        steps = image.diff(dim=dim).abs().mean([other for other in range(4) if other != dim])
        if edges:
            shares.append(steps[[edge - 1 for edge in edges]].mean() / steps.mean())
    return torch.stack(shares) if shares else torch.empty(0)


def seam(result: Tensor, whole: Tensor, side: int, multiple: int) -> float:
    """How many times larger the steps across windows' edges are than in the whole image's result; NaN without edges."""
    return float((steps_at_edges(result, side, multiple) / steps_at_edges(whole, side, multiple)).mean())


@contextmanager
def local_means(network: Any, window: int, width: int) -> Iterator[None]:
    """Channel attention with means over a window of pixels of an image of a width, whatever the level."""

    def attend(self: ChannelAttention, x: Tensor) -> Tensor:
        level = (width // x.shape[2]).bit_length() - 1
        size = [min(window >> level, length) for length in x.shape[1:3]]
        places = [
            pool_window_starts(0, length, length, window >> level) if one < length else torch.zeros(1, dtype=torch.long)
            for one, length in zip(size, x.shape[1:3], strict=True)
        ]
        means = window_means(x.permute(0, 3, 1, 2), (size[0], size[1]), *places).permute(0, 2, 3, 1)
        return x * self.scale(means)

    forward = ChannelAttention.forward
    ChannelAttention.forward = attend  # type: ignore[method-assign]
    try:
        yield
    finally:
        ChannelAttention.forward = forward  # type: ignore[method-assign]


def restored(network: Any, run: Callable[[Tensor], list[Tensor]], pixels: np.ndarray, side: int) -> Tensor:
    """A picture in windows of a side: (1, 3, H, W) in [0, 1], padded."""
    source = Pictures([pixels], network.config.size_multiple, 3, CPU)
    result = torch.empty(1, 3, source.height, source.width)

    def emit(top: int, left: int, tile: Tensor) -> None:
        result[:, :, top : top + tile.shape[2], left : left + tile.shape[3]] = tile

    multiple, budget = network.config.size_multiple, PixelBudget(side * side)
    restore_in_windows(run, CPU, multiple, source, emit, budget, lambda share: None, side)
    return result.clamp_(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blur", type=Path)
    parser.add_argument("sharp", type=Path)
    parser.add_argument("--model", required=True, help="a model's name or a file")
    parser.add_argument("--sides", default="256,384,512,768", help="of windows, several separated by commas")
    parser.add_argument("--local", type=int, default=0, help="for MAXIM: means over windows of this size, too")
    parser.add_argument("--precision", default="fp32", help="several separated by commas; the first is the reference")
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair")
    options = parser.parse_args()
    network: Any
    network, info = load_model(options.model)
    networks = {name: load_model(options.model)[0].to(PRECISIONS[name]) for name in options.precision.split(",")}
    print(f"{info.name}, PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    rows: dict[str, list[tuple[float, ...]]] = {}
    for path in sorted(options.blur.iterdir())[:: options.every]:
        blurry, sharp = (
            np.asarray(Image.open(folder / path.name).convert("RGB")) for folder in (options.blur, options.sharp)
        )
        height, width = blurry.shape[:2]
        before, whole = psnr(blurry, sharp), None
        whole_side = 1 << 20
        sides = [whole_side, *map(int, options.sides.split(",")), *([-options.local] if options.local else [])]
        for precision, network in networks.items():
            for side in sides:
                run = partial(pictures, network) if isinstance(network, MAXIM) and side > 0 else network
                started = time.process_time()
                if side < 0:
                    with local_means(network, -side, -(-width // 64) * 64):
                        result = restored(network, run, blurry, whole_side)
                else:
                    result = restored(network, run, blurry, side)
                spent = time.process_time() - started
                whole = result if whole is None else whole
                difference = (result - whole).abs()
                pixels = (result[0, :, :height, :width].permute(1, 2, 0) * 255).round().byte().numpy()
                name = {whole_side: "whole", -options.local: f"local {options.local}"}.get(side, f"windows {side}")
                gained = psnr(pixels, sharp)
                row: tuple[float, ...] = (gained, gained - before, float(difference.mean()), float(difference.max()))
                row += (seam(result, whole, side if side > 0 else whole_side, network.config.size_multiple), spent)
                rows.setdefault(f"{precision} {name}", []).append(row)
                show(f"{path.stem[-22:]:22} {precision} {name}", row)
    print("means")
    for name, all_rows in rows.items():
        show(name, tuple(np.mean(all_rows, 0)))


def show(name: str, row: tuple[float, ...]) -> None:
    gained, gain, mean, most, at_edges, spent = row
    print(
        f"{name:45} {gained:6.2f} dB ({gain:+.2f})  from the whole's: mean {mean:.4f}, most {most:.2f}  "
        f"step at edges x{at_edges:.3f}  {spent:6.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
