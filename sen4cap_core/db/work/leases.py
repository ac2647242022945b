"""Who holds which job: to tell a busy worker from a dead one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Job


@dataclass(frozen=True)
class RunningJob:
    """A job somebody says to be working on."""

    id: int
    kind: str
    owner: str
    flow_run_id: str | None


def running_jobs(session: Session) -> list[RunningJob]:
    """Return all jobs that are being worked on."""
    query = select(Job.id, Job.kind, Job.lease_owner, Job.flow_run_id).where(
        Job.state == "running", Job.lease_owner.is_not(None)
    )
    return [RunningJob(row.id, row.kind, row.lease_owner, row.flow_run_id) for row in session.execute(query)]


def note_flow_run(session: Session, job_id: int, owner: str, flow_run_id: str) -> None:
    """Say which flow run does a job, so that it can be marked as crashed should its process die."""
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.lease_owner == owner, Job.state == "running")
        .values(flow_run_id=flow_run_id)
    )


def expire_owned(session: Session, owner: str) -> None:
    """End the leases of an owner that is known to be dead: its jobs can be claimed at once.

    The try counts, so that a job that kills its worker each time fails in the end.
    """
    session.execute(
        update(Job)
        .where(Job.lease_owner == owner, Job.state == "running")
        .values(lease_until=func.statement_timestamp() - timedelta(seconds=1))
        .execution_options(synchronize_session=False)
    )
