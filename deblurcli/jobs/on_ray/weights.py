"""The same weights on every machine: what a machine has itself if it is the same file, else what the driver sends."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deblurcli.digest import sha256_of
from deblurcli.errors import WeightsDamaged
from deblurcli.models.catalog import catalog
from deblurcli.models.local_copy import look_up


@dataclass(frozen=True)
class Weights:
    """A model as the driver has found it.

    Attributes:
        model: as the user has named it.
        file: the name of its file.
        sha256: of that file, 64 hex digits.
    """

    model: str
    file: str
    sha256: str


def weights_of(model: str, path: Path) -> Weights:
    """What to tell workers about a model that `find_weights` has found at `path`."""
    return Weights(model, path.name, sha256_of(path))


@contextlib.contextmanager
def same_weights(weights: Weights, send: Callable[[], bytes]) -> Iterator[str | Path]:
    """A name or file that loads the driver's weights on this machine, without asking the network.

    Args:
        weights: what is wanted.
        send: brings the file's content from the driver; called only if it is not here.

    Raises:
        WeightsDamaged: if what the driver sends is not what it said.
    """
    if weights.model in catalog():
        copy = look_up(weights.model).path
        if copy and sha256_of(copy) == weights.sha256:
            yield weights.model
            return
    data = send()
    if hashlib.sha256(data).hexdigest() != weights.sha256:
        raise WeightsDamaged(f"{weights.model}: the weights have changed since the run began; start it again")
    with tempfile.TemporaryDirectory(prefix="deblurcli-") as folder:
        path = Path(folder, weights.file)
        path.write_bytes(data)
        yield path
