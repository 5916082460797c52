"""One photo, several or a whole folder: which files become which, and getting through them all."""

from deblurcli.batch.plan import Job, plan_jobs
from deblurcli.batch.run import Outcome, Status, run_jobs

__all__ = ["Job", "Outcome", "Status", "plan_jobs", "run_jobs"]
