"""How the planned runs of a site stand, for the people who look."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import PlannedRun, Season, Site
from sen4cap_core.db.work import pending
from sen4cap_core.db.work.planning import plans_of
from sen4cap_core.declarations.sites.schedule import PLANNED, run_days
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.reports.pages.season import PlannedLine, SeasonPage, Waiting
from sen4cap_core.steps.seasons.planned_work import is_on

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def season_page(session: Session, slug: str) -> SeasonPage:
    """Return the planned runs of all seasons of a site, with what each waits for; those under way first.

    Raises
    ------
    Sen4capError
        There is no such site.
    """
    site = site_rows.known_site(session, slug)
    now = pending.database_now(session)
    lines: list[PlannedLine] = []
    coming: list[tuple[str, str, date]] = []
    seasons = sorted(site_rows.seasons_of(session, site.id), key=lambda one: _rank(site, one))
    for season in seasons:
        lines += [_line(season, plan) for plan in plans_of(session, season.id)]
        if season.enabled and site.enabled:
            coming += _coming(site, season, now)
    numbers = {season_label(one): one.id for one in seasons}
    states = {season_label(one): _STATES[_rank(site, one)] for one in seasons if not one.enabled}
    return SeasonPage(slug, now, lines, coming, not site.enabled, numbers, states)


def season_label(season: Season) -> str:
    """Return name and year of a season; one that is assumed is called by its year alone."""
    return season.name if season.name == str(season.year) else f"{season.name} {season.year}"


_STATES = ("under way", "paused", "off in site.yaml", "withdrawn, not in site.yaml")


def _rank(site: Site, season: Season) -> int:
    """Return the state of a season as its place in the order of the page."""
    if season.enabled:
        return 0
    if season.paused_at is not None:
        return 1
    named = SiteConfig.model_validate(site.config).seasons
    return 2 if any((one.name, one.year) == (season.name, season.year) for one in named) else 3


def _coming(site: Site, season: Season, now: datetime) -> list[tuple[str, str, date]]:
    config = SiteConfig.model_validate(site.config)
    found: list[tuple[str, str, date]] = []
    for planned in PLANNED:
        if is_on(config, planned):
            schedule = getattr(config.schedule, planned)
            days = run_days(planned, schedule, season.start, season.mid, season.end)
            found += [(season_label(season), planned, day) for day in days if day >= now.date()][:1]
    return found


def _line(season: Season, plan: PlannedRun) -> PlannedLine:
    return PlannedLine(
        season_label(season),
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
