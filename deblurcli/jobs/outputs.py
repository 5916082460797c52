"""The folders that results go to: made ready before the work, and watched during it.

A disk that is full or gone would fail every photo after hours of computing, so a run ends when it meets one.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from deblurcli.atomic import remove_leftovers, write_atomically
from deblurcli.display import display_name
from deblurcli.errors import DeblurError, OutputError
from deblurcli.jobs.task import Task

# Nothing can be written to such a disk, whatever the name.
_HOPELESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO}
_FORBIDDEN = {errno.EACCES, errno.EPERM}

Identity = tuple[int, int]


def clear(tasks: Sequence[Task]) -> None:
    """Remove what killed runs left in the folders that results go to; also where every result is there already."""
    folders = {task.target.parent for task in tasks if isinstance(task.target, Path)}
    for folder in folders | {task.root for task in tasks if isinstance(task.root, Path)}:
        remove_leftovers(folder)


def prepare_roots(tasks: Iterable[Task]) -> dict[Path, Identity]:
    """Make the local folders of results.

    Returns:
        What tells each root from another folder that may stand in its place later.

    Raises:
        OutputError: if nothing can be written to one.
    """
    roots: dict[Path, Identity] = {}
    for root in {task.root for task in tasks if isinstance(task.root, Path)}:
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe(root)
            roots[root] = identity(root)
        except OSError as error:
            raise OutputError(
                f"{display_name(root)}: results cannot be written to this folder ({error.strerror}); choose another"
            ) from None
    return roots


def refuse_lost(task: Task, roots: Mapping[Path, Identity]) -> None:
    """Look at a task's root before a result is written.

    Raises:
        OutputLost: if it is gone, or another folder stands in its place, such as where a disk was mounted.
    """
    if not isinstance(task.root, Path):
        return
    try:
        same = identity(task.root) == roots[task.root]
    except OSError:
        same = False
    if not same:
        raise OutputLost(f"{display_name(task.root)}: this folder was removed or replaced during the run")


def why_lost(task: Task, error: DeblurError, roots: Mapping[Path, Identity]) -> OutputLost | None:
    """Whether a failure to write means that nothing can be written any more; None if it is about this file alone."""
    if isinstance(error, OutputLost):
        return error
    if not isinstance(task.target, Path):
        return None
    try:
        refuse_lost(task, roots)
    except OutputLost as lost:
        return lost
    number, root = errno_of(error), task.root
    if number in _HOPELESS:
        return OutputLost(f"{display_name(root or task.target.parent)}: {os.strerror(number)}")
    if number in _FORBIDDEN and isinstance(root, Path):
        try:
            probe(root)
        except OSError as problem:
            return OutputLost(f"{display_name(root)}: {problem.strerror}")
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
