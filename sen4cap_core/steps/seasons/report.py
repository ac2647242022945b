"""How the season of a site stands: downloads, scenes, work, machines, disk, parcels nobody has seen."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sen4cap_core.clock import midnight
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.db.models import Season
from sen4cap_core.db.overview import monitoring
from sen4cap_core.db.work import pending
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.observations.store import read_means
from sen4cap_core.processors.l3b.groups import NDVI_GROUP
from sen4cap_core.reports.pages.season_report import SeasonReport, Unseen
from sen4cap_core.steps.seasons.disk_need import LATELY, need_of
from sen4cap_core.steps.seasons.page import season_label, season_page
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SAMPLE_AGE = timedelta(minutes=30)
SHOWN_PARCELS = 20


def season_report(
    context: Context, slug: str, *, unseen_days: int = 30, season_name: str | None = None
) -> list[SeasonReport]:
    """Report on the seasons of a site that are under way or, where none is, on the last one.

    Parameters
    ----------
    unseen_days : a parcel without a clear pixel for longer is counted
    season_name : only this season

    Raises
    ------
    NothingToDoError
        The site has no such season.
    Sen4capError
        There is no such site.
    """
    with context.session() as session:
        site = site_rows.known_site(session, slug)
        now = pending.database_now(session)
        seasons = _chosen(site_rows.seasons_of(session, site.id), now.date(), season_name)
        if not seasons:
            raise NothingToDoError(f"{slug} has no season {season_name or 'that has begun'}")
        return [_report(context, session, slug, site.id, season, now, unseen_days) for season in seasons]


def _chosen(seasons: list[Season], today: date, name: str | None) -> list[Season]:
    if name is not None:
        return [season for season in seasons if season.name == name]
    begun = [season for season in seasons if season.enabled and season.start <= today]
    return [season for season in begun if today <= season.end] or begun[-1:]


def _report(
    context: Context,
    session: Session,
    slug: str,
    site_id: int,
    season: Season,
    now: datetime,
    unseen_days: int,
) -> SeasonReport:
    last = min(now.date(), season.end)
    scenes = monitoring.scene_days(session, site_id, season.start, last)
    offers = monitoring.offer_days(session, site_id, season.start, last)
    usage = monitoring.usage_by_kind(session, slug, now - LATELY)
    rates = monitoring.source_rates(session, site_id, now)
    samples = monitoring.latest_samples(session, now - SAMPLE_AGE)
    page = season_page(session, slug)
    return SeasonReport(
        site=slug,
        season=season.name,
        year=season.year,
        start=season.start,
        end=season.end,
        now=now,
        scenes=scenes,
        offers=offers,
        sources=rates,
        usage=usage,
        running=monitoring.running_now(session, slug),
        machines=samples,
        disk=need_of(session, season, now.date(), usage, rates),
        unseen=_unseen(context, session, site_id, season, last, unseen_days),
        planned=[line for line in page.lines if line.season == season_label(season)],
        warnings=[row.text for row in monitoring.open_warnings(session, slug)],
    )


def _unseen(
    context: Context, session: Session, site_id: int, season: Season, last: date, days: int
) -> Unseen | None:
    """Count the parcels without a clear pixel in the days before ``last``; None without declarations."""
    declared = declaration_rows.current_set(session, site_id, season.year)
    if declared is None:
        return None
    first = max(season.start, last - timedelta(days=days - 1))
    files = product_rows.observation_files(
        session, declared.id, NDVI_GROUP, midnight(first), midnight(last + timedelta(days=1))
    )
    ids, names = declaration_rows.parcel_names(session, declared.id)
    seen = np.zeros(len(ids), np.bool_)
    for file in files:
        path = context.settings.data / file.path
        if not path.is_file():
            continue
        parcels, _, n_valid = read_means(path, NDVI_GROUP)
        seen |= np.isin(ids, parcels[n_valid > 0])
    missing = [names[place] for place in np.flatnonzero(~seen)[:SHOWN_PARCELS]]
    return Unseen(days, len(ids), int((~seen).sum()), missing, len(files))
