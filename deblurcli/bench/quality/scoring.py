"""PSNR and SSIM of models, and of doing nothing, on a data set."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np

from deblurcli.bench.data.datasets import Dataset, Pair
from deblurcli.bench.results import Method, Protocol, Score
from deblurcli.errors import InputError
from deblurcli.images import read_photo
from deblurcli.metrics.kohler import kohler_scores
from deblurcli.metrics.psnr import psnr
from deblurcli.metrics.ssim import WINDOW, ssim_matlab, ssim_wang

Restore = Callable[[np.ndarray], np.ndarray]


def score_pairs(
    dataset: Dataset,
    methods: Sequence[tuple[Method, Restore | None]],
    done: Collection[tuple[str, str]] = (),
    workers: int = 1,
) -> Iterator[Score]:
    """Score every method on every pair, in order.

    This process restores; `workers` others read the true images and compute the measures beside it. A few images per
    worker are in memory at a time, however many pairs there are.

    Args:
        dataset: what to measure on.
        methods: rows, and how each restores (H, W, 3) uint8 to the same; None takes the blurry image as it is.
        done: (pair name, method name) to leave out.
        workers: processes that measure.

    Raises:
        InputError: if an image cannot be read, is not 8-bit RGB, or two partners differ in size.
    """
    # "spawn": the parent has threads (torch's), which a forked child could inherit in the middle of a lock.
    context = multiprocessing.get_context("spawn")
    # An interruption is this process's to handle: the others would each print a traceback.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(workers, context, initializer=signal.signal, initargs=ignore) as pool:
        waiting: deque[Future[Score]] = deque()
        try:
            for pair in dataset.pairs:
                missing = [(method, restore) for method, restore in methods if (pair.name, method.name) not in done]
                blurry = read_rgb(pair.blurry) if missing else None
                for method, restore in missing:
                    assert blurry is not None
                    result = restore(blurry) if restore else blurry
                    waiting.append(pool.submit(score, pair, method.name, result, dataset.protocol))
                    while len(waiting) > 2 * workers:
                        yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def score(pair: Pair, method: str, result: np.ndarray, protocol: Protocol) -> Score:
    """Compare one result with the truth.

    Args:
        pair: where the true image is, or the true images are.
        method: name of the row.
        result: (H, W, 3) uint8 RGB.
        protocol: "pairs" or "kohler".

    Raises:
        InputError: if a true image cannot be read, is not 8-bit RGB, or differs in size.
    """
    if protocol == "kohler":
        try:
            found = kohler_scores(result, (read_truth(path, pair, result) for path in pair.truths))
        except ValueError as error:
            raise InputError(f"{pair.blurry}: cannot be compared by Koehler's protocol ({error})") from None
        return Score(pair.name, method, found.psnr, ms_ssim=found.ssim)
    truth = read_truth(pair.truths[0], pair, result)
    wang = ssim_wang(result, truth) if min(truth.shape[:2]) >= WINDOW.size else None
    return Score(pair.name, method, psnr(result, truth), wang, ssim_matlab(result, truth))


def read_truth(path: Path, pair: Pair, result: np.ndarray) -> np.ndarray:
    truth = read_rgb(path)
    if truth.shape != result.shape:
        sizes = [f"{shape[1]}x{shape[0]}" for shape in (truth.shape, result.shape)]
        raise InputError(f"{path}: is {sizes[0]}, but {pair.blurry} is {sizes[1]}; partners must be of one size")
    return truth


def read_rgb(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB; anything else is refused, because converting would change what is measured."""
    pixels = read_photo(path).pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise InputError(f"{path}: not an 8-bit RGB image, which these measures are defined for")
    return pixels
