"""Writing a review as one page that holds all its pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from pathlib import Path

from deblurcli.atomic import write_atomically
from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError
from deblurcli.review.looks import Look, look_at
from deblurcli.review.page import page_with_pictures
from deblurcli.review.pairs import Pair
from deblurcli.viewer.crops import BLOCK, CROP_HEIGHT, CROP_WIDTH

FULL_PARTS = 300  # so many photos are shown in parts of full size; of more the parts are smaller, and the page is not


def part_size(count: int) -> tuple[int, int]:
    """Width and height of the parts that are shown of so many photos: 2,000 make some 140 MB."""
    share = min(1.0, sqrt(FULL_PARTS / max(count, 1)))
    wide, high = (max(round(side * share / BLOCK), 8) * BLOCK for side in (CROP_WIDTH, CROP_HEIGHT))
    return wide, high


def write_page(
    path: Path,
    folder: Path,
    pairs: Sequence[Pair],
    *,
    made: str,
    marks_name: str,
    overwrite: bool,
    advance: Callable[[int], None] = lambda done: None,
) -> list[str]:
    """Write the page; returns why photos could not be shown.

    Args:
        path: of the page.
        folder: of the results.
        pairs: to show.
        made: when, in words.
        marks_name: of the file in which the browser saves the marks.
        overwrite: replace a page that is there.
        advance: told how many photos are done.

    Raises:
        OutputError: if it cannot be written.
    """
    label = display_name(path)
    exists = OutputError(f"{label}: exists already; replace it with --overwrite")
    if path.exists() and not overwrite:
        raise exists
    if not path.parent.is_dir():
        raise OutputError(f"{label}: there is no folder {display_name(path.parent)}; make it first")
    wide, high = part_size(len(pairs))

    def look(pair: Pair) -> Look | str:
        try:
            return look_at(pair, wide, high)
        except InputError as problem:
            return str(problem)

    looks: list[Look | str] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for each in pool.map(look, pairs):
                looks.append(each)
                advance(len(looks))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    text = page_with_pictures(folder, pairs, looks, made, marks_name)
    try:
        write_atomically(text.encode(), path, overwrite=overwrite)
    except FileExistsError:
        raise exists from None
    except OSError as error:
        raise OutputError(
            f"{label}: cannot be written ({error.strerror}); check the folder and the free space"
        ) from None
    return [each for each in looks if isinstance(each, str)]
