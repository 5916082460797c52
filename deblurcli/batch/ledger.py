"""The records of a run, written as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deblurcli.batch.choice import output_name, recorded_name
from deblurcli.batch.manifest import STARTED, Manifest, Record
from deblurcli.batch.outputs import OutputLost
from deblurcli.batch.plan import Job
from deblurcli.batch.run import Outcome, Status
from deblurcli.display import display_name


@dataclass(frozen=True)
class Ledger:
    """Where to write what becomes of jobs.

    Attributes:
        manifests: by root; jobs without a root are not recorded.
        settings: of this run.
    """

    manifests: Mapping[Path, Manifest]
    settings: str

    def started(self, job: Job, fingerprint: str) -> None:
        """Before a result is written: should the run be killed between that and the record, it is known as ours.

        Raises:
            OutputLost: if the record cannot be written.
        """
        self.write(Outcome(job, Status.NOT_DONE, fingerprint=fingerprint), STARTED)

    def ended(self, outcome: Outcome) -> None:
        """When a job is done or has failed.

        Raises:
            OutputLost: if the record cannot be written.
        """
        if outcome.status in (Status.DONE, Status.GUARDED, Status.FAILED):
            self.write(outcome, outcome.status.value)

    def write(self, outcome: Outcome, status: str) -> None:
        job = outcome.job
        if job.root is None:
            return
        width, height = outcome.size or (None, None)
        record = Record(
            input=recorded_name(job.source),
            fingerprint=outcome.fingerprint,
            settings=self.settings,
            output=output_name(job),
            status=status,
            seconds=round(outcome.seconds, 3),
            width=width,
            height=height,
            error=str(outcome.error) if outcome.error else None,
            notes=outcome.notes,
        )
        manifest = self.manifests[job.root]
        try:
            manifest.append(record)
        except OSError as error:
            raise OutputLost(f"{display_name(manifest.path)}: {error.strerror or error}") from error
