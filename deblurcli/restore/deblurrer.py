"""The job itself: load a model once, restore many images."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from deblurcli.models import load_model
from deblurcli.networks import ARCHITECTURES
from deblurcli.networks.parts import PartSize
from deblurcli.restore.device import default_model, pick_device, pick_precision
from deblurcli.restore.ensemble import VIEWS, mean_over_views
from deblurcli.restore.guard import keep_input_where_wrong
from deblurcli.restore.picture import Picture, quantise, white

Pixels = TypeVar("Pixels", np.ndarray, Image.Image)

CPU_PART = 1 << 16  # pixels at once: measured fastest, as the features of a part then stay in the caches


class GuardWarning(UserWarning):
    """The network failed on a part of the image, and the input was kept there."""


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
        model: a model's name or a weights file; by default "srn" on CUDA and "srn-fast" elsewhere.
        device: "auto" (CUDA, then MPS, then the CPU), "cpu", "cuda", "cuda:1", "mps".
        precision: "auto" (the fastest that is checked to be safe), "fp32", "bf16", "fp16".
        part_pixels: how many pixels to process at once; memory grows with it, the result does not depend on it.
        tta: take the mean over the eight flips and quarter turns of each image, at eight times the time.

    Attributes:
        info: what the model says about itself.
        device, dtype: where and in which precision it runs.

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
    ) -> None:
        self.device = pick_device(device)
        network, self.info = load_model(model or default_model(device))
        self.architecture = ARCHITECTURES[self.info.architecture]
        native = self.architecture.runs_natively(network)
        self.dtype = pick_precision(precision, network, self.device, native)
        self.network = network.to(self.device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.part_pixels = part_pixels or self.default_part()
        self.tta = tta

    def default_part(self) -> int:
        """How many pixels to process at once."""
        if self.device.type != "cuda":
            return CPU_PART
        free, _ = torch.cuda.mem_get_info(self.device)
        needed = self.architecture.bytes_per_pixel(self.network.config) * self.dtype.itemsize
        return max(int(0.6 * free / needed), CPU_PART)

    def __call__(self, image: Pixels, strength: float = 1.0) -> Pixels:
        """Restore an image.

        Args:
            image: (H, W), (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA of uint8, uint16 or
                floating point in [0, 1]; or a PIL image. Alpha passes through unchanged.
            strength: 0 (nothing changes) to 1 (the network's result).

        Returns:
            The same kind, size and type. PIL mode 1 comes back as L, modes other than L, LA, RGB, RGBA and
            I;16 as RGB; transparency that is kept beside the pixels comes back as an alpha channel.

        Raises:
            TypeError, ValueError: for other types, shapes, values or strengths.

        Warns:
            GuardWarning: if the network failed somewhere and the input was kept there.
        """
        if isinstance(image, Image.Image):
            return from_array(self(to_array(image), strength), image)
        if not isinstance(image, np.ndarray):
            raise TypeError(f"an image must be a NumPy array or a PIL image, not {type(image).__name__}")
        colour, alpha = split_alpha(image)
        restored = self.restore(colour, strength)
        if restored.kept:
            warnings.warn(
                f"the model failed on {restored.kept:.0%} of the image; the input was kept there", GuardWarning, 2
            )
        result = restored.pixels
        if alpha is not None:
            result = np.concatenate([result.reshape(*alpha.shape[:2], -1), alpha], -1)
        return result.reshape(image.shape)

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
            MemoryError: if not even the smallest part fits in memory.
        """
        check(pixels, strength)
        if strength == 0:
            advance(1.0)
            return Restored(pixels.copy(), 0.0)
        if not self.tta:
            return self.restore_once(pixels, strength, advance)
        kept = 0.0

        def restored(image: np.ndarray, view: int) -> np.ndarray:
            nonlocal kept
            result = self.restore_once(image, strength, lambda share: advance((view + share) / VIEWS))
            kept = max(kept, result.kept)
            return result.pixels

        # As floats, so that no view is rounded before the mean.
        values = np.divide(pixels, white(pixels.dtype), dtype=np.float32)
        return Restored(quantise(torch.from_numpy(mean_over_views(values, restored)), pixels.dtype), kept)

    def restore_once(self, pixels: np.ndarray, strength: float, advance: Callable[[float], None]) -> Restored:
        """As `restore`, of this one view and with arguments that are known to be good."""
        config = self.network.config
        picture = Picture(pixels, config.size_multiple, config.image_channels, self.device)
        result = np.empty_like(pixels)
        broken = 0
        height, width = pixels.shape[:2]

        def emit(top: int, left: int, part: torch.Tensor) -> None:
            nonlocal broken
            part = part.float()[:, :, : max(height - top, 0), : max(width - left, 0)]
            region = (slice(top, top + part.shape[2]), slice(left, left + part.shape[3]))
            if 0 in part.shape:
                return
            restored = picture.image(part)
            finite = restored.isfinite()
            if strength < 1 or not finite.all():
                blurry = picture.image(picture.read(top, top + part.shape[2], left, left + part.shape[3]))
                broken += int((~finite).reshape(*finite.shape[:2], -1).any(-1).sum())
                restored = torch.where(finite, blurry + strength * (restored - blurry), blurry)
            result[region] = quantise(restored, pixels.dtype)

        self.architecture.restore_in_parts(self.network, picture, emit, PartSize(self.part_pixels), advance)
        kept = keep_input_where_wrong(result, pixels, strength)
        return Restored(result, min(max(kept, broken / (height * width)), 1.0))


def check(pixels: np.ndarray, strength: float) -> None:
    if pixels.dtype not in (np.uint8, np.uint16, np.float16, np.float32, np.float64):
        raise TypeError(f"pixels must be uint8, uint16 or floating point in [0, 1], not {pixels.dtype}")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or 0 in pixels.shape:
        raise ValueError(f"pixels must be (H, W) grey or (H, W, 3) RGB, not {pixels.shape}")
    if pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):  # false for NaN too
        raise ValueError("floating-point pixels must lie in [0, 1]")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be 0 to 1, not {strength}")


def split_alpha(image: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Any accepted array -> (H, W) or (H, W, 3) colour, and (H, W, 1) alpha if there is one."""
    if image.ndim != 3:
        return image, None
    if image.shape[2] in (2, 4):
        colour, alpha = image[..., :-1], image[..., -1:]
        return (colour[..., 0] if colour.shape[2] == 1 else colour), alpha
    return (image[..., 0] if image.shape[2] == 1 else image), None


def to_array(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F"):
        raise TypeError(f"PIL images of mode {image.mode} say nothing of their range; give an array or mode I;16")
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)  # in the machine's byte order
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("L", "LA") else "RGBA")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return np.asarray(image)


def from_array(pixels: np.ndarray, original: Image.Image) -> Image.Image:
    image = Image.fromarray(pixels)
    stale = ("transparency", "icc_profile") if original.mode in ("CMYK", "LAB") else ("transparency",)
    image.info = {key: value for key, value in original.info.items() if key not in stale}
    return image
