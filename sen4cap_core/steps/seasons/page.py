"""How the planned runs of a site stand, for the people who look."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sen4cap_core.db import pending
from sen4cap_core.db import sites as site_rows
from sen4cap_core.db.models import PlannedRun, Season, Site
from sen4cap_core.db.planning import plans_of
from sen4cap_core.declarations.schedule import PLANNED, run_days
from sen4cap_core.declarations.site import SiteConfig
from sen4cap_core.reports.season import PlannedLine, SeasonPage, Waiting
from sen4cap_core.steps.seasons.planned_work import is_on

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def season_page(session: Session, slug: str) -> SeasonPage:
    """Return the planned runs of all seasons of a site, with what each waits for.

    Raises
    ------
    Sen4capError
        There is no such site.
    """
    site = site_rows.known_site(session, slug)
    now = pending.database_now(session)
    lines: list[PlannedLine] = []
    coming: list[tuple[str, str, date]] = []
    seasons = site_rows.seasons_of(session, site.id)
    for season in seasons:
        lines += [_line(season, plan) for plan in plans_of(session, season.id)]
        if season.enabled and site.enabled:
            coming += _coming(site, season, now)
    return SeasonPage(slug, now, lines, coming, not site.enabled, {one.name: one.id for one in seasons})


def _coming(site: Site, season: Season, now: datetime) -> list[tuple[str, str, date]]:
    config = SiteConfig.model_validate(site.config)
    found: list[tuple[str, str, date]] = []
    for planned in PLANNED:
        if is_on(config, planned):
            schedule = getattr(config.schedule, planned)
            days = run_days(planned, schedule, season.start, season.mid, season.end)
            found += [(season.name, planned, day) for day in days if day >= now.date()][:1]
    return found


def _line(season: Season, plan: PlannedRun) -> PlannedLine:
    return PlannedLine(
        season.name,
        plan.processor,
        plan.due_on,
        plan.covers_from,
        plan.state,
        plan.reason,
        _waiting(plan.waits_for),
        _waiting(plan.ran_without),
        plan.deadline,
        plan.asked_at,
        plan.finished_at,
    )


def _waiting(stored: dict[str, Any]) -> list[Waiting]:
    return [
        Waiting(
            gate["what"],
            gate["n"],
            datetime.fromisoformat(gate["since"]) if gate["since"] else None,
            gate["needed"],
        )
        for gate in stored.get("gates", [])
    ]
