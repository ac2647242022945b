"""What waits, what runs and what failed, counted for a person who asks how things are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute, Session

from sen4cap_core.clock import utc_now
from sen4cap_core.db import backlog
from sen4cap_core.db.models import Job, SceneRow, Upload
from sen4cap_core.db.session import make_engine, session_scope

logger = logging.getLogger(__name__)

LAST_FAILURES = 5


def summary(engine: Engine) -> dict[str, Any]:
    """Count uploads, jobs and scenes by state.

    Returns
    -------
    dict
        ``uploads``, ``scenes``: state -> count; ``jobs``: kind -> state -> count;
        ``oldest_waiting_seconds``: age of the job that has been due longest, None when none is due;
        ``failures``: the last few failed jobs and rejected uploads, newest first, each with ``what``,
        ``site``, ``at`` (UTC) and ``why`` (first line of the error).
    """
    with session_scope(engine) as session:
        return {
            "uploads": _by_state(session, Upload.state),
            "scenes": _by_state(session, SceneRow.state),
            "jobs": backlog.counts(session),
            "oldest_waiting_seconds": _oldest_waiting_seconds(session),
            "failures": _failures(session),
        }


def summary_at(url: str) -> dict[str, Any] | None:
    """Return ``summary`` of the database at a URL; None while it is away or has no tables yet."""
    engine = make_engine(url, pool_size=1)
    try:
        return summary(engine)
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


def _failures(session: Session) -> list[dict[str, Any]]:
    jobs = session.scalars(
        select(Job).where(Job.state == "failed").order_by(Job.finished_at.desc()).limit(LAST_FAILURES)
    )
    uploads = session.scalars(
        select(Upload)
        .where(Upload.state == "rejected")
        .order_by(func.coalesce(Upload.received_at, Upload.registered_at).desc())
        .limit(LAST_FAILURES)
    )
    found: list[dict[str, Any]] = [
        {
            "what": f"{job.kind} {job.key}",
            "site": job.site_slug,
            "at": job.finished_at or job.created_at,
            "why": _first_line(job.error),
        }
        for job in jobs
    ] + [
        {
            "what": f"upload {upload.path}",
            "site": upload.site_slug,
            "at": upload.received_at or upload.registered_at,
            "why": _first_line(upload.error),
        }
        for upload in uploads
    ]
    return sorted(found, key=lambda failure: failure["at"], reverse=True)[:LAST_FAILURES]


def _first_line(text: str | None) -> str:
    lines: Sequence[str] = (text or "").strip().splitlines()
    return lines[0] if lines else "no reason recorded"
