"""What has to be downloaded for the name of a model, and how it is checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deblurcli.digest import kind_of
from deblurcli.display import display_name
from deblurcli.errors import WeightsUnavailable
from deblurcli.hub import fetch as hub
from deblurcli.models.catalog import CatalogEntry, catalog
from deblurcli.models.local_copy import TERMS
from deblurcli.models.reference import LOADED, belonging, parse


@dataclass(frozen=True)
class Download:
    """The files of a model on the Hub.

    Attributes:
        files: the one that names the model first.
        licence: of the weights, in words.
        checks: how those files are checked whose SHA-256 the catalogue does not have; empty if there are none.
    """

    files: tuple[hub.HubFile, ...]
    licence: str
    checks: str


def terms_of(name: str) -> hub.Terms:
    """How failures are put: with what else can be done for this very model."""
    elsewhere = catalog()[name].elsewhere if name in catalog() else None
    return dataclasses.replace(TERMS, otherwise=f"{TERMS.otherwise}, or {elsewhere}") if elsewhere else TERMS


def intact_in_cache(file: hub.HubFile) -> Path | None:
    """Where a file is in the Hub's cache, if it is there and what it must be.

    Raises:
        OutputError: if it cannot be read.
    """
    path = hub.cached(file.repo, file.commit, file.name, file.kind)
    with hub.explained(file.repo, TERMS):
        return path if path and hub.is_intact(path, file.size, file.digest) else None


def download_of(name: str) -> Download:
    """What to download for a name. Asks the Hub about all that the catalogue does not have.

    Raises:
        WeightsUnavailable: if the Hub cannot be asked, or has no such file.
    """
    record = catalog().get(name)
    if record and all(file.sha256 for file in record.files):
        files = [hub.HubFile(str(record.repo), str(record.commit), f.name, f.size, f.sha256) for f in record.files]
        return Download(tuple(files), record.licence, "")
    return _listed_record(record) if record else _listed_reference(name)


def _listed_record(record: CatalogEntry) -> Download:
    repo = str(record.repo)
    contents = hub.contents(repo, "model", terms_of(record.name), record.commit)
    files, asked = [], []
    for file in record.files:
        size, digest = contents.files.get(file.name, (None, None))
        if file.sha256:
            size, digest = file.size, file.sha256
        elif size is None:
            raise WeightsUnavailable(
                f"{record.name}: {repo} has no {file.name} at commit {record.commit}; check HF_ENDPOINT if you set it"
            )
        files.append(hub.HubFile(repo, str(record.commit), file.name, size, digest))
        if not file.sha256:
            asked.append(files[-1])
    return Download(tuple(files), record.licence, _checks(asked, of_all=False))


def _listed_reference(name: str) -> Download:
    reference = parse(name)
    repo = reference.repo
    contents = hub.contents(repo, "model", TERMS, reference.commit)
    names = belonging(reference.file, contents.files)
    if not names:
        if reference.file in contents.files:
            raise WeightsUnavailable(f"{name}: not all of its .data files are beside it at commit {contents.commit}")
        usable = [display_name(file) for file in contents.files if file.endswith(LOADED)]
        has = f"has {', '.join(usable[:6])}" if usable else "holds no .safetensors, .pth, .pt or .index file"
        raise WeightsUnavailable(f"{name}: no such file at commit {contents.commit}; {repo} {has}")
    files = []
    for file in names:
        size, digest = contents.files[file]
        files.append(hub.HubFile(repo, contents.commit, file, size or 0, digest))
    return Download(tuple(files), display_name(contents.licence or "none stated"), _checks(files, of_all=True))


def _checks(files: Sequence[hub.HubFile], *, of_all: bool) -> str:
    """How files are checked by what the Hub lists, as the end of a sentence."""
    kinds = sorted({kind_of(file.digest) for file in files if file.digest}, reverse=True)
    unknown = [display_name(file.name) for file in files if file.digest is None]
    which = "" if of_all else f" {' and '.join(display_name(file.name) for file in files if file.digest)}"
    known = f",{which} checked by the {' and '.join(kinds)} that the Hub lists" if kinds else ""
    return known + (f"; no digest of {' and '.join(unknown)} is known, the size is checked" if unknown else "")
