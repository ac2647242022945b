"""Planned runs: entered once per season, processor and day, followed until their job has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Job, PlannedRun

WAITING, ASKED, DONE, SKIPPED, FAILED, FOLDED, WITHDRAWN = (
    "waiting", "asked", "done", "skipped", "failed", "folded", "withdrawn",
)  # fmt: skip


@dataclass(frozen=True)
class JobState:
    """How the job of a planned run stands."""

    state: str
    error: str | None
    finished_at: datetime | None


def plans_of(session: Session, season_id: int, processor: str | None = None) -> list[PlannedRun]:
    """Return the planned runs of a season, by processor and day."""
    query = (
        select(PlannedRun)
        .where(PlannedRun.season_id == season_id)
        .order_by(PlannedRun.processor, PlannedRun.due_on)
    )
    if processor is not None:
        query = query.where(PlannedRun.processor == processor)
    return list(session.scalars(query))


def enter_plan(session: Session, season_id: int, processor: str, due_on: date, covers_from: date) -> bool:
    """Plan a run once; False when it is known."""
    created = session.execute(
        insert(PlannedRun)
        .values(
            season_id=season_id, processor=processor, due_on=due_on, covers_from=covers_from, state=WAITING
        )
        .on_conflict_do_nothing(index_elements=["season_id", "processor", "due_on"])
        .returning(PlannedRun.id)
    ).scalar_one_or_none()
    return created is not None


def job_state(session: Session, key: str) -> JobState | None:
    """Return how a job stands, None where there is none of this key."""
    row = session.execute(select(Job.state, Job.error, Job.finished_at).where(Job.key == key)).first()
    return None if row is None else JobState(row.state, row.error, row.finished_at)
