"""What a season still writes, if it goes on as it went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sen4cap_core.db.models import Season
from sen4cap_core.db.overview import monitoring
from sen4cap_core.reports.pages.season_report import DiskNeed

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LATELY = timedelta(days=7)
"""Work of so long ago still says what a scene writes."""
PROCESS_SCENE = "process-scene"


def disk_need(session: Session, slug: str, season: Season, now: datetime) -> DiskNeed | None:
    """Return what the rest of a season writes: scenes and transfers at the size those before them had.

    None before the first scenes, and when none was processed in the last week: then nothing is known.
    """
    usage = monitoring.usage_by_kind(session, slug, now - LATELY)
    rates = monitoring.source_rates(session, season.site_id, now)
    return need_of(session, season, now.date(), usage, rates)


def need_of(
    session: Session,
    season: Season,
    today: date,
    usage: Sequence[monitoring.KindUsage],
    rates: Sequence[monitoring.SourceRate],
) -> DiskNeed | None:
    """Return the same from what work took and what sources brought, where these are known already."""
    work = next((one for one in usage if one.kind == PROCESS_SCENE), None)
    last = min(today, season.end)
    elapsed_days = (last - season.start).days + 1
    if work is None or elapsed_days < 1:
        return None
    registered, unprocessed, offered = monitoring.season_counts(session, season.site_id, season.start, last)
    if not registered:
        return None
    to_come = round((registered + offered) / elapsed_days * max((season.end - today).days, 0))
    per_scene = work.written_bytes / work.n_runs
    fetched = sum(rate.fetched for rate in rates)
    per_fetch = sum(rate.n_bytes for rate in rates) / fetched if fetched else 0.0
    need = per_scene * (unprocessed + offered + to_come) + per_fetch * (offered + to_come)
    return DiskNeed(unprocessed + offered, to_come, round(need))
