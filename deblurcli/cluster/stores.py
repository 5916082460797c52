"""Files anywhere: a local path, file://, or a URL of a store that fsspec reaches. Here the two kinds look alike."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from deblurcli.atomic import write_atomically
from deblurcli.batch.manifest import file_fingerprint
from deblurcli.batch.scan import HIDDEN, NOT_SEARCHED, OUTPUT_FOLDER, UNREADABLE, reason_by_name, scan
from deblurcli.cluster import remote
from deblurcli.cluster.store_errors import StoreUnusable, store_errors_explained
from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError
from deblurcli.images.source import read_path

ODD_NAME = "names with empty parts, . or .."


@dataclass(frozen=True)
class File:
    """Where a file is.

    Attributes:
        folder: an absolute local path, or a URL; as `place` gives it.
        name: within the folder, with slashes.
    """

    folder: str
    name: str

    def __str__(self) -> str:
        return str(self.path) if is_local(self.folder) else f"{self.folder}/{self.name}"

    @property
    def path(self) -> Path:
        """Of a local file."""
        return Path(self.folder, self.name)


@dataclass(frozen=True)
class Image:
    """A photograph that was found, with what changes when it does."""

    file: File
    fingerprint: str


@dataclass
class Listing:
    """Photographs in order of their names, and how many other entries there are for each reason to leave them out."""

    images: list[Image] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def place(text: str) -> str:
    """What a user names, as an absolute local path or a URL without a slash at its end; one place, one text.

    Raises:
        UsageError: if there is no such kind of store, or the package for it is missing here.
        StoreUnusable: if the store refuses.
    """
    if text.startswith(("file://", "local://")):
        text = remote.open_store(text)[1]  # fsspec knows the many ways to write these
    # Links stay as they are, for on another machine they may lead elsewhere.
    return os.path.abspath(text) if is_local(text) else remote.canonical(text)  # noqa: PTH100


def is_local(place: str) -> bool:
    return "://" not in place


def is_folder(place: str) -> bool:
    """Whether it is a folder rather than a file.

    Raises:
        InputError: if there is neither.
        StoreUnusable: if the store refuses.
    """
    if not is_local(place):
        return remote.is_folder(place)
    with store_errors_explained(place, "read"):
        Path(place).stat()
        return Path(place).is_dir()


def list_images(folder: str, *, recursive: bool, leave_out: str) -> Listing:
    """The photographs of a folder, by their names, and in its subfolders too if `recursive`.

    Args:
        folder: as `place` gives it.
        recursive: also look into subfolders.
        leave_out: a folder that is not looked into, because the results go there.

    Raises:
        InputError: if it cannot be read.
        UsageError, StoreUnusable: if nothing in the store can.
    """
    if is_local(folder):
        return list_local(folder, recursive, leave_out)
    listing = Listing()
    for name, fingerprint in sorted(remote.entries(folder, recursive)):
        if reason := reason_to_leave_out(name, fingerprint is None, f"{folder}/{name}", leave_out):
            listing.left_out[reason] += 1
        else:
            listing.images.append(Image(File(folder, name), fingerprint or ""))
    return listing


def list_local(folder: str, recursive: bool, leave_out: str) -> Listing:
    listing = Listing()
    for found in scan(Path(folder), recursive, Path(leave_out).resolve()):
        if found.reason == UNREADABLE:
            raise InputError(f"{display_name(found.path)}: this folder cannot be read ({found.detail})")
        if found.reason:
            listing.left_out[found.reason] += 1
        else:
            listing.images.append(image(File(folder, found.path.relative_to(folder).as_posix())))
    return listing


def reason_to_leave_out(name: str, subfolder: bool, url: str, leave_out: str) -> str | None:
    """Why an entry of a store is left out; None for a photograph."""
    parts = name.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        return ODD_NAME  # which would lead out of the output folder, or be two files in one
    if any(part.startswith(".") for part in parts):
        return HIDDEN
    if url == leave_out or url.startswith(leave_out + "/"):
        return OUTPUT_FOLDER
    if subfolder:
        return NOT_SEARCHED
    return reason_by_name(Path(parts[-1]))


def image(file: File) -> Image:
    """A file that was named, with its fingerprint; of a local one that is not there, none, as reading it will tell.

    Raises:
        InputError: if it is not there.
        UsageError, StoreUnusable: if nothing in the store is.
    """
    if not is_local(file.folder):
        return Image(file, remote.fingerprint(file.folder, file.name))
    try:
        return Image(file, file_fingerprint(file.path))
    except (OSError, ValueError):
        return Image(file, "")


def existing(folder: str, names: Collection[str]) -> set[str]:
    """Which of these files are there.

    Raises:
        UsageError, StoreUnusable: if the store refuses.
    """
    if not is_local(folder):
        return remote.files_in(folder) & set(names)
    return {name for name in names if os.path.lexists(os.path.join(folder, name))}  # noqa: PTH118, for many names


def read(file: File) -> bytes:
    """The whole file.

    Raises:
        InputError: if it cannot be read.
        UsageError, StoreUnusable: if nothing in the store can.
    """
    if not is_local(file.folder):
        return remote.read(file.folder, file.name)
    with store_errors_explained(str(file), "read"):
        try:
            return read_path(file.path)
        except InputError as problem:
            raise InputError(f"{display_name(str(file))}: {problem}") from None


def write(file: File, data: bytes, *, overwrite: bool) -> None:
    """Write a file that is absent or complete at any time.

    Raises:
        OutputExists: if it is there already and `overwrite` is False.
        OutputError: if it cannot be written.
        UsageError, StoreUnusable: if nothing in the store can.
    """
    if not is_local(file.folder):
        remote.write(file.folder, file.name, data, overwrite=overwrite)
        return
    if not Path(file.folder).is_dir():  # not made here: where a shared disk is missing, results would be lost
        raise StoreUnusable(f"{display_name(file.folder)}: the output folder is not there any more; mount or make it")
    with store_errors_explained(str(file), "write"):
        file.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(data, file.path, overwrite=overwrite)


def make_folder(folder: str) -> None:
    """Make sure that results can be written to a local folder; stores need none.

    Raises:
        OutputError: if it cannot be made.
    """
    if is_local(folder):
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{display_name(folder)}: cannot make this folder ({error.strerror})") from None
