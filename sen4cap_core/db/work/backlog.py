"""What waits in the job table and who may begin: questions only, nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from sen4cap_core.db.models import Job, Upload
from sen4cap_core.db.work.jobs import is_expired, is_ready


@dataclass(frozen=True)
class OpenUpload:
    """An upload whose work is waiting or under way."""

    key: str
    site_slug: str
    state: str
    path: str


def open_uploads(session: Session, kind: str) -> list[OpenUpload]:
    """Return the uploads of the waiting and running jobs of a kind, in the order they were asked for."""
    query = (
        select(Job.key, Job.site_slug, Job.state, Upload.path)
        .join(Upload, Upload.id == Job.payload["upload_id"].as_integer())
        .where(Job.kind == kind, Job.state.in_(("waiting", "running")))
        .order_by(Job.id)
    )
    return [OpenUpload(*row) for row in session.execute(query)]


def counts(session: Session, site_slug: str | None = None) -> dict[str, dict[str, int]]:
    """Count jobs by kind and state: ``{"process-scene": {"waiting": 3, "done": 30}}``."""
    query = select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)
    if site_slug is not None:
        query = query.where(Job.site_slug == site_slug)
    table: dict[str, dict[str, int]] = {}
    for kind, state, number in session.execute(query.order_by(Job.kind, Job.state)):
        table.setdefault(kind, {})[state] = number
    return table


def pending(session: Session, kinds: Sequence[str], site_slug: str | None = None) -> int:
    """Count jobs that have not ended: waiting (whenever they are due) or running."""
    query = select(func.count()).where(Job.kind.in_(kinds), Job.state.in_(("waiting", "running")))
    if site_slug is not None:
        query = query.where(Job.site_slug == site_slug)
    return session.execute(query).scalar_one()


def due(session: Session, kinds: Sequence[str]) -> int:
    """Count jobs that ``claim`` would give out now."""
    query = select(func.count()).where(Job.kind.in_(kinds), or_(is_ready(), is_expired()))
    return session.execute(query).scalar_one()


def quiet_sites(
    session: Session, kind: str, blockers: Sequence[str], longest_wait_seconds: float
) -> list[str]:
    """Return the sites whose due jobs of a kind may be done now, the longest waiting first.

    A site with open jobs of the kinds ``blockers`` has to wait for them, but not longer than this.
    """
    blocker = aliased(Job)
    open_blockers = (
        select(blocker.id)
        .where(
            blocker.site_slug == Job.site_slug,
            blocker.kind.in_(blockers),
            blocker.state.in_(("waiting", "running")),
        )
        .exists()
    )
    waited = Job.not_before < func.statement_timestamp() - timedelta(seconds=longest_wait_seconds)
    query = (
        select(Job.site_slug, func.min(Job.not_before))
        .where(Job.kind == kind, or_(is_ready(), is_expired()), or_(~open_blockers, waited))
        .group_by(Job.site_slug)
        .order_by(func.min(Job.not_before), Job.site_slug)
    )
    return [row[0] for row in session.execute(query)]


def unattended(session: Session, kind: str) -> int:
    """Count due jobs of a kind, 0 while somebody works on one of them: who works takes the next one too."""
    waiting = due(session, [kind])
    if not waiting:
        return 0
    at_work = and_(Job.kind == kind, Job.state == "running", Job.lease_until >= func.statement_timestamp())
    return 0 if session.execute(select(Job.id).where(at_work).limit(1)).first() is not None else waiting
