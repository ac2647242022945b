"""Observations of the season's earlier scenes, for declarations that came after them."""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.work import backlog
from sen4cap_core.db.work.numbers import known_set
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.steps.acquisitions.wanted import scenes_to_observe
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.practice_asking import ask_practices_of_year
from sen4cap_core.steps.shared.work import INGEST_SCENE, PROCESS_SCENE, ask_extract, ask_markers, ask_mowing

logger = logging.getLogger(__name__)

LOOK_EVERY_SCENES = 10


@dataclass(frozen=True)
class Backfill:
    """What a backfill did."""

    site: str
    year: int
    declaration_set_id: int
    n_scenes: int
    n_from_raster: int
    """Scenes whose own files were not read."""
    n_values: int
    """Parcel values that were read, over all scenes."""
    n_carried_over: int
    """Parcel values taken from an earlier version of the declarations, since the pixels are the same."""
    unreadable: list[str]
    """Scenes whose files are gone or broken, with the reason."""


def extract_parcels(context: Context, declaration_set_id: int) -> Backfill:
    """Extract every earlier scene of the season for a declaration set, newest first.

    A backfill makes room for scenes that are dropped meanwhile and goes on behind them.
    Each scene is committed by itself: a stop in the middle loses nothing, the next run takes up what is left.

    Raises
    ------
    NothingToDoError
        When the set is no longer in force, or no scene lacks its observations.
    UnknownNumberError
        There is no such set.
    """
    with context.session() as session:
        declaration_set = known_set(session, declaration_set_id)
        if declaration_set.valid_to is not None:
            raise NothingToDoError(f"declaration set {declaration_set_id} is no longer in force")
        scene_ids = scenes_to_observe(session, declaration_set)
        site = site_rows.site_by_id(session, declaration_set.site_id)
        slug, year, site_id = site.slug, declaration_set.year, site.id
    if not scene_ids:
        raise NothingToDoError(f"every scene of {slug} {year} has observations for these declarations")
    from_raster, values, carried_over, unreadable = 0, 0, 0, []
    for number, scene_id in enumerate(scene_ids, start=1):
        try:
            done = process_scene(context.without_progress(), scene_id)
            from_raster += bool(done.observed) and all(o.source == "cog" for o in done.observed)
            values += sum(observed.n_extracted for observed in done.observed)
            carried_over += sum(observed.n_carried_over for observed in done.observed)
        except NothingToDoError as reason:
            # Somebody else did it meanwhile.
            logger.info("scene %s: %s", scene_id, reason)
        except (Sen4capError, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            # One scene that is gone or broken does not keep the others from being extracted.
            unreadable.append(f"scene {scene_id}: {error}")
        context.progress(number / len(scene_ids))
        if number % LOOK_EVERY_SCENES == 0 and _must_give_way(context, slug, declaration_set_id):
            break
    with context.session() as session:
        for season in site_rows.seasons_of(session, site_id, enabled_only=True):
            if season.year == year:
                ask_mowing(session, slug, season.id)
        ask_practices_of_year(session, site_rows.site_by_id(session, site_id), year)
        ask_markers(session, slug, year)
    return Backfill(slug, year, declaration_set_id, number, from_raster, values, carried_over, unreadable)


def _must_give_way(context: Context, slug: str, declaration_set_id: int) -> bool:
    """Whether a fresh scene waits: it goes first, and the backfill is asked for again behind it."""
    with context.session() as session:
        if not backlog.due(session, [INGEST_SCENE, PROCESS_SCENE]):
            return False
        ask_extract(session, slug, declaration_set_id)
        return True
