"""One file of a Hugging Face Hub repository at a pinned commit: fetched once into the Hub's own cache, and checked.

The Hub's client takes any body of the right size over plain HTTP, so the SHA-256 is checked here. That also makes every
mirror (HF_ENDPOINT) safe. Looking into the cache asks nothing of the network and does not load the client.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deblurcli.digest import digest_like, is_digest, kind_of
from deblurcli.display import display_name
from deblurcli.errors import DeblurError, OutputError
from deblurcli.hub.client_errors import status_of, translated
from deblurcli.version import __version__

Kind = Literal["model", "dataset"]

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Of a file; without a name it is the network's.
_UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EIO)


@dataclass(frozen=True)
class HubFile:
    """A file of a repository.

    Attributes:
        repo: as "org/name".
        commit: 40 hex digits.
        name: path within the repository, with slashes.
        size: in bytes; checked only if there is no digest.
        digest: SHA-256 or git's SHA-1, see `deblurcli.digest`; None if nobody tells it.
        kind: of the repository.
    """

    repo: str
    commit: str
    name: str
    size: int
    digest: str | None
    kind: Kind = "model"


@dataclass(frozen=True)
class Contents:
    """What a repository holds at a commit.

    Attributes:
        commit: 40 hex digits.
        files: name -> size in bytes and digest if the Hub tells them: SHA-256 for those in large file storage, git's
            SHA-1 for all others.
        licence: as the repository states it, such as "mit"; None if it states none.
    """

    commit: str
    files: Mapping[str, tuple[int | None, str | None]]
    licence: str | None


@dataclass(frozen=True)
class Terms:
    """How failures are put.

    Attributes:
        unavailable: raised if a file cannot be had.
        damaged: raised if it is not what it should be.
        otherwise: what else can be done, as the end of a sentence: "or ...".
    """

    unavailable: type[DeblurError]
    damaged: type[DeblurError]
    otherwise: str


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids every request."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def go_offline() -> None:
    """Forbid every request from now on. The client reads this when it is imported, so call it first of all."""
    os.environ["HF_HUB_OFFLINE"] = "1"


def endpoint() -> str:
    """The Hub that is asked: HF_ENDPOINT, or the public one."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def snapshots(repo: str, kind: Kind) -> Path:
    """The folder of a repository's commits in the Hub's cache; it need not exist."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"{kind}s--{repo.replace('/', '--')}" / "snapshots"


def cached(repo: str, commit: str, name: str, kind: Kind) -> Path | None:
    """Where a file is in the Hub's cache, unchecked; None if it is not there."""
    path = snapshots(repo, kind) / commit / name
    return path if path.is_file() else None


def is_intact(path: Path, size: int, digest: str | None) -> bool:
    """Whether a file has this digest; this size if none is known."""
    return path.stat().st_size == size if digest is None else digest_like(digest, path) == digest


