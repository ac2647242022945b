"""The warm process: scene work runs here, since an interpreter start costs more than a small scene.

The job table says what is to be done; each job is a flow run of its own in this process. More of these
processes, on this or other machines over the same database and data root, share the work by claiming.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from prefect import State
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.classify_crops import classify_crops
from flows.composite_optical import composite_optical
from flows.composite_radar import composite_radar
from flows.detect_mowing import detect_mowing
from flows.extract_parcels import extract_parcels
from flows.fetch_scene import fetch_scene
from flows.ingest_scene import ingest_scene
from flows.monitor_practices import monitor_practices
from flows.plan_seasons import plan_seasons as plan_seasons_flow
from flows.preprocess_scene import preprocess_scene
from flows.process_radar import process_grd, process_slc
from flows.process_scene import process_scene
from flows.reconcile import reconcile_now, summary_of
from flows.runtime import current_work, mark_crashed
from flows.search_sources import search_sources
from sen4cap_core import redaction
from sen4cap_core.db import jobs
from sen4cap_core.db.jobs import ClaimedJob
from sen4cap_core.db.session import transact
from sen4cap_core.errors import BadUploadError
from sen4cap_core.external.running import ExternalProgramError
from sen4cap_core.service.alerts import tell
from sen4cap_core.service.connection import open_step_context
from sen4cap_core.service.place import Place
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.correction_order import corrections_in_turn
from sen4cap_core.steps.leases import claim_next, keep_leases, new_owner, take_back_orphans
from sen4cap_core.steps.plan_seasons import plan_seasons
from sen4cap_core.steps.preprocess_scene import corrector_of
from sen4cap_core.steps.usage import measured, sample_machine
from sen4cap_core.steps.warnings import look_for_warnings
from sen4cap_core.steps.work import (
    CLASSIFY_CROPS,
    COMPOSITE_OPTICAL,
    COMPOSITE_RADAR,
    DETECT_MOWING,
    EXTRACT_PARCELS,
    FETCH_SCENE,
    INGEST_SCENE,
    LONG_WORK,
    MONITOR_PRACTICES,
    PREPROCESS_SCENE,
    PROCESS_GRD,
    PROCESS_SCENE,
    PROCESS_SLC,
    SCENE_WORK,
    SEARCH_SOURCES,
    SEASON_WORK,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

logger = logging.getLogger(__name__)

FLOWS: dict[str, Callable[..., Any]] = {
    INGEST_SCENE: ingest_scene,
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
    SEARCH_SOURCES: search_sources,
}

LOOK_SECONDS = 0.5
"""Pause before looking again when nothing is due: one small query."""
FETCH_LOOK_SECONDS = 3.0
"""The same where nobody waits by the second."""
LONG_LOOK_SECONDS = 15.0
"""The same for what takes minutes."""
AWAY_SECONDS = 5.0
"""Pause when the database or the Prefect server is away."""
PLAN_SECONDS = 60.0
"""How often the calendars of the seasons are looked at: a few queries for each site, no flow run."""
ORPHAN_SECONDS = 15.0
"""How often jobs of dead processes are looked for."""
RETRY_SECONDS = 20.0
"""Pause before a failed job is tried again, times the tries so far: a disk may need a moment."""
STOP_SECONDS = 8.0
"""How long a stop waits for the jobs in hand; what is not done then is taken up again at the next start."""
LONGEST_WAIT_SECONDS = 900.0
"""After so long a season is evaluated although scenes of its site are still to come."""
UNREADABLE_TRIES = 2
"""A scene that cannot be read is looked at once more: a network folder may have been away for a moment."""
CORRECTION_TRIES = 3
"""A correction that failed for a reason that may pass is tried so often, a day apart."""
INGEST_BATCH = 50
"""Uploads registered in one run: a run costs half a second of a core, a registration a hundredth."""
RECYCLE_AFTER_JOBS = 2000
"""Then the process ends and is started anew, so that memory cannot creep over a season."""


RECONCILE_SECONDS = 300.0
"""How often files, rows and jobs are compared: in this process, since an interpreter of its own would be the
dearest thing that an idle installation does."""


TakeWork = Callable[[Context, str], list[ClaimedJob]]
"""Claims what a slot does next, for an owner; empty when nothing is due."""


@dataclass(frozen=True)
class Hand:
    """What one thread does."""

    name: str
    take: TakeWork
    kinds: tuple[str, ...]
    """Jobs it looks for."""
    pause_s: float
    """Before it looks again when nothing is due."""


class WarmWorker:
    """Claims jobs and runs their flows, a thread per slot, until told to stop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stop = threading.Event()
        self._jobs_left = RECYCLE_AFTER_JOBS
        self._owners: list[str] = []

    def run(self) -> None:
        """Work until ``stop``."""
        settings = self._context.settings
        # Fetching waits for the network, so it has hands of its own: it holds no scene up.
        hands = [Hand("slot", _next_work, (*SCENE_WORK, *SEASON_WORK), LOOK_SECONDS)] * settings.scene_slots
        fetch = Hand("fetch", _next_fetch, (SEARCH_SOURCES, FETCH_SCENE), FETCH_LOOK_SECONDS)
        hands += [fetch] * settings.fetch_slots
        hands.append(Hand("long", _next_long, LONG_WORK, LONG_LOOK_SECONDS))
        if corrector_of(settings) is not None:
            # A correction takes an hour and threads of its own.
            hands.append(Hand("correct", _next_correction, (PREPROCESS_SCENE,), FETCH_LOOK_SECONDS))
        slots = [
            threading.Thread(target=self._slot, args=(hand,), name=f"{hand.name}-{number}", daemon=True)
            for number, hand in enumerate(hands)
        ]
        slots.append(threading.Thread(target=self._plan, name="plan", daemon=True))
        slots.append(threading.Thread(target=self._reconcile, name="reconcile", daemon=True))
        for thread in slots:
            thread.start()
        while not self._stop.is_set():
            self._look_for_orphans()
            self._stop.wait(ORPHAN_SECONDS)
        for thread in slots:
            thread.join(timeout=STOP_SECONDS)
        self._give_back()

    def stop(self, *_: object) -> None:
        """Claim no more; also a signal handler."""
        self._stop.set()

    def _slot(self, hand: Hand) -> None:
        # Prefect's sign of life is a thread that sleeps by the second, and a run ends when it wakes: 1.1 s in
        # place of 0.1. Here the lease tells who lives.
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            self._work_off(hand)

    def _give_back(self) -> None:
        """Let what is still in hand wait again at once; a clean stop is no failed try."""
        try:
            with self._context.session() as session:
                for owner in self._owners:
                    jobs.release_owned(session, owner)
        except Exception:
            logger.warning("could not give jobs back: their leases do it", exc_info=True)

    def _work_off(self, hand: Hand) -> None:
        owner = new_owner()
        self._owners.append(owner)
        while not self._stop.is_set():
            try:
                work = hand.take(self._context, owner) if self._is_due(hand.kinds) else []
                if not work:
                    self._stop.wait(hand.pause_s)
                    continue
                run_work(self._context, work)
            except Exception:
                # The database or the Prefect server is away: the job's lease brings it back.
                logger.warning("cannot work at the moment, trying again", exc_info=True)
                self._stop.wait(AWAY_SECONDS)
                continue
            self._jobs_left -= len(work)
            if self._jobs_left <= 0:
                logger.info("%s jobs done: making room for a fresh process", RECYCLE_AFTER_JOBS)
                self.stop()

    def _is_due(self, kinds: tuple[str, ...]) -> bool:
        """Look whether anything may be due: one query in the place of those that choose and claim."""
        with self._context.session() as session:
            return jobs.due(session, kinds) > 0

    def _reconcile(self) -> None:
        """Find now and then what no event announced."""
        while not self._stop.wait(RECONCILE_SECONDS):
            try:
                found = reconcile_now(self._context)
                if found is not None and found.counts():
                    logger.info("reconcile: %s", summary_of(found))
            except Exception:
                logger.warning("could not reconcile: tried again in five minutes", exc_info=True)

    def _plan(self) -> None:
        """Look at the calendars now and then; only what changes them becomes a flow run with a page."""
        api_url = Place(self._context.settings).prefect_api_url()
        while not self._stop.wait(PLAN_SECONDS):
            try:
                sample_machine(self._context)
                look_for_warnings(self._context, partial(tell, api_url))
                for site in sorted(plan_seasons(self._context).sites_changed):
                    plan_seasons_flow(site, return_state=True)
            except Exception:
                logger.warning("could not plan: tried again in a minute", exc_info=True)

    def _look_for_orphans(self) -> None:
        try:
            mark_crashed(take_back_orphans(self._context))
        except Exception:
            logger.warning("could not look for jobs of dead processes", exc_info=True)


