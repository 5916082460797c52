"""CUDA graphs: a network's kernels, recorded once for a shape and from then on launched all at once.

For small images, launching a network's hundreds of kernels one by one can take the CPU longer than computing them takes
the GPU. A recording costs several runs of the network, so it is made for a shape that comes a second time. None of this
has been run on a GPU yet.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

MOST_PIXELS = 1 << 21  # of a batch; an estimate: with more, launching should not matter any more
KEPT = 4  # recordings, each of which holds its memory
WARM_UP = 3  # runs before a recording, in which the libraries choose their kernels
NEAR = 1 / 255  # by how much a recording may differ from the network, which other kernels may have computed


@dataclass
class Recording:
    """A recorded run: what it reads, what it writes."""

    graph: torch.cuda.CUDAGraph
    blurry: Tensor
    restored: Tensor

    def replay(self, x: Tensor) -> Tensor:
        self.blurry.copy_(x)
        self.graph.replay()
        return self.restored.clone()  # the next run writes over it


class Graphs:
    """A network on a CUDA device, with recordings of the shapes that come again. May be called from several threads.

    Where a recording cannot be made, or does not give what the network gives, the network runs as it is from then on.

    Args:
        network: on its device, in its precision; its forward returns the predictions of all scales, coarsest first.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.seen: set[torch.Size] = set()
        self.recordings: OrderedDict[torch.Size, Recording] = OrderedDict()
        self.usable = True
        self.lock = threading.Lock()

    def __call__(self, x: Tensor) -> Tensor:
        """(N, C, H, W) float32 -> the finest prediction, (N, C, H, W)."""
        with self.lock:
            if recording := self.recording_for(x):
                return recording.replay(x)
        return self.plain(x)

    def plain(self, x: Tensor) -> Tensor:
        result: Tensor = self.network(x)[-1]
        return result

    def recording_for(self, x: Tensor) -> Recording | None:
        if not self.usable:
            return None
        if x.shape in self.recordings:
            self.recordings.move_to_end(x.shape)
        elif x.shape not in self.seen:
            self.seen.add(x.shape)
            return None
        else:
            try:
                recording = self.record(x)
                self.usable = bool((recording.replay(x) - self.plain(x)).abs().max() <= NEAR)
            except RuntimeError:  # out of memory too: then there is none to hold
                self.usable = False
            if not self.usable:
                self.recordings.clear()
                return None
            self.recordings[x.shape] = recording
            if len(self.recordings) > KEPT:
                self.recordings.popitem(last=False)
        return self.recordings[x.shape]

    def record(self, x: Tensor) -> Recording:
        blurry = x.clone()
        device, chosen = x.device, torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = True  # a shape that comes again is worth trying its kernels out
        try:
            # Recording demands another stream for the runs before it.
            beside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            beside.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(beside):
                for _ in range(WARM_UP):
                    self.plain(blurry)
            torch.cuda.current_stream(device).wait_stream(beside)
            graph = torch.cuda.CUDAGraph()
            # Other threads go on with this device meanwhile.
            with torch.cuda.device(device), torch.cuda.graph(graph, capture_error_mode="thread_local"):
                restored = self.plain(blurry)
        finally:
            torch.backends.cudnn.benchmark = chosen
        return Recording(graph, blurry, restored)
