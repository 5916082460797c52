"""Downloaded files in the formats of other programs, converted once into a checkpoint that is kept.

The checkpoint lies in this program's own cache, in a folder of its repository and commit, and not in the Hub's, whose
tools take a file that they do not know for damage. Beside it is a note, written last: what the checkpoint's SHA-256 is
and which files it was made of. Without it there is no checkpoint, so a run that is killed in the middle leaves nothing
that anyone would load.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deblurcli.atomic import remove_leftovers, write_atomically
from deblurcli.cache import cache_place
from deblurcli.digest import sha256_of
from deblurcli.errors import OutputError

if TYPE_CHECKING:
    from deblurcli.models.checkpoint import ModelInfo

log = logging.getLogger(__name__)

VERSION = 1  # to be raised when an importer gives something else: then all is converted again

Importer = Callable[[Path, Path, "int | None"], "ModelInfo"]


def _tensorflow(source: Path, output: Path, stages: int | None) -> ModelInfo:
    from deblurcli.models.importers.tensorflow import import_tensorflow

    return import_tensorflow(source, output, stages)


# The suffix of a model's first file -> how it is converted; files with other suffixes are loaded as they are.
IMPORTERS: Mapping[str, Importer] = {".index": _tensorflow}


@dataclass(frozen=True)
class Place:
    """Where the checkpoint of a model is, or would be.

    Attributes:
        folder: of the repository at its commit.
        file: the name of the first file in the repository.
        stages: that the checkpoint has; None for all.
    """

    folder: Path
    file: str
    stages: int | None

    @property
    def checkpoint(self) -> Path:
        variant = "all-stages" if self.stages is None else f"first-{self.stages}"
        return (self.folder / variant / self.file).with_suffix(".safetensors")

    @property
    def note(self) -> Path:
        return self.checkpoint.with_suffix(".json")


@dataclass(frozen=True)
class Note:
    """What is known of a checkpoint.

    Attributes:
        sha256: of the checkpoint.
        sources: the name of each file that it was made of, in the repository -> its SHA-256.
    """

    sha256: str
    sources: Mapping[str, str]


def place_of(repo: str, commit: str, file: str, stages: int | None) -> Place | None:
    """Where the checkpoint made of a file is kept; None for a file that is loaded as it is. Asks no disk."""
    if Path(file).suffix not in IMPORTERS:
        return None
    return Place(cache_place("converted") / repo.replace("/", "--") / commit, file, stages)


def read_note(place: Place) -> Note | None:
    """The note of a checkpoint; None if there is no checkpoint, or one that this version makes otherwise."""
    try:
        note = json.loads(place.note.read_bytes())
        if note["version"] != VERSION or not place.checkpoint.is_file():
            return None
        return Note(str(note["sha256"]), dict(note["sources"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_as_written(place: Place, note: Note) -> bool:
    """Whether a checkpoint is still what was written.

    Raises:
        OutputError: if it cannot be read.
    """
    with _usable(place):
        return sha256_of(place.checkpoint) == note.sha256


def convert(name: str, place: Place, sources: Mapping[str, Path], *, force: bool = False) -> Path:
    """The checkpoint, made if it is not there or not intact. Of several processes one converts and the others wait.

    Args:
        name: of the model, as the log calls it.
        place: where it is kept.
        sources: the name of each file in the repository -> where it is; the first one goes to the importer.
        force: make it although it is there.

    Raises:
        WeightsDamaged: if the files do not hold the weights of a known network.
        OutputError: if there is no room, or the cache cannot be written.
    """
    from huggingface_hub.utils import WeakFileLock

    folder = place.checkpoint.parent
    with _usable(place):
        folder.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(place.checkpoint.with_suffix(".lock")):
            note = read_note(place)
            if note and not force and is_as_written(place, note):
                return place.checkpoint
            _discard(place)
            log.info("%s: converting %s, once", name, Path(place.file).name)
            info = IMPORTERS[Path(place.file).suffix](next(iter(sources.values())), place.checkpoint, place.stages)
            hashes = {file: sha256_of(path) for file, path in sources.items()}
            content = {"version": VERSION, "sha256": sha256_of(place.checkpoint), "sources": hashes}
            write_atomically(json.dumps(content, indent=1).encode(), place.note, overwrite=True)
    if remark := info.training.get("remark"):
        log.info("%s: %s", name, remark)
    return place.checkpoint


def others(place: Place) -> list[Place]:
    """Checkpoints with other stages that were made of the same files."""
    with contextlib.suppress(OSError):
        variants = [path.name.removeprefix("first-") for path in place.folder.iterdir()]
        stages = [int(variant) if variant.isdecimal() else None for variant in variants]
        found = [Place(place.folder, place.file, count) for count in stages if count != place.stages]
        return [other for other in found if read_note(other)]
    return []


def remove_converted(place: Place) -> int:
    """Delete a checkpoint, its note, and what killed conversions left. Returns the bytes that the checkpoint had.

    Raises:
        OutputError: if it cannot be deleted.
    """
    with _usable(place):
        size = place.checkpoint.stat().st_size if place.checkpoint.is_file() else 0
        _discard(place)
        place.checkpoint.with_suffix(".lock").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # up to the first folder that is not empty
        for folder in place.checkpoint.parents:
            if folder == cache_place("converted"):
                break
            folder.rmdir()
    return size


def _discard(place: Place) -> None:
    place.note.unlink(missing_ok=True)  # first: a checkpoint counts only with its note
    place.checkpoint.unlink(missing_ok=True)
    remove_leftovers(place.checkpoint.parent)


@contextlib.contextmanager
def _usable(place: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or place.checkpoint.parent
        raise OutputError(
            f"{where}: cannot be used ({error.strerror}); make room, or set HF_HOME to another folder"
        ) from error
