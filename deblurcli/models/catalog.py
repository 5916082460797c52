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

SCORES = ("published", "measured")
OWN = (*SCORES, "seconds")  # of a record, not of one that is like it


@dataclass(frozen=True)
class MeanScore:
    """A mean over a data set.

    Attributes:
        of: which data, how many pairs, who says so.
        psnr: in dB, RGB, 8 bit.
        ssim: definition -> value: "MATLAB", "Wang", or "as printed" where the source does not say which.
        gain: PSNR over that of the blurry input, in dB; None if the source does not say.
    """

    of: str
    psnr: float
    ssim: Mapping[str, float]
    gain: float | None = None


@dataclass(frozen=True)
class CatalogFile:
    """A file of a model.

    Attributes:
        name: in `weights_folder()`, or in the repository.
        size: in bytes.
        sha256: 64 hex digits; None if the Hub has to be asked for the digest when it is downloaded.
    """

    name: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class CatalogEntry:
    """A model.

    Attributes:
        name: what `--model` takes.
        architecture: a key of `deblurcli.networks.ARCHITECTURES`.
        files: what it consists of; by the suffix of the first one it is known how it is read. Models of the same files
            share the download.
        licence: of the weights, in words.
        trained_on, good_at, bad_at, paper: in words.
        repo: on the Hugging Face Hub; None for a model that ships with the package.
        commit: of the repository, 40 hex digits.
        stages: of a network that is a chain of stages, only so many, the first ones; None for what the files hold.
        elsewhere: where else the weights are to be had, as the end of an error; None if nowhere.
        seconds: for a megapixel in fp32, as `deblur bench --speed` measured it, file to file, on two cores of an AMD
            EPYC (Zen 4); None if nobody did.
        published: what the source prints.
        measured: what `deblur bench` gave with these very files; empty if it was never run.
    """

    name: str
    architecture: str
    files: tuple[CatalogFile, ...]
    licence: str
    trained_on: str
    good_at: str
    bad_at: str
    paper: str
    repo: str | None = None
    commit: str | None = None
    stages: int | None = None
    elsewhere: str | None = None
    seconds: float | None = None
    published: tuple[MeanScore, ...] = ()
    measured: tuple[MeanScore, ...] = ()

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Untrained:
    """A network with a name that nobody has published weights of: it can be trained, and that is all.

    Attributes:
        name: of the network.
        architecture: a key of `deblurcli.networks.ARCHITECTURES`.
        recipe: to train it by, in `weights_folder()`.
        paper: in words.
        published: what the paper prints.
        measured: what `deblur bench` gave with weights that were trained here and do not ship; empty if none were.
    """

    name: str
    architecture: str
    recipe: str
    paper: str
    published: tuple[MeanScore, ...] = ()
    measured: tuple[MeanScore, ...] = ()

    @property
    def recipe_file(self) -> Path:
        """The recipe, for `deblur train --recipe`."""
        return weights_folder() / self.recipe


def weights_folder() -> Path:
    """Where the shipped weights are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "weights"


@functools.cache
def catalog() -> Mapping[str, CatalogEntry]:
    """All models by name, in the order of the file: shipped ones first, of these the default one.

    Raises:
        WeightsUnavailable: if the package is not installed whole.
    """
    data = _records()
    return {name: _entry(name, entry, data) for name, entry in data.items() if "recipe" not in entry}


@functools.cache
def untrained() -> Mapping[str, Untrained]:
    """The networks without published weights by name; errors as for `catalog`."""
    return {
        name: Untrained(**{**entry, **_scores(entry), "name": name})
        for name, entry in _records().items()
        if "recipe" in entry
    }


@functools.cache
def _records() -> Mapping[str, Mapping[str, Any]]:
    path = weights_folder() / "catalog.toml"
    try:
        data: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsUnavailable(f"{path}: cannot read the catalogue of models; install deblurcli again") from error
    return data


def entry_of(sha256: str) -> CatalogEntry | None:
    """The model of which a file has this SHA-256, the first one of them."""
    records = catalog().values()
    return next((record for record in records if any(file.sha256 == sha256 for file in record.files)), None)


def _entry(name: str, entry: Mapping[str, Any], data: Mapping[str, Mapping[str, Any]]) -> CatalogEntry:
    values = dict(entry)
    while like := values.pop("like", None):
        values = {key: value for key, value in data[like].items() if key not in OWN} | values
    if "file" in values:  # a model of one file has its properties among its own
        values["files"] = [{"name": values.pop("file"), "bytes": values.pop("bytes"), "sha256": values.pop("sha256")}]
    files = tuple(CatalogFile(file["name"], file["bytes"], file.get("sha256")) for file in values.pop("files"))
    return CatalogEntry(**{**values, **_scores(values), "name": name, "files": files})


def _scores(entry: Mapping[str, Any]) -> dict[str, tuple[MeanScore, ...]]:
    return {key: tuple(MeanScore(**score) for score in entry.get(key, ())) for key in SCORES}
