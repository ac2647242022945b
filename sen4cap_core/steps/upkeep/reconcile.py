"""Find whatever no event announced, and ask for it again.

Everything here is also asked for by the step before it; this one closes the gaps that a crash leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sen4cap_core.db.acquired import radar as radar_rows
from sen4cap_core.db.acquired import scenes as scene_rows
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Site, Upload
from sen4cap_core.db.server.session import alone
from sen4cap_core.db.work import backlog, gaps
from sen4cap_core.db.work.leases import RunningJob
from sen4cap_core.files import sweep_partial
from sen4cap_core.inbox.register import register_all
from sen4cap_core.scenes.level1_drops import find_level_1
from sen4cap_core.steps.acquisitions.wanted import scenes_to_observe, scenes_without_rasters
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.leases import take_back_orphans
from sen4cap_core.steps.shared.work import (
    DETECT_MOWING,
    EXTRACT_PARCELS,
    PROCESS_SCENE,
    RECEIVE_UPLOAD,
    ask_extract,
    ask_ingest,
    ask_mowing,
    ask_preprocess,
    ask_process,
    ask_process_radar,
    ask_receive,
    work_key,
)

RECONCILE_LOCK = 0x5245434F4E
"""Key of the advisory lock: "RECON" in ASCII."""


@dataclass
class Gaps:
    """What was found missing and asked for."""

    orphans: list[RunningJob] = field(default_factory=list)
    """Jobs of dead processes; their flow runs are still to be marked."""
    files: int = 0
    uploads: int = 0
    scene_uploads: int = 0
    scenes: int = 0
    rasters: int = 0
    """Scenes that lack a raster which site.yaml asks for by now."""
    radar: int = 0
    """Radar acquisitions for which something new has come."""
    extractions: int = 0
    seasons: int = 0
    partial_files: int = 0
    waiting_uploads: int = 0
    """Uploads that wait to be received now: somebody must start the drain."""

    def counts(self) -> dict[str, int]:
        """Return what was found, by name, without what was not."""
        found = {name: value for name, value in vars(self).items() if isinstance(value, int) and value}
        return found | ({"orphans": len(self.orphans)} if self.orphans else {})


def reconcile_alone(context: Context) -> Gaps | None:
    """Reconcile unless another process is at it: None then."""
    with alone(context.engine, RECONCILE_LOCK) as is_alone:
        return reconcile(context) if is_alone else None


def reconcile(context: Context) -> Gaps:
    """Look everywhere; every gap found is turned into a waiting job."""
    found = Gaps(orphans=take_back_orphans(context))
    with context.session() as session:
        failed = gaps.failed_keys(session)
        for upload_id, slug in gaps.uploads_without_job(session):
            ask_receive(session, slug, upload_id)
            found.uploads += 1
        for upload_id, slug in gaps.scene_uploads_without_scene(session):
            if find_level_1(Path(session.get_one(Upload, upload_id).path)) is not None:
                # Its scene comes with its correction; one that failed waits for a person.
                found.scene_uploads += ask_preprocess(session, slug, upload_id)
                continue
            ask_ingest(session, slug, upload_id)
            found.scene_uploads += 1
        for scene, slug in scene_rows.unprocessed_scenes(session):
            found.scenes += ask_process(session, slug, scene.id)
        for number, slug, kind in radar_rows.acquisitions_to_look_at(session):
            found.radar += ask_process_radar(session, slug, number, kind)
        for declaration_set in declaration_rows.current_sets(session):
            if work_key(EXTRACT_PARCELS, declaration_set.id) in failed:
                continue
            if scenes_to_observe(session, declaration_set):
                slug = session.get_one(Site, declaration_set.site_id).slug
                found.extractions += ask_extract(session, slug, declaration_set.id)
        for site in site_rows.enabled_sites(session):
            for scene_id in scenes_without_rasters(session, site):
                if work_key(PROCESS_SCENE, scene_id) not in failed:
                    found.rasters += ask_process(session, site.slug, scene_id, again=True)
        for season_id, slug in gaps.seasons_to_evaluate(session):
            if work_key(DETECT_MOWING, season_id) not in failed:
                found.seasons += ask_mowing(session, slug, season_id)
    # Last, since it walks the folders: the gaps in the tables are closed whatever lies in the uploads.
    found.files = register_all(context.settings, context.engine)
    found.partial_files = len(sweep_partial(context.settings.data))
    with context.session() as session:
        found.waiting_uploads = backlog.due(session, [RECEIVE_UPLOAD])
    return found
