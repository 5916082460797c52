"""The folders that results go to: made ready before the work, and watched during it.

A disk that is full or gone would fail every photo after hours of computing, so a run ends when it meets one.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from deblurcli.atomic import remove_leftovers, write_atomically
from deblurcli.batch.plan import Job
from deblurcli.display import display_name
from deblurcli.errors import DeblurError, OutputError

# Nothing can be written to such a disk, whatever the name.
_HOPELESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO}
_FORBIDDEN = {errno.EACCES, errno.EPERM}

Identity = tuple[int, int]


def clear(jobs: Iterable[Job]) -> None:
    """Remove what killed runs left in the folders that results go to; also where every result is there already."""
    for folder in {folder for job in jobs for folder in (job.target.parent, job.root) if folder is not None}:
        remove_leftovers(folder)


def prepare_roots(jobs: Iterable[Job]) -> dict[Path, Identity]:
    """Make the folders of results.

    Returns:
        What tells each root from another folder that may stand in its place later.

    Raises:
        OutputError: if nothing can be written to one.
    """
    roots: dict[Path, Identity] = {}
    for root in {job.root for job in jobs if job.root is not None}:
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe(root)
            roots[root] = identity(root)
        except OSError as error:
            raise OutputError(
                f"{display_name(root)}: results cannot be written to this folder ({error.strerror}); choose another"
            ) from None
    return roots


def refuse_lost(job: Job, roots: dict[Path, Identity]) -> None:
    """Look at a job's root before a result is written.

    Raises:
        OutputLost: if it is gone, or another folder stands in its place, such as where a disk was mounted.
    """
    if job.root is None:
        return
    try:
        same = identity(job.root) == roots[job.root]
    except OSError:
        same = False
    if not same:
        raise OutputLost(f"{display_name(job.root)}: this folder was removed or replaced during the run")


def why_lost(job: Job, error: DeblurError, roots: dict[Path, Identity]) -> OutputLost | None:
    """Whether a failure to write means that nothing can be written any more; None if it is about this file alone."""
    if isinstance(error, OutputLost):
        return error
    try:
        refuse_lost(job, roots)
    except OutputLost as lost:
        return lost
    number = errno_of(error)
    if number in _HOPELESS:
        return OutputLost(f"{display_name(job.root or job.target.parent)}: {os.strerror(number)}")
    if number in _FORBIDDEN and job.root is not None:
        try:
            probe(job.root)
        except OSError as problem:
            return OutputLost(f"{display_name(job.root)}: {problem.strerror}")
    return None


class OutputLost(OutputError):
    """No result can be written to a folder any more. Its text says where and why."""


def errno_of(error: BaseException) -> int:
    """The system's number of the error behind an error; 0 if there is none."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            return cause.errno or 0
        cause = cause.__cause__ or cause.__context__
    return 0


def identity(folder: Path) -> Identity:
    status = folder.stat()
    return status.st_dev, status.st_ino


def probe(folder: Path) -> None:
    """Write a small file and remove it again; OSError if that is not possible."""
    path = folder / f".deblur-{secrets.token_hex(6)}"  # a leftover, if this is where the process is killed
    try:
        write_atomically(b"\0", path, overwrite=True)
    finally:
        path.unlink(missing_ok=True)
