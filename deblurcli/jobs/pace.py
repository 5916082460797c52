"""How much there is to do and how fast it goes, in pixels, because photos differ more in size than in anything else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path

from deblurcli.images.size import pixels_of
from deblurcli.jobs.stores.place import Place


class Pace:
    """Counts pixels as they are done. A thread of its own reads the sizes of local files from their headers meanwhile.

    Args:
        sources: the photos to restore.
        count: how many they are.
    """

    def __init__(self, sources: Iterable[Place], count: int) -> None:
        self.files = count
        self.surveyed = self.known = self.pixels = 0
        self.begun = self.begun_pixels = 0
        self.done = 0  # of what the devices had in hand before
        self.in_hand: dict[int, tuple[int, float]] = {}
        self.started: float | None = None
        self.lock = threading.Lock()
        threading.Thread(target=self.survey, args=(iter(sources),), daemon=True).start()

    def survey(self, sources: Iterable[Place]) -> None:
        for source in sources:
            if not isinstance(source, Path):
                continue
            pixels = pixels_of(source)
            self.surveyed += 1
            if pixels:
                self.known += 1
                self.pixels += pixels

    def begin(self, device: int, pixels: int) -> None:
        """A device begins a photo of so many pixels; the first starts the clock."""
        with self.lock:
            self.started = self.started or time.perf_counter()
            self.begun, self.begun_pixels = self.begun + 1, self.begun_pixels + pixels
            self.done += self.in_hand.get(device, (0, 0.0))[0]
            self.in_hand[device] = (pixels, 0.0)

    def advance(self, device: int, share: float) -> None:
        """A device has done this share of its photo, 0 to 1."""
        self.in_hand[device] = (self.in_hand[device][0], share)

    @property
    def total(self) -> float:
        """Pixels of all files; those not looked at are taken for as large as the others, or those begun."""
        count, pixels = (self.known, self.pixels) if self.known else (self.begun, self.begun_pixels)
        mean = pixels / count if count else 0.0
        return self.pixels + (self.files - self.surveyed) * mean

    @property
    def so_far(self) -> float:
        """Pixels done."""
        with self.lock:
            return self.done + sum(pixels * share for pixels, share in self.in_hand.values())

    @property
    def per_second(self) -> float:
        """Pixels a second since the beginning; 0 before anything is known."""
        elapsed = time.perf_counter() - self.started if self.started else 0.0
        return self.so_far / elapsed if elapsed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None before anything is known."""
        return max(self.total - self.so_far, 0.0) / self.per_second if self.per_second > 0 else None
