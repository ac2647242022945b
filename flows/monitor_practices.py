"""L4C: harvest weeks, and whether declared practices are seen."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.practices import practice_markdown
from sen4cap_core.reports.pages.tables import facts, markdown_table
from sen4cap_core.reports.pages.text import document, heading, image
from sen4cap_core.steps.practices.monitor import monitor_practices as run_step
from sen4cap_core.steps.practices.monitor import result_frame
from sen4cap_core.steps.practices.pictures import practice_pictures
from sen4cap_core.steps.shared.practice_asking import ask_all_practices


@flow(name="monitor-practices")
def monitor_practices(season_id: int) -> dict[str, Any] | State[None]:
    """Evaluate the agricultural practices of a season's year, write tables, show the latest.

    Args:
        season_id: number of the season, as `sen4cap season show` and the page of the season state it.
    """
    context = step_context()
    try:
        done = run_step(context, season_id)
    except NothingToDoError as reason:
        return skipped(reason)
    where = done.evaluation
    name_run(
        f"monitor-practices {where.site} {where.year} {where.last_day}",
        scope_tags(where.site, year=where.year),
    )
    for practice in done.practices:
        name = practice.task.practice
        pictures = {title: image(title, png) for title, png in practice_pictures(done, practice).items()}
        page = practice_markdown(
            result_frame(practice),
            practice=name,
            as_of=where.last_day,
            n_left_out=practice.n_left_out,
            crop_names=where.crop_names,
            pictures=pictures,
        )
        files = facts((title, str(path)) for title, path in practice.files.items())
        show(
            artifact_key("practices", where.site, str(where.year), name),
            document(page, heading("Files", 3), files),
            f"Practice {name} in {where.site}, {where.year}",
        )
    if done.left_out:
        reasons = markdown_table(["Practice", "Left out because"], list(done.left_out.items()))
        show(
            artifact_key("practices", where.site, str(where.year), "left-out"),
            document(heading("Practices left out"), reasons),
            f"Practices left out in {where.site}, {where.year}",
        )
    return {
        "rows": {practice.task.practice: practice.table.num_rows for practice in done.practices},
        "left_out": done.left_out,
        "as_of": str(where.last_day),
    }


@flow(name="monitor-all-practices")
def monitor_all_practices() -> dict[str, int] | State[None]:
    """Ask for an evaluation of every year with declarations and practice tables."""
    asked = ask_all_practices(step_context())
    if not asked:
        return skipped("no year with declarations has practice tables, or all of them wait already")
    return {"years": asked}
