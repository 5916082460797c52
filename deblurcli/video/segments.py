"""Finished groups of pictures, kept as files of their own until all are there.

Each is written by an encoder of its own, which knows nothing of the others, so a run that goes on after it was stopped
makes the very packets that it would have made undisturbed. They are files that libav reads, most of them NUT.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from deblurcli.atomic import sync_folder, try_lock
from deblurcli.display import display_name
from deblurcli.errors import OutputError

_SETTINGS, _LOCK = "settings.json", "lock"


@dataclass(frozen=True)
class Segment:
    """A finished group of pictures.

    Attributes:
        path: of its packets.
        times: of its frames, in order of presentation, in the clip's time base.
        depth: by how many places a packet comes before its turn to be shown, at most.
        last: a digest of the last source frame, by which a later run knows that it stands in the same place.
        kept: of every frame, the share where the network failed.
        changed: of every frame, whether it was restored.
    """

    path: Path
    times: tuple[int, ...]
    depth: int
    last: str
    kept: tuple[float, ...]
    changed: tuple[bool, ...]


class Workplace:
    """The folder beside a result where its segments wait.

    Args:
        target: the result.
        settings: of what the segments depend on; those made with others are thrown away.
        resume: keep the finished segments of an earlier run.

    Raises:
        OutputError: if it cannot be made, or another run is at work in it.
    """

    def __init__(self, target: Path, settings: dict[str, Any], *, resume: bool) -> None:
        self.folder = folder_of(target)
        self.name = display_name(target)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            os.set_inheritable(self._lock, False)
            if not try_lock(self._lock) and os.name != "nt":
                os.close(self._lock)
                raise OutputError(f"{self.name}: another run is making it; wait for it")
            self.dropped = not resume or self._settings() != settings
            self.resumed = self._finished() if not self.dropped else []
            keep = {_LOCK, *(one.path.name for one in self.resumed), *(_record(one.path).name for one in self.resumed)}
            for path in self.folder.iterdir():
                if path.name not in keep:
                    path.unlink()
            self._write(self.folder / _SETTINGS, json.dumps(settings, sort_keys=True))
        except OSError as problem:
            raise OutputError(f"{self.name}: cannot be written ({problem.strerror}); choose another --output") from None

    def path_of(self, number: int) -> Path:
        return self.folder / f"{number:06}.segment"

    def finish(self, temporary: Path, segment: Segment) -> None:
        """Give a segment its name, its record first: a record without a segment counts for nothing."""
        record = {
            "times": segment.times,
            "depth": segment.depth,
            "last": segment.last,
            "kept": segment.kept,
            "changed": segment.changed,
        }
        self._write(_record(segment.path), json.dumps(record))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(segment.path)
        sync_folder(self.folder)

    def close(self, *, remove: bool) -> None:
        """Leave it, for a later run, or for good."""
        os.close(self._lock)
        if remove or not any(self.folder.glob("*.segment")):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, path: Path, text: str) -> None:
        temporary = path.with_suffix(".part")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def _settings(self) -> Any:
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.folder / _SETTINGS).read_text(encoding="utf-8"))
        return None

    def _finished(self) -> list[Segment]:
        """The segments from the first on without a gap."""
        found: list[Segment] = []
        while (path := self.path_of(len(found))).is_file():
            try:
                record = json.loads(_record(path).read_text(encoding="utf-8"))
                found.append(
                    Segment(
                        path,
                        tuple(record["times"]),
                        record["depth"],
                        record["last"],
                        tuple(record["kept"]),
                        tuple(record["changed"]),
                    )
                )
            except (OSError, ValueError, KeyError, TypeError):
                break
        return found


def folder_of(target: Path) -> Path:
    """Where the segments of a result wait: hidden, beside it."""
    return target.with_name(f".deblur-{target.name}.parts")


def packets_of(segment: Segment) -> Iterator[av.Packet[Any]]:
    """The packets of a segment in the order of decoding, with the presentation times of its frames."""
    with av.open(str(segment.path)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
    order = sorted(range(len(packets)), key=lambda at: packets[at].pts or 0)
    for time, at in zip(segment.times, order, strict=True):
        packets[at].pts = time
    yield from packets


def _record(path: Path) -> Path:
    return path.with_suffix(".json")
