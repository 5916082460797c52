"""Models named as `hf:ORG/REPO/FILE[@COMMIT]`, and which files of a repository belong to one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deblurcli.errors import UsageError
from deblurcli.models.conversion import IMPORTERS

PICKLES = (".pth", ".pt")
LOADED = (".safetensors", *PICKLES, *IMPORTERS)  # what the name of a model's first file can end in

_REFERENCE = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)/(?P<file>[^@]+?)(?:@(?P<commit>[0-9a-f]{40}))?")


@dataclass(frozen=True)
class Reference:
    """A file of a repository on the Hub. Attributes: as in `HubFile`; without a commit, the current one is meant."""

    repo: str
    file: str
    commit: str | None


def is_reference(name: str) -> bool:
    return name.startswith("hf:")


def parse(name: str) -> Reference:
    """What a name means.

    Raises:
        UsageError: if it is no such name, or of a file that cannot be loaded.
    """
    match = _REFERENCE.fullmatch(name)
    if not match or not {"", ".", ".."}.isdisjoint(match["file"].split("/")):
        raise UsageError(f"{name}: must be hf:ORG/REPO/FILE or hf:ORG/REPO/FILE@COMMIT, with 40 hex digits of a commit")
    if not match["file"].endswith(LOADED):
        raise UsageError(
            f"{name}: weights are .safetensors, .pth or .pt files, or the .index of a TensorFlow checkpoint; no others "
            "are loaded"
        )
    return Reference(match["repo"], match["file"], match["commit"])


def belonging(file: str, there: Iterable[str]) -> list[str]:
    """The files of a model, the named one first: the .index of a TensorFlow checkpoint needs its data files.

    Args:
        file: its name in the repository.
        there: the names of all files that there are.

    Returns:
        Their names; empty if one of them is missing.
    """
    there = set(there)
    if file not in there:
        return []
    if not file.endswith(".index"):
        return [file]
    shard = re.compile(re.escape(file.removesuffix(".index")) + r"\.data-\d{5}-of-(?P<count>\d{5})")
    shards = {name: int(match["count"]) for name in sorted(there) if (match := shard.fullmatch(name))}
    return [file, *shards] if set(shards.values()) == {len(shards)} else []
