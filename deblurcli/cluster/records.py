"""The manifest of a run over stores: where it is, and what is written to it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from deblurcli.batch.manifest import NAME, STARTED, Manifest, Record
from deblurcli.batch.run import Status
from deblurcli.cache import cache_folder
from deblurcli.cluster.stores import is_local
from deblurcli.cluster.tasks import Task, recorded_output
from deblurcli.cluster.worker import Result
from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError


def open_manifest(folder: str, path: Path | None) -> Manifest:
    """The records of earlier runs into a folder of results, and room for those of this run.

    Args:
        folder: of the results, as `place` gives it.
        path: of the manifest; by default in the folder if it is local, and else in the user's cache.

    Raises:
        InputError: if it cannot be read.
        OutputError: if the cache cannot be used.
    """
    others: list[Path] = []
    if path is None and is_local(folder):
        path = Path(folder, NAME + ".jsonl")
        others = [other for other in sorted(Path(folder).glob(NAME + "*.jsonl")) if other != path]
    elif path is None:
        path = cache_folder("manifests") / f"{hashlib.sha256(folder.encode()).hexdigest()[:32]}.jsonl"
    try:
        return Manifest(path.absolute(), others)
    except OSError as error:
        raise InputError(
            f"{display_name(error.filename or path)}: the records of earlier runs cannot be read ({error.strerror}); "
            "repair or remove this file"
        ) from None


def record_started(manifest: Manifest, settings: str, task: Task) -> None:
    """Before a task is given out: should the run be killed, its result is known as ours.

    Raises:
        OutputError: if the record cannot be written.
    """
    append_record(manifest, settings, Result(task, Status.NOT_DONE), STARTED)


def record_ended(manifest: Manifest, settings: str, result: Result) -> None:
    """When a task is done or has failed.

    Raises:
        OutputError: if the record cannot be written.
    """
    if result.status in (Status.DONE, Status.GUARDED, Status.FAILED):
        append_record(manifest, settings, result, result.status.value)


def append_record(manifest: Manifest, settings: str, result: Result, status: str) -> None:
    width, height = result.size or (None, None)
    record = Record(
        input=str(result.task.source),
        fingerprint=result.task.fingerprint,
        settings=settings,
        output=recorded_output(result.task.target, manifest.path),
        status=status,
        seconds=round(result.seconds, 3),
        width=width,
        height=height,
        error=result.error,
        notes=result.notes,
    )
    try:
        manifest.append(record)
    except OSError as error:
        raise OutputError(
            f"{display_name(manifest.path)}: cannot be written ({error.strerror}); free some space, or choose another "
            "place with --manifest"
        ) from None