def _next_fetch(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim a transfer, or the search that finds what is to be transferred."""
    job = claim_next(context, [SEARCH_SOURCES, FETCH_SCENE], owner)
    return [job] if job else []


def _next_long(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim what takes minutes over a whole season, when no scene work of its site is left."""
    for kind in LONG_WORK:
        with context.session() as session:
            quiet = jobs.quiet_sites(session, kind, (*SCENE_WORK, FETCH_SCENE), LONGEST_WAIT_SECONDS)
        job = claim_next(context, [kind], owner, site_slug=quiet[0]) if quiet else None
        if job is not None:
            return [job]
    return []


def _next_correction(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim the Level-1 product whose turn it is to be corrected."""
    for key in corrections_in_turn(context):
        job = claim_next(context, [PREPROCESS_SCENE], owner, key=key)
        if job is not None:
            return [job]
    return []


def _next_work(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim what is to be done next: one job, or a burst of uploads of one site to be registered in one run.

    A season is evaluated when no scene work of its site is left, so a burst is evaluated once; an evaluation
    takes seconds and goes before the scenes of other sites.
    """
    job = None
    for kind in SEASON_WORK:
        with context.session() as session:
            quiet = jobs.quiet_sites(session, kind, (*SCENE_WORK, FETCH_SCENE), LONGEST_WAIT_SECONDS)
        job = job or (claim_next(context, [kind], owner, site_slug=quiet[0]) if quiet else None)
    job = job or claim_next(context, SCENE_WORK, owner)
    if job is None:
        return []
    if job.kind != INGEST_SCENE:
        return [job]
    with context.session() as session:
        others = jobs.claim(
            session,
            [INGEST_SCENE],
            owner,
            context.settings.lease_seconds,
            INGEST_BATCH - 1,
            max_attempts=context.settings.max_attempts,
            site_slug=job.site_slug,
        )
    return [job, *others]


def run_work(context: Context, work: list[ClaimedJob]) -> None:
    """Run the flow of some jobs of one kind and write down how each ended.

    A flow that could not even be started (no Prefect server) gives the jobs back; the try does not count.
    """
    kind = work[0].kind
    parameters = work[0].payload
    if kind == INGEST_SCENE:
        parameters = {"upload_ids": [job.payload["upload_id"] for job in work]}
    token = current_work.set(work)
    try:
        with keep_leases(context, work), measured(context, work):
            state: State[Any] = FLOWS[kind](**parameters, return_state=True)
    except Exception:
        with context.session() as session:
            for job in work:
                jobs.release(session, job.id, job.owner, delay_seconds=AWAY_SECONDS)
        raise
    finally:
        current_work.reset(token)
    reasons: dict[int, str | None] = {}
    if kind == INGEST_SCENE and state.is_completed():
        reasons = state.result()
    for job in work:
        _write_down(context, job, state, reasons.get(job.payload.get("upload_id", 0)))


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
        jobs.fail(session, job.id, job.owner, str(reason), flow_run_id=run_id)
        return
    if state.name == "Skipped":
        jobs.skip(session, job.id, job.owner, state.message or "nothing to do", flow_run_id=run_id)
        return
    error = state.result(raise_on_failure=False)
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


def main() -> None:
    """Work until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    redaction.install()
    worker = WarmWorker(open_step_context())
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, worker.stop)
    worker.run()


if __name__ == "__main__":
    main()
