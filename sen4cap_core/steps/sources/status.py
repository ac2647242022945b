"""How the sources of a site stand: what was found, what came, what failed and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sen4cap_core.db.acquired import offers as offer_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.reports.pages.sources import SiteSources, SourceStatus
from sen4cap_core.steps.sources.site import sources_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def source_status(session: Session, slug: str) -> SiteSources:
    """Return how the sources of a site stand. Raises Sen4capError where there is no such site."""
    site = site_rows.known_site(session, slug)
    counts = offer_rows.counts_by_source(session, site.id)
    seasons = [season.id for season in site_rows.seasons_of(session, site.id, enabled_only=True)]
    searches = offer_rows.searches_of(session, seasons)
    sources = []
    for source in sources_of(SiteConfig.model_validate(site.config)):
        mine = [count for count in counts if count.source == source.name]
        looked = [search for search in searches if search.source == source.name]
        sources.append(
            SourceStatus(
                source.name,
                {count.state: count.n for count in mine},
                sum(count.n_bytes for count in mine),
                max((s.searched_until for s in looked if s.searched_until), default=None),
                max((s.succeeded_at for s in looked if s.succeeded_at), default=None),
                next((s.error for s in looked if s.error), None),
            )
        )
    failed = offer_rows.failed_offers(session, site.id)
    failures = [(row.product_id, row.source, row.reason or "") for row in failed]
    return SiteSources(slug, sources, failures)
