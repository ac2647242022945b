"""The flow of claimed jobs is run, and how each ended is written down."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from prefect import State

from flows.classify_crops import classify_crops
from flows.composite_optical import composite_optical
from flows.composite_radar import composite_radar
from flows.detect_mowing import detect_mowing
from flows.export_markers import export_markers, update_markers
from flows.extract_parcels import extract_parcels
from flows.fetch_scene import fetch_scene
from flows.fetch_scenes import fetch_scenes
from flows.ingest_scene import ingest_scene
from flows.monitor_practices import monitor_practices
from flows.preprocess_scene import preprocess_scene
from flows.process_radar import process_grd, process_slc
from flows.process_scene import process_scene
from flows.process_scenes import process_scenes
from flows.runtime import current_work, mark_crashed
from flows.search_sources import search_sources
from sen4cap_core.db.server.session import transact
from sen4cap_core.db.work import jobs
from sen4cap_core.db.work.jobs import ClaimedJob
from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.external.running import ExternalProgramError
from sen4cap_core.steps.scenes.ingest import NothingRegisteredError
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.leases import keep_leases
from sen4cap_core.steps.shared.work import (
    CLASSIFY_CROPS,
    COMPOSITE_OPTICAL,
    COMPOSITE_RADAR,
    DETECT_MOWING,
    EXPORT_MARKERS,
    EXTRACT_PARCELS,
    FETCH_SCENE,
    INGEST_SCENE,
    MONITOR_PRACTICES,
    PREPROCESS_SCENE,
    PROCESS_GRD,
    PROCESS_SCENE,
    PROCESS_SLC,
    SEARCH_SOURCES,
    UPDATE_MARKERS,
)
from sen4cap_core.steps.upkeep.usage import measured

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FLOWS_OF_ONE: dict[str, Callable[..., Any]] = {
    PROCESS_SCENE: process_scene,
    EXTRACT_PARCELS: extract_parcels,
    FETCH_SCENE: fetch_scene,
    PREPROCESS_SCENE: preprocess_scene,
    PROCESS_GRD: process_grd,
    PROCESS_SLC: process_slc,
    DETECT_MOWING: detect_mowing,
    MONITOR_PRACTICES: monitor_practices,
    CLASSIFY_CROPS: classify_crops,
    COMPOSITE_RADAR: composite_radar,
    COMPOSITE_OPTICAL: composite_optical,
    EXPORT_MARKERS: export_markers,
    SEARCH_SOURCES: search_sources,
    UPDATE_MARKERS: update_markers,
}

AWAY_SECONDS = 5.0
"""Pause when the database or the Prefect server is away."""
RETRY_SECONDS = 20.0
"""Pause before a failed job is tried again, times the tries so far: a disk may need a moment."""
UNREADABLE_TRIES = 2
"""A scene that cannot be read is looked at once more: a network folder may have been away for a moment."""
CORRECTION_TRIES = 3
"""A correction that failed for a reason that may pass is tried so often, a day apart."""


def run_work(context: Context, work: list[ClaimedJob]) -> None:
    """Run the flow of some jobs of one kind and write down how each ended.

    A flow that could not even be started (no Prefect server) gives the jobs back; the try does not count.
    """
    flow, parameters = _flow_of(work)
    token = current_work.set(work)
    try:
        with keep_leases(context, work), measured(context, work):
            mark_crashed(job.left_run for job in work)
            state: State[Any] = flow(**parameters, return_state=True)
    except Exception:
        with context.session() as session:
            for job in work:
                jobs.release(session, job.id, job.owner, delay_seconds=AWAY_SECONDS)
        raise
    finally:
        current_work.reset(token)
    reasons: dict[object, str | None] = {}
    if state.is_completed() and flow in (ingest_scene, process_scenes, fetch_scenes):
        reasons = state.result()
    for job in work:
        _write_down(context, job, state, reasons.get(_subject_of(job)))


def _flow_of(work: list[ClaimedJob]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return the flow of one job, or that of several of one kind, and its parameters."""
    first = work[0]
    if first.kind == INGEST_SCENE:
        return ingest_scene, {"upload_ids": [job.payload["upload_id"] for job in work]}
    if len(work) > 1 and first.kind == FETCH_SCENE:
        keys = [job.payload["acquisition_key"] for job in work]
        return fetch_scenes, {"site_id": first.payload["site_id"], "acquisition_keys": keys}
    if len(work) > 1:
        return process_scenes, {"scene_ids": [job.payload["scene_id"] for job in work]}
    return FLOWS_OF_ONE[first.kind], first.payload


def _subject_of(job: ClaimedJob) -> object:
    """Return what a run of several jobs names each of them by."""
    names = ("upload_id", "scene_id", "acquisition_key")
    return next((job.payload[name] for name in names if name in job.payload), None)


def _write_down(context: Context, job: ClaimedJob, state: State[Any], reason: str | None) -> None:
    """Write down how a job ended; ``reason`` tells why this one of a burst came to nothing.

    Tried again while the database restarts: work that was done is not to be done anew for want of a row.
    """
    transact(context.engine, partial(_write, context, job, state, reason))


def _write(
    context: Context, job: ClaimedJob, state: State[Any], reason: str | None, session: Session
) -> None:
    run_id = str(state.state_details.flow_run_id) if state.state_details.flow_run_id else None
    if state.is_completed() and reason is None:
        jobs.finish(session, job.id, job.owner, flow_run_id=run_id)
        return
    if state.is_completed():
        # One of several scenes has its second try at once, in a run of its own; a source gets a pause.
        again_s = {PROCESS_SCENE: 0.0, FETCH_SCENE: RETRY_SECONDS}.get(job.kind)
        jobs.fail(session, job.id, job.owner, str(reason), again_s, flow_run_id=run_id)
        return
    if state.name == "Skipped":
        jobs.skip(session, job.id, job.owner, state.message or "nothing to do", flow_run_id=run_id)
        return
    error = state.result(raise_on_failure=False)
    if isinstance(error, NothingRegisteredError):
        error = error.faults[job.payload["upload_id"]]
        if isinstance(error, NothingToDoError):
            jobs.skip(session, job.id, job.owner, str(error), flow_run_id=run_id)
            return
    # A file that is wrong stays wrong; everything else may be better in a while.
    is_file = isinstance(error, BadUploadError)
    tries = UNREADABLE_TRIES if is_file else context.settings.max_attempts
    pause_s = RETRY_SECONDS * job.attempts
    if isinstance(error, ExternalProgramError):
        tries = 1 if error.final else CORRECTION_TRIES
        pause_s = context.settings.level_2a_retry_hours * 3600.0
    jobs.fail(
        session,
        job.id,
        job.owner,
        f"{type(error).__name__}: {error}",
        pause_s,
        max_attempts=tries,
        flow_run_id=run_id,
    )
