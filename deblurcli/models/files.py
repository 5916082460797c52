"""How the name of a model becomes a file: shipped, in the cache, or downloaded. Does not import torch, unless a file
has to be converted.

A model is named by the catalogue, by its file, or as `hf:org/repo/file[@commit]` on the Hugging Face Hub.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import UsageError, WeightsDamaged, WeightsUnavailable
from deblurcli.hub import fetch as hub
from deblurcli.models import conversion
from deblurcli.models.catalog import catalog
from deblurcli.models.downloads import download_of, intact_in_cache, terms_of
from deblurcli.models.local_copy import TERMS, LocalCopy, look_up, unknown
from deblurcli.models.reference import is_reference

log = logging.getLogger(__name__)

# What this process has found on the Hub: asked about, and hashed, once.
_found: dict[str, Path] = {}


@dataclass(frozen=True)
class Removed:
    """What was deleted.

    Attributes:
        size: in bytes.
        kept_for: the models for which the download stays.
    """

    size: int
    kept_for: tuple[str, ...]


def find_weights(name_or_file: str | Path) -> Path:
    """The file of a model, downloaded if it is on the Hub and not here yet. All but plain files are checked.

    It is logged what is downloaded, from where, how big it is, and its licence.

    Args:
        name_or_file: a name of the catalogue, `hf:org/repo/file[@commit]`, or a file.

    Raises:
        WeightsUnavailable: if there is no such model or file, or it cannot be downloaded.
        WeightsDamaged: if it is not what it must be, and downloading it again does not help.
        UsageError: if it begins with `hf:` but is no such name.
        OutputError: if there is no room for it.
    """
    name = str(name_or_file)
    if name in _found and _found[name].is_file():
        return _found[name]
    if name in catalog() or is_reference(name):
        _found[name] = pull(name)
        return _found[name]
    path = Path(name_or_file)
    if path.is_file():
        return path
    raise unknown(name)


def pull(name: str, *, force: bool = False) -> Path:
    """As `find_weights`, of a name; `force` downloads again what is here already, unless it is shipped."""
    copy = look_up(name)
    if copy.shipped or hub.is_offline():
        return _as_it_is(copy)
    if _is_pinned(name) and not force and (path := _of_local_copy(copy)):
        return path
    download = download_of(name)
    first = download.files[0]
    there = {} if force else {file.name: path for file in download.files if (path := intact_in_cache(file))}
    if missing := [file for file in download.files if file.name not in there]:
        log.info(
            "%s: downloading %s (%.1f MB, licence: %s) from %s at %s, commit %s%s",
            name,
            " and ".join(display_name(file.name) for file in missing),
            sum(file.size for file in missing) / 1e6,
            download.licence,
            first.repo,
            hub.endpoint(),
            first.commit,
            download.checks,
        )
    elif not _is_pinned(name):
        log.info("%s: commit %s is the current one; add @%s to stay with it", name, first.commit, first.commit)
    terms = terms_of(name)
    paths = {file.name: there.get(file.name) or hub.fetch(file, terms, force=force) for file in download.files}
    stages = catalog()[name].stages if name in catalog() else None
    place = conversion.place_of(first.repo, first.commit, first.name, stages)
    return conversion.convert(name, place, paths, force=force) if place else paths[first.name]


def _of_local_copy(copy: LocalCopy) -> Path | None:
    """The file that is loaded, if no download is needed; what is damaged is told."""
    if copy.converted:
        if copy.converted.is_intact():
            return copy.path
        log.warning("%s; it is made again", copy.converted.problem)
    if not copy.whole or any(part.digest is None for part in copy.files if copy.place):
        return None  # the Hub knows the digest
    for part in copy.files:
        if not part.is_intact():
            log.warning("%s; it is replaced", part.problem)
            return None
    return _made_of_files(copy)


def _as_it_is(copy: LocalCopy) -> Path:
    """The file of a model that cannot be downloaded, because it is shipped or because requests are forbidden."""
    if not copy.is_usable:
        if copy.shipped:
            raise WeightsUnavailable(f"{copy.name}: its file is missing; install deblurcli again")
        raise WeightsUnavailable(
            f"{copy.name}: is not here, and requests are forbidden (--offline or HF_HUB_OFFLINE); "
            f"run `deblur weights pull {copy.name}` when online, {terms_of(copy.name).otherwise}"
        )
    if not copy.shipped and not _is_pinned(copy.name):
        log.info("%s: offline, taking commit %s, the last one that was fetched", copy.name, copy.commit)
    if copy.converted:
        if copy.converted.is_intact():
            return copy.converted.path
        if copy.whole:
            log.warning("%s; it is made again", copy.converted.problem)
    for part in copy.files if copy.whole else [copy.converted]:
        if part and not part.is_intact():
            when = "" if copy.shipped else " when online"
            raise WeightsDamaged(f"{part.problem}; {copy.remedy(part)}{when}")
    return _made_of_files(copy)


def _made_of_files(copy: LocalCopy) -> Path:
    """The file that is loaded, of files that are all here and intact."""
    paths = {part.name: part.path for part in copy.files}
    return conversion.convert(copy.name, copy.place, paths) if copy.place else copy.files[0].path


def remove(name: str) -> Removed:
    """Delete a downloaded model, but not the download if other models here were made of it.

    Raises:
        WeightsUnavailable: if it is not here.
        UsageError: if it ships with the package, or if nothing is here but what others need.
        OutputError: if it cannot be deleted.
    """
    copy = look_up(name)
    if copy.shipped:
        raise UsageError(f"{name}: ships with deblurcli and stays; only downloaded models can be removed")
    sharing = tuple(_names_of(other) for other in conversion.others(copy.place)) if copy.place else ()
    if copy.note is None and (sharing or not copy.files):
        if sharing and copy.files:
            raise UsageError(
                f"{name}: has no file of its own here, only the download of {' and '.join(sharing)}; remove that model"
            )
        raise not_here(name)
    size = conversion.remove_converted(copy.place) if copy.place else 0
    if not sharing:
        size += sum(part.path.stat().st_size for part in copy.files)
        for part in copy.files:
            hub.remove_cached(part.path, TERMS)
    return Removed(size, sharing)


def not_here(name: str) -> WeightsUnavailable:
    return WeightsUnavailable(f"{name}: is not on this machine; run `deblur weights pull {name}`")


def _names_of(place: conversion.Place) -> str:
    """What the catalogue calls the model that is converted to this place."""
    names = [record.name for record in catalog().values() if record.repo and look_up(record.name).place == place]
    return names[0] if names else place.file


def _is_pinned(name: str) -> bool:
    return name in catalog() or "@" in name