def require_room(folder: Path, size: int, what: str) -> None:
    """Raises OutputError unless `size` bytes are free on the disk of a folder; `what` needs them."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(
            f"{folder}: {what} needs {size / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; make room, or set "
            "HF_HOME to a folder on a larger disk"
        )


def contents(repo: str, kind: Kind, terms: Terms, revision: str | None = None) -> Contents:
    """Ask the Hub what a repository holds: one request.

    Args:
        repo: as "org/name".
        kind: of the repository.
        terms: of errors.
        revision: a commit, 40 hex digits; None for the current one.

    Raises:
        terms.unavailable: if the Hub cannot be reached or asked.
    """
    with explained(repo, terms):
        from huggingface_hub import HfApi

        api = HfApi(library_name="deblurcli", library_version=__version__)
        ask = api.model_info if kind == "model" else api.dataset_info
        info = ask(repo, revision=revision, files_metadata=True, timeout=30)
    if not re.fullmatch(r"[0-9a-f]{40}", str(info.sha)):
        raise terms.unavailable(f"{repo}: the Hub names no commit; is HF_ENDPOINT set to a Hub?")
    if revision not in (None, info.sha):
        raise terms.unavailable(
            f"{repo}: asked for commit {revision}, the Hub tells of {info.sha}; is HF_ENDPOINT right?"
        )
    files = {}
    for file in info.siblings or ():
        digest = file.lfs.sha256 if file.lfs else file.blob_id
        files[file.rfilename] = (file.size, digest if digest and is_digest(digest) else None)
    licence = getattr(info.card_data, "license", None)
    return Contents(str(info.sha), files, ", ".join(licence) if isinstance(licence, list) else licence)


def fetch(file: HubFile, terms: Terms, *, force: bool = False) -> Path:
    """The file in the Hub's cache, whole and checked; downloaded if it is not there, or not intact. The Hub's client
    shows its progress on a terminal. Of several processes one downloads and the others wait for it.

    Args:
        file: what to fetch.
        terms: of errors.
        force: download it although it is there.

    Raises:
        terms.unavailable: if it cannot be had.
        terms.damaged: if its content was wrong twice; then nothing of it stays.
        OutputError: if there is no room, or the cache cannot be written.
    """
    with explained(file.repo, terms):
        from huggingface_hub import constants
        from huggingface_hub.utils import WeakFileLock

        cache = Path(constants.HF_HUB_CACHE)
        locks = cache / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(f"{file.kind} {file.repo} {file.commit} {file.name}".encode()).hexdigest()
        with WeakFileLock(locks / f"deblurcli-{name[:32]}.lock"):
            path = cached(file.repo, file.commit, file.name, file.kind)
            if path and not force:
                if is_intact(path, file.size, file.digest):
                    return path
                discard(path)
            require_room(cache, file.size, file.name)
            for _ in range(2):
                # Forced: a store that the client shares between repositories may hold the damaged content too.
                path = _download(file, force=force or path is not None)
                if is_intact(path, file.size, file.digest):
                    return path
                discard(path)
    raise terms.damaged(
        f"{file.name} of {file.repo}: arrived damaged twice from {endpoint()}, its {kind_of(file.digest)} is wrong; "
        f"try again later, {terms.otherwise}"
    )


def discard(path: Path) -> None:
    """Delete a file from the Hub's cache: a commit's entry, and the content that it links to, in one step or two."""
    while path.is_symlink():
        target = path.parent / path.readlink()
        path.unlink()
        path = target
    path.unlink(missing_ok=True)


def remove_cached(path: Path, terms: Terms) -> None:
    """Delete a file from the Hub's cache, and its content unless another commit has the same, and what killed
    downloads of it left behind.

    Raises:
        OutputError: if the cache cannot be written.
    """
    with explained(path.name, terms):
        from huggingface_hub import constants

        content = path.resolve()
        links = Path(constants.HF_HUB_CACHE).glob("*--*/snapshots/*/**/*")
        if any(link != path and link.is_symlink() and link.resolve() == content for link in links):
            path.unlink()
            return
        if path.is_symlink():
            blob = path.parent / path.readlink()
            for partial in blob.parent.glob(f"{blob.name}.*.incomplete"):
                partial.unlink(missing_ok=True)
        discard(path)


def _download(file: HubFile, *, force: bool) -> Path:
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url

    # The client itself asks for minutes where a server does not answer, and for half a minute where it refuses.
    get_hf_file_metadata(
        hf_hub_url(file.repo, file.name, repo_type=file.kind, revision=file.commit),
        timeout=constants.HF_HUB_ETAG_TIMEOUT,
        library_name="deblurcli",
        library_version=__version__,
    )
    path = hf_hub_download(
        file.repo,
        file.name,
        repo_type=file.kind,
        revision=file.commit,
        force_download=force,
        library_name="deblurcli",
        library_version=__version__,
    )
    return Path(path)


def explained(repo: str, terms: Terms) -> contextlib.AbstractContextManager[None]:
    """Whatever the Hub's client raises inside, as one of our errors about `repo`."""
    return translated(lambda error: _explanation(repo, terms, error))


def _explanation(repo: str, terms: Terms, error: Exception) -> DeblurError:
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled

    causes = list(_causes(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return terms.unavailable(f"{repo}: not downloaded yet, and HF_HUB_OFFLINE is set; unset it, {terms.otherwise}")
    for cause in causes:
        full = isinstance(cause, OSError) and cause.errno in _DISK_FULL
        if isinstance(cause, OSError) and (full or (cause.filename and cause.errno in _UNUSABLE)):
            place = cause.filename or constants.HF_HUB_CACHE
            return OutputError(
                f"{place}: cannot be used ({cause.strerror}); make room, or set HF_HOME to another folder"
            )
    status = status_of(causes)
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
    return terms.unavailable(f"{constants.ENDPOINT}: {repo} {problem}, {terms.otherwise}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _line(error: BaseException) -> str:
    """The first line of an error's text, or its kind where there is no text."""
    return display_name(str(error).strip().partition("\n")[0]) or type(error).__name__
