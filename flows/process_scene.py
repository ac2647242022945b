"""One pass over the pixels of a scene: NDVI raster and parcel observations."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.coverage import Coverage, ParcelCount, coverage_markdown
from sen4cap_core.steps.pictures import scene_quicklook
from sen4cap_core.steps.process_scene import ProcessedScene, find_subject
from sen4cap_core.steps.process_scene import process_scene as run_step


@flow(name="process-scene")
def process_scene(scene_id: int) -> dict[str, Any] | State[None]:
    """Make what a scene still lacks: its NDVI raster and the observations of the declared parcels.

    Parameters
    ----------
    scene_id : number of the scene, as the ingest-scene run shows it.
    """
    context = step_context()
    try:
        subject = find_subject(context, scene_id)
        name_run(
            f"process-scene {subject.tile} {subject.acquired_at:%Y-%m-%d}",
            scope_tags(subject.site, year=subject.year, tile=subject.tile),
        )
        done = run_step(context, scene_id)
    except NothingToDoError as reason:
        return skipped(reason)
    page = coverage_markdown(_coverage(done), scene_quicklook(context, done))
    show(
        artifact_key("scene", subject.site, subject.tile, f"{subject.acquired_at:%Y%m%dT%H%M%S}"),
        page,
        f"{subject.tile} on {subject.acquired_at:%Y-%m-%d}: quicklook, cloud, coverage",
    )
    return {
        "scene": subject.product_id,
        "clear_fraction": done.clear_fraction,
        "parcels_observed": sum(observed.n_observed for observed in done.observed),
    }


def _coverage(done: ProcessedScene) -> Coverage:
    subject = done.subject
    return Coverage(
        product_id=subject.product_id,
        site=subject.site,
        tile=subject.tile,
        acquired_at=subject.acquired_at,
        clear_fraction=done.clear_fraction,
        data_fraction=done.data_fraction,
        parcels=[ParcelCount(str(o.year), o.n_observed, o.n_parcels) for o in done.observed],
        seconds=done.seconds,
        n_bytes={"NDVI raster": done.raster_path.stat().st_size} if done.raster_path else {},
        warnings=done.warnings,
    )
