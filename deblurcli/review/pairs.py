"""Which photo became which result, in a folder that a person wants to look through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deblurcli.display import counted, display_name
from deblurcli.errors import InputError
from deblurcli.jobs.manifest import FINISHED, NAME, Manifest
from deblurcli.jobs.names import COMPARISON
from deblurcli.jobs.plan import MARK
from deblurcli.jobs.stores.files import fingerprint_of
from deblurcli.jobs.stores.place import is_directory
from deblurcli.jobs.stores.scan import scan


@dataclass(frozen=True)
class Pair:
    """A photo and what became of it.

    Attributes:
        name: of the result, relative to the folder it was found in, with slashes.
        before, after: absolute paths of the two files.
        stamp: the result's size and time, see `fingerprint_of`; it changes when the file does.
    """

    name: str
    before: Path
    after: Path
    stamp: str


@dataclass(frozen=True)
class Found:
    """What a folder has to look at.

    Attributes:
        folder: absolute path of the folder of results.
        pairs: by name.
        notes: what a user should know of what is not among them.
    """

    folder: Path
    pairs: list[Pair]
    notes: list[str]


def find_pairs(folder: Path, originals: Path | None = None) -> Found:
    """The befores and afters that belong to a folder.

    It may be a folder of results: then its records tell of what they were made, or else `originals`, a folder with
    files of the same names. It may have results beside their originals, as "a-deblurred.jpg". Or it may be the folder
    of originals itself, whose results are in "<folder>-deblurred" beside it.

    Raises:
        InputError: if there is no such folder, or nothing to compare in it.
    """
    for each in (folder, *([originals] if originals else [])):
        if not is_directory(each):
            raise InputError(f"{display_name(each)}: no such folder; name the folder with the results")
    folder = folder.resolve()
    if originals is not None:
        return _found(folder, _same_names(folder, originals.resolve()))
    found = _found(folder, _recorded(folder))
    if found.pairs or found.notes:
        return found
    found = _found(folder, _beside(folder))
    sibling = folder.with_name(folder.name + MARK)
    if not found.pairs and is_directory(sibling):
        return find_pairs(sibling)
    if not found.pairs:
        raise InputError(
            f"{display_name(folder)}: nothing to compare: no records of a run, and no photo with its -deblurred result "
            "beside it; name the folder of results, and with --before that of the originals"
        )
    return found


def _found(folder: Path, candidates: Iterable[tuple[str, Path, Path]]) -> Found:
    """The pairs of which both files are there."""
    pairs, no_before, no_after = [], 0, 0
    for name, before, after in candidates:
        if not (stamp := fingerprint_of(after)):
            no_after += 1
        elif before.is_file():
            pairs.append(Pair(name, before, after, stamp))
        else:
            no_before += 1
    notes = []
    if no_before:
        notes.append(f"{counted(no_before, 'result')} without an original where the records say; see --before")
    if no_after:
        notes.append(f"{counted(no_after, 'result')} not there any more")
    return Found(folder, sorted(pairs, key=lambda pair: pair.name), notes)


def _recorded(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """By the records of the runs that wrote into the folder."""
    try:
        files = sorted(folder.glob(NAME + "*.jsonl"))
        if not files:
            return
        for record in Manifest(files[0], files[1:]).newest():
            if record.status in FINISHED:
                yield record.output, Path(record.input), folder / record.output
    except OSError as error:
        raise InputError(
            f"{display_name(error.filename or folder)}: the records of earlier runs cannot be read ({error.strerror}); "
            "name the folder of originals with --before"
        ) from None


def _beside(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """Results that lie beside their originals."""
    photos = {path.with_suffix(""): path for path in _photos(folder) if not path.stem.endswith(MARK)}
    for path in _photos(folder):
        stem = path.with_suffix("")
        if stem.name.endswith(MARK) and (before := photos.get(stem.with_name(stem.name.removesuffix(MARK)))):
            yield path.relative_to(folder).as_posix(), before, path


def _same_names(folder: Path, originals: Path) -> Iterator[tuple[str, Path, Path]]:
    """Results of the same names as their originals, but for the suffix."""
    by_name = {path.relative_to(originals): path for path in _photos(originals)}
    by_stem = {name.with_suffix(""): path for name, path in by_name.items()}
    for path in _photos(folder):
        name = path.relative_to(folder)
        if before := by_name.get(name) or by_stem.get(name.with_suffix("")):
            yield name.as_posix(), before, path


def _photos(folder: Path) -> list[Path]:
    """All photos in a folder and below, but for the before/after pictures of `--compare`."""
    found = (each.path for each in scan(folder, recursive=True, leave_out=None) if each.reason is None)
    return [path for path in found if isinstance(path, Path) and not path.name.endswith(COMPARISON)]
