"""Local folders on a cluster must be the same everywhere, or results would be scattered over its machines."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from deblurcli.atomic import try_lock
from deblurcli.display import display_name
from deblurcli.errors import OutputError, UsageError
from deblurcli.jobs.task import Task


@contextlib.contextmanager
def marked(tasks: Sequence[Task]) -> Iterator[tuple[Path, ...]]:
    """Local paths that every machine must see: the folders of photos, and a file that is in that of results meanwhile.

    Raises:
        OutputError: if nothing can be written there.
    """
    inputs = [(task.source, task.name) for task in tasks]
    paths = tuple({source.parents[name.count("/")] for source, name in inputs if isinstance(source, Path)})
    output = next((task.root for task in tasks if isinstance(task.root, Path)), None)
    if output is None:
        yield paths
        return
    # Named like a temporary file, so that the next run removes it should this one be killed, and locked until then.
    mark = output / f".deblur-{secrets.token_hex(6)}"
    try:
        descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except OSError as error:
        raise OutputError(
            f"{display_name(output)}: results cannot be written to this folder ({error.strerror}); choose another"
        ) from None
    try_lock(descriptor)
    try:
        yield (*paths, mark)
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            mark.unlink()


def require_seen(paths: Sequence[Path]) -> None:
    """On a worker's machine.

    Raises:
        UsageError: if one of the paths is not there.
    """
    for path in paths:
        if not path.exists():
            folder = path.parent if path.name.startswith(".deblur-") else path
            raise UsageError(
                f"{display_name(folder)}: not every machine of the cluster has this folder; use one that all share, or "
                "a store such as s3://"
            )
