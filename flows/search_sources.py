"""Ask the sources of all sites what there is."""

from __future__ import annotations

from datetime import date
from typing import Any

from prefect import State, flow
from prefect.client.orchestration import get_client

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.db.declared.sites import enabled_sites
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.sources import sources_markdown
from sen4cap_core.service.accounts import stored_account
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.sources.search import SearchReport
from sen4cap_core.steps.sources.search import search_sources as run_step
from sen4cap_core.steps.sources.site import sources_of
from sen4cap_core.steps.sources.status import source_status


@flow(name="search-sources")
def search_sources(site: str | None = None, again_from: date | None = None) -> dict[str, Any] | State[None]:
    """Search the catalogues and archives of a site, or of all sites, and queue what is new.

    Args:
        site: folder name of one site; all enabled sites where empty.
        again_from: search anew from this day on, whatever was searched before.
    """
    context = step_context()
    with context.session() as session:
        slugs = [site] if site else [row.slug for row in enabled_sites(session) if row.config.get("sources")]
    if not slugs:
        return skipped("no site names sources in its site.yaml")
    name_run(f"search-sources {', '.join(slugs)}", [tag for slug in slugs for tag in scope_tags(slug)])
    _state_limits(context, slugs)
    answers: dict[str, Any] = {}
    reasons = []
    for slug in slugs:
        try:
            report = run_step(context, slug, stored_account, again_from=again_from)
        except NothingToDoError as reason:
            reasons.append(str(reason))
            continue
        answers[slug] = _answer(report)
        with context.session() as session:
            status = source_status(session, slug)
        page = sources_markdown(status, report.passed_over)
        show(artifact_key("sources", slug), page, f"Sources of {slug}")
    return answers or skipped("; ".join(reasons))


def _answer(report: SearchReport) -> dict[str, Any]:
    return {
        "found": report.found,
        "new": report.new_acquisitions,
        "not searched": report.faults,
        "passed over": report.passed_over,
    }


def _state_limits(context: Context, slugs: list[str]) -> None:
    """Tell Prefect how many connections each provider allows: the least that any site states."""
    limits: dict[str, int] = {}
    with context.session() as session:
        for row in enabled_sites(session):
            for source in sources_of(SiteConfig.model_validate(row.config)):
                if source.limit_name is not None and source.connections is not None:
                    known = limits.get(source.limit_name, source.connections)
                    limits[source.limit_name] = min(known, source.connections)
    with get_client(sync_client=True) as client:
        for name, number in limits.items():
            client.upsert_global_concurrency_limit_by_name(name, number)
