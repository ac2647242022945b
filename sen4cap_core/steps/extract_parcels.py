"""Observations of the season's earlier scenes, for declarations that came after them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sen4cap_core.db import scenes as scene_rows
from sen4cap_core.db import sites as site_rows
from sen4cap_core.db.models import DeclarationSet
from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.process_scene import process_scene
from sen4cap_core.steps.work import NDVI_GROUP, ask_mowing

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backfill:
    """What a backfill did."""

    site: str
    year: int
    declaration_set_id: int
    n_scenes: int
    n_from_raster: int
    unreadable: list[str]
    """Scenes whose files are gone or broken, with the reason."""


def extract_parcels(context: Context, declaration_set_id: int) -> Backfill:
    """Extract every earlier scene of the season for a declaration set, newest first.

    Each scene is committed by itself: a stop in the middle loses nothing, the next run takes up what is left.

    Raises
    ------
    NothingToDoError
        When the set is no longer in force, or no scene lacks its observations.
    """
    with context.session() as session:
        declaration_set = session.get(DeclarationSet, declaration_set_id)
        if declaration_set is None or declaration_set.valid_to is not None:
            raise NothingToDoError(f"declaration set {declaration_set_id} is no longer in force")
        scene_ids = scene_rows.scenes_without_observations(session, declaration_set, NDVI_GROUP)
        site = site_rows.site_by_id(session, declaration_set.site_id)
        slug, year, site_id = site.slug, declaration_set.year, site.id
    if not scene_ids:
        raise NothingToDoError(f"every scene of {slug} {year} has observations for these declarations")
    from_raster, unreadable = 0, []
    for number, scene_id in enumerate(scene_ids, start=1):
        try:
            done = process_scene(context.without_progress(), scene_id)
            from_raster += sum(observed.source == "cog" for observed in done.observed)
        except NothingToDoError as reason:
            # Somebody else did it meanwhile.
            logger.info("scene %s: %s", scene_id, reason)
        except BadUploadError as error:
            unreadable.append(str(error))
        context.progress(number / len(scene_ids))
    with context.session() as session:
        for season in site_rows.seasons_of(session, site_id, enabled_only=True):
            if season.year == year:
                ask_mowing(session, slug, season.id)
    return Backfill(slug, year, declaration_set_id, len(scene_ids), from_raster, unreadable)
