"""Correct a Level-1C product to Level-2A with the operator's own program."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import name_run, scope_tags, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.steps.scenes.preprocess import preprocess_scene as run_step


@flow(name="preprocess-scene")
def preprocess_scene(upload_id: int) -> dict[str, Any] | State[None]:
    """Correct an uploaded Level-1C product by MAJA or Sen2Cor; what it wrote is queued for processing.

    Args:
        upload_id: number of the upload, as its receipt states it.
    """
    try:
        done = run_step(step_context(), upload_id)
    except NothingToDoError as reason:
        return skipped(reason)
    tile = done.scenes[0].tile if done.scenes else None
    name_run(f"preprocess-scene {done.path.name}", scope_tags(done.site, tile=tile))
    return {
        "program": done.program,
        "product": done.path.name,
        "scenes": {scene.scene_id: scene.outcome for scene in done.scenes},
    }
