"""Ask for crop types at the end of each month, and where that was missed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sen4cap_core.clock import utc_now
from sen4cap_core.db import gaps
from sen4cap_core.db import sites as site_rows
from sen4cap_core.db.crop_types import seasons_due
from sen4cap_core.db.models import Season
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.work import CLASSIFY_CROPS, ask_crop_types, work_key

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ASKED_AT = (1, 2, 30)
"""Day of the month, hour and minute (UTC) at which the schedule asks; prefect.yaml says the same."""


def last_month_end(now: datetime) -> datetime:
    """Return the last moment the schedule asked, or ought to have."""
    day, hour, minute = ASKED_AT
    moment = now.replace(day=day, hour=hour, minute=minute, second=0, microsecond=0)
    if moment <= now:
        return moment
    year, month = (now.year, now.month - 1) if now.month > 1 else (now.year - 1, 12)
    return moment.replace(year=year, month=month)


def ask_due_crop_types(context: Context) -> int:
    """Ask for every season between its middle and two months after its end; return how many there are."""
    with context.session() as session:
        due = seasons_due(session, utc_now().date())
        for season_id in due:
            season = session.get_one(Season, season_id)
            ask_crop_types(session, site_rows.site_by_id(session, season.site_id).slug, season_id)
    return len(due)


def ask_missed_crop_types(session: Session, failed: set[str]) -> int:
    """Ask for the seasons the last month's end passed by (the server was down, a job was lost).

    Parameters
    ----------
    failed : keys of jobs that failed for good and wait for a person.
    """
    asked = 0
    for season_id, slug in gaps.crop_types_not_told(session, last_month_end(utc_now())):
        if work_key(CLASSIFY_CROPS, season_id) not in failed:
            asked += ask_crop_types(session, slug, season_id)
    return asked
