"""The calendar of the seasons: ask for what is due, and show what waits and why."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.db.declared.sites import enabled_sites, known_site
from sen4cap_core.reports.pages.season import season_markdown
from sen4cap_core.steps.seasons.page import season_page
from sen4cap_core.steps.seasons.plan import plan_seasons as run_step


@flow(name="plan-seasons")
def plan_seasons(site: str | None = None) -> dict[str, Any] | State[None]:
    """Bring the planned runs of the seasons up to this moment, and leave a page for each site.

    Args:
        site: folder name of one site; all enabled sites where empty.
    """
    context = step_context()
    with context.session() as session:
        if site is not None:
            known_site(session, site)
        slugs = [row.slug for row in enabled_sites(session) if site is None or row.slug == site]
    if not slugs:
        return skipped(f"the site {site!r} is paused" if site else "there is no enabled site")
    name_run(f"plan-seasons {', '.join(slugs)}", [tag for slug in slugs for tag in scope_tags(slug)])
    done = run_step(context, site)
    for slug in slugs:
        with context.session() as session:
            page = season_page(session, slug)
        show(artifact_key("season", slug), season_markdown(page), f"Season of {slug}")
    return {
        "planned": done.planned,
        "asked": done.asked,
        "ended": done.ended,
        "withdrawn": done.withdrawn,
        "searched": done.searches,
    }
