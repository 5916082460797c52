"""The contract between a network and the rest of the program.

A network is a folder beside this file with an `Architecture`, plain data and functions, and one line in the registry
(`deblurcli.networks`). Nothing else in the program asks which network it has. What is left out here has a default that
is right for any network: it is trained on its full-size prediction, runs in PyTorch, and images that do not fit at
once go through it in overlapping windows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

import torch
from torch import Tensor

from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.memory import as_memory_error
from deblurcli.tiling.whole import restore_whole
from deblurcli.tiling.windows import restore_in_windows

CPU_PIXELS = 3 << 16


class Config(Protocol):
    """The hyper-parameters of a network: a frozen dataclass, whose fields are what a checkpoint stores.

    Raises ValueError or TypeError when it is made with values that make no network.
    """

    @property
    def image_channels(self) -> int:
        """3 for RGB, 1 for a network that restores R, G and B each as a grey image."""

    @property
    def size_multiple(self) -> int:
        """Both sides of an input must be multiples of this, and at least as large."""


ConfigT = TypeVar("ConfigT", bound=Config)
ConfigT_co = TypeVar("ConfigT_co", bound=Config, covariant=True)


class Network(Protocol[ConfigT_co]):
    """What a built network can do, besides being an `nn.Module`."""

    @property
    def config(self) -> ConfigT_co:
        """What the network is; enough to build it again."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its weights, in which it computes."""

    def state_dict(self) -> dict[str, Any]:
        """Its weights by name; all that it has learnt, and floating-point numbers only, as their mean is taken."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take over weights, strictly: RuntimeError if one is missing, left over or of another shape."""

    def __call__(self, x: Tensor) -> list[Tensor]:
        """Restore a batch.

        Args:
            x: blurry images (N, C, H, W), RGB or grey, values in [0, 1], sides multiples of `config.size_multiple`.

        Returns:
            All its predictions, (N, C, h, w) each, not clipped, float32 for float32 images whatever the weights'
            number format. The last one has full size; the others are what `Architecture.targets` makes targets for.

        Raises:
            ValueError: if the shape of `x` does not fit.
        """


NetworkT = TypeVar("NetworkT", bound=Network[Any])


@dataclass(frozen=True)
class Tiling:
    """How the result of tiles compares with that of the whole image.

    Attributes:
        kind: "exact", but for rounding; "approximate"; or "whole" for a network that is never cut, which says nothing
            of `Architecture.restore`: what does not fit in memory at once is refused.
        bound: the largest mean absolute difference to the whole image's result, of values in [0, 1], that was seen or
            that rounding can make.
    """

    kind: Literal["exact", "approximate", "whole"]
    bound: float


def whole_target(config: Config, sharp: Tensor) -> list[Tensor]:
    """One prediction, trained against the sharp image at full size, (N, C, H, W) in [0, 1]."""
    return [sharp]


def as_built(network: Network[Any]) -> None:
    """The initial weights that the network's layers gave themselves."""


@dataclass(frozen=True)
class Architecture(Generic[ConfigT, NetworkT]):
    """A kind of network, and all that the rest of the program needs to know of it.

    Attributes:
        title: what a person calls it.
        config: its hyper-parameters.
        build: from a config to a `Network` with fresh weights.
        signature: names of tensors by which a state dict of this kind is recognised, by most of them if one is missing.
        read_config: from such a state dict to a config. Looks at a few tensors only: whether all others fit is seen
            when they are loaded. Raises KeyError with the name of a tensor that is missing, IndexError for one with
            too few dimensions, ValueError for impossible sizes.
        bytes_per_pixel: memory that an image takes which runs at once, per pixel and per byte of the number format.
        restore: a network of this kind -> an image of any size, on the network's device and in its precision; arguments
            as for `run`, under inference mode. None for the whole image where it fits, else overlapping windows. After
            memory ran out, in reading, computing or emitting, it goes on with a smaller budget, and may emit the same
            pixels again; what was emitted last holds. Raises MemoryError if even the smallest tiles do not fit.
        tiling: what comes of that.
        window: the side in pixels of the windows that an image with more pixels than one of them is cut into, even
            where it would fit at once; None if memory decides.
        cpu_pixels: how many pixels to process at once on a CPU, where that is fastest.
        initialise: the ways to begin a training, by name; the first one is taken where none is named.
        targets: what each prediction is trained against: from the sharp image (N, C, H, W) to one image for each.
        trusted: half precisions in which its gain on real pairs was measured to be within 0.02 dB of float32's; others
            are compared with float32 on a test picture before they are taken.
        runs_natively: whether the compiled library computes a network of this kind on the CPU, in float32.
    """

    title: str
    config: type[ConfigT]
    build: Callable[[ConfigT], NetworkT]
    signature: tuple[str, ...]
    read_config: Callable[[Mapping[str, Tensor]], ConfigT]
    bytes_per_pixel: Callable[[ConfigT], int]
    restore: Callable[[NetworkT, Source, Emit, PixelBudget, Advance], None] | None = None
    tiling: Tiling = Tiling("approximate", 0.02)
    window: int | None = None
    cpu_pixels: int = CPU_PIXELS
    initialise: Mapping[str, Callable[[NetworkT], None]] = field(default_factory=lambda: {"default": as_built})
    targets: Callable[[ConfigT, Tensor], list[Tensor]] = whole_target
    trusted: frozenset[torch.dtype] = frozenset()
    runs_natively: Callable[[NetworkT], bool] = lambda network: False

    @torch.inference_mode()
    def run(self, network: Any, source: Source, emit: Emit, budget: PixelBudget, advance: Advance) -> None:
        """Restore an image of any size with a network of this kind.

        Args:
            network: on its device, in its precision.
            source: the image, (N, C, H, W) in [0, 1], sides multiples of the network's size multiple.
            emit: takes the result at full size, (N, C, h, w) float32, not clipped, as it gets ready.
            budget: pixels of each image to process at once; made smaller when memory runs out.
            advance: told the share of the work that is done, 0 to 1, never less than before.

        Raises:
            MemoryError: if even the smallest tiles do not fit.
        """

        def restore() -> None:
            device, multiple = network.device, network.config.size_multiple
            if self.restore is not None:
                self.restore(network, source, emit, budget, advance)
            elif self.tiling.kind != "whole":
                restore_in_windows(network, device, multiple, source, emit, budget, advance, self.window)
            elif not restore_whole(network, device, source, emit, PixelBudget(source.height * source.width), advance):
                raise MemoryError("not enough memory for this image, which its network cannot restore in tiles")

        as_memory_error(restore)

    def runs_whole(self, height: int, width: int) -> bool:
        """Whether an image of this padded size is never cut but for want of memory."""
        return self.window is None or height * width <= self.window * self.window

    def likeness(self, state: Mapping[str, Tensor]) -> float:
        """The share of the signature that a state dict has, 0 to 1."""
        return sum(name in state for name in self.signature) / len(self.signature)
