"""Files anywhere, on a local disk or in a store: here the two look alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import InputError
from deblurcli.images import write_files
from deblurcli.images.source import is_stream
from deblurcli.jobs.stores import remote
from deblurcli.jobs.stores.place import Place, Url, is_directory
from deblurcli.jobs.stores.scan import HIDDEN, NOT_SEARCHED, OUTPUT_FOLDER, Found, reason_by_name, scan
from deblurcli.jobs.stores.sink import Sink

ODD_NAME = "names with empty parts, . or .."


def is_folder(place: Place) -> bool:
    """Whether it is a folder rather than a file. A local file need not be there: reading it will tell.

    Raises:
        InputError: if there is neither.
        UsageError, StoreUnusable: if nothing in the store can be read.
    """
    return is_directory(place) if isinstance(place, Path) else remote.is_folder(str(place))


def photos_in(folder: Place, recursive: bool, leave_out: Place) -> Iterator[Found]:
    """Everything in a folder, as `scan` gives it.

    Args:
        folder: to look into.
        recursive: also look into its subfolders.
        leave_out: a folder that is not looked into, because the results go there.

    Raises:
        InputError, UsageError, StoreUnusable: if a store cannot be read; of a local folder, that is among the entries.
    """
    if isinstance(folder, Path):
        yield from scan(folder, recursive, leave_out.resolve() if isinstance(leave_out, Path) else None)
        return
    for path, fingerprint in sorted(remote.entries(folder.folder, recursive), key=lambda entry: entry[0]):
        reason = reason_to_leave_out(path, fingerprint is None, f"{folder}/{path}", str(leave_out))
        yield Found(Url(folder.folder, path), reason, fingerprint=fingerprint or "")


def reason_to_leave_out(path: str, subfolder: bool, url: str, leave_out: str) -> str | None:
    """Why an entry of a store is left out; None for a photograph."""
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        return ODD_NAME  # which would lead out of the output folder, or be two files in one
    if any(part.startswith(".") for part in parts):
        return HIDDEN
    if url == leave_out or url.startswith(leave_out + "/"):
        return OUTPUT_FOLDER
    return NOT_SEARCHED if subfolder else reason_by_name(parts[-1])


def fingerprint_of(file: Place) -> str:
    """What changes when a file does; of a local one that is not there or is no file, nothing, as reading it will tell.

    Raises:
        InputError: if a store does not have it.
        UsageError, StoreUnusable: if nothing in the store can be read.
    """
    if isinstance(file, Url):
        return remote.fingerprint(file.folder, file.path)
    try:
        status = file.stat()
        return f"{status.st_size}-{status.st_mtime_ns}"
    except (OSError, ValueError):
        return ""


def which_are_there(files: Iterable[Place | Sink]) -> Callable[[Place | Sink], bool]:
    """Whether each of these files is there; a store is asked once for all.

    Raises:
        UsageError, StoreUnusable: if a store refuses.
    """
    folders = {file.folder for file in files if isinstance(file, Url)}
    found = {Url(folder, path) for folder in folders for path in remote.files_in(folder)}

    def is_there(file: Place | Sink) -> bool:
        with contextlib.suppress(OSError):  # a name too long, which will be told when it is the photo's turn
            return file.exists() if isinstance(file, Path) else file in found
        return False

    return is_there


def read(file: Place) -> bytes:
    """The whole file.

    Raises:
        InputError: if it cannot be read.
        UsageError, StoreUnusable: if nothing in the store can.
    """
    if isinstance(file, Url):
        return remote.read(file.folder, file.path)
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{display_name(file)}: cannot be read ({error.strerror})") from None


def write(files: Sequence[tuple[bytes, Place | Sink]], *, overwrite: bool) -> None:
    """Write files that belong together, each absent or complete at any time; on a disk all of them, or none.

    Raises:
        OutputExists: if one is there already and `overwrite` is False.
        OutputError: if one cannot be written.
        UsageError, StoreUnusable: if nothing in the store can.
    """
    if local := [(data, target) for data, target in files if isinstance(target, Path)]:
        write_files(local, overwrite=overwrite)
    for data, target in files:
        if isinstance(target, Url):
            remote.write(target.folder, target.path, data, overwrite=overwrite)
        elif isinstance(target, Sink):
            target.write(data)


def is_read_once(file: Place) -> bool:
    """Whether it is a pipe or a device, which may never answer, and whose content is gone when it was read."""
    return isinstance(file, Path) and is_stream(file)
