"""L4B: when was each grassland parcel mown, and does it comply."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.mowing import mowing_markdown
from sen4cap_core.reports.pages.text import Markdown, bullets, document, heading, image
from sen4cap_core.service.nudge import emit
from sen4cap_core.steps.mowing.detect import AnswersStayError, MowingAnswer
from sen4cap_core.steps.mowing.detect import detect_mowing as run_step
from sen4cap_core.steps.mowing.evaluation import Evaluation
from sen4cap_core.steps.mowing.pictures import mowing_map, parcel_charts
from sen4cap_core.steps.mowing.request import MowingRequest

MOWING_DETECTED = "sen4cap.mowing.detected"
"""Event: mowings that the evaluation before did not know; one for each run that found some."""


@flow(name="detect-mowing")
def detect_mowing(season_id: int, request: MowingRequest | None = None) -> dict[str, Any] | State[None]:
    """Evaluate a season's mowing with all observations there are, write tables, show the latest.

    Args:
        season_id: number of the season, as `sen4cap season show` and the page of the season state it.
        request: only by hand: other dates, satellites, method or thresholds, or the original's shapefile too.
            Such a run writes tables and pages and leaves the answers in force as they are.
    """
    context = step_context()
    try:
        done = run_step(context, season_id, request)
    except AnswersStayError as reason:
        _show_what_stays(reason)
        return skipped(reason)
    except NothingToDoError as reason:
        return skipped(reason)
    where = done.evaluation
    name_run(
        f"detect-mowing {where.site} {where.season} {done.as_of}", scope_tags(where.site, year=where.year)
    )
    if not where.stands_aside and (news := done.news()):
        emit(context.settings, MOWING_DETECTED, f"sen4cap.site.{where.site}", news)
    _show(done)
    return {
        "parcels": len(done.table),
        "events": len(done.events),
        "new": int(done.published.is_new.sum()),
        "as_of": str(done.as_of),
        "in_force": not where.stands_aside,
    }


def _show_what_stays(kept: AnswersStayError) -> None:
    """Say on the page of a season's mowing that its answers are of before; its last version has the table."""
    title = _title(kept.evaluation)
    files = bullets(f"{name}: {path}" for name, path in kept.files.items())
    page = document(heading(title), str(kept), heading("Files in force", 3), files)
    show(_page_key(kept.evaluation), page, title)


def _title(where: Evaluation) -> str:
    return f"Mowing in {where.site}, {where.season}"


def _page_key(where: Evaluation) -> str:
    part = ("by-hand",) if where.stands_aside else ()
    return artifact_key("mowing", where.site, where.season, str(where.year), *part)


def _show(done: MowingAnswer) -> None:
    where = done.evaluation
    part = ("by-hand",) if where.stands_aside else ()
    charts: dict[int, str] = {}
    for chart in parcel_charts(done):
        key = artifact_key("ndvi", where.site, str(where.year), chart.ori_id, *part)
        text = f"NDVI and coherence of parcel {chart.ori_id}"
        page = document(heading(f"Parcel {chart.ori_id}"), chart.explanation, image(text, chart.png))
        address = show(key, page, text)
        if address:
            charts[chart.new_id] = address
    title = _title(where)
    page = mowing_markdown(
        done.table,
        title=f"{title} (by hand, not in force)" if where.stands_aside else title,
        as_of=done.as_of,
        n_observation_dates=done.n_dates,
        crop_names=where.crop_names,
        parcel_links=charts,
        events=done.events,
        picture=image("Map of mowings", mowing_map(done, title)),
        looked_on=done.looked_on,
    )
    # Lines wrap, a table of paths would run over the edge.
    files = bullets(f"{name}: {path}" for name, path in done.files.items())
    page = document(Markdown(page), heading("Files", 3), files)
    show(_page_key(where), page, title)
