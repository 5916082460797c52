"""Files in a store that fsspec reaches, such as s3://, gs:// or hf://.

A file is a folder's URL and a name within it, see `Url`.
"""

from __future__ import annotations

import contextlib
import importlib
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError
from deblurcli.jobs.stores.errors import StoreUnusable, store_errors_explained

# Here a file appears when its upload is complete, and not before. Elsewhere it is written under another name and moved.
WHOLE_PUTS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "hf", "memory"}
# Of these, the ones that can be told to put a file only where none is, in one step.
CONDITIONAL_PUTS = {"s3", "s3a", "gs", "gcs"}
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
}
# What tells best that a file has changed, best first. HTTP's name, Google's, the Hugging Face Hub's, and times.
CHECKSUMS = ("ETag", "etag", "md5Hash", "md5", "sha256", "blob_id")
QUOTES = '"'
TIMES = ("LastModified", "last_modified", "modified", "mtime", "updated", "modify", "created")


def open_store(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path in it.

    Raises:
        UsageError: if there is no such kind of store, or the package for it is missing here.
        StoreUnusable: if it refuses.
    """
    fsspec: Any = importlib.import_module("fsspec")
    label, scheme = display_name(url), url.partition("://")[0]
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except ValueError:
        raise UsageError(
            f"{label}: {scheme}:// is not a known kind of store; use s3://, gs://, hf:// or a path"
        ) from None
    except ImportError as error:
        remedy = f"run `pip install {PACKAGES[scheme]}`" if scheme in PACKAGES else "install it"
        raise UsageError(f"{label}: a package for {scheme}:// is missing here ({error}); {remedy}") from None
    with store_errors_explained(url, "read"):
        return kind(**options_in(url, kind)), path_in(url, kind)


def canonical(url: str) -> str:
    """The URL without a slash at its end, and with the usual one of the names that a kind of store has.

    Raises:
        UsageError, StoreUnusable: as `open_store`.
    """
    store, path = open_store(url)
    # A URL that says more than the path, such as a server's name, can only be kept as it is.
    return str(url if options_in(url, store) else store.unstrip_protocol(path)).rstrip("/")


# What reads a URL in fsspec has an underscore, though every kind of store defines it. The public way, `url_to_fs`,
# takes "::" in a name for a chain of stores. If these went, no URL could be opened, each with an AttributeError.


def options_in(url: str, kind: Any) -> dict[str, Any]:
    """What a URL says beside the path, such as a server's name; `kind` is a file system or its class."""
    return dict(kind._get_kwargs_from_urls(url))


def path_in(url: str, kind: Any) -> str:
    """What a kind of store calls the place."""
    return str(kind._strip_protocol(url))


def is_folder(url: str) -> bool:
    """Whether it is a folder rather than a file.

    Raises:
        InputError: if there is neither.
        UsageError, StoreUnusable: as `open_store`.
    """
    store, path = open_store(url)
    with store_errors_explained(url, "read"):
        store.invalidate_cache()
        return bool(store.info(path)["type"] == "directory")


def entries(url: str, recursive: bool) -> Iterator[tuple[str, str | None]]:
    """Name within the folder and fingerprint of every file; None in place of a fingerprint for a subfolder, which are
    only there if not recursive.

    Raises:
        InputError: if the folder cannot be read.
        UsageError, StoreUnusable: as `open_store`.
    """
    store, path = open_store(url)
    with store_errors_explained(url, "read"):
        store.invalidate_cache()
        found = list(store.find(path, detail=True).values()) if recursive else store.ls(path, detail=True)
    prefix = path.strip("/") + "/"
    for info in found:
        name = str(info["name"]).lstrip("/").removeprefix(prefix)
        if info["type"] == "directory":
            if name.strip("/"):
                yield name.rstrip("/"), None
        elif name and not name.endswith("/"):  # some programs mark folders by empty files with such names
            yield name, fingerprint_of(info)


def fingerprint(folder: str, name: str) -> str:
    """Changes when the file does.

    Raises:
        InputError: if it is not there.
        UsageError, StoreUnusable: as `open_store`.
    """
    store, path = open_store(folder)
    with store_errors_explained(f"{folder}/{name}", "read"):
        return fingerprint_of(store.info(f"{path}/{name}"))


def fingerprint_of(info: Mapping[str, Any]) -> str:
    """Size and checksum where the store tells one, size and time elsewhere."""
    for key in (*CHECKSUMS, *TIMES):
        if mark := info.get(key):
            if isinstance(mark, datetime):
                mark = mark.timestamp()  # some stores tell the same time in either way
            return f"{info.get('size')}-{str(mark).strip(QUOTES)}"
    return str(info.get("size"))


def files_in(url: str) -> set[str]:
    """The names of all files in a folder and its subfolders; none if there is no such folder yet.

    Raises:
        UsageError, StoreUnusable: as `open_store`.
    """
    try:
        return {name for name, _ in entries(url, recursive=True)}
    except InputError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return set()
        raise StoreUnusable(str(error)) from error


def read(folder: str, name: str) -> bytes:
    """The whole file.

    Raises:
        InputError: if it cannot be read.
        UsageError, StoreUnusable: as `open_store`.
    """
    store, path = open_store(folder)
    with store_errors_explained(f"{folder}/{name}", "read"):
        return bytes(store.cat_file(f"{path}/{name}"))


def write(folder: str, name: str, data: bytes, *, overwrite: bool) -> None:
    """Write a file that is complete as soon as it is there.

    Raises:
        OutputExists: if it is there already and `overwrite` is False.
        OutputError: if it cannot be written.
        UsageError, StoreUnusable: as `open_store`.
    """
    scheme = folder.partition("://")[0]
    store, base = open_store(folder)
    path = f"{base}/{name}"
    with store_errors_explained(f"{folder}/{name}", "write"):
        if scheme in CONDITIONAL_PUTS:
            store.pipe_file(path, data, mode="overwrite" if overwrite else "create")
            return
        if not overwrite and store.exists(path):
            raise FileExistsError(path)
        if scheme in WHOLE_PUTS:
            store.pipe_file(path, data)
        else:
            write_and_move(store, path, data)


def write_and_move(store: Any, path: str, data: bytes) -> None:
    """For stores that behave like disks: a file grows while it is written."""
    parent = path.rpartition("/")[0]
    temporary = f"{parent}/.deblur-{secrets.token_hex(6)}"
    store.makedirs(parent, exist_ok=True)
    try:
        store.pipe_file(temporary, data)
        try:
            store.mv(temporary, path)
        except Exception:
            if not store.exists(path):
                raise
            store.rm_file(path)  # some servers do not move onto a file that is there
            store.mv(temporary, path)
    except BaseException:
        with contextlib.suppress(Exception):
            store.rm_file(temporary)
        raise
