"""Test sets from the Hugging Face Hub: what there is to fetch, fetching it, and having its test part extracted once.

Archives go into the Hub's own cache, the images beside it into its folder for assets, one folder per commit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deblurcli.bench.data.extract import extract
from deblurcli.cache import cache_folder
from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError, UsageError
from deblurcli.hub import fetch as hub


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch. Attributes: its name, size in bytes, digest if the Hub tells it, whether it is here already."""

    name: str
    size: int
    digest: str | None
    cached: bool


@dataclass(frozen=True)
class DownloadPlan:
    """A download that has not begun.

    Attributes:
        name: of the data set, as `find_dataset` takes it.
        repo: on the Hub.
        commit: 40 hex digits; what is fetched is this state, whatever happens to the repository meanwhile.
        files: archives.
        licence: as the repository states it, such as "cc-by-4.0"; None if it states none.
    """

    name: str
    repo: str
    commit: str
    files: tuple[RemoteFile, ...]
    licence: str | None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def to_download(self) -> int:
        """Bytes of those that are not here yet."""
        return sum(file.size for file in self.files if not file.cached)


@dataclass(frozen=True)
class Downloaded:
    """A data set on this machine: a folder for `find_dataset`, and the state of the repository that it comes from."""

    folder: Path
    repo: str
    commit: str


@dataclass(frozen=True)
class _Source:
    """Where a set is.

    Attributes:
        repo: on the Hub, by the set's own author.
        archives: ZIP files there.
        wanted: matches the members to extract; its group is where they go.
        share: bytes extracted for each byte of the archives, rounded up.
    """

    repo: str
    archives: tuple[str, ...]
    wanted: str
    share: float


_SOURCES: dict[str, _Source] = {
    # 1111 of 3214 pairs, and of their three folders all but blur_gamma
    "gopro": _Source("snah/GOPRO_Large", ("GOPRO_Large.zip",), r"(?:.*/)?(test/[^/]+/(?:blur|sharp)/[^/.][^/]*)", 0.3),
    "reds": _Source(
        "snah/REDS", ("val_blur.zip", "val_sharp.zip"), r"(?:.*/)?(val_(?:blur|sharp)/[^/]+/[^/.][^/]*)", 1.0
    ),
}
_PAGES: dict[str, str] = {
    "hide": "https://github.com/joanshen0508/HA_deblur",
    "realblur-j": "https://github.com/rimchang/RealBlur",
    "realblur-r": "https://github.com/rimchang/RealBlur",
    "kohler": "https://webdav.tuebingen.mpg.de/pixel/benchmark4camerashake/",
}
_TERMS = hub.Terms(InputError, InputError, "or use --data")


def downloaded(name: str) -> Downloaded | None:
    """What an earlier `download` extracted, the latest if there are several. Asks nothing of the network.

    Raises:
        OutputError: if the cache cannot be used.
    """
    if name not in _SOURCES:
        return None
    complete = [path for path in _root(name).iterdir() if re.fullmatch(r"[0-9a-f]{40}", path.name)]
    if not complete:
        return None
    latest = max(complete, key=lambda path: path.stat().st_mtime)
    return Downloaded(latest, _SOURCES[name].repo, latest.name)


def plan_download(name: str) -> DownloadPlan:
    """Ask the Hub what there is: one request, and no file.

    Raises:
        UsageError: if the set is on no known repository, with the page to get it from.
        InputError: if the Hub cannot be reached or asked, or has not what is expected there.
    """
    if name not in _SOURCES:
        page = f"get it from {_PAGES[name]} and" if name in _PAGES else "get it yourself and"
        raise UsageError(f"{name}: cannot be downloaded for you; {page} give its folder with --data")
    source = _SOURCES[name]
    there = hub.contents(source.repo, "dataset", _TERMS)
    files = []
    for archive in source.archives:
        size, digest = there.files.get(archive, (None, None))
        if size is None:
            has = ", ".join(map(display_name, sorted(there.files)[:6])) or "no files"
            raise InputError(f"{source.repo}: has no {archive}, but {has}; get it otherwise and use --data")
        cached = hub.cached(source.repo, there.commit, archive, "dataset") is not None
        files.append(RemoteFile(archive, size, digest, cached))
    return DownloadPlan(name, source.repo, there.commit, tuple(files), there.licence)


def download(plan: DownloadPlan, progress: Callable[[int, int], None] = lambda done, total: None) -> Downloaded:
    """Fetch what is missing and extract the test part. The Hub's client shows its own bar while it fetches.

    Args:
        plan: from `plan_download`.
        progress: told how many images of how many are extracted.

    Raises:
        InputError: if the files cannot be had or are not what the Hub says they are.
        OutputError: if there is no room, or the cache cannot be written.
    """
    root = _root(plan.name)
    target = root / plan.commit
    if not target.is_dir():
        _check_room(plan, root)
        archives = [
            hub.fetch(hub.HubFile(plan.repo, plan.commit, file.name, file.size, file.digest, "dataset"), _TERMS)
            for file in plan.files
        ]
        from huggingface_hub.utils import WeakFileLock

        with WeakFileLock(root / ".lock"):
            if not target.is_dir():  # another process may have been faster
                extract(archives, _SOURCES[plan.name].wanted, target, progress)
    return Downloaded(target, plan.repo, plan.commit)


def _root(name: str) -> Path:
    return cache_folder("datasets", name)


def _check_room(plan: DownloadPlan, root: Path) -> None:
    from huggingface_hub import constants

    cache, extracted = Path(constants.HF_HUB_CACHE), int(plan.size * _SOURCES[plan.name].share)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if cache.stat().st_dev == root.stat().st_dev:
            needs = [(root, plan.to_download + extracted)]
        else:
            needs = [(cache, plan.to_download), (root, extracted)]
        for folder, size in needs:
            hub.require_room(folder, size, "the data set")
    except OSError as error:
        raise OutputError(f"{cache}: cannot be used ({error.strerror}); set HF_HOME to another folder") from error
