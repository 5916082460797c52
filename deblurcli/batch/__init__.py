"""One photo, several or a whole folder: which files become which, and getting through them all."""

from deblurcli.batch.plan import Job, make_plan, plan_jobs
from deblurcli.batch.run import Options, Outcome, Status

__all__ = ["Job", "Options", "Outcome", "Status", "make_plan", "plan_jobs"]
