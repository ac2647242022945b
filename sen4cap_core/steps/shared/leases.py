"""Leases of this machine's processes: kept alive while a job runs, taken back when a process is gone."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil

from sen4cap_core.db.work import jobs
from sen4cap_core.db.work.jobs import ClaimedJob
from sen4cap_core.db.work.leases import RunningJob, expire_owned, running_jobs
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

logger = logging.getLogger(__name__)

CLOCK_STEP_SECONDS = 300.0


def new_owner() -> str:
    """Return a name for a claimer that tells its machine, process and the process's start."""
    process = psutil.Process()
    return f"{socket.gethostname()}|{process.pid}|{process.create_time():.2f}|{uuid4().hex[:8]}"


def is_gone(owner: str) -> bool:
    """Whether an owner was a process of this machine that no longer runs.

    Owners on other machines are left to their leases.
    """
    parts = owner.split("|")
    if len(parts) != 4 or parts[0] != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(parts[1]))
        # The start is told from the time of boot, which a step of the clock moves.
        is_another = abs(process.create_time() - float(parts[2])) > CLOCK_STEP_SECONDS
        return is_another or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def owners_in(session: Session, pid: int) -> list[str]:
    """Return the owners of running jobs that are one process of this machine."""
    beginning = f"{socket.gethostname()}|{pid}|"
    return sorted({job.owner for job in running_jobs(session) if job.owner.startswith(beginning)})


def claim_next(
    context: Context,
    kinds: Sequence[str],
    owner: str,
    *,
    site_slug: str | None = None,
    key: str | None = None,
) -> ClaimedJob | None:
    """Claim the job that is due next, of one site or of all; or the one of a key, where it is due."""
    settings = context.settings
    with context.session() as session:
        claimed = jobs.claim(
            session,
            kinds,
            owner,
            settings.lease_seconds,
            max_attempts=settings.max_attempts,
            site_slug=site_slug,
            key=key,
            flow_run_id=context.flow_run_id,
        )
    return claimed[0] if claimed else None


def take_back_orphans(context: Context) -> list[RunningJob]:
    """Let the jobs of dead processes of this machine wait again, at once; return what they were.

    The caller marks their flow runs as crashed.
    """
    with context.session() as session:
        orphans = [job for job in running_jobs(session) if is_gone(job.owner)]
        for owner in sorted({job.owner for job in orphans}):
            expire_owned(session, owner)
    for job in orphans:
        logger.warning(
            "job %s (%s) was left by a dead process %s: taken up again", job.id, job.kind, job.owner
        )
    return orphans


@contextmanager
def keep_leases(context: Context, work: Sequence[ClaimedJob]) -> Iterator[None]:
    """Renew the leases of some jobs in the background until the block ends."""
    stop = threading.Event()
    seconds = context.settings.lease_seconds

    def renew() -> None:
        held = list(work)
        while held and not stop.wait(seconds / 4):
            try:
                with context.session() as session:
                    lost = [job for job in held if not jobs.renew(session, job.id, job.owner, seconds)]
            except Exception:
                # The database may be away for a while; a lease outlives three missed renewals.
                logger.warning("leases not renewed (pid %s)", os.getpid(), exc_info=True)
                continue
            for job in lost:
                logger.warning("job %s is no longer ours", job.id)
                held.remove(job)

    thread = threading.Thread(target=renew, name=f"lease-{work[0].id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)
