"""The job queue: work that is to be done once per key, whatever happens to events and workers.

A job is *waiting* until somebody claims it, *running* while its owner renews the lease, and ends as *done*,
*skipped* (nothing to do, with the reason) or *failed*. Only the owner of a running job may change it. A lease
that runs out makes the job claimable again, so a killed worker loses nothing. All times are the database's;
``statement_timestamp()`` and not ``now()``, because a lease renewed inside a long transaction must count from
the renewal and not from the transaction's start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Job, Json

Outcome = Literal["new", "again", "dirty", "known"]

DEFAULT_MAX_ATTEMPTS = 4


@dataclass(frozen=True)
class ClaimedJob:
    """A job this owner may work on until its lease runs out."""

    id: int
    kind: str
    key: str
    site_slug: str
    payload: Json
    priority: int
    attempts: int
    """Which try this is; the first is 1."""
    owner: str
    left_run: str | None = None
    """Flow run of a worker whose lease ran out: nobody on its host, which may be lost, will end it."""


def enqueue(
    session: Session,
    kind: str,
    key: str,
    site_slug: str,
    payload: Json,
    priority: int = 0,
    delay_seconds: float = 0.0,
    *,
    again: bool = False,
) -> Outcome:
    """Ask for work, once per ``key``.

    Returns
    -------
    Outcome
        ``new``: the key was not known. ``known``: it was, and nothing changes. With ``again=True`` a job that
        has ended waits once more with a fresh count of attempts (``again``), and one that is running is
        marked so that it waits again when it ends (``dirty``). A job that is waiting already stays
        (``known``); with ``again`` it takes the new payload, the higher priority and the earlier time.
    """
    due = func.statement_timestamp() + timedelta(seconds=delay_seconds)
    created = session.execute(
        insert(Job)
        .values(
            kind=kind,
            key=key,
            site_slug=site_slug,
            payload=payload,
            state="waiting",
            priority=priority,
            attempts=0,
            dirty=False,
            not_before=due,
        )
        .on_conflict_do_nothing(index_elements=[Job.key])
        .returning(Job.id)
    ).scalar_one_or_none()
    if created is not None:
        return "new"
    if not again:
        return "known"
    state = session.execute(select(Job.state).where(Job.key == key).with_for_update()).scalar_one()
    changes: dict[str, Any] = {"payload": payload}
    outcome: Outcome
    if state == "running":
        changes |= {"dirty": True}
        outcome = "dirty"
    elif state == "waiting":
        changes |= {
            "priority": func.greatest(Job.priority, priority),
            "not_before": func.least(Job.not_before, due),
        }
        outcome = "known"
    else:
        changes |= _fresh() | {"priority": priority, "not_before": due}
        outcome = "again"
    session.execute(_update().where(Job.key == key).values(**changes))
    return outcome


def claim(
    session: Session,
    kinds: Sequence[str],
    owner: str,
    lease_seconds: float,
    limit: int = 1,
    *,
    max_attempts: int = DEFAULT_MAX_ATTEMPTS,
    site_slug: str | None = None,
    key: str | None = None,
    flow_run_id: str | None = None,
    only_first_tries: bool = False,
) -> list[ClaimedJob]:
    """Take up to ``limit`` jobs that are due, highest priority first, then the oldest; or the one of a key.

    Due are waiting jobs whose time has come and running ones whose lease has run out (their worker died).
    A job whose worker died ``max_attempts`` times is failed instead and waits for a person. Commit soon: the
    claim is visible to others only then. Jobs another transaction is just claiming are passed over, not
    waited for.
    """
    of_kind: ColumnElement[bool] = Job.kind.in_(kinds)
    if site_slug is not None:
        of_kind = and_(of_kind, Job.site_slug == site_slug)
    if key is not None:
        of_kind = and_(of_kind, Job.key == key)
    if only_first_tries:
        of_kind = and_(of_kind, Job.attempts == 0)
    _bury(session, and_(of_kind, is_expired(), Job.attempts >= max_attempts), max_attempts)
    picked = (
        select(Job.id, case((Job.state == "running", Job.flow_run_id)).label("left_run"))
        .where(of_kind, _due(max_attempts))
        .order_by(Job.priority.desc(), Job.not_before, Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    rows = session.execute(
        _update()
        .where(Job.id == picked.c.id)
        .values(
            state="running",
            attempts=Job.attempts + 1,
            lease_owner=owner,
            lease_until=func.statement_timestamp() + timedelta(seconds=lease_seconds),
            flow_run_id=flow_run_id,
            finished_at=None,
        )
        .returning(
            Job.id,
            Job.kind,
            Job.key,
            Job.site_slug,
            Job.payload,
            Job.priority,
            Job.attempts,
            Job.not_before,
            picked.c.left_run,
        )
    ).all()
    rows = sorted(rows, key=lambda row: (-row.priority, row.not_before, row.id))
    return [
        ClaimedJob(
            row.id,
            row.kind,
            row.key,
            row.site_slug,
            row.payload,
            row.priority,
            row.attempts,
            owner,
            row.left_run,
        )
        for row in rows
    ]


def renew(session: Session, job_id: int, owner: str, lease_seconds: float) -> bool:
    """Prolong a lease. False when the job is no longer the owner's: stop working, somebody else has it."""
    until = func.statement_timestamp() + timedelta(seconds=lease_seconds)
    return _change(session, job_id, owner, lease_until=until)


def finish(session: Session, job_id: int, owner: str, *, flow_run_id: str | None = None) -> bool:
    """End a job as done.

    False when the lease was lost to somebody else, who does the work again: effects must bear that.
    A job that was asked for again meanwhile goes back to waiting.
    """
    return _end(session, job_id, owner, "done", None, flow_run_id)


