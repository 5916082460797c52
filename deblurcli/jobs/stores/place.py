"""What a user names: a local path, or a URL of a store that fsspec reaches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deblurcli.jobs.stores import remote

STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Url:
    """A file or folder in a store.

    A file is a folder's URL and a name within it, so that no character of a name is ever taken for a part of a URL.

    Attributes:
        folder: without a slash at its end, as `place` gives it.
        path: of a file within the folder, with slashes; empty for the folder itself.
    """

    folder: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.folder}/{self.path}" if self.path else self.folder

    @property
    def name(self) -> str:
        return str(self).rpartition("/")[2]

    @property
    def parent(self) -> Url:
        return Url(str(self).rpartition("/")[0])


Place = Path | Url


def place(text: str) -> Place:
    """What a user of URLs names. One place has one text: a local path is absolute, a URL has no slash at its end.

    Raises:
        UsageError: if there is no such kind of store, or the package for it is missing here.
        StoreUnusable: if the store refuses.
    """
    if text.startswith(("file://", "local://")):
        text = remote.open_store(text)[1]  # fsspec knows the many ways to write these
    # Links stay as they are, for on another machine they may lead elsewhere.
    return Url(remote.canonical(text)) if "://" in text else Path(os.path.abspath(text))  # noqa: PTH100


def is_directory(path: Path) -> bool:
    """Whether it is a folder or a link to one; false for what may not even be looked at."""
    try:
        return path.is_dir()
    except OSError:
        return False


def inside(folder: Place, path: str) -> Place:
    """A file in a folder; `path` is relative to it, with slashes."""
    return folder / path if isinstance(folder, Path) else Url(folder.folder, path)


def absolute(place: Place) -> str:
    """How a place is called from wherever the command is run."""
    return os.path.abspath(place) if isinstance(place, Path) else str(place)  # noqa: PTH100, links stay as they are
