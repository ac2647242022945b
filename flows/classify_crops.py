"""L4A: which crop stands on each parcel, does it agree with the declaration, are the holdings diverse."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from prefect import State, flow, get_run_logger

from flows.runtime import (
    artifact_key,
    name_run,
    scope_tags,
    show,
    skipped,
    step_context,
    with_progress,
)
from sen4cap_core.clock import utc_now
from sen4cap_core.db.made.crop_types import seasons_due
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.crop_type_page import crop_type_markdown
from sen4cap_core.reports.pictures.crop_type import crop_map_png
from sen4cap_core.steps.crop_types.classify import CropTypeAnswer
from sen4cap_core.steps.crop_types.classify import classify_crops as run_step
from sen4cap_core.steps.shared.context import Context


@flow(name="classify-crops")
def classify_crops(
    season_id: int | None = None,
    until: date | None = None,
    method: Literal["default", "sen4cap"] | None = None,
) -> dict[str, Any] | State[None]:
    """Tell the crop type of each parcel of a season with all observations there are, and write the tables.

    Args:
        season_id: number of the season, as `sen4cap season show` states it; where empty all seasons
            between their middle and two months after their end.
        until: use only what was acquired up to this day.
        method: sen4cap learns as the original; where empty as site.yaml says.
    """
    context = step_context()
    with context.session() as session:
        seasons = [season_id] if season_id is not None else seasons_due(session, utc_now().date())
    if not seasons:
        return skipped("no season is between its middle and two months after its end")
    answers: dict[str, Any] = {}
    reasons = []
    for number in seasons:
        try:
            shown = with_progress(context, f"crop types of season {number}")
            done = run_step(shown, number, until, method)
        except NothingToDoError as reason:
            get_run_logger().info("season %s: %s", number, reason)
            reasons.append(str(reason))
            continue
        answers[f"{done.given.site} {done.given.season}"] = _show(context, done)
    return answers or skipped("; ".join(reasons))


def _show(context: Context, done: CropTypeAnswer) -> dict[str, Any]:
    where, found = done.given, done.crop_map
    as_of = where.as_of
    name_run(f"classify-crops {where.site} {where.season} {as_of}", scope_tags(where.site, year=where.year))
    page = crop_type_markdown(
        found,
        done.classes,
        done.predictions,
        done.published.diversification,
        dict(zip(done.parcels.new_id.tolist(), done.parcels.ori_id.tolist(), strict=True)),
        title=f"Crop types in {where.site}, {where.season}",
        as_of=as_of,
        map_picture=crop_map_png(done.parcels, found, done.classes, "Crop types"),
        files=done.published.files,
    )
    key = artifact_key("crop-types", where.site, where.season, str(where.year))
    show(key, page, f"Crop types in {where.site}, {where.season}")
    return {
        "parcels": len(done.predictions),
        "classified": int((found.conform >= 0).sum()),
        "doubtful": int(found.is_doubtful.sum()),
        "accuracy": round(found.accuracy.overall, 4) if found.accuracy else None,
        "as_of": str(as_of),
    }
