"""Which model restores photos, and on what."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deblurcli.digest import sha256_of
from deblurcli.jobs.task import Options
from deblurcli.models.files import find_weights
from deblurcli.models.load import DEFAULT
from deblurcli.version import __version__

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer


@dataclass(frozen=True)
class Model:
    """A model as a user asks for it. Attributes: see `Deblurrer`; the device may also be several, with commas."""

    name: str | Path = DEFAULT
    device: str = "auto"
    precision: str = "auto"
    tta: bool = False

    def load(self) -> list[Deblurrer]:
        """Once for each device.

        Raises:
            WeightsUnavailable, WeightsDamaged, UsageError: as by `Deblurrer`.
        """
        find_weights(self.name)  # before the seconds that torch takes to load
        from deblurcli.restore.deblurrer import Deblurrer
        from deblurcli.restore.device import device_list

        return [Deblurrer(self.name, device, self.precision, tta=self.tta) for device in device_list(self.device)]

    def settings(self, options: Options) -> str:
        """Over all that decides what a result looks like: the model's file, this program's version, and the options.

        The same for all runs whose results are, whichever command they are of: one goes on where another has stopped.
        """
        decisive = {
            "weights": sha256_of(find_weights(self.name)),
            "version": __version__,
            "precision": self.precision,
            "tta": self.tta,
            "strength": options.strength,
            "quality": options.quality,
            "format": options.format,
            "compare": options.compare,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:32]
