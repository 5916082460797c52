"""The job itself: load a model once, restore many images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image

from deblurcli.models.load import DEFAULT, load_model
from deblurcli.networks import architecture
from deblurcli.networks.base import Architecture
from deblurcli.restore.device import pick_device, pick_precision, precision_name
from deblurcli.restore.ensemble import VIEWS, mean_over_views
from deblurcli.restore.graphs import MOST_PIXELS, Graphs
from deblurcli.restore.guard import put_back, wrong_blocks
from deblurcli.restore.inputs import check_input, colour_and_alpha, from_array, plain, to_array
from deblurcli.restore.pictures import Pictures, arrays, as_pixels, quantise, white
from deblurcli.tiling.budget import Emit, PixelBudget
from deblurcli.tiling.memory import OUT_OF_MEMORY, attempt

ArrayOrImage = TypeVar("ArrayOrImage", np.ndarray, Image.Image)

GPU_SHARE = 0.4  # of a GPU's free memory for what runs at once: two images may be on it, see `jobs.pipeline`
GPU_TOGETHER = 1 << 20  # pixels of small images that are restored together, as one of them does not fill a GPU


class GuardWarning(UserWarning):
    """The network failed on a part of the image, and the input was kept there."""


def default_part(architecture: Architecture[Any, Any], network: Any, device: torch.device) -> int:
    """How many pixels to process at once with a network on its device, in its precision."""
    if device.type != "cuda":
        return architecture.cpu_pixels
    free, _ = torch.cuda.mem_get_info(device)
    needed = architecture.bytes_per_pixel(network.config) * network.dtype.itemsize
    return max(int(GPU_SHARE * free / needed), architecture.cpu_pixels)


@dataclass(frozen=True)
class Restored:
    """A result.

    Attributes:
        pixels: same shape and type as the input.
        kept: share of the image, 0 to 1, where the network failed and the input was kept.
    """

    pixels: np.ndarray
    kept: float


class Deblurrer:
    """Removes motion blur from images.

        from deblurcli import Deblurrer
        deblur = Deblurrer()
        sharp = deblur(blurry)      # a NumPy array or a PIL image; the same kind comes back

    Args:
        model: a model's name or a weights file; by default "maxim-fast".
        device: "auto" (CUDA, then MPS, then the CPU), "cpu", "cuda", "cuda:1", "mps".
        precision: "auto" (the fastest that is checked to be safe), "fp32", "bf16", "fp16".
        part_pixels: how many pixels to process at once; memory grows with it, the result does not depend on it.
        tta: take the mean over the eight flips and quarter turns of each image, at eight times the time.
        together_pixels: how many pixels `restore_alike` is best given at once; by default a million on CUDA, and 0
            elsewhere, for one image after the other.

    Attributes:
        info: what the model says about itself.
        device, dtype: where and in which precision it runs. On CUDA float32 is float32: PyTorch's TF32 convolutions are
            turned off for the process.

    Raises:
        WeightsUnavailable, WeightsDamaged: if the model cannot be loaded.
        UsageError: if the device or precision does not exist here.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        part_pixels: int | None = None,
        tta: bool = False,
        together_pixels: int | None = None,
    ) -> None:
        self.device = pick_device(device)
        on_cuda = self.device.type == "cuda"
        if on_cuda:
            torch.backends.cudnn.allow_tf32 = False  # before precisions are compared
        network, self.info = load_model(model or DEFAULT)
        self.architecture = architecture(self.info.architecture)
        native = self.architecture.runs_natively(network)
        self.dtype = pick_precision(precision, network, self.device, native, self.architecture.trusted)
        self.network = network.to(self.device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.part_pixels = part_pixels or default_part(self.architecture, self.network, self.device)
        self.tta = tta
        self.together_pixels = (GPU_TOGETHER if on_cuda else 0) if together_pixels is None else together_pixels
        self.graphs = Graphs(self.network) if on_cuda else None

    @property
    def precision(self) -> str:
        """The name of the precision it runs in: "fp32", "bf16", "fp16"."""
        return precision_name(self.dtype)

    def __call__(self, image: ArrayOrImage, strength: float = 1.0) -> ArrayOrImage:
        """Restore an image.

        Args:
            image: (H, W), (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA of uint8, uint16 or
                floating point in [0, 1], in either byte order; or a PIL image. Alpha passes through unchanged.
            strength: 0 (nothing changes) to 1 (the network's result).

        Returns:
            The same kind, size and type; of a memory map an array. PIL mode 1 comes back as L, La as LA, RGBa as
            RGBA, modes other than these and I;16 as RGB, CMYK through its colour profile; transparency that is kept
            beside the pixels comes back as an alpha channel.

        Raises:
            TypeError, ValueError: for other types, shapes, values or strengths.

        Warns:
            GuardWarning: if the network failed somewhere and the input was kept there.
        """
        if isinstance(image, Image.Image):
            return from_array(self(to_array(image), strength), image)
        if not isinstance(image, np.ndarray):
            raise TypeError(f"an image must be a NumPy array or a PIL image, not {type(image).__name__}")
        colour, alpha = colour_and_alpha(image)
        restored = self.restore(colour, strength)
        if restored.kept:
            warnings.warn(
                f"the model failed on {restored.kept:.0%} of the image; the input was kept there", GuardWarning, 2
            )
        result = restored.pixels
        if alpha is not None:
            result = np.concatenate([result.reshape(*alpha.shape[:2], -1), alpha], -1)
        return result.reshape(image.shape).astype(image.dtype, copy=False)

    def restore(
        self, pixels: np.ndarray, strength: float = 1.0, advance: Callable[[float], None] = lambda share: None
    ) -> Restored:
        """Restore (H, W) grey or (H, W, 3) RGB pixels of uint8, uint16 or floating point in [0, 1].

        Args:
            pixels: the blurry image.
            strength: 0 to 1.
            advance: told the share of the work that is done, 0 to 1.

        Raises:
            TypeError, ValueError: for other types, shapes, values or strengths.
            MemoryError: if not even the smallest tile fits in memory.
        """
        return self.restore_alike([pixels], strength, advance)[0]

    def restore_alike(
        self,
        images: Sequence[np.ndarray],
        strength: float = 1.0,
        advance: Callable[[float], None] = lambda share: None,
    ) -> list[Restored]:
        """Restore images of the same shape and type together, which is quicker on a GPU where they are small.

        Args, errors: as for `restore`, and ValueError for images that are not alike, or none.
        """
        for pixels in images:
            check_input(pixels, strength)
        if not all(type(pixels) is np.ndarray and pixels.dtype.isnative for pixels in images):
            restored = self.restore_alike([plain(pixels) for pixels in images], strength, advance)
            return [
                replace(one, pixels=one.pixels.astype(pixels.dtype))
                for one, pixels in zip(restored, images, strict=True)
            ]
        if len({(pixels.shape, pixels.dtype) for pixels in images}) != 1:
            raise ValueError("images that are restored together must be of one shape and type")
        if strength == 0:
            advance(1.0)
            return [Restored(pixels.copy(), 0.0) for pixels in images]
        if not self.tta:
            return self.restore_once(images, strength, advance)
        count = len(images)
        return [
            self.restore_views(pixels, strength, lambda share, index=index: advance((index + share) / count))  # type: ignore[misc]
            for index, pixels in enumerate(images)
        ]

    def restore_views(self, pixels: np.ndarray, strength: float, advance: Callable[[float], None]) -> Restored:
        """As `restore`, the mean over all views."""
        kept = 0.0

        def restored(image: np.ndarray, view: int) -> np.ndarray:
            nonlocal kept
            (result,) = self.restore_once([image], strength, lambda share: advance((view + share) / VIEWS))
            kept = max(kept, result.kept)
            return result.pixels

        # As floats, so that no view is rounded before the mean.
        values = np.divide(pixels, white(pixels.dtype), dtype=np.float32)
        mean = quantise(torch.from_numpy(mean_over_views(values, restored)), pixels.dtype)
        return Restored(as_pixels(mean.numpy(), pixels.dtype), kept)

    @torch.inference_mode()
    def restore_once(
        self, images: Sequence[np.ndarray], strength: float, advance: Callable[[float], None]
    ) -> list[Restored]:
        """As `restore_alike`, of this one view and with arguments that are known to be good."""
        config, dtype = self.network.config, images[0].dtype
        pictures = Pictures(images, config.size_multiple, config.image_channels, self.device)
        result = torch.empty_like(pictures.pixels)
        # A mask, as a tile that comes again, after memory ran out, must not be counted again.
        broken = torch.zeros(result.shape[:3], dtype=torch.bool, device=self.device)
        height, width = images[0].shape[:2]
        on_cpu = self.device.type == "cpu"

        def emit(top: int, left: int, tile: torch.Tensor) -> None:
            tile = tile.float()[:, :, : max(height - top, 0), : max(width - left, 0)]
            if 0 in tile.shape:
                return
            restored = pictures.image(tile)
            finite = restored.isfinite()
            bottom, right = top + tile.shape[2], left + tile.shape[3]
            if strength < 1 or not (on_cpu and finite.all()):  # to ask a GPU would be to wait for it
                blurry = pictures.image(pictures.read(top, bottom, left, right))
                restored = torch.where(finite, blurry + strength * (restored - blurry), blurry)
            broken[:, top:bottom, left:right] = (~finite).reshape(*finite.shape[:3], -1).any(-1)
            result[:, top:bottom, left:right] = quantise(restored, dtype)

        if not self.restore_whole(pictures, emit, advance):
            budget = PixelBudget(max(self.part_pixels // len(images), 1))
            self.architecture.run(self.network, pictures, emit, budget, advance)
        wrong = wrong_blocks(result, pictures.pixels, dtype, strength)
        done, wrong_there, broken_there = arrays(result, wrong, broken.sum((1, 2)))
        restored = []
        for pixels, own, blocks, bad in zip(images, as_pixels(done, dtype), wrong_there, broken_there, strict=True):
            if blocks.any():
                put_back(own, pixels, blocks)
            restored.append(Restored(own, min(max(float(blocks.mean()), float(bad) / (height * width)), 1.0)))
        return restored

    def restore_whole(self, pictures: Pictures, emit: Emit, advance: Callable[[float], None]) -> bool:
        """Small images on CUDA, all at once; False if they are others, or there is no memory for it."""
        pixels = len(pictures.pixels) * pictures.height * pictures.width
        graphs = self.graphs
        if graphs is None or pixels > min(MOST_PIXELS, self.part_pixels):
            return False
        if not self.architecture.runs_whole(pictures.height, pictures.width):
            return False
        x = pictures.read(0, pictures.height, 0, pictures.width).contiguous(memory_format=torch.channels_last)
        if attempt(lambda: emit(0, 0, graphs(x))) is OUT_OF_MEMORY:
            return False
        advance(1.0)
        return True
