"""The season of a year folder that a scene was dropped into, and scenes that are of another one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.declared.sites import SeasonSpan
from sen4cap_core.db.models import Season, Site
from sen4cap_core.declarations.sites.site import implicit_season

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def assumed_span(year: int) -> SeasonSpan:
    """Return the season of a year folder that site.yaml names none for: the calendar year."""
    one = implicit_season(year)
    return SeasonSpan(one.name, one.year, one.start, one.mid, one.end, implicit=True)


def season_of_folder(session: Session, site: Site, year: int, days: Iterable[date]) -> list[str]:
    """Assume the season of a folder where a scene in it needs one; return warnings for scenes of other days.

    The calendar year is assumed where the site has no season of the folder's year, and only for a scene of
    that year which no other season covers: a season without anything in it would wait for declarations for
    good.
    """
    warnings = []
    for day in sorted(set(days)):
        assumed = assumed_span(year)
        if assumed.start <= day <= assumed.end and not site_rows.seasons_on(session, site.id, day):
            site_rows.ensure_season(session, site, assumed)
        covering = site_rows.seasons_on(session, site.id, day)
        if any(season.year == year for season in covering):
            continue
        own = [s for s in site_rows.seasons_of(session, site.id, enabled_only=True) if s.year == year]
        of_folder = ", ".join(_span(season) for season in own) or f"{assumed.start} to {assumed.end}"
        text = f"{day} lies outside of the season of its folder {year} ({of_folder})"
        if covering:
            names = ", ".join(f"{one.name} ({_span(one)})" for one in covering)
            warnings.append(f"{text}: it is taken for season {names}, which covers it")
        else:
            warnings.append(
                f"{text}, and of every other season of the site: it is kept, and processed once site.yaml "
                f"names a season that covers it, or something else is dropped into the folder {day.year}"
            )
    return warnings


def _span(season: Season) -> str:
    return f"{season.start} to {season.end}"
