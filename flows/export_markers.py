"""Marker databases: everything known of the parcels, as wide tables."""

from __future__ import annotations

from datetime import date
from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.db.declared.sites import known_site
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.tables import markdown_table
from sen4cap_core.reports.pages.text import count, document, heading
from sen4cap_core.steps.products.export_markers import Database, current_years
from sen4cap_core.steps.products.export_markers import export_markers as run_step


@flow(name="export-markers")
def export_markers(
    site: str, start: date, end: date, markers: list[Database] | None = None
) -> dict[str, Any] | State[None]:
    """Write marker databases of a site.

    Args:
        site: folder name of the site.
        start: first day of what was observed.
        end: last day of what was observed; its year is the season's.
        markers: MDB1, MDB2, MDB3, L4A (features of crop types); where empty all, L4A only where crop types
            are made.
    """
    try:
        done = run_step(step_context(), site, start, end, markers)
    except NothingToDoError as reason:
        return skipped(reason)
    name_run(f"export-markers {site} {end}", scope_tags(site, year=done.year))
    rows = [
        [name, count(done.n_rows[name]), count(done.n_columns[name]), str(path)]
        for name, path in done.files.items()
    ]
    page = document(
        heading(f"Marker databases of {site}, {start} to {end}"),
        markdown_table(["Database", "Parcels", "Columns", "File"], rows, ["left", "right", "right", "left"]),
    )
    show(artifact_key("markers", site, str(done.year)), page, f"Marker databases of {site}")
    return {"files": {name: str(path) for name, path in done.files.items()}}


@flow(name="update-markers")
def update_markers(site: str | None = None, year: int | None = None) -> dict[str, Any] | State[None]:
    """Bring marker databases up to date with everything observed.

    Args:
        site: folder name of the site; where empty every site with new observations.
        year: year of the season; where empty every year with new observations.
    """
    context = step_context()
    if site is not None:
        with context.session() as session:
            known_site(session, site)
    written: dict[str, int] = {}
    tags: list[str] = []
    for slug, start, end in current_years(context):
        if site not in (None, slug) or year not in (None, end.year):
            continue
        try:
            written[f"{slug} {end.year}"] = len(run_step(context, slug, start, end).files)
        except NothingToDoError:
            continue
        tags += scope_tags(slug, year=end.year)
    if not written:
        return skipped("nothing was observed since the last update")
    name_run(f"update-markers {', '.join(written)}", tags)
    return {"written": written}
