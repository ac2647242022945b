"""Register the acquisitions of an upload: one row per scene and tile, newest baseline in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core.db import scenes as scene_rows
from sen4cap_core.db import sites as site_rows
from sen4cap_core.db.models import SceneRow, Site, Upload
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.scenes.model import Scene
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.work import ask_process

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class IngestedScene:
    """What became of one acquisition of an upload."""

    scene_id: int
    product_id: str
    tile: str
    acquired: str
    outcome: str
    """to be processed, superseded, waiting for a season, outside of the site's tiles"""


def scene_values(scene: Scene, upload_id: int | None) -> dict[str, object]:
    """Return the columns of a scene's row."""
    return {
        "upload_id": upload_id,
        "product_id": scene.product_id,
        "sensor": scene.sensor,
        "platform": scene.platform,
        "acquired_at": scene.acquired_at,
        "tile": scene.tile,
        "acquisition_key": scene.acquisition_key,
        "baseline": scene.baseline,
        "generated_at": scene.generated_at,
        "relative_orbit": scene.relative_orbit,
        "format": scene.format,
        "path": str(scene.path),
    }


@dataclass(frozen=True)
class IngestReport:
    """What became of a batch of uploads."""

    site: str
    scenes: list[IngestedScene]
    faults: dict[int, Exception]
    """Uploads nothing could be registered of, with the reason."""


def ingest_scenes(context: Context, upload_ids: Sequence[int]) -> IngestReport:
    """Register the acquisitions of several uploads; one that cannot be read does not stop the others."""
    site = ""
    scenes: list[IngestedScene] = []
    faults: dict[int, Exception] = {}
    for number, upload_id in enumerate(upload_ids, start=1):
        try:
            site, found = ingest_scene(context, upload_id)
            scenes += found
        except (Sen4capError, OSError, ValueError) as error:
            # Whatever is wrong with one upload of a burst is nothing to the others.
            faults[upload_id] = error
        context.progress(number / len(upload_ids))
    return IngestReport(site, scenes, faults)


def ingest_scene(context: Context, upload_id: int) -> tuple[str, list[IngestedScene]]:
    """Register all acquisitions of an upload and ask for those in force to be processed.

    Returns the site's folder name and what became of each acquisition.

    Raises
    ------
    NothingToDoError
        When the upload does not exist or is no longer there to be read.
    """
    with context.session() as session:
        upload = session.get(Upload, upload_id)
        if upload is None:
            raise NothingToDoError(f"upload {upload_id} does not exist")
        path, slug = Path(upload.path), upload.site_slug
    if not path.exists():
        raise NothingToDoError(f"{path} is gone: drop the scene again")
    scenes = open_scenes(path)
    with context.session() as session:
        return slug, [_register(session, slug, upload_id, scene) for scene in scenes]


def _register(session: Session, slug: str, upload_id: int, scene: Scene) -> IngestedScene:
    site = site_rows.get_or_create_site(session, slug)
    before = scene_rows.known_scene(session, site.id, scene.product_id, scene.tile)
    # The same product in the same format with other content is a corrected one; a zip of it is not.
    is_corrected = before is not None and before.format == scene.format and before.upload_id != upload_id
    row = scene_rows.register_scene(session, site, scene_values(scene, upload_id), scene.footprint_wkt)
    if is_corrected and row.state == "processed":
        scene_rows.forget_results(session, row)
    newest, _ = scene_rows.supersede(session, site.id, scene.acquisition_key)
    outcome = _outcome(session, site, newest, row)
    if outcome == "to be processed":
        ask_process(session, slug, newest.id, again=row.state != "processed")
    return IngestedScene(row.id, row.product_id, row.tile, f"{scene.acquired_at:%Y-%m-%d %H:%M}", outcome)


def _outcome(session: Session, site: Site, newest: SceneRow, row: SceneRow) -> str:
    if newest.id != row.id:
        return f"superseded by {newest.product_id}"
    if site.tiles and row.tile not in site.tiles:
        scene_rows.mark_scene(session, row.id, "skipped", reason=f"tile {row.tile} is not one of the site's")
        return f"outside of the site's tiles ({', '.join(site.tiles)})"
    if not site.enabled:
        return "waiting: the site is paused"
    if not site_rows.seasons_on(session, site.id, row.acquired_at.date()):
        return "waiting for a season that covers its date"
    return "to be processed"
