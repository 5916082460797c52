"""Local folders on a cluster must be the same everywhere, or results would be scattered over its machines."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from deblurcli.atomic import try_lock
from deblurcli.cluster.stores import is_local
from deblurcli.display import display_name
from deblurcli.errors import OutputError, UsageError


@contextlib.contextmanager
def marked(output: str, inputs: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Local paths that every machine must see: the folders of inputs, and a file that is in `output` meanwhile.

    Raises:
        OutputError: if nothing can be written to `output`.
    """
    paths = tuple(folder for folder in inputs if is_local(folder))
    if not is_local(output):
        yield paths
        return
    # Named like a temporary file, so that the next run removes it should this one be killed, and locked until then.
    mark = Path(output, f".deblur-{secrets.token_hex(6)}")
    try:
        descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except OSError as error:
        raise OutputError(
            f"{display_name(output)}: results cannot be written to this folder ({error.strerror}); choose another"
        ) from None
    try_lock(descriptor)
    try:
        yield (*paths, str(mark))
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            mark.unlink()


def require_seen(paths: Sequence[str]) -> None:
    """On a worker's machine.

    Raises:
        UsageError: if one of the paths is not there.
    """
    for path in map(Path, paths):
        if not path.exists():
            folder = path.parent if path.name.startswith(".deblur-") else path
            raise UsageError(
                f"{display_name(folder)}: not every machine of the cluster has this folder; use one that all share, or "
                "a store such as s3://"
            )
