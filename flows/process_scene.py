"""One pass over the pixels of a scene: rasters and parcel observations."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.coverage import Coverage, ParcelCount, coverage_markdown
from sen4cap_core.steps.acquisitions.subject import ProcessedScene, find_subject
from sen4cap_core.steps.scenes.pictures import scene_quicklooks
from sen4cap_core.steps.scenes.process import process_scene as run_step
from sen4cap_core.steps.shared.context import Context


@flow(name="process-scene")
def process_scene(scene_id: int) -> dict[str, Any] | State[None]:
    """Make what a scene still lacks: the rasters its site asks for and the observations of parcels.

    Args:
        scene_id: number of the scene, as the ingest-scene run shows it.
    """
    context = step_context()
    try:
        subject = find_subject(context, scene_id)
        name_run(
            f"process-scene {subject.tile} {subject.acquired_at:%Y-%m-%d}",
            scope_tags(subject.site, year=subject.year, tile=subject.tile),
        )
        done = run_step(context, subject)
    except NothingToDoError as reason:
        return skipped(reason)
    show_scene(context, done)
    return {
        "scene": subject.product_id,
        "clear_fraction": done.clear_fraction,
        "rasters": done.made,
        "parcels_observed": sum(count.observed for count in _parcel_counts(done)),
    }


def show_scene(context: Context, done: ProcessedScene) -> None:
    """Leave the page of a scene on the current run."""
    subject = done.subject
    # Radar sees through clouds.
    what = "quicklook, coverage" if done.clear_fraction is None else "quicklook, cloud, coverage"
    show(
        artifact_key("scene", subject.site, subject.tile, f"{subject.acquired_at:%Y%m%dT%H%M%S}"),
        coverage_markdown(_coverage(done), scene_quicklooks(context, done)),
        f"{subject.tile} on {subject.acquired_at:%Y-%m-%d}: {what}",
    )


def _coverage(done: ProcessedScene) -> Coverage:
    subject = done.subject
    return Coverage(
        product_id=subject.product_id,
        site=subject.site,
        tile=subject.tile,
        acquired_at=subject.acquired_at,
        clear_fraction=done.clear_fraction,
        data_fraction=done.data_fraction,
        parcels=_parcel_counts(done),
        seconds=done.seconds,
        n_bytes={f"{name} raster": done.rasters[name].stat().st_size for name in done.made},
        warnings=done.warnings,
    )


def _parcel_counts(done: ProcessedScene) -> list[ParcelCount]:
    """One line for each declaration set; several groups of variables see the same parcels."""
    counts: dict[int, ParcelCount] = {}
    for o in done.observed:
        seen = counts.get(o.declaration_set_id)
        best = max(o.n_observed, seen.observed if seen else 0)
        counts[o.declaration_set_id] = ParcelCount(str(o.year), best, o.n_parcels)
    return list(counts.values())
