"""Observations of the season's earlier scenes for declarations that came late."""

from __future__ import annotations

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.tables import facts
from sen4cap_core.steps.scenes.extract_parcels import Backfill
from sen4cap_core.steps.scenes.extract_parcels import extract_parcels as run_step


@flow(name="extract-parcels")
def extract_parcels(declaration_set_id: int) -> int | State[None]:
    """Extract all earlier scenes of the season for a declaration set, newest first, with progress.

    Args:
        declaration_set_id: number of the set, as the receipt of the declarations states it.
    """
    context = step_context(progress_title=f"extract-parcels-{declaration_set_id}")
    try:
        done = run_step(context, declaration_set_id)
    except NothingToDoError as reason:
        return skipped(reason)
    name_run(f"extract-parcels {done.site} {done.year}", scope_tags(done.site, year=done.year))
    show(
        artifact_key("backfill", done.site, str(done.year)),
        _page(done),
        f"Backfill of {done.site} {done.year}",
    )
    return done.n_scenes


def _page(done: Backfill) -> str:
    return facts(
        [
            ("Scenes extracted", done.n_scenes - len(done.unreadable)),
            ("of these from our own rasters", done.n_from_raster),
            ("parcel values read", done.n_values),
            ("parcel values of an earlier version that still hold", done.n_carried_over),
            *(("Could not be read", text) for text in done.unreadable),
        ]
    )
