"""The pixels of photographs as a network wants them, and back. Both are done on the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Pictures:
    """Blurry images of one size as a network's source: padded to whole multiples, converted a region at a time.

    On a GPU nothing here waits for it, so that the next images can be handed over while it computes.

    Args:
        images: B images of the same shape and type: (H, W) grey or (H, W, 3) RGB; uint8, uint16, or floating point in
            [0, 1].
        multiple: both padded sides are multiples of it.
        channels: of the network: 3, or 1 to restore each colour as a grey image of its own.
        device: where the regions are wanted.

    Attributes:
        pixels: (B, H, W) or (B, H, W, 3) on the device, as `stored`.
        height, width: padded, in pixels.
    """

    def __init__(self, images: Sequence[np.ndarray], multiple: int, channels: int, device: torch.device) -> None:
        self.dtype, self.channels = images[0].dtype, channels
        self.pixels = stored(images, device)
        height, width = images[0].shape[:2]
        self.rows, self.columns = padded_index(height, multiple, device), padded_index(width, multiple, device)
        self.height, self.width = len(self.rows), len(self.columns)

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """(N, C, bottom - top, right - left) float32 in [0, 1]; N is 3 B for colour through a grey network."""
        region = self.pixels.index_select(1, self.rows[top:bottom]).index_select(2, self.columns[left:right])
        values = unit_values(region, self.dtype)
        if values.ndim == 3:
            return values[:, None].expand(-1, self.channels, -1, -1)
        planes = values.permute(0, 3, 1, 2)
        return planes if self.channels == 3 else planes.reshape(-1, 1, *planes.shape[2:])

    def image(self, restored: Tensor) -> Tensor:
        """A region of the network's result, (N, C, h, w), in the layout of the pixels: (B, h, w) or (B, h, w, 3)."""
        if self.pixels.ndim == 3:
            return restored.mean(1)
        return restored.reshape(-1, 3, *restored.shape[2:]).permute(0, 2, 3, 1)


def stored(images: Sequence[np.ndarray], device: torch.device) -> Tensor:
    """(B, ...) on a device; uint16, which few operations know, as int16 of the same bits."""
    array = np.ascontiguousarray(images[0])[None] if len(images) == 1 else np.stack(images)
    # PyTorch takes neither; for NumPy a mirrored axis of length 1 is contiguous.
    if not array.flags.writeable or min(array.strides) < 0:
        array = array.copy()
    if array.dtype == np.uint16:
        array = array.view(np.int16)
    values = torch.from_numpy(array)
    if device.type == "cuda":  # from pinned memory the copy runs beside the computing
        return values.pin_memory().to(device, non_blocking=True)
    if device.type == "mps" and values.dtype == torch.float64:  # which it has not
        values = values.float()
    return values.to(device)


def arrays(*tensors: Tensor) -> list[np.ndarray]:
    """What a device has computed, in main memory; a GPU is waited for once, and only for work that was begun before."""
    if tensors[0].device.type != "cuda":
        return [tensor.cpu().numpy() for tensor in tensors]
    copies = []
    for tensor in tensors:
        pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        copies.append(pinned.copy_(tensor, non_blocking=True))
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(tensors[0].device))
    copied.synchronize()
    return [copy.numpy() for copy in copies]


def as_pixels(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """An array of `stored` values in the pixels' own type."""
    return array.view(np.uint16) if dtype == np.uint16 else array.astype(dtype, copy=False)


def padded_index(length: int, multiple: int, device: torch.device) -> Tensor:
    """For every row of the padded image the row of the original: reflected at the end, back and forth if too small."""
    # Made on the device, as a copy to a GPU would wait for it.
    places = torch.arange(length + -length % multiple, device=device)
    last = length - 1
    return last - (places % max(2 * last, 1) - last).abs()


def white(dtype: np.dtype) -> float:
    """The value of white: 255, 65535, or 1 for floating point."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def unit_values(values: Tensor, dtype: np.dtype) -> Tensor:
    """`stored` values of pixels of a type, as float32 in [0, 1]."""
    if dtype == np.uint16:
        values = values.to(torch.int32) & 0xFFFF
    values = values.float()
    return values / white(dtype) if dtype.kind == "u" else values


def quantise(values: Tensor, dtype: np.dtype) -> Tensor:
    """Values in [0, 1] (others are clipped) as `stored` in the pixels' type; integers are rounded, not truncated."""
    scaled = values.clamp(0, 1) * white(dtype)
    if dtype == np.uint8:
        return scaled.round_().to(torch.uint8)
    if dtype == np.uint16:
        return scaled.round_().to(torch.int32).to(torch.int16)
    return scaled