def skip(session: Session, job_id: int, owner: str, reason: str, *, flow_run_id: str | None = None) -> bool:
    """End a job that had nothing to do, with the reason. False when the lease was lost."""
    return _end(session, job_id, owner, "skipped", reason, flow_run_id)


def fail(
    session: Session,
    job_id: int,
    owner: str,
    error: str,
    retry_in_seconds: float | None = None,
    *,
    max_attempts: int = DEFAULT_MAX_ATTEMPTS,
    flow_run_id: str | None = None,
) -> bool:
    """Say that a job went wrong: it is tried again later, or fails for good.

    It fails for good when ``retry_in_seconds`` is None or this was the last of ``max_attempts``; one that was
    asked for again meanwhile waits again in any case. False when the lease was lost.
    """
    if retry_in_seconds is None:
        return _end(session, job_id, owner, "failed", error, flow_run_id)
    retried = session.execute(
        _update()
        .where(_owned(job_id, owner), Job.attempts < max_attempts)
        .values(
            state="waiting",
            error=error,
            not_before=func.statement_timestamp() + timedelta(seconds=retry_in_seconds),
            lease_owner=None,
            lease_until=None,
            dirty=False,
            flow_run_id=func.coalesce(flow_run_id, Job.flow_run_id),
        )
        .returning(Job.id)
    ).scalar_one_or_none()
    return retried is not None or _end(session, job_id, owner, "failed", error, flow_run_id)


def release(session: Session, job_id: int, owner: str, delay_seconds: float = 0.0) -> bool:
    """Give a job back untouched (a clean stop): the try does not count. False when the lease was lost."""
    due = func.statement_timestamp() + timedelta(seconds=delay_seconds)
    return _change(session, job_id, owner, **_handed_back(), not_before=due)


def release_owned(session: Session, owner: str) -> list[str | None]:
    """Give back everything an owner holds, for one that stops or is known to be gone.

    Returns
    -------
    list
        The flow run of each job, None where it had not begun: somebody must say that it is over.
    """
    rows = session.execute(
        _update()
        .where(Job.state == "running", Job.lease_owner == owner)
        .values(**_handed_back())
        .returning(Job.flow_run_id)
    )
    return list(rows.scalars())


def retry_failed(session: Session, kinds: Sequence[str], site_slug: str | None = None) -> int:
    """Let failed jobs wait again with a fresh count of attempts. Return how many."""
    failed = _update().where(Job.state == "failed", Job.kind.in_(kinds))
    if site_slug is not None:
        failed = failed.where(Job.site_slug == site_slug)
    fresh = _fresh() | {"not_before": func.statement_timestamp()}
    return len(session.execute(failed.values(**fresh).returning(Job.id)).all())


def is_ready() -> ColumnElement[bool]:
    """Hold for jobs that wait and whose time has come."""
    return and_(Job.state == "waiting", Job.not_before <= func.statement_timestamp())


def is_expired() -> ColumnElement[bool]:
    """Hold for jobs whose lease has run out: their worker died."""
    return and_(Job.state == "running", Job.lease_until < func.statement_timestamp())


def _update() -> Any:
    # The identity map is not kept in step: rows are read anew after these statements, never through it.
    return update(Job).execution_options(synchronize_session=False)


def _due(max_attempts: int) -> ColumnElement[bool]:
    return or_(is_ready(), and_(is_expired(), Job.attempts < max_attempts))


def _owned(job_id: int, owner: str) -> ColumnElement[bool]:
    return and_(Job.id == job_id, Job.state == "running", Job.lease_owner == owner)


def _fresh() -> dict[str, Any]:
    return {
        "state": "waiting",
        "attempts": 0,
        "dirty": False,
        "error": None,
        "lease_owner": None,
        "lease_until": None,
        "finished_at": None,
    }


def _handed_back() -> dict[str, Any]:
    return {
        "state": "waiting",
        "attempts": func.greatest(Job.attempts - 1, 0),
        "dirty": False,
        "lease_owner": None,
        "lease_until": None,
    }


def _ended(state: str, error: str | ColumnElement[str] | None) -> dict[str, Any]:
    """Values of an ended job, or of one that was asked for again while it ran."""
    now = func.statement_timestamp()
    return {
        "state": case((Job.dirty, "waiting"), else_=state),
        "attempts": case((Job.dirty, 0), else_=Job.attempts),
        "not_before": case((Job.dirty, now), else_=Job.not_before),
        "finished_at": case((Job.dirty, None), else_=now),
        "error": error,
        "dirty": False,
        "lease_owner": None,
        "lease_until": None,
    }


def _end(
    session: Session, job_id: int, owner: str, state: str, error: str | None, flow_run_id: str | None
) -> bool:
    run = func.coalesce(flow_run_id, Job.flow_run_id)
    return _change(session, job_id, owner, **_ended(state, error), flow_run_id=run)


def _change(session: Session, job_id: int, owner: str, **values: Any) -> bool:
    changed = session.execute(_update().where(_owned(job_id, owner)).values(**values).returning(Job.id))
    return changed.scalar_one_or_none() is not None


def _bury(session: Session, lost: ColumnElement[bool], max_attempts: int) -> None:
    """Fail jobs whose worker died too often; others may be doing the same at this moment."""
    reason = func.concat(
        "its worker died or stopped answering ",
        Job.attempts,
        f" times (limit {max_attempts}); last owner: ",
        Job.lease_owner,
    )
    dead = select(Job.id).where(lost).with_for_update(skip_locked=True).cte("dead")
    session.execute(_update().where(Job.id == dead.c.id).values(**_ended("failed", reason)))
