"""Names that would get into each other's way, found before any work begins."""

from __future__ import annotations

import contextlib
import os
import secrets
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import UsageError
from deblurcli.jobs.stores.place import Place, is_directory
from deblurcli.jobs.stores.sink import Sink

COMPARISON = "-compare.jpg"  # the end of a before/after picture's name


def refuse_clashes(pairs: Sequence[tuple[Place, Place | Sink]]) -> None:
    """Refuse outputs that are the same file, or an input.

    Names that differ only in case, or in how an accent is encoded, are the same on some disks; where there are such
    names, the output's disk is asked by a file that is made and removed again.

    Args:
        pairs: of an input and its output.

    Raises:
        UsageError: naming the first two that clash and how many more there are.
    """
    real = resolver()
    sources = {real(source) for source, _ in pairs}
    targets = [real(target) for _, target in pairs]
    loose = {fold(path, True, True) for path in (*sources, *targets)}
    key: Callable[[str], str] = str
    if len(loose) < len(sources) + len(targets):
        local = {existing_parent(Path(real(target))) for _, target in pairs if isinstance(target, Path)}
        folds = [disk_folds(folder) for folder in local]
        case, accents = any(case for case, _ in folds), any(accents for _, accents in folds)
        key = lambda path: fold(path, case, accents)  # noqa: E731
    inputs = {key(path) for path in sources}
    taken: dict[str, Place] = {}
    clashes: list[tuple[Place, Place, Place | Sink]] = []
    for (source, target), known_as in zip(pairs, map(key, targets), strict=True):
        if known_as in inputs:
            raise UsageError(
                f"{display_name(target)}: is an input, and inputs are never overwritten; choose another --output"
            )
        if known_as in taken:
            clashes.append((taken[known_as], source, target))
        taken.setdefault(known_as, source)
    if clashes:
        first, second, target = clashes[0]
        more = f" (and {len(clashes) - 1} more like that)" if len(clashes) > 1 else ""
        raise UsageError(
            f"{display_name(first)} and {display_name(second)} would both become "
            f"{display_name(target)}{more}; rename one of them"
        )


def comparison_paths(pairs: Sequence[tuple[Place, Place | Sink]]) -> list[Path]:
    """Where the before/after picture of each result goes: "a-compare.jpg" beside "a.avif".

    Where another picture would have that name, be it an input, a result, or the comparison of "a.heic", it is
    "a.avif-compare.jpg"; and where that is taken, too, there is a number behind it.

    Args:
        pairs: of an input and its output, all of them local.
    """
    real = resolver()
    results = [target for _, target in pairs if isinstance(target, Path)]

    def key(path: Path) -> str:
        return fold(real(path), True, True)  # on any disk

    pictures = {key(path) for pair in pairs for path in pair if isinstance(path, Path)}
    wanted = [target.with_name(target.stem + COMPARISON) for target in results]
    counts = Counter(map(key, wanted))
    taken = pictures | set(counts)
    found = []
    for target, path in zip(results, wanted, strict=True):
        if counts[key(path)] > 1 or key(path) in pictures:
            path = next(each for each in _longer_names(target) if key(each) not in taken)
            taken.add(key(path))
        found.append(path)
    return found


def resolver() -> Callable[[Place | Sink], str]:
    """A function that resolves links in paths; each folder's are resolved only once."""
    folders: dict[Path, str] = {}

    def real(path: Place | Sink) -> str:
        if not isinstance(path, Path):
            return str(path)
        # These functions take what Path's refuse with an error: circles of links, names that are too long.
        if os.path.islink(path):  # noqa: PTH114
            return os.path.realpath(path)
        if path.parent not in folders:
            folders[path.parent] = os.path.realpath(path.parent)
        return os.path.join(folders[path.parent], path.name)  # noqa: PTH118

    return real


def _longer_names(target: Path) -> Iterator[Path]:
    yield target.with_name(target.name + COMPARISON)
    for number in count(2):
        yield target.with_name(f"{target.name}-{number}{COMPARISON}")


def fold(path: str, case: bool, accents: bool) -> str:
    """What a disk takes a path for that does not tell upper from lower case, or composed from decomposed accents."""
    if accents:
        path = unicodedata.normalize("NFC", path)
    return path.casefold() if case else path


def existing_parent(path: Path) -> Path:
    """The folder a file is in; the nearest above it that is there already."""
    return next((folder for folder in path.parents if is_directory(folder)), Path(path.anchor))


def disk_folds(folder: Path) -> tuple[bool, bool]:
    """Whether a folder takes names for the same that differ in case, and that differ in the encoding of accents.

    Where no file can be made to ask by, both are said not to be: nothing can be written there anyway.
    """
    asked = folder / f".deblur-{secrets.token_hex(6)}-a\u00e9"
    try:
        asked.touch(exist_ok=False)
    except OSError:
        return False, False
    try:
        capitals = asked.with_name(asked.name.replace("-a\u00e9", "-A\u00e9"))
        decomposed = asked.with_name(unicodedata.normalize("NFD", asked.name))
        return capitals.exists(), decomposed.exists()
    finally:
        with contextlib.suppress(OSError):
            asked.unlink()
