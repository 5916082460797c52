"""What a run has done, as JSON Lines in a file that survives whatever ends the run.

Plain strings throughout, so that inputs and outputs may be paths or URLs. A record is one write; the disk is asked to
keep it about once a second, because a lost last second only means work that is done again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from deblurcli.atomic import try_lock

NAME = ".deblur-manifest"
FINISHED = ("done", "guarded")
STARTED = "started"  # the result is about to be written
FSYNC_SECONDS = 1.0
_LONGEST_LINE = 1 << 20  # far above what names and messages come to


@dataclass(frozen=True)
class Record:
    """What became of one input.

    Attributes:
        input: its path or URL.
        fingerprint: changes when the input does: size and time of a file, the hash or ETag of a store.
        settings: see `Model.settings`.
        output: path or URL of the result; relative to the manifest's folder where it is inside.
        status: a `Status`'s value.
        seconds: from reading to writing.
        width, height: in pixels, if it was read.
        error: why it failed.
        notes: what the user should know about it.
    """

    input: str
    fingerprint: str
    settings: str
    output: str
    status: str
    seconds: float
    width: int | None
    height: int | None
    error: str | None
    notes: tuple[str, ...]


class Manifest:
    """The records of a folder of results. Nothing is created before the first `append`.

    Args:
        path: the file; each record is appended to it.
        others: more manifests to read, such as those of other shards; the newest record of an output counts.

    Raises:
        OSError: if a file that is there cannot be read; by `append`, if it cannot be written.
    """

    def __init__(self, path: Path, others: Sequence[Path] = ()) -> None:
        self.path = path
        self.files = (path, *others)
        # Output -> time, number of the file and offset of its newest record; there may be a million of them.
        self.places: dict[bytes, tuple[float, int, int]] = {}
        self.file: int | None = None
        self.torn = False
        self.synced = 0.0
        self.one_at_a_time = threading.Lock()
        for number, file in enumerate(self.files):
            if file.exists():
                for offset, entry in _entries(file):
                    self._note(entry, number, offset)

    def finished(self, input: str, fingerprint: str, settings: str, output: str) -> Record | None:
        """The newest record of this output, if it is of this very input and these settings and was a success."""
        record = self.last(output)
        if record is None or record.status not in FINISHED:
            return None
        same = (record.input, record.fingerprint, record.settings) == (input, fingerprint, settings)
        return record if same else None

    def last(self, output: str) -> Record | None:
        """The newest record of this output, whatever it says."""
        place = self.places.get(_key(output))
        if place is None:
            return None
        _, number, offset = place
        with self.files[number].open("rb") as file:
            file.seek(offset)
            entry = _parse(file.readline())
        return None if entry is None else _record(entry)

    def newest(self) -> Iterator[Record]:
        """The newest record of every output, in the order in which they were written."""
        for number, file in enumerate(self.files):
            if file.exists():
                for offset, entry in _entries(file):
                    if self.places[_key(entry["output"])][1:] == (number, offset):
                        yield _record(entry)

    def append(self, record: Record) -> None:
        """Add a record, in one write; from any thread."""
        with self.one_at_a_time:
            self._append(record)

    def _append(self, record: Record) -> None:
        if self.file is None:
            self.file = self._open()
        entry = {"time": round(time.time(), 3), **asdict(record)}
        line = (b"\n" if self.torn else b"") + json.dumps(entry).encode() + b"\n"
        written = os.write(self.file, line)
        self.torn = written < len(line)
        if self.torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # the disk took a part of it, and no more
        # Another run may append too, so that only the file knows where this record came to stand.
        self._note(entry, 0, os.lseek(self.file, 0, os.SEEK_CUR) - len(line.lstrip(b"\n")))
        if time.monotonic() - self.synced > FSYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Ask the disk to keep all records so far."""
        if self.file is not None:
            os.fsync(self.file)
            self.synced = time.monotonic()

    def close(self) -> None:
        if self.file is not None:
            try:
                self.sync()
            finally:
                os.close(self.file)
                self.file = None

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.close()
        except OSError:
            if error is None:
                raise

    def _open(self) -> int:
        """Open for appending, cutting off a torn last line unless another run is at work on the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        if _whole_lines(file) < os.fstat(file).st_size:
            if try_lock(file):
                os.ftruncate(file, _whole_lines(file))
            else:
                self.torn = True
        try_lock(file, shared=True)  # also turns the exclusive lock into one that others may share
        return file

    def _note(self, entry: dict[str, Any], number: int, offset: int) -> None:
        key = _key(entry["output"])
        if key not in self.places or self.places[key][0] <= entry["time"]:
            self.places[key] = (entry["time"], number, offset)


def _key(output: str) -> bytes:
    return hashlib.blake2b(output.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _whole_lines(file: int) -> int:
    """The bytes of an open file up to the end of its last whole line."""
    size = os.lseek(file, 0, os.SEEK_END)
    start = max(size - _LONGEST_LINE, 0)
    os.lseek(file, start, os.SEEK_SET)
    return start + os.read(file, size - start).rfind(b"\n") + 1


def _entries(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every record of a file with its offset; lines that are torn or strange are passed over."""
    offset = 0
    with file.open("rb") as lines:
        for line in lines:
            if entry := _parse(line):
                yield offset, entry
            offset += len(line)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and entry.keys() >= _FIELDS and isinstance(entry.get("time"), (int, float))
    return entry if whole and line.endswith(b"\n") else None


_FIELDS = {field.name for field in fields(Record)}


def _record(entry: dict[str, Any]) -> Record:
    return Record(**{**{name: entry[name] for name in _FIELDS}, "notes": tuple(entry["notes"])})
