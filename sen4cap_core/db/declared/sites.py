"""Sites and their seasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from geoalchemy2.shape import from_shape, to_shape
from shapely import MultiPolygon, Polygon
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Json, Season, Site
from sen4cap_core.errors import Sen4capError, unknown_word


@dataclass(frozen=True)
class SeasonSpan:
    """Dates of a season as site.yaml states them."""

    name: str
    year: int
    start: date
    mid: date | None
    end: date
    enabled: bool = True
    implicit: bool = False


def get_or_create_site(session: Session, slug: str) -> Site:
    """Return the site of an upload folder; a new one has no extent and takes whatever arrives."""
    session.execute(
        insert(Site)
        .values(slug=slug, name=slug, tiles=[], config={}, enabled=True)
        .on_conflict_do_nothing(index_elements=["slug"])
    )
    return session.scalars(select(Site).where(Site.slug == slug)).one()


def find_site(session: Session, slug: str) -> Site | None:
    """Return the site of an upload folder, None where there is none."""
    return session.scalars(select(Site).where(Site.slug == slug)).one_or_none()


def known_site(session: Session, slug: str) -> Site:
    """Return a site. Raises Sen4capError, naming those there are, where there is no such one."""
    site = find_site(session, slug)
    if site is None:
        known = [one.slug for one in all_sites(session)]
        raise Sen4capError(unknown_word(slug, known, "site that is known here"))
    return site


def enabled_sites(session: Session) -> list[Site]:
    """Return the sites that are not paused, by name of their folder."""
    return list(session.scalars(select(Site).where(Site.enabled).order_by(Site.slug)))


def site_by_id(session: Session, site_id: int) -> Site:
    """Return a site that is known to exist."""
    return session.get_one(Site, site_id)


def lock_site(session: Session, site_id: int) -> Site:
    """Return a site and let no other transaction do the same until this one ends."""
    return session.get_one(Site, site_id, with_for_update=True)


def set_extent(session: Session, site: Site, extent: Polygon | MultiPolygon, tiles: Sequence[str]) -> None:
    """Store the extent (longitude, latitude) and the tiles it needs."""
    shape = MultiPolygon([extent]) if isinstance(extent, Polygon) else extent
    site.extent = from_shape(shape, srid=4326)
    if "tiles" not in site.config:
        site.tiles = list(tiles)


def site_extent(site: Site) -> MultiPolygon | None:
    """Return the extent of a site in longitude and latitude, None where none was given."""
    return None if site.extent is None else to_shape(site.extent)


def set_config(session: Session, site: Site, config: Json) -> None:
    """Store the effective site.yaml."""
    site.config = config
    site.name = config.get("name") or site.slug
    site.country = config.get("country")
    site.enabled = is_enabled(site)
    if config.get("tiles"):
        site.tiles = list(config["tiles"])
    session.flush()


def is_enabled(site: Site) -> bool:
    """Whether anything is done for a site: its settings say so, and it is neither paused nor deleted."""
    return bool(site.config.get("enabled", True)) and site.paused_at is None and site.deleted_at is None


def all_sites(session: Session) -> list[Site]:
    """Return the sites that are not deleted, by name of their folder."""
    return list(session.scalars(select(Site).where(Site.deleted_at.is_(None)).order_by(Site.slug)))


def every_site(session: Session) -> list[Site]:
    """Return all sites, deleted ones too, by name of their folder."""
    return list(session.scalars(select(Site).order_by(Site.slug)))


def set_seasons(session: Session, site: Site, spans: Sequence[SeasonSpan]) -> None:
    """Replace the site's seasons by those given; rows that stay the same keep their id.

    A season is disabled, never deleted: results hang on it. The calendar year that was assumed for a year
    without a season stays in force until a season of that year is given.
    """
    wanted = {(span.name, span.year): span for span in spans}
    years = {span.year for span in spans}
    for season in seasons_of(session, site.id):
        span = wanted.pop((season.name, season.year), None)
        if span is None and season.implicit and season.year not in years:
            season.enabled = season.paused_at is None
            continue
        if span is None:
            season.enabled = False
        else:
            season.start, season.mid, season.end = span.start, span.mid, span.end
            season.enabled = span.enabled and season.paused_at is None
            season.implicit = span.implicit
    for span in wanted.values():
        session.add(Season(site_id=site.id, **vars(span)))
    session.flush()


def ensure_season(session: Session, site: Site, span: SeasonSpan) -> None:
    """Add an assumed season unless the site has one of that year, be it disabled."""
    if any(season.year == span.year for season in seasons_of(session, site.id)):
        return
    session.execute(insert(Season).values(site_id=site.id, **vars(span)).on_conflict_do_nothing())


def seasons_of(session: Session, site_id: int, *, enabled_only: bool = False) -> list[Season]:
    """Return the seasons of a site in order of time."""
    query = select(Season).where(Season.site_id == site_id).order_by(Season.start)
    if enabled_only:
        query = query.where(Season.enabled)
    return list(session.scalars(query))


def seasons_on(session: Session, site_id: int, day: date) -> list[Season]:
    """Return the enabled seasons that a day falls into."""
    return [s for s in seasons_of(session, site_id, enabled_only=True) if s.start <= day <= s.end]
