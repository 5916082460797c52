"""The models that have a name: plain records in `weights/catalog.toml`. Needs nothing but the standard library."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deblurcli.errors import WeightsUnavailable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Score:
    """A mean over a data set.

    Attributes:
        of: which data, how many pairs, who says so.
        psnr: in dB, RGB, 8 bit.
        ssim: definition -> value: "MATLAB", "Wang", or "as printed" where the source does not say which.
    """

    of: str
    psnr: float
    ssim: Mapping[str, float]


@dataclass(frozen=True)
class Record:
    """A model.

    Attributes:
        name: what `--model` takes.
        architecture: a key of `deblurcli.networks.ARCHITECTURES`.
        file: its name in `weights_folder()`, or in the repository.
        size: of the file in bytes.
        sha256: of the file, 64 hex digits.
        licence: of the weights, in words.
        trained_on, good_at, bad_at, paper: in words.
        repo: on the Hugging Face Hub; None for a model that ships with the package.
        commit: of the repository, 40 hex digits.
        published: what the source prints.
        measured: what `deblur bench` gave with this very file; empty if it was never run.
    """

    name: str
    architecture: str
    file: str
    size: int
    sha256: str
    licence: str
    trained_on: str
    good_at: str
    bad_at: str
    paper: str
    repo: str | None = None
    commit: str | None = None
    published: tuple[Score, ...] = ()
    measured: tuple[Score, ...] = ()


def weights_folder() -> Path:
    """Where the shipped weights are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "weights"


@functools.cache
def catalog() -> Mapping[str, Record]:
    """All records by name, in the order of the file: shipped models first, of these the default one.

    Raises:
        WeightsUnavailable: if the package is not installed whole.
    """
    path = weights_folder() / "catalog.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsUnavailable(f"{path}: cannot read the catalogue of models; install deblurcli again") from error
    return {name: _record(name, **entry) for name, entry in data.items()}


def _record(name: str, bytes: int, **rest: Any) -> Record:
    for key in ("published", "measured"):
        rest[key] = tuple(Score(**score) for score in rest.get(key, ()))
    return Record(name=name, size=bytes, **rest)
