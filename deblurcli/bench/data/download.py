"""Test sets from the Hugging Face Hub: what there is to fetch, fetching it, and having its test part extracted once.

Archives go into the Hub's own cache, the images beside it into its folder for assets, one folder per commit.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deblurcli import __version__
from deblurcli.bench.data.extract import extract, require_room
from deblurcli.errors import DeblurError, InputError, OutputError, UsageError
from deblurcli.images import display_name


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch. Attributes: its name, size in bytes, SHA-256 if the Hub tells it, whether it is here already."""

    name: str
    size: int
    sha256: str | None
    cached: bool


@dataclass(frozen=True)
class Plan:
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
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)  # of a file; without a name it is the network's


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


def plan_download(name: str) -> Plan:
    """Ask the Hub what there is: one request, and no file.

    Raises:
        UsageError: if the set is on no known repository, with the page to get it from.
        InputError: if the Hub cannot be reached or asked, or has not what is expected there.
    """
    if name not in _SOURCES:
        page = f"get it from {_PAGES[name]} and" if name in _PAGES else "get it yourself and"
        raise UsageError(f"{name}: cannot be downloaded for you; {page} give its folder with --data")
    source = _SOURCES[name]
    with _explained(source.repo):
        from huggingface_hub import HfApi, try_to_load_from_cache

        api = HfApi(library_name="deblurcli", library_version=__version__)
        info = api.dataset_info(source.repo, files_metadata=True, timeout=30)
    commit, there = str(info.sha), {file.rfilename: file for file in info.siblings or ()}
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise InputError(f"{source.repo}: the Hub names no commit; is HF_ENDPOINT set to a Hub?")
    files = []
    for archive in source.archives:
        file = there.get(archive)
        if file is None or file.size is None:
            has = ", ".join(map(display_name, sorted(there)[:6])) or "no files"
            raise InputError(f"{source.repo}: has no {archive}, but {has}; get it otherwise and use --data")
        cached = isinstance(try_to_load_from_cache(source.repo, archive, revision=commit, repo_type="dataset"), str)
        files.append(RemoteFile(archive, file.size, file.lfs.sha256 if file.lfs else None, cached))
    licence = getattr(info.card_data, "license", None)
    return Plan(name, source.repo, commit, tuple(files), ", ".join(licence) if isinstance(licence, list) else licence)


def download(plan: Plan, progress: Callable[[int, int], None] = lambda done, total: None) -> Downloaded:
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
        archives = [_fetch(plan, file) for file in plan.files]
        from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

        with WeakFileLock(root / ".lock"):
            if not target.is_dir():  # another process may have been faster
                extract(archives, _SOURCES[plan.name].wanted, target, progress)
    return Downloaded(target, plan.repo, plan.commit)


def _root(name: str) -> Path:
    from huggingface_hub import cached_assets_path

    try:
        return Path(cached_assets_path("deblurcli", namespace="datasets", subfolder=name))
    except (OSError, ValueError) as error:
        raise OutputError(f"the cache of data sets cannot be used ({_line(error)}); set HF_HOME to a folder") from error


def _check_room(plan: Plan, root: Path) -> None:
    from huggingface_hub import constants

    cache, extracted = Path(constants.HF_HUB_CACHE), int(plan.size * _SOURCES[plan.name].share)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if cache.stat().st_dev == root.stat().st_dev:
            needs = [(root, plan.to_download + extracted)]
        else:
            needs = [(cache, plan.to_download), (root, extracted)]
        for folder, size in needs:
            require_room(folder, size)
    except OSError as error:
        raise OutputError(f"{cache}: cannot be used ({error.strerror}); set HF_HOME to another folder") from error


def _fetch(plan: Plan, file: RemoteFile) -> Path:
    """The archive in the Hub's cache, checked: over plain HTTP the client takes any body of the right size."""
    for again in (False, True):
        with _explained(plan.repo):
            from huggingface_hub import hf_hub_download

            path = Path(
                hf_hub_download(
                    plan.repo,
                    file.name,
                    repo_type="dataset",
                    revision=plan.commit,
                    force_download=again,
                    library_name="deblurcli",
                    library_version=__version__,
                )
            )
            if path.stat().st_size == file.size and file.sha256 in (None, _sha256(path)):
                return path
            for entry in (path.resolve(), path):  # the content, and the link to it
                entry.unlink(missing_ok=True)
    raise InputError(
        f"{file.name} of {plan.repo}: arrived damaged twice, its SHA-256 is wrong; try again later, or use --data"
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _explained(repo: str) -> Iterator[None]:
    """Whatever the Hub's client raises, as one of our errors: classes differ between its versions."""
    try:
        yield
    except Exception as error:
        raise _explanation(repo, error) from error


def _explanation(repo: str, error: Exception) -> DeblurError:
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled

    causes = list(_causes(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return InputError(f"{repo}: not downloaded yet, and HF_HUB_OFFLINE is set; unset it, or use --data")
    for cause in causes:
        full = isinstance(cause, OSError) and cause.errno in _DISK_FULL
        if isinstance(cause, OSError) and (full or (cause.filename and cause.errno in _NOT_ALLOWED)):
            place = cause.filename or constants.HF_HUB_CACHE
            return OutputError(
                f"{place}: cannot be used ({cause.strerror}); make room, or set HF_HOME to another folder"
            )
    responses = [getattr(cause, "response", None) for cause in causes]
    status = next((int(response.status_code) for response in responses if response is not None), 0)
    answers = {
        401: "is not there, or needs a login; run `hf auth login` or set HF_TOKEN",
        403: "is closed to you; ask for access on its page, then run `hf auth login` or set HF_TOKEN",
        404: "is not there, or not in this state; check HF_ENDPOINT if you set it",
        429: "was asked for too often; wait some minutes, or run `hf auth login`",
    }
    if status >= 500:
        problem = f"cannot be had now, the server has an error ({status}); try again later"
    else:
        problem = answers.get(status, f"cannot be had ({_line(causes[-1])}); check the network and try again")
    return InputError(f"{constants.ENDPOINT}: {repo} {problem}, or use --data")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _line(error: BaseException) -> str:
    """The first line of an error's text, or its kind where there is no text."""
    return display_name(str(error).strip().partition("\n")[0]) or type(error).__name__
