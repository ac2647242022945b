"""Ask for practices to be evaluated, where there is anything to evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import practices as practice_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Season, Site
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.work import ask_practices

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def ask_practices_of_year(session: Session, site: Site, year: int) -> bool:
    """Ask for the practices of a year, if it has a practice table, declarations and an enabled season.

    A year is evaluated once, however many seasons it has: under its first one.
    """
    seasons = [s for s in site_rows.seasons_of(session, site.id, enabled_only=True) if s.year == year]
    if not seasons or not practice_rows.practices_in_force(session, site.id, year):
        return False
    if declaration_rows.current_set(session, site.id, year) is None:
        return False
    return ask_practices(session, site.slug, seasons[0].id)


def ask_practices_of_season(session: Session, season_id: int) -> bool:
    """Ask for the practices of a season's year."""
    season = session.get_one(Season, season_id)
    return ask_practices_of_year(session, session.get_one(Site, season.site_id), season.year)


def ask_all_practices(context: Context) -> int:
    """Ask for the practices of every site and year that has declarations; return how many there are."""
    asked = 0
    with context.session() as session:
        for declared in declaration_rows.current_sets(session):
            site = session.get_one(Site, declared.site_id)
            if site.enabled and ask_practices_of_year(session, site, declared.year):
                asked += 1
    return asked
