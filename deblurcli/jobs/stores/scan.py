"""What is in a folder: the photographs, and everything else with the reason why it is left out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deblurcli.images import CAMERA_RAW, is_image_name
from deblurcli.jobs.stores.place import Place
from deblurcli.video.names import is_video_name

HIDDEN = "hidden"
LINKED_FOLDER = "linked folders, which are not followed"
NOT_SEARCHED = "subfolders, which --recursive searches"
OUTPUT_FOLDER = "the output folder"
RAW = "camera raw, to be developed first"
VIDEO = "videos, which --videos restores"
NOT_A_PHOTO = "not photographs by their names"
NOT_A_FILE = "not ordinary files"
UNREADABLE = "folders that cannot be read"


@dataclass(frozen=True)
class Found:
    """An entry of a folder.

    Attributes:
        path: of the entry, beginning with the folder as it was given.
        reason: why it is left out, as a heading to count under; None for a photograph.
        detail: what the system says about a folder that cannot be read.
        fingerprint: of a photograph, where the listing tells it.
    """

    path: Place
    reason: str | None = None
    detail: str = ""
    fingerprint: str = ""


def scan(folder: Path, recursive: bool, leave_out: Path | None) -> Iterator[Found]:
    """Everything in a folder, sorted by name within each, subfolders in their place.

    Links to files are followed, links to folders are not, so that there is no way round in a circle.

    Args:
        folder: to look into.
        recursive: also look into its subfolders.
        leave_out: a resolved folder that is not looked into, because the results go there.
    """
    pending: list[os.DirEntry[str] | Found] = [*children(folder)]
    left_out = inode_of(leave_out) if leave_out else None
    while pending:
        found = pending.pop()
        if isinstance(found, Found):
            yield found
            continue
        path = Path(found.path)
        reason = reason_against(found, recursive)
        if reason is None and is_a(found, "dir"):
            # Asked only of a folder with the right number, as resolving every path takes long in deep trees.
            if found.inode() == left_out and path.resolve() == leave_out:
                yield Found(path, OUTPUT_FOLDER)
            else:
                pending += children(path)
        else:
            yield Found(path, reason)


def children(folder: Path) -> Sequence[os.DirEntry[str] | Found]:
    """The entries of a folder, last name first; if it cannot be read, that."""
    try:
        with os.scandir(folder) as listed:
            entries = list(listed)
        return sorted(entries, key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        return [Found(folder, UNREADABLE, error.strerror or str(error))]


def reason_against(entry: os.DirEntry[str], recursive: bool) -> str | None:
    """Why an entry is left out; None for a photograph and for a folder to look into."""
    if entry.name.startswith("."):
        return HIDDEN
    if is_a(entry, "dir"):
        if entry.is_symlink():
            return LINKED_FOLDER
        return None if recursive else NOT_SEARCHED
    if reason := reason_by_name(entry.name):
        return reason
    # A broken link counts as a photograph, one that cannot be read: it may well have been one.
    return None if is_a(entry, "file") or entry.is_symlink() else NOT_A_FILE


def reason_by_name(name: str) -> str | None:
    """Why a file of this name is left out; None for a photograph's."""
    if is_image_name(Path(name)):
        return None
    if is_video_name(Path(name)):
        return VIDEO
    return RAW if Path(name).suffix.lower() in CAMERA_RAW else NOT_A_PHOTO


def is_a(entry: os.DirEntry[str], kind: str) -> bool:
    """Whether an entry, or what it links to, is a "dir" or a "file"."""
    try:
        return entry.is_dir() if kind == "dir" else entry.is_file()
    except OSError:  # such as a link to itself
        return False


def inode_of(folder: Path) -> int | None:
    """The number by which the file system knows a folder; None if it is not there."""
    try:
        return folder.stat().st_ino
    except OSError:
        return None
