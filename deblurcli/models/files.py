"""How the name of a model becomes a file: shipped, in the cache, or downloaded. Does not import torch.

A model is named by the catalogue, by its file, or as `hf:org/repo/file[@commit]` on the Hugging Face Hub.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import UsageError, WeightsDamaged, WeightsUnavailable
from deblurcli.hub import fetch as hub
from deblurcli.models.catalog import catalog, weights_folder

PICKLES = (".pth", ".pt")
Tell = Callable[[str], None]

_TERMS = hub.Terms(WeightsUnavailable, WeightsDamaged, "or use a model that is here (deblur weights list)")
_REFERENCE = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)/(?P<file>[^@]+?)(?:@(?P<commit>[0-9a-f]{40}))?")

# What this process has found on the Hub: asked about, and hashed, once.
_found: dict[str, Path] = {}


@dataclass(frozen=True)
class Here:
    """What this machine has of a model. Found without a request.

    Attributes:
        name: as given.
        path: its file; None if it is not here.
        size: in bytes it must have; None if nobody tells it.
        sha256: it must have; None if nobody tells it.
        shipped: whether it is a part of the package.
    """

    name: str
    path: Path | None
    size: int | None
    sha256: str | None
    shipped: bool

    def is_intact(self) -> bool:
        """Whether the file is what it must be; true if there is nothing to compare it with.

        Raises:
            OutputError: if it cannot be read.
        """
        assert self.path is not None
        with hub.explained(self.name, _TERMS):
            return hub.is_intact(self.path, self.path.stat().st_size if self.size is None else self.size, self.sha256)

    def remedy(self) -> str:
        return "install deblurcli again" if self.shipped else f"run `deblur weights pull --force {self.name}`"


@dataclass(frozen=True)
class _Reference:
    """A file of a repository on the Hub. Attributes: as in `HubFile`; without a commit, the current one is meant."""

    repo: str
    file: str
    commit: str | None


def on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def look_up(name: str) -> Here:
    """What is here of a model of the catalogue, or of one named as `hf:...`.

    Raises:
        WeightsUnavailable: if there is no model of this name.
        UsageError: if it begins with `hf:` but is no such name.
    """
    if record := catalog().get(name):
        if record.repo is None:
            path: Path | None = weights_folder() / record.file
            path = path if path and path.is_file() else None
        else:
            path = hub.cached(record.repo, str(record.commit), record.file, "model")
        return Here(name, path, record.size, record.sha256, record.repo is None)
    if not name.startswith("hf:"):
        raise _unknown(name)
    reference = _parse(name)
    path = _newest(reference)
    return Here(name, path, None, _hash_in_cache(path) if path else None, False)


def find_weights(name_or_file: str | Path, tell: Tell = on_stderr) -> Path:
    """The file of a model, downloaded if it is on the Hub and not here yet. All but plain files are checked.

    Args:
        name_or_file: a name of the catalogue, `hf:org/repo/file[@commit]`, or a file.
        tell: told in one line what is downloaded, from where, how big it is, and its licence.

    Raises:
        WeightsUnavailable: if there is no such model or file, or it cannot be downloaded.
        WeightsDamaged: if it is not what it must be, and downloading it again does not help.
        UsageError: if it begins with `hf:` but is no such name.
        OutputError: if there is no room for it.
    """
    name = str(name_or_file)
    if name in _found and _found[name].is_file():
        return _found[name]
    if name in catalog() or name.startswith("hf:"):
        _found[name] = pull(name, tell)
        return _found[name]
    path = Path(name_or_file)
    if path.is_file():
        return path
    raise _unknown(name)


def pull(name: str, tell: Tell = on_stderr, *, force: bool = False) -> Path:
    """As `find_weights`, of a name; `force` downloads again what is here already, unless it is shipped."""
    here = look_up(name)
    pinned = name in catalog() or "@" in name
    if here.shipped or hub.is_offline():
        return _as_it_is(here, tell, pinned)
    if here.path and pinned and not force:
        if here.is_intact():
            return here.path
        tell(f"{here.path}: damaged, its SHA-256 is wrong; it is replaced")
    file, licence, checked = _on_hub(name)
    path = hub.cached(file.repo, file.commit, file.name, "model")
    if path and not pinned and not force:
        tell(f"{name}: commit {file.commit} is the current one; add @{file.commit} to stay with it")
        if Here(name, path, file.size, file.sha256, shipped=False).is_intact():
            return path
    tell(
        f"{name}: downloading {file.name} ({file.size / 1e6:.1f} MB, licence: {licence}) from {file.repo} at "
        f"{hub.endpoint()}, commit {file.commit}{checked}"
    )
    return hub.fetch(file, _TERMS, force=force)


def _as_it_is(here: Here, tell: Tell, pinned: bool) -> Path:
    """The file of a model that cannot be downloaded, because it is shipped or because requests are forbidden."""
    if here.path is None:
        if here.shipped:
            raise WeightsUnavailable(f"{here.name}: its file is missing; {here.remedy()}")
        raise WeightsUnavailable(
            f"{here.name}: is not here, and requests are forbidden (--offline or HF_HUB_OFFLINE); "
            f"run `deblur weights pull {here.name}` when online, {_TERMS.otherwise}"
        )
    if not here.is_intact():
        when = "" if here.shipped else " when online"
        raise WeightsDamaged(f"{here.path}: damaged, its SHA-256 is wrong; {here.remedy()}{when}")
    if not pinned:
        commit = here.path.parents[_parse(here.name).file.count("/")].name
        tell(f"{here.name}: offline, taking commit {commit}, the last one that was fetched")
    return here.path


def remove(name: str) -> int:
    """Delete a downloaded model. Returns the bytes that it had.

    Raises:
        WeightsUnavailable: if it is not here.
        UsageError: if it ships with the package.
        OutputError: if it cannot be deleted.
    """
    here = look_up(name)
    if here.shipped:
        raise UsageError(f"{name}: ships with deblurcli and stays; only downloaded models can be removed")
    if here.path is None:
        raise not_here(name)
    size = here.path.stat().st_size
    hub.remove(here.path, _TERMS)
    return size


def not_here(name: str) -> WeightsUnavailable:
    return WeightsUnavailable(f"{name}: is not on this machine; run `deblur weights pull {name}`")


def _on_hub(name: str) -> tuple[hub.HubFile, str, str]:
    """What to download for a name, its licence, and a remark on the check if there is something to remark. Asks the
    Hub about names that the catalogue does not have."""
    if record := catalog().get(name):
        file = hub.HubFile(str(record.repo), str(record.commit), record.file, record.size, record.sha256)
        return file, record.licence, ""
    reference = _parse(name)
    contents = hub.contents(reference.repo, "model", _TERMS, reference.commit)
    size, sha256 = contents.files.get(reference.file, (None, None))
    if size is None:
        usable = [display_name(file) for file in contents.files if file.endswith((".safetensors", *PICKLES))]
        has = f"has {', '.join(usable[:6])}" if usable else "holds no .safetensors, .pth or .pt file"
        raise WeightsUnavailable(f"{name}: no such file at commit {contents.commit}; {reference.repo} {has}")
    checked = ", checked by the SHA-256 that the Hub lists" if sha256 else "; no SHA-256 is known, its size is checked"
    file = hub.HubFile(reference.repo, contents.commit, reference.file, size, sha256)
    return file, display_name(contents.licence or "none stated"), checked


def _parse(name: str) -> _Reference:
    match = _REFERENCE.fullmatch(name)
    if not match or not {"", ".", ".."}.isdisjoint(match["file"].split("/")):
        raise UsageError(f"{name}: must be hf:ORG/REPO/FILE or hf:ORG/REPO/FILE@COMMIT, with 40 hex digits of a commit")
    if not match["file"].endswith((".safetensors", *PICKLES)):
        raise UsageError(f"{name}: weights are .safetensors, .pth or .pt files; no others are loaded")
    return _Reference(match["repo"], match["file"], match["commit"])


def _newest(reference: _Reference) -> Path | None:
    """Where a file is in the cache; without a commit, of those there the one that was fetched last."""
    if reference.commit:
        return hub.cached(reference.repo, reference.commit, reference.file, "model")
    found = [path / reference.file for path in hub.snapshots(reference.repo, "model").glob("*")]
    return max((path for path in found if path.is_file()), key=lambda path: path.stat().st_mtime, default=None)


def _hash_in_cache(path: Path) -> str | None:
    """The Hub's client calls the content of a file in large file storage by its SHA-256."""
    content = path.readlink().name if path.is_symlink() else ""
    return content if re.fullmatch(r"[0-9a-f]{64}", content) else None


def _unknown(name: str) -> WeightsUnavailable:
    close = difflib.get_close_matches(name, catalog(), n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return WeightsUnavailable(
        f"{name}: no such model or weights file; {hint}known models: {', '.join(catalog())}, and files on the Hugging "
        "Face Hub as hf:ORG/REPO/FILE"
    )
