"""Ask a site's sources what there is: past dates first time whole, then what is new and what came late."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import shapely

from sen4cap_core.db.acquired import offers as offer_rows
from sen4cap_core.db.acquired.offers import NewOffer
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Season, Site
from sen4cap_core.db.work import pending
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.products.naming import content_key
from sen4cap_core.sources.accounts import Store
from sen4cap_core.sources.choosing import by_acquisition
from sen4cap_core.sources.offers import NotUnderstoodError, Offer, Query, SourceError
from sen4cap_core.sources.records import to_record
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.work import ask_fetch
from sen4cap_core.steps.sources.site import NamedSource, bands_needed, open_source, sources_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

logger = logging.getLogger(__name__)

LATE_DAYS = 60
"""So long after its end a season is still searched: products are published late."""
AGAIN_AFTER = timedelta(minutes=15)
"""A search that failed is not tried again before."""
SIMPLIFY_DEGREES = 0.005
"""Extents are simplified to about 500 m for queries: catalogues limit their length."""
MAX_VERTICES = 200


@dataclass
class SearchReport:
    """What the sources answered."""

    site: str
    found: dict[str, int] = field(default_factory=dict)
    """Offers by source."""
    new_acquisitions: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    """By source, why it could not be searched."""
    passed_over: dict[str, str] = field(default_factory=dict)
    """By source, what of its answer could not be understood; all else of it counts."""


def search_sources(
    context: Context, site_slug: str, store: Store | None = None, *, again_from: date | None = None
) -> SearchReport:
    """Search all sources of a site for its enabled seasons and queue what is to be fetched.

    A source that is away holds nobody up: the others are searched, and it is asked again next time, from
    where its last good search ended. The time is the database's, which all machines share. A search counts as
    made up to the day that the source's clock says, where that is earlier: whichever clock is wrong, no day
    is taken for searched that was still to come.

    Parameters
    ----------
    again_from : search anew from this day, whatever was searched before

    Raises
    ------
    NothingToDoError
        The site is unknown or paused, names no sources, has no extent, or no season that is under way.
    """
    with context.session() as session:
        site, config = _site(session, site_slug)
        now = pending.database_now(session)
        seasons = [
            season
            for season in site_rows.seasons_of(session, site.id, enabled_only=True)
            if season.start <= now.date()
        ]
        footprint = site_footprint(site)
        tiles = tuple(site.tiles)
        site_id = site.id
        spans = [(season.id, season.start, season.end) for season in seasons]
    if not spans:
        raise NothingToDoError(f"no season of {site_slug} is under way: nothing is searched")
    report = SearchReport(site_slug)
    for season_id, start, end in spans:
        for source in sources_of(config):
            asked_for = asked_for_key(config, source, footprint, tiles, start)
            first = _first_day(context, season_id, source, start, asked_for, again_from, now.date())
            last = min(end, now.date())
            if first > last:
                continue
            query = Query(
                satellites=source.config.satellites or config.satellites,
                footprint_wkt=footprint,
                start=first,
                end=last,
                tiles=tiles,
                relative_orbits=source.config.relative_orbits,
                max_cloud_percent=source.config.max_cloud_percent,
            )
            _search(
                context, report, site_id, season_id, source, query, bands_needed(config), asked_for, store
            )
    with context.session() as session:
        offer_rows.pass_over_other_tiles(session, site_id, tiles)
    return report


def asked_for_key(
    config: SiteConfig, source: NamedSource, footprint: str, tiles: tuple[str, ...], start: date
) -> str:
    """Return a hash of what a source is asked for: with another one all past days are asked for anew."""
    wanted = {
        "satellites": source.config.satellites or config.satellites,
        "footprint": footprint,
        "tiles": sorted(tiles),
        "orbits": sorted(source.config.relative_orbits),
        "cloud": source.config.max_cloud_percent,
        "bands": sorted(bands_needed(config)),
        "start": start,
        "source": source.config.model_dump(mode="json", exclude={"look_back_days", "connections", "secret"}),
    }
    return content_key([], wanted, "")


def site_to_search(session: Session, site: Site) -> bool:
    """Whether a source of a site was never asked for what the site wants now, or its last search failed a
    while ago.
    """
    config = SiteConfig.model_validate(site.config)
    if not config.sources or site.extent is None:
        return False
    footprint, tiles = site_footprint(site), tuple(site.tiles)
    now = pending.database_now(session)
    for season in site_rows.seasons_of(session, site.id, enabled_only=True):
        if season.start > now.date():
            continue
        known = pending.searches(session, season.id)
        for source in sources_of(config):
            state = known.get(source.name)
            key = asked_for_key(config, source, footprint, tiles, season.start)
            if state is None or state.asked_for != key:
                failed_at = state.failed_at if state is not None and state.error else None
                if failed_at is None or now - failed_at > AGAIN_AFTER:
                    return True
    return False


def _search(
    context: Context,
    report: SearchReport,
    site_id: int,
    season_id: int,
    source: NamedSource,
    query: Query,
    bands: frozenset[str],
    asked_for: str,
    store: Store | None,
) -> None:
    offers: list[Offer] = []
    try:
        opened = open_source(source, bands, store)
        for offer in opened.search(query):
            offers.append(offer)
    except NotUnderstoodError as error:
        report.passed_over[source.name] = str(error)
        logger.warning("source %s: %s", source.name, error)
    except SourceError as error:
        report.faults[source.name] = str(error)
        with context.session() as session:
            offer_rows.note_search(session, season_id, source.name, error=str(error))
        return
    rows = [_row(offer, key) for key, group in _keyed(offers) for offer in group]
    with context.session() as session:
        new = offer_rows.enter_offers(session, site_id, season_id, rows)
        for key in sorted(new):
            ask_fetch(session, report.site, site_id, key)
        offer_rows.note_search(
            session,
            season_id,
            source.name,
            until=min(query.end, opened.remote_now.date()) if opened.remote_now else query.end,
            n_offers=len(offers),
            asked_for=asked_for,
        )
        # What could not be fetched so far is asked for again: its source may be back.
        for again_site_id, key in offer_rows.unfetched_acquisitions(session):
            if again_site_id == site_id:
                ask_fetch(session, report.site, site_id, key)
    report.found[source.name] = report.found.get(source.name, 0) + len(offers)
    report.new_acquisitions += len(new)


def _keyed(offers: list[Offer]) -> list[tuple[str, list[Offer]]]:
    """Return groups of offers that show the same thing, with keys that tell the halves of a pass apart."""
    keyed = []
    seen: dict[str, int] = {}
    for group in by_acquisition(offers):
        key = group[0].acquisition_key
        number = seen[key] = seen.get(key, 0) + 1
        keyed.append((key if number == 1 else f"{key}/{number}", group))
    return keyed


def _row(offer: Offer, key: str) -> NewOffer:
    return NewOffer(
        offer.source,
        offer.offer_id,
        offer.product_id,
        offer.sensor,
        key,
        offer.acquired_at,
        offer.tile,
        to_record(offer),
        offer.size_bytes,
    )


def _site(session: Session, slug: str) -> tuple[Site, SiteConfig]:
    site = site_rows.known_site(session, slug)
    if not site.enabled:
        raise NothingToDoError(f"{slug} is paused: site.yaml says enabled: false")
    config = SiteConfig.model_validate(site.config)
    if not config.sources:
        raise NothingToDoError(f"site.yaml of {slug} names no sources")
    return site, config


def site_footprint(site: Site) -> str:
    """Return the outline that catalogues are asked with: WKT, longitude and latitude, of few vertices.

    Raises
    ------
    NothingToDoError
        When the site has no extent yet.
    """
    extent = site_rows.site_extent(site)
    if extent is None:
        raise NothingToDoError(f"{site.slug} has no extent yet: drop site.zip or site.gpkg")
    outline = shapely.simplify(extent, SIMPLIFY_DEGREES)
    if shapely.get_num_coordinates(outline) > MAX_VERTICES or not outline.is_valid:
        # A catalogue that refuses the query finds nothing; a few scenes too many are filtered here.
        outline = shapely.convex_hull(extent)
    return str(outline.wkt)


def _first_day(
    context: Context,
    season_id: int,
    source: NamedSource,
    start: date,
    asked_for: str,
    again_from: date | None,
    today: date,
) -> date:
    """Return the day a search starts from; after the season's last good search for the same only the
    look-back.
    """
    if again_from is not None:
        return max(start, again_from)
    with context.session() as session:
        state = offer_rows.search_state(session, season_id, source.name)
        season = session.get_one(Season, season_id)
        if state is None or state.searched_until is None or state.asked_for != asked_for:
            return start
        is_over = today > season.end + timedelta(days=LATE_DAYS)
        if is_over and state.searched_until >= season.end:
            return date.max
        # A search that was made while the clock ran ahead reached no further than this day.
        searched_until = min(state.searched_until, today)
        return max(start, searched_until - timedelta(days=source.config.look_back_days))
