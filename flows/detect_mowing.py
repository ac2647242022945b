"""L4B: when was each grassland parcel mown, and does it comply."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.mowing import mowing_markdown
from sen4cap_core.reports.tables import facts
from sen4cap_core.reports.text import Markdown, document, heading, image
from sen4cap_core.steps.detect_mowing import detect_mowing as run_step
from sen4cap_core.steps.pictures import parcel_charts


@flow(name="detect-mowing")
def detect_mowing(season_id: int) -> dict[str, Any] | State[None]:
    """Evaluate a season's mowing with all observations there are, write tables, show the latest.

    Parameters
    ----------
    season_id : number of the season, as the receipt of the site or of the declarations states it.
    """
    context = step_context()
    try:
        done = run_step(context, season_id)
    except NothingToDoError as reason:
        return skipped(reason)
    where = done.evaluation
    name_run(
        f"detect-mowing {where.site} {where.season} {done.as_of}", scope_tags(where.site, year=where.year)
    )
    charts: dict[int, str] = {}
    for chart in parcel_charts(context, done):
        key = artifact_key("ndvi", where.site, str(where.year), chart.ori_id)
        text = f"NDVI of parcel {chart.ori_id}"
        page = document(heading(f"Parcel {chart.ori_id}"), image(text, chart.png))
        address = show(key, page, text)
        if address:
            charts[chart.new_id] = address
    page = mowing_markdown(
        done.table,
        title=f"Mowing in {where.site}, {where.season}",
        as_of=done.as_of,
        n_observation_dates=done.n_dates,
        crop_names=where.crop_names,
        parcel_links=charts,
    )
    files = facts((name, str(path)) for name, path in done.files.items())
    page = document(Markdown(page), heading("Files", 3), files)
    show(
        artifact_key("mowing", where.site, where.season, str(where.year)),
        page,
        f"Mowing in {where.site}, {where.season}",
    )
    return {
        "parcels": len(done.table),
        "events": len(done.events),
        "as_of": str(done.as_of),
    }
