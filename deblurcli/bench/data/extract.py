"""A part of ZIP archives into a folder that appears complete or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError
from deblurcli.hub.fetch import require_room

_Member = tuple[zipfile.ZipFile, zipfile.ZipInfo, str]


def extract(archives: Sequence[Path], wanted: str, target: Path, progress: Callable[[int, int], None]) -> None:
    """Extract beside `target` and give the folder its name when everything is in it. One process at a time.

    Args:
        archives: ZIP files.
        wanted: regular expression for members; its group is where they go below `target`.
        target: folder that does not exist yet.
        progress: told how many members of how many are extracted.

    Raises:
        InputError: if an archive is damaged, has no such member, or one that points outside.
        OutputError: if there is no room, or the folder cannot be written.
    """
    partial = target.parent / ".extracting"
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    try:
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(_opened(path)) for path in archives]
            members = [member for archive in opened for member in _members(archive, wanted)]
            if not members:
                raise InputError(f"{', '.join(map(str, archives))}: no test images in there")
            require_room(target.parent, sum(info.file_size for _, info, _ in members), "the data set")
            for number, (archive, info, place) in enumerate(members, 1):
                _unpack(archive, info, partial / place)
                progress(number, len(members))
        if hasattr(os, "sync"):
            os.sync()  # or a power cut could leave the name without the content
        partial.rename(target)
    except OSError as error:
        raise OutputError(f"{target.parent}: cannot extract the data set there ({error.strerror})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: is no ZIP archive ({error}); delete it and download again") from error


def _members(archive: zipfile.ZipFile, wanted: str) -> Iterator[_Member]:
    for info in archive.infolist():
        name = info.filename
        # Nothing like it would be extracted; but an archive that tries is not the published one.
        if ".." in PurePosixPath(name).parts or name.startswith("/") or "\\" in name:
            raise InputError(f"{archive.filename}: {display_name(name)} points outside the archive; not extracted")
        if match := re.fullmatch(wanted, name):
            yield archive, info, match[1]


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(info) as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # checksum, coding, length, encryption
        raise InputError(
            f"{archive.filename}: {display_name(info.filename)} cannot be extracted ({error}); delete the archive and "
            "download again"
        ) from error
