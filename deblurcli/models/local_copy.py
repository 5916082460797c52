"""What this machine has of a model, found without a request. Does not import torch."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deblurcli.digest import digest_like, is_digest, kind_of
from deblurcli.errors import WeightsDamaged, WeightsUnavailable
from deblurcli.hub import fetch as hub
from deblurcli.models import conversion
from deblurcli.models.catalog import CatalogFile, catalog, untrained, weights_folder
from deblurcli.models.conversion import Note, Place
from deblurcli.models.reference import Reference, belonging, is_reference, parse

TERMS = hub.Terms(WeightsUnavailable, WeightsDamaged, "or use a model that is here (deblur weights list)")


@dataclass(frozen=True)
class LocalFile:
    """A file of a model that is here.

    Attributes:
        name: in the repository, or in the package.
        path: where it is.
        digest: that it must have; None if nobody tells it.
    """

    name: str
    path: Path
    digest: str | None

    def is_intact(self) -> bool:
        """Whether the file is what it must be; true if there is nothing to compare it with.

        Raises:
            OutputError: if it cannot be read.
        """
        with hub.explained(self.name, TERMS):
            return self.digest is None or digest_like(self.digest, self.path) == self.digest

    @property
    def problem(self) -> str:
        """What to say of it when it is not intact."""
        return f"{self.path}: damaged, its {kind_of(self.digest)} is wrong"


@dataclass(frozen=True)
class LocalCopy:
    """What this machine has of a model.

    Attributes:
        name: as given.
        files: those of its files that are here.
        whole: whether these are all.
        place: where its converted file is kept; None for a model that is loaded as it is.
        note: of the converted file; None if there is none.
        commit: of the repository; None for a shipped model, or if nothing is here and none was named.
        shipped: whether it is a part of the package.
    """

    name: str
    files: tuple[LocalFile, ...]
    whole: bool
    place: Place | None = None
    note: Note | None = None
    commit: str | None = None
    shipped: bool = False

    @property
    def converted(self) -> LocalFile | None:
        """The file that was made of the others."""
        if self.place is None or self.note is None:
            return None
        return LocalFile(self.place.checkpoint.name, self.place.checkpoint, self.note.sha256)

    @property
    def loaded(self) -> LocalFile | None:
        """The file that is loaded; None if it is not here, or not made yet."""
        if self.place is not None:
            return self.converted
        return self.files[0] if self.whole else None

    @property
    def path(self) -> Path | None:
        """Of the file that is loaded."""
        return self.loaded.path if self.loaded else None

    @property
    def is_usable(self) -> bool:
        """Whether it can be used without a request."""
        return self.whole or self.note is not None

    def damaged(self) -> LocalFile | None:
        """The first of its files that is not intact, the converted one included.

        Raises:
            OutputError: if one cannot be read.
        """
        files = (*self.files, *([self.converted] if self.converted else []))
        return next((part for part in files if not part.is_intact()), None)

    def remedy(self, part: LocalFile | None) -> str:
        """What to do about a damaged file, or about one that is missing."""
        if self.shipped:
            return "install deblurcli again"
        force = "" if part and part == self.converted else "--force "
        return f"run `deblur weights pull {force}{self.name}`"


def names_here() -> list[str]:
    """The models of the catalogue whose weights are on this machine."""
    return [name for name in catalog() if look_up(name).path is not None]


def look_up(name: str) -> LocalCopy:
    """What is here of a model of the catalogue, or of one named as `hf:...`.

    Raises:
        WeightsUnavailable: if there is no model of this name.
        UsageError: if it begins with `hf:` but is no such name.
    """
    if record := catalog().get(name):
        if record.repo is None:
            paths = [weights_folder() / file.name for file in record.files]
            parts = [LocalFile(file.name, path, file.sha256) for file, path in zip(record.files, paths, strict=True)]
            there = tuple(part for part in parts if part.path.is_file())
            return LocalCopy(name, there, len(there) == len(parts), shipped=True)
        return _of_commit(name, record.repo, str(record.commit), record.files, record.stages)
    if not is_reference(name):
        raise unknown(name)
    reference = parse(name)
    commit = reference.commit or _newest(reference)
    if commit is None:
        return LocalCopy(name, (), False)
    there_too = _names_beside(reference, commit)
    files = [CatalogFile(one, 0) for one in belonging(reference.file, there_too) or [reference.file]]
    return _of_commit(name, reference.repo, commit, files, None)


def _of_commit(name: str, repo: str, commit: str, files: Sequence[CatalogFile], stages: int | None) -> LocalCopy:
    place = conversion.place_of(repo, commit, files[0].name, stages)
    note = conversion.read_note(place) if place else None
    sources = note.sources if note else {}
    parts = []
    for file in files:
        if path := hub.cached(repo, commit, file.name, "model"):
            parts.append(LocalFile(file.name, path, file.sha256 or sources.get(file.name) or _digest_in_cache(path)))
    whole = bool(belonging(files[0].name, [part.name for part in parts])) and len(parts) == len(files)
    return LocalCopy(name, tuple(parts), whole, place, note, commit)


def _newest(reference: Reference) -> str | None:
    """Of the commits in the cache that have all of a model, the one that was fetched last."""
    found = {
        path.name: (path / reference.file).stat().st_mtime
        for path in hub.snapshots(reference.repo, "model").glob("*")
        if belonging(reference.file, _names_beside(reference, path.name))
    }
    return max(found, key=lambda commit: found[commit], default=None)


def _names_beside(reference: Reference, commit: str) -> list[str]:
    """The files in the cache that are in the same folder of a repository."""
    snapshot = hub.snapshots(reference.repo, "model") / commit
    folder = (snapshot / reference.file).parent
    return [path.relative_to(snapshot).as_posix() for path in folder.glob("*") if path.is_file()]


def _digest_in_cache(path: Path) -> str | None:
    """The Hub's client calls the content of a file by its digest."""
    content = path.readlink().name if path.is_symlink() else ""
    return content if is_digest(content) else None


def unknown(name: str) -> WeightsUnavailable:
    """The error for what is neither a model nor a file: the name may be that of a network without weights."""
    if network := untrained().get(name):
        return WeightsUnavailable(
            f"{name}: nobody has published weights of this network; train it with `deblur train --recipe "
            f"{network.recipe_file}` and give the file that this makes, as --model FILE"
        )
    close = difflib.get_close_matches(name, catalog(), n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return WeightsUnavailable(
        f"{name}: no such model or weights file; {hint}known models: {', '.join(catalog())}, and files on the Hugging "
        "Face Hub as hf:ORG/REPO/FILE"
    )
