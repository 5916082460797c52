"""A test in seconds that deblur computes the right thing on this machine.

`sharp.png` is a part of NASA's portrait of Eileen Collins (public domain), as scikit-image ships it, and `blurry.png`
the same part of `samples/astronaut.jpg`, which was made from it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import resources

import numpy as np

GAIN = 1.54  # dB, of the default model on the CPU in fp32; other engines and precisions come within 0.02 of it
NEAR = 0.05


@dataclass(frozen=True)
class SelfTest:
    """How the test went.

    Attributes:
        passed: whether the gain is the one that every machine should have.
        gain: in dB, of the restored picture over the blurry one.
        expected: the gain it should be, within NEAR.
        seconds: that it took, with loading the model.
        problem: why there is no gain.
    """

    passed: bool
    gain: float | None
    expected: float
    seconds: float
    problem: str | None = None


def self_test() -> SelfTest:
    """Restore a small picture with the default model, on the device and in the precision that photos would get."""
    from deblurcli.errors import DeblurError
    from deblurcli.metrics.psnr import psnr
    from deblurcli.restore.deblurrer import Deblurrer

    started = time.perf_counter()
    blurry, sharp = picture("blurry"), picture("sharp")
    try:
        restored = Deblurrer().restore(blurry).pixels
    except DeblurError as problem:
        return SelfTest(False, None, GAIN, time.perf_counter() - started, str(problem))
    gain = float(psnr(restored, sharp) - psnr(blurry, sharp))
    return SelfTest(abs(gain - GAIN) <= NEAR, round(gain, 3), GAIN, round(time.perf_counter() - started, 2))


def picture(name: str) -> np.ndarray:
    """The "blurry" or the "sharp" one: (112, 112, 3) uint8 RGB."""
    from PIL import Image

    with resources.files(__package__).joinpath(f"{name}.png").open("rb") as file, Image.open(file) as image:
        return np.asarray(image)
