"""A scene is turned into what its site asks of it: rasters and parcel observations.

What is there already is not made again. How a scene is read depends on its sensor: one maker for each kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from sen4cap_core.db.acquired import scenes as scene_rows
from sen4cap_core.errors import BadUploadError, NothingToDoError, Sen4capError
from sen4cap_core.rasters.passes.scene_pass import NothingClearError
from sen4cap_core.steps.acquisitions.subject import ProcessedScene, Subject, find_subject, missing_sets
from sen4cap_core.steps.radar.observe import observe_radar
from sen4cap_core.steps.scenes.optical import make_optical
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.marker_asking import ask_markers_of_seasons
from sen4cap_core.steps.shared.practice_asking import ask_practices_of_season
from sen4cap_core.steps.shared.work import ask_extract, ask_mowing, ask_process

Maker = Callable[[Context, ProcessedScene], None]
"""Makes what ``done.subject`` lacks and notes it in ``done``; files first, then rows, as each step."""

MAKERS: dict[str, Maker] = {
    "s2": make_optical,
    "landsat": make_optical,
    "s1": observe_radar,
}
"""By the first part of the sensor, or the whole of it: ``s2`` for ``s2-l2a``."""


def process_scene(context: Context, scene: int | Subject) -> ProcessedScene:
    """Make the rasters and the observations that a scene still lacks.

    Parameters
    ----------
    scene : the scene's number, or the scene as ``find_subject`` found it

    Raises
    ------
    NothingToDoError
        When the scene is superseded, outside of every season, complete already, or shows no clear land at
        all: then it is marked as skipped with that reason.
    UnknownNumberError
        There is no such scene.
    UnreadableSceneError
        When a file of the scene cannot be read; the scene is marked as failed with the reason.
    """
    subject = scene if isinstance(scene, Subject) else find_subject(context, scene)
    done = ProcessedScene(subject, dict(subject.rasters))
    if subject.is_complete:
        _note_nothing_missing(context, subject)
    try:
        _maker_of(subject)(context, done)
    except BadUploadError as error:
        _note_failure(context, subject, error)
        raise
    except NothingClearError as reason:
        _note_nothing_clear(context, subject, reason)
        raise
    _note_done(context, done)
    return done


def _maker_of(subject: Subject) -> Maker:
    for name in (subject.sensor, subject.sensor.split("-")[0]):
        if name in MAKERS:
            return MAKERS[name]
    raise Sen4capError(f"{subject.product_id}: no step processes scenes of the sensor {subject.sensor!r}")


def _note_failure(context: Context, subject: Subject, error: BadUploadError) -> None:
    """Mark a scene as failed; an older product of the same acquisition is in force again."""
    with context.session() as session:
        scene_rows.mark_scene(session, subject.scene_id, "failed", reason=str(error))
        session.flush()
        in_force, _ = scene_rows.supersede(session, subject.site_id, subject.acquisition_key)
        if in_force.id != subject.scene_id:
            ask_process(session, subject.site, in_force.id, again=True)


def _note_nothing_clear(context: Context, subject: Subject, reason: NothingClearError) -> None:
    """Leave a scene out that shows no clear land: a raster and observations of nothing help nobody."""
    with context.session() as session:
        scene_rows.mark_scene(
            session,
            subject.scene_id,
            "skipped",
            reason=str(reason),
            clear_fraction=0.0,
            data_fraction=reason.data_fraction,
        )


def _note_done(context: Context, done: ProcessedScene) -> None:
    subject = done.subject
    with context.session() as session:
        scene_rows.mark_scene(
            session,
            subject.scene_id,
            "processed",
            clear_fraction=done.clear_fraction,
            data_fraction=done.data_fraction,
            lacking=done.lacking,
        )
        session.flush()
        # After a failure an older product was in force; now this one may be again.
        scene_rows.supersede(session, subject.site_id, subject.acquisition_key)
        if done.observed:
            for season_id in subject.season_ids:
                ask_mowing(session, subject.site, season_id)
                ask_practices_of_season(session, season_id)
            ask_markers_of_seasons(session, subject.site, subject.season_ids)
        # Declarations that came while the scene was being read.
        now = replace(subject, lacking=subject.lacking | frozenset(done.lacking))
        for missing in missing_sets(session, now, context.settings.data):
            ask_extract(session, subject.site, missing.set_id)


def _note_nothing_missing(context: Context, subject: Subject) -> NoReturn:
    with context.session() as session:
        scene_rows.mark_scene(session, subject.scene_id, "processed")
    raise NothingToDoError(
        f"{subject.product_id} has nothing to be made: it is complete, or there are no declarations yet, "
        "which extract it later"
    )
