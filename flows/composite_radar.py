"""Radar composites of a season as rasters, started by hand."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.tables import facts
from sen4cap_core.reports.pages.text import bullets, document, heading
from sen4cap_core.steps.composites.radar import composite_radar as run_step


@flow(name="composite-radar")
def composite_radar(
    season_id: int, periods: list[str] | None = None, tile: str | None = None
) -> dict[str, Any] | State[None]:
    """Make weekly, monthly and season composites of a season's Sentinel-1 products as rasters.

    Args:
        season_id: number of the season, as `sen4cap season show` and the page of the season state it.
        periods: of week, month (two months of backscatter, one of coherence), season; where empty all.
        tile: MGRS tile such as 30TUM; where empty all of the site.
    """
    context = step_context(progress_title=f"composite-radar-{season_id}")
    try:
        done = run_step(context, season_id, tile=tile, **({"periods": periods} if periods else {}))
    except NothingToDoError as reason:
        return skipped(reason)
    name_run(f"composite-radar {done.site} {done.season}", scope_tags(done.site, year=done.year, tile=tile))
    pairs = [
        ("Radar products", done.n_scenes),
        ("Rasters made", len(done.made)),
        ("There before", done.n_there),
    ]
    page = document(
        heading(f"Radar composites of {done.site}, {done.season}"), facts(pairs), bullets(done.made)
    )
    key = artifact_key("radar-composites", done.site, done.season, str(done.year))
    show(key, page, f"Radar composites of {done.site}, {done.season}")
    return {"made": len(done.made), "there_before": done.n_there}
