"""The records of runs: where they are, and what a run adds to them as it goes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deblurcli.cache import cache_folder
from deblurcli.display import display_name
from deblurcli.errors import InputError
from deblurcli.jobs.manifest import NAME, STARTED, Manifest, Record
from deblurcli.jobs.outputs import OutputLost
from deblurcli.jobs.stores.place import Place, absolute
from deblurcli.jobs.task import Result, Status, Task


def open_manifests(tasks: Sequence[Task], shard: str = "", path: Path | None = None) -> dict[Place, Manifest]:
    """The records of earlier runs into each folder of results, and room for those of this run.

    They are kept in the folder if it is local, and else in the user's cache. Shards that run at once write a file each,
    and read them all.

    Args:
        tasks: with their roots.
        shard: such as "1-of-3", in the names of files.
        path: of the file, if the user wants another.

    Raises:
        InputError: if a file cannot be read.
        OutputError: if the cache cannot be used.
    """
    manifests = {}
    for root in dict.fromkeys(task.root for task in tasks if task.root is not None):
        others: list[Path] = []
        if path is not None:
            own = path.absolute()
        elif isinstance(root, Path):
            own = root / (NAME + (f"-{shard}" if shard else "") + ".jsonl")
            others = [other for other in sorted(root.glob(NAME + "*.jsonl")) if other != own]
        else:
            own = cache_folder("manifests") / f"{hashlib.sha256(str(root).encode()).hexdigest()[:32]}.jsonl"
        try:
            manifests[root] = Manifest(own, others)
        except OSError as error:
            raise InputError(
                f"{display_name(error.filename or own)}: the records of earlier runs cannot be read "
                f"({error.strerror}); repair or remove this file"
            ) from None
    return manifests


def recorded_output(task: Task, manifest: Manifest) -> str:
    """How a task's target is called in a manifest: relative to its folder where it is inside."""
    assert isinstance(task.target, Place)
    target = absolute(task.target)
    if isinstance(task.target, Path):
        folder = Path(absolute(manifest.path)).parent
        if Path(target).is_relative_to(folder):
            return Path(target).relative_to(folder).as_posix()
    return target


@dataclass(frozen=True)
class Records:
    """Where to write what becomes of tasks.

    Attributes:
        manifests: by root; tasks whose root is not among them are not recorded.
        settings: of this run.
    """

    manifests: Mapping[Place, Manifest] = field(default_factory=dict)
    settings: str = ""

    @contextmanager
    def kept(self) -> Iterator[None]:
        """The files are closed, and on the disk, when this ends."""
        with ExitStack() as stack:
            for manifest in self.manifests.values():
                stack.enter_context(manifest)
            yield

    def started(self, task: Task, fingerprint: str) -> None:
        """Before a result is written: should the run be killed between that and the record, it is known as ours.

        Raises:
            OutputLost: if the record cannot be written.
        """
        self.write(Result(task, Status.NOT_DONE, fingerprint=fingerprint), STARTED)

    def ended(self, result: Result) -> None:
        """When a task is done or has failed.

        Raises:
            OutputLost: if the record cannot be written.
        """
        if result.status in (Status.DONE, Status.GUARDED, Status.FAILED):
            self.write(result, result.status.value)

    def write(self, result: Result, status: str) -> None:
        task = result.task
        manifest = self.manifests.get(task.root) if task.root is not None else None
        if manifest is None:
            return
        width, height = result.size or (None, None)
        record = Record(
            input=absolute(task.source),
            fingerprint=result.fingerprint,
            settings=self.settings,
            output=recorded_output(task, manifest),
            status=status,
            seconds=round(result.seconds, 3),
            width=width,
            height=height,
            error=str(result.error) if result.error else None,
            notes=result.notes,
        )
        try:
            manifest.append(record)
        except OSError as error:
            raise OutputLost(f"{display_name(manifest.path)}: {error.strerror or error}") from error
