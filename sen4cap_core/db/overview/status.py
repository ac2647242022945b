"""What waits, what runs and what failed, counted for a person who asks how things are."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute, Session

from sen4cap_core.clock import utc_now
from sen4cap_core.db.models import Job, SceneRow, Upload
from sen4cap_core.db.server.session import make_engine, session_scope
from sen4cap_core.db.work import backlog
from sen4cap_core.db.work.receipt_warnings import OF_LATE, warned_uploads
from sen4cap_core.db.work.rejections import open_rejections, whole_reason

logger = logging.getLogger(__name__)

LAST_FAILURES = 5


def summary(engine: Engine, limit: int | None = LAST_FAILURES) -> dict[str, Any]:
    """Count uploads, jobs and scenes by state.

    Parameters
    ----------
    limit : so many failures, as many rejections and as many uploads with warnings are told; None for all,
        and for warnings of any age

    Returns
    -------
    dict
        ``uploads``, ``scenes``: state -> count; ``jobs``: kind -> state -> count;
        ``oldest_waiting_seconds``: age of the job that has been due longest, None when none is due;
        ``failures``: the last failed jobs, newest first, each with ``what``, ``site``, ``at`` (UTC) and
        ``why`` (the whole error, of several lines); ``n_failures``: how many there are in all;
        ``rejections``, ``n_rejections``: the same of rejected uploads that are not settled, with
        ``path``, ``kind`` and ``is_other_kind`` (what it holds is of another);
        ``warned``, ``n_warned``: accepted uploads of late whose receipts have warnings
        (``receipt_warnings``), with ``path``, ``kind``, ``site``, ``at``, ``why`` (the first warning) and
        ``n_warnings``; ``warned_days``: of how many days, None for any.
    """
    with session_scope(engine) as session:
        return {
            "uploads": _by_state(session, Upload.state),
            "scenes": _by_state(session, SceneRow.state),
            "jobs": backlog.counts(session),
            "oldest_waiting_seconds": _oldest_waiting_seconds(session),
            **_failures(session, limit),
            **_warned(session, limit),
        }


def summary_at(url: str, limit: int | None = LAST_FAILURES) -> dict[str, Any] | None:
    """Return ``summary`` of the database at a URL; None while it is away or has no tables yet."""
    engine = make_engine(url, pool_size=1)
    try:
        return summary(engine, limit)
    except DBAPIError as error:
        logger.warning("no summary of the work: %s", error.orig)
        return None
    finally:
        engine.dispose()


def _by_state(session: Session, column: InstrumentedAttribute[str]) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).group_by(column).order_by(column))
    return dict(rows.tuples().all())


def _oldest_waiting_seconds(session: Session) -> float | None:
    due = select(func.min(Job.not_before)).where(Job.state == "waiting", Job.not_before <= func.now())
    oldest = session.scalar(due)
    return None if oldest is None else (utc_now() - oldest).total_seconds()


def _failures(session: Session, limit: int | None) -> dict[str, Any]:
    n_failed = session.scalar(select(func.count()).where(Job.state == "failed"))
    jobs = session.scalars(
        select(Job).where(Job.state == "failed").order_by(Job.finished_at.desc()).limit(limit)
    )
    failures = [
        {
            "what": f"{job.kind} {job.key}",
            "site": job.site_slug,
            "at": job.finished_at or job.created_at,
            "why": whole_reason(job.error),
        }
        for job in jobs
    ]
    rejected = open_rejections(session)
    rejections = [
        {
            "path": one.path,
            "kind": one.kind,
            "is_other_kind": one.is_other_kind,
            "site": one.site_slug,
            "at": one.at,
            "why": one.why,
        }
        for one in rejected[:limit]
    ]
    return {
        "failures": failures,
        "n_failures": n_failed,
        "rejections": rejections,
        "n_rejections": len(rejected),
    }


def _warned(session: Session, limit: int | None) -> dict[str, Any]:
    of_late = None if limit is None else OF_LATE
    warned = warned_uploads(session, of_late=of_late)
    return {
        "warned": [
            {
                "path": one.path,
                "kind": one.kind,
                "site": one.site_slug,
                "at": one.at,
                "why": one.first,
                "n_warnings": one.n_warnings,
            }
            for one in warned[:limit]
        ],
        "n_warned": len(warned),
        "warned_days": None if of_late is None else of_late.days,
    }
