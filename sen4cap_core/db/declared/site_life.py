"""The life of a site beyond its settings: paused, deleted and kept, purged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from sen4cap_core.db.models import (
    DeclarationSet,
    Job,
    OfferRow,
    PlannedRun,
    Product,
    RadarAcquisition,
    SceneRow,
    Season,
    Sighting,
    Site,
    Upload,
)


@dataclass(frozen=True)
class SiteHoldings:
    """What hangs on a site."""

    counts: dict[str, int]
    """Rows by what they are."""


def holdings(session: Session, site: Site) -> SiteHoldings:
    """Count what hangs on a site."""
    seasons = select(Season.id).where(Season.site_id == site.id)
    tables = {
        "seasons": select(func.count()).select_from(Season).where(Season.site_id == site.id),
        "declaration sets": select(func.count()).where(DeclarationSet.site_id == site.id),
        "scenes": select(func.count()).where(SceneRow.site_id == site.id),
        "radar acquisitions": select(func.count()).where(RadarAcquisition.site_id == site.id),
        "products": select(func.count()).where(Product.site_id == site.id),
        "offers": select(func.count()).where(OfferRow.site_id == site.id),
        "planned runs": select(func.count()).where(PlannedRun.season_id.in_(seasons)),
        "uploads": select(func.count()).where(Upload.site_slug == site.slug),
        "jobs": select(func.count()).where(Job.site_slug == site.slug),
    }
    counts = {name: session.execute(query).scalar_one() for name, query in tables.items()}
    return SiteHoldings(counts)


def running_work(session: Session, site: Site) -> int:
    """Count the jobs of a site that somebody works on."""
    query = select(func.count()).where(Job.site_slug == site.slug, Job.state == "running")
    return session.execute(query).scalar_one()


def purge_rows(session: Session, site: Site) -> None:
    """Remove a site and all rows that hang on it."""
    uploads = select(Upload.id).where(Upload.site_slug == site.slug)
    session.execute(delete(Job).where(Job.site_slug == site.slug))
    session.execute(delete(Product).where(Product.site_id == site.id))
    session.execute(delete(OfferRow).where(OfferRow.site_id == site.id))
    session.execute(delete(SceneRow).where(SceneRow.site_id == site.id))
    session.execute(delete(Site).where(Site.id == site.id))
    session.execute(delete(Sighting).where(Sighting.upload_id.in_(uploads)))
    session.execute(delete(Upload).where(Upload.site_slug == site.slug))
