"""PSNR and both SSIMs of models, and of doing nothing, on a folder of pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from deblurcli.errors import InputError
from deblurcli.images import is_image_name, read_photo
from deblurcli.metrics.psnr import psnr
from deblurcli.metrics.ssim import ssim_matlab, ssim_wang

Restore = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Score:
    """One image: PSNR in dB, SSIM as MATLAB computes it on an RGB array, and SSIM of Wang et al. 2004 per channel."""

    pair: str
    method: str
    psnr: float
    ssim_matlab: float
    ssim_wang: float


def find_pairs(blur: Path, sharp: Path) -> list[tuple[Path, Path]]:
    """Blurry images with their sharp partners, matched by path below the folders without the suffix.

    Raises:
        InputError: if a folder is missing or empty, or a blurry image has no partner.
    """
    images: list[dict[Path, Path]] = []
    for folder in (blur, sharp):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
        found = sorted(path for path in folder.rglob("*") if is_image_name(path))
        images.append({path.relative_to(folder).with_suffix(""): path for path in found})
    if not images[0]:
        raise InputError(f"{blur}: no images found")
    if alone := [path for name, path in images[0].items() if name not in images[1]]:
        raise InputError(f"{alone[0]}: has no partner in {sharp}; {len(alone)} of {len(images[0])} images have none")
    return [(path, images[1][name]) for name, path in images[0].items()]


def score_pairs(pairs: Sequence[tuple[Path, Path]], methods: dict[str, Restore]) -> Iterator[Score]:
    """Score every method on every pair, one image in memory at a time.

    Args:
        pairs: (blurry, sharp) files.
        methods: name -> function from (H, W, 3) uint8 to the same.

    Raises:
        InputError: if an image cannot be read, is not 8-bit RGB, or two partners differ in size.
    """
    for blurry_path, sharp_path in pairs:
        blurry, sharp = (read_photo(path).pixels for path in (blurry_path, sharp_path))
        for path, pixels in ((blurry_path, blurry), (sharp_path, sharp)):
            if pixels.dtype != np.uint8 or pixels.ndim != 3:
                raise InputError(f"{path}: not an 8-bit RGB image, which these measures are defined for")
        if blurry.shape != sharp.shape:
            raise InputError(f"{blurry_path}: is of another size than {sharp_path}")
        for name, method in methods.items():
            result = method(blurry)
            yield Score(
                str(blurry_path), name, psnr(result, sharp), ssim_matlab(result, sharp), ssim_wang(result, sharp)
            )


@dataclass(frozen=True)
class Summary:
    """Means over the images; `gain` is PSNR over the blurry input, with its smallest and largest."""

    method: str
    images: int
    psnr: float
    ssim_matlab: float
    ssim_wang: float
    gain: float
    worst: float
    best: float


def summarise(scores: Sequence[Score], baseline: str) -> list[Summary]:
    """One summary per method, in the order they appear; gains are over `baseline`."""
    before = {score.pair: score.psnr for score in scores if score.method == baseline}
    summaries = []
    for method in dict.fromkeys(score.method for score in scores):
        own = [score for score in scores if score.method == method]
        gains = [score.psnr - before[score.pair] for score in own]
        summaries.append(
            Summary(
                method,
                len(own),
                fmean(score.psnr for score in own),
                fmean(score.ssim_matlab for score in own),
                fmean(score.ssim_wang for score in own),
                fmean(gains),
                min(gains),
                max(gains),
            )
        )
    return summaries
