"""Register the acquisitions of a dropped scene."""

from __future__ import annotations

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.tables import markdown_table
from sen4cap_core.steps.ingest_scene import IngestedScene
from sen4cap_core.steps.ingest_scene import ingest_scene as run_step


@flow(name="ingest-scene")
def ingest_scene(upload_id: int) -> list[int] | State[None]:
    """Register every acquisition of an upload; those in force are queued for processing.

    Parameters
    ----------
    upload_id : number of the upload, as its receipt states it.
    """
    context = step_context()
    try:
        site, scenes = run_step(context, upload_id)
    except NothingToDoError as reason:
        return skipped(reason)
    first = scenes[0]
    name_run(f"ingest-scene {first.tile} {first.acquired[:10]}", scope_tags(site, tile=first.tile))
    show(artifact_key("ingest", first.product_id), _table(scenes), f"Acquisitions of upload {upload_id}")
    return [scene.scene_id for scene in scenes]


def _table(scenes: list[IngestedScene]) -> str:
    return markdown_table(
        ["scene", "product", "tile", "acquired (UTC)", "what becomes of it"],
        [[str(s.scene_id), s.product_id, s.tile, s.acquired, s.outcome] for s in scenes],
    )
